//! Bodies taken out of their coding, never beyond their limit: a small answer may unfold to a very large one.

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use bytes::Bytes;
use http::{HeaderMap, header};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::reason::Failure;

/// The codings that are understood, as `Accept-Encoding` says them.
pub(crate) const UNDERSTOOD: &str = "gzip, br, zstd";

/// Takes a body out of the coding that `headers` names (gzip, br, zstd), and that header with it; `most` is the number of
/// bytes that may come of it.
///
/// # Errors
/// [`Failure::TooLarge`]; [`Failure::Broken`] for a coding that is not known or a body that is not in it.
pub async fn decode(headers: &mut HeaderMap, body: Bytes, most: usize) -> Result<Bytes, Failure> {
    let coding = match headers.get(header::CONTENT_ENCODING) {
        Some(value) => value.to_str().unwrap_or_default().trim().to_ascii_lowercase(),
        None => return Ok(body),
    };
    let decoded = match coding.as_str() {
        "" | "identity" => return Ok(body),
        "gzip" | "x-gzip" => whole(GzipDecoder::new(body.as_ref()), most).await,
        "br" => whole(BrotliDecoder::new(body.as_ref()), most).await,
        "zstd" => whole(ZstdDecoder::new(body.as_ref()), most).await,
        other => Err(Failure::Broken(format!("its coding {other:?} is not known"))),
    }?;
    headers.remove(header::CONTENT_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    Ok(decoded)
}

async fn whole(decoder: impl AsyncRead + Unpin, most: usize) -> Result<Bytes, Failure> {
    let mut decoded = Vec::new();
    let mut limited = decoder.take(most as u64 + 1);
    let read = limited.read_to_end(&mut decoded).await;
    if decoded.len() > most {
        return Err(Failure::TooLarge(most));
    }
    read.map_err(|error| Failure::Broken(error.to_string()))?;
    Ok(decoded.into())
}
