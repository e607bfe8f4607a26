//! `Expect: 100-continue`: a body is asked for by the service, or after a second by the edge; never when the answer
//! is a refusal.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;

use crate::harness::h2_visitor::whole;
use crate::harness::message::ok;
use crate::harness::{End, Of, Server, Site, Visitor};

fn server() -> &'static Server {
    Server::shared("proxying")
}

fn post(host: &str, version: &str) -> String {
    format!("POST /upload HTTP/{version}\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
}

#[test]
fn the_service_asks_for_the_body() {
    let site = Site::scripted(server(), "expect-asks", &[]);
    let mut visitor = site.visitor();
    visitor.send(post(&site.host, "1.1"));
    let mut upstream = site.upstream.accept();
    assert_eq!(upstream.head().get("expect"), Some("100-continue"));
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(visitor.receive(Of::Get).status(), 100);
    visitor.send("body");
    assert_eq!(upstream.bytes(4), b"body");
    upstream.send(ok("thanks"));
    assert_eq!(visitor.receive(Of::Get).text(), "thanks");
    // The connection goes on.
    visitor.send(site.get_text("/next"));
    assert_eq!(upstream.request().target(), "/next");
    upstream.send(ok("next"));
    assert_eq!(visitor.receive(Of::Get).text(), "next");
}

#[test]
fn the_service_refuses_and_the_body_is_never_asked_for() {
    let site = Site::scripted(server(), "expect-refuses", &[]);
    let mut visitor = site.visitor();
    visitor.send(post(&site.host, "1.1"));
    let mut upstream = site.upstream.accept();
    upstream.head();
    upstream.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let answer = visitor.receive(Of::Get);
    assert_eq!((answer.status(), answer.text().as_str()), (403, "no"));
    // Whether the body still comes is not known, so nothing may follow on this connection or stream.
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
    assert_eq!(upstream.rest().0, b"");
}

#[test]
fn the_edge_refuses_and_the_body_is_never_asked_for() {
    let mut visitor = Visitor::tls(server(), "expect-nobody.adit.localhost");
    visitor.send(post("expect-nobody.adit.localhost", "1.1"));
    let answer = visitor.receive(Of::Get);
    assert_eq!((answer.status(), answer.code()), (404, "ERR_NGROK_3200"));
    assert_eq!(answer.get("connection"), Some("close"));
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
}

#[test]
fn after_a_second_of_silence_the_edge_asks() {
    let site = Site::scripted(server(), "expect-silent", &[]);
    let mut visitor = site.visitor();
    let began = Instant::now();
    visitor.send(post(&site.host, "1.1"));
    let mut upstream = site.upstream.accept();
    upstream.head();
    let interim = visitor.receive(Of::Get);
    assert_eq!((interim.status(), interim.fields.len()), (100, 0), "{interim:?}");
    assert!(
        (Duration::from_millis(900)..Duration::from_secs(6)).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
    visitor.send("body");
    assert_eq!(upstream.bytes(4), b"body");
    // A late 100 is not a second one.
    upstream.send(b"HTTP/1.1 100 Continue\r\n\r\n");
    upstream.send(ok("thanks"));
    assert_eq!(visitor.receive(Of::Get).text(), "thanks");
}

#[test]
fn a_body_that_comes_unasked_is_sent_on() {
    let site = Site::scripted(server(), "expect-unasked", &[]);
    let mut visitor = site.visitor();
    visitor.send(post(&site.host, "1.1") + "body");
    let mut upstream = site.upstream.accept();
    assert_eq!(upstream.request().text(), "body");
    upstream.send(ok("thanks"));
    assert_eq!(visitor.receive(Of::Get).text(), "thanks");
}

#[test]
fn http_1_0_does_not_know_of_it() {
    let site = Site::scripted(server(), "expect-old", &[]);
    let mut visitor = site.visitor();
    visitor.send(post(&site.host, "1.0") + "body");
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n");
    upstream.send(ok("thanks"));
    let answer = visitor.receive(Of::Get);
    assert_eq!(
        (answer.status(), answer.text().as_str()),
        (200, "thanks"),
        "no interim response to HTTP/1.0"
    );
}

#[test]
fn over_http_2() {
    let site = Site::scripted(server(), "expect2", &[]);
    let mut h2 = site.h2();
    let request = h2
        .to(Method::POST, "/upload")
        .header("expect", "100-continue")
        .header("content-length", "4")
        .body(())
        .unwrap();
    let (mut response, mut stream) = h2.begin(request, false);
    let mut upstream = h2.meanwhile(|| {
        let mut upstream = site.upstream.accept();
        assert_eq!(upstream.head().get("expect"), Some("100-continue"));
        upstream.send("HTTP/1.1 100 Continue\r\n\r\n");
        upstream
    });
    let interim = h2
        .wait("100", std::future::poll_fn(|cx| response.poll_informational(cx)))
        .unwrap()
        .unwrap();
    assert_eq!(interim.status(), 100);
    stream.send_data(Bytes::from_static(b"body"), true).unwrap();
    h2.meanwhile(|| {
        assert_eq!(upstream.bytes(4), b"body");
        upstream.send(ok("thanks"));
    });
    assert_eq!(h2.wait("200", whole(response)).unwrap().text(), "thanks");
}
