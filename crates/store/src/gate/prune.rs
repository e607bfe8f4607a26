//! Old entries go, and the log says so.

use serde_json::json;

use super::append::{What, append, canonical};
use super::desk::Desk;
use super::step::Hand;
use crate::log::{Chain, Prune, organization_text};
use crate::sql::statements as s;
use crate::sql::{Arg, Conn, SqlError};
use crate::write::{Actor, Source, WriteError, Written};

/// Deletes a prefix at once: whatever else the batch does, it does with the same commit. Nothing if the chain does not
/// pass through the head that shall stand for it.
pub(crate) async fn apply(
    desk: &mut Desk,
    conn: &mut Conn,
    hand: &Hand<'_>,
    prune: &Prune,
) -> Result<Result<Written, WriteError>, SqlError> {
    let place = || {
        vec![
            Arg::from(organization_text(prune.organization)),
            Arg::from(prune.chain.as_str()),
        ]
    };
    let at = |seq: u64| {
        let mut args = place();
        args.push(Arg::from(seq));
        args
    };
    let hash = conn.row(&s::ENTRY_HASH, at(prune.to)).await?;
    let hash = hash.map(|row| row.blob(0)).transpose()?;
    if hash.as_deref() != Some(prune.hash.as_slice()) {
        let place = organization_text(prune.organization);
        let told = format!("the log of {place} does not pass through its signed head {}", prune.to);
        return Ok(Err(WriteError::Unavailable(told)));
    }
    let first = conn.row(&s::FIRST_SEQ, place()).await?;
    let first = first.map(|row| row.count(0)).transpose()?;
    let count = conn.run(&s::PRUNE, at(prune.to)).await?;
    let after = json!({
        "chain": prune.chain.as_str(),
        "from": first,
        "to": prune.to,
        "count": count,
        "hash": crate::hex(&prune.hash),
    });
    let what = What {
        organization: prune.organization,
        chain: Chain::Config,
        event_type: "audit_pruned.v0".to_owned(),
        object_kind: None,
        object_id: None,
        revision: None,
        before: None,
        after: canonical(&after),
        seen: None,
    };
    let actor = Actor {
        principal: None,
        subject: "system".to_owned(),
        source: Source::System,
        credential: None,
        ip: None,
        user_agent: String::new(),
        operation_id: String::new(),
    };
    append(desk, hand, &actor, what);
    Ok(Ok(Written {
        position: desk.position,
        objects: Vec::new(),
    }))
}
