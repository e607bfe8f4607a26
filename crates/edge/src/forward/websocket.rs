//! The key that a WebSocket handshake of HTTP/1 carries (RFC 6455, section 4), for visitors of HTTP/2, which has none, and
//! its answer.

use adit_http1::{Head, Known};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::random;

/// What is appended to a key before it is hashed (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A nonce of sixteen bytes (RFC 6455, section 4.1). It shows that the upstream read the handshake, and is no secret.
pub(crate) fn key() -> String {
    let mut nonce = [0; 16];
    let (a, b) = nonce.split_at_mut(8);
    a.copy_from_slice(&random().to_ne_bytes());
    b.copy_from_slice(&random().to_ne_bytes());
    STANDARD.encode(nonce)
}

/// Whether `response` answers the key of `request`.
pub(super) fn is_accepted(request: &Head, response: &Head) -> bool {
    let (Some(key), Some(accept)) = (
        request.get(Known::SecWebsocketKey),
        response.get(Known::SecWebsocketAccept),
    ) else {
        return false;
    };
    self::accept(key).as_bytes() == accept
}

/// The answer to a key (RFC 6455, section 4.2.2).
pub(super) fn accept(key: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(GUID);
    STANDARD.encode(hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use adit_http1::Version;

    #[test]
    fn only_the_answer_to_the_key_is_one() {
        let mut request = Head::default();
        request.start_request(b"GET", b"/", Version::Http2).unwrap();
        let mut response = Head::default();
        response.start_response(101);
        assert!(!is_accepted(&request, &response));
        // The example of RFC 6455, section 1.3.
        request.push(b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ==");
        assert!(!is_accepted(&request, &response));
        response.push(b"Sec-WebSocket-Accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(is_accepted(&request, &response));
        response.set(b"Sec-WebSocket-Accept", b"S3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!is_accepted(&request, &response));
        assert_eq!(key().len(), 24);
    }
}
