//! The API from outside, over the TLS port: what is live, commands to agents, refusals.

mod commands;
mod in_force;
mod live;
mod refusals;

use serde_json::Value;

use crate::harness::{Message, Of, Server, Visitor};

/// The name that the API has.
const HOST: &str = "api.adit.localhost";

/// A request with the server's key and version 2; `fields` go behind them.
fn request(server: &Server, method: &str, path: &str, fields: &str, body: &str) -> String {
    let key = server.info.text("api_key");
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\nNgrok-Version: 2\r\n\
         {fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Status and body of an answer.
fn seen(answer: &Message) -> (u16, Value) {
    let json = if answer.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&answer.body).unwrap()
    };
    (answer.status(), json)
}

#[track_caller]
pub(crate) fn get(server: &Server, path: &str) -> Value {
    let mut visitor = Visitor::tls(server, HOST);
    let (status, json) = seen(&visitor.ask(request(server, "GET", path, "", "")));
    assert_eq!(status, 200, "{path}: {json}");
    json
}

#[track_caller]
pub(crate) fn post(server: &Server, path: &str, body: &str) -> (u16, Value) {
    change(server, "POST", path, body)
}

/// A request with a body.
#[track_caller]
pub(crate) fn change(server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut visitor = Visitor::tls(server, HOST);
    visitor.send(request(
        server,
        method,
        path,
        "Content-Type: application/json\r\n",
        body,
    ));
    seen(&visitor.receive(Of::Get))
}

/// The one endpoint with this URL.
#[track_caller]
fn endpoint(server: &Server, url: &str) -> Value {
    let list = get(server, &format!("/endpoints?url={url}"));
    let endpoints = list["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 1, "{list}");
    endpoints[0].clone()
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {path} in {value}"))
}
