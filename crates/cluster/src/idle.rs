//! Idle HTTP/1 streams to an agent, kept for the next request (edge 7.8).
//!
//! Last in, first out, so that in quiet times the rest grows old and goes; at most [`IDLE_PER_MEMBER`] a member,
//! [`IDLE_PER_SESSION`] a session, [`IDLE_MAX_AGE`] each (servers behind agents close theirs at 5 s).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::stream::AgentStream;

/// Most idle streams of one member.
///
/// Enough for a load of some hundred visitors at once: a stream that is not kept costs the agent a new connection
/// to its service.
pub const IDLE_PER_MEMBER: usize = 512;
/// Most idle streams of one session, all its endpoints together.
pub const IDLE_PER_SESSION: usize = 1_024;
/// Longest time a stream may be idle and still be used.
pub const IDLE_MAX_AGE: Duration = Duration::from_secs(4);

/// Idle streams to an agent.
pub type IdleStreams = IdlePool<AgentStream>;

/// A bounded pool of idle things, newest first.
#[derive(Debug)]
pub struct IdlePool<T> {
    /// Oldest first. Locked by the requests of one member only, for a push or a pop.
    streams: Mutex<Vec<(T, Instant)>>,
    /// How many there are, readable without the lock.
    len: AtomicUsize,
    /// How many the whole session has.
    of_session: Arc<AtomicUsize>,
    pinned: Mutex<PinnedStreams<T>>,
}

/// What is kept for one visitor each, by the ticket that it has.
#[derive(Debug)]
struct PinnedStreams<T> {
    streams: HashMap<u64, T, foldhash::fast::RandomState>,
    next: u64,
}

impl<T> IdlePool<T> {
    /// An empty pool; `of_session` counts the idle streams of all pools of the session.
    pub fn new(of_session: Arc<AtomicUsize>) -> Self {
        Self {
            streams: Mutex::new(Vec::new()),
            len: AtomicUsize::new(0),
            of_session,
            pinned: Mutex::new(PinnedStreams {
                streams: HashMap::default(),
                next: 0,
            }),
        }
    }

    /// Keeps a stream for the one who gets the ticket, at whatever age: one a connection of a visitor, so that they are
    /// bounded by those.
    pub fn pin(&self, stream: T) -> u64 {
        let mut pinned = self.lock_pinned();
        let ticket = pinned.next;
        pinned.next += 1;
        pinned.streams.insert(ticket, stream);
        ticket
    }

    /// What was kept for this ticket, unless all were dropped meanwhile.
    pub fn unpin(&self, ticket: u64) -> Option<T> {
        self.lock_pinned().streams.remove(&ticket)
    }

