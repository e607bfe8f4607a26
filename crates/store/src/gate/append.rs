//! Entries of the log, as they are appended on the desk.

use adit_names::id::{Id, Prefix};
use serde_json::Value;

use super::desk::{Desk, Head};
use super::step::Hand;
use crate::id;
use crate::log::jcs;
use crate::log::{Chain, Entry, Origin, organization_text};
use crate::write::{Actor, Source};

/// What an entry is about.
pub(crate) struct What {
    pub(crate) organization: Id,
    pub(crate) chain: Chain,
    pub(crate) event_type: String,
    pub(crate) object_kind: Option<String>,
    pub(crate) object_id: Option<String>,
    pub(crate) revision: Option<u64>,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    /// Of activities: event, time and place.
    pub(crate) seen: Option<(Id, i64, Origin)>,
}

/// JSON in canonical form; nothing for null.
pub(crate) fn canonical(value: &Value) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let mut text = String::new();
    jcs::write(value, &mut text);
    Some(text)
}

/// Appends an entry: next position, next number and hash of its chain, whose head was loaded before.
pub(crate) fn append(desk: &mut Desk, hand: &Hand<'_>, actor: &Actor, what: What) {
    let organization_id = organization_text(what.organization);
    let chain = (what.organization, what.chain);
    let head = desk.heads.get(&chain).copied().unwrap_or_else(|| Head {
        seq: 0,
        hash: what.chain.genesis(&organization_id),
    });
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (event_id, at, origin) = match what.seen {
        Some((event_id, at, origin)) => (event_id, at, Some(origin)),
        None => (id::at(Prefix::Event, hand.now), hand.now, None),
    };
    let node = origin
        .as_ref()
        .map_or(hand.node, |origin| origin.node.as_str())
        .to_owned();
    let mut entry = Entry {
        position: desk.position + 1,
        organization_id,
        chain: what.chain,
        seq: head.seq + 1,
        origin,
        event_id: event_id.to_string(),
        event_type: what.event_type,
        at,
        principal_id: actor.principal.map(|principal| principal.to_string()),
        subject: some(&actor.subject),
        source: source(actor.source).to_owned(),
        credential_id: actor.credential.map(|credential| credential.to_string()),
        ip: actor.ip.map(|ip| ip.to_string()),
        user_agent: some(&actor.user_agent),
        operation_id: some(&actor.operation_id),
        node,
        object_kind: what.object_kind,
        object_id: what.object_id,
        revision: what.revision,
        before: what.before,
        after: what.after,
        prev_hash: head.hash,
        hash: [0; 32],
    };
    entry.hash = entry.computed_hash(&mut String::with_capacity(1_024));
    let head = Head {
        seq: entry.seq,
        hash: entry.hash,
    };
    desk.heads.set(chain, head);
    desk.position = entry.position;
    desk.entries.push(entry);
}

const fn source(source: Source) -> &'static str {
    match source {
        Source::Api => "API",
        Source::Dashboard => "Dashboard",
        Source::Agent => "Agent",
        Source::Host => "Host",
        Source::System => "System",
    }
}
