//! Every way a request head can be wrong, and what it gets: the rows of edge
//! 1.7 to 1.9 and of the attack table that are decided by the head alone.

use adit_http1::{Head, Limits, Refusal, RefusalKind as K, Side};

fn parse(input: &[u8]) -> Result<Option<usize>, Refusal> {
    Head::new().parse_request(input, &Limits::request())
}

#[track_caller]
fn refused(input: impl AsRef<[u8]>, kind: K, status: u16, code: &str) {
    let input = input.as_ref();
    let shown = input[..input.len().min(120)].escape_ascii();
    let parsed = parse(input);
    let Err(refusal) = parsed else {
        return assert!(parsed.is_err(), "{shown}: {parsed:?}");
    };
    assert_eq!((refusal.kind, refusal.side), (kind, Side::Request), "{shown}");
    assert_eq!((refusal.status(), refusal.code()), (status, code), "{shown}");
    assert!(refusal.text().len() <= 200 && refusal.to_string() == refusal.text());
}

#[track_caller]
fn rows(kind: K, status: u16, code: &str, inputs: &[&str]) {
    for input in inputs {
        refused(input, kind, status, code);
    }
}

#[test]
fn length_and_encoding_that_disagree() {
    const CODE: &str = "ERR_ADIT_4001";
    rows(
        K::LengthAndEncoding,
        400,
        CODE,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\ncontent-length: 0\r\n\r\n",
        ],
    );
    rows(
        K::LengthRepeated,
        400,
        CODE,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX: y\r\ncontent-length: 4\r\n\r\n",
        ],
    );
    for value in [
        "3, 3",
        "3,4",
        "+3",
        "-3",
        "0x3",
        "3 3",
        "",
        "3a",
        "a",
        "3.0",
        "３",
        "99999999999999999999",
        "1_0",
        "3;",
    ] {
        refused(
            format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {value}\r\n\r\n"),
            K::LengthInvalid,
            400,
            CODE,
        );
    }
}

#[test]
fn transfer_encoding_other_than_chunked() {
    const CODE: &str = "ERR_ADIT_4001";
    for value in [
        "gzip, chunked",
        "chunked, chunked",
        "chunked, gzip",
        "gzip",
        "identity",
        "xchunked",
        "chunked;q=1",
        "chunked,",
        ",chunked",
        "\"chunked\"",
        "chunked chunked",
        "",
        "chunked\u{b}",
    ] {
        let input = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {value}\r\n\r\n");
        let kind = if value.contains('\u{b}') {
            K::ControlByte
        } else {
            K::EncodingUnknown
        };
        let code = if value.contains('\u{b}') { "ERR_ADIT_4000" } else { CODE };
        refused(input, kind, 400, code);
    }
    rows(
        K::EncodingRepeated,
        400,
        CODE,
        &["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"],
    );
    rows(
        K::EncodingUnknown,
        400,
        CODE,
        &["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"],
    );
    rows(
        K::EncodingVersion,
        400,
        CODE,
        &[
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n",
        ],
    );
}

