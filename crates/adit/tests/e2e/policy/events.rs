//! `sse-find-replace`: the messages of an event stream are changed one by one, and none waits for the next.

use http::Method;

use super::scripted;
use crate::harness::Server;
use crate::harness::h2_visitor::chunk;

const POLICY: &str = "on_event_stream_message:\n\
    \x20 - actions:\n\
    \x20     - type: sse-find-replace\n\
    \x20       config: {replacements: [{from: 'secret-(\\d+)', to: 'number $1'}, {field: retry, from: '^.*$', to: '5'}]}\n";

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nContent-Length: 1000\r\n\r\n";

#[test]
fn messages_are_changed_one_by_one() {
    let server = Server::shared("policy");
    let site = scripted(server, "events", POLICY);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send(HEAD);
    let head = visitor.receive_head();
    assert_eq!(
        (head.get("content-length"), head.get("transfer-encoding")),
        (None, Some("chunked"))
    );
    for (sent, got) in [
        ("data: secret-1\n\n", "data: number 1\n\n"),
        (
            "id: 7\ndata: a secret-22\ndata: b\n\n",
            "id: 7\ndata: a number 22\ndata: b\n\n",
        ),
        (": ping\r\n\r\n", ": ping\r\n\r\n"),
        ("retry: 1000\n\n", "retry: 5\n\n"),
        // Two at once.
        ("data: secret-3\n\ndata: x\n\n", "data: number 3\n\ndata: x\n\n"),
    ] {
        upstream.send(sent);
        let mut seen = String::new();
        while seen.len() < got.len() {
            seen.push_str(&next_chunk(&mut visitor));
        }
        assert_eq!(seen, got);
    }
    // In pieces, byte by byte.
    for byte in b"data: secret-4\n\n" {
        upstream.send([*byte]);
    }
    assert_eq!(next_chunk(&mut visitor), "data: number 4\n\n");

    let mut h2 = site.h2();
    let request = h2.to(Method::GET, "/").body(()).unwrap();
    let (response, _) = h2.begin(request, true);
    let mut other = h2.meanwhile(|| {
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
        upstream
    });
    let mut body = h2.wait("the head", response).unwrap().into_body();
    other.send("data: secret-5\n\ndata: no end");
    let first = h2.wait("a message", chunk(&mut body)).unwrap().unwrap();
    assert_eq!(&first[..], b"data: number 5\n\n");
    drop(other);
    let rest = h2.wait("the rest", chunk(&mut body)).unwrap().unwrap();
    assert_eq!(&rest[..], b"data: no end", "what is no message passes as it is");
    assert!(h2.wait("the end", chunk(&mut body)).unwrap().is_none());
}

/// What is no event stream, or is encoded, is not looked at.
#[test]
fn other_bodies_pass_as_they_are() {
    let server = Server::shared("policy");
    let site = super::governed(server, "no-events", POLICY, |request| {
        let fields = match request.target() {
            "/text" => "Content-Type: text/plain\r\n",
            _ => "Content-Type: text/event-stream\r\nContent-Encoding: br\r\n",
        };
        crate::harness::message::response("200 OK", fields, b"data: secret-1\n\n")
    });
    for target in ["/text", "/encoded"] {
        let answer = site.get(target);
        assert_eq!(
            (answer.text().as_str(), answer.get("content-length")),
            ("data: secret-1\n\n", Some("16"))
        );
    }
}

/// A rule that cannot be evaluated lets nothing pass.
#[test]
fn a_message_that_breaks_its_rule_ends_the_stream() {
    let server = Server::shared("policy");
    let policy = POLICY.replace("number $1", "${req.headers[''x-missing''][0]}");
    let site = scripted(server, "broken-events", &policy);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send(HEAD);
    visitor.receive_head();
    upstream.send("data: secret-1\n\n");
    assert!(visitor.rest().0.is_empty());
    upstream.rest();
}

#[track_caller]
fn next_chunk(visitor: &mut crate::harness::Visitor) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(visitor.bytes(1));
    }
    let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
    let piece = visitor.bytes(size);
    assert_eq!(visitor.bytes(2), b"\r\n");
    String::from_utf8(piece).unwrap()
}
