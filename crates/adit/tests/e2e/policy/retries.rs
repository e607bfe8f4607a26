//! `retry`: an exchange is repeated while nothing of a response was sent.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;

use super::{file, get, governed, refused, scripted};
use crate::harness::message::{ok, response};
use crate::harness::{Agent, Of, Server, Service, Visitor};

fn policy(config: &str) -> String {
    format!("on_http_request:\n  - actions: [{{type: retry, config: {{{config}}}}}]\n")
}

#[test]
fn another_member_answers_for_one_that_fails() {
    let server = Server::shared("policy");
    let bad = Service::start(|_| response("503 Bad", "", b"bad"));
    let good = Service::start(|_| ok("good"));
    let host = server.host("retried-pool");
    let policy = file(&policy("on: ['503'], backoff: 0s"));
    let _agents = [&bad, &good].map(|service| {
        Agent::http(server, service.address())
            .url(&format!("https://{host}"))
            .args([
                "--pooling-enabled",
                "--traffic-policy-file",
                policy.path().to_str().unwrap(),
            ])
            .start()
    });
    let mut visitor = Visitor::tls(server, &host);
    let mut h2 = crate::harness::H2::connect(server, &host);
    let mut repeated = 0;
    for n in 0.. {
        if n % 2 == 0 {
            assert_eq!(get(&mut visitor, &host, "/").text(), "good");
        } else {
            assert_eq!(h2.get("/").text(), "good");
        }
        let seen = good.seen();
        let number = seen.last().unwrap().get("x-adit-attempt").unwrap().to_owned();
        repeated += usize::from(number == "2");
        assert_eq!(bad.seen().len(), repeated, "each failure was followed by one more try");
        if repeated >= 3 {
            break;
        }
    }
}

#[test]
fn what_may_be_repeated_is_said_by_the_policy() {
    let server = Server::shared("policy");
    let config = "attempts: 3, on: [5xx], methods: [GET, PUT], backoff: 1ms, body_hold: 100000, budget: 100";
    let asked = AtomicUsize::new(0);
    // Every third request is answered well.
    let site = governed(server, "retried", &policy(config), move |request| {
        if asked.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
            ok(&request.body.len().to_string())
        } else {
            response("500 Bad", "", b"bad")
        }
    });
    let mut visitor = site.visitor();
    assert_eq!(get(&mut visitor, &site.host, "/").text(), "0");
    let numbers: Vec<_> = site
        .upstream
        .seen()
        .iter()
        .map(|seen| seen.get("x-adit-attempt").unwrap().to_owned())
        .collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    let body = "x".repeat(90_000);
    let with_body = |method: &str, body: &str| {
        format!(
            "{method} / HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            site.host,
            body.len()
        )
    };
    let put = visitor.ask(with_body("PUT", &body));
    assert_eq!(put.text(), "90000", "the body is held");
    let in_chunks = visitor.ask(format!(
        "PUT / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        site.host,
        body.len()
    ));
    assert_eq!(in_chunks.text(), "90000");
    let mut h2 = site.h2();
    let request = h2.to(Method::PUT, "/").body(()).unwrap();
    assert_eq!(h2.ask(request, body.as_bytes()).text(), "90000");
    assert_eq!(site.upstream.seen().len(), 12);
    // A method that is not listed, and a body that is too long to be held.
    for request in [with_body("POST", "x"), with_body("PUT", &"x".repeat(100_001))] {
        assert_eq!(site.visitor().ask(request).status(), 500);
    }
    assert_eq!(site.upstream.seen().len(), 14, "once each");
    assert!(refused(server, &policy("on: [maybe]")).contains("on_http_request[0].actions[0]"));
}

#[test]
fn a_condition_sees_how_the_last_try_ended() {
    let server = Server::shared("policy");
    let config = "attempts: 5, condition: 'last_attempt.res.status_code == 418 && attempts < 3', backoff: 0s";
    let site = governed(server, "retried-condition", &policy(config), |request| {
        response(request.target().trim_start_matches('/'), "", b"")
    });
    for (status, tries) in [("418", 3), ("503", 1)] {
        let before = site.upstream.seen().len();
        assert_eq!(site.get(&format!("/{status}")).status().to_string(), status);
        assert_eq!(site.upstream.seen().len() - before, tries, "{status}");
    }
}

#[test]
fn a_service_in_trouble_is_asked_a_share_more_and_not_twice_as_often() {
    let server = Server::shared("policy");
    let site = governed(
        server,
        "retried-budget",
        &policy("on: [5xx], backoff: 0s, budget: 20"),
        |_| response("503 Bad", "", b""),
    );
    let mut visitor = site.visitor();
    for _ in 0..40 {
        assert_eq!(get(&mut visitor, &site.host, "/").status(), 503);
    }
    let repeated = site.upstream.seen().len() - 40;
    assert!(
        (16..=17).contains(&repeated),
        "{repeated}: ten to begin with, and a fifth of the rest"
    );
}

#[test]
fn a_try_that_is_lost_or_late_is_followed_by_another() {
    let server = Server::shared("policy");
    let site = scripted(server, "retried-lost", &policy("per_try_timeout: 300ms, backoff: 5ms"));
    let mut visitor = site.visitor();
    for lost in [true, false] {
        visitor.send(site.get_text("/"));
        let mut first = site.upstream.accept();
        assert_eq!(first.request().get("x-adit-attempt"), Some("1"));
        if lost {
            drop(first);
        } else {
            // It says nothing until it is given up.
            first.rest();
        }
        let mut second = site.upstream.accept();
        assert_eq!(second.request().get("x-adit-attempt"), Some("2"));
        second.send(response("200 OK", "Connection: close\r\n", b"second"));
        assert_eq!(visitor.receive(Of::Get).text(), "second");
    }
    // A response that has begun is not repeated.
    visitor.send(site.get_text("/"));
    let mut begun = site.upstream.accept();
    begun.request();
    begun.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    assert_eq!(visitor.receive_head().status(), 200);
    assert_eq!(visitor.bytes(4), b"half");
    drop(begun);
    assert!(visitor.rest().0.is_empty());
    assert!(site.upstream.accepted().is_none());
}
