//! Every answer of this suite is held to the description that the API serves: its status is described, its fields are
//! those of the schema and have their types, and whatever is refused is refused in the one form of errors.

use std::sync::LazyLock;

use adit_api::openapi;
use http::{HeaderValue, Method};
use serde_json::Value;

use crate::place::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi::document);

/// Fails on an answer to this request that is not as described.
#[track_caller]
pub(crate) fn check(method: &Method, host: Option<&HeaderValue>, path: &str, answer: &Answer) {
    // The dashboard's host has the same operations at another place.
    let is_dashboard = host.is_some_and(|host| host.as_bytes().starts_with(b"dashboard."));
    let path = path.strip_prefix("/api").filter(|_| is_dashboard).unwrap_or(path);
    let place = format!("{method} {path}: {} {}", answer.status, answer.text);
    assert!(answer.header("ngrok-operation-id").starts_with("op_"), "{place}");
    let method = method.as_str().to_ascii_lowercase();
    let is_coded = !answer.header("content-encoding").is_empty();
    if is_coded || ["head", "options"].contains(&method.as_str()) {
        return;
    }
    let is_refusal = answer.status.is_client_error() || answer.status.is_server_error();
    if is_refusal {
        is_error(answer, &place);
    }
    // What is not in this release is not described, and nor is what does not exist.
    let Some(operation) = operation(&method, path) else {
        return;
    };
    let responses = &operation["responses"];
    let described = match &responses[answer.status.as_str()] {
        Value::Null if is_refusal => &responses["default"],
        of_status => of_status,
    };
    assert!(!described.is_null(), "its status is not described: {place}");
    let kind = answer.header("content-type").split(';').next().unwrap_or_default();
    match (&described["content"], answer.text.is_empty()) {
        (Value::Null, is_empty) => assert!(is_empty, "a body is not described: {place}"),
        (content, _) => {
            let content = &content[kind];
            assert!(!content.is_null(), "{kind:?} is not described: {place}");
            if kind == "application/json"
                && let Err(wrong) = fits(&content["schema"], &answer.json, "it")
            {
                panic!("{wrong}: {place}");
            }
        }
    }
}

/// All four keys, and only texts in the details.
fn is_error(answer: &Answer, place: &str) {
    let error = answer.json.as_object().unwrap_or_else(|| panic!("no object: {place}"));
    let mut keys: Vec<_> = error.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["details", "error_code", "msg", "status_code"], "{place}");
    assert_eq!(error["status_code"], answer.status.as_u16(), "{place}");
    assert!(answer.code().starts_with("ERR_"), "{place}");
    // Nothing that was to be filled in is left open.
    let is_filled = |text: &str| text.len() > 5 && !text.contains('{');
    assert!(error["msg"].as_str().is_some_and(is_filled), "{place}");
    let details = error["details"].as_object().unwrap();
    assert!(details.values().all(Value::is_string), "{place}");
    assert_eq!(details["operation_id"], answer.header("ngrok-operation-id"), "{place}");
    assert_eq!(
        answer.status == 401,
        !answer.header("www-authenticate").is_empty(),
        "{place}"
    );
}

/// The operation that a request is for.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let segments = |path: &str| path.trim_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
    let asked = segments(path);
    let is_for = |pattern: &str| {
        let pattern = segments(pattern);
        pattern.len() == asked.len() && pattern.iter().zip(&asked).all(|(p, a)| p.starts_with('{') || p == a)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    // A name goes before what stands for any.
    let (_, methods) = paths
        .filter(|(pattern, _)| is_for(pattern))
        .min_by_key(|(pattern, _)| pattern.matches('{').count())?;
    methods.get(method)
}

/// Whether a value is as a schema says, of which the words are understood that the document uses.
fn fits(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let wrong = |what: String| Err(format!("{at} is {value}: {what}"));
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| DOCUMENT.pointer(pointer));
        return fits(target.unwrap_or_else(|| panic!("{reference} leads nowhere")), value, at);
    }
    if let Some(all) = schema["oneOf"].as_array() {
        let fitting = all.iter().filter(|one| fits(one, value, at).is_ok()).count();
        return if fitting == 1 {
            Ok(())
        } else {
            wrong(format!("it is {fitting} of {schema}"))
        };
    }
    let is = |name: &Value| match name.as_str().unwrap_or_default() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    };
    let is_one = match &schema["type"] {
        Value::Null => true,
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    };
    if !is_one {
        return wrong(format!("its type is {}", schema["type"]));
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|choices| !choices.contains(value))
    {
        return wrong(format!("it may be {}", schema["enum"]));
    }
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap();
            let least = schema["minimum"].as_f64().is_none_or(|least| number >= least);
            let most = schema["maximum"].as_f64().is_none_or(|most| number <= most);
            if !(least && most) {
                return wrong("it is out of range".to_owned());
            }
        }
        Value::String(text) => {
            let most = schema["x-adit-max-bytes"].as_u64().unwrap_or(u64::MAX);
            if text.len() as u64 > most {
                return wrong(format!("it is longer than {most} bytes"));
            }
            if schema["format"] == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
                return wrong("it is no time".to_owned());
            }
        }
        Value::Array(items) => {
            if schema["maxItems"]
                .as_u64()
                .is_some_and(|most| items.len() as u64 > most)
            {
                return wrong("it is too long".to_owned());
            }
            for (n, item) in items.iter().enumerate() {
                fits(&schema["items"], item, &format!("{at}[{n}]"))?;
            }
        }
        Value::Object(object) => {
            for name in schema["required"].as_array().into_iter().flatten() {
                if !object.contains_key(name.as_str().unwrap()) {
                    return wrong(format!("{name} is missing"));
                }
            }
            for (name, value) in object {
                let inner = format!("{at}.{name}");
                match (&schema["properties"][name], &schema["additionalProperties"]) {
                    (Value::Null, Value::Null) if schema["properties"].is_null() => {}
                    (Value::Null, Value::Null | Value::Bool(false)) => {
                        return wrong(format!("{name} is not described"));
                    }
                    (Value::Null, Value::Bool(true)) => {}
                    (Value::Null, any) => fits(any, value, &inner)?,
                    (field, _) => fits(field, value, &inner)?,
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
    Ok(())
}
