//! A body encoded while it passes.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// A content coding (RFC 9110 8.4.1, RFC 7932, RFC 8878).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// `gzip`
    Gzip,
    /// `deflate`: the zlib format, as RFC 9110 says.
    Deflate,
    /// `br`
    Brotli,
    /// `zstd`
    Zstd,
}

impl Coding {
    /// Its name in `Content-Encoding`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The coding of that name; `x-gzip` is `gzip`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("deflate", Self::Deflate),
            ("br", Self::Brotli),
            ("zstd", Self::Zstd),
        ]
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, coding)| coding)
    }
}

enum Inner {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

/// Encodes a body piece by piece.
pub struct Encoder(Inner);

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Inner::Gzip(_) => "gzip",
            Inner::Deflate(_) => "deflate",
            Inner::Brotli(_) => "br",
            Inner::Zstd(_) => "zstd",
        })
    }
}

/// Bytes of brotli's buffer.
const BROTLI_BUFFER: usize = 4096;
/// What an answer on the road is worth: near the best ratio for the time (as nginx's module recommends).
const BROTLI_QUALITY: u32 = 4;
/// Two to the power of this: brotli's window.
const BROTLI_WINDOW: u32 = 19;
const ZSTD_LEVEL: i32 = 3;

impl Encoder {
    /// An encoder at the start of a body.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new(coding: Coding) -> io::Result<Self> {
        Ok(Self(match coding {
            Coding::Gzip => Inner::Gzip(GzEncoder::new(Vec::new(), Compression::new(5))),
            Coding::Deflate => Inner::Deflate(ZlibEncoder::new(Vec::new(), Compression::new(5))),
            Coding::Brotli => Inner::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                BROTLI_BUFFER,
                BROTLI_QUALITY,
                BROTLI_WINDOW,
            ))),
            Coding::Zstd => Inner::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?),
        }))
    }

    /// Takes a piece; what is ready comes out (often nothing yet).
    ///
    /// # Errors
    /// The encoder failed; the body cannot go on.
    pub fn push(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
        Ok(match &mut self.0 {
            Inner::Gzip(encoder) => {
                encoder.write_all(piece)?;
                std::mem::take(encoder.get_mut())
            }
            Inner::Deflate(encoder) => {
                encoder.write_all(piece)?;
                std::mem::take(encoder.get_mut())
            }
            Inner::Brotli(encoder) => {
                encoder.write_all(piece)?;
                std::mem::take(encoder.get_mut())
            }
            Inner::Zstd(encoder) => {
                encoder.write_all(piece)?;
                std::mem::take(encoder.get_mut())
            }
        })
    }

    /// Everything that was taken comes out: called whenever the upstream pauses, so that streams stay live.
    ///
    /// # Errors
    /// As [`Encoder::push`].
    pub fn flush(&mut self) -> io::Result<Vec<u8>> {
        Ok(match &mut self.0 {
            Inner::Gzip(encoder) => {
                encoder.flush()?;
                std::mem::take(encoder.get_mut())
            }
            Inner::Deflate(encoder) => {
                encoder.flush()?;
                std::mem::take(encoder.get_mut())
            }
            Inner::Brotli(encoder) => {
                encoder.flush()?;
                std::mem::take(encoder.get_mut())
            }
            Inner::Zstd(encoder) => {
                encoder.flush()?;
                std::mem::take(encoder.get_mut())
            }
        })
    }

    /// The end of the body.
    ///
    /// # Errors
    /// As [`Encoder::push`].
    pub fn finish(self) -> io::Result<Vec<u8>> {
        match self.0 {
            Inner::Gzip(encoder) => encoder.finish(),
            Inner::Deflate(encoder) => encoder.finish(),
            Inner::Brotli(encoder) => Ok(encoder.into_inner()),
            Inner::Zstd(encoder) => encoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::*;

    #[test]
    fn what_is_flushed_can_be_read_at_once_and_the_whole_is_the_body() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let mut encoder = Encoder::new(coding).unwrap();
            let mut out = encoder.push(b"data: 1\n\n").unwrap();
            out.extend(encoder.flush().unwrap());
            let first = out.len();
            assert!(first > 9 / 2, "{coding:?} keeps {first}");
            out.extend(encoder.push(&b"abc".repeat(1000)).unwrap());
            out.extend(encoder.finish().unwrap());
            let mut body = b"data: 1\n\n".to_vec();
            body.extend(b"abc".repeat(1000));
            assert_eq!(decode(coding.name(), &out, 1 << 20).unwrap(), body, "{coding:?}");
        }
    }
}
