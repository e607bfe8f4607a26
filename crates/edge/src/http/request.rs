//! What the edge needs to know of a request beside its head.

use adit_http1::{Framing, Head, Known, Version};

/// Facts of one request, read off its head once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestFacts {
    pub(crate) version: Version,
    pub(crate) framing: Framing,
    pub(crate) is_head: bool,
    /// GET, HEAD, OPTIONS, PUT, DELETE, TRACE: may be sent again when no answer began.
    pub(crate) idempotent: bool,
    /// An upgrade that is passed on (not `h2c`, not HTTP/1.0, no body of unknown length).
    pub(crate) upgrade: bool,
    /// Extended CONNECT over HTTP/2 (RFC 8441): becomes an upgrade toward HTTP/1 upstreams.
    pub(crate) extended_connect: bool,
    pub(crate) grpc: bool,
    pub(crate) expects_continue: bool,
}

impl RequestFacts {
    pub(crate) fn of(head: &Head, framing: Framing) -> Self {
        let method = head.method();
        let version = head.version();
        let upgrade = version == Version::Http11
            && head.contains_token(Known::Connection, b"upgrade")
            && head
                .get(Known::Upgrade)
                .is_some_and(|u| !u.eq_ignore_ascii_case(b"h2c"))
            && framing != Framing::Chunked;
        Self {
            version,
            framing,
            is_head: method == b"HEAD",
            idempotent: matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"PUT" | b"DELETE" | b"TRACE"),
            upgrade,
            extended_connect: false,
            grpc: head.get(Known::ContentType).is_some_and(is_grpc),
            expects_continue: version == Version::Http11 && head.get(Known::Expect).is_some(),
        }
    }

    /// Whether a body follows the head.
    pub(crate) fn has_body(&self) -> bool {
        !matches!(self.framing, Framing::None | Framing::Length(0))
    }
}

/// `application/grpc` and its `+` forms, but not gRPC-Web.
pub(crate) fn is_grpc(content_type: &[u8]) -> bool {
    let Some((kind, rest)) = content_type.split_at_checked(16) else {
        return false;
    };
    kind.eq_ignore_ascii_case(b"application/grpc") && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_told_from_grpc_web() {
        assert!(is_grpc(b"application/grpc"));
        assert!(is_grpc(b"application/grpc+proto"));
        assert!(is_grpc(b"Application/gRPC;charset=x"));
        assert!(!is_grpc(b"application/grpc-web"));
        assert!(!is_grpc(b"application/json"));
    }

    #[test]
    fn an_upgrade_needs_http11_its_token_and_no_chunked_body() {
        let mut h = Head::default();
        h.start_request(b"GET", b"/", Version::Http11).unwrap();
        h.push(b"Connection", b"keep-alive, Upgrade");
        h.push(b"Upgrade", b"websocket");
        assert!(RequestFacts::of(&h, Framing::None).upgrade);
        assert!(!RequestFacts::of(&h, Framing::Chunked).upgrade);
        h.start_request(b"GET", b"/", Version::Http10).unwrap();
        h.push(b"Connection", b"Upgrade");
        h.push(b"Upgrade", b"websocket");
        assert!(!RequestFacts::of(&h, Framing::None).upgrade);
        h.start_request(b"GET", b"/", Version::Http11).unwrap();
        h.push(b"Connection", b"Upgrade");
        h.push(b"Upgrade", b"h2c");
        assert!(!RequestFacts::of(&h, Framing::None).upgrade);
    }
}
