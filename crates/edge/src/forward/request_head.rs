//! The head that goes upstream: what the visitor may not say is removed, what the edge knows is added.

use std::fmt::Write as _;
use std::net::IpAddr;

use adit_http1::{Framing, Head, Known, Version, is_identity_name, strip_hop_by_hop};
use adit_names::id::{Id, Prefix};

use super::response_head::is_own_cookie;
use crate::http::RequestFacts;
use crate::secure::Conn;

/// Longest `X-Request-Id` that is kept from a visitor.
const REQUEST_ID_MAX: usize = 128;

/// Rewrites a visitor's head into the one that goes to the agent's upstream. The order of what we add is
/// fixed: `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`, `Forwarded`, `Via`, of a verified certificate `Ngrok-Mtls-…`
/// (edge 4.10), `X-Request-Id`.
///
/// `host_header` is the host that the upstream sees instead of the visitor's. `request_id` is the id under which the exchange is known. Returns the number of glitches (harmless
/// breaches of the protocol) that were seen.
pub(crate) fn rewrite(
    head: &mut Head,
    conn: &Conn,
    host_header: Option<&str>,
    facts: &RequestFacts,
    request_id: &str,
) -> u32 {
    let glitches = strip_hop_by_hop(head, facts.upgrade);
    if facts.extended_connect {
        // HTTP/2 has neither field; toward HTTP/1 the tunnel is an upgrade (RFC 8441, section 5).
        head.push(b"Connection", b"Upgrade");
        head.push(b"Upgrade", b"websocket");
    }
    head.to_origin_form();
    if facts.version == Version::Http2 {
        // HTTP/2 has no case; upstreams of HTTP/1 get the customary one.
        head.train_case_names();
    }
    let forwarded = Forwarded::of(head, conn);
    head.retain(|known, name, _| match known {
        Known::XForwardedFor
        | Known::XForwardedProto
        | Known::XForwardedHost
        | Known::XForwardedPort
        | Known::Forwarded => false,
        Known::XRealIp
        | Known::TrueClientIp
        | Known::CfConnectingIp
        | Known::FastlyClientIp
        | Known::XClientIp
        | Known::XForwardedServer
        | Known::XOriginalUrl
        | Known::XRewriteUrl => conn.trusted,
        Known::XRequestId => false,
        Known::Other | Known::ClientCert | Known::ClientCertChain => !is_identity_name(name),
        _ => true,
    });
    remove_own_cookies(head);
    if let Some(host) = host_header {
        head.set(b"Host", host.as_bytes());
    }
    forwarded.push(head, conn);
    for (name, value) in conn.certificate_headers() {
        head.push(name, value.as_bytes());
    }
    head.push(b"X-Request-Id", request_id.as_bytes());
    if facts.framing == Framing::Chunked {
        head.remove(Known::ContentLength);
        head.push(b"Transfer-Encoding", b"chunked");
    }
    glitches
}

/// Cookies that only the edge sets are its own to read; the others stay byte for byte.
fn remove_own_cookies(head: &mut Head) {
    let is_own = |pair: &&[u8]| is_own_cookie(pair.trim_ascii());
    let pairs = |line| <[u8]>::split(line, |b| *b == b';');
    if !head.get_all(Known::Cookie).flat_map(pairs).any(|pair| is_own(&pair)) {
        return;
    }
    let kept: Vec<_> = head
        .get_all(Known::Cookie)
        .flat_map(pairs)
        .filter(|pair| !is_own(pair))
        .map(<[u8]>::trim_ascii)
        .collect();
    let kept = kept.join(&b"; "[..]);
    head.remove(Known::Cookie);
    if !kept.is_empty() {
        head.push(b"Cookie", &kept);
    }
}

/// The address that a request comes from: the peer's, or what a trusted proxy says.
pub(crate) fn client_ip(head: &Head, conn: &Conn) -> IpAddr {
    if conn.trusted {
        Forwarded::of(head, conn).client
    } else {
        conn.ip()
    }
}

/// Writes the id under which an exchange is known into `out`: the visitor's own if it has the form of one, else a
/// new one.
pub(crate) fn identify(head: &Head, out: &mut String) {
    out.clear();
    match head.get(Known::XRequestId).filter(|id| is_request_id(id)) {
        Some(id) => out.push_str(&String::from_utf8_lossy(id)),
        None => new_request_id(out),
    }
}

