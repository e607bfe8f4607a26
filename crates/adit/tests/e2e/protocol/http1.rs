//! HTTP/1: both versions, methods, expectations, pipelining, ends of connections.

use crate::harness::message::{ok, response};
use crate::harness::{End, Of, Server, Site, Visitor};

fn server() -> &'static Server {
    Server::shared("http1")
}

#[test]
fn http_1_0_is_answered_and_closed_and_never_chunked() {
    let site = Site::answering(server(), "one-zero", &[], |request| match request.target() {
        "/chunked" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_vec(),
        "/close" => b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde".to_vec(),
        _ => ok("abcde"),
    });
    for target in ["/length", "/chunked", "/close"] {
        for more in ["", "Connection: keep-alive\r\n"] {
            let mut visitor = site.visitor();
            visitor.send(format!("GET {target} HTTP/1.0\r\nHost: {}\r\n{more}\r\n", site.host));
            let answer = visitor.receive(Of::Get);
            assert_eq!((answer.status(), answer.text().as_str()), (200, "abcde"), "{target}");
            assert_eq!(answer.get("transfer-encoding"), None);
            assert_eq!(answer.get("connection"), Some("close"));
            assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
        }
    }
}

#[test]
fn http_1_0_without_host_is_served_under_the_name_of_the_handshake_only() {
    let site = Site::answering(server(), "no-host", &[], |_| ok("by name"));
    let mut visitor = site.visitor();
    visitor.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(visitor.receive(Of::Get).text(), "by name");
    let seen = site.upstream.seen();
    assert_eq!(
        seen[0].all("host").len(),
        1,
        "HTTP/1.1 upstreams need one: {:?}",
        seen[0]
    );

    let mut plain = Visitor::plain(server().info.http);
    plain.send("GET / HTTP/1.0\r\n\r\n");
    let answer = plain.receive(Of::Get);
    assert_eq!((answer.status(), answer.code()), (400, "ERR_ADIT_4002"));
}

#[test]
fn any_token_is_a_method_but_two() {
    let site = Site::answering(server(), "methods", &[], |_| ok("x"));
    let mut visitor = site.visitor();
    for method in [
        "PURGE",
        "PROPFIND",
        "patch",
        "M-SEARCH",
        "X!#$%&'*+-.^_`|~9",
        "OPTIONS",
        "DELETE",
    ] {
        let answer = visitor.ask(format!("{method} /m HTTP/1.1\r\nHost: {}\r\n\r\n", site.host));
        assert_eq!(answer.status(), 200, "{method}");
        assert_eq!(site.upstream.seen().last().unwrap().method(), method);
    }
    for (request, target) in [("TRACE", "/"), ("CONNECT", "example.com:443")] {
        let mut visitor = site.visitor();
        let answer = visitor.ask(format!("{request} {target} HTTP/1.1\r\nHost: {}\r\n\r\n", site.host));
        assert_eq!((answer.status(), answer.code()), (405, "ERR_ADIT_4050"), "{request}");
        assert_eq!(
            answer.get("allow"),
            Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        );
        assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
    }
    assert_eq!(site.upstream.seen().len(), 7);
}

#[test]
fn versions_and_expectations_that_are_not_spoken() {
    let site = Site::answering(server(), "not-spoken", &[], |_| ok("x"));
    for (request, status, code) in [
        ("GET / HTTP/3.1\r\nHost: H\r\n\r\n", 505, "ERR_ADIT_5050"),
        ("GET / HTTP/2.0\r\nHost: H\r\n\r\n", 505, "ERR_ADIT_5050"),
        ("GET / HTTP/0.9\r\nHost: H\r\n\r\n", 505, "ERR_ADIT_5050"),
        ("GET / HTTP/1.1\r\nHost: H\r\nExpect: foo\r\n\r\n", 417, "ERR_ADIT_4170"),
        (
            "GET / HTTP/1.1\r\nHost: H\r\nExpect: 100-continue, foo\r\n\r\n",
            417,
            "ERR_ADIT_4170",
        ),
    ] {
        let mut visitor = site.visitor();
        let answer = visitor.ask(request.replace("Host: H", &format!("Host: {}", site.host)));
        assert_eq!((answer.status(), answer.code()), (status, code), "{request}");
        assert_eq!(answer.get("connection"), Some("close"));
        assert_eq!(visitor.rest(), (Vec::new(), End::Clean), "{request}");
    }
    let mut visitor = site.visitor();
    assert_eq!(
        visitor
            .ask(format!("GET / HTTP/1.2\r\nHost: {}\r\n\r\n", site.host))
            .status(),
        200,
        "1.2 is treated as 1.1"
    );
    assert_eq!(site.upstream.seen().len(), 1);
}

#[test]
fn options_for_the_server_as_a_whole_passes_as_asterisk() {
    let site = Site::answering(server(), "asterisk", &[], |_| ok("x"));
    let mut visitor = site.visitor();
    assert_eq!(
        visitor
            .ask(format!("OPTIONS * HTTP/1.1\r\nHost: {}\r\n\r\n", site.host))
            .status(),
        200
    );
    assert_eq!(site.upstream.seen()[0].start, "OPTIONS * HTTP/1.1");
}

