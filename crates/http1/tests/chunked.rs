//! Chunked bodies: the grammar of RFC 9112 7.1 to the byte, and bodies in
//! general.

use adit_http1::{
    BodyDecoder, CHUNK_END, ChunkHead, FieldList, Framing, Head, Known, LAST_CHUNK, Limits, Refusal, RefusalKind as K,
    chunk_head, filter_trailers, is_forbidden_trailer, last_chunk_with_trailers,
};

/// Payload, bytes used, and whether the end was reached.
fn decode(body: &mut BodyDecoder, input: &[u8]) -> Result<(Vec<u8>, usize, bool), Refusal> {
    let (mut payload, mut at) = (Vec::new(), 0);
    loop {
        let decoded = body.decode(&input[at..])?;
        payload.extend_from_slice(&input[at..][decoded.data.clone()]);
        at += decoded.consumed;
        if decoded.end || decoded.consumed == 0 {
            return Ok((payload, at, decoded.end));
        }
    }
}

fn chunked() -> BodyDecoder {
    BodyDecoder::new(Framing::Chunked, &Limits::request())
}

#[test]
fn accepted() {
    for (input, payload) in [
        ("0\r\n\r\n", ""),
        ("000\r\n\r\n", ""),
        ("3\r\nabc\r\n0\r\n\r\n", "abc"),
        (
            "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
            "01234567890123456789",
        ),
        ("0000000000000003\r\nabc\r\n0\r\n\r\n", "abc"),
        ("3;a\r\nabc\r\n0;b=c\r\n\r\n", "abc"),
        ("3;a=\"x;\\\"\\\\ y\"; b ;c = d\r\nabc\r\n0\r\n\r\n", "abc"),
        ("3;\t a;b=\"\"\r\nabc\r\n0\r\n\r\n", "abc"),
        ("3\r\nabc\r\n0\r\nX: y\r\nZ:\r\n\r\n", "abc"),
    ] {
        let mut body = chunked();
        assert_eq!(
            decode(&mut body, format!("{input}GET /").as_bytes()),
            Ok((payload.into(), input.len(), true)),
            "{input:?}"
        );
        assert!(body.is_done() && body.finish_eof().is_ok());
        assert_eq!(body.decode(b"more").unwrap().consumed, 0);
    }
}

