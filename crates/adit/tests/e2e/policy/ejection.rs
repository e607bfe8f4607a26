//! Members of a pool that fail get nothing for a while, and come back.

use serde_json::json;

use super::{make, url};
use crate::api;
use crate::harness::message::ok;
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
        r#"{"health_check": {"type": "http"}}"#,
        r#"{"strategy": "hash:req.host"}"#,
    ] {
        let (status, answer) = api::change(&server, "PATCH", &path, refused);
        assert_eq!(status, 400, "{answer}");
    }
}