#[test]
fn requests_sent_ahead_are_served_one_after_the_other() {
    let site = Site::answering(server(), "ahead", &[], |request| {
        let body = format!("{} {}", request.target(), request.text());
        response("200 OK", "", body.as_bytes())
    });
    let mut all = Vec::new();
    for i in 0..50 {
        if i % 3 == 0 {
            all.extend(
                format!(
                    "POST /{i} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{i:02}\r\n0\r\n\r\n",
                    site.host
                )
                .into_bytes(),
            );
        } else {
            all.extend(
                format!(
                    "PUT /{i} HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\n{i:02}",
                    site.host
                )
                .into_bytes(),
            );
        }
    }
    let mut visitor = site.visitor();
    visitor.send(&all);
    for i in 0..50 {
        assert_eq!(visitor.receive(Of::Get).text(), format!("/{i} {i:02}"));
    }
    let order: Vec<_> = site.upstream.seen().iter().map(|r| r.target().to_owned()).collect();
    assert_eq!(order, (0..50).map(|i| format!("/{i}")).collect::<Vec<_>>());
}

#[test]
fn empty_lines_before_a_request_are_skipped() {
    let site = Site::answering(server(), "empty-lines", &[], |_| ok("x"));
    let mut visitor = site.visitor();
    assert_eq!(visitor.ask(format!("\r\n{}", site.get_text("/1"))).status(), 200);
    assert_eq!(visitor.ask(format!("\r\n{}", site.get_text("/2"))).status(), 200);
}

#[test]
fn a_visitor_that_ends_its_side_gets_its_response() {
    let site = Site::scripted(server(), "half-close", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/half"));
    visitor.finish();
    let mut upstream = site.upstream.accept();
    assert_eq!(upstream.request().target(), "/half");
    upstream.send(ok("answered all the same"));
    assert_eq!(visitor.receive(Of::Get).text(), "answered all the same");
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
}

#[test]
fn a_visitor_that_wants_to_close_is_told_so() {
    let site = Site::answering(server(), "wants-close", &[], |_| ok("x"));
    let mut visitor = site.visitor();
    let answer = visitor.ask(format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        site.host
    ));
    assert_eq!(answer.get("connection"), Some("close"));
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
    let mut visitor = site.visitor();
    assert_eq!(visitor.ask(site.get_text("/")).get("connection"), None);
}

/// A large upload that is refused: the client reads the answer although it has not been read to its end.
#[test]
fn the_answer_to_a_refused_upload_is_always_read() {
    let body = vec![b'x'; 1 << 20];
    for round in 0..100 {
        let mut visitor = Visitor::tls(server(), "nobody-here.adit.localhost");
        let mut request = format!(
            "POST / HTTP/1.1\r\nHost: nobody-here.adit.localhost\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        // It may be closed in the middle.
        let _ = visitor.try_send(&request);
        let answer = visitor
            .try_receive(Of::Get)
            .unwrap_or_else(|end| panic!("round {round}: {end:?}"));
        assert_eq!((answer.status(), answer.code()), (404, "ERR_NGROK_3200"));
        assert_eq!(answer.get("connection"), Some("close"));
    }
}

/// What a client has sent already is read away before the connection is closed, so that no reset overtakes the answer.
/// A reset behind the end shows only when more is written. On the plain port, since TLS ends before TCP does.
#[test]
fn a_refused_upload_is_not_reset_at_once() {
    let body = vec![b'x'; 48 * 1024];
    let in_order = (0..50)
        .filter(|_| {
            let mut visitor = Visitor::plain(server().info.http);
            let mut request = format!(
                "POST / HTTP/1.1\r\nHost: nobody-here.adit.localhost\r\nContent-Length: {}\r\n\r\n",
                body.len() + 1
            )
            .into_bytes();
            request.extend_from_slice(&body);
            visitor.send(&request);
            assert_eq!(visitor.receive(Of::Get).status(), 404);
            assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
            visitor.try_send("x").is_ok()
        })
        .count();
    // It is read for one second only, which a busy machine may take for a break.
    assert!(in_order >= 45, "{in_order} of 50");
}

#[test]
fn a_body_that_is_refused_early_is_not_the_next_request() {
    let site = Site::answering(server(), "early-body", &[], |_| ok("x"));
    let mut visitor = Visitor::tls(server(), "nobody-here.adit.localhost");
    let smuggled = site.get_text("/smuggled");
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: nobody-here.adit.localhost\r\nContent-Length: {}\r\n\r\n",
        smuggled.len()
    ));
    assert_eq!(visitor.receive(Of::Get).status(), 404);
    let _ = visitor.try_send(&smuggled);
    assert_eq!(visitor.rest().0, b"", "nothing more is answered");
    assert_eq!(site.get("/barrier").status(), 200);
    assert_eq!(site.upstream.seen().len(), 1);
}
