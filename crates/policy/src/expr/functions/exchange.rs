//! Functions that look at the exchange.

use super::super::env::{Message, NAMES, Type, What};
use super::super::scope::{Lent, Scope};
use super::{Outcome, cookie, integer, string};
use crate::url;
use crate::value::Value;

fn texts(list: Vec<String>) -> Value {
    Value::List(list.into_iter().map(Value::Text).collect())
}

pub(super) fn get_req_header(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(texts(scope.header(Message::Request, string(args, 0)?)))
}

pub(super) fn has_req_header(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bool(scope.has_header(Message::Request, string(args, 0)?)))
}

pub(super) fn get_res_header(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(texts(scope.header(Message::Response, string(args, 0)?)))
}

pub(super) fn has_res_header(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bool(scope.has_header(Message::Response, string(args, 0)?)))
}

pub(super) fn get_req_cookie(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let name = string(args, 0)?;
    Ok(match scope.request_cookies().iter().find(|(known, _)| known == name) {
        Some((name, value)) => cookie::request_cookie(name, value),
        None => cookie::request_cookie("", ""),
    })
}

pub(super) fn has_req_cookie(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let name = string(args, 0)?;
    Ok(Value::Bool(
        scope.request_cookies().iter().any(|(known, _)| known == name),
    ))
}

pub(super) fn get_res_cookie(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let name = string(args, 0)?;
    Ok(scope
        .response_cookies()
        .into_iter()
        .find(|(known, _)| known == name)
        .map_or_else(cookie::empty, |(_, cookie)| cookie))
}

pub(super) fn has_res_cookie(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let name = string(args, 0)?;
    Ok(Value::Bool(
        scope.response_cookies().iter().any(|(known, _)| known == name),
    ))
}

fn query_param(scope: &Scope<'_>, name: &str) -> Vec<String> {
    url::form(scope.query())
        .into_iter()
        .filter(|(known, _)| known == name)
        .map(|(_, value)| value)
        .collect()
}

pub(super) fn get_query_param(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(texts(query_param(scope, string(args, 0)?)))
}

pub(super) fn has_query_param(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bool(!query_param(scope, string(args, 0)?).is_empty()))
}

fn or_default(value: Option<String>, args: &[Value]) -> Outcome {
    Ok(match (value, args.get(1)) {
        (Some(value), _) => Value::Text(value),
        (None, Some(_)) => Value::from(string(args, 1)?),
        (None, None) => Value::from(""),
    })
}

pub(super) fn http_header(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let first = scope.header(Message::Request, string(args, 0)?).into_iter().next();
    or_default(first, args)
}

pub(super) fn http_param(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    or_default(query_param(scope, string(args, 0)?).into_iter().next(), args)
}

/// A declared name by what it reads, or `""`.
fn read(scope: &Scope<'_>, what: What) -> Outcome {
    Ok(match scope.read(what) {
        Some(Lent::Text(text)) => Value::from(text),
        Some(Lent::Owned(value)) => value,
        None => Value::from(""),
    })
}

pub(super) fn http_path(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    read(scope, What::UrlPath)
}

pub(super) fn http_path_segment(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let at = usize::try_from(integer(args, 0)?).map_err(|_| "a segment has no negative number".to_owned())?;
    let path = read(scope, What::UrlPath)?.to_text();
    let segment = path
        .trim_start_matches('/')
        .split('/')
        .nth(at)
        .filter(|segment| !segment.is_empty());
    or_default(segment.map(str::to_owned), args)
}

pub(super) fn http_query(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    read(scope, What::UrlQuery)
}

pub(super) fn http_remote_addr(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    read(scope, What::Ip(super::super::env::Side::Client))
}

pub(super) fn http_request_method(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    read(scope, What::Method)
}

pub(super) fn http_request_uri(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    read(scope, What::UrlUri)
}

pub(super) fn http_scheme(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    read(scope, What::UrlScheme)
}

