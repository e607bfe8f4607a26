//! Edits of a head: the overlay, hop-by-hop fields, framing, building one.

use adit_http1::{
    Expectation, Framing, Head, Known, Limits, RefusalKind as K, Version, expectation, is_interim, is_persistent,
    remove_forbidden_length, set_framing, strip_hop_by_hop, upgrade,
};

fn request(fields: &str) -> Head {
    versioned("1.1", fields)
}

fn versioned(version: &str, fields: &str) -> Head {
    let mut head = Head::new();
    let text = format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
    assert_eq!(
        head.parse_request(text.as_bytes(), &Limits::request()),
        Ok(Some(text.len())),
        "{text}"
    );
    head
}

/// The fields as they would be written, without `Host`.
fn fields(head: &Head) -> String {
    let mut out = Vec::new();
    head.encode_request(&mut out);
    let text = String::from_utf8_lossy(&out);
    let fields = text
        .strip_prefix("GET / HTTP/1.1\r\nHost: a\r\n")
        .and_then(|rest| rest.strip_suffix("\r\n"));
    assert!(fields.is_some(), "{text}");
    fields.unwrap_or_default().to_owned()
}

#[test]
fn set_keeps_place_and_spelling() {
    let mut head = request("A: 1\r\nb: 2\r\nB: 3\r\nC: 4\r\n");
    assert!(head.set(b"B", b" new\t"));
    assert!(head.set(b"d", b"5"));
    assert!(head.set(b"user-agent", b"x") && head.set(b"User-Agent", b"y"));
    assert_eq!(fields(&head), "A: 1\r\nb: new\r\nC: 4\r\nd: 5\r\nuser-agent: y\r\n");
    assert_eq!(head.remove(Known::UserAgent), 1);
    assert_eq!(head.remove_name(b"a"), 1);
    assert_eq!(head.remove_name(b"a"), 0);
    assert_eq!((head.find(b"a"), head.find(b"B")), (None, Some(&b"new"[..])));
    head.retain(|known, name, value| known == Known::Host || (name == b"C" && value == b"4"));
    assert_eq!(fields(&head), "C: 4\r\n");
    assert_eq!(head.field_list().len(), 2);
    // A removed field does not come back by being set.
    assert!(head.set(b"A", b"again"));
    assert_eq!(fields(&head), "C: 4\r\nA: again\r\n");
    assert_eq!(format!("{:?}", head.field_list()), "[Host, C, A]");
}

#[test]
fn no_edit_can_write_a_line_of_its_own() {
    let mut head = request("A: 1\r\n");
    for value in ["x\r\nB: 2", "x\n", "\r", "\0", "x\u{7f}"] {
        assert!(!head.push(b"B", value.as_bytes()) && !head.push_front(b"B", value.as_bytes()));
        assert!(!head.set(b"A", value.as_bytes()) && !head.set(b"new", value.as_bytes()));
    }
    for name in ["", "a b", "a:", "a\r\nb", "\u{e9}"] {
        assert!(!head.push(name.as_bytes(), b"x") && !head.set(name.as_bytes(), b"x"));
    }
    assert_eq!(fields(&head), "A: 1\r\n");
    for target in ["/a b", "/\r\nX: y", "x", "/#", ""] {
        assert_eq!(
            head.set_target(target.as_bytes()).unwrap_err().kind,
            K::Target,
            "{target:?}"
        );
    }
    assert_eq!(head.set_method(b"G T").unwrap_err().kind, K::Method);
    assert_eq!(head.set_method(b"CONNECT").unwrap_err().kind, K::Target);
    assert_eq!(fields(&head), "A: 1\r\n");
    head.set_target(b"/new?x").unwrap();
    head.set_method(b"POST").unwrap();
    let mut out = Vec::new();
    head.encode_request(&mut out);
    assert_eq!(out, b"POST /new?x HTTP/1.1\r\nHost: a\r\nA: 1\r\n\r\n");
    assert_eq!(
        Head::new()
            .start_request(b"GET", b"/ x", Version::Http2)
            .unwrap_err()
            .kind,
        K::Target
    );
    assert_eq!(
        Head::new()
            .start_request(b"G\n", b"/", Version::Http2)
            .unwrap_err()
            .kind,
        K::Method
    );
}

#[test]
fn hop_by_hop_fields_end_here() {
    let mut head = request(
        "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nx-mine: 2\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n\
         Proxy-Authorization: Basic x\r\nProxy-Authenticate: Basic\r\nUpgrade: websocket\r\nHTTP2-Settings: x\r\nTE: gzip\r\n\
         Transfer-Encoding: chunked\r\nX-Stays: 3\r\n",
    );
    assert_eq!(strip_hop_by_hop(&mut head, false), 0);
    assert_eq!(fields(&head), "X-Stays: 3\r\n");
}