#[test]
fn refused() {
    let extension = |n: usize| format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(n));
    let line = |zeroes: usize, n: usize| format!("{}3;{}\r\nabc\r\n0\r\n\r\n", "0".repeat(zeroes), "x".repeat(n));
    assert!(decode(&mut chunked(), extension(255).as_bytes()).is_ok());
    assert!(decode(&mut chunked(), line(13, 255).as_bytes()).is_ok());
    let long_trailer = format!("0\r\nX: {}\r\n\r\n", "x".repeat((16 << 10) - 4));
    let many_trailers = format!("0\r\n{}\r\n", "X: y\r\n".repeat(33));
    let name = format!("0\r\n{}: y\r\n\r\n", "x".repeat(257));
    for (input, kind) in [
        ("\r\n", K::ChunkSize),
        (";a\r\n", K::ChunkSize),
        ("g\r\n", K::ChunkSize),
        ("0x3\r\n", K::ChunkSize),
        ("+3\r\n", K::ChunkSize),
        ("-3\r\n", K::ChunkSize),
        ("1_0\r\n", K::ChunkSize),
        (" 3\r\n", K::ChunkSize),
        ("3 \r\n", K::ChunkSize),
        ("3 ;a\r\n", K::ChunkSize),
        ("3\t\r\n", K::ChunkSize),
        ("3\n", K::ChunkSize),
        ("3\0\r\n", K::ChunkSize),
        ("3.0\r\n", K::ChunkSize),
        ("00000000000000003\r\n", K::ChunkSize),
        ("3\rx", K::ChunkLine),
        ("3\r\rabc", K::ChunkLine),
        ("3;\r\n", K::ChunkExtension),
        ("3;a;\r\n", K::ChunkExtension),
        ("3;a=\r\n", K::ChunkExtension),
        ("3;a \r\n", K::ChunkExtension),
        ("3;=b\r\n", K::ChunkExtension),
        ("3;a=b c\r\n", K::ChunkExtension),
        ("3;a=\"b\r\n", K::ChunkExtension),
        ("3;a=\"b\"c\r\n", K::ChunkExtension),
        ("3;a\n", K::ChunkExtension),
        ("3;a=\"\n\"\r\n", K::ChunkExtension),
        ("3;a=\"\\\n\"\r\n", K::ChunkExtension),
        ("3;\0\r\n", K::ChunkExtension),
        (&extension(256), K::ChunkExtension),
        ("3\r\nabcd\r\n", K::ChunkEnd),
        ("3\r\nabc\n0\r\n\r\n", K::ChunkEnd),
        ("3\r\nabc\r0", K::ChunkEnd),
        ("3\r\nabc0\r\n\r\n", K::ChunkEnd),
        ("0\r\n\n", K::Trailer),
        ("0\r\n\rx", K::Trailer),
        ("0\r\nX: y\n\r\n", K::Trailer),
        ("0\r\nX : y\r\n\r\n", K::Trailer),
        ("0\r\nX: y\r\n z\r\n\r\n", K::Trailer),
        ("0\r\nX\r\n\r\n", K::Trailer),
        ("0\r\nX: \0\r\n\r\n", K::Trailer),
        ("0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", K::Trailer),
        (&name, K::Trailer),
        (&long_trailer, K::TrailersTooLarge),
        (&many_trailers, K::TrailersTooLarge),
    ] {
        let shown = &input[..input.len().min(60)];
        let mut body = chunked();
        let refusal = decode(&mut body, input.as_bytes()).expect_err(shown);
        assert_eq!(refusal.kind, kind, "{shown:?}");
        assert_eq!((refusal.status(), refusal.code()), (400, "ERR_ADIT_4003"));
        assert_eq!(body.decode(b"0\r\n\r\n"), Err(refusal), "a refusal stays");
        assert_eq!(body.finish_eof(), Err(refusal));
    }
    let limits = Limits {
        chunk_line: 20,
        ..Limits::request()
    };
    let mut body = BodyDecoder::new(Framing::Chunked, &limits);
    assert_eq!(
        decode(&mut body, line(0, 17).as_bytes()).unwrap_err().kind,
        K::ChunkLine
    );
}

#[test]
fn an_upstreams_bad_chunk_is_a_502() {
    let mut body = BodyDecoder::new(Framing::Chunked, &Limits::response());
    let refusal = body.decode(b"3 \r\n").unwrap_err();
    assert_eq!((refusal.status(), refusal.code()), (502, "ERR_NGROK_3004"));
}

#[test]
fn the_end_of_the_connection_is_no_end_of_a_body() {
    for input in [
        "",
        "3",
        "3\r\n",
        "3\r\nab",
        "3\r\nabc",
        "3\r\nabc\r\n",
        "3\r\nabc\r\n0\r\n",
        "0\r\nX: y\r\n",
        "0\r\n\r",
    ] {
        let mut body = chunked();
        assert!(!decode(&mut body, input.as_bytes()).unwrap().2);
        assert_eq!(body.finish_eof().unwrap_err().kind, K::BodyCut, "{input:?}");
    }
    let mut body = BodyDecoder::new(Framing::Length(4), &Limits::request());
    assert_eq!(decode(&mut body, b"abc").unwrap(), (b"abc".to_vec(), 3, false));
    let refusal = body.finish_eof().unwrap_err();
    assert_eq!(
        (refusal.kind, refusal.status(), refusal.code()),
        (K::BodyShort, 400, "ERR_ADIT_4001")
    );
    assert_eq!(decode(&mut body, b"defg").unwrap(), (b"d".to_vec(), 1, true));
    assert!(body.finish_eof().is_ok());

    let mut body = BodyDecoder::new(Framing::UntilClose, &Limits::response());
    assert_eq!(decode(&mut body, b"abc").unwrap(), (b"abc".to_vec(), 3, false));
    assert!(!body.is_done() && body.finish_eof().is_ok() && body.is_done());
    assert!(body.decode(b"").unwrap().end);

    let mut body = BodyDecoder::new(Framing::None, &Limits::request());
    assert!(body.is_done());
    assert_eq!(decode(&mut body, b"GET").unwrap(), (vec![], 0, true));
}

