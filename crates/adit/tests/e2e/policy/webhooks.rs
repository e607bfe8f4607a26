//! Bodies that policies read before they go on: signatures of webhooks, expressions over `req.body`, replacements.

use std::io::Write as _;

use aws_lc_rs::hmac;

use crate::harness::message::{ok, response};
use crate::harness::{Agent, Directory, Of, Server, Service, Site, Visitor, eventually};

fn file(policy: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(policy.as_bytes()).unwrap();
    file
}

/// An endpoint with this policy, whose service answers with the body that it got.
fn site<'s>(server: &'s Server, name: &str, policy: &str) -> Site<'s, Service> {
    let file = file(policy);
    let flags = ["--traffic-policy-file", file.path().to_str().unwrap()];
    Site::answering(server, name, &flags, |request| response("200 OK", "", &request.body))
}

const GITHUB: &str =
    "on_http_request:\n  - actions: [{type: verify-webhook, config: {provider: github, secret: s3cret}}]\n";

fn signature(body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret");
    let tag = hmac::sign(&key, body);
    tag.as_ref().iter().fold("sha256=".to_owned(), |mut hex, byte| {
        use std::fmt::Write as _;
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn head(host: &str, signature: &str, more: &str) -> String {
    format!("POST /hook HTTP/1.1\r\nHost: {host}\r\nX-Hub-Signature-256: {signature}\r\n{more}\r\n")
}

#[test]
fn a_webhook_comes_in_as_its_sender_signed_it() {
    let server = Server::shared("policy");
    let site = site(server, "hooks", GITHUB);
    let mut visitor = site.visitor();
    let body = br#"{"action": "opened"}"#;
    let length = format!("Content-Length: {}\r\n", body.len());
    let send = |visitor: &mut Visitor, signature: &str| {
        visitor.send(head(&site.host, signature, &length));
        visitor.send(body);
        visitor.receive(Of::Get)
    };
    let good = send(&mut visitor, &signature(body));
    assert_eq!((good.status(), &good.body[..]), (200, &body[..]), "{good:?}");
    for wrong in ["sha256=00", "", &signature(b"another body")] {
        let refused = send(&mut visitor, wrong);
        assert_eq!(
            (refused.status(), refused.code()),
            (403, "ERR_NGROK_3204"),
            "{refused:?}"
        );
    }
    assert_eq!(site.upstream.seen().len(), 1);
    // In chunks, with trailers, and over HTTP/2.
    visitor.send(head(
        &site.host,
        &signature(body),
        "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n",
    ));
    for byte in body {
        visitor.send(format!("1\r\n{}\r\n", char::from(*byte)));
    }
    visitor.send("0\r\nX-Sum: 7\r\n\r\n");
    let chunked = visitor.receive(Of::Get);
    assert_eq!((chunked.status(), &chunked.body[..]), (200, &body[..]), "{chunked:?}");
    let seen = site.upstream.seen().pop().unwrap();
    assert_eq!(seen.trailers, [("X-Sum".to_owned(), "7".to_owned())], "{seen:?}");
    let mut h2 = site.h2();
    let large = vec![b'z'; 400_000];
    for (signature, status) in [(signature(&large), 200), (signature(body), 403)] {
        let request = h2
            .to(http::Method::POST, "/hook")
            .header("x-hub-signature-256", signature)
            .body(())
            .unwrap();
        let answer = h2.ask(request, &large);
        assert_eq!(answer.status.as_u16(), status);
        assert!(status != 200 || answer.body == large);
    }
}

#[test]
fn a_body_that_is_not_http_is_refused_as_such() {
    let server = Server::shared("policy");
    let site = site(server, "hooks-broken", GITHUB);
    let mut visitor = site.visitor();
    visitor.send(head(&site.host, "sha256=00", "Transfer-Encoding: chunked\r\n"));
    visitor.send("5\r\nabcdeX\r\n0\r\n\r\n");
    let refused = visitor.receive(Of::Get);
    assert_eq!(
        (refused.status(), refused.code()),
        (400, "ERR_ADIT_4003"),
        "{refused:?}"
    );
    assert!(site.upstream.seen().is_empty());
}

#[test]
fn nobody_is_asked_for_a_body_that_will_not_be_read() {
    let server = Server::shared("policy");
    let site = site(server, "hooks-expect", GITHUB);
    let body = b"payload";
    let mut visitor = site.visitor();
    let length = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len());
    visitor.send(head(&site.host, &signature(body), &length));
    assert_eq!(visitor.receive_head().status(), 100);
    visitor.send(body);
    let answer = visitor.receive(Of::Get);
    assert_eq!((answer.status(), &answer.body[..]), (200, &body[..]));
    assert_eq!(
        site.upstream.seen().pop().unwrap().get("expect"),
        None,
        "that was answered"
    );
    let mut visitor = site.visitor();
    let length = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", (5 << 20) + 1);
    visitor.send(head(&site.host, &signature(body), &length));
    let refused = visitor.receive(Of::Get);
    assert_eq!(
        (refused.status(), refused.code()),
        (413, "ERR_ADIT_4130"),
        "{refused:?}"
    );
    // The same where the length is not told before.
    let mut visitor = site.visitor();
    visitor.send(head(&site.host, &signature(body), "Transfer-Encoding: chunked\r\n"));
    let piece = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    for _ in 0..6 {
        if visitor.try_send(&piece).is_err() {
            break;
        }
    }
    let refused = visitor.receive(Of::Get);
    assert_eq!(
        (refused.status(), refused.code()),
        (413, "ERR_ADIT_4130"),
        "{refused:?}"
    );
    assert_eq!(site.upstream.seen().len(), 1);
}

/// A kept connection of the service closes in the moment in which a request comes: it is sent again, body and all.
#[test]
fn a_body_that_was_read_is_sent_again() {
    let server = Server::shared("policy");
    let policy = file(GITHUB);
    let flags = ["--traffic-policy-file", policy.path().to_str().unwrap()];
    let site = Site::scripted(server, "hooks-again", &flags);
    let body = vec![b'y'; 300_000];
    let length = format!("Content-Length: {}\r\n", body.len());
    let put = head(&site.host, &signature(&body), &length).replace("POST", "PUT");
    let mut visitor = site.visitor();
    visitor.send(&put);
    visitor.send(&body);
    let mut first = site.upstream.accept();
    assert!(first.request().body == body);
    first.send(ok("one"));
    assert_eq!(visitor.receive(Of::Get).text(), "one");
    visitor.send(&put);
    visitor.send(&body);
    assert!(first.request().body == body);
    drop(first);
    let mut second = site.upstream.accept();
    assert!(second.request().body == body, "the whole of it once more");
    second.send(ok("two"));
    assert_eq!(visitor.receive(Of::Get).text(), "two");
}

#[test]
fn expressions_read_bodies() {
    let server = Server::shared("policy");
    let policy = "on_http_request:\n  - expressions: [\"req.body.json.action == 'opened'\"]\n    actions: [{type: add-headers, config: {headers: {x-action: opened}}}]\n  - expressions: [\"req.body.text.contains('DROP TABLE')\"]\n    actions: [{type: deny, config: {status_code: 422}}]\n";
    let site = site(server, "bodies", policy);
    let mut visitor = site.visitor();
    let mut post = |body: &str| {
        visitor.ask(format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            site.host,
            body.len()
        ))
    };
    assert_eq!(post(r#"{"action": "opened"}"#).text(), r#"{"action": "opened"}"#);
    assert_eq!(site.upstream.seen().pop().unwrap().get("x-action"), Some("opened"));
    assert_eq!(post("no JSON").text(), "no JSON");
    assert_eq!(site.upstream.seen().pop().unwrap().get("x-action"), None);
    assert_eq!(post("; DROP TABLE users").status(), 422);
    assert_eq!(post("").status(), 200);
    let large = post(&"x".repeat((64 << 10) + 1));
    assert_eq!((large.status(), large.code()), (413, "ERR_ADIT_5202"), "{large:?}");
    assert_eq!(site.get("/").status(), 200, "no body is an empty one");
}

#[test]
fn bodies_are_rewritten_with_their_length() {
    let server = Server::shared("policy");
    let policy = "on_http_request:\n  - actions:\n      - {type: request-body-find-replace, config: {replacements: [{from: 'secret-\\d+', to: '[redacted]'}]}}\n";
    let site = site(server, "rewritten", policy);
    let (body, after) = ("a secret-1234567890123 b secret-1 c", "a [redacted] b [redacted] c");
    let mut visitor = site.visitor();
    let answer = visitor.ask(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
        site.host,
        body.len()
    ));
    assert_eq!(answer.text(), after);
    let seen = site.upstream.seen().pop().unwrap();
    assert_eq!(seen.all("content-length"), [after.len().to_string().as_str()]);
    let answer = visitor.ask(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        site.host,
        body.len()
    ));
    assert_eq!(answer.text(), after);
    let mut h2 = site.h2();
    let request = h2.to(http::Method::POST, "/").body(()).unwrap();
    assert_eq!(h2.ask(request, body.as_bytes()).text(), after);
    assert_eq!(site.get("/").status(), 200);

    // Read by one policy, changed by the next one behind it.
    let inner = file(policy);
    let echo = Service::start(|request| response("200 OK", "", &request.body));
    let _inner = Agent::http(server, echo.address())
        .url("https://rewriting.internal")
        .args(["--traffic-policy-file", inner.path().to_str().unwrap()])
        .start();
    let outer =
        format!("{GITHUB}  - actions: [{{type: forward-internal, config: {{url: 'https://rewriting.internal'}}}}]\n");
    let outer = self::site(server, "reading", &outer);
    let answer = outer.visitor().ask(format!(
        "{}{body}",
        head(
            &outer.host,
            &signature(body.as_bytes()),
            &format!("Content-Length: {}\r\n", body.len())
        )
    ));
    assert_eq!(answer.text(), after, "{answer:?}");
}

/// Bodies that wait for their end are bounded by the node's budget, whatever each may have.
#[test]
fn bodies_that_are_held_have_a_budget() {
    let directory = Directory::new();
    let mut command = directory.dev_on_free_ports();
    command.env("ADIT_SERVER__LIMITS__BUFFERS", "4MiB");
    let server = Server::started(directory, &mut command);
    let site = site(&server, "held", GITHUB);
    let begin = |n: usize| {
        let mut visitor = site.visitor();
        visitor.send(head(&site.host, "sha256=00", "Content-Length: 3000000\r\n"));
        // Who is refused may not be listened to until the end.
        let _ = visitor.try_send(vec![b'x'; n]);
        visitor
    };
    let mut holding = begin(2_900_000);
    eventually("it is counted", || {
        (server.metric("adit_buffers_bytes", &["sessions"]) >= 2_900_000.0).then_some(())
    });
    let mut refused = begin(1_400_000);
    let answer = refused.receive(Of::Get);
    assert_eq!((answer.status(), answer.code()), (503, "ERR_NGROK_743"), "{answer:?}");
    holding.send(vec![b'x'; 100_000]);
    assert_eq!(
        holding.receive(Of::Get).status(),
        403,
        "the one that has its room is served"
    );
    eventually("the room is free again", || {
        let mut visitor = begin(3_000_000);
        let answer = visitor.try_receive(Of::Get);
        answer.is_ok_and(|answer| answer.status() == 403).then_some(())
    });
}
