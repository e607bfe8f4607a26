//! Entries as they are verified: in three columns, hashed without taking them apart into texts of their own.

use super::entry::{Chain, Content, Hash, Link};
use crate::sql::{Row, SqlError};

/// Between the parts. Texts of the log have no such character, unless somebody put it there: then the number of parts is
/// another one.
const BETWEEN: char = '\u{1f}';
/// How many parts.
const PARTS: usize = 20;

/// A row of the statement `packed_text`.
#[derive(Debug)]
pub(super) struct Packed {
    text: String,
    prev_hash: Hash,
    hash: Hash,
}

impl Packed {
    /// Reads a row.
    pub(super) fn read(row: &Row) -> Result<Self, SqlError> {
        let hash =
            |at| Hash::try_from(row.blob(at)?).map_err(|_| SqlError::Decode("a hash of an entry of the log".into()));
        Ok(Self {
            text: row.text(0)?,
            prev_hash: hash(1)?,
            hash: hash(2)?,
        })
    }

    /// Its position, and its place in its chain. None if it cannot be taken apart, which says nothing: whole columns
    /// have to be read then.
    pub(super) fn link(&self, buffer: &mut String) -> Option<(u64, Link<'_>)> {
        let mut parts = [""; PARTS];
        let mut found = self.text.split(BETWEEN);
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
        let computed = content.hash(&self.prev_hash, buffer);
        let chain: Chain = chain.parse().ok()?;
        let link = Link {
            organization_id,
            chain,
            seq: content.seq,
            prev_hash: self.prev_hash,
            hash: self.hash,
            computed,
        };
        Some((position.parse().ok()?, link))
    }
}

/// What may be null has a `+` before it.
#[allow(clippy::option_option, reason = "not readable, null, or a text")]
fn or_null(part: &str) -> Option<Option<&str>> {
    if part.is_empty() {
        return Some(None);
    }
    part.strip_prefix('+').map(Some)
}
