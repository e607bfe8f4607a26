//! Properties over arbitrary and over nearly right input.

use adit_http1::{
    BodyDecoder, CHUNK_END, ChunkHead, Framing, Head, Known, LAST_CHUNK, Limits, Version, fuzz,
    last_chunk_with_trailers,
};
use proptest::prelude::*;

/// Pieces that heads are made of, right ones and wrong ones.
const PIECES: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /a?b=\"<x>\" HTTP/1.1\r\n",
    "GET http://a/x HTTP/1.1\r\n",
    "OPTIONS * HTTP/1.0\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 304\r\n",
    "HTTP/1.1 999 x\r\n",
    "Host: a\r\n",
    "host:b:80\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close, te\r\n",
    "X-A: b \t\r\n",
    "Cookie: \t a=1;\u{e9}\r\n",
    "x_y:\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    "\0",
    "#",
    "\u{7f}",
    "a",
    "HTTP/1.1",
    "GET",
    "/",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "0\r\n",
    "5;a=\"b;\\\"\"\r\n12345\r\n",
    "f",
    ";",
    "=",
    "\"",
    "\\",
    "A: b\r\n",
];

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|b| vec![b]),
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// A right request head with some of its bytes changed, or none.
fn nearly_right() -> impl Strategy<Value = Vec<u8>> {
    (
        right(),
        proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3),
    )
        .prop_map(|(mut bytes, changes)| {
            for (index, b) in changes {
                let i = index.index(bytes.len());
                bytes[i] = b;
            }
            bytes
        })
}

/// A request or response head as this crate writes it.
fn right() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "(GET|POST|OPTIONS|X-[A-Z]{1,5}) /[!-\"$-~]{0,40} HTTP/1\\.1\r\nHost: [a-z0-9-]{1,20}(:8080)?\r\n",
        "HTTP/1\\.1 [1-5][0-9]{2} [ -~]{0,20}\r\n",
    ];
    let field = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}: ([!-~]([ -~]{0,30}[!-~])?)?\r\n";
    (line, proptest::collection::vec(field, 0..12)).prop_map(|(line, fields)| {
        let decides = |field: &&String| {
            let known = Known::of(field.split(':').next().unwrap_or_default().as_bytes());
            !matches!(known, Known::Host | Known::ContentLength | Known::TransferEncoding)
        };
        let fields: String = fields.iter().filter(decides).map(String::as_str).collect();
        format!("{line}{fields}\r\n").into_bytes()
    })
}

