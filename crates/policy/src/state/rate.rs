//! Counters of `rate-limit`: allowed requests in steps of ten seconds (traffic policy 4.15).
//!
//! Each action has a table of its own, so that a flood of keys at one endpoint never makes another forget. A key costs
//! less than 100 bytes as long as it was used in no more than six steps of its window.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use smallvec::SmallVec;

use crate::action::ActionKey;

const SHARDS: usize = 16;
/// Keys of an action that are remembered; beyond, those that were used longest ago are forgotten.
const MAX_KEYS: usize = 100_000;
/// Actions that are remembered; beyond, the one that was used longest ago is forgotten.
const MAX_TABLES: usize = 10_000;
const STEP: i64 = 10_000_000;
/// The unit in which the last use is kept.
const TENTH: i64 = 100_000;

/// How much is allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) capacity: u32,
    /// The window in steps of ten seconds.
    pub(crate) steps: u32,
    /// The whole capacity on each node.
    pub(crate) node: bool,
}

/// Keys, and the parts of such that have several, are hashes already.
#[derive(Debug, Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = self.0.rotate_left(29) ^ hash;
    }
}

#[derive(Debug, Default)]
struct Bucket {
    /// Steps with allowed requests, oldest first: number of the step, requests.
    counts: SmallVec<[(u32, u32); 6]>,
    /// Tenths of seconds, wrapping.
    used: u32,
}

type Shard = HashMap<u64, Bucket, BuildHasherDefault<Itself>>;
/// By action and organisation: a policy that two have in the same words is not the same one.
type Tables = HashMap<(ActionKey, u64), Arc<Table>, BuildHasherDefault<Itself>>;

/// The counters of an action.
#[derive(Debug)]
struct Table {
    shards: [Mutex<Shard>; SHARDS],
    used: AtomicI64,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            used: AtomicI64::new(0),
        }
    }
}

/// The counters of a node.
#[derive(Debug, Default)]
pub struct Rates {
    tables: RwLock<Tables>,
    hasher: RandomState,
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
const fn tenths(now: i64) -> u32 {
    now.div_euclid(TENTH) as u32
}

impl Rates {
    fn table(&self, action: (ActionKey, u64), now: i64) -> Arc<Table> {
        let known = self
            .tables
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&action)
            .map(Arc::clone);
        if let Some(table) = known {
            return table;
        }
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if tables.len() >= MAX_TABLES && !tables.contains_key(&action) {
            let oldest = tables
                .iter()
                .min_by_key(|(_, table)| table.used.load(Ordering::Relaxed))
                .map(|(action, _)| *action);
            if let Some(oldest) = oldest {
                tables.remove(&oldest);
            }
        }
        let table = tables.entry(action).or_default();
        table.used.store(now, Ordering::Relaxed);
        Arc::clone(table)
    }

    /// By what requests to an endpoint are counted that have these values. Nobody outside can choose two that fall together:
    /// its seed is the node's.
    pub(crate) fn key(&self, endpoint: &str, parts: &[String]) -> u64 {
        self.hasher.hash_one((endpoint, parts))
    }

    /// Counts a request of this [key](Self::key) to an endpoint of an organisation at `now` (microseconds) if it is allowed;
    /// else says in how many seconds one would be.
    pub(crate) fn take(
        &self,
        action: ActionKey,
        organization: &str,
        hash: u64,
        rate: Rate,
        now: i64,
        nodes: u32,
    ) -> Result<(), u64> {
        let capacity = if rate.node {
            rate.capacity
        } else {
            rate.capacity.div_ceil(nodes.max(1))
        };
        let table = self.table((action, self.hasher.hash_one(organization)), now);
        table.used.store(now, Ordering::Relaxed);
        // The table uses the highest and the lowest bits.
        let Some(shard) = table.shards.get((hash >> 32) as usize % SHARDS) else {
            return Ok(());
        };
        let mut shard = lock(shard);
        if shard.len() >= MAX_KEYS / SHARDS && !shard.contains_key(&hash) {
            forget(&mut shard, now, rate);
        }
        let bucket = shard.entry(hash).or_default();
        bucket.used = tenths(now);
        let step = now.div_euclid(STEP);
        let window = i64::from(rate.steps);
        let old = bucket
            .counts
            .iter()
            .take_while(|(old, _)| i64::from(*old) <= step - window)
            .count();
        bucket.counts.drain(..old);
        let sum: u64 = bucket.counts.iter().map(|(_, count)| u64::from(*count)).sum();
        if sum < u64::from(capacity) {
            let number = u32::try_from(step).unwrap_or(u32::MAX);
            match bucket.counts.last_mut() {
                Some((last, count)) if *last == number => *count += 1,
                _ => bucket.counts.push((number, 1)),
            }
            return Ok(());
        }
        // The oldest step whose leaving makes room.
        let mut left = sum;
        for (old, count) in &bucket.counts {
            left -= u64::from(*count);
            if left < u64::from(capacity) {
                let free_at = (i64::from(*old) + window) * STEP;
                let wait = u64::try_from(free_at - now).unwrap_or(0);
                return Err(wait.div_ceil(1_000_000).max(1));
            }
        }
        Err(1)
    }

