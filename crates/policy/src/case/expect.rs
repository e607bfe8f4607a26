//! What a case expects, against what came out. What is not named is not checked.

use regex::Regex;

use super::drive::Outgoing;
use super::world::value;
use super::{Outcome, texts};
use crate::body::decode;
use crate::document::Node;
use crate::expr::env;
use crate::fault::{Fault, Warning};
use crate::value::Value;

pub(super) const KEYS: &[&str] = &[
    "valid",
    "errors",
    "warnings",
    "forwarded",
    "forwarded_to",
    "response",
    "connection",
    "results",
    "vars",
    "logs",
    "policy_errors",
    "outbound_calls",
];

pub(super) fn outcome(wrong: Vec<String>) -> Outcome {
    if wrong.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Failed(wrong)
    }
}

/// Equal, types told apart, mappings without regard to order?
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.iter().any(|(other, found)| key == other && equal(value, found)))
        }
        (a, b) => a == b,
    }
}

pub(super) fn same(what: &str, expected: &Value, actual: &Value) -> Option<String> {
    (!equal(expected, actual)).then(|| format!("{what}: expected {expected:?}, got {actual:?}"))
}

fn field<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::scalar_text)
}

/// The set of errors must be the expected one.
pub(super) fn faults(expected: &Node, actual: &[Fault]) -> Vec<String> {
    let fits = |node: &Node, fault: &Fault| {
        field(node, "path") == Some(fault.path.as_str())
            && field(node, "code").is_none_or(|code| code == fault.code.as_str())
            && field(node, "line").is_none_or(|line| line == fault.line.to_string())
            && field(node, "column").is_none_or(|column| column == fault.column.to_string())
    };
    let expected = expected.list().unwrap_or_default();
    let mut wrong = Vec::new();
    for node in expected {
        if !actual.iter().any(|fault| fits(node, fault)) {
            wrong.push(format!(
                "expected {} at {}",
                field(node, "code").unwrap_or("an error"),
                field(node, "path").unwrap_or_default()
            ));
        }
    }
    for fault in actual {
        if !expected.iter().any(|node| fits(node, fault)) {
            wrong.push(format!("not expected: {} {fault}", fault.code));
        }
    }
    wrong
}

pub(super) fn warnings(expected: Option<&Node>, actual: &[Warning]) -> Vec<String> {
    let mut wrong = Vec::new();
    for node in expected.and_then(Node::list).unwrap_or_default() {
        let found = actual.iter().any(|warning| {
            field(node, "code").is_none_or(|code| code == warning.code)
                && field(node, "path") == Some(warning.path.as_str())
        });
        if !found {
            wrong.push(format!("expected the warning {node:?}, got {actual:?}"));
        }
    }
    wrong
}

pub(super) fn values(fields: &[(String, Vec<u8>)], name: &str) -> Vec<String> {
    fields
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect::<Vec<_>>()
}

fn headers(what: &str, node: &Node, fields: &[(String, Vec<u8>)], wrong: &mut Vec<String>) {
    for (name, list) in node.get("headers").and_then(Node::map).unwrap_or_default() {
        let expected = texts(Some(list));
        let actual = values(fields, &name.text);
        if expected != actual {
            wrong.push(format!("{what} {}: expected {expected:?}, got {actual:?}", name.text));
        }
    }
    for name in texts(node.get("absent")) {
        let actual = values(fields, &name);
        if !actual.is_empty() {
            wrong.push(format!("{what} {name}: expected none, got {actual:?}"));
        }
    }
}

fn text(what: &str, expected: Option<&str>, actual: &str, wrong: &mut Vec<String>) {
    if let Some(expected) = expected
        && expected != actual
    {
        wrong.push(format!("{what}: expected {expected:?}, got {actual:?}"));
    }
}

