//! Which trailers may pass (RFC 9110 6.5.1, edge 7.7).

use crate::field::{FieldList, token_list};
use crate::head::Head;
use crate::hop::is_hop_by_hop;
use crate::known::{Known, is_adit_name, is_identity_name};

/// Whether a trailer of this name is never passed on: framing, routing,
/// authentication, `Content-*`, cookies, identity, hop-by-hop, and what only
/// has a meaning before the body.
#[must_use]
pub fn is_forbidden_trailer(name: &[u8]) -> bool {
    let known = Known::of(name);
    let prefixed = |prefix: &[u8]| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    is_hop_by_hop(known)
        || matches!(
            known,
            Known::Host
                | Known::Trailer
                | Known::Authorization
                | Known::WwwAuthenticate
                | Known::AuthenticationInfo
                | Known::ProxyAuthenticationInfo
                | Known::Cookie
                | Known::SetCookie
                | Known::Forwarded
                | Known::Via
                | Known::MaxForwards
                | Known::Expect
                | Known::Range
                | Known::IfMatch
                | Known::IfNoneMatch
                | Known::IfModifiedSince
                | Known::IfUnmodifiedSince
                | Known::IfRange
                | Known::Location
                | Known::CacheControl
                | Known::Pragma
                | Known::Expires
                | Known::Vary
                | Known::AltSvc
                | Known::XRealIp
                | Known::TrueClientIp
                | Known::CfConnectingIp
                | Known::FastlyClientIp
                | Known::XClientIp
                | Known::XOriginalUrl
                | Known::XRewriteUrl
        )
        || prefixed(b"content-")
        || prefixed(b"x-forwarded-")
        || prefixed(b"sec-")
        || is_identity_name(name)
        || is_adit_name(name)
}

/// Removes the trailers that may not pass: forbidden ones, and ones that
/// `head` has not announced in `Trailer`, unless its media type is
/// `application/grpc*`. Returns how many were removed.
pub fn filter_trailers(trailers: &mut FieldList, head: &Head) -> usize {
    const GRPC: &[u8] = b"application/grpc";
    let grpc = head
        .get(Known::ContentType)
        .and_then(|media| media.get(..GRPC.len()))
        .is_some_and(|start| start.eq_ignore_ascii_case(GRPC));
    let before = trailers.len();
    trailers.retain(|_, name, _| {
        let announced = || {
            head.get_all(Known::Trailer)
                .flat_map(token_list)
                .any(|announced| announced.eq_ignore_ascii_case(name))
        };
        !is_forbidden_trailer(name) && (grpc || announced())
    });
    before - trailers.len()
}
