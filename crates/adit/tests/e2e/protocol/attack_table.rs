//! Requests that two parsers could read in two ways: refused, the connection closed, nothing of them upstream, and
//! nothing behind them executed.

use crate::harness::upstream::{Conn, echo};
use crate::harness::{End, Of, Server, Service, Site, Upstream};

fn site(name: &str) -> Site<'static, Service> {
    Site::answering(Server::shared("http1"), name, &[], echo)
}

/// A request that would be valid and that nobody may ever see.
fn second(host: &str) -> String {
    format!("GET /second HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

/// Sends each request, followed by another one, on a connection of its own. `H` stands for the host.
#[track_caller]
fn refused(site: &Site<'_, Service>, status: u16, code: &str, requests: &[&str]) {
    let before = site.upstream.seen().len();
    for request in requests {
        let bytes: Vec<u8> = request
            .replace("Host: H", &format!("Host: {}", site.host))
            .replace("//H", &format!("//{}", site.host))
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .chain(second(&site.host).into_bytes())
            .collect();
        let mut visitor = site.visitor();
        visitor.send(&bytes);
        let answer = visitor.receive(Of::Get);
        let shown = request.escape_debug();
        assert_eq!((answer.status(), answer.code()), (status, code), "{shown}: {answer:?}");
        assert_eq!(answer.get("connection"), Some("close"), "{shown}");
        assert!(
            answer.body.len() <= 200 && answer.get("content-type").is_some_and(|t| t.starts_with("text/plain")),
            "{shown}: {answer:?}"
        );
        assert_eq!(
            visitor.rest(),
            (Vec::new(), End::Clean),
            "{shown}: answered more than once"
        );
    }
    // Everything that was sent before has been dealt with when this comes back.
    assert_eq!(site.get("/barrier").status(), 200);
    let seen = site.upstream.seen();
    assert!(
        seen.len() == before + 1 && seen[before].target() == "/barrier",
        "reached the upstream: {:?}",
        &seen[before..]
    );
}

#[test]
fn lengths_that_contradict_each_other() {
    let site = site("attack-length");
    refused(
        &site,
        400,
        "ERR_ADIT_4001",
        &[
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: 3, 3\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: +3\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: -1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: 0x3\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: 1_0\r\n\r\n0123456789",
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length:\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: \u{b2}\r\n\r\nab",
        ],
    );
}

#[test]
fn transfer_codings_other_than_chunked() {
    let site = site("attack-coding");
    refused(
        &site,
        400,
        "ERR_ADIT_4001",
        &[
            "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: identity\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: H\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ],
    );
}

#[test]
fn heads_that_are_malformed() {
    let site = site("attack-head");
    refused(
        &site,
        400,
        "ERR_ADIT_4000",
        &[
            "GET / HTTP/1.1\nHost: H\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nA: b\n\n",
            "GET / HTTP/1.1\r\nHost: H\r\nA: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: H\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nA : b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nA: b\0c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nA: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nA: b\x01c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nA: b\x7fc\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\n: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nA b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nA(: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\n\u{e4}: b\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: H\r\n\r\n",
            "GET / HTTP/1.1 \r\nHost: H\r\n\r\n",
            "GET /a b HTTP/1.1\r\nHost: H\r\n\r\n",
            "GET / HTTP/1.1\rHost: H\r\n\r\n",
            "GET / http/1.1\r\nHost: H\r\n\r\n",
            "GET / HTTP/11\r\nHost: H\r\n\r\n",
            "GET / HTTP/1.10\r\nHost: H\r\n\r\n",
            "GET /\r\nHost: H\r\n\r\n",
            "GET\r\nHost: H\r\n\r\n",
            "G(T / HTTP/1.1\r\nHost: H\r\n\r\n",
            "\0GET / HTTP/1.1\r\nHost: H\r\n\r\n",
        ],
    );
}

#[test]
fn targets_that_are_malformed() {
    let site = site("attack-target");
    refused(
        &site,
        400,
        "ERR_ADIT_4000",
        &[
            "GET foo HTTP/1.1\r\nHost: H\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: H\r\n\r\n",
            "GET /a#b HTTP/1.1\r\nHost: H\r\n\r\n",
            "GET /\u{e4} HTTP/1.1\r\nHost: H\r\n\r\n",
            "GET /a\0b HTTP/1.1\r\nHost: H\r\n\r\n",
            "GET /a\tb HTTP/1.1\r\nHost: H\r\n\r\n",
            "GET /a\x7fb HTTP/1.1\r\nHost: H\r\n\r\n",
            "GET http: HTTP/1.1\r\nHost: H\r\n\r\n",
        ],
    );
}

#[test]
fn hosts_that_are_none() {
    let site = site("attack-host");
    refused(
        &site,
        400,
        "ERR_ADIT_4002",
        &[
            "GET / HTTP/1.1\r\nA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nHost: H\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: H\r\nhost: other.adit.localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x@attack-host.adit.localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: attack-host%2eadit.localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: attack-host..adit.localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: .adit.localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: attack-host.adit.localhost:0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: attack-host.adit.localhost:99999\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: attack-host.adit.localhost:4a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: attack-host.adit.localhost:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: attack-host.adit.localhost, other\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: b\u{fc}cher.adit.localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a_b.adit.localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: xn--a.adit.localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n",
            "GET http://other.adit.localhost/ HTTP/1.1\r\nHost: H\r\n\r\n",
            "GET http://x@H/ HTTP/1.1\r\nHost: H\r\n\r\n",
        ],
    );
}

/// Faults in the framing of a body are seen only after the head has gone upstream: there the request must never
/// become whole, and what follows must never become one.
#[test]
fn chunks_that_are_malformed() {
    let site = Site::scripted(Server::shared("http1"), "attack-chunks", &[]);
    for chunks in [
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
        "00000000000000003\r\nabc\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nabc",
        "\r\nabc\r\n0\r\n\r\n",
        "g\r\nabc\r\n0\r\n\r\n",
        "3;a\nb\r\nabc\r\n0\r\n\r\n",
        "3;a=\"\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\r\nA : b\r\n\r\n",
        "3\r\nabc\r\n0\r\nA: b\n\r\n",
        "3\r\nabc\r\n0\r\n b\r\n\r\n",
        "3\r\nabc\r\n0\r\nA: b\0\r\n\r\n",
        "3\r\nabc\r\n0\n\n",
    ] {
        let shown = chunks.escape_debug();
        let mut visitor = site.visitor();
        visitor.send(format!(
            "POST /chunks HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{}",
            site.host,
            second(&site.host)
        ));
        let answer = visitor.receive(Of::Get);
        assert_eq!((answer.status(), answer.code()), (400, "ERR_ADIT_4003"), "{shown}");
        assert_eq!(visitor.rest(), (Vec::new(), End::Clean), "{shown}");
        for aborted in before_barrier(&site) {
            never_whole(aborted, &shown.to_string());
        }
    }
}

/// Connections to the service that came before that of another request, made now.
#[track_caller]
fn before_barrier(site: &Site<'_, Upstream>) -> Vec<Conn> {
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/barrier"));
    let mut before = Vec::new();
    loop {
        let mut conn = site.upstream.accept();
        if conn.starts_with(b"GET /barrier ") {
            conn.request();
            conn.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(visitor.receive(Of::Get).status(), 200);
            return before;
        }
        before.push(conn);
    }
}

/// What came over this connection is no whole request, has nothing behind it, and ends with a reset: an orderly end
/// could be taken for the end of the body.
#[track_caller]
fn never_whole(mut conn: Conn, shown: &str) {
    let (rest, end) = conn.rest();
    let text = String::from_utf8_lossy(&rest);
    assert!(
        !text.contains("\r\n0\r\n\r\n"),
        "{shown}: whole: {}",
        rest.escape_ascii()
    );
    assert!(!text.contains("GET"), "{shown}: smuggled: {}", rest.escape_ascii());
    assert_eq!(end, End::Reset, "{shown}: {}", rest.escape_ascii());
}

#[test]
fn a_body_that_is_cut_never_becomes_whole() {
    let site = Site::scripted(Server::shared("http1"), "attack-cut", &[]);
    for body in [
        "Content-Length: 10\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let mut visitor = site.visitor();
        visitor.send(format!("POST / HTTP/1.1\r\nHost: {}\r\n{body}", site.host));
        let mut upstream = site.upstream.accept();
        upstream.head();
        visitor.finish();
        never_whole(upstream, body);
    }
}

/// What is not ambiguous is not refused.
#[test]
fn odd_but_clear_requests_pass() {
    let site = site("attack-none");
    let host = &site.host;
    let mut visitor = site.visitor();
    for request in [
        format!("GET /<>\"`{{}}|\\^[] HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET http://{host}/absolute?x HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhOsT:{}\t\r\n\r\n", host.to_uppercase()),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nEmpty:\r\nTab:\ta\tb\t\r\n\r\n"),
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\ntransfer-encoding: Chunked\r\n\r\n0003;x=\"y;z\";w\r\nabc\r\n00\r\n\r\n"
        ),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0003\r\n\r\nabc"),
        format!("GET / HTTP/1.1\r\nHost: {host}:1\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {host}.\r\n\r\n"),
    ] {
        let answer = visitor.ask(&request);
        assert_eq!(answer.status(), 200, "{}: {answer:?}", request.escape_debug());
    }
    let seen = site.upstream.seen();
    assert_eq!(seen[0].target(), "/<>\"`{}|\\^[]");
    assert_eq!(seen[1].target(), "/absolute?x");
    assert_eq!(seen[2].get("host"), Some(host.to_uppercase().as_str()));
    assert_eq!((seen[4].text().as_str(), seen[5].text().as_str()), ("abc", "abc"));
}
