//! What is remembered for a while: answers of `ext-auth`, signatures that were seen.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::action::ActionKey;

/// Entries of a table; when it is full what has run out goes, then those that run out first.
const MAX_ENTRIES: usize = 100_000;

type Entries<V> = HashMap<(ActionKey, u64), (i64, V)>;

/// Values with a time (microseconds) at which they are forgotten.
#[derive(Debug)]
pub(crate) struct Expiring<V> {
    entries: Mutex<Entries<V>>,
    hasher: RandomState,
}

impl<V> Default for Expiring<V> {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            hasher: RandomState::new(),
        }
    }
}

impl<V: Clone> Expiring<V> {
    pub(crate) fn get(&self, action: ActionKey, key: impl Hash, now: i64) -> Option<V> {
        let key = (action, self.hasher.hash_one(key));
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(&key)
            .filter(|(until, _)| now < *until)
            .map(|(_, value)| value.clone())
    }

    /// Remembers a value; `false` if there is one already.
    pub(crate) fn put(&self, action: ActionKey, key: impl Hash, value: V, until: i64, now: i64) -> bool {
        let key = (action, self.hasher.hash_one(key));
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let known = entries.get(&key).is_some_and(|(until, _)| now < *until);
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&key) {
            make_room(&mut entries, now);
        }
        entries.insert(key, (until, value));
        !known
    }
}

fn make_room<V>(entries: &mut Entries<V>, now: i64) {
    entries.retain(|_, (until, _)| now < *until);
    if entries.len() >= MAX_ENTRIES {
        let mut ends: Vec<i64> = entries.values().map(|(until, _)| *until).collect();
        let at = ends.len() / 16;
        let (_, end, _) = ends.select_nth_unstable(at);
        let end = *end;
        entries.retain(|_, (until, _)| *until > end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ActionKey = ActionKey(1);

    #[test]
    fn values_run_out_and_are_bounded() {
        let table = Expiring::default();
        assert!(table.put(KEY, "a", 1, 10, 0));
        assert!(!table.put(KEY, "a", 2, 10, 5));
        assert_eq!(table.get(KEY, "a", 9), Some(2));
        assert_eq!(table.get(KEY, "a", 10), None);
        assert!(table.put(KEY, "a", 1, 20, 10));
        for n in 0..2 * i64::try_from(MAX_ENTRIES).unwrap() {
            table.put(KEY, n, 0, n + 1_000_000, 0);
        }
        assert!(table.entries.lock().unwrap().len() <= MAX_ENTRIES);
    }
}
