//! `response-body-find-replace`: a body is read whole, changed, and sent with the length that it has then.

use std::io::Write as _;

use http::Method;

use super::{endpoint, get, governed, refused, scripted, until, url};
use crate::harness::h2_visitor::send_all;
use crate::harness::message::response;
use crate::harness::{Agent, H2, H2Service, Message, Of, Server, Visitor};

const POLICY: &str = "on_http_response:\n\
    \x20 - expressions: [\"!req.url.path.startsWith('/alone')\"]\n\
    \x20   actions:\n\
    \x20     - type: response-body-find-replace\n\
    \x20       config: {replacements: [{from: 'inner-(\\d)', to: 'outer-number-$1'}], max_body: 100000}\n";

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn service(request: &Message) -> Vec<u8> {
    let body = b"see inner-1 and inner-2";
    match request.target() {
        "/chunked" | "/alone-chunked" => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
            [head.as_bytes(), b"8\r\nsee inne\r\nf\r\nr-1 and inner-2\r\n0\r\n\r\n"].concat()
        }
        "/gzip" => response("200 OK", "Content-Encoding: gzip\r\n", &gzip(body)),
        "/unknown" => response("200 OK", "Content-Encoding: secret\r\n", body),
        "/events" => response("200 OK", "Content-Type: text/event-stream\r\n", body),
        "/large" => response("200 OK", "", &vec![b'x'; 100_001]),
        "/large-chunked" => {
            let mut out = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for _ in 0..11 {
                out.extend(b"2710\r\n");
                out.extend([b'x'; 10_000]);
                out.extend(b"\r\n");
            }
            out.extend(b"0\r\n\r\n");
            out
        }
        "/nothing" => response("200 OK", "", b"no match here"),
        "/none" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        _ if request.method() == "HEAD" => b"HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n".to_vec(),
        _ => response("200 OK", "X-Own: 1\r\n", body),
    }
}

const MADE: &str = "see outer-number-1 and outer-number-2";

#[test]
fn a_body_is_changed_and_its_length_with_it() {
    let server = Server::shared("policy");
    let site = governed(server, "replaced", POLICY, service);
    let (mut visitor, mut h2) = (site.visitor(), site.h2());
    for (target, length) in [("/", true), ("/chunked", false), ("/gzip", true)] {
        let answer = get(&mut visitor, &site.host, target);
        assert_eq!((answer.status(), answer.text().as_str()), (200, MADE), "{target}");
        let told = answer
            .get("content-length")
            .map(|length| length.parse::<usize>().unwrap());
        assert_eq!(told, length.then_some(MADE.len()), "{target}");
        assert_eq!(answer.get("content-encoding"), None, "{target}");
        let answer = h2.get(target);
        assert_eq!(answer.text(), MADE, "{target} over HTTP/2");
    }
    for (target, body) in [
        ("/nothing", "no match here"),
        ("/unknown", "see inner-1 and inner-2"),
        ("/events", "see inner-1 and inner-2"),
        ("/alone", "see inner-1 and inner-2"),
        ("/alone-chunked", "see inner-1 and inner-2"),
        ("/none", ""),
    ] {
        assert_eq!(get(&mut visitor, &site.host, target).text(), body, "{target}");
    }
    let head = visitor.ask_of(format!("HEAD / HTTP/1.1\r\nHost: {}\r\n\r\n", site.host), Of::Head);
    assert_eq!((head.status(), head.get("content-length")), (200, Some("23")));
    for target in ["/large", "/large-chunked"] {
        let answer = get(&mut visitor, &site.host, target);
        assert_eq!(
            (answer.status(), answer.code()),
            (502, "ERR_NGROK_3903"),
            "{target}: {answer:?}"
        );
        assert_eq!(h2.get(target).code(), "ERR_NGROK_3903");
    }
    // The connections live on.
    assert_eq!(get(&mut visitor, &site.host, "/").text(), MADE);
    assert!(refused(server, &POLICY.replace("inner-(", "inner-((")).contains("replacements[0].from"));
}

#[test]
fn a_body_that_breaks_off_is_no_body() {
    let server = Server::shared("policy");
    let site = scripted(server, "replaced-broken", POLICY);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsee inner-1");
    drop(upstream);
    let answer = visitor.receive(Of::Get);
    assert_eq!((answer.status(), answer.code()), (500, "ERR_NGROK_3902"), "{answer:?}");
    // What the visitor still sends goes on while the answer is read.
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 8\r\n\r\nhalf",
        site.host
    ));
    let mut upstream = site.upstream.accept();
    upstream.head();
    assert_eq!(upstream.bytes(4), b"half");
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ninner-1 \r\n");
    visitor.send("rest");
    assert_eq!(upstream.bytes(4), b"rest");
    upstream.send("7\r\ninner-2\r\n0\r\n\r\n");
    assert_eq!(visitor.receive(Of::Get).text(), "outer-number-1 outer-number-2");
}

#[test]
fn what_is_changed_can_be_compressed_and_come_over_http_2() {
    let server = Server::shared("policy");
    let text = "inner-1 and more of it, ".repeat(3000);
    let sent = bytes::Bytes::from(text.clone());
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
    let host = server.host("replaced-h2");
    let policy = super::file(&format!("{POLICY}\x20 - actions: [{{type: compress-response}}]\n"));
    let _agent = Agent::http(server, service.address())
        .url(&format!("https://{host}"))
        .args([
            "--upstream-protocol",
            "http2",
            "--traffic-policy-file",
            policy.path().to_str().unwrap(),
        ])
        .start();
    let made = text.replace("inner-1", "outer-number-1");
    let mut h2 = H2::connect(server, &host);
    assert!(h2.get("/").text() == made);
    let request = h2
        .to(Method::GET, "/")
        .header("accept-encoding", "gzip")
        .body(())
        .unwrap();
    let answer = h2.ask(request, b"");
    assert_eq!(answer.get("content-encoding"), Some("gzip"));
    let mut decoded = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut decoded).unwrap();
    assert!(decoded == made);
}

/// The response phase sees what the request phase answered.
#[test]
fn an_answer_of_a_policy_is_changed_too() {
    let server = Server::start();
    let host = server.host("replaced-cloud");
    let policy = format!(
        "on_http_request:\n  - actions: [{{type: custom-response, config: {{body: 'mine: inner-7'}}}}]\n{POLICY}"
    );
    endpoint(&server, &url(&server, &host), &policy);
    let mut visitor = Visitor::tls(&server, &host);
    let answer = until("in force", || get(&mut visitor, &host, "/"), |m| m.status() == 200);
    assert_eq!(answer.text(), "mine: outer-number-7");
}
