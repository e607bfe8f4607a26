//! `compress-response`: bodies are encoded as they pass, and streams stay streams.

use std::io::{Read as _, Write as _};

use http::Method;

use super::{endpoint, get, governed, refused, scripted, until, url};
use crate::harness::h2_visitor::{chunk, send_all};
use crate::harness::message::response;
use crate::harness::{Agent, H2, H2Service, Message, Of, Server, Visitor};

const POLICY: &str =
    "on_http_response:\n  - actions: [{type: compress-response, config: {algorithms: [gzip, deflate, br, zstd]}}]\n";

fn text() -> Vec<u8> {
    (0..4000)
        .flat_map(|n: u32| format!("line {n} of a text that repeats itself\n").into_bytes())
        .collect()
}

/// A whole body, decoded by the coding's own library.
#[track_caller]
fn decoded(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut out),
        "deflate" => flate2::read::ZlibDecoder::new(body).read_to_end(&mut out),
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut out),
        "zstd" => zstd::stream::read::Decoder::new(body).unwrap().read_to_end(&mut out),
        other => panic!("{other}"),
    }
    .unwrap();
    out
}

fn service(request: &Message) -> Vec<u8> {
    let plain = "Content-Type: text/plain\r\nETag: \"v1\"\r\nAccept-Ranges: bytes\r\n";
    let body = text();
    let with = |more: &str| response("200 OK", &format!("{plain}{more}"), &body);
    match request.target() {
        "/encoded" => with("Content-Encoding: br\r\n"),
        "/no-transform" => with("Cache-Control: no-transform\r\n"),
        "/image" => response("200 OK", "Content-Type: image/png\r\n", &body),
        "/small" => response("200 OK", plain, b"small"),
        "/part" => response("206 Partial Content", "Content-Range: bytes 0-9/100\r\n", &body),
        "/none" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "/same" => b"HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n".to_vec(),
        "/chunked" => [
            format!(
                "HTTP/1.1 200 OK\r\n{plain}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n",
                body.len()
            )
            .into_bytes(),
            body,
            b"\r\n0\r\n\r\n".to_vec(),
        ]
        .concat(),
        _ if request.method() == "HEAD" => {
            format!("HTTP/1.1 200 OK\r\n{plain}Content-Length: {}\r\n\r\n", body.len()).into_bytes()
        }
        _ => with(""),
    }
}

#[test]
fn each_coding_is_spoken_and_the_head_tells_the_truth() {
    let server = Server::shared("policy");
    let site = governed(server, "compressed", POLICY, service);
    let (mut visitor, mut h2) = (site.visitor(), site.h2());
    for coding in ["gzip", "deflate", "br", "zstd"] {
        for target in ["/", "/chunked"] {
            let answer = visitor.ask(format!(
                "GET {target} HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: {coding}\r\n\r\n",
                site.host
            ));
            assert_eq!(answer.get("content-encoding"), Some(coding), "{answer:?}");
            assert_eq!(answer.get("content-length"), None);
            assert_eq!(answer.get("etag"), Some("W/\"v1\""));
            assert_eq!(answer.all("vary"), ["Accept-Encoding"]);
            assert_eq!(answer.get("accept-ranges"), None);
            assert!(answer.body.len() < text().len() / 4, "{} bytes", answer.body.len());
            assert!(decoded(coding, &answer.body) == text(), "{coding} {target}");

            let request = h2
                .to(Method::GET, target)
                .header("accept-encoding", coding)
                .body(())
                .unwrap();
            let answer = h2.ask(request, b"");
            assert_eq!(answer.get("content-encoding"), Some(coding));
            assert_eq!(answer.get("content-length"), None);
            assert!(decoded(coding, &answer.body) == text(), "{coding} {target} over HTTP/2");
        }
    }
    let weighed = visitor.ask(format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip;q=0.5, br, *;q=0\r\n\r\n",
        site.host
    ));
    assert_eq!(weighed.get("content-encoding"), Some("br"));
    let plain = get(&mut visitor, &site.host, "/");
    assert_eq!(
        (plain.get("content-encoding"), plain.get("vary")),
        (None, Some("Accept-Encoding"))
    );
    assert!(plain.body == text());
    let old = site.visitor().ask(format!(
        "GET / HTTP/1.0\r\nHost: {}\r\nAccept-Encoding: gzip\r\n\r\n",
        site.host
    ));
    assert!(
        decoded("gzip", &old.body) == text(),
        "its end is that of the connection"
    );
    assert!(
        refused(
            server,
            "on_http_response:\n  - actions: [{type: compress-response, config: {algorithms: [lzma]}}]\n"
        )
        .contains("on_http_response[0].actions[0]")
    );
}

#[test]
fn what_gains_nothing_or_may_not_be_changed_is_left_alone() {
    let server = Server::shared("policy");
    let site = governed(server, "uncompressed", POLICY, service);
    let mut visitor = site.visitor();
    for target in [
        "/encoded",
        "/no-transform",
        "/image",
        "/small",
        "/part",
        "/none",
        "/same",
    ] {
        let answer = visitor.ask(format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip\r\n\r\n",
            site.host
        ));
        let (coding, direct) = (answer.get("content-encoding"), service(&request(target)));
        assert_eq!(coding.is_some(), target == "/encoded", "{answer:?}");
        assert!(direct.ends_with(&answer.body), "{target}");
        if !matches!(target, "/none" | "/same") {
            assert_eq!(
                answer.get("content-length"),
                Some(answer.body.len().to_string().as_str()),
                "{target}"
            );
        }
    }
    let head = visitor.ask_of(
        format!(
            "HEAD / HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip\r\n\r\n",
            site.host
        ),
        Of::Head,
    );
    assert_eq!(head.get("content-length"), Some(text().len().to_string().as_str()));
    assert_eq!((head.get("content-encoding"), head.get("etag")), (None, Some("\"v1\"")));
}