/// Letters, digits, `.`, `_`, `:` and `-`, at most 128.
fn is_request_id(value: &[u8]) -> bool {
    (1..=REQUEST_ID_MAX).contains(&value.len())
        && value
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

/// A new id: sortable by second, random within it.
pub(crate) fn new_request_id(out: &mut String) {
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let mut random = [0; 16];
    let (a, b) = random.split_at_mut(8);
    a.copy_from_slice(&super::random().to_ne_bytes());
    b.copy_from_slice(&super::random().to_ne_bytes());
    let _ = write!(out, "{}", Id::new(Prefix::Request, seconds, random));
}

/// What the edge says about where a request came from.
struct Forwarded {
    /// The whole `X-Forwarded-For`.
    chain: String,
    client: IpAddr,
    https: bool,
    host: String,
}

impl Forwarded {
    fn of(head: &Head, conn: &Conn) -> Self {
        let own_host = head.get(Known::Host).unwrap_or_default();
        let mut it = Self {
            chain: String::new(),
            client: conn.ip(),
            https: conn.tls.is_some(),
            host: String::from_utf8_lossy(own_host).into_owned(),
        };
        if conn.trusted {
            it.believe(head, conn);
        }
        // Writing to a string cannot fail.
        let _ = write!(it.chain, "{}", conn.ip());
        it
    }

    /// A trusted proxy stands before us: what it says is kept, and its own address comes behind it.
    fn believe(&mut self, head: &Head, conn: &Conn) {
        let mut addresses: Vec<IpAddr> = Vec::new();
        for line in head.get_all(Known::XForwardedFor) {
            for part in line.split(|b| *b == b',') {
                let text = std::str::from_utf8(part).unwrap_or("").trim();
                match text.parse::<IpAddr>() {
                    Ok(a) => addresses.push(a.to_canonical()),
                    // What stands left of an element that cannot be read cannot be believed either.
                    Err(_) => addresses.clear(),
                }
            }
        }
        let config = conn.node.config.load();
        if let Some(client) = addresses.iter().rev().find(|a| !config.is_trusted_proxy(**a)) {
            self.client = *client;
        } else if let Some(first) = addresses.first() {
            self.client = *first;
        }
        for a in &addresses {
            let _ = write!(self.chain, "{a}, ");
        }
        match head.get(Known::XForwardedProto) {
            Some(b"https") => self.https = true,
            Some(b"http") => self.https = false,
            _ => {}
        }
        if let Some(h) = head
            .get(Known::XForwardedHost)
            .and_then(|h| std::str::from_utf8(h).ok())
        {
            self.host = h.to_owned();
        }
    }

    fn push(self, head: &mut Head, conn: &Conn) {
        let proto = if self.https { "https" } else { "http" };
        head.push(b"X-Forwarded-For", self.chain.as_bytes());
        head.push(b"X-Forwarded-Proto", proto.as_bytes());
        head.push(b"X-Forwarded-Host", self.host.as_bytes());
        let mut text = String::with_capacity(64 + self.host.len());
        let _ = write!(text, "{}", conn.public_port);
        head.push(b"X-Forwarded-Port", text.as_bytes());
        text.clear();
        let _ = match self.client {
            IpAddr::V4(a) => write!(text, "for={a}"),
            IpAddr::V6(a) => write!(text, "for=\"[{a}]\""),
        };
        text.push_str(";host=");
        // `host` is a token or a quoted string; a port makes it the latter (RFC 7239, section 4).
        if self.host.contains([':', '[']) {
            let _ = write!(text, "\"{}\"", self.host);
        } else {
            text.push_str(&self.host);
        }
        text.push_str(";proto=");
        text.push_str(proto);
        head.push(b"Forwarded", text.as_bytes());
        let via: &[u8] = match head.version() {
            Version::Http10 => b"1.0 adit",
            Version::Http11 => b"1.1 adit",
            Version::Http2 => b"2.0 adit",
        };
        head.push(b"Via", via);
    }
}

/// Our own pseudonym ten times in `Via`: a loop.
pub(super) fn is_loop(head: &Head) -> bool {
    head.get_all(Known::Via)
        .flat_map(|v| v.split(|b| *b == b','))
        .filter(|hop| hop.trim_ascii().ends_with(b" adit"))
        .count()
        >= 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_of_visitors_are_kept_only_in_their_form() {
        assert!(is_request_id(b"abc-123:X_y.z"));
        assert!(!is_request_id(b""));
        assert!(!is_request_id(b"a b"));
        assert!(!is_request_id(&[b'a'; 129]));
        let mut id = String::new();
        new_request_id(&mut id);
        assert_eq!(id.len(), 3 + 27);
        assert!(id.starts_with("rq_"));
    }

    #[test]
    fn ten_of_our_own_hops_are_a_loop() {
        let mut h = Head::default();
        h.start_request(b"GET", b"/", Version::Http11).unwrap();
        for _ in 0..9 {
            h.push(b"Via", b"1.1 adit");
        }
        assert!(!is_loop(&h));
        h.push(b"Via", b"1.1 other, 2.0 adit");
        assert!(is_loop(&h));
    }
}
