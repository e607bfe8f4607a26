//! Refusals merged before they become events: one for all that are alike and come within a second; a kind
//! that goes on is told once a minute. What is kept is bounded, whoever sends: beyond [`KEYS`] different ones
//! all of a reason become one.
//!
//! Two tables: `current` takes the refusals of this second under a lock held for a look-up; the observer's
//! thread takes it whole and keeps `Ongoing` for itself.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::activity::refusal::{CertificateSummary, Refusal, RefusalSummary};

/// Different refusals kept apart.
const KEYS: usize = 4096;

/// How often a kind of refusal that goes on is told.
const REPEAT: Duration = Duration::from_secs(60);

/// Longest text kept, in bytes.
const TEXT: usize = 256;

/// Refusals of this second, by the hash of what makes them alike. The hash is keyed and has 64 bits; two
/// different keys meeting in it would share an event, no more.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    hasher: RandomState,
    current: Mutex<HashMap<u64, RefusalSummary>>,
}

impl Merge {
    /// Takes one refusal in. Allocates only for the first of its kind in a second.
    pub(crate) fn add(&self, refusal: &Refusal<'_>, at: SystemTime) {
        let prefix = prefix(refusal.client_ip);
        let key = self.hasher.hash_one((
            refusal.kind,
            refusal.reason,
            refusal.error_code,
            refusal.rule,
            refusal.guardrail,
            refusal.organization,
            refusal.endpoint,
            refusal.certificate.map(|certificate| certificate.reason),
            prefix,
        ));
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(summary) = current.get_mut(&key) {
            summary.count += 1;
            return;
        }
        if current.len() < KEYS {
            current.insert(key, summary(refusal, Some(prefix), at));
            return;
        }
        let key = self.reason_key(refusal.kind, refusal.reason);
        match current.entry(key) {
            Entry::Occupied(mut entry) => entry.get_mut().count += 1,
            Entry::Vacant(entry) => {
                entry.insert(RefusalSummary {
                    rule: "".into(),
                    guardrail: "".into(),
                    organization: "".into(),
                    endpoint: "".into(),
                    error_code: "".into(),
                    ..summary(refusal, None, at)
                });
            }
        }
    }

    /// Whether no refusal waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Takes what came since the last call for an empty table, which keeps its memory.
    fn swap(&self, empty: &mut HashMap<u64, RefusalSummary>) {
        mem::swap(&mut *self.current.lock().unwrap_or_else(PoisonError::into_inner), empty);
    }

    fn reason_key(&self, kind: crate::RefusalKind, reason: crate::RefusalReason) -> u64 {
        self.hasher.hash_one((kind, reason))
    }
}

/// What was told already and may go on.
#[derive(Debug, Default)]
pub(crate) struct Ongoing {
    told: HashMap<u64, Told>,
    /// The table that takes turns with the current one.
    spare: HashMap<u64, RefusalSummary>,
}

#[derive(Debug)]
struct Told {
    /// When it may be told again.
    again: Instant,
    /// What came since.
    since: Option<RefusalSummary>,
}

impl Ongoing {
    /// The events due now: kinds that are new, and what came of known ones once their minute is over.
    pub(crate) fn due(&mut self, merge: &Merge, now: Instant) -> Vec<RefusalSummary> {
        let mut events = Vec::new();
        self.told.retain(|_, told| {
            if told.again > now {
                return true;
            }
            let Some(summary) = told.since.take() else {
                return false;
            };
            events.push(summary);
            told.again = now + REPEAT;
            true
        });
        let mut taken = mem::take(&mut self.spare);
        merge.swap(&mut taken);
        for (key, summary) in taken.drain() {
            if self.told.len() < KEYS || self.told.contains_key(&key) || summary.prefix.is_none() {
                self.tell(key, summary, now, &mut events);
            } else {
                let key = merge.reason_key(summary.kind, summary.reason);
                let summary = RefusalSummary {
                    prefix: None,
                    rule: "".into(),
                    guardrail: "".into(),
                    organization: "".into(),
                    endpoint: "".into(),
                    error_code: "".into(),
                    ..summary
                };
                self.tell(key, summary, now, &mut events);
            }
        }
        self.spare = taken;
        events
    }

    /// Tells everything that waits and forgets what was told: the observer stops or is flushed.
    pub(crate) fn last(&mut self, merge: &Merge, now: Instant) -> Vec<RefusalSummary> {
        let mut events = self.due(merge, now);
        events.extend(self.told.drain().filter_map(|(_, told)| told.since));
        events
    }

    /// When [`Self::due`] has something to tell even if nothing comes.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.told
            .values()
            .filter(|told| told.since.is_some())
            .map(|told| told.again)
            .min()
    }

    fn tell(&mut self, key: u64, summary: RefusalSummary, now: Instant, events: &mut Vec<RefusalSummary>) {
        match self.told.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Told {
                    again: now + REPEAT,
                    since: None,
                });
                events.push(summary);
            }
            Entry::Occupied(mut entry) => match &mut entry.get_mut().since {
                Some(known) => known.count += summary.count,
                since @ None => *since = Some(summary),
            },
        }
    }
}

