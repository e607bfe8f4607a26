//! The description of the API (OpenAPI 3.1), made from the table of operations and the descriptors of the kinds, so
//! that it cannot say anything else than what runs. It is committed as `openapi.json` and served as that; a test
//! compares both. The command line is generated from it.

mod described;
mod live;
mod operation;
mod schema;
pub(crate) mod words;

use serde_json::{Map, Value, json};

use crate::answer::{Content, Full, Reply};
use crate::call::Call;
use crate::error::ApiError;
use crate::route_tree::ALL;
use crate::unbuilt;

/// The committed document.
pub const DOCUMENT: &str = include_str!("../../openapi.json");

/// `GET /adit/openapi.json`.
pub(crate) fn serve(_: &Call<'_>) -> Result<Reply, ApiError> {
    let mut full = Full::done();
    full.status = http::StatusCode::OK;
    full.content = Content::Fixed("application/json; charset=utf-8", DOCUMENT);
    Ok(full.into())
}

/// The document as it follows from the code: what [`DOCUMENT`] has to be.
pub fn document() -> Value {
    let mut paths = Map::new();
    let mut schemas = schema::common();
    for route in ALL.iter().filter(|route| !unbuilt::is_unbuilt(route)) {
        let methods = paths.entry(route.path).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(methods) = methods {
            let method = route.method.as_str().to_ascii_lowercase();
            methods.insert(method, operation::describe(route, &mut schemas));
        }
    }
    // In an order that does not depend on the table's.
    paths.sort_keys();
    schemas.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Adit",
            "version": "2",
            "description": "The control plane of Adit. What is marked x-adit-addition is not part of the API that \
                ngrok's clients know.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "https://api.{base}", "variables": {"base": {"default": "adit.example.com"}}}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": operation::parameters(),
            "securitySchemes": {"key": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key.",
            }},
        },
    })
}