#[test]
fn line_ends_and_control_bytes() {
    const CODE: &str = "ERR_ADIT_4000";
    rows(
        K::BareLf,
        400,
        CODE,
        &[
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost\n: a\r\n\r\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
    rows(
        K::BareCr,
        400,
        CODE,
        &[
            "GET / HTTP/1.1\rHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
            "GET / HTTP/1.1\r\nHost\r: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\rX",
            "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        ],
    );
    for b in (0..0x20u8).filter(|b| !b"\t\r\n".contains(b)).chain([0x7F]) {
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\nX: y^z\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX^y: z\r\n\r\n",
            "GE^T / HTTP/1.1\r\n",
        ] {
            let input: Vec<u8> = text.bytes().map(|c| if c == b'^' { b } else { c }).collect();
            refused(input, K::ControlByte, 400, CODE);
        }
    }
    rows(
        K::ObsFold,
        400,
        CODE,
        &[
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n",
        ],
    );
    rows(
        K::SpaceBeforeColon,
        400,
        CODE,
        &[
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 3\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n",
        ],
    );
    rows(
        K::FieldName,
        400,
        CODE,
        &[
            "GET / HTTP/1.1\r\nHost: a\r\n: z\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nno-colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX(y): z\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX\u{e9}: z\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX/y: z\r\n\r\n",
        ],
    );
}

#[test]
fn request_lines() {
    const CODE: &str = "ERR_ADIT_4000";
    rows(
        K::StartLine,
        400,
        CODE,
        &[
            "GET /\r\n\r\n",
            "GET\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            "GET / http/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
            "GET / HTTP/11\r\nHost: a\r\n\r\n",
            "GET / HTTP/1\r\nHost: a\r\n\r\n",
            "GET / HTTP/x.1\r\nHost: a\r\n\r\n",
            "GET / a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / ICY/1.1\r\nHost: a\r\n\r\n",
        ],
    );
    rows(
        K::Method,
        400,
        CODE,
        &[
            " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "\u{e9} / HTTP/1.1\r\nHost: a\r\n\r\n",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
    rows(
        K::Version,
        505,
        "ERR_ADIT_5050",
        &[
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            "GET / HTTP/3.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/0.9\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ],
    );
    // What is not HTTP is known by its first bytes, not after the time-out.
    refused(b"\x16\x03\x01\x02\x00\x01", K::ControlByte, 400, CODE);
    refused(b"{\"json\": 1}", K::Method, 400, CODE);
}

#[test]
fn targets() {
    const CODE: &str = "ERR_ADIT_4000";
    for target in [
        "foo",
        "a/b",
        "?x",
        "*",
        "/a#b",
        "#",
        "/\u{e9}",
        "/a\tb",
        "/a\u{0}",
        "/\u{7f}",
        "http:/b/",
        "http:b",
        "://b/",
        "1http://b/",
        "a.example:443",
    ] {
        refused(
            format!("GET {target} HTTP/1.1\r\nHost: b\r\n\r\n"),
            K::Target,
            400,
            CODE,
        );
    }
    for target in [
        "http://",
        "http:///x",
        "http://u@b/",
        "http://u:p@b/",
        "http://b:0/",
        "http://b:/",
        "http://b\\c/",
        "http://[::g]/",
    ] {
        refused(
            format!("GET {target} HTTP/1.1\r\nHost: b\r\n\r\n"),
            K::TargetAuthority,
            400,
            "ERR_ADIT_4002",
        );
    }
    for target in ["/", "b", "http://b:1/", "b:0", "b:99999", "u@b:1", "*", "[::1]"] {
        refused(
            format!("CONNECT {target} HTTP/1.1\r\nHost: b\r\n\r\n"),
            K::Target,
            400,
            CODE,
        );
    }
    refused("options * HTTP/1.1\r\nHost: b\r\n\r\n", K::Target, 400, CODE);
}

#[test]
fn hosts() {
    const CODE: &str = "ERR_ADIT_4002";
    rows(
        K::HostMissing,
        400,
        CODE,
        &[
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n",
            "GET / HTTP/1.2\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\n\r\n",
        ],
    );
    rows(
        K::HostRepeated,
        400,
        CODE,
        &[
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        ],
    );
    for host in [
        "",
        "a b/c",
        "a/b",
        "a,b",
        "u@a",
        "a:",
        "a:0",
        "a:65536",
        "a:080808",
        "a:b",
        "a:+80",
        ":80",
        "a%41",
        "a?x",
        "a#x",
        "a\\b",
        "b\u{fc}cher",
        "[::1",
        "[::1]x",
        "[1.2.3.4]",
        "[fe80::1%25eth0]",
        "::1",
        "a\tb",
        "a:80:80",
    ] {
        refused(
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            K::HostInvalid,
            400,
            CODE,
        );
    }
    rows(
        K::HostMismatch,
        400,
        CODE,
        &[
            "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a HTTP/1.0\r\nHost: a:81\r\n\r\n",
        ],
    );
}

#[test]
fn a_refused_head_leaves_nothing_behind() {
    let mut head = Head::new();
    let limits = Limits::request();
    assert!(
        head.parse_request(b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &limits)
            .is_err()
    );
    assert_eq!(
        (head.method(), head.target(), head.fields().count()),
        (&b""[..], &b""[..], 0)
    );
}
