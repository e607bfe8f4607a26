//! Members of a pool that fail, or whose checks do, get nothing for a while, and come back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{make, url};
use crate::api;
use crate::harness::message::{ok, response};
use crate::harness::{Agent, Server, Service, Visitor, eventually};

#[test]
fn an_endpoint_that_fails_is_out_for_a_while() {
    let server = Server::start();
    let host = server.host("pool");
    let good = Service::start(|_| ok("good"));
    let start = |address| {
        Agent::http(&server, address)
            .url(&format!("https://{host}"))
            .args(["--pooling-enabled"])
            .start()
    };
    let _good = start(good.address());
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let _bad = start(address);
    let settings = json!({
        "url": url(&server, &host), "strategy": "round_robin", "slow_start": 0,
        "ejection": {"failures": 3, "base": 3600, "max": 3600},
    });
    let made = make(&server, "/adit/endpoint_pools", &settings);
    let mut visitor = Visitor::tls(&server, &host);
    let mut ask = || visitor.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).status();
    // In turn, until the third failure.
    eventually("it is out", || {
        let answers: Vec<_> = (0..12).map(|_| ask()).collect();
        answers.iter().all(|status| *status == 200).then_some(())
    });
    // What cannot be enforced is not taken.
    let path = format!("/adit/endpoint_pools/{}", made["id"].as_str().unwrap());
    for refused in [
        r#"{"health_check": {"type": "http", "path": "no\r\npath"}}"#,
        r#"{"health_check": {"type": "http", "expect_first": 500}}"#,
        r#"{"strategy": "hash:req.host"}"#,
    ] {
        let (status, answer) = api::change(&server, "PATCH", &path, refused);
        assert_eq!(status, 400, "{answer}");
    }
}

#[test]
fn an_endpoint_whose_checks_fail_is_out_until_they_succeed() {
    let server = Server::start();
    let host = server.host("checked");
    let url = url(&server, &host);
    let start = |service: &Service| {
        Agent::http(&server, service.address())
            .url(&format!("https://{host}"))
            .args(["--pooling-enabled"])
            .start()
    };
    // What it answers visitors says nothing of its health.
    let is_ill = Arc::new(AtomicBool::new(true));
    let ill = is_ill.clone();
    let changing = Service::start(move |asked| {
        let is_check = asked.target() == "/health" && asked.get("user-agent") == Some("adit-health/1");
        match is_check {
            true if ill.load(Ordering::Relaxed) => response("503 Service Unavailable", "", b""),
            true => ok("healthy"),
            false => ok("changing"),
        }
    });
    let well = Service::start(|_| ok("well"));
    let agents = (start(&changing), start(&well));
    let settings = json!({
        "url": url, "strategy": "round_robin", "slow_start": 0,
        "health_check": {"type": "http", "path": "/health", "interval": 1, "up": 1, "down": 2},
    });
    let made = make(&server, "/adit/endpoint_pools", &settings);
    let answers = || -> BTreeSet<String> {
        let mut visitor = Visitor::tls(&server, &host);
        (0..8)
            .map(|_| visitor.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).text())
            .collect()
    };
    let both = BTreeSet::from(["changing".to_owned(), "well".to_owned()]);
    let well_alone = BTreeSet::from(["well".to_owned()]);
    eventually("it is out", || (answers() == well_alone).then_some(()));
    is_ill.store(false, Ordering::Relaxed);
    eventually("it is in", || (answers() == both).then_some(()));
    // Out again, and then nobody asks any more.
    is_ill.store(true, Ordering::Relaxed);
    eventually("it is out", || (answers() == well_alone).then_some(()));
    let path = format!("/adit/endpoint_pools/{}", made["id"].as_str().unwrap());
    let (status, answer) = api::change(&server, "PATCH", &format!("{path}?unset=health_check"), "{}");
    assert_eq!(status, 200, "{answer}");
    eventually("it is not checked", || (answers() == both).then_some(()));
    drop(agents);
}
