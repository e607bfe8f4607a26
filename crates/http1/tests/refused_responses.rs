//! What a hostile or broken upstream may not say: each is a 502.

use adit_http1::{Head, Limits, RefusalKind as K, Side};

#[track_caller]
fn refused(input: impl AsRef<[u8]>, kind: K, code: &str) {
    let input = input.as_ref();
    let shown = input[..input.len().min(120)].escape_ascii();
    let mut head = Head::new();
    let parsed = head.parse_response(input, &Limits::response());
    let Err(refusal) = parsed else {
        return assert!(parsed.is_err(), "{shown}: {parsed:?}");
    };
    assert_eq!((refusal.kind, refusal.side), (kind, Side::Response), "{shown}");
    assert_eq!((refusal.status(), refusal.code()), (502, code), "{shown}");
}

#[test]
fn framing_with_two_readings() {
    for (fields, kind) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked", K::LengthAndEncoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3", K::LengthAndEncoding),
        ("Content-Length: 3\r\nContent-Length: 4", K::LengthRepeated),
        ("Content-Length: 3, 3", K::LengthInvalid),
        ("Content-Length: +3", K::LengthInvalid),
        ("Content-Length: -1", K::LengthInvalid),
        ("Content-Length:", K::LengthInvalid),
        ("Content-Length: 3\r\nContent-Length: x", K::LengthInvalid),
        ("Transfer-Encoding: gzip, chunked", K::EncodingUnknown),
        ("Transfer-Encoding: identity", K::EncodingUnknown),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            K::EncodingRepeated,
        ),
    ] {
        refused(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"), kind, "ERR_NGROK_3004");
        refused(
            format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n\r\n"),
            kind,
            "ERR_NGROK_3004",
        );
    }
    refused(
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        K::EncodingVersion,
        "ERR_NGROK_3004",
    );
}

#[test]
fn statuses() {
    for status in ["0", "00", "000"] {
        refused(format!("HTTP/1.1 {status} x\r\n\r\n"), K::StatusZero, "ERR_NGROK_3009");
    }
    for status in [
        "600", "999", "099", "99", "1", "2000", "-1", "+20", "2x0", "x", "0x1", "20\t", "", " 200",
    ] {
        refused(
            format!("HTTP/1.1 {status} x\r\n\r\n"),
            K::StatusInvalid,
            "ERR_NGROK_3010",
        );
    }
}

#[test]
fn bytes_and_lines() {
    for (input, kind) in [
        (&b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n"[..], K::ObsFold),
        (b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", K::SpaceBeforeColon),
        (b"HTTP/1.1 200 OK\r\nX\r\n\r\n", K::FieldName),
        (b"HTTP/1.1 200 OK\r\nX\x00: y\r\n\r\n", K::ControlByte),
        (b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n", K::ControlByte),
        (b"HTTP/1.1 200 OK\r\nX: a\x7fb\r\n\r\n", K::ControlByte),
        (b"HTTP/1.1 200 O\x01K\r\n\r\n", K::ControlByte),
        (b"HTTP/1.1 200 OK\nX: y\r\n\r\n", K::BareLf),
        (b"HTTP/1.1 200 OK\r\nX: y\n\n", K::BareLf),
        (b"HTTP/1.1 200 OK\r\nX: y\rZ: w\r\n\r\n", K::BareCr),
        (b"HTTP/1.1 200 O\rK\r\n\r\n", K::BareCr),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", K::StartLine),
        (b"ICY 200 OK\r\n\r\n", K::StartLine),
        (b"HTTP/1.1200 OK\r\n\r\n", K::StartLine),
        (b"HTTP/1.1\r\n\r\n", K::StartLine),
        (b"HTTP/2.0 200 OK\r\n\r\n", K::Version),
        (b"<html>", K::StartLine),
        // SETTINGS of HTTP/2, an alert of TLS: known without waiting for more.
        (b"\x00\x00\x12\x04\x00", K::StartLine),
        (b"\x15\x03\x03", K::StartLine),
    ] {
        refused(input, kind, "ERR_NGROK_3004");
    }
}

#[test]
fn sizes() {
    let limits = Limits::response();
    let block = |bytes: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(bytes - 5));
    let full = block(limits.head);
    assert_eq!(
        Head::new().parse_response(full.as_bytes(), &limits),
        Ok(Some(full.len()))
    );
    refused(block(limits.head + 1), K::HeadTooLarge, "ERR_NGROK_3004");
    refused(
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(401)),
        K::TooManyFields,
        "ERR_NGROK_3004",
    );
    refused(
        format!("HTTP/1.1 200 {}", "x".repeat(limits.target + 1)),
        K::HeadTooLarge,
        "ERR_NGROK_3004",
    );
    refused(
        format!("HTTP/1.1 200 OK\r\n{}: b\r\n\r\n", "n".repeat(257)),
        K::NameTooLong,
        "ERR_NGROK_3004",
    );
}
