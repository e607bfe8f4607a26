//! Operations: what they take and what they answer.

use http::Method;
use serde_json::{Map, Value, json};

use super::described::{self, Answer, Described};
use super::schema::{self, Schemas, named};
use super::{live, words};
use crate::resource::Subject;
use crate::route_table::{Access, Route};

/// What can stand in queries, by name.
const QUERY: &[(&str, &str, &str)] = &[
    (
        "before_id",
        "string",
        "Only objects whose id is before this one, which need not exist any more.",
    ),
    (
        "dry_run",
        "boolean",
        "Check everything and answer as if it were done, but change nothing.",
    ),
    (
        "everywhere",
        "boolean",
        "Remove the user from the installation, not only from this organisation.",
    ),
    (
        "filter",
        "string",
        "Only objects for which this expression over obj is true.",
    ),
    ("force", "boolean", "Do it even if that locks you out."),
    ("id", "string", "Only objects with one of these ids."),
    ("limit", "integer", "Most objects of the page, 1 to 100."),
    ("user_id", "string", "Only of this user."),
    ("unset", "string", "Optional fields to clear, comma-separated."),
    ("url", "string", "Only objects with one of these URLs."),
    (
        "wait",
        "string",
        "applied: answer when every live node has applied the change, at the latest after 5 seconds.",
    ),
    ("object", "string", "Only entries about the object with this id."),
    ("actor", "string", "Only entries of this user, service user or subject."),
    ("from", "string", "Only entries of this time or later (RFC 3339)."),
    ("to", "string", "Only entries before this time (RFC 3339)."),
    (
        "since",
        "string",
        "Only what was signed at this time or later (RFC 3339).",
    ),
    ("format", "string", "ndjson or csv."),
    (
        "verify",
        "boolean",
        "The entries are asked for to verify them. The log has no entry about that; it has one about every other export.",
    ),
    ("confirm", "string", "The name of what is to be deleted."),
];
/// What the server adds beyond ngrok's API.
const ADDED: &[&str] = &[
    "dry_run",
    "unset",
    "wait",
    "force",
    "everywhere",
    "object",
    "actor",
    "from",
    "to",
    "since",
    "user_id",
];

/// Parameters that many operations share.
pub(super) fn parameters() -> Value {
    json!({
        "NgrokVersion": {
            "name": "Ngrok-Version",
            "in": "header",
            "required": true,
            "description": "Version of the API.",
            "schema": {"type": "string", "enum": ["2"]},
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Makes it safe to repeat the request: within 24 hours the same key gives the first answer.",
            "schema": {"type": "string", "maxLength": 255},
            "x-adit-addition": true,
        },
        "IfMatch": {
            "name": "If-Match",
            "in": "header",
            "required": false,
            "description": "Only if the object has this ETag.",
            "schema": {"type": "string"},
            "x-adit-addition": true,
        },
    })
}

/// The description of an operation; puts in the schemas that it uses.
pub(super) fn describe(route: &Route, schemas: &mut Schemas) -> Value {
    let described = match &route.subject {
        Some(subject) => of_kind(route, subject, schemas),
        None => described::of(route.operation, schemas),
    };
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), route.operation.into());
    operation.insert("tags".to_owned(), json!([described.tag]));
    operation.insert("summary".to_owned(), described.summary.into());
    let parameters = parameters_of(route);
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), parameters.into());
    }
    if let Some(body) = &described.body {
        let content = json!({"application/json": {"schema": named(body)}});
        operation.insert(
            "requestBody".to_owned(),
            json!({"required": described.needs_body, "content": content}),
        );
    }
    operation.insert("responses".to_owned(), responses(&described.answer));
    match route.access {
        Access::With(permission) => operation.insert("x-adit-permission".to_owned(), permission.into()),
        Access::Known => None,
        Access::Everybody => operation.insert("security".to_owned(), json!([])),
        Access::Browser => {
            operation.insert(
                "servers".to_owned(),
                json!([{"url": "https://dashboard.{base}/api",
                "variables": {"base": {"default": "adit.example.com"}}}]),
            );
            operation.insert("security".to_owned(), json!([]))
        }
    };
    if route.path.starts_with("/adit/") {
        operation.insert("x-adit-addition".to_owned(), true.into());
    }
    Value::Object(operation)
}