/// The text of a request for this target.
fn request(target: &str) -> Message {
    Message {
        start: format!("GET {target} HTTP/1.1"),
        ..Message::default()
    }
}

/// Each event can be decoded before the next one is sent.
#[test]
fn events_do_not_wait_for_each_other() {
    let server = Server::shared("policy");
    let site = scripted(server, "compressed-events", POLICY);
    let mut visitor = site.visitor();
    visitor.send(format!(
        "GET /events HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip\r\n\r\n",
        site.host
    ));
    let mut upstream = site.upstream.accept();
    upstream.request();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    upstream.send(head);
    assert_eq!(visitor.receive_head().get("content-encoding"), Some("gzip"));
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    for n in 0..5 {
        let event = format!("data: {n}\n\n");
        upstream.send(format!("{:x}\r\n{event}\r\n", event.len()));
        while !decoder.get_ref().ends_with(event.as_bytes()) {
            let piece = next_chunk(&mut visitor);
            decoder.write_all(&piece).unwrap();
            decoder.flush().unwrap();
        }
    }
    upstream.send("0\r\n\r\n");
    loop {
        let piece = next_chunk(&mut visitor);
        if piece.is_empty() {
            break;
        }
        decoder.write_all(&piece).unwrap();
    }
    assert_eq!(
        decoder.finish().unwrap(),
        b"data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n"
    );

    let mut h2 = site.h2();
    let request = h2
        .to(Method::GET, "/events")
        .header("accept-encoding", "gzip")
        .body(())
        .unwrap();
    let (response, _) = h2.begin(request, true);
    let mut upstream = h2.meanwhile(|| {
        upstream.request();
        upstream.send(head);
        upstream
    });
    let mut body = h2.wait("the head", response).unwrap().into_body();
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    for n in 0..5 {
        let event = format!("data: {n}\n\n");
        upstream.send(format!("{:x}\r\n{event}\r\n", event.len()));
        while !decoder.get_ref().ends_with(event.as_bytes()) {
            let piece = h2.wait("a piece", chunk(&mut body)).unwrap().unwrap();
            decoder.write_all(&piece).unwrap();
            decoder.flush().unwrap();
        }
    }
    drop(upstream);
    let broken = h2.wait("the end", async {
        while chunk(&mut body).await?.is_some() {}
        Ok::<_, h2::Error>(())
    });
    assert!(broken.is_err(), "a stream that broke off is not made whole");
}

/// One chunk of a response in chunks; the last one is empty.
#[track_caller]
fn next_chunk(visitor: &mut Visitor) -> Vec<u8> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(visitor.bytes(1));
    }
    let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
    let piece = visitor.bytes(size);
    assert_eq!(visitor.bytes(2), b"\r\n");
    piece
}

#[test]
fn the_service_may_speak_http_2_and_the_body_be_large() {
    let server = Server::shared("policy");
    let body: bytes::Bytes = text().repeat(20).into();
    let sent = body.clone();
    let service = H2Service::start(move |_, mut respond| {
        let body = sent.clone();
        async move {
            let head = http::Response::builder()
                .header("content-type", "text/plain")
                .body(())
                .unwrap();
            let mut stream = respond.send_response(head, false).unwrap();
            send_all(&mut stream, body, true).await.unwrap();
        }
    });
    let host = server.host("compressed-h2");
    let policy = super::file(POLICY);
    let _agent = Agent::http(server, service.address())
        .url(&format!("https://{host}"))
        .args([
            "--upstream-protocol",
            "http2",
            "--traffic-policy-file",
            policy.path().to_str().unwrap(),
        ])
        .start();
    let mut h2 = H2::connect(server, &host);
    for coding in ["gzip", "br", "zstd"] {
        let request = h2
            .to(Method::GET, "/")
            .header("accept-encoding", coding)
            .body(())
            .unwrap();
        let answer = h2.ask(request, b"");
        assert_eq!(answer.get("content-encoding"), Some(coding));
        assert!(decoded(coding, &answer.body) == body, "{coding}");
        let mut visitor = Visitor::tls(server, &host);
        let answer = visitor.ask(format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: {coding}\r\n\r\n"
        ));
        assert!(decoded(coding, &answer.body) == body, "{coding}");
    }
}

/// A policy of the request decides about a response that is not there yet: also one that the edge makes.
#[test]
fn answers_of_a_policy_are_compressed_too() {
    let server = Server::start();
    let host = server.host("compressed-cloud");
    let long = "to be read ".repeat(100);
    let policy = format!(
        "on_http_request:\n  - actions:\n      - {{type: compress-response}}\n  - expressions: [\"req.url.path == '/denied'\"]\n    \
         actions: [{{type: deny}}]\n  - actions: [{{type: custom-response, config: {{body: \"{long}\"}}}}]\n"
    );
    endpoint(&server, &url(&server, &host), &policy);
    let mut visitor = Visitor::tls(&server, &host);
    until("in force", || get(&mut visitor, &host, "/"), |m| m.status() == 200);
    let mut ask = |target: &str| {
        visitor.ask(format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: br, gzip\r\n\r\n"
        ))
    };
    let answer = ask("/");
    assert_eq!(
        (answer.get("content-encoding"), answer.get("vary")),
        (Some("gzip"), Some("Accept-Encoding"))
    );
    assert_eq!(
        answer.get("content-length"),
        Some(answer.body.len().to_string().as_str()),
        "{answer:?}"
    );
    assert_eq!(decoded("gzip", &answer.body), long.as_bytes());
    let denied = ask("/denied");
    assert_eq!(
        (denied.status(), denied.get("content-encoding")),
        (403, None),
        "too short"
    );
}
