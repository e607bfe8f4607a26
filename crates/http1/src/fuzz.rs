//! Entries for the fuzz targets; not part of the API.
//!
//! Each panics if a promise of this crate is broken.

use crate::{BodyDecoder, CHUNK_END, Framing, Head, LAST_CHUNK, Limits, chunk_head};

/// `data` as a request and as a response: no panic; the same result however
/// the bytes are cut; what is accepted is written and read back unchanged.
pub fn head(data: &[u8]) {
    head_as(data, &Limits::request(), Head::parse_request, Head::encode_request);
    head_as(data, &Limits::response(), Head::parse_response, Head::encode_response);
}

type Parse = fn(&mut Head, &[u8], &Limits) -> Result<Option<usize>, crate::Refusal>;

fn head_as(data: &[u8], limits: &Limits, parse: Parse, encode: fn(&Head, &mut Vec<u8>)) {
    let mut head = Head::new();
    let whole = parse(&mut head, data, limits);
    let mut cut = Head::new();
    let mut by_piece = Ok(None);
    // Every cut of a short head; a long one would take long.
    let step = data.len() / 500 + 1;
    for n in (0..data.len()).step_by(step).chain([data.len()]) {
        by_piece = parse(&mut cut, data.get(..n).unwrap_or_default(), limits);
        if by_piece != Ok(None) {
            break;
        }
    }
    assert_eq!(whole, by_piece, "the result depends on how the bytes were cut");
    let Ok(Some(n)) = whole else { return };
    assert!(n <= data.len());
    let (mut first, mut second) = (Vec::new(), Vec::new());
    encode(&head, &mut first);
    let mut again = Head::new();
    let written = parse(&mut again, &first, limits);
    // HTTP/1.0 is written as HTTP/1.1, which demands more of it.
    if head.version() == crate::Version::Http11 {
        assert_eq!(
            written,
            Ok(Some(first.len())),
            "what was accepted is refused when written anew"
        );
        encode(&again, &mut second);
        assert_eq!(first, second, "writing anew changes the message");
    }
}

/// `data` as a chunked body: no panic; the same payload and result however the
/// bytes are cut; the payload framed anew decodes to itself.
pub fn chunked(data: &[u8]) {
    let (whole, end) = decode(data, usize::MAX);
    let (by_byte, same_end) = decode(data, 1);
    assert_eq!(end, same_end, "the result depends on how the bytes were cut");
    if end.is_some() {
        assert_eq!(whole, by_byte, "the payload depends on how the bytes were cut");
    }
    if end != Some(true) {
        return;
    }
    let mut framed = Vec::new();
    for piece in whole.chunks(7) {
        chunk_head(piece.len(), &mut framed);
        framed.extend_from_slice(piece);
        framed.extend_from_slice(CHUNK_END);
    }
    framed.extend_from_slice(LAST_CHUNK);
    assert_eq!(
        decode(&framed, 3),
        (whole, Some(true)),
        "framing anew changes the payload"
    );
}

/// The payload, and whether the end was reached; `None` for a refusal.
fn decode(data: &[u8], step: usize) -> (Vec<u8>, Option<bool>) {
    let mut body = BodyDecoder::new(Framing::Chunked, &Limits::request());
    let mut payload = Vec::new();
    for piece in data.chunks(step.min(data.len()).max(1)) {
        let mut rest = piece;
        loop {
            let Ok(decoded) = body.decode(rest) else {
                return (payload, None);
            };
            assert!(decoded.consumed <= rest.len() && decoded.data.end <= decoded.consumed);
            payload.extend_from_slice(rest.get(decoded.data.clone()).unwrap_or_default());
            rest = rest.get(decoded.consumed..).unwrap_or_default();
            if decoded.end {
                return (payload, Some(true));
            }
            if decoded.consumed == 0 {
                break;
            }
        }
    }
    (payload, Some(false))
}