fn summary(refusal: &Refusal<'_>, prefix: Option<IpAddr>, at: SystemTime) -> RefusalSummary {
    RefusalSummary {
        kind: refusal.kind,
        reason: refusal.reason,
        error_code: cut(refusal.error_code),
        rule: cut(refusal.rule),
        guardrail: cut(refusal.guardrail),
        organization: cut(refusal.organization),
        endpoint: cut(refusal.endpoint),
        prefix,
        count: 1,
        since: at,
        example_ip: refusal.client_ip,
        example_listener: refusal.listener,
        example: cut(refusal.detail),
        certificate: refusal.certificate.map(|certificate| CertificateSummary {
            subject: cut(certificate.subject),
            serial: cut(certificate.serial),
            reason: certificate.reason,
        }),
    }
}

fn cut(text: &str) -> Box<str> {
    text.get(..text.floor_char_boundary(TEXT)).unwrap_or_default().into()
}

/// First address of the /24 or /48 an address lies in. IPv4 in IPv6 (RFC 4291 section 2.5.5.2) is IPv4.
fn prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::{Listener, RefusalKind, RefusalReason};

    fn refusal(reason: RefusalReason, ip: IpAddr) -> Refusal<'static> {
        Refusal::new(RefusalKind::Connection, reason, Listener::Https, ip)
    }

    fn v4(last: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 + last))
    }

    #[test]
    fn a_flood_from_one_prefix_is_one_event_per_reason() {
        let (merge, mut ongoing, now) = (Merge::default(), Ongoing::default(), Instant::now());
        for each in 0..100_000 {
            let reason = if each % 4 == 0 {
                RefusalReason::Shed
            } else {
                RefusalReason::ConnectionsPerIp
            };
            merge.add(&refusal(reason, v4(each % 256)), SystemTime::now());
        }
        let mut events = ongoing.due(&merge, now);
        events.sort_by_key(|event| event.count);
        assert_eq!(
            events
                .iter()
                .map(|event| (event.reason, event.count))
                .collect::<Vec<_>>(),
            [(RefusalReason::Shed, 25_000), (RefusalReason::ConnectionsPerIp, 75_000)]
        );
        assert_eq!(events[0].prefix, Some("203.0.113.0".parse().unwrap()));
        assert_eq!(events[0].example_ip, v4(0));
        assert!(ongoing.deadline().is_none());
    }

    #[test]
    fn what_goes_on_is_told_once_a_minute() {
        let (merge, mut ongoing, start) = (Merge::default(), Ongoing::default(), Instant::now());
        let mut told = Vec::new();
        for second in 0..150 {
            merge.add(&refusal(RefusalReason::IpRule, v4(1)), SystemTime::now());
            let now = start + Duration::from_secs(second);
            told.extend(ongoing.due(&merge, now).into_iter().map(|event| (second, event.count)));
        }
        assert_eq!(told, [(0, 1), (60, 59), (120, 60)]);
        assert_eq!(ongoing.deadline(), Some(start + Duration::from_secs(180)));
        // Nothing more comes: what waits is told, then it is forgotten and would be new again.
        assert_eq!(ongoing.due(&merge, start + Duration::from_secs(180)).len(), 1);
        assert!(ongoing.due(&merge, start + Duration::from_secs(240)).is_empty());
        assert!(ongoing.told.is_empty());
    }

    #[test]
    fn many_prefixes_stay_bounded_and_every_refusal_is_counted() {
        let (merge, mut ongoing, start) = (Merge::default(), Ongoing::default(), Instant::now());
        let mut events = Vec::new();
        for second in 0..3_u32 {
            for each in 0..20_000 {
                let ip = Ipv4Addr::from_bits((second * 20_000 + each) << 8);
                merge.add(&refusal(RefusalReason::Shed, ip.into()), SystemTime::now());
            }
            events.extend(ongoing.due(&merge, start + Duration::from_secs(second.into())));
        }
        assert!(events.len() <= KEYS + 1, "{}", events.len());
        events.extend(ongoing.last(&merge, start));
        assert_eq!(events.iter().map(|event| event.count).sum::<u64>(), 60_000);
    }

    #[test]
    fn prefixes() {
        for (address, wanted) in [
            ("198.51.100.77", "198.51.100.0"),
            ("2001:db8:1:2:3::4", "2001:db8:1::"),
            ("::ffff:198.51.100.77", "198.51.100.0"),
        ] {
            assert_eq!(prefix(address.parse().unwrap()), wanted.parse::<IpAddr>().unwrap());
        }
    }
}