pub(super) fn http_user_agent(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    read(scope, What::UserAgent)
}

pub(super) fn http_status(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    read(scope, What::Status)
}

pub(super) fn http_status_text(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    let status = match read(scope, What::Status)? {
        Value::Int(status) => status,
        _ => 0,
    };
    Ok(Value::from(match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }))
}

pub(super) fn secret(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let (vault, name) = (string(args, 0)?, string(args, 1)?);
    match scope.view.tables.secret(vault, name) {
        Some(secret) => Ok(Value::from(secret)),
        None => Err(format!("there is no secret {name} in {vault}")),
    }
}

pub(super) fn rand_double(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    // 53 bits: every double in [0, 1) of that grid.
    #[allow(clippy::cast_precision_loss)]
    Ok(Value::Double((scope.draw() >> 11) as f64 / (1_u64 << 53) as f64))
}

pub(super) fn rand_int(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let (min, max) = match args.len() {
        0 => (0, 1),
        1 => return Err("give both limits, or none".to_owned()),
        _ => (integer(args, 0)?, integer(args, 1)?),
    };
    if min < 0 || max < min {
        return Err("the limits must be 0 <= min <= max".to_owned());
    }
    let span = u64::try_from(max - min).unwrap_or(0);
    let drawn = match span.checked_add(1) {
        Some(span) => scope.draw() % span,
        None => scope.draw(),
    };
    Ok(Value::Int(min + i64::try_from(drawn).unwrap_or(0)))
}

pub(super) fn uuid(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    let (high, low) = (scope.draw(), scope.draw());
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    Ok(Value::Text(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )))
}

pub(super) fn now(scope: &Scope<'_>, _: &[Value]) -> Outcome {
    Ok(Value::Timestamp(scope.view.now))
}

/// Which message's fields a compiled index means.
fn message(args: &[Value]) -> Result<Message, String> {
    let at = usize::try_from(integer(args, 0)?).unwrap_or(usize::MAX);
    match NAMES.list.get(at).map(|name| name.what) {
        Some(What::Headers(message)) => Ok(message),
        _ => Err("no header map".to_owned()),
    }
}

pub(super) fn field(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let name = string(args, 1)?;
    let values = scope.header(message(args)?, name);
    if values.is_empty() {
        return Err(format!("no such key: {name}"));
    }
    Ok(texts(values))
}

pub(super) fn has_field(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let message = message(args)?;
    Ok(Value::Bool(match args.get(1) {
        Some(Value::Text(name)) => scope.has_header(message, name),
        _ => false,
    }))
}

pub(super) fn var(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let name = string(args, 0)?;
    match scope.vars.iter().find(|(known, _)| known == name) {
        Some((_, value)) => Ok(value.clone()),
        None => Err(format!("no such key: {name}")),
    }
}

pub(super) fn has_var(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let name = string(args, 0)?;
    Ok(Value::Bool(scope.vars.iter().any(|(known, _)| known == name)))
}

/// A result of an action, or the zero of its type.
pub(super) fn result(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let path = string(args, 0)?;
    if let Some(value) = scope.result(path) {
        return Ok(value);
    }
    match Type::from_number(integer(args, 1)?) {
        Some(ty) => Ok(ty.zero()),
        None => Err(format!("no such key: {path}")),
    }
}

pub(super) fn has_result(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bool(scope.result(string(args, 0)?).is_some()))
}

/// `has(x[k])`: is there such a key, or place?
pub(super) fn has_index(_: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bool(match (args.first(), args.get(1)) {
        (Some(Value::Map(map)), Some(key)) => map.iter().any(|(known, _)| known == key),
        (Some(Value::List(list)), Some(Value::Int(at))) => usize::try_from(*at).is_ok_and(|at| at < list.len()),
        (Some(Value::List(list)), Some(Value::Uint(at))) => usize::try_from(*at).is_ok_and(|at| at < list.len()),
        _ => return Err("has() tests keys of maps and places of lists".to_owned()),
    }))
}
