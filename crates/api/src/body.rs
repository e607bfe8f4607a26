//! Bodies: JSON, bounded in size, time and depth, without repeated keys (control plane 1.1).

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use adit_names::code::ErrorCode;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Version, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::ApiError;

/// Largest body in bytes.
pub(crate) const MAX: usize = 1 << 20;
/// What a request that takes no body may send all the same: `{}`, `null`, white space. More is not collected, since
/// such a request may come without a key.
const MAX_NONE: usize = 256;
/// How long a body may take to arrive.
const TIME: Duration = Duration::from_secs(30);
const MAX_DEPTH: usize = 32;
/// How many bytes of a body that nobody wants are read away, so that the connection lives on.
const MAX_REST: usize = 64 << 10;
/// How long that may take.
const REST_TIME: Duration = Duration::from_secs(2);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Reads the body of a request; nothing and `null` are `None`.
///
/// # Errors
/// 210–213, 216, `ERR_ADIT_2004`.
pub(crate) async fn read<B>(method: &Method, headers: &HeaderMap, body: Pin<&mut B>) -> Result<Option<Value>, ApiError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Failure>,
{
    let (most, beyond) = if has_body(method) {
        (MAX, too_large())
    } else {
        (MAX_NONE, not_taken(method))
    };
    if body.size_hint().lower() > most as u64 {
        return Err(beyond);
    }
    let read = tokio::time::timeout(TIME, Limited::new(body, most).collect()).await;
    let bytes = match read {
        Ok(Ok(read)) => read.to_bytes(),
        Ok(Err(e)) if e.is::<LengthLimitError>() => return Err(beyond),
        Ok(Err(_)) | Err(_) => return Err(ApiError::new(ErrorCode::NGROK_212, &[])),
    };
    if bytes.is_empty() {
        return Ok(None);
    }
    check_type(headers, has_body(method))?;
    if has_body(method) {
        return Ok(Some(parse(&bytes)?).filter(|v| !v.is_null()));
    }
    // Whatever else it is, JSON or not: it is not taken.
    match parse(&bytes) {
        Ok(Value::Null) => Ok(None),
        Ok(Value::Object(map)) if map.is_empty() => Ok(Some(Value::Object(map))),
        Ok(_) | Err(_) => Err(not_taken(method)),
    }
}

/// Reads away what is left of a body in HTTP/1, where the next request stands behind it. False if that would be too
/// much: then the connection has to end, and the answer must say so (RFC 9112 section 9.6).
pub(crate) async fn read_away<B>(head: &Parts, body: Pin<&mut B>) -> bool
where
    B: Body<Data = Bytes>,
    B::Error: Into<Failure>,
{
    if head.version >= Version::HTTP_2 || body.is_end_stream() {
        return true;
    }
    // Whoever waits for "100 Continue" may or may not send the body after a refusal.
    if head.headers.contains_key(header::EXPECT) || body.size_hint().lower() > MAX_REST as u64 {
        return false;
    }
    let mut body = Limited::new(body, MAX_REST);
    let rest = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(REST_TIME, rest).await.unwrap_or(false)
}

fn not_taken(method: &Method) -> ApiError {
    ApiError::new(ErrorCode::NGROK_211, &[("method", method.as_str())])
}

fn too_large() -> ApiError {
    ApiError::new(ErrorCode::ADIT_2004, &[]).detail("limit", MAX.to_string())
}

fn has_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PATCH | Method::PUT)
}

/// Only JSON in UTF-8, not compressed.
fn check_type(headers: &HeaderMap, required: bool) -> Result<(), ApiError> {
    let text = |name| headers.get(name).map(|v| v.to_str().unwrap_or("unreadable"));
    let unsupported = |what| ApiError::new(ErrorCode::NGROK_210, &[("type", what)]);
    if let Some(coding) = text(header::CONTENT_ENCODING).filter(|c| !c.eq_ignore_ascii_case("identity")) {
        return Err(unsupported(coding));
    }
    let Some(value) = text(header::CONTENT_TYPE) else {
        return if required {
            Err(ApiError::new(ErrorCode::NGROK_216, &[]))
        } else {
            Ok(())
        };
    };
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|t| t.eq_ignore_ascii_case("application/json"));
    let charset = parts
        .filter_map(|p| p.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .all(|(_, c)| c.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    if json && charset {
        Ok(())
    } else {
        Err(unsupported(value))
    }
}

fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut deserializer);
    let value = value.and_then(|v| deserializer.end().map(|()| v));
    value.map_err(|e| ApiError::new(ErrorCode::NGROK_213, &[("error", &e.to_string())]))
}

