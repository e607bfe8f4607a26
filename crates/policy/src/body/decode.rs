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
