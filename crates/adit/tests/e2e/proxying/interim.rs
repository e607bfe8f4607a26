//! 1xx responses: passed on in order, not to HTTP/1.0, and not without end.

use std::future::poll_fn;

use http::Method;

use crate::harness::h2_visitor::whole;
use crate::harness::message::ok;
use crate::harness::{Of, Server, Site};

fn server() -> &'static Server {
    Server::shared("proxying")
}

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Hop: gone\r\nConnection: X-Hop\r\nngrok-error-code: ERR_NGROK_1\r\nAdit-Anything: x\r\nAlt-Svc: h3=\":1\"\r\n\r\n";

#[test]
fn over_http_1() {
    let site = Site::scripted(server(), "interim1", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send(HINTS);
    let hints = visitor.receive(Of::Get);
    assert_eq!(hints.status(), 103);
    assert_eq!(hints.fields, [("Link".to_owned(), "</a.css>; rel=preload".to_owned())]);
    upstream.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Whatever\r\nX: y\r\n\r\n");
    assert_eq!(visitor.receive(Of::Get).status(), 102);
    assert_eq!(visitor.receive(Of::Get).start, "HTTP/1.1 199 Whatever");
    upstream.send(ok("done"));
    assert_eq!(visitor.receive(Of::Get).text(), "done");
}

#[test]
fn over_http_2() {
    let site = Site::scripted(server(), "interim2", &[]);
    let mut h2 = site.h2();
    let request = h2.to(Method::GET, "/").body(()).unwrap();
    let (mut response, _) = h2.begin(request, true);
    let mut upstream = h2.meanwhile(|| {
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send(HINTS);
        upstream
    });
    let hints = h2
        .wait("103", poll_fn(|cx| response.poll_informational(cx)))
        .unwrap()
        .unwrap();
    assert_eq!(hints.status(), 103);
    let names: Vec<_> = hints.headers().keys().map(ToString::to_string).collect();
    assert_eq!(names, ["link"]);
    upstream.send(ok("done"));
    assert_eq!(h2.wait("200", whole(response)).unwrap().text(), "done");
}

#[test]
fn never_to_http_1_0() {
    let site = Site::scripted(server(), "interim0", &[]);
    let mut visitor = site.visitor();
    visitor.send(format!("GET / HTTP/1.0\r\nHost: {}\r\n\r\n", site.host));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send(HINTS);
    upstream.send(ok("done"));
    assert_eq!(visitor.receive(Of::Get).text(), "done");
}

#[test]
fn sixteen_are_enough() {
    let site = Site::scripted(server(), "interim-many", &[]);
    for (count, status) in [(16, 200), (17, 502)] {
        let mut visitor = site.visitor();
        visitor.send(site.get_text("/"));
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send("HTTP/1.1 102 Processing\r\n\r\n".repeat(count));
        let _ = upstream.try_send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndone");
        let answer = loop {
            let answer = visitor.receive(Of::Get);
            if answer.status() >= 200 {
                break answer;
            }
        };
        assert_eq!(answer.status(), status, "{count}");
        if status == 502 {
            assert_eq!(answer.code(), "ERR_NGROK_3004");
        }
    }
}
