//! Traffic policies in force: of cloud endpoints made over the API, and of agents' endpoints.

mod agents;
mod bodies;
mod calls;
mod certificates;
mod cloud;
mod compression;
mod cors;
mod ejection;
mod events;
mod firewall;
mod guardrails;
mod handshakes;
mod key_sets;
mod limits;
mod networks;
mod places;
mod pools;
mod retries;
mod revocation;
mod streams;
mod tokens;
mod tools;
mod turns;
mod verdicts;
mod webhooks;

use std::io::Write as _;

use serde_json::{Value, json};

use crate::api;
use crate::harness::{Agent, Message, Server, Service, Site, Upstream, Visitor};

/// A site whose agent brings this policy along.
#[track_caller]
fn governed<'a>(
    server: &'a Server,
    name: &str,
    policy: &str,
    answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static,
) -> Site<'a, Service> {
    let policy = file(policy);
    Site::answering(
        server,
        name,
        &["--traffic-policy-file", policy.path().to_str().unwrap()],
        answer,
    )
}

/// The same, its service played by the test.
#[track_caller]
pub(crate) fn scripted<'a>(server: &'a Server, name: &str, policy: &str) -> Site<'a, Upstream> {
    let policy = file(policy);
    Site::scripted(
        server,
        name,
        &["--traffic-policy-file", policy.path().to_str().unwrap()],
    )
}

/// A file with a policy.
pub(crate) fn file(policy: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(policy.as_bytes()).unwrap();
    file
}

/// What an agent says whose policy is refused at its bind.
#[track_caller]
fn refused(server: &Server, policy: &str) -> String {
    let (policy, upstream) = (file(policy), Upstream::bind());
    let process = Agent::http(server, upstream.address())
        .url(&format!("https://{}", server.host("refused-policy")))
        .args(["--traffic-policy-file", policy.path().to_str().unwrap()])
        .launch();
    let ended = process.ended();
    assert_ne!(ended.code(), 0, "{policy:?} was taken");
    format!("{}{}", ended.stdout, ended.stderr)
}

/// Makes something over the API.
#[track_caller]
pub(crate) fn make(server: &Server, path: &str, body: &Value) -> Value {
    let (status, made) = api::post(server, path, &body.to_string());
    assert_eq!(status, 201, "{path}: {made}");
    made
}

/// Makes a cloud endpoint.
#[track_caller]
fn endpoint(server: &Server, url: &str, policy: &str) -> Cloud {
    let body = json!({"type": "cloud", "url": url, "traffic_policy": policy});
    let made = make(server, "/endpoints", &body);
    Cloud {
        path: format!("/endpoints/{}", made["id"].as_str().unwrap()),
    }
}

/// A cloud endpoint.
struct Cloud {
    path: String,
}

impl Cloud {
    #[track_caller]
    fn set(&self, server: &Server, policy: &str) {
        let body = json!({"traffic_policy": policy}).to_string();
        let (status, answer) = api::change(server, "PATCH", &self.path, &body);
        assert_eq!(status, 200, "{answer}");
    }

    #[track_caller]
    fn delete(self, server: &Server) {
        let (status, answer) = api::change(server, "DELETE", &self.path, "");
        assert_eq!(status, 204, "{answer}");
    }
}

/// The URL of a public name.
fn url(server: &Server, host: &str) -> String {
    format!("https://{host}:{}", server.info.https.port())
}

/// One `GET` on a connection.
#[track_caller]
fn get(visitor: &mut Visitor, host: &str, target: &str) -> Message {
    visitor.ask(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

/// Asks until the answer is `wanted`: a change is in force a moment after it was answered.
#[track_caller]
fn until(what: &str, mut ask: impl FnMut() -> Message, wanted: impl Fn(&Message) -> bool) -> Message {
    crate::harness::eventually(what, || Some(ask()).filter(|m| wanted(m)))
}
