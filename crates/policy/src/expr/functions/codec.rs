//! JSON, query strings, Base64, URLs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::scope::Scope;
use super::{MAX_LIST, Outcome, made, string};
use crate::url;
use crate::value::Value;

/// Longest JSON text that is read.
const MAX_JSON: usize = 256 * 1024;
/// Deepest JSON value.
const MAX_DEPTH: usize = 64;

pub(super) fn json_encode(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let value = args.first().ok_or("a value is missing")?;
    made(value.to_json().to_string())
}

fn parse_json(text: &str) -> Result<Value, String> {
    if text.len() > MAX_JSON {
        return Err(format!("JSON may have {MAX_JSON} bytes"));
    }
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let value = Value::from_json(&json);
    if value.measure().1 > MAX_DEPTH {
        return Err(format!("JSON may be {MAX_DEPTH} levels deep"));
    }
    if longest(&value) > MAX_LIST {
        return Err(format!("a list may have {MAX_LIST} elements"));
    }
    Ok(value)
}

fn longest(value: &Value) -> usize {
    match value {
        Value::List(list) => list.iter().map(longest).max().unwrap_or(0).max(list.len()),
        Value::Map(map) => map
            .iter()
            .map(|(_, value)| longest(value))
            .max()
            .unwrap_or(0)
            .max(map.len()),
        _ => 0,
    }
}

pub(super) fn json_decode(_: &Scope<'_>, args: &[Value]) -> Outcome {
    parse_json(string(args, 0)?)
}

pub(super) fn is_json(_: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bool(parse_json(string(args, 0)?).is_ok()))
}

pub(super) fn query_encode(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let Some(Value::Map(map)) = args.first() else {
        return Err("argument 1 must be a map".to_owned());
    };
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (key, value) in map {
        match value {
            Value::List(list) => pairs.extend(list.iter().map(|value| (key.to_text(), value.to_text()))),
            value => pairs.push((key.to_text(), value.to_text())),
        }
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| format!("{}={}", url::encode(key, true), url::encode(value, true)))
        .collect();
    made(pairs.join("&"))
}

pub(super) fn query_decode(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let mut out: Vec<(Value, Vec<Value>)> = Vec::new();
    for (key, value) in url::form(string(args, 0)?) {
        let value = Value::Text(value);
        match out
            .iter_mut()
            .find(|(known, _)| matches!(known, Value::Text(known) if *known == key))
        {
            Some((_, list)) => list.push(value),
            None => out.push((Value::Text(key), vec![value])),
        }
        if out.len() > 1000 {
            return Err("too many parameters".to_owned());
        }
    }
    let single = |(key, mut list): (Value, Vec<Value>)| match (list.len(), list.pop()) {
        (1, Some(value)) => (key, value),
        (_, Some(last)) => {
            list.push(last);
            (key, Value::List(list))
        }
        (_, None) => (key, Value::Null),
    };
    Ok(Value::Map(out.into_iter().map(single).collect()))
}

pub(super) fn is_query_string(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let text = string(args, 0)?;
    let legal = |part: &str| {
        url::decode(part).is_some()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~!$'()*+,;:@/?%".contains(&b))
    };
    Ok(Value::Bool(
        !text.is_empty()
            && text.split('&').all(|pair| match pair.split_once('=') {
                Some((key, value)) => !key.is_empty() && legal(key) && legal(&value.replace('=', "")),
                None => false,
            }),
    ))
}

pub(super) fn base64_encode(_: &Scope<'_>, args: &[Value]) -> Outcome {
    made(STANDARD.encode(match args.first() {
        Some(Value::Bytes(bytes)) => bytes.as_slice(),
        _ => string(args, 0)?.as_bytes(),
    }))
}

fn decode_base64(args: &[Value]) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(string(args, 0)?)
        .map_err(|error| format!("not Base64: {error}"))
}

pub(super) fn base64_decode(_: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bytes(decode_base64(args)?))
}

pub(super) fn base64_decode_text(_: &Scope<'_>, args: &[Value]) -> Outcome {
    String::from_utf8(decode_base64(args)?)
        .map(Value::Text)
        .map_err(|_| "what was decoded is not UTF-8".to_owned())
}

pub(super) fn basic_auth_encode(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let pair = format!("{}:{}", string(args, 0)?, string(args, 1)?);
    made(format!("Basic {}", STANDARD.encode(pair)))
}

pub(super) fn url_escape(_: &Scope<'_>, args: &[Value]) -> Outcome {
    made(url::encode(string(args, 0)?, false))
}

pub(super) fn url_unescape(_: &Scope<'_>, args: &[Value]) -> Outcome {
    url::decode(string(args, 0)?)
        .map(Value::Text)
        .ok_or_else(|| "an escape is malformed".to_owned())
}

pub(super) fn url_parse(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let parts = url::parts(string(args, 0)?);
    let mut out: Vec<(&str, Value)> = Vec::new();
    if let Some(scheme) = parts.scheme {
        out.push(("scheme", Value::Text(scheme.to_ascii_lowercase())));
    }
    if let Some(authority) = parts.authority {
        let authority = match authority.rsplit_once('@') {
            Some((user, rest)) => {
                out.push(("user", Value::from(user)));
                rest
            }
            None => authority,
        };
        let (host, port) = url::split_authority(authority);
        out.push(("host", Value::from(host)));
        if let Some(port) = port {
            out.push(("port", Value::Text(port.to_string())));
        }
    }
    out.push(("path", Value::from(parts.path)));
    if let Some(query) = parts.query {
        out.push(("query", Value::from(query)));
    }
    if let Some(fragment) = parts.fragment {
        out.push(("fragment", Value::from(fragment)));
    }
    Ok(Value::record(out))
}

pub(super) fn is_url(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let text = string(args, 0)?;
    let parts = url::parts(text);
    let legal = !text.bytes().any(|b| b <= b' ' || b == 0x7f);
    let host = parts
        .authority
        .is_some_and(|authority| !url::split_authority(authority).0.is_empty());
    Ok(Value::Bool(legal && parts.scheme.is_some() && host))
}
