//! `GET /adit/version`: what runs here. Needs no key.

use adit_names::VERSION;
use serde_json::json;

use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;

/// Answers it.
pub(crate) fn get(call: &Call<'_>) -> Result<Reply, ApiError> {
    Ok(Reply::Json(json!({
        "version": VERSION,
        "api_versions": ["2"],
        "uri": call.api.uri("/adit/version"),
    })))
}
