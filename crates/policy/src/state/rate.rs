//! Counters of `rate-limit`: allowed requests in steps of ten seconds (traffic policy 4.15).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use crate::action::ActionKey;

const SHARDS: usize = 16;
/// Keys of an action that are remembered; beyond, the one that was used longest ago is forgotten.
const MAX_KEYS: usize = 100_000;
const STEP: i64 = 10_000_000;

/// How much is allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) capacity: u32,
    /// The window in steps of ten seconds.
    pub(crate) steps: u32,
    /// The whole capacity on each node.
    pub(crate) node: bool,
}

type Key = (ActionKey, u64);

#[derive(Debug, Default)]
struct Bucket {
    /// Steps with allowed requests, oldest first.
    counts: VecDeque<(i64, u32)>,
    used: i64,
}

/// The counters of a node.
#[derive(Debug)]
pub struct Rates {
    shards: Vec<Mutex<HashMap<Key, Bucket>>>,
    hasher: RandomState,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Rates {
    /// Counts a request at `now` (microseconds) if it is allowed; else says in how many seconds one would be.
    pub(crate) fn take(
        &self,
        action: ActionKey,
        endpoint: &str,
        key: &str,
        rate: Rate,
        now: i64,
        nodes: u32,
    ) -> Result<(), u64> {
        let capacity = if rate.node {
            rate.capacity
        } else {
            rate.capacity.div_ceil(nodes.max(1))
        };
        let hash = self.hasher.hash_one((endpoint, key));
        let Some(shard) = self.shards.get((hash % SHARDS as u64) as usize) else {
            return Ok(());
        };
        let mut shard = shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if shard.len() >= MAX_KEYS / SHARDS && !shard.contains_key(&(action, hash)) {
            forget(&mut shard, now, rate);
        }
        let bucket = shard.entry((action, hash)).or_default();
        bucket.used = now;
        let step = now.div_euclid(STEP);
        let window = i64::from(rate.steps);
        while bucket.counts.front().is_some_and(|(old, _)| *old <= step - window) {
            bucket.counts.pop_front();
        }
        let sum: u64 = bucket.counts.iter().map(|(_, count)| u64::from(*count)).sum();
        if sum < u64::from(capacity) {
            match bucket.counts.back_mut() {
                Some((last, count)) if *last == step => *count += 1,
                _ => bucket.counts.push_back((step, 1)),
            }
            return Ok(());
        }
        // The oldest step whose leaving makes room.
        let mut left = sum;
        for (old, count) in &bucket.counts {
            left -= u64::from(*count);
            if left < u64::from(capacity) {
                let free_at = (old + window) * STEP;
                let wait = u64::try_from(free_at - now).unwrap_or(0);
                return Err(wait.div_ceil(1_000_000).max(1));
            }
        }
        Err(1)
    }
}

/// Makes room: what is out of its window, else the sixteenth that was used longest ago, so that a flood of keys pays
/// for room once for many.
fn forget(shard: &mut HashMap<Key, Bucket>, now: i64, rate: Rate) {
    let before = shard.len();
    let window = i64::from(rate.steps).saturating_mul(STEP);
    shard.retain(|_, bucket| now - bucket.used < window);
    if shard.len() < before {
        return;
    }
    let mut used: Vec<i64> = shard.values().map(|bucket| bucket.used).collect();
    let at = used.len() / 16;
    if at < used.len() {
        let (_, oldest, _) = used.select_nth_unstable(at);
        let oldest = *oldest;
        shard.retain(|_, bucket| bucket.used > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ActionKey = ActionKey(1);

    fn rate(capacity: u32) -> Rate {
        Rate {
            capacity,
            steps: 6,
            node: false,
        }
    }

    #[test]
    fn only_allowed_requests_count_and_they_leave_with_their_step() {
        let rates = Rates::default();
        let take = |seconds: i64| rates.take(KEY, "e", "k", rate(2), seconds * 1_000_000, 1);
        assert_eq!(take(5), Ok(()));
        assert_eq!(take(15), Ok(()));
        // The step 0..10 leaves at 60.
        assert_eq!(take(16), Err(44));
        assert_eq!(take(59), Err(1));
        assert_eq!(take(60), Ok(()));
        assert_eq!(take(61), Err(9));
        assert_eq!(rates.take(KEY, "other", "k", rate(2), 61_000_000, 1), Ok(()));
    }

    #[test]
    fn nodes_share_a_capacity_rounded_up() {
        let rates = Rates::default();
        let take = || rates.take(KEY, "e", "k", rate(3), 0, 2);
        assert_eq!((take(), take()), (Ok(()), Ok(())));
        assert!(take().is_err());
    }

    #[test]
    fn keys_are_bounded() {
        let rates = Rates::default();
        for n in 0..i64::try_from(MAX_KEYS).unwrap() + 20_000 {
            let _ = rates.take(KEY, "e", &n.to_string(), rate(1), n, 1);
        }
        let kept: usize = rates.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= MAX_KEYS, "{kept}");
    }
}
