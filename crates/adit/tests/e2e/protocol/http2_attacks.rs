//! Malformed HTTP/2 requests, frame by frame: refused by status, reset or end of connection, and never upstream.

use crate::harness::frames::{self, Frames};
use crate::harness::upstream::echo;
use crate::harness::{Server, Service, Site};

fn site(name: &str) -> Site<'static, Service> {
    Site::answering(Server::shared("http2"), name, &[], echo)
}

/// How a stream was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// Answered with this status.
    Status(u16),
    /// RST_STREAM with this code.
    Reset(u32),
    /// The whole connection, by GOAWAY with this code.
    Goaway(u32),
}

const BAD_REQUEST: Refused = Refused::Status(400);
const RESET: Refused = Refused::Reset(frames::PROTOCOL_ERROR);
const GOAWAY: Refused = Refused::Goaway(frames::PROTOCOL_ERROR);

/// Sends a head (and DATA) on a connection of its own.
#[track_caller]
fn outcome(site: &Site<'_, Service>, fields: &[(&str, &str)], data: Option<&[u8]>) -> Refused {
    let mut connection = Frames::connect(site.server, &site.host);
    connection.headers(1, fields, if data.is_none() { frames::END_STREAM } else { 0 });
    if let Some(data) = data {
        connection.send(frames::DATA, frames::END_STREAM, 1, data);
    }
    let frame = connection
        .find(|f| f.kind == frames::GOAWAY || (f.stream == 1 && matches!(f.kind, frames::HEADERS | frames::RST_STREAM)))
        .unwrap_or_else(|| panic!("closed without a word after {fields:?}"));
    match frame.kind {
        frames::HEADERS => Refused::Status(frame.status()),
        frames::RST_STREAM => Refused::Reset(frame.error()),
        _ => Refused::Goaway(frame.error()),
    }
}

/// The pseudo-header fields of a good request, `path` first, then these.
fn head<'a>(host: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [
        &[
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", host),
            (":path", "/"),
        ][..],
        more,
    ]
    .concat()
}

#[track_caller]
fn nothing_came_through(site: &Site<'_, Service>) {
    assert_eq!(site.h2().get("/barrier").status, 200);
    let seen = site.upstream.seen();
    assert!(seen.len() == 1 && seen[0].target() == "/barrier", "{seen:?}");
}

#[test]
fn the_frames_of_these_tests_make_a_good_request() {
    let site = site("frames-good");
    assert_eq!(
        outcome(&site, &head(&site.host, &[("x-a", "b")]), Some(b"abc")),
        Refused::Status(200)
    );
    assert_eq!(site.upstream.seen()[0].text(), "abc");
}

#[test]
fn fields_that_http_2_does_not_have() {
    let site = site("frames-fields");
    for (more, expected) in [
        (&[("X-Upper", "a")][..], &[GOAWAY][..]),
        (&[("x-a", "b\r\nx-evil: 1")], &[GOAWAY]),
        (&[("x-a", "b\nc")], &[GOAWAY]),
        (&[("x-a", "b\0c")], &[GOAWAY]),
        (&[("x:a", "b")], &[GOAWAY]),
        (&[("x a", "b")], &[GOAWAY]),
        (&[(":unknown", "b")], &[GOAWAY]),
        (&[("connection", "close")], &[RESET, BAD_REQUEST]),
        (&[("transfer-encoding", "chunked")], &[RESET, BAD_REQUEST]),
        (&[("keep-alive", "1")], &[RESET, BAD_REQUEST]),
        (&[("proxy-connection", "x")], &[RESET, BAD_REQUEST]),
        (&[("upgrade", "websocket")], &[RESET, BAD_REQUEST]),
        (&[("te", "gzip")], &[RESET, BAD_REQUEST]),
    ] {
        let got = outcome(&site, &head(&site.host, more), None);
        assert!(expected.contains(&got), "{more:?}: {got:?}");
    }
    nothing_came_through(&site);
}