fn parameters_of(route: &Route) -> Vec<Value> {
    let mut parameters = Vec::new();
    for name in route.path.split('/').filter_map(|s| s.strip_prefix('{')) {
        let name = name.trim_end_matches('}');
        parameters.push(json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": "Which one.",
            "schema": {"type": "string"},
        }));
    }
    if !route.path.starts_with("/adit/") && !matches!(route.access, Access::Everybody | Access::Browser) {
        parameters.push(json!({"$ref": "#/components/parameters/NgrokVersion"}));
    }
    for (name, repeatable) in route.parameters {
        let known = QUERY.iter().find(|(n, ..)| n == name);
        let (kind, about) = known.map_or(("string", ""), |(_, kind, about)| (*kind, *about));
        let mut schema = json!({ "type": kind });
        if *name == "limit" {
            schema = json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 100});
        }
        if *repeatable {
            schema = json!({"type": "array", "items": schema});
        }
        let mut parameter =
            json!({"name": name, "in": "query", "required": false, "description": about, "schema": schema});
        if ADDED.contains(name) {
            parameter["x-adit-addition"] = true.into();
        }
        parameters.push(parameter);
    }
    if route.subject.is_some() {
        match route.method {
            Method::POST => parameters.push(json!({"$ref": "#/components/parameters/IdempotencyKey"})),
            Method::PATCH | Method::PUT | Method::DELETE => {
                parameters.push(json!({"$ref": "#/components/parameters/IfMatch"}));
            }
            _ => {}
        }
    }
    parameters
}

fn responses(answer: &Answer) -> Value {
    let with = |schema: &str| json!({"application/json": {"schema": named(schema)}});
    let (status, response) = match answer {
        Answer::Made(schema) => ("201", json!({"description": "It was made.", "content": with(schema)})),
        Answer::Shown(schema) => ("200", json!({"description": "As it is.", "content": with(schema)})),
        Answer::Done => ("204", json!({"description": "It is done."})),
        Answer::Free => (
            "200",
            json!({"description": "What was asked for.", "content": {"application/json": {"schema": {"type": "object"}}}}),
        ),
        Answer::Lines => (
            "200",
            json!({"description": "Lines.", "content": {"application/x-ndjson": {"schema": {"type": "string"}}}}),
        ),
        Answer::LinesOrTable => (
            "200",
            json!({"description": "Lines, or a table if that is the format.", "content": {
                "application/x-ndjson": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            }}),
        ),
    };
    json!({
        status: response,
        "default": {"description": "It was refused.", "content": with("Error")},
    })
}

/// An operation that all kinds have.
fn of_kind(route: &Route, subject: &Subject, schemas: &mut Schemas) -> Described {
    let shown = schema::shown(subject, schemas);
    let noun = subject.noun();
    let (summary, body, answer) = if route.operation.ends_with("List") {
        let page = schema::list(&shown, subject.list_key, schemas);
        (
            format!("List {}.", subject.list_key.replace('_', " ")),
            None,
            Answer::Shown(page),
        )
    } else {
        match route.method {
            Method::POST => {
                let body = schema::given(subject, true, schemas);
                (format!("Make one: {noun}."), Some(body), Answer::Made(shown))
            }
            Method::PATCH | Method::PUT => {
                let body = schema::given(subject, false, schemas);
                (
                    format!("Change one: {noun}. What is not given stays."),
                    Some(body),
                    Answer::Shown(shown),
                )
            }
            Method::DELETE => (format!("Delete one: {noun}."), None, Answer::Done),
            _ => (format!("Show one: {noun}."), None, Answer::Shown(shown)),
        }
    };
    Described {
        tag: words::in_commands(subject.operations),
        summary,
        needs_body: body.is_some() && route.method == Method::POST,
        body,
        answer,
    }
}

/// The schema of something live, put in where it is not yet.
pub(super) fn live_schema(name: &'static str, schemas: &mut Schemas) -> String {
    if !schemas.contains_key(name)
        && let Some(schema) = live::schema(name)
    {
        schemas.insert(name.to_owned(), schema);
    }
    name.to_owned()
}
