//! Key sets of token issuers (traffic policy 4.11): kept for 15 minutes, used for a day when no newer one can be had.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::jwt::KeySet;

const SECOND: i64 = 1_000_000;
/// A set younger than this is not fetched again.
const FRESH: i64 = 900 * SECOND;
/// An older one is not used any more.
const STALE: i64 = 86_400 * SECOND;
/// For a key that is not in it a set is fetched again at most so often.
const AGAIN: i64 = 300 * SECOND;
/// A source that failed is left alone so long.
const FAILED: i64 = 5 * SECOND;
const MAX_SETS: usize = 1024;

#[derive(Debug, Clone, Default)]
struct Entry {
    set: Option<Arc<KeySet>>,
    fetched: i64,
    tried: i64,
}

/// The key sets of a node.
#[derive(Debug, Default)]
pub struct KeySets {
    sets: Mutex<HashMap<String, Entry>>,
}

/// What there is of a source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) set: Option<Arc<KeySet>>,
    /// It has to be fetched.
    pub(crate) old: bool,
    /// It may be fetched for a key that is not in it.
    pub(crate) may_look_again: bool,
}

impl KeySets {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, url: &str, now: i64) -> Known {
        let sets = self.lock();
        let Some(entry) = sets.get(url) else {
            return Known {
                old: true,
                ..Known::default()
            };
        };
        let usable = entry.set.clone().filter(|_| now - entry.fetched < STALE);
        let may_try = now - entry.tried >= FAILED || entry.tried <= entry.fetched;
        Known {
            old: may_try && (usable.is_none() || now - entry.fetched >= FRESH),
            may_look_again: now - entry.tried.max(entry.fetched) >= AGAIN,
            set: usable,
        }
    }

    /// A fetch ended; `None`: there was no set.
    pub(crate) fn fetched(&self, url: &str, set: Option<KeySet>, now: i64) {
        let mut sets = self.lock();
        if sets.len() >= MAX_SETS && !sets.contains_key(url) {
            let oldest = sets
                .iter()
                .min_by_key(|(_, entry)| entry.tried.max(entry.fetched))
                .map(|(url, _)| url.clone());
            if let Some(oldest) = oldest {
                sets.remove(&oldest);
            }
        }
        let entry = sets.entry(url.to_owned()).or_default();
        match set {
            Some(set) => {
                entry.set = Some(Arc::new(set));
                entry.fetched = now;
                entry.tried = now;
            }
            // Told apart from a success at the same moment.
            None => entry.tried = now.max(entry.fetched + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_grow_old_and_failures_are_not_repeated_at_once() {
        let sets = KeySets::default();
        assert!(sets.get("u", 0).old);
        sets.fetched("u", None, 0);
        assert!(!sets.get("u", SECOND).old);
        assert!(sets.get("u", 6 * SECOND).old);
        sets.fetched("u", Some(KeySet::default()), 10 * SECOND);
        let known = sets.get("u", 11 * SECOND);
        assert!(known.set.is_some() && !known.old && !known.may_look_again);
        assert!(sets.get("u", 311 * SECOND).may_look_again);
        assert!(sets.get("u", 911 * SECOND).old);
        sets.fetched("u", None, 911 * SECOND);
        let known = sets.get("u", 912 * SECOND);
        assert!(known.set.is_some() && !known.old);
        assert!(sets.get("u", 11 * SECOND + STALE).set.is_none());
    }
}