#[test]
fn pseudo_headers_that_contradict() {
    let site = site("frames-pseudo");
    let host = site.host.as_str();
    let get = |more: &[(&'static str, &'static str)]| -> Vec<(&'static str, &'static str)> { more.to_vec() };
    let with_host = |fields: Vec<(&'static str, &'static str)>| -> Vec<(String, String)> {
        fields
            .into_iter()
            .map(|(n, v)| (n.to_owned(), v.replace("HOST", host)))
            .collect()
    };
    const OK: [(&str, &str); 3] = [(":method", "GET"), (":scheme", "https"), (":authority", "HOST")];
    for (fields, expected) in [
        (
            [&OK[..], &[(":path", "/a"), (":path", "/b")]].concat(),
            &[RESET, BAD_REQUEST][..],
        ),
        ([&OK[..], &[(":path", "foo")]].concat(), &[RESET, BAD_REQUEST]),
        (
            [&OK[..], &[(":path", "http://other.adit.localhost/")]].concat(),
            &[RESET, BAD_REQUEST],
        ),
        ([&OK[..], &[(":path", "/a b")]].concat(), &[RESET, BAD_REQUEST]),
        ([&OK[..], &[(":path", "")]].concat(), &[RESET, BAD_REQUEST]),
        (
            [&OK[..], &[(":path", "/"), ("host", "other.adit.localhost")]].concat(),
            &[BAD_REQUEST],
        ),
        (
            [&OK[..], &[(":path", "/"), ("host", "HOST"), ("host", "HOST")]].concat(),
            &[BAD_REQUEST],
        ),
        ([&OK[..2], &[(":path", "/")]].concat(), &[BAD_REQUEST, RESET]),
        (
            [&OK[..2], &[(":authority", "x@HOST"), (":path", "/")]].concat(),
            &[BAD_REQUEST, RESET],
        ),
        (
            [
                &OK[..1],
                &[(":scheme", "gopher"), (":authority", "HOST"), (":path", "/")],
            ]
            .concat(),
            &[BAD_REQUEST, RESET],
        ),
        (
            [&OK[..1], &[(":scheme", "http"), (":authority", "HOST"), (":path", "/")]].concat(),
            &[BAD_REQUEST, RESET],
        ),
        (
            [&OK[..], &[(":path", "/"), (":method", "POST")]].concat(),
            &[RESET, BAD_REQUEST],
        ),
        (
            [&OK[..], &[("x-a", "b"), (":path", "/")]].concat(),
            &[RESET, BAD_REQUEST, GOAWAY],
        ),
        (
            get(&[(":scheme", "https"), (":authority", "HOST"), (":path", "/")]),
            &[RESET, BAD_REQUEST],
        ),
    ] {
        let fields = with_host(fields);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let got = outcome(&site, &fields, None);
        assert!(expected.contains(&got), "{fields:?}: {got:?}");
    }
    nothing_came_through(&site);
}

#[test]
fn two_equal_lengths() {
    let site = site("frames-lengths");
    assert_eq!(
        outcome(
            &site,
            &head(&site.host, &[("content-length", "3"), ("content-length", "3")]),
            Some(b"abc")
        ),
        BAD_REQUEST
    );
    let got = outcome(&site, &head(&site.host, &[("content-length", "+3")]), Some(b"abc"));
    assert!([RESET, BAD_REQUEST].contains(&got), "{got:?}");
    nothing_came_through(&site);
}

