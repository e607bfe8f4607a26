//! Security decisions for the audit log (control plane 4.3): refusals, merged with their like, and commands to agents.
//!
//! Nobody waits for the log here: what is to be recorded is put into bounded memory, a task takes it out. Refusals
//! that are alike (code, credential or rule, prefix of the address) are one entry per second, then one per minute for
//! as long as they go on, so that an attacker does not own the log.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use adit_names::cidr::Cidr;
use adit_names::id::Id;
use adit_store::{Actor, Change, Fact, Write};
use serde_json::{Map, Value};
use tokio::sync::Notify;

/// Different refusals that are kept apart; beyond them all of a code and organisation are one.
const REFUSALS: usize = 4_096;
/// Other facts that wait.
const FACTS: usize = 1_024;
/// How often refusals that go on are told.
const REPEAT: Duration = Duration::from_secs(60);

/// Something that was refused, or would have been.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// `api_request_refused.v0`, `ip_restriction_denied.v0`, `ip_restriction_warning.v0`.
    pub(crate) event_type: &'static str,
    /// Whose log it goes to.
    pub(crate) organization: Id,
    /// Who it was, as far as that is known.
    pub(crate) actor: Actor,
    /// Code of the refusal; empty if there was none.
    pub(crate) error_code: &'static str,
    /// Rule or restriction that refused.
    pub(crate) rule: Option<Id>,
    /// What is recorded of the first one; `count` comes to it.
    pub(crate) object: Map<String, Value>,
}

/// What makes refusals alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Alike {
    event_type: &'static str,
    organization: Id,
    error_code: &'static str,
    by: Option<Id>,
    prefix: Option<Cidr>,
}

/// Refusals that were alike: the first, and how many.
#[derive(Debug)]
struct Merged {
    first: Refused,
    count: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    refused: HashMap<Alike, Merged>,
    /// Kinds that were told, and when they may be told again.
    told: HashMap<Alike, Instant>,
    facts: VecDeque<Write>,
    lost: u64,
}

/// What waits to be written to the log.
#[derive(Debug, Default)]
pub(crate) struct Record {
    waiting: Mutex<Waiting>,
    /// A fact waits that is not merged.
    pub(crate) wake: Notify,
}

impl Record {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a refusal in.
    pub(crate) fn refused(&self, refused: Refused) {
        let mut alike = Alike {
            event_type: refused.event_type,
            organization: refused.organization,
            error_code: refused.error_code,
            by: refused.rule.or(refused.actor.credential),
            prefix: refused.actor.ip.map(|ip| Cidr::aggregate(ip, 24, 48)),
        };
        let mut waiting = self.lock();
        if waiting.refused.len() >= REFUSALS && !waiting.refused.contains_key(&alike) {
            (alike.by, alike.prefix) = (None, None);
            // One per code and organisation: both are bounded by what exists.
        }
        let merged = waiting.refused.entry(alike);
        merged.and_modify(|m| m.count += 1).or_insert(Merged {
            first: refused,
            count: 1,
        });
    }

    /// Takes a fact in. Beyond [`FACTS`] it is lost, which is logged.
    pub(crate) fn fact(&self, organization: Id, actor: Actor, fact: Fact) {
        let mut waiting = self.lock();
        if waiting.facts.len() >= FACTS {
            waiting.lost += 1;
            return;
        }
        waiting.facts.push_back(write(organization, actor, fact));
        drop(waiting);
        self.wake.notify_one();
    }

