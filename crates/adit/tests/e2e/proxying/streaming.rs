//! Nothing waits for more: each byte arrives before the next one is sent.

use bytes::Bytes;
use http::Method;

use crate::harness::h2_visitor::chunk;
use crate::harness::{End, Of, Server, Site};

fn server() -> &'static Server {
    Server::shared("proxying")
}

/// How a byte looks in a body.
type Encode = fn(u8) -> Vec<u8>;

/// Heads of endless responses of several kinds, and how one byte looks in their bodies.
const KINDS: [(&str, Encode); 5] = [
    (
        "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n",
        chunked,
    ),
    ("Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n", chunked),
    ("Transfer-Encoding: chunked\r\n", chunked),
    ("Content-Type: text/html\r\nContent-Length: 10\r\n", plain),
    ("Content-Type: application/octet-stream\r\nConnection: close\r\n", plain),
];

fn chunked(byte: u8) -> Vec<u8> {
    [b"1\r\n", &[byte][..], b"\r\n"].concat()
}

fn plain(byte: u8) -> Vec<u8> {
    vec![byte]
}

#[test]
fn a_response_byte_by_byte_over_http_1() {
    let site = Site::scripted(server(), "stream1", &[]);
    for (head, of) in KINDS {
        let mut visitor = site.visitor();
        visitor.send(site.get_text("/events"));
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n"));
        let got = visitor.receive_head();
        let in_chunks = got.get("transfer-encoding") == Some("chunked");
        for byte in b"0123456789" {
            upstream.send(of(*byte));
            if in_chunks {
                assert_eq!(visitor.bytes(6), chunked(*byte), "{head}");
            } else {
                assert_eq!(visitor.bytes(1), [*byte], "{head}");
            }
        }
        if of(0) == chunked(0) {
            upstream.send("0\r\n\r\n");
        }
        drop(upstream);
        if in_chunks {
            assert_eq!(visitor.bytes(5), b"0\r\n\r\n", "{head}");
        }
    }
}

#[test]
fn a_response_byte_by_byte_over_http_2() {
    let site = Site::scripted(server(), "stream2", &[]);
    let mut h2 = site.h2();
    for (head, of) in KINDS {
        let request = h2.to(Method::GET, "/events").body(()).unwrap();
        let (response, _) = h2.begin(request, true);
        let mut upstream = h2.meanwhile(|| {
            let mut upstream = site.upstream.accept();
            upstream.request();
            upstream.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n"));
            upstream
        });
        let response = h2.wait("the head", response).unwrap();
        assert_eq!(response.status(), 200);
        let mut body = response.into_body();
        for byte in b"0123456789" {
            upstream.send(of(*byte));
            assert_eq!(
                h2.wait("a byte", chunk(&mut body)).unwrap().as_deref(),
                Some(&[*byte][..]),
                "{head}"
            );
        }
        if of(0) == chunked(0) {
            upstream.send("0\r\n\r\n");
        }
        drop(upstream);
        assert_eq!(h2.wait("the end", chunk(&mut body)).unwrap(), None, "{head}");
    }
}

#[test]
fn a_request_byte_by_byte() {
    let site = Site::scripted(server(), "stream-up", &[]);
    let mut visitor = site.visitor();
    visitor.send(format!(
        "POST /up HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        site.host
    ));
    let mut upstream = site.upstream.accept();
    assert_eq!(upstream.head().get("transfer-encoding"), Some("chunked"));
    for byte in b"0123456789" {
        visitor.send(chunked(*byte));
        assert_eq!(upstream.bytes(6), chunked(*byte));
    }
    visitor.send("0\r\n\r\n");
    assert_eq!(upstream.bytes(5), b"0\r\n\r\n");
    upstream.send("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(visitor.receive(Of::Get).status(), 204);

    let mut h2 = site.h2();
    let request = h2
        .to(Method::POST, "/up")
        .header("content-length", "10")
        .body(())
        .unwrap();
    let (response, mut stream) = h2.begin(request, false);
    let mut upstream = h2.meanwhile(|| {
        // The connection of the first request was kept.
        upstream.head();
        upstream
    });
    for byte in b"0123456789" {
        stream
            .send_data(Bytes::copy_from_slice(&[*byte]), *byte == b'9')
            .unwrap();
        assert_eq!(h2.meanwhile(|| upstream.bytes(1)), [*byte]);
    }
    upstream.send("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(h2.wait("the answer", response).unwrap().status(), 204);
}

#[test]
fn both_directions_at_once() {
    let site = Site::scripted(server(), "stream-both", &[]);
    let mut visitor = site.visitor();
    visitor.send(format!(
        "POST /both HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        site.host
    ));
    let mut upstream = site.upstream.accept();
    upstream.head();
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(visitor.receive_head().status(), 200);
    for byte in b"abcdef" {
        visitor.send(chunked(*byte));
        let got = upstream.bytes(6);
        upstream.send(&got);
        assert_eq!(visitor.bytes(6), chunked(*byte));
    }
    visitor.send("0\r\n\r\n");
    assert_eq!(upstream.bytes(5), b"0\r\n\r\n");
    upstream.send("0\r\n\r\n");
    assert_eq!(visitor.bytes(5), b"0\r\n\r\n");
    visitor.finish();
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
}

/// A service that answers before it has read everything is heard at once.
#[test]
fn an_early_answer_is_delivered_while_the_body_still_comes() {
    let site = Site::scripted(server(), "stream-early", &[]);
    let mut visitor = site.visitor();
    visitor.send(format!(
        "POST /early HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n\r\n0123",
        site.host
    ));
    let mut upstream = site.upstream.accept();
    upstream.head();
    upstream.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    let answer = visitor.receive(Of::Get);
    assert_eq!((answer.status(), answer.text().as_str()), (413, "big"));
    drop(upstream);
    // What is left of the body is not the next request.
    let _ = visitor.try_send(site.get_text("/smuggled"));
    assert_eq!(visitor.rest().0, b"");
}
