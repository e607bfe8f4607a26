//! What is accepted, and what is read from it.

use adit_http1::{Form, Framing, Head, Known, Limits, Version, request_framing, response_framing};

#[track_caller]
fn request(input: impl AsRef<[u8]>) -> Head {
    let input = input.as_ref();
    let mut head = Head::new();
    let parsed = head.parse_request(input, &Limits::request());
    assert_eq!(parsed, Ok(Some(input.len())), "{}", input.escape_ascii());
    head
}

#[track_caller]
fn response(input: impl AsRef<[u8]>) -> Head {
    let input = input.as_ref();
    let mut head = Head::new();
    let parsed = head.parse_response(input, &Limits::response());
    assert_eq!(parsed, Ok(Some(input.len())), "{}", input.escape_ascii());
    head
}

fn encoded(head: &Head) -> String {
    let mut out = Vec::new();
    head.encode_request(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn methods_pass_as_they_are() {
    for method in [
        "GET",
        "PURGE",
        "PROPFIND",
        "get",
        "M-SEARCH",
        "TRACE",
        "!#$%&'*+-.^_`|~09az",
    ] {
        let head = request(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(head.method(), method.as_bytes());
    }
}

#[test]
fn targets_pass_byte_for_byte() {
    for target in [
        "/",
        "/a%2Fb?x=1",
        "/<>\"`{}|\\^[]",
        "/?q=<\"`>",
        "//evil/../x",
        "/%zz%",
        "/a?b?c",
        "/;p=1",
        "/*",
        "/:@!$&'()*+,;=",
    ] {
        let head = request(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!((head.target(), head.form()), (target.as_bytes(), Form::Origin));
        assert!(encoded(&head).starts_with(&format!("GET {target} HTTP/1.1\r\n")));
    }
    let head = request("GET /a/b?c=d?e HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.path(), head.query()), (&b"/a/b"[..], Some(&b"c=d?e"[..])));
    assert_eq!(request("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").query(), None);
}

#[test]
fn absolute_targets_become_origin_form_on_demand() {
    for (line, host, target, form) in [
        ("GET http://b/x?y", "b", "/x?y", Form::Origin),
        ("GET HTTPS://B:8443/", "b:8443", "/", Form::Origin),
        ("GET http://b", "b", "/", Form::Origin),
        ("GET http://b?x=/", "b", "/?x=/", Form::Origin),
        ("OPTIONS http://b", "b", "*", Form::Asterisk),
        ("OPTIONS http://b?x", "b", "/?x", Form::Origin),
        ("GET http://[2001:db8::1]:81/x", "[2001:DB8::1]:81", "/x", Form::Origin),
    ] {
        let mut head = request(format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(head.form(), Form::Absolute);
        head.to_origin_form();
        assert_eq!((head.target(), head.form()), (target.as_bytes(), form), "{line}");
        assert_eq!(head.host(), Some(host.as_bytes()));
    }
    let head = request("GET http://b/x HTTP/1.0\r\n\r\n");
    assert_eq!((head.host(), head.path()), (Some(&b"b"[..]), &b"/x"[..]));
    let head = request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.form(), head.path()), (Form::Asterisk, &b"*"[..]));
    let head = request("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n");
    assert_eq!(head.form(), Form::Authority);
}

#[test]
fn versions() {
    let version = |v: &str| request(format!("GET / HTTP/{v}\r\nHost: a\r\n\r\n")).version();
    assert_eq!(version("1.0"), Version::Http10);
    assert_eq!(version("1.1"), Version::Http11);
    assert_eq!(version("1.2"), Version::Http11);
    assert_eq!(version("1.9"), Version::Http11);
    assert_eq!(request("GET / HTTP/1.0\r\n\r\n").host(), None);
}

#[test]
fn hosts() {
    for host in [
        "a",
        "App.Example.com.",
        "a:1",
        "a:65535",
        "1.2.3.4:80",
        "[::1]",
        "[2001:db8::1]:443",
        "a_b.c",
        "xn--bcher-kva.example",
    ] {
        assert_eq!(
            request(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).host(),
            Some(host.as_bytes())
        );
    }
}

#[test]
fn fields_keep_order_case_and_bytes() {
    let head =
        request(b"GET / HTTP/1.1\r\nhOsT:a\r\nX-A: \t one  two \t\r\nx-a:\r\nCookie: caf\xe9\tx\r\nx_b: 3\r\n\r\n");
    let fields: Vec<_> = head.fields().map(|(name, value)| (name.as_bytes(), value)).collect();
    let expected: [(&[u8], &[u8]); 5] = [
        (b"hOsT", b"a"),
        (b"X-A", b"one  two"),
        (b"x-a", b""),
        (b"Cookie", b"caf\xe9\tx"),
        (b"x_b", b"3"),
    ];
    assert_eq!(fields, expected);
    assert_eq!(head.get(Known::Host), Some(&b"a"[..]));
    assert_eq!(head.find_all(b"X-a").collect::<Vec<_>>(), [&b"one  two"[..], b""]);
    assert_eq!(head.find(b"nope"), None);
    let mut out = Vec::new();
    head.encode_request(&mut out);
    assert_eq!(
        out,
        b"GET / HTTP/1.1\r\nhOsT: a\r\nX-A: one  two\r\nx-a: \r\nCookie: caf\xe9\tx\r\nx_b: 3\r\n\r\n"
    );
}

#[test]
fn one_empty_line_before_a_request_is_skipped() {
    let head = request("\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(encoded(&head), "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
}

#[test]
fn what_follows_the_head_is_left() {
    let mut head = Head::new();
    let input = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET";
    assert_eq!(head.parse_request(input, &Limits::request()), Ok(Some(input.len() - 6)));
}

#[test]
fn request_bodies() {
    let framing =
        |fields: &str| request_framing(&request(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))).unwrap();
    assert_eq!(framing(""), Framing::None);
    assert_eq!(framing("Content-Length: 0\r\n"), Framing::Length(0));
    assert_eq!(framing("Content-Length: 007\r\n"), Framing::Length(7));
    assert_eq!(
        framing("Content-Length: 9999999999999999999\r\n"),
        Framing::Length(9_999_999_999_999_999_999)
    );
    assert_eq!(framing("Transfer-Encoding: Chunked\r\n"), Framing::Chunked);
    assert!(framing("Content-Length: 0\r\n").is_empty() && !framing("Transfer-Encoding: chunked\r\n").is_empty());
}

#[test]
fn response_bodies() {
    let framing = |status: u16, fields: &str, is_head: bool| {
        response_framing(&response(format!("HTTP/1.1 {status} x\r\n{fields}\r\n")), is_head).unwrap()
    };
    assert_eq!(framing(200, "", false), Framing::UntilClose);
    assert_eq!(framing(200, "Content-Length: 5\r\n", false), Framing::Length(5));
    assert_eq!(framing(200, "Transfer-Encoding: chunked\r\n", false), Framing::Chunked);
    assert_eq!(
        framing(500, "Content-Length: 5\r\ncontent-length: 5\r\n", false),
        Framing::Length(5)
    );
    for status in [100, 101, 103, 199, 204, 304] {
        assert_eq!(
            framing(status, "Content-Length: 5\r\n", false),
            Framing::None,
            "{status}"
        );
        assert_eq!(
            framing(status, "Transfer-Encoding: chunked\r\n", false),
            Framing::None,
            "{status}"
        );
    }
    assert_eq!(framing(200, "Content-Length: 5\r\n", true), Framing::None);
    assert_eq!(framing(200, "", true), Framing::None);
    let old = response("HTTP/1.0 200 OK\r\n\r\n");
    assert_eq!(
        (old.version(), response_framing(&old, false)),
        (Version::Http10, Ok(Framing::UntilClose))
    );
}

#[test]
fn of_equal_response_lengths_one_is_passed_on() {
    let head = response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\ncontent-length: 5\r\n\r\n");
    let mut out = Vec::new();
    head.encode_response(&mut out);
    assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\n");
}

#[test]
fn status_lines() {
    for (line, status, reason) in [
        ("HTTP/1.1 200 OK", 200, "OK"),
        ("HTTP/1.1 200 ", 200, ""),
        ("HTTP/1.1 200", 200, ""),
        ("HTTP/1.0 599  two  words ", 599, " two  words "),
        ("HTTP/1.1 100 Go on", 100, "Go on"),
        ("HTTP/1.1 404 Pas trouv\u{e9}\t!", 404, "Pas trouv\u{e9}\t!"),
    ] {
        let head = response(format!("{line}\r\n\r\n"));
        assert_eq!((head.status(), head.reason()), (status, reason.as_bytes()), "{line}");
        let mut out = Vec::new();
        head.encode_response(&mut out);
        assert_eq!(out, format!("HTTP/1.1 {status} {reason}\r\n\r\n").into_bytes());
    }
}

#[test]
fn response_heads_may_be_larger() {
    let input = format!(
        "HTTP/1.1 200 OK\r\nSet-Cookie: {}\r\n{}\r\n",
        "x".repeat(100 << 10),
        "A: b\r\n".repeat(399)
    );
    response(input);
}
