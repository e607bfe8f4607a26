//! Responses that have no body, from services that send one all the same: not a byte of it reaches a visitor, this
//! one or the next.

use crate::harness::message::ok;
use crate::harness::upstream::Conn;
use crate::harness::{End, Message, Of, Server, Site, Upstream, Visitor};

fn server() -> &'static Server {
    Server::shared("proxying")
}

/// What looks like a response of its own, for whoever asks next.
const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned";

const KINDS: [(&str, &str); 5] = [
    ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 47\r\n\r\n"),
    ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
    (
        "GET",
        "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 47\r\n\r\n",
    ),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
];

fn ask(site: &Site<'_, Upstream>, method: &str, visitor: &mut Visitor) -> (Conn, Message) {
    visitor.send(format!("{method} / HTTP/1.1\r\nHost: {}\r\n\r\n", site.host));
    let mut upstream = site.upstream.accept();
    let request = upstream.request();
    (upstream, request)
}

/// A next request that is answered right, over whichever connection it comes.
#[track_caller]
fn next_is_right(site: &Site<'_, Upstream>, visitor: &mut Visitor, mut used: Conn, kind: &str) {
    visitor.send(site.get_text("/next"));
    // A poisoned stream is not used again.
    let mut fresh = site.upstream.accept();
    assert_eq!(fresh.request().target(), "/next", "{kind}");
    fresh.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nnext");
    assert_eq!(visitor.receive(Of::Get).text(), "next", "{kind}");
    assert_eq!(used.rest().0, b"", "{kind}");
}

#[test]
fn with_the_bytes_in_the_same_packet() {
    let site = Site::scripted(server(), "bodyless-same", &[]);
    for (method, head) in KINDS {
        let mut visitor = site.visitor();
        let (mut upstream, _) = ask(&site, method, &mut visitor);
        upstream.send(format!("{head}{POISON}"));
        let of = if method == "HEAD" { Of::Head } else { Of::Get };
        assert!(visitor.receive(of).start.contains(&head[9..12]), "{head}");
        next_is_right(&site, &mut visitor, upstream, head);
    }
}

#[test]
fn lengths_are_kept_where_they_mean_something() {
    let site = Site::answering(server(), "bodyless-lengths", &[], |request| match request.target() {
        "/204" => b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nConnection: close\r\n\r\n".to_vec(),
        "/304" => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n".to_vec(),
        _ if request.method() == "HEAD" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec(),
        _ => ok("hello"),
    });
    let mut visitor = site.visitor();
    visitor.send(format!("HEAD / HTTP/1.1\r\nHost: {}\r\n\r\n", site.host));
    let head = visitor.receive(Of::Head);
    assert_eq!(
        (head.get("content-length"), head.get("transfer-encoding")),
        (Some("5"), None)
    );
    assert_eq!(visitor.ask(site.get_text("/304")).get("content-length"), Some("5"));
    assert_eq!(visitor.ask(site.get_text("/204")).get("content-length"), None);
    assert_eq!(visitor.ask(site.get_text("/")).text(), "hello");
    visitor.finish();
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
    let mut h2 = site.h2();
    let request = h2.to(http::Method::HEAD, "/").body(()).unwrap();
    let answer = h2.ask(request, b"");
    assert_eq!((answer.get("content-length"), answer.body.len()), (Some("5"), 0));
    assert_eq!(h2.get("/304").get("content-length"), Some("5"));
    assert_eq!(h2.get("/204").get("content-length"), None);
}

#[test]
fn an_answer_to_head_with_a_page_of_the_edge_has_no_body() {
    let mut visitor = Visitor::tls(server(), "bodyless-nobody.adit.localhost");
    for _ in 0..2 {
        visitor.send("HEAD / HTTP/1.1\r\nHost: bodyless-nobody.adit.localhost\r\nAccept: text/html\r\n\r\n");
        let answer = visitor.receive(Of::Head);
        assert_eq!((answer.status(), answer.code()), (404, "ERR_NGROK_3200"));
        assert!(answer.get("content-length").is_some_and(|l| l != "0"));
    }
}

/// The stream is idle when the bytes come: the next request must not take them for its answer.
#[test]
fn with_the_bytes_after_the_answer_was_delivered() {
    let site = Site::scripted(server(), "bodyless-later", &[]);
    for (method, head) in KINDS {
        let mut visitor = site.visitor();
        let (mut upstream, _) = ask(&site, method, &mut visitor);
        upstream.send(head);
        visitor.receive(if method == "HEAD" { Of::Head } else { Of::Get });
        upstream.send(POISON);
        // An upgrade never takes an idle stream: what it needs passes behind the bytes.
        let mut other = site.visitor();
        other.send(format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n",
            site.host
        ));
        let mut fresh = site.upstream.accept();
        fresh.request();
        fresh.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(other.receive(Of::Get).status(), 200);
        next_is_right(&site, &mut visitor, upstream, head);
    }
}
