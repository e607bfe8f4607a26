//! Fields behind a body, between all versions, in both directions.

use http::{HeaderMap, Method};

use crate::harness::{Of, Server, Site};

fn server() -> &'static Server {
    Server::shared("proxying")
}

/// Announced: `X-Sum`, `Content-Length`, `Set-Cookie`, `Authorization`; also sent: one that is not announced.
const RESPONSE: &str = "HTTP/1.1 200 OK\r\nTrailer: X-Sum, Content-Length, Set-Cookie, Host\r\nTransfer-Encoding: chunked\r\n\r\n\
    3\r\nabc\r\n0\r\nX-Sum: 6\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\nHost: evil\r\nTransfer-Encoding: chunked\r\nX-Unannounced: 1\r\nngrok-error-code: ERR_NGROK_1\r\n\r\n";

fn request_with_trailers(host: &str, te: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\n{te}Trailer: X-Sum, Content-Length, Authorization, X-Forwarded-For\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\nabc\r\n0\r\nX-Sum: 6\r\nContent-Length: 9\r\nAuthorization: Basic x\r\nX-Forwarded-For: 1.2.3.4\r\nX-Unannounced: 1\r\nHost: evil\r\n\r\n"
    )
}

#[test]
fn of_responses_to_http_1_only_where_they_are_wanted() {
    let site = Site::scripted(server(), "trailers1", &[]);
    for (te, expected) in [
        (
            "Connection: TE\r\nTE: trailers\r\n",
            vec![("X-Sum".to_owned(), "6".to_owned())],
        ),
        ("", vec![]),
    ] {
        let mut visitor = site.visitor();
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n{te}\r\n", site.host));
        let mut upstream = site.upstream.accepted().unwrap_or_else(|| site.upstream.accept());
        upstream.request();
        upstream.send(RESPONSE);
        let answer = visitor.receive(Of::Get);
        assert_eq!((answer.text().as_str(), &answer.trailers), ("abc", &expected), "{te}");
        drop(upstream);
    }
}

#[test]
fn of_responses_to_http_2() {
    let site = Site::answering(server(), "trailers2", &[], |_| RESPONSE.as_bytes().to_vec());
    let mut h2 = site.h2();
    let answer = h2.get("/");
    assert_eq!(answer.text(), "abc");
    let trailers = answer.trailers.unwrap();
    assert_eq!(trailers.get("x-sum").unwrap(), "6");
    assert_eq!(trailers.len(), 1, "{trailers:?}");
}

#[test]
fn of_requests_from_http_1() {
    let site = Site::answering(server(), "trailers-up1", &[], |_| {
        b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()
    });
    let mut visitor = site.visitor();
    for _ in 0..2 {
        visitor.send(request_with_trailers(&site.host, ""));
        assert_eq!(visitor.receive(Of::Get).status(), 204);
        let seen = site.upstream.seen().pop().unwrap();
        assert_eq!(seen.text(), "abc");
        assert_eq!(seen.trailers, [("X-Sum".to_owned(), "6".to_owned())]);
    }
}

#[test]
fn of_requests_from_http_2() {
    let site = Site::answering(server(), "trailers-up2", &[], |_| {
        b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()
    });
    let mut h2 = site.h2();
    let mut trailers = HeaderMap::new();
    for (name, value) in [("x-sum", "6"), ("content-length", "9"), ("authorization", "Basic x")] {
        trailers.insert(name, value.parse().unwrap());
    }
    let request = h2
        .to(Method::POST, "/")
        .header("trailer", "x-sum, content-length, authorization")
        .body(())
        .unwrap();
    let answer = h2.try_ask(request, b"abc", Some(trailers)).unwrap();
    assert_eq!(answer.status, 204);
    let seen = &site.upstream.seen()[0];
    assert_eq!(seen.text(), "abc");
    let trailers: Vec<_> = seen
        .trailers
        .iter()
        .map(|(n, v)| (n.to_ascii_lowercase(), v.as_str()))
        .collect();
    assert_eq!(trailers, [("x-sum".to_owned(), "6")]);
}
