//! What a case expects against what came out; what is not named is not looked at.

use std::io::Read as _;

use base64::Engine as _;
use serde_json::Value;

use crate::harness::Message;

/// What came of a turn.
#[derive(Debug, Default)]
pub(super) struct Got {
    pub(super) response: Option<Message>,
    /// The connection ended without a response.
    pub(super) closed: bool,
    /// The handshake failed.
    pub(super) alert: bool,
    /// What the endpoint's own service was asked.
    pub(super) upstream: Vec<Message>,
    /// What internal endpoints were asked, with their hosts.
    pub(super) inside: Vec<(String, Message)>,
}

/// Equal, whether a number is whole or not, and without regard to order of names.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Everything that is not as expected; `endpoint` is the id that the endpoint has here.
pub(super) fn differences(expect: &Value, got: &Got, is_outbound: &dyn Fn(&str) -> bool, wrong: &mut Vec<String>) {
    let through = got.inside.iter().filter(|(host, _)| !is_outbound(host));
    let reached: Vec<&Message> = got.upstream.iter().chain(through.map(|(_, m)| m)).collect();
    match expect.get("forwarded") {
        Some(Value::Bool(false)) if !reached.is_empty() => wrong.push(format!("the service was reached: {reached:?}")),
        Some(forwarded @ Value::Object(_)) => match reached.last() {
            Some(request) => request_differences("request", forwarded, request, wrong),
            None => wrong.push(format!("the service was not reached: {:?}", got.response)),
        },
        _ => {}
    }
    if let Some(to) = expect["forwarded_to"].as_str() {
        let host = to.split_once("://").map_or(to, |(_, rest)| rest);
        let host = host.split(':').next().unwrap_or(host);
        if !got.inside.iter().any(|(known, _)| known == host) {
            wrong.push(format!("{to} was not reached"));
        }
    }
    if let Some(expected) = expect.get("response") {
        match &got.response {
            Some(answer) => response_differences(expected, answer, wrong),
            None => wrong.push(format!("there was no response: {got:?}")),
        }
    }
    if let Some(expected) = expect["connection"].as_str() {
        let actual = match (got.alert, got.closed) {
            (true, _) => "tls_alert",
            (false, true) => "closed",
            (false, false) => "open",
        };
        if expected != actual {
            wrong.push(format!("the connection is {actual}, not {expected}"));
        }
    } else if got.closed || got.alert {
        wrong.push("the connection ended without a response".to_owned());
    }
    if let Some(expected) = expect["outbound_calls"].as_array() {
        let calls: Vec<_> = got.inside.iter().filter(|(host, _)| is_outbound(host)).collect();
        if calls.len() != expected.len() {
            wrong.push(format!("calls: expected {}, got {calls:?}", expected.len()));
        }
        for (expected, (host, call)) in expected.iter().zip(calls) {
            let mut named = expected.clone();
            let url = expected["url"].as_str().unwrap_or_default();
            let (authority, target) = split(url);
            if authority != host {
                wrong.push(format!("call of {host}, not {url}"));
            }
            named["url"] = target.into();
            request_differences("call", &named, call, wrong);
        }
    }
}

/// Authority and target of a URL.
pub(super) fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, target) = rest.split_at(at);
    (authority, if target.is_empty() { "/" } else { target })
}

fn text(what: &str, expected: Option<&str>, actual: &str, wrong: &mut Vec<String>) {
    if let Some(expected) = expected
        && expected != actual
    {
        wrong.push(format!("{what}: expected {expected:?}, got {actual:?}"));
    }
}

/// Bytes as cases write them.
fn written(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => base64::engine::general_purpose::STANDARD.encode(bytes),
    }
}

