//! Fields that end at each hop (RFC 9110 7.6.1, edge 7.2).

use crate::field::{FieldList, token_list};
use crate::head::{Head, Line, Version};
use crate::known::{Known, is_identity_name};
use crate::scan;

/// More nominations than this are not followed: a list is never longer, and
/// the work per request stays bounded.
const MAX_NOMINATIONS: usize = 64;

/// Whether a field of this name ends at each hop, whoever nominates it.
#[must_use]
pub const fn is_hop_by_hop(known: Known) -> bool {
    matches!(
        known,
        Known::Connection
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::ProxyAuthorization
            | Known::ProxyAuthenticate
            | Known::Upgrade
            | Known::Http2Settings
            | Known::Te
            | Known::TransferEncoding
    )
}

/// Names in the `Connection` fields; connection options such as `close` among
/// them.
pub fn connection_nominated(head: &Head) -> impl Iterator<Item = &[u8]> {
    head.get_all(Known::Connection).flat_map(token_list)
}

/// Whether the sender keeps the connection after this message (RFC 9112 9.3):
/// HTTP/1.1 unless it says `close`, HTTP/1.0 only if it says `keep-alive`.
#[must_use]
pub fn is_persistent(head: &Head) -> bool {
    if head.contains_token(Known::Connection, b"close") {
        return false;
    }
    head.version() != Version::Http10 || head.contains_token(Known::Connection, b"keep-alive")
}

/// The value of `Upgrade`, if the message asks for (or answers with) another
/// protocol on this connection: HTTP/1.1, nominated by `Connection`, one field,
/// without `h2c`, no body of unknown length. Otherwise the field is to be
/// ignored (edge 7.6).
#[must_use]
pub fn upgrade(head: &Head) -> Option<&[u8]> {
    if head.version() != Version::Http11
        || !head.contains_token(Known::Connection, b"upgrade")
        || head.contains(Known::TransferEncoding)
    {
        return None;
    }
    let mut fields = head.get_all(Known::Upgrade);
    let value = fields.next()?;
    let usable = fields.next().is_none()
        && token_list(value).next().is_some()
        && !token_list(value).any(|protocol| protocol.eq_ignore_ascii_case(b"h2c"));
    usable.then_some(value)
}

/// Removes what ends at this hop: the hop-by-hop set and the fields that
/// `Connection` names. Returns the number of glitches: nominations that are not
/// followed, because they are no token, too many, or name a field that decides
/// about routing, framing or identity.
///
/// What stays is named by a new `Connection` behind the received fields:
/// `TE: trailers` of a request whose sender takes trailers (other codings are
/// left away), and `Upgrade` if `keep_upgrade` and [`upgrade`] agree.
pub fn strip_hop_by_hop(head: &mut Head, keep_upgrade: bool) -> u32 {
    let upgrade = keep_upgrade && upgrade(head).is_some();
    let trailers = head.line == Line::Request && head.contains_token(Known::Te, b"trailers");
    let glitches = remove_nominated(&mut head.fields);
    let mut te = trailers;
    for field in head
        .fields
        .list
        .iter_mut()
        .filter(|field| !field.removed && is_hop_by_hop(field.known))
    {
        field.removed = match field.known {
            // The first one stays, as the place for `trailers`.
            Known::Te if te => {
                te = false;
                false
            }
            Known::Upgrade => !upgrade,
            _ => true,
        };
    }
    if trailers && head.get(Known::Te) != Some(b"trailers") {
        head.set(b"TE", b"trailers");
    }
    match (trailers, upgrade) {
        (true, true) => head.push(b"Connection", b"te, Upgrade"),
        (true, false) => head.push(b"Connection", b"te"),
        (false, true) => head.push(b"Connection", b"Upgrade"),
        (false, false) => true,
    };
    glitches
}

/// Removes the fields that `Connection` names; returns the glitches.
fn remove_nominated(fields: &mut FieldList) -> u32 {
    let FieldList { bytes, list } = fields;
    let mut glitches = 0;
    let mut followed = 0;
    for i in 0..list.len() {
        let Some(&field) = list
            .get(i)
            .filter(|field| field.known == Known::Connection && !field.removed)
        else {
            continue;
        };
        for name in token_list(field.value(bytes)) {
            let known = Known::of(name);
            // Options that are no names, and fields that are removed or kept anyway.
            if is_hop_by_hop(known) || name.eq_ignore_ascii_case(b"close") {
                continue;
            }
            if followed == MAX_NOMINATIONS || !scan::is_token(name) || is_protected(known, name) {
                glitches += 1;
                continue;
            }
            followed += 1;
            for other in list.iter_mut().filter(|other| other.known == known) {
                if known != Known::Other || other.name(bytes).eq_ignore_ascii_case(name) {
                    other.removed = true;
                }
            }
        }
    }
    glitches
}

/// Fields that a sender cannot make disappear by naming them (edge 7.2).
fn is_protected(known: Known, name: &[u8]) -> bool {
    const FORWARDED: &[u8] = b"x-forwarded-";
    matches!(
        known,
        Known::Host
            | Known::Cookie
            | Known::Authorization
            | Known::ContentLength
            | Known::ContentType
            | Known::Forwarded
    ) || name
        .get(..FORWARDED.len())
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(FORWARDED))
        || is_identity_name(name)
}