/// The head may have gone upstream already: there the request must not become whole.
#[test]
fn a_length_that_the_data_contradict() {
    let site = Site::scripted(Server::shared("http2"), "frames-data", &[]);
    for data in [&b"abcd"[..], b"ab"] {
        let mut connection = Frames::connect(site.server, &site.host);
        connection.headers(1, &head(&site.host, &[("content-length", "3")]), 0);
        connection.send(frames::DATA, frames::END_STREAM, 1, data);
        let frame = connection
            .find(|f| f.stream == 1 && matches!(f.kind, frames::HEADERS | frames::RST_STREAM))
            .unwrap();
        assert!(frame.kind == frames::RST_STREAM || frame.status() == 400, "{frame:?}");
        if let Some(mut upstream) = site.upstream.accepted() {
            let (rest, end) = upstream.rest();
            let body = rest
                .windows(4)
                .position(|w| w == b"\r\n\r\n")
                .map_or(0, |at| rest.len() - at - 4);
            assert!(body < 3, "a whole request: {}", rest.escape_ascii());
            assert_eq!(end, crate::harness::End::Reset);
        }
    }
}

#[test]
fn methods_that_are_not_served() {
    let site = site("frames-methods");
    let trace = [
        (":method", "TRACE"),
        (":scheme", "https"),
        (":authority", site.host.as_str()),
        (":path", "/"),
    ];
    let connect = [(":method", "CONNECT"), (":authority", site.host.as_str())];
    for fields in [&trace[..], &connect] {
        let mut connection = Frames::connect(site.server, &site.host);
        connection.headers(1, fields, frames::END_STREAM);
        let frame = connection.find(|f| f.stream == 1 && f.kind == frames::HEADERS).unwrap();
        assert_eq!(frame.status(), 0, "not one of the static statuses but 405: {frame:?}");
    }
    let mut h2 = site.h2();
    let request = h2.to(http::Method::TRACE, "/").body(()).unwrap();
    let answer = h2.ask(request, b"");
    assert_eq!((answer.status.as_u16(), answer.code()), (405, "ERR_ADIT_4050"));
    assert_eq!(
        answer.get("allow"),
        Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    );
    nothing_came_through(&site);
}

#[test]
fn a_value_is_trimmed_and_cookies_are_joined() {
    let site = site("frames-trim");
    let got = outcome(
        &site,
        &head(
            &site.host,
            &[
                ("x-a", " b\t"),
                ("cookie", "a=1"),
                ("cookie", "b=2"),
                ("host", &site.host),
            ],
        ),
        None,
    );
    assert_eq!(got, Refused::Status(200));
    let seen = site.upstream.seen();
    assert!(seen[0].head_text().contains("\r\nX-A: b\r\n"), "{:?}", seen[0]);
    assert_eq!(seen[0].all("cookie"), ["a=1; b=2"]);
    assert_eq!(seen[0].all("host"), [site.host.as_str()]);
}

#[test]
fn what_is_no_http_2_at_all_ends_the_connection() {
    let site = site("frames-none");
    for (kind, flags, stream, payload) in [
        (frames::DATA, 0, 1, &b"x"[..]),
        (frames::HEADERS, frames::END_HEADERS, 2, b""),
        (frames::HEADERS, frames::END_HEADERS, 0, b""),
        (frames::SETTINGS, 0, 0, b"12345"),
        (frames::SETTINGS, 0, 1, b""),
        (frames::PING, 0, 0, b"1"),
        (frames::WINDOW_UPDATE, 0, 0, b"\0\0\0\0"),
        (frames::RST_STREAM, 0, 1, b"\0\0\0\0"),
        (frames::CONTINUATION, frames::END_HEADERS, 1, b""),
    ] {
        let mut connection = Frames::connect(site.server, &site.host);
        connection.send(kind, flags, stream, payload);
        let goaway = connection.find(|f| f.kind == frames::GOAWAY);
        assert!(goaway.is_some_and(|f| f.error() != frames::NO_ERROR), "kind {kind}");
    }
    // A preface that is none.
    let mut io = crate::harness::Visitor::tls_with(site.server, &site.host, &["h2"]);
    io.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let (said, _) = io.rest();
    assert!(!said.starts_with(b"HTTP/1.1 200"), "{}", said.escape_ascii());
    nothing_came_through(&site);
}