#[test]
fn a_chunk_is_one_call_and_nothing_is_copied() {
    let mut body = chunked();
    let input = b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    let first = body.decode(input).unwrap();
    assert_eq!((first.data, first.consumed, first.end), (3..6, 11, false));
    let second = body.decode(&input[11..]).unwrap();
    assert_eq!((second.data, second.consumed, second.end), (0..4, 11, true));
}

#[test]
fn huge_sizes_do_not_overflow() {
    let mut body = chunked();
    let (payload, used, end) = decode(&mut body, b"FFFFFFFFFFFFFFFF\r\nabc").unwrap();
    assert_eq!((payload, used, end), (b"abc".to_vec(), 21, false));
    assert!(body.finish_eof().is_err());
}

#[test]
fn chunk_heads() {
    for (len, text) in [
        (1, "1\r\n"),
        (9, "9\r\n"),
        (10, "a\r\n"),
        (16, "10\r\n"),
        (16_384, "4000\r\n"),
        (usize::MAX, "ffffffffffffffff\r\n"),
    ] {
        let mut out = Vec::new();
        chunk_head(len, &mut out);
        assert_eq!(
            (out.as_slice(), ChunkHead::new(len).as_bytes()),
            (text.as_bytes(), text.as_bytes())
        );
    }
}

#[test]
fn trailers_pass_if_announced_and_harmless() {
    let head = |fields: &str| {
        let mut head = Head::new();
        let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{fields}\r\n");
        head.parse_response(text.as_bytes(), &Limits::response())
            .unwrap()
            .unwrap();
        head
    };
    let received = "0\r\nX-Sum: 1\r\nx-other: 2\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: b\r\nSet-Cookie: a\r\nngrok_auth_user_id: x\r\nConnection: x\r\nGrpc-Status: 0\r\n\r\n";
    let pass = |fields: &str| {
        let mut body = BodyDecoder::new(Framing::Chunked, &Limits::response());
        assert!(decode(&mut body, received.as_bytes()).unwrap().2);
        assert_eq!(body.trailers().len(), 9);
        assert_eq!(body.trailers().get(Known::Host), Some(&b"b"[..]));
        let trailers = body.trailers_mut().unwrap();
        let removed = filter_trailers(trailers, &head(fields));
        assert_eq!(removed, 9 - trailers.len());
        let mut out = Vec::new();
        last_chunk_with_trailers(body.trailers(), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(pass(""), "0\r\n\r\n");
    assert_eq!(
        pass("Trailer: x-sum, Content-Length, host\r\nTrailer: Set-Cookie, ngrok_auth_user_id\r\n"),
        "0\r\nX-Sum: 1\r\n\r\n"
    );
    assert_eq!(
        pass("Content-Type: Application/grpc+proto\r\n"),
        "0\r\nX-Sum: 1\r\nx-other: 2\r\nGrpc-Status: 0\r\n\r\n"
    );
    assert!(chunked().trailers().is_empty() && chunked().trailers_mut().is_none());

    let mut out = Vec::new();
    last_chunk_with_trailers(&FieldList::new(), &mut out);
    assert_eq!(out, LAST_CHUNK);
    assert_eq!(CHUNK_END, b"\r\n");
    for name in [
        "authorization",
        "Content-MD5",
        "x-forwarded-for",
        "TE",
        "via",
        "Adit-Position",
        "Sec-Fetch-Mode",
    ] {
        assert!(is_forbidden_trailer(name.as_bytes()), "{name}");
    }
    for name in ["server-timing", "digest", "grpc-message", "etag"] {
        assert!(!is_forbidden_trailer(name.as_bytes()), "{name}");
    }
}