    /// Keys that are remembered.
    #[cfg(test)]
    fn keys(&self) -> usize {
        let tables = self.tables.read().unwrap();
        let shards = tables.values().flat_map(|table| &table.shards);
        shards.map(|shard| lock(shard).len()).sum()
    }
}

/// Makes room: what is out of its window, else the sixteenth that was used longest ago, so that a flood of keys pays
/// for room once for many.
fn forget(shard: &mut Shard, now: i64, rate: Rate) {
    let before = shard.len();
    let now = tenths(now);
    let age = |bucket: &Bucket| now.wrapping_sub(bucket.used);
    let window = rate.steps.saturating_mul(100);
    shard.retain(|_, bucket| age(bucket) < window);
    if shard.len() < before {
        return;
    }
    let mut ages: Vec<u32> = shard.values().map(age).collect();
    let wanted = before / 16 + 1;
    if let Some(at) = ages.len().checked_sub(wanted) {
        let (_, limit, _) = ages.select_nth_unstable(at);
        let limit = *limit;
        let mut left = wanted;
        // Of many that are equally old only as many as are needed.
        shard.retain(|_, bucket| {
            let goes = left > 0 && age(bucket) >= limit;
            left -= usize::from(goes);
            !goes
        });
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

    fn take(
        rates: &Rates,
        action: ActionKey,
        (organization, endpoint): (&str, &str),
        part: &str,
        rate: Rate,
        now: i64,
        nodes: u32,
    ) -> Result<(), u64> {
        let key = rates.key(endpoint, &[part.to_owned()]);
        rates.take(action, organization, key, rate, now, nodes)
    }

    #[test]
    fn only_allowed_requests_count_and_they_leave_with_their_step() {
        let rates = Rates::default();
        let at = |seconds: i64| take(&rates, KEY, ("o", "e"), "k", rate(2), seconds * 1_000_000, 1);
        assert_eq!(at(5), Ok(()));
        assert_eq!(at(15), Ok(()));
        // The step 0..10 leaves at 60.
        assert_eq!(at(16), Err(44));
        assert_eq!(at(59), Err(1));
        assert_eq!(at(60), Ok(()));
        assert_eq!(at(61), Err(9));
        assert_eq!(take(&rates, KEY, ("o", "other"), "k", rate(2), 61_000_000, 1), Ok(()));
        assert_eq!(take(&rates, KEY, ("p", "e"), "k", rate(2), 61_000_000, 1), Ok(()));
        let tables = rates.tables.read().unwrap();
        assert_eq!(tables.len(), 2, "two organisations that say the same have their own");
    }

    #[test]
    fn nodes_share_a_capacity_rounded_up() {
        let rates = Rates::default();
        let take = || take(&rates, KEY, ("o", "e"), "k", rate(3), 0, 2);
        assert_eq!((take(), take()), (Ok(()), Ok(())));
        assert!(take().is_err());
    }

    #[test]
    fn keys_are_bounded_and_a_flood_is_one_actions_matter() {
        let rates = Rates::default();
        let other = ActionKey(2);
        assert_eq!(take(&rates, other, ("o", "e"), "k", rate(1), 0, 1), Ok(()));
        for n in 0..MAX_KEYS + 20_000 {
            let _ = take(&rates, KEY, ("o", "e"), &n.to_string(), rate(1), 0, 1);
        }
        let kept = rates.keys();
        assert!(kept <= MAX_KEYS + 1, "{kept}");
        assert!(kept > MAX_KEYS / 2, "a full table forgets few: {kept}");
        assert!(
            take(&rates, other, ("o", "e"), "k", rate(1), 0, 1).is_err(),
            "it is remembered"
        );
    }

    #[test]
    fn a_key_is_small() {
        // Eight of every nine places of a table are used at most: entry and a byte.
        let entry = size_of::<(u64, Bucket)>() + 1;
        assert!(entry <= 76, "{entry}");
    }
}
