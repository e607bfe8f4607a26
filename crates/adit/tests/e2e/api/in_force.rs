//! How long a change takes from the API's answer until the edge answers accordingly. Measured, not asserted: the figures stand
//! in `docs/performance.md`; what is asserted is that it does.
//!
//! `cargo test -p adit --test e2e api::in_force -- --nocapture`

use std::time::{Duration, Instant};

use serde_json::json;

use super::{HOST, post, request, seen};
use crate::harness::{Server, Visitor, eventually};

const ROUNDS: usize = 40;

/// Status that a visitor of a name is answered with.
fn status(server: &Server, host: &str) -> u16 {
    let mut visitor = Visitor::tls(server, host);
    visitor.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).status()
}

/// Until a visitor is answered with another status than before.
fn until_changed(server: &Server, host: &str, before: u16, since: Instant) -> Duration {
    eventually("a change is in force", || {
        (status(server, host) != before).then_some(())
    });
    since.elapsed()
}

#[test]
fn a_change_is_in_force_at_the_edge() {
    let server = Server::start();
    let mut times = Vec::new();
    let mut one = Vec::new();
    for round in 0..ROUNDS {
        let host = server.host(&format!("in-force-{round}"));
        let begin = Instant::now();
        let before = status(&server, &host);
        one.push(begin.elapsed());
        assert_eq!(before, 404);
        let body = json!({
            "type": "cloud", "url": format!("https://{host}"), "bindings": ["public"],
            "traffic_policy": "{\"on_http_request\":[{\"actions\":[{\"type\":\"deny\"}]}]}",
        });
        let (made, endpoint) = post(&server, "/endpoints", &body.to_string());
        let answered = Instant::now();
        assert_eq!(made, 201, "{endpoint}");
        times.push(until_changed(&server, &host, before, answered));
        let now = status(&server, &host);
        let path = format!("/endpoints/{}", endpoint["id"].as_str().unwrap());
        let mut visitor = Visitor::tls(&server, HOST);
        let (gone, _) = seen(&visitor.ask(request(&server, "DELETE", &path, "", "")));
        let answered = Instant::now();
        assert_eq!(gone, 204);
        times.push(until_changed(&server, &host, now, answered));
    }
    times.sort_unstable();
    one.sort_unstable();
    println!(
        "{} changes in force: p50 {:?}, p99 {:?}, longest {:?}; a visitor's connection, handshake and request alone: p50 {:?}",
        times.len(),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times[times.len() - 1],
        one[one.len() / 2],
    );
}
