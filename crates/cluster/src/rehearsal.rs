//! What guardrails in dry run would have done on this node since it began (traffic policy 6.4): a count each, also by the
//! hour, and the last time. What is kept is a few hundred bytes a guardrail; nothing of a request but the name that it asked
//! for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Most guardrails that are kept account of; more are not.
const MAX: usize = 10_000;

/// Hours that are counted by themselves: a week.
const HOURS: usize = 168;
/// Seconds of an hour.
const HOUR: u64 = 3_600;

/// Counts of the last hours.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hours {
    /// The last hour in which there was something, since the Unix epoch.
    last: u64,
    /// By the hour's number modulo their number.
    counts: Box<[u32; HOURS]>,
}

fn hour(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / HOUR
}

impl Hours {
    fn new(at: SystemTime) -> Self {
        Self {
            last: hour(at),
            counts: Box::new([0; HOURS]),
        }
    }

    fn place(hour: u64) -> usize {
        (hour % HOURS as u64) as usize
    }

    fn add(&mut self, at: SystemTime) {
        // A clock that was set back counts into the hour that it was in.
        let now = hour(at).max(self.last);
        for passed in (self.last + 1..=now).take(HOURS) {
            if let Some(count) = self.counts.get_mut(Self::place(passed)) {
                *count = 0;
            }
        }
        if now - self.last >= HOURS as u64 {
            self.counts.fill(0);
        }
        self.last = now;
        if let Some(count) = self.counts.get_mut(Self::place(now)) {
            *count = count.saturating_add(1);
        }
    }

    /// All that were counted from the hour of `from` on.
    fn since(&self, from: SystemTime) -> u64 {
        let first = hour(from).max((self.last + 1).saturating_sub(HOURS as u64));
        let counts = (first..=self.last).map(|hour| self.counts.get(Self::place(hour)).copied().unwrap_or_default());
        counts.map(u64::from).sum()
    }
}

/// What one guardrail would have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// How often its rules would have refused, redirected, rewritten or failed.
    pub count: u64,
    /// When it was first.
    pub since: SystemTime,
    /// When it was last.
    pub at: SystemTime,
    /// For which host that was.
    pub host: Box<str>,
    /// Which rule or action.
    pub rule: Box<str>,
    /// What it would have done: `would_deny`, `would_redirect`, `would_rewrite`, `would_error`, `would_call`.
    pub would: &'static str,
    hours: Hours,
}

impl Rehearsed {
    /// How often in the hours from that of `from` on, of the last week; with when the first of them began.
    #[must_use]
    pub fn since(&self, from: SystemTime) -> (u64, SystemTime) {
        let kept = (self.hours.last + 1).saturating_sub(HOURS as u64);
        let began = UNIX_EPOCH + Duration::from_secs(hour(from).max(kept).saturating_mul(HOUR));
        (self.hours.since(from), began.max(self.since))
    }
}

/// The account of a node, by guardrail.
#[derive(Debug, Default)]
pub struct Rehearsals {
    all: Mutex<HashMap<Box<str>, Rehearsed>>,
}

impl Rehearsals {
    /// A rule of a guardrail would have done something.
    pub fn add(&self, guardrail: &str, host: &str, rule: &str, would: &'static str, at: SystemTime) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get_mut(guardrail) {
            known.count = known.count.saturating_add(1);
            known.at = at;
            known.hours.add(at);
            known.would = would;
            if *known.host != *host {
                known.host = host.into();
            }
            if *known.rule != *rule {
                known.rule = rule.into();
            }
        } else if all.len() < MAX {
            let mut hours = Hours::new(at);
            hours.add(at);
            let first = Rehearsed {
                hours,
                count: 1,
                since: at,
                at,
                host: host.into(),
                rule: rule.into(),
                would,
            };
            all.insert(guardrail.into(), first);
        }
    }

    /// What a guardrail would have done; `None`: nothing.
    pub fn of(&self, guardrail: &str) -> Option<Rehearsed> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(guardrail).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_count_and_the_last_are_kept_within_bounds() {
        let rehearsals = Rehearsals::default();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        rehearsals.add("gr_1", "a", "on_http_request[0]", "would_deny", at(1));
        rehearsals.add("gr_1", "b", "on_http_request[1]", "would_error", at(2));
        let of = rehearsals.of("gr_1").unwrap();
        assert_eq!((of.count, of.since, of.at), (2, at(1), at(2)));
        assert_eq!(
            (&*of.host, &*of.rule, of.would),
            ("b", "on_http_request[1]", "would_error")
        );
        assert_eq!(rehearsals.of("gr_2"), None);
        // By the hour, for a week.
        let hours = |n: u64| at(n * HOUR + 7);
        for n in [1, 1, 2, 100] {
            rehearsals.add("gr_h", "a", "r", "would_deny", hours(n));
        }
        let of = rehearsals.of("gr_h").unwrap();
        assert_eq!(of.since(at(0)), (4, hours(1)));
        assert_eq!(of.since(at(2 * HOUR + 3_599)), (2, at(2 * HOUR)));
        assert_eq!(of.since(hours(101)), (0, at(101 * HOUR)));
        rehearsals.add("gr_h", "a", "r", "would_deny", hours(169));
        let of = rehearsals.of("gr_h").unwrap();
        assert_eq!(of.since(at(0)), (3, at(2 * HOUR)), "the hours of the last week");
        rehearsals.add("gr_h", "a", "r", "would_deny", hours(1_000));
        assert_eq!(rehearsals.of("gr_h").unwrap().since(at(0)).0, 1);
        assert_eq!(rehearsals.of("gr_h").unwrap().count, 6);
        for n in 0..MAX + 10 {
            rehearsals.add(&format!("gr_x{n}"), "a", "r", "would_deny", at(3));
        }
        assert_eq!(rehearsals.all.lock().unwrap().len(), MAX);
    }
}