    /// The newest one, if it was idle for at most `max_age` (never more than [`IDLE_MAX_AGE`]).
    pub fn take(&self, now: Instant, max_age: Duration) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let mut streams = self.lock();
        let (_, since) = streams.last()?;
        if now.saturating_duration_since(*since) > max_age.min(IDLE_MAX_AGE) {
            return None;
        }
        let (stream, _) = streams.pop()?;
        self.count_out(1);
        Some(stream)
    }

    /// Keeps a stream for later. One too many comes back, for the caller to end: the member keeps at most `most`,
    /// and never more than [`IDLE_PER_MEMBER`].
    pub fn put(&self, stream: T, now: Instant, most: usize) -> Option<T> {
        if self.of_session.fetch_add(1, Ordering::Relaxed) >= IDLE_PER_SESSION {
            self.of_session.fetch_sub(1, Ordering::Relaxed);
            return Some(stream);
        }
        let mut streams = self.lock();
        if streams.len() >= most.min(IDLE_PER_MEMBER) {
            self.of_session.fetch_sub(1, Ordering::Relaxed);
            return Some(stream);
        }
        streams.push((stream, now));
        self.len.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Takes out those that are too old, for the caller to end.
    pub fn expired(&self, now: Instant) -> Vec<T> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut streams = self.lock();
        let old = streams
            .iter()
            .take_while(|(_, since)| now.saturating_duration_since(*since) > IDLE_MAX_AGE)
            .count();
        let out: Vec<T> = streams.drain(..old).map(|(s, _)| s).collect();
        if streams.is_empty() {
            // An idle member holds nothing.
            *streams = Vec::new();
        }
        self.count_out(out.len());
        out
    }

    /// Drops all of them, pinned ones too.
    pub fn clear(&self) {
        let pinned = std::mem::take(&mut self.lock_pinned().streams);
        drop(pinned);
        let all = std::mem::take(&mut *self.lock());
        self.count_out(all.len());
        drop(all);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn count_out(&self, n: usize) {
        self.len.fetch_sub(n, Ordering::Relaxed);
        self.of_session.fetch_sub(n, Ordering::Relaxed);
    }

    fn lock_pinned(&self) -> MutexGuard<'_, PinnedStreams<T>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(T, Instant)>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for IdlePool<T> {
    fn drop(&mut self) {
        self.of_session.fetch_sub(*self.len.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> (IdlePool<u32>, Arc<AtomicUsize>) {
        let of_session = Arc::new(AtomicUsize::new(0));
        (IdlePool::new(of_session.clone()), of_session)
    }

    #[test]
    fn the_newest_is_taken_first_and_only_if_young_enough() {
        let (pool, of_session) = pool();
        let t = Instant::now();
        assert!(pool.put(1, t, usize::MAX).is_none());
        assert!(pool.put(2, t + Duration::from_secs(2), usize::MAX).is_none());
        let at = |s| t + Duration::from_secs(s);
        assert_eq!(pool.take(at(4), Duration::from_secs(1)), None, "idle for two seconds");
        assert_eq!(pool.take(at(4), IDLE_MAX_AGE), Some(2));
        assert_eq!(pool.take(at(4), IDLE_MAX_AGE), Some(1));
        assert_eq!(pool.take(at(4), IDLE_MAX_AGE), None);
        assert_eq!(of_session.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_old_ones_go_at_the_sweep() {
        let (pool, of_session) = pool();
        let t = Instant::now();
        for i in 0..5 {
            assert!(pool.put(i, t + Duration::from_secs(i.into()), usize::MAX).is_none());
        }
        assert_eq!(pool.expired(t + Duration::from_secs(6)), vec![0, 1]);
        assert_eq!(pool.len(), 3);
        pool.clear();
        assert_eq!((pool.len(), of_session.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn what_is_pinned_is_its_owners_until_all_are_dropped() {
        let (pool, of_session) = pool();
        let (one, two, three) = (pool.pin(1), pool.pin(2), pool.pin(3));
        let now = Instant::now();
        assert_eq!(pool.take(now, IDLE_MAX_AGE), None);
        assert!(pool.expired(now + 2 * IDLE_MAX_AGE).is_empty());
        assert_eq!(pool.unpin(two), Some(2));
        assert_eq!(pool.unpin(two), None);
        pool.clear();
        assert_eq!((pool.unpin(one), pool.unpin(three)), (None, None));
        assert!(pool.pin(4) > three, "no ticket is given twice");
        assert_eq!(of_session.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn there_are_bounds_for_a_member_and_for_its_session() {
        let (first, of_session) = pool();
        let t = Instant::now();
        for i in 0..600 {
            assert_eq!(
                first.put(i, t, usize::MAX).is_some(),
                i >= 512,
                "one too many comes back"
            );
        }
        assert_eq!(first.len(), IDLE_PER_MEMBER);
        let others: Vec<_> = (0..40).map(|_| IdlePool::new(of_session.clone())).collect();
        for other in &others {
            for i in 0..40 {
                let _ = other.put(i, t, 32);
            }
            assert!(other.len() <= 32);
        }
        assert_eq!(of_session.load(Ordering::Relaxed), IDLE_PER_SESSION);
        drop((first, others));
        assert_eq!(of_session.load(Ordering::Relaxed), 0);
    }
}
