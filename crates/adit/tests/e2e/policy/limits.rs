//! `request-limit` and `timeout`: what is too large or takes too long ends with its own code.

use std::time::{Duration, Instant};

use http::Method;

use super::{governed, refused, scripted};
use crate::harness::Server;
use crate::harness::message::ok;

const SIZES: &str = "on_http_request:\n  - actions: [{type: request-limit, config: {max_body: 1000, max_uri: 100, max_header_bytes: 4000}}]\n";

#[test]
fn what_is_too_large_is_refused_however_it_comes() {
    let server = Server::shared("policy");
    let site = governed(server, "limited", SIZES, |request| ok(&request.body.len().to_string()));
    let host = &site.host;
    let post = |length: usize| {
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{}",
            "x".repeat(length)
        )
    };
    assert_eq!(site.visitor().ask(post(1000)).text(), "1000");
    let known = site.visitor().ask(post(1001));
    assert_eq!((known.status(), known.code()), (413, "ERR_ADIT_4130"), "{known:?}");
    assert_eq!(site.upstream.seen().len(), 1, "the service was not asked");
    for (body, status) in [(1000, 200), (1001, 413), (100_000, 413)] {
        let mut visitor = site.visitor();
        visitor.send(format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n{body:x}\r\n{}\r\n0\r\n\r\n",
            "x".repeat(body)
        ));
        let answer = visitor.receive(crate::harness::Of::Get);
        assert_eq!(answer.status(), status, "{body} bytes in chunks: {answer:?}");
        let mut h2 = site.h2();
        let request = h2.to(Method::POST, "/").body(()).unwrap();
        let answer = h2.ask(request, &vec![b'x'; body]);
        assert_eq!(answer.status.as_u16(), status, "{body} bytes over HTTP/2");
        if status == 413 {
            assert_eq!(answer.code(), "ERR_ADIT_4130");
        }
    }
    assert_eq!(site.upstream.seen().len(), 3, "none that is too long was ever whole");
    let long = site.get(&format!("/{}", "u".repeat(100)));
    assert_eq!((long.status(), long.code()), (414, "ERR_ADIT_4140"));
    let large = site.visitor().ask(format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nX-Large: {}\r\n\r\n",
        "h".repeat(4000)
    ));
    assert_eq!((large.status(), large.code()), (431, "ERR_ADIT_4310"));
    assert!(refused(server, &SIZES.replace("1000", "-1")).contains("max_body"));
}

fn timed(config: &str) -> String {
    format!("on_http_request:\n  - actions: [{{type: timeout, config: {{{config}}}}}]\n")
}

#[test]
fn a_service_that_says_nothing_is_given_up() {
    let server = Server::shared("policy");
    for (name, policy) in [
        ("late-head", timed("response_header: 200ms")),
        ("late-whole", timed("total: 200ms")),
        (
            "late-limit",
            "on_http_request:\n  - actions: [{type: request-limit, config: {max_duration: 200ms}}]\n".to_owned(),
        ),
    ] {
        let site = scripted(server, name, &policy);
        let mut visitor = site.visitor();
        let began = Instant::now();
        visitor.send(site.get_text("/"));
        let mut upstream = site.upstream.accept();
        upstream.request();
        let answer = visitor.receive(crate::harness::Of::Get);
        assert_eq!(
            (answer.status(), answer.code()),
            (504, "ERR_NGROK_3008"),
            "{name}: {answer:?}"
        );
        assert!(began.elapsed() >= Duration::from_millis(200), "{name}: never early");
        upstream.rest();
        // The visitor's connection lives on.
        visitor.send(site.get_text("/"));
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send(ok("in time"));
        assert_eq!(visitor.receive(crate::harness::Of::Get).text(), "in time", "{name}");
    }
}

/// A response that has begun can only be broken off.
#[test]
fn a_response_that_pauses_or_lasts_too_long_is_broken_off() {
    let server = Server::shared("policy");
    for (name, policy, pauses) in [
        ("idle", timed("idle: 300ms"), true),
        ("lasting", timed("total: 600ms, idle: 60s"), false),
    ] {
        let site = scripted(server, name, &policy);
        let mut visitor = site.visitor();
        visitor.send(site.get_text("/"));
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        assert_eq!(visitor.receive_head().status(), 200);
        assert_eq!(visitor.bytes(6), b"1\r\na\r\n");
        if pauses {
            let (rest, _) = visitor.rest();
            assert!(rest.is_empty(), "{name}: {}", rest.escape_ascii());
            upstream.rest();
        } else {
            // It never pauses, and is over all the same.
            while upstream.try_send("1\r\nb\r\n").is_ok() && !upstream.look() {
                std::thread::sleep(Duration::from_millis(20));
            }
            let (rest, _) = visitor.rest();
            assert!(!rest.ends_with(b"0\r\n\r\n"), "{name}");
        }
    }
}

/// A visitor that takes its time is not the service's delay.
#[test]
fn a_slow_upload_is_no_slow_answer() {
    let server = Server::shared("policy");
    let site = scripted(server, "slow-upload", &timed("response_header: 300ms"));
    let mut visitor = site.visitor();
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\na",
        site.host
    ));
    let mut upstream = site.upstream.accept();
    upstream.head();
    assert_eq!(upstream.bytes(1), b"a");
    std::thread::sleep(Duration::from_millis(1200));
    visitor.send("b");
    assert_eq!(upstream.bytes(1), b"b");
    upstream.send(ok("all of it"));
    assert_eq!(visitor.receive(crate::harness::Of::Get).text(), "all of it");
}
