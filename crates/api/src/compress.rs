//! Smaller answers for those who ask for them (control plane 1.1): `zstd`, `br` or `gzip`, from 1 KiB on.

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use async_compression::{Level, brotli};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::answer::Body;

/// Smaller ones are not worth it.
const LEAST: usize = 1 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Zstd,
    Brotli,
    Gzip,
}

impl Coding {
    /// In the order in which they are preferred where the client likes them alike.
    const ALL: [(Self, &'static str); 3] = [(Self::Zstd, "zstd"), (Self::Brotli, "br"), (Self::Gzip, "gzip")];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(c, _)| *c == self).map_or("", |(_, name)| name)
    }
}

/// The answer in the coding that the request likes best.
pub(crate) async fn compress(asked: &HeaderMap, mut response: Response<Body>) -> Response<Body> {
    let whole = match response.body() {
        Body::Whole(bytes) if bytes.len() > LEAST && response.status() != StatusCode::NO_CONTENT => bytes.clone(),
        Body::Whole(_) | Body::Parts(_) => return response,
    };
    response
        .headers_mut()
        .append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let Some(coding) = liked(asked) else {
        return response;
    };
    let level = Level::Precise(4);
    let coded = match coding {
        Coding::Zstd => through(ZstdEncoder::new(Vec::new()), &whole, ZstdEncoder::into_inner).await,
        Coding::Brotli => {
            let params = brotli::EncoderParams::default().quality(level);
            let encoder = BrotliEncoder::with_params(Vec::new(), params);
            through(encoder, &whole, BrotliEncoder::into_inner).await
        }
        Coding::Gzip => {
            let encoder = GzipEncoder::with_quality(Vec::new(), level);
            through(encoder, &whole, GzipEncoder::into_inner).await
        }
    };
    // Writing to memory does not fail; if it did, the plain answer is as good.
    let Ok(coded) = coded else { return response };
    *response.body_mut() = Body::Whole(coded.into());
    let name = HeaderValue::from_static(coding.name());
    response.headers_mut().insert(header::CONTENT_ENCODING, name);
    response
}

async fn through<E>(mut encoder: E, whole: &Bytes, inner: fn(E) -> Vec<u8>) -> std::io::Result<Vec<u8>>
where
    E: AsyncWrite + Unpin,
{
    encoder.write_all(whole).await?;
    encoder.shutdown().await?;
    Ok(inner(encoder))
}

/// The coding with the highest weight; none if the client wants the answer as it is.
fn liked(asked: &HeaderMap) -> Option<Coding> {
    let mut best: Option<(f32, Coding)> = None;
    let fields = asked.get_all(header::ACCEPT_ENCODING).iter();
    let items: Vec<&str> = fields
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .collect();
    for (coding, name) in Coding::ALL {
        let weight = items.iter().find_map(|item| weight_of(item, name));
        if let Some(weight) = weight.filter(|w| *w > 0.0)
            && best.is_none_or(|(most, _)| weight > most)
        {
            best = Some((weight, coding));
        }
    }
    best.map(|(_, coding)| coding)
}

/// The weight of an item of `Accept-Encoding`, if it is for this coding.
fn weight_of(item: &str, name: &str) -> Option<f32> {
    let mut parts = item.split(';').map(str::trim);
    parts.next().filter(|n| n.eq_ignore_ascii_case(name))?;
    let weight = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
    Some(weight.map_or(1.0, |w| w.parse().unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn liking(text: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(text));
        headers
    }

    #[test]
    fn weights() {
        for (text, coding) in [
            ("gzip", Some(Coding::Gzip)),
            ("gzip, br, zstd", Some(Coding::Zstd)),
            ("gzip;q=1, br;q=0.5", Some(Coding::Gzip)),
            ("BR;q=0.1", Some(Coding::Brotli)),
            ("gzip;q=0, identity", None),
            ("deflate", None),
            ("", None),
        ] {
            assert_eq!(liked(&liking(text)), coding, "{text}");
        }
    }

    #[tokio::test]
    async fn only_large_answers_are_coded_and_come_back_whole() {
        use async_compression::tokio::write::{BrotliDecoder, GzipDecoder, ZstdDecoder};
        let text = "an answer ".repeat(1_000);
        for coding in ["zstd", "br", "gzip"] {
            let response = Response::new(Body::Whole(text.clone().into()));
            let response = compress(&liking(coding), response).await;
            assert_eq!(response.headers()[header::CONTENT_ENCODING], coding);
            assert_eq!(response.headers()[header::VARY], "Accept-Encoding");
            let Body::Whole(coded) = response.body() else { panic!() };
            assert!(coded.len() < 500, "{coding}: {}", coded.len());
            let plain = match coding {
                "zstd" => through(ZstdDecoder::new(Vec::new()), coded, ZstdDecoder::into_inner).await,
                "br" => through(BrotliDecoder::new(Vec::new()), coded, BrotliDecoder::into_inner).await,
                _ => through(GzipDecoder::new(Vec::new()), coded, GzipDecoder::into_inner).await,
            };
            assert_eq!(plain.unwrap(), text.as_bytes());
        }
        let small = Response::new(Body::Whole("{}".into()));
        let small = compress(&liking("gzip"), small).await;
        assert!(!small.headers().contains_key(header::CONTENT_ENCODING));
    }
}
