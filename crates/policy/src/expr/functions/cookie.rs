//! Cookies as values.

use super::super::scope::Scope;
use super::{Outcome, string};
use crate::value::Value;

/// A cookie of a request: attributes are there and empty, since samples read them.
pub(in super::super) fn request_cookie(name: &str, value: &str) -> Value {
    build(name, value, Attributes::default())
}

/// What reading an absent cookie gives.
pub(super) fn empty() -> Value {
    request_cookie("", "")
}

#[derive(Default)]
struct Attributes {
    domain: String,
    path: String,
    expires: String,
    max_age: i64,
    secure: bool,
    http_only: bool,
    same_site: String,
    unparsed: Vec<Value>,
}

fn build(name: &str, value: &str, attributes: Attributes) -> Value {
    Value::record([
        ("name", Value::from(name)),
        ("value", Value::from(value)),
        ("domain", Value::Text(attributes.domain)),
        ("path", Value::Text(attributes.path)),
        ("expires", Value::Text(attributes.expires)),
        (
            "max_age",
            Value::Duration(attributes.max_age.saturating_mul(1_000_000_000)),
        ),
        ("secure", Value::Bool(attributes.secure)),
        ("http_only", Value::Bool(attributes.http_only)),
        ("same_site", Value::Text(attributes.same_site)),
        ("unparsed_attributes", Value::List(attributes.unparsed)),
    ])
}

/// A `Set-Cookie` field: name, length of the path, the cookie.
pub(in super::super) fn set_cookie(field: &str) -> Option<(String, usize, Value)> {
    let mut parts = field.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let mut found = Attributes::default();
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (key, value) = (key.trim(), value.trim());
        match key.to_ascii_lowercase().as_str() {
            "" => {}
            "domain" => value.clone_into(&mut found.domain),
            "path" => value.clone_into(&mut found.path),
            "expires" => value.clone_into(&mut found.expires),
            "max-age" => found.max_age = value.parse().unwrap_or(0),
            "secure" => found.secure = true,
            "httponly" => found.http_only = true,
            "samesite" => value.clone_into(&mut found.same_site),
            _ => found.unparsed.push(Value::from(part.trim())),
        }
    }
    let path = found.path.len();
    Some((name.to_owned(), path, build(name, value, found)))
}

/// `cookie.parse(s)`: the pairs of a `Cookie` field.
pub(super) fn parse(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let list = string(args, 0)?
        .split(';')
        .map(|pair| pair.trim().split_once('=').unwrap_or_else(|| (pair.trim(), "")))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| request_cookie(name, value))
        .take(super::MAX_LIST)
        .collect();
    Ok(Value::List(list))
}