#[test]
fn nominations_of_what_decides_are_glitches() {
    let protected = "Cookie: a\r\nAuthorization: b\r\nContent-Length: 1\r\nContent-Type: c\r\nX-Forwarded-For: d\r\n\
                     X-Forwarded-Anything: e\r\nForwarded: f\r\nngrok-auth-user-id: g\r\nADIT_INTERNAL_x: h\r\n";
    let mut head = request(&format!(
        "{protected}Connection: host, cookie,AUTHORIZATION, content-length,content-type , x-forwarded-for\r\n\
         Connection: close, x-forwarded-anything, forwarded, ngrok-auth-user-id, adit_internal_x, b@d, accept\r\nAccept: x\r\n"
    ));
    assert_eq!(strip_hop_by_hop(&mut head, false), 11);
    assert_eq!(fields(&head), protected);

    // A list without end costs no more than the first 64 names of it.
    let names: String = (0..500).map(|n| format!("x{n},")).collect();
    let mut head = request(&format!(
        "Connection: {names}\r\nX0: a\r\nX63: a\r\nX64: b\r\nX499: c\r\n"
    ));
    assert_eq!(strip_hop_by_hop(&mut head, false), 500 - 64);
    assert_eq!(fields(&head), "X64: b\r\nX499: c\r\n");
}

#[test]
fn what_stays_is_named_anew() {
    let mut head = request("TE: trailers\r\nConnection: te\r\nA: b\r\n");
    assert_eq!(strip_hop_by_hop(&mut head, true), 0);
    assert_eq!(fields(&head), "TE: trailers\r\nA: b\r\nConnection: te\r\n");

    let mut head = request("te: gzip;q=0.5, Trailers\r\nTE: deflate\r\n");
    strip_hop_by_hop(&mut head, false);
    assert_eq!(fields(&head), "te: trailers\r\nConnection: te\r\n");

    let mut head =
        request("Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nTE: trailers\r\nSec-WebSocket-Key: x\r\n");
    assert_eq!(upgrade(&head), Some(&b"websocket"[..]));
    strip_hop_by_hop(&mut head, true);
    assert_eq!(
        fields(&head),
        "Upgrade: websocket\r\nTE: trailers\r\nSec-WebSocket-Key: x\r\nConnection: te, Upgrade\r\n"
    );
    assert_eq!(upgrade(&head), Some(&b"websocket"[..]));

    let mut head = Head::new();
    let text = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nTE: trailers\r\n\r\n";
    head.parse_response(text, &Limits::response()).unwrap();
    strip_hop_by_hop(&mut head, true);
    let mut out = Vec::new();
    head.encode_response(&mut out);
    assert_eq!(
        out,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    );
}

#[test]
fn upgrades_that_are_ignored() {
    for (version, text) in [
        ("1.1", "Upgrade: websocket\r\n"),
        ("1.1", "Connection: upgrade\r\n"),
        ("1.1", "Connection: upgrade\r\nUpgrade:\r\n"),
        ("1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n"),
        (
            "1.1",
            "Connection: upgrade, http2-settings\r\nUpgrade: foo, H2C\r\nHTTP2-Settings: x\r\n",
        ),
        (
            "1.1",
            "Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n",
        ),
        ("1.1", "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: foo\r\n"),
        ("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n"),
    ] {
        let mut head = versioned(version, text);
        assert_eq!(upgrade(&head), None, "{text}");
        strip_hop_by_hop(&mut head, true);
        assert_eq!(fields(&head), "", "{text}");
    }
}

#[test]
fn persistence() {
    assert!(is_persistent(&request("")));
    assert!(!is_persistent(&request("Connection: x,Close\r\n")));
    assert!(!is_persistent(&versioned("1.0", "")));
    assert!(is_persistent(&versioned("1.0", "Connection: Keep-Alive\r\n")));
    assert!(!is_persistent(&versioned(
        "1.0",
        "Connection: keep-alive\r\nConnection: close\r\n"
    )));
}

#[test]
fn expectations() {
    for (text, expected) in [
        ("", Expectation::None),
        ("Expect:\r\n", Expectation::None),
        ("Expect: 100-Continue\r\n", Expectation::Continue),
        ("Expect: foo\r\n", Expectation::Other),
        ("Expect: 100-continue, foo\r\n", Expectation::Other),
        ("Expect: 100-continue\r\nExpect: 100-continue=x\r\n", Expectation::Other),
    ] {
        assert_eq!(expectation(&request(text)), expected, "{text}");
    }
    assert!(is_interim(100) && is_interim(103) && is_interim(199));
    assert!(!is_interim(101) && !is_interim(200) && !is_interim(99));
}