/// A JSON value at this depth.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(deeper)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut values = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(deeper)?;
            if values.contains_key(&key) {
                return Err(A::Error::custom("a key occurs twice"));
            }
            values.insert(key, value);
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;
    use serde_json::json;

    async fn asked(method: Method, kind: Option<&str>, body: &[u8]) -> Result<Option<Value>, &'static str> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        let mut body = Full::new(Bytes::copy_from_slice(body));
        read(&method, &headers, Pin::new(&mut body))
            .await
            .map_err(|e| e.code().as_str())
    }

    struct Endless;

    impl Body for Endless {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(&[b' '; 1024])))))
        }
    }

    #[tokio::test]
    async fn a_connection_lives_on_if_little_is_left_of_a_body() {
        let (asked, ()) = http::Request::new(()).into_parts();
        let (mut waits, ()) = http::Request::new(()).into_parts();
        waits.headers.insert(header::EXPECT, "100-continue".parse().unwrap());
        let (mut streams, ()) = http::Request::new(()).into_parts();
        streams.version = Version::HTTP_2;
        for (head, length, lives) in [
            (&asked, 0, true),
            (&asked, MAX_REST, true),
            (&asked, MAX_REST + 1, false),
            (&waits, 1, false),
            (&streams, MAX_REST + 1, true),
        ] {
            let mut body = Full::new(Bytes::from(vec![b' '; length]));
            assert_eq!(read_away(head, Pin::new(&mut body)).await, lives, "{length} {head:?}");
        }
        // Its length is not told before.
        let mut endless = Endless;
        assert!(!read_away(&asked, Pin::new(&mut endless)).await);
    }

    #[tokio::test]
    async fn what_is_read_and_what_is_refused() {
        let json = Some("application/json");
        assert_eq!(asked(Method::POST, None, b"").await, Ok(None));
        assert_eq!(asked(Method::POST, json, b" null ").await, Ok(None));
        assert_eq!(
            asked(
                Method::POST,
                Some("application/json; charset=UTF-8"),
                b"{\"a\":[1,-2,0.5,true,null]}"
            )
            .await,
            Ok(Some(json!({"a": [1, -2, 0.5, true, null]})))
        );
        // Some clients send an empty object with a GET.
        assert_eq!(asked(Method::GET, None, b"{}").await, Ok(Some(json!({}))));
        assert_eq!(asked(Method::DELETE, json, b"null").await, Ok(None));
        let deep = [vec![b'['; 33], vec![b']'; 33]].concat();
        for (method, kind, body, code) in [
            (Method::GET, json, &b"{\"a\":1}"[..], "ERR_NGROK_211"),
            (Method::GET, None, b"x", "ERR_NGROK_211"),
            (Method::DELETE, json, b"[]", "ERR_NGROK_211"),
            (Method::POST, None, b"{}", "ERR_NGROK_216"),
            (Method::POST, Some("text/plain"), b"{}", "ERR_NGROK_210"),
            (
                Method::POST,
                Some("application/json; charset=latin1"),
                b"{}",
                "ERR_NGROK_210",
            ),
            (Method::POST, json, b"{", "ERR_NGROK_213"),
            (Method::POST, json, b"{} {}", "ERR_NGROK_213"),
            (Method::POST, json, b"{\"a\":1,\"a\":1}", "ERR_NGROK_213"),
            (Method::POST, json, b"{\"a\":\"\xff\"}", "ERR_NGROK_213"),
            (Method::POST, json, b"{\"a\":\"\\ud800\"}", "ERR_NGROK_213"),
            (Method::POST, json, &deep, "ERR_NGROK_213"),
        ] {
            assert_eq!(asked(method, kind, body).await, Err(code), "{}", body.escape_ascii());
        }
        let large = vec![b' '; MAX + 1];
        assert_eq!(asked(Method::POST, json, &large).await, Err("ERR_ADIT_2004"));
    }
}
