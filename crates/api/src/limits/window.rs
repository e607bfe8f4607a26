//! Counts per key over a fixed time, in shards of bounded size.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::WINDOW;

const SHARDS: usize = 16;
/// Keys of one shard: 16 × 4,096 at 48 bytes are 3 MiB at most.
const KEYS: usize = 4_096;

/// What was counted since `began`.
#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    count: u32,
}

impl Window {
    fn left(&self, now: Instant) -> Duration {
        WINDOW.saturating_sub(now.saturating_duration_since(self.began))
    }
}

/// Counts of many keys. A shard that is full of counts that still run counts all that is new together: then a flood of
/// keys limits itself, and memory stays what it is.
#[derive(Debug)]
pub(super) struct Windows<K> {
    shards: [Mutex<Shard<K>>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug)]
struct Shard<K> {
    of: HashMap<K, Window>,
    others: Option<Window>,
}

impl<K> Default for Windows<K> {
    fn default() -> Self {
        let shard = |_| {
            Mutex::new(Shard {
                of: HashMap::new(),
                others: None,
            })
        };
        Self {
            shards: std::array::from_fn(shard),
            hasher: RandomState::new(),
        }
    }
}

impl<K: Hash + Eq + Copy> Windows<K> {
    /// Counts one more; how many there are now, and how long until they are forgotten.
    pub(super) fn count(&self, key: K, now: Instant) -> (u32, Duration) {
        self.with(&key, |shard| {
            if !shard.of.contains_key(&key) && shard.of.len() >= KEYS {
                shard.of.retain(|_, w| !w.left(now).is_zero());
            }
            let begun = Window { began: now, count: 0 };
            let window = if shard.of.len() >= KEYS && !shard.of.contains_key(&key) {
                shard.others.get_or_insert(begun)
            } else {
                shard.of.entry(key).or_insert(begun)
            };
            if window.left(now).is_zero() {
                *window = begun;
            }
            window.count = window.count.saturating_add(1);
            (window.count, window.left(now))
        })
    }

    /// How many there are, and how long until they are forgotten.
    pub(super) fn seen(&self, key: &K, now: Instant) -> (u32, Duration) {
        self.with(key, |shard| {
            let running = shard.of.get(key).filter(|w| !w.left(now).is_zero());
            running.map_or((0, Duration::ZERO), |w| (w.count, w.left(now)))
        })
    }

    fn with<T>(&self, key: &K, act: impl FnOnce(&mut Shard<K>) -> T) -> T {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        let [first, ..] = &self.shards;
        let shard = self.shards.get(at).unwrap_or(first);
        // Counters stay usable whatever happened to a thread that held them.
        act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_keys_is_bounded_and_counted_together() {
        let windows = Windows::default();
        let now = Instant::now();
        let mut most = 0;
        for key in 0..200_000_u32 {
            most = most.max(windows.count(key, now).0);
        }
        let kept: usize = windows.shards.iter().map(|s| s.lock().unwrap().of.len()).sum();
        assert!(kept <= SHARDS * KEYS, "{kept}");
        assert!(most > 1_000, "new ones share a count: {most}");
        // A minute later all are forgotten and there is room again.
        assert_eq!(windows.count(7_000_000, now + WINDOW).0, 1);
    }
}
