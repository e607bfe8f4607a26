//! What guardrails in dry run would have done on this node since it began (traffic policy 6.4): a count each, and the last
//! time. What is shown of it is a few hundred bytes a guardrail; nothing of a request is kept but the name that it asked for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Most guardrails that are kept account of; more are not.
const MAX: usize = 10_000;

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
            known.would = would;
            if *known.host != *host {
                known.host = host.into();
            }
            if *known.rule != *rule {
                known.rule = rule.into();
            }
        } else if all.len() < MAX {
            let first = Rehearsed {
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
        for n in 0..MAX + 10 {
            rehearsals.add(&format!("gr_x{n}"), "a", "r", "would_deny", at(3));
        }
        assert_eq!(rehearsals.all.lock().unwrap().len(), MAX);
    }
}