pub(super) fn all(expect: &Node, out: &Outgoing) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(node) = expect.get("forwarded") {
        match (&out.forwarded, node.map()) {
            (None, None) => {}
            (Some(_), None) => wrong.push("the upstream was reached".to_owned()),
            (None, Some(_)) => wrong.push(format!("the upstream was not reached: {:?}", out.response)),
            (Some((host, request)), Some(_)) => {
                text("method", field(node, "method"), &request.method, &mut wrong);
                text("url", field(node, "url"), &request.url, &mut wrong);
                text("host", field(node, "host"), host, &mut wrong);
                headers("request", node, &request.fields, &mut wrong);
                text(
                    "body",
                    field(node, "body"),
                    &String::from_utf8_lossy(&request.body),
                    &mut wrong,
                );
            }
        }
    }
    if let Some(expected) = field(expect, "forwarded_to") {
        let actual = out.forwarded_to.as_deref().unwrap_or("nobody");
        // Cases leave the default port out.
        if actual != expected && actual.rsplit_once(':').map(|(host, _)| host) != Some(expected) {
            wrong.push(format!("forwarded_to: expected {expected}, got {actual}"));
        }
    }
    if let Some(node) = expect.get("response") {
        match &out.response {
            None => wrong.push("there was no response".to_owned()),
            Some(answer) => {
                text("status", field(node, "status"), &answer.status.to_string(), &mut wrong);
                headers("response", node, &answer.fields, &mut wrong);
                response(node, &answer.fields, &answer.body, &mut wrong);
            }
        }
    }
    if let Some(expected) = field(expect, "connection") {
        let actual = match (out.alert, out.closed) {
            (true, _) => "tls_alert",
            (false, true) => "closed",
            (false, false) => "open",
        };
        text("connection", Some(expected), actual, &mut wrong);
    }
    for (name, node) in expect.get("results").and_then(Node::map).unwrap_or_default() {
        let zero = || crate::expr::results::result(&name.text).flatten().map(env::Type::zero);
        match out.exchange.result(&name.text).cloned().or_else(zero) {
            Some(actual) => wrong.extend(same(&name.text, &value(node), &actual)),
            None => wrong.push(format!("{}: no such result", name.text)),
        }
    }
    if let Some(node) = expect.get("vars") {
        let actual = Value::record(out.vars.iter().map(|(name, value)| (name.as_str(), value.clone())));
        wrong.extend(same("vars", &value(node), &actual));
    }
    if let Some(node) = expect.get("logs") {
        wrong.extend(same("logs", &value(node), &Value::List(out.exchange.logs().to_vec())));
    }
    if let Some(node) = expect.get("policy_errors") {
        let expected = super::texts_of(node, "path");
        let actual: Vec<_> = out.exchange.errors().iter().map(|error| error.path.clone()).collect();
        if expected != actual {
            wrong.push(format!(
                "policy_errors: expected {expected:?}, got {:?}",
                out.exchange.errors()
            ));
        }
    }
    if let Some(list) = expect.get("outbound_calls").and_then(Node::list) {
        calls(list, &out.calls, &mut wrong);
    }
    wrong
}

fn calls(expected: &[Node], actual: &[super::effects::Call], wrong: &mut Vec<String>) {
    if expected.len() != actual.len() {
        wrong.push(format!("outbound_calls: expected {}, got {actual:?}", expected.len()));
        return;
    }
    for (node, call) in expected.iter().zip(actual) {
        text("call method", field(node, "method"), &call.method, wrong);
        text("call url", field(node, "url"), &call.url, wrong);
        headers("call", node, &call.fields, wrong);
        text(
            "call body",
            field(node, "body"),
            &String::from_utf8_lossy(&call.body),
            wrong,
        );
    }
}

fn response(node: &Node, fields: &[(String, Vec<u8>)], body: &[u8], wrong: &mut Vec<String>) {
    for (name, pattern) in node.get("headers_match").and_then(Node::map).unwrap_or_default() {
        let first = values(fields, &name.text).into_iter().next().unwrap_or_default();
        let pattern = pattern.scalar_text().unwrap_or_default();
        if !Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(&first)) {
            wrong.push(format!("{}: {first:?} does not match {pattern:?}", name.text));
        }
    }
    text("body", field(node, "body"), &String::from_utf8_lossy(body), wrong);
    if let Some(expected) = field(node, "decoded_body") {
        let encoding = values(fields, "content-encoding").join(",");
        match decode(&encoding, body, 64 << 20) {
            Ok(body) => text("decoded_body", Some(expected), &String::from_utf8_lossy(&body), wrong),
            Err(fault) => wrong.push(format!("decoded_body: {fault:?} as {encoding:?}")),
        }
    }
    if let Some(expected) = node.get("body_json") {
        let actual = serde_json::from_slice(body).map(|json| Value::from_json(&json));
        match actual {
            Ok(actual) => wrong.extend(same("body_json", &value(expected), &actual)),
            Err(_) => wrong.push("the body is not JSON".to_owned()),
        }
    }
    let code = values(fields, "ngrok-error-code")
        .into_iter()
        .next()
        .unwrap_or_default();
    text("error_code", field(node, "error_code"), &code, wrong);
}