#[test]
fn framing_of_the_outgoing_message() {
    let framed = |text: &str, framing: Framing| {
        let mut head = request(text);
        set_framing(&mut head, framing);
        fields(&head)
    };
    assert_eq!(framed("", Framing::Chunked), "Transfer-Encoding: chunked\r\n");
    assert_eq!(
        framed("content-length: 5\r\nA: b\r\n", Framing::Chunked),
        "A: b\r\nTransfer-Encoding: chunked\r\n"
    );
    assert_eq!(
        framed("Transfer-Encoding: Chunked\r\n", Framing::Chunked),
        "Transfer-Encoding: chunked\r\n"
    );
    assert_eq!(
        framed("content-length: 005\r\nA: b\r\n", Framing::Length(5)),
        "content-length: 005\r\nA: b\r\n"
    );
    assert_eq!(
        framed("content-length: 5\r\nA: b\r\n", Framing::Length(60)),
        "content-length: 60\r\nA: b\r\n"
    );
    assert_eq!(
        framed("Transfer-Encoding: chunked\r\n", Framing::Length(u64::MAX)),
        "Content-Length: 18446744073709551615\r\n"
    );
    assert_eq!(framed("", Framing::Length(0)), "Content-Length: 0\r\n");
    assert_eq!(framed("Content-Length: 5\r\n", Framing::None), "Content-Length: 5\r\n");
    assert_eq!(framed("Content-Length: 5\r\n", Framing::UntilClose), "");

    let mut head = Head::new();
    for (status, removed) in [(101, true), (204, true), (200, false), (304, false)] {
        head.start_response(status);
        head.push(b"Content-Length", b"5");
        assert_eq!(remove_forbidden_length(&mut head), removed);
        assert_eq!(head.contains(Known::ContentLength), !removed);
    }
}

#[test]
fn answers_of_our_own() {
    let mut head = Head::new();
    head.start_response(502);
    head.push(b"Connection", b"close");
    head.set_status(404);
    let mut out = Vec::new();
    head.encode_response(&mut out);
    assert_eq!(out, b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
    head.start_response(599);
    out.clear();
    head.encode_response(&mut out);
    assert_eq!(out, b"HTTP/1.1 599 \r\n\r\n");
    // A status that is set brings its own reason phrase.
    head.parse_response(b"HTTP/1.1 200 Fine\r\n\r\n", &Limits::response())
        .unwrap();
    head.set_status(403);
    assert_eq!(head.reason(), b"Forbidden");
}

/// Edge 7.10: an HTTP/2 request on its way to an HTTP/1 upstream.
#[test]
fn a_head_from_http2() {
    let mut head = Head::new();
    head.start_request(b"POST", b"/a%2Fb?x=1", Version::Http2).unwrap();
    head.push(b"host", b"App.Example.com");
    for (name, value) in [
        ("content-length", "3"),
        ("cookie", "a=1"),
        ("x-forwarded-for", "1.2.3.4"),
        ("cookie", "b=2"),
        ("ngrok-auth-user-email", "x@example.net"),
        ("te", "trailers"),
    ] {
        assert!(head.push(name.as_bytes(), value.as_bytes()));
    }
    head.check_request().unwrap();
    head.retain(|known, name, _| known != Known::XForwardedFor && !adit_http1::is_identity_name(name));
    head.join_cookies();
    head.train_case_names();
    assert_eq!(strip_hop_by_hop(&mut head, false), 0);
    head.push(b"X-Forwarded-For", b"203.0.113.7");
    head.push(b"Via", b"2.0 adit");
    let mut out = Vec::new();
    head.encode_request(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "POST /a%2Fb?x=1 HTTP/1.1\r\nHost: App.Example.com\r\nContent-Length: 3\r\nCookie: a=1; b=2\r\nTe: trailers\r\n\
         Connection: te\r\nX-Forwarded-For: 203.0.113.7\r\nVia: 2.0 adit\r\n\r\n"
    );
}

#[test]
fn http2_heads_are_checked_like_parsed_ones() {
    let checked = |fields: &[(&str, &str)]| {
        let mut head = Head::new();
        head.start_request(b"GET", b"/", Version::Http2).unwrap();
        for (name, value) in fields {
            head.push(name.as_bytes(), value.as_bytes());
        }
        head.check_request().map_err(|refusal| refusal.kind)
    };
    assert_eq!(checked(&[("host", "a")]), Ok(()));
    assert_eq!(checked(&[]), Err(K::HostMissing));
    assert_eq!(checked(&[("host", "a"), ("host", "a")]), Err(K::HostRepeated));
    assert_eq!(checked(&[("host", "u@a")]), Err(K::HostInvalid));
    assert_eq!(
        checked(&[("host", "a"), ("content-length", "5"), ("content-length", "5")]),
        Err(K::LengthRepeated)
    );
    assert_eq!(
        checked(&[("host", "a"), ("content-length", "+5")]),
        Err(K::LengthInvalid)
    );
    assert_eq!(
        checked(&[("host", "a"), ("transfer-encoding", "chunked")]),
        Err(K::EncodingVersion)
    );
}

#[test]
fn host_can_be_put_first() {
    let mut head = Head::new();
    head.parse_request(b"GET / HTTP/1.0\r\nA: b\r\n\r\n", &Limits::request())
        .unwrap();
    assert!(head.push_front(b"Host", b"a"));
    assert_eq!(fields(&head), "A: b\r\n");
}

#[test]
fn tokens_in_lists() {
    let head = request("Vary: a , b\r\nvary:,,C\r\n");
    for (token, found) in [("a", true), ("B", true), ("c", true), ("", false), ("a , b", false)] {
        assert_eq!(head.contains_token(Known::Vary, token.as_bytes()), found, "{token:?}");
    }
}