fn request_differences(what: &str, expected: &Value, request: &Message, wrong: &mut Vec<String>) {
    text(
        &format!("{what} method"),
        expected["method"].as_str(),
        request.method(),
        wrong,
    );
    text(
        &format!("{what} url"),
        expected["url"].as_str(),
        request.target(),
        wrong,
    );
    let host = request.get("host").unwrap_or_default();
    text(&format!("{what} host"), expected["host"].as_str(), host, wrong);
    field_differences(what, expected, request, wrong);
    text(
        &format!("{what} body"),
        expected["body"].as_str(),
        &written(&request.body),
        wrong,
    );
}

fn field_differences(what: &str, expected: &Value, message: &Message, wrong: &mut Vec<String>) {
    for (name, values) in expected["headers"].as_object().into_iter().flatten() {
        let expected: Vec<_> = values.as_array().unwrap().iter().map(scalar).collect();
        let actual = message.all(name);
        if expected != actual {
            wrong.push(format!("{what} {name}: expected {expected:?}, got {actual:?}"));
        }
    }
    for name in expected["absent"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        if let Some(value) = message.get(name) {
            wrong.push(format!("{what} {name}: expected none, got {value:?}"));
        }
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn response_differences(expected: &Value, answer: &Message, wrong: &mut Vec<String>) {
    if let Some(status) = expected["status"].as_u64()
        && status != u64::from(answer.status())
    {
        wrong.push(format!("status: expected {status}, got {answer:?}"));
    }
    field_differences("response", expected, answer, wrong);
    for (name, pattern) in expected["headers_match"].as_object().into_iter().flatten() {
        let pattern = regex::Regex::new(pattern.as_str().unwrap()).unwrap();
        let value = answer.get(name).unwrap_or_default();
        if !pattern.is_match(value) {
            wrong.push(format!("response {name}: {value:?} does not match {pattern}"));
        }
    }
    // The edge's own answers say in words what happened: their bodies are looked at where cases do.
    text("body", expected["body"].as_str(), &written(&answer.body), wrong);
    text("error code", expected["error_code"].as_str(), answer.code(), wrong);
    if let Some(expected) = expected["decoded_body"].as_str() {
        text("decoded body", Some(expected), &written(&decoded(answer)), wrong);
    }
    if let Some(expected) = expected.get("body_json") {
        let actual: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !same(expected, &actual) {
            wrong.push(format!("body: expected {expected}, got {actual}"));
        }
    }
}

/// The body without its coding.
fn decoded(answer: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    let body = answer.body.as_slice();
    match answer.get("content-encoding") {
        Some("gzip") => flate2::read::GzDecoder::new(body).read_to_end(&mut out).map(|_| ()),
        Some("deflate") => flate2::read::ZlibDecoder::new(body).read_to_end(&mut out).map(|_| ()),
        Some("br") => brotli::Decompressor::new(body, 4096).read_to_end(&mut out).map(|_| ()),
        Some("zstd") => zstd::stream::copy_decode(body, &mut out),
        _ => {
            out.extend_from_slice(body);
            Ok(())
        }
    }
    .unwrap();
    out
}

/// What is told of the exchange in the log against what a case expects of it.
pub(super) fn told(expect: &Value, line: &Value, wrong: &mut Vec<String>) {
    if let Some(expected) = expect.get("logs") {
        let logs = line["traffic_policy"]["logs"].as_array();
        let actual: Vec<Value> = logs
            .into_iter()
            .flatten()
            .map(|entry| entry["metadata"].clone())
            .collect();
        if !same(expected, &Value::Array(actual.clone())) {
            wrong.push(format!("logs: expected {expected}, got {actual:?}"));
        }
    }
    if let Some(expected) = expect["policy_errors"].as_array() {
        let path = |error: &Value| error["path"].as_str().unwrap_or_default().to_owned();
        let expected: Vec<_> = expected.iter().map(path).collect();
        let actual: Vec<_> = line["policy"]["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(path)
            .collect();
        if expected != actual {
            wrong.push(format!("policy errors: expected {expected:?}, got {actual:?}"));
        }
    }
}