    /// What is to be written now.
    pub(crate) fn due(&self, now: Instant) -> Vec<Write> {
        let mut waiting = self.lock();
        let waiting = &mut *waiting;
        if waiting.lost > 0 {
            tracing::warn!(count = waiting.lost, "facts were lost: the store does not keep up");
            waiting.lost = 0;
        }
        let mut due: Vec<Write> = waiting.facts.drain(..).collect();
        waiting
            .told
            .retain(|alike, again| *again > now || waiting.refused.contains_key(alike));
        let told = &waiting.told;
        let ready = waiting
            .refused
            .extract_if(|alike, _| told.get(alike).is_none_or(|again| *again <= now));
        let ready: Vec<_> = ready.collect();
        for (alike, merged) in ready {
            if waiting.told.len() < REFUSALS {
                waiting.told.insert(alike, now + REPEAT);
            }
            let mut object = merged.first.object;
            object.insert("count".to_owned(), merged.count.into());
            let fact = Fact {
                event_type: merged.first.event_type,
                object: None,
                after: Value::Object(object),
            };
            due.push(write(merged.first.organization, merged.first.actor, fact));
        }
        due
    }
}

fn write(organization: Id, actor: Actor, fact: Fact) -> Write {
    Write {
        organization,
        actor,
        changes: vec![Change::Fact(fact)],
        dry_run: false,
    }
}

/// An address as events have it.
pub(crate) fn remote_addr(ip: IpAddr) -> Value {
    ip.to_canonical().to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use adit_names::id::Prefix;
    use adit_store::Source;

    fn refused(ip: &str, error_code: &'static str) -> Refused {
        Refused {
            event_type: "api_request_refused.v0",
            organization: Id::new(Prefix::Account, 1_800_000_000, [1; 16]),
            actor: Actor {
                principal: None,
                subject: String::new(),
                source: Source::Api,
                credential: None,
                ip: Some(ip.parse().unwrap()),
                user_agent: String::new(),
                operation_id: String::new(),
            },
            error_code,
            rule: None,
            object: Map::from_iter([("remote_addr".to_owned(), ip.into())]),
        }
    }

    fn told(writes: Vec<Write>) -> Vec<(String, u64)> {
        let mut told: Vec<_> = writes
            .into_iter()
            .map(|write| match write.changes.into_iter().next() {
                Some(Change::Fact(fact)) => {
                    let text = fact.after["remote_addr"].as_str().unwrap_or_default().to_owned();
                    (text, fact.after["count"].as_u64().unwrap_or_default())
                }
                other => panic!("{other:?}"),
            })
            .collect();
        told.sort();
        told
    }

    #[test]
    fn what_is_alike_is_one_then_one_a_minute() {
        let record = Record::default();
        let start = Instant::now();
        for ip in ["192.0.2.1", "192.0.2.200", "192.0.3.1"] {
            record.refused(refused(ip, "ERR_NGROK_203"));
        }
        record.refused(refused("192.0.2.9", "ERR_NGROK_200"));
        let one = |ip: &str, count| (ip.to_owned(), count);
        let expected = vec![one("192.0.2.1", 2), one("192.0.2.9", 1), one("192.0.3.1", 1)];
        assert_eq!(told(record.due(start)), expected);
        for second in 1..60 {
            record.refused(refused("192.0.2.7", "ERR_NGROK_203"));
            assert_eq!(told(record.due(start + Duration::from_secs(second))), vec![]);
        }
        let minute = start + REPEAT;
        assert_eq!(told(record.due(minute)), vec![one("192.0.2.7", 59)]);
        assert_eq!(told(record.due(minute + REPEAT)), vec![]);
        // What has ended is news when it comes again.
        record.refused(refused("192.0.2.8", "ERR_NGROK_203"));
        assert_eq!(told(record.due(minute + REPEAT)), vec![one("192.0.2.8", 1)]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let record = Record::default();
        for n in 0..REFUSALS + 500 {
            let [a, b] = u16::try_from(n).unwrap().to_be_bytes();
            record.refused(refused(&format!("10.{a}.{b}.1"), "ERR_NGROK_203"));
        }
        let told = told(record.due(Instant::now()));
        assert_eq!(told.len(), REFUSALS + 1);
        assert_eq!(told.iter().map(|(_, count)| count).sum::<u64>(), REFUSALS as u64 + 500);
    }
}
