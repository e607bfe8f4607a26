//! Entries as they are verified: many in one text (`statements::packed_text`), hashed without taking them apart into texts
//! of their own.

use super::entry::{Chain, Content, Hash, Link};

/// Between entries.
const ENTRY: char = '\u{1e}';
/// Between the parts of an entry. Texts of the log have neither of the two, unless somebody put one there: then the number
/// of parts is another one.
const PART: char = '\u{1f}';
/// How many parts.
const PARTS: usize = 22;

/// Positions and places of all entries of a text, in the order of their positions. None if one cannot be taken apart,
/// which says nothing: whole columns have to be read then.
pub(super) fn links<'a>(text: &'a str, buffer: &mut String) -> Option<Vec<(u64, Link<'a>)>> {
    let mut links = text
        .split(ENTRY)
        .map(|entry| link(entry, buffer))
        .collect::<Option<Vec<_>>>()?;
    // As they come, but that is not promised.
    links.sort_by_key(|(position, _)| *position);
    Some(links)
}

/// The last position in a text that can be taken apart.
pub(super) fn last(text: &str) -> Option<u64> {
    let mut last = 0;
    for entry in text.split(ENTRY) {
        last = last.max(position(entry)?);
    }
    Some(last)
}

fn position(entry: &str) -> Option<u64> {
    if entry.bytes().filter(|byte| *byte == b'\x1f').count() + 1 != PARTS {
        return None;
    }
    entry.rsplit(PART).nth(3)?.parse().ok()
}

fn link<'a>(entry: &'a str, buffer: &mut String) -> Option<(u64, Link<'a>)> {
    let mut parts = [""; PARTS];
    let mut found = entry.split(PART);
    for part in &mut parts {
        *part = found.next()?;
    }
    if found.next().is_some() {
        return None;
    }
    let [
        after,
        at,
        before,
        credential_id,
        event_id,
        event_type,
        ip,
        node,
        object_id,
        object_kind,
        operation_id,
        organization_id,
        principal_id,
        revision,
        seq,
        source,
        subject,
        user_agent,
        position,
        chain,
        prev_hash,
        hash,
    ] = parts;
    let content = Content {
        after: or_null(after)?,
        at: at.parse().ok()?,
        before: or_null(before)?,
        credential_id: or_null(credential_id)?,
        event_id,
        event_type,
        ip: or_null(ip)?,
        node,
        object_id: or_null(object_id)?,
        object_kind: or_null(object_kind)?,
        operation_id: or_null(operation_id)?,
        organization_id,
        principal_id: or_null(principal_id)?,
        revision: match or_null(revision)? {
            Some(revision) => Some(revision.parse().ok()?),
            None => None,
        },
        seq: seq.parse().ok()?,
        source,
        subject: or_null(subject)?,
        user_agent: or_null(user_agent)?,
    };
    let prev_hash = digits(prev_hash)?;
    let computed = content.hash(&prev_hash, buffer);
    let chain: Chain = chain.parse().ok()?;
    let link = Link {
        organization_id,
        chain,
        seq: content.seq,
        prev_hash,
        hash: digits(hash)?,
        computed,
    };
    Some((position.parse().ok()?, link))
}

/// What may be null has a `+` before it.
#[allow(clippy::option_option, reason = "not readable, null, or a text")]
fn or_null(part: &str) -> Option<Option<&str>> {
    if part.is_empty() {
        return Some(None);
    }
    part.strip_prefix('+').map(Some)
}

fn digits(text: &str) -> Option<Hash> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut hash = Hash::default();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    for (out, [high, low]) in hash.iter_mut().zip(pairs) {
        *out = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}
