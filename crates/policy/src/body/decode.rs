//! A whole body decoded, within limits.

use std::io::Read;

use super::Coding;

/// A body may become so many times as long.
const MAX_RATIO: usize = 64;
/// Or as long as this: nothing that small is a bomb.
const HARMLESS: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecodeFault {
    /// A coding that is not known.
    Unknown,
    /// Not what it says it is.
    Malformed,
    /// Beyond the limit, or a bomb.
    TooLarge,
}

/// Undoes the codings of a `Content-Encoding` field, the last first.
pub(crate) fn decode(encoding: &str, body: &[u8], limit: usize) -> Result<Vec<u8>, DecodeFault> {
    let limit = limit.min(body.len().saturating_mul(MAX_RATIO).max(HARMLESS));
    let mut body = std::borrow::Cow::Borrowed(body);
    let codings: Vec<_> = encoding
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
        .collect();
    if codings.len() > 4 {
        return Err(DecodeFault::Unknown);
    }
    for name in codings.into_iter().rev() {
        let coding = Coding::from_name(name).ok_or(DecodeFault::Unknown)?;
        body = std::borrow::Cow::Owned(one(coding, &body, limit)?);
    }
    Ok(body.into_owned())
}

/// The begin of what a body says whose begin this is: at most `limit` bytes, fewer where it cannot be read on. `None`: a
/// coding that is not known.
pub(crate) fn decode_begin(encoding: &str, body: &[u8], limit: usize) -> Option<Vec<u8>> {
    let codings: Vec<_> = encoding
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
        .map(Coding::from_name)
        .collect::<Option<_>>()?;
    if codings.len() > 4 {
        return None;
    }
    let mut begin = std::borrow::Cow::Borrowed(body);
    for (left, coding) in codings.into_iter().enumerate().rev() {
        // What is decoded once more needs more room than its result.
        let limit = if left == 0 { limit } else { limit.max(HARMLESS) };
        begin = std::borrow::Cow::Owned(one_begin(coding, &begin, limit));
    }
    let mut begin = begin.into_owned();
    begin.truncate(limit);
    Some(begin)
}

fn one_begin(coding: Coding, body: &[u8], limit: usize) -> Vec<u8> {
    match coding {
        Coding::Gzip => begin(flate2::read::MultiGzDecoder::new(body), limit),
        Coding::Deflate => {
            let decoded = begin(flate2::read::ZlibDecoder::new(body), limit);
            if decoded.is_empty() {
                begin(flate2::read::DeflateDecoder::new(body), limit)
            } else {
                decoded
            }
        }
        Coding::Brotli => begin(brotli::Decompressor::new(body, 4096), limit),
        Coding::Zstd => match zstd::stream::read::Decoder::new(body) {
            Ok(mut decoder) => match decoder.window_log_max(23) {
                Ok(()) => begin(decoder, limit),
                Err(_) => Vec::new(),
            },
            Err(_) => Vec::new(),
        },
    }
}

/// Reads until there is enough, or nothing more that can be read.
fn begin(mut decoder: impl Read, limit: usize) -> Vec<u8> {
    let mut out = vec![0; limit];
    let mut filled = 0;
    while let Some(room) = out.get_mut(filled..).filter(|room| !room.is_empty()) {
        match decoder.read(room) {
            Ok(0) | Err(_) => break,
            Ok(more) => filled += more,
        }
    }
    out.truncate(filled);
    out
}

fn one(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, DecodeFault> {
    match coding {
        Coding::Gzip => read(flate2::read::MultiGzDecoder::new(body), limit),
        // The name means the zlib format; some send the bare one.
        Coding::Deflate => match read(flate2::read::ZlibDecoder::new(body), limit) {
            Err(DecodeFault::Malformed) => read(flate2::read::DeflateDecoder::new(body), limit),
            result => result,
        },
        Coding::Brotli => read(brotli::Decompressor::new(body, 4096), limit),
        Coding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(body).map_err(|_| DecodeFault::Malformed)?;
            // A frame may ask for a window of gigabytes; RFC 9659 allows 8 MiB in HTTP.
            decoder.window_log_max(23).map_err(|_| DecodeFault::Malformed)?;
            read(decoder, limit)
        }
    }
}

fn read(decoder: impl Read, limit: usize) -> Result<Vec<u8>, DecodeFault> {
    let mut out = Vec::new();
    decoder
        .take(limit as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|_| DecodeFault::Malformed)?;
    if out.len() > limit {
        return Err(DecodeFault::TooLarge);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::Encoder;
    use super::*;

    /// Letters without a pattern, which become little shorter.
    fn letters(count: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b'a' + u8::try_from((state >> 33) % 26).unwrap()
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn the_begin_of_a_body_is_decoded_as_far_as_it_goes() {
        let text = letters(400_000);
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let mut encoder = Encoder::new(coding).unwrap();
            let mut whole = encoder.push(&text).unwrap();
            whole.extend(encoder.finish().unwrap());
            let begin = decode_begin(coding.name(), &whole, 100).unwrap();
            assert_eq!(begin, text[..100], "{coding:?}");
            let cut = decode_begin(coding.name(), &whole[..whole.len() - 1], 1 << 20).unwrap();
            assert!(
                text.starts_with(&cut) && cut.len() > 100_000,
                "{coding:?}: {}",
                cut.len()
            );
            assert!(decode_begin(coding.name(), b"", 100).unwrap().is_empty());
        }
        let mut encoder = Encoder::new(Coding::Gzip).unwrap();
        let mut once = encoder.push(&text).unwrap();
        once.extend(encoder.finish().unwrap());
        let mut encoder = Encoder::new(Coding::Brotli).unwrap();
        let mut twice = encoder.push(&once).unwrap();
        twice.extend(encoder.finish().unwrap());
        assert_eq!(decode_begin("gzip, br", &twice, 50).unwrap(), text[..50]);
        assert_eq!(decode_begin("compress", b"x", 10), None);
        assert_eq!(decode_begin("gzip,gzip,gzip,gzip,gzip", b"x", 10), None);
    }

    #[test]
    fn bombs_and_nonsense_are_refused() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let mut encoder = Encoder::new(coding).unwrap();
            let mut bomb = encoder.push(&vec![0; 8 << 20]).unwrap();
            bomb.extend(encoder.finish().unwrap());
            assert_eq!(
                decode(coding.name(), &bomb, 64 << 20),
                Err(DecodeFault::TooLarge),
                "{coding:?}"
            );
            assert_eq!(
                decode(coding.name(), b"\x01nonsense and more of it", 1000),
                Err(DecodeFault::Malformed),
                "{coding:?}"
            );
        }
        assert_eq!(decode("compress", b"x", 10), Err(DecodeFault::Unknown));
        assert_eq!(decode("identity", b"x", 10).as_deref(), Ok(&b"x"[..]));
    }
}