/// Compares what we accept with what httparse makes of it.
fn agree_with_httparse(input: &[u8]) {
    let mut slots = [httparse::EMPTY_HEADER; 500];
    let mut head = Head::new();
    if let Ok(Some(n)) = head.parse_request(input, &Limits::request()) {
        let line = input.split(|&b| b == b'\n').find(|line| line.len() > 1);
        let newer = line.is_none_or(|line| !line.ends_with(b"HTTP/1.0\r") && !line.ends_with(b"HTTP/1.1\r"));
        // httparse knows 1.0 and 1.1 only.
        if newer {
            return;
        }
        let mut other = httparse::Request::new(&mut slots);
        assert_eq!(
            other.parse(input),
            Ok(httparse::Status::Complete(n)),
            "{}",
            input.escape_ascii()
        );
        assert_eq!(other.method.map(str::as_bytes), Some(head.method()));
        assert_eq!(other.path.map(str::as_bytes), Some(head.target()));
        assert_eq!(other.version, Some(u8::from(head.version() != Version::Http10)));
        let ours: Vec<_> = head.fields().map(|(name, value)| (name.as_bytes(), value)).collect();
        let theirs: Vec<_> = other.headers.iter().map(|h| (h.name.as_bytes(), h.value)).collect();
        assert_eq!(ours, theirs);
    }
    let mut slots = [httparse::EMPTY_HEADER; 500];
    let known = input.starts_with(b"HTTP/1.0") || input.starts_with(b"HTTP/1.1");
    if let Ok(Some(n)) = head.parse_response(input, &Limits::response())
        && known
    {
        let mut other = httparse::Response::new(&mut slots);
        assert_eq!(
            other.parse(input),
            Ok(httparse::Status::Complete(n)),
            "{}",
            input.escape_ascii()
        );
        assert_eq!(other.code, Some(head.status()));
        let ours: Vec<_> = head.fields().map(|(name, value)| (name.as_bytes(), value)).collect();
        let mut lengths = 0;
        let theirs: Vec<_> = other
            .headers
            .iter()
            .filter(|h| {
                lengths += usize::from(h.name.eq_ignore_ascii_case("content-length"));
                lengths < 2 || !h.name.eq_ignore_ascii_case("content-length")
            })
            .map(|h| (h.name.as_bytes(), h.value))
            .collect();
        assert_eq!(ours, theirs);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz::head(&input);
        fuzz::chunked(&input);
        agree_with_httparse(&input);
    }

    #[test]
    fn pieces_of_messages(input in pieces()) {
        fuzz::head(&input);
        fuzz::chunked(&input);
        agree_with_httparse(&input);
    }

    #[test]
    fn nearly_right_heads(input in nearly_right()) {
        fuzz::head(&input);
        agree_with_httparse(&input);
    }

    #[test]
    fn what_is_written_is_what_was_read(input in right()) {
        let mut head = Head::new();
        let mut out = Vec::new();
        if input.starts_with(b"HTTP/") {
            prop_assert_eq!(head.parse_response(&input, &Limits::response()), Ok(Some(input.len())));
            head.encode_response(&mut out);
        } else {
            prop_assert_eq!(head.parse_request(&input, &Limits::request()), Ok(Some(input.len())));
            head.encode_request(&mut out);
        }
        prop_assert_eq!(&out, &input);
        agree_with_httparse(&input);
    }

    /// A head used before, also for a part of another message, reads the same.
    #[test]
    fn what_a_head_held_before_does_not_matter(before in pieces(), input in nearly_right(), cut in any::<proptest::sample::Index>()) {
        let limits = Limits::request();
        let mut used = Head::new();
        let _ = used.parse_request(&before, &limits);
        let _ = used.parse_request(&input[..cut.index(input.len() + 1)], &limits);
        let _ = used.parse_response(&before, &Limits::response());
        let _ = used.parse_request(&input[..cut.index(input.len() + 1)], &limits);
        let mut fresh = Head::new();
        prop_assert_eq!(used.parse_request(&input, &limits), fresh.parse_request(&input, &limits));
        let (mut a, mut b) = (Vec::new(), Vec::new());
        used.encode_request(&mut a);
        fresh.encode_request(&mut b);
        prop_assert_eq!(a, b);
    }

    #[test]
    fn chunked_in_any_cut_is_the_payload(
        payload in proptest::collection::vec(any::<u8>(), 0..2000),
        chunks in proptest::collection::vec((1usize..300, "(;[a-z]{1,5}(=[a-z]{1,5})?){0,3}"), 1..20),
        reads in proptest::collection::vec(1usize..100, 1..20),
        trailers in proptest::collection::vec("[a-z]{1,8}: [!-~]{1,8}\r\n", 0..5),
    ) {
        let mut wire = Vec::new();
        let mut rest = payload.as_slice();
        for (size, extension) in chunks.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, tail) = rest.split_at((*size).min(rest.len()));
            wire.extend_from_slice(format!("{:X}{extension}\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
            rest = tail;
        }
        wire.extend_from_slice(format!("0\r\n{}\r\n", trailers.concat()).as_bytes());
        let end = wire.len();
        wire.extend_from_slice(b"GET / HTTP/1.1\r\n");

        let mut body = BodyDecoder::new(Framing::Chunked, &Limits::request());
        let (mut decoded, mut reframed, mut used, mut at) = (Vec::new(), Vec::new(), 0, 0);
        for size in reads.iter().cycle() {
            at = (at + size).min(wire.len());
            let step = body.decode(&wire[used..at]).unwrap();
            let data = &wire[used..][step.data.clone()];
            decoded.extend_from_slice(data);
            if !data.is_empty() {
                reframed.extend_from_slice(ChunkHead::new(data.len()).as_bytes());
                reframed.extend_from_slice(data);
                reframed.extend_from_slice(CHUNK_END);
            }
            used += step.consumed;
            if step.end {
                break;
            }
        }
        prop_assert_eq!(used, end);
        prop_assert_eq!(&decoded, &payload);
        prop_assert_eq!(body.trailers().len(), trailers.len());
        let plain = reframed.len();
        last_chunk_with_trailers(body.trailers(), &mut reframed);
        prop_assert_eq!(reframed[plain..].to_vec(), format!("0\r\n{}\r\n", trailers.concat()).into_bytes());
        reframed.truncate(plain);
        reframed.extend_from_slice(LAST_CHUNK);

        let mut again = BodyDecoder::new(Framing::Chunked, &Limits::request());
        let (mut payload_again, mut at) = (Vec::new(), 0);
        loop {
            let step = again.decode(&reframed[at..]).unwrap();
            payload_again.extend_from_slice(&reframed[at..][step.data.clone()]);
            at += step.consumed;
            if step.end {
                break;
            }
        }
        prop_assert_eq!(payload_again, payload);
    }

    /// Edits of any kind never make a head that would be read differently.
    #[test]
    fn edits_cannot_break_a_head(
        input in right(),
        edits in proptest::collection::vec((0u8..4, "[a-zA-Z\r\n: \u{0}-]{0,8}", "[ -~\r\n\u{0}\t]{0,12}"), 0..12),
    ) {
        let mut head = Head::new();
        prop_assume!(head.parse_request(&input, &Limits::request()).is_ok_and(|n| n.is_some()));
        for (kind, name, value) in &edits {
            let known = Known::of(name.as_bytes());
            if matches!(known, Known::Host | Known::ContentLength | Known::TransferEncoding) {
                continue;
            }
            match kind {
                0 => drop(head.push(name.as_bytes(), value.as_bytes())),
                1 => drop(head.set(name.as_bytes(), value.as_bytes())),
                2 => drop(head.remove_name(name.as_bytes())),
                _ => drop(head.set_target(value.as_bytes())),
            }
        }
        let own = |head: &Head| -> Vec<(Vec<u8>, Vec<u8>)> {
            head.fields().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect()
        };
        let mut out = Vec::new();
        head.encode_request(&mut out);
        let mut again = Head::new();
        match again.parse_request(&out, &Limits::request()) {
            Ok(read) => {
                prop_assert_eq!(read, Some(out.len()));
                prop_assert_eq!(own(&again), own(&head));
            }
            // The new target may name another host.
            Err(refusal) => prop_assert_eq!(refusal.kind, adit_http1::RefusalKind::HostMismatch),
        }
    }
}
