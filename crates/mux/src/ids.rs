//! Memory of stream ids: which ids of the peer were used, and which streams closed lately.

use std::collections::VecDeque;

/// Ids below the highest of which it is remembered whether they were used.
const REACH: u32 = 1_024;
const WORDS: usize = REACH as usize / 64;
/// Closed streams remembered.
const CLOSED: usize = 4_096;
/// How long a closed stream is remembered, milliseconds.
const CLOSED_FOR: u32 = 30_000;

/// The ids the peer has opened. SYNs may overtake each other at a stock peer, so an unused id below
/// the highest is valid; a bitmap of the last 1,024 ids tells. Older ones count as used.
#[derive(Debug)]
pub(crate) struct UsedIds {
    /// Highest ordinal (id / 2) seen, plus one; 0 before the first.
    next: u32,
    bits: [u64; WORDS],
}

impl UsedIds {
    pub(crate) const fn new() -> Self {
        Self {
            next: 0,
            bits: [0; WORDS],
        }
    }

    /// Marks an id used; false if it was used before, or is too old to tell.
    pub(crate) fn take(&mut self, id: u32) -> bool {
        let ordinal = id / 2;
        if ordinal >= self.next {
            let fresh = (ordinal - self.next).min(REACH);
            for step in 0..fresh {
                self.set(self.next.wrapping_add(step), false);
            }
            if fresh == REACH {
                self.bits = [0; WORDS];
            }
            self.next = ordinal + 1;
            self.set(ordinal, true);
            return true;
        }
        if self.next - ordinal > REACH || self.bit(ordinal) {
            return false;
        }
        self.set(ordinal, true);
        true
    }

    fn bit(&self, ordinal: u32) -> bool {
        let at = ordinal % REACH;
        self.bits
            .get(at as usize / 64)
            .is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    fn set(&mut self, ordinal: u32, used: bool) {
        let at = ordinal % REACH;
        if let Some(word) = self.bits.get_mut(at as usize / 64) {
            let mask = 1 << (at % 64);
            *word = if used { *word | mask } else { *word & !mask };
        }
    }
}

/// Streams that closed within the last 30 seconds, at most 4,096: frames that were in flight for
/// them are dropped in silence. Scanned from the newest, only for DATA on an id that is not open.
#[derive(Debug, Default)]
pub(crate) struct ClosedIds {
    /// Id and time, oldest first.
    ring: VecDeque<(u32, u32)>,
}

impl ClosedIds {
    pub(crate) fn push(&mut self, id: u32, now: u32) {
        while self.ring.len() >= CLOSED || self.oldest_is_stale(now) {
            self.ring.pop_front();
        }
        self.ring.push_back((id, now));
    }

    pub(crate) fn contains(&self, id: u32, now: u32) -> bool {
        self.ring
            .iter()
            .rev()
            .take_while(|(_, at)| now.wrapping_sub(*at) <= CLOSED_FOR)
            .any(|(closed, _)| *closed == id)
    }

    /// Forgets what is old and gives memory back.
    pub(crate) fn trim(&mut self, now: u32) {
        while self.oldest_is_stale(now) {
            self.ring.pop_front();
        }
        if self.ring.len() < self.ring.capacity() / 4 {
            self.ring.shrink_to(self.ring.len() * 2);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    pub(crate) fn footprint(&self) -> usize {
        self.ring.capacity() * size_of::<(u32, u32)>()
    }

    fn oldest_is_stale(&self, now: u32) -> bool {
        self.ring
            .front()
            .is_some_and(|(_, at)| now.wrapping_sub(*at) > CLOSED_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_may_arrive_out_of_order_but_only_once() {
        let mut used = UsedIds::new();
        assert!(used.take(5));
        assert!(used.take(3));
        assert!(!used.take(3));
        assert!(!used.take(5));
        assert!(used.take(9));
        assert!(used.take(7));
        assert!(!used.take(7));
    }

    #[test]
    fn older_than_the_bitmap_is_used() {
        let mut used = UsedIds::new();
        assert!(used.take(2 * 5_000 + 1));
        assert!(!used.take(2 * (5_000 - 1_024) + 1));
        assert!(used.take(2 * (5_000 - 1_023) + 1));
        assert!(used.take(0x7FFF_FFFF));
        assert!(!used.take(0x7FFF_FFFF));
        assert!(used.take(0x7FFF_FFFD));
        assert!(!used.take(3));
    }

    #[test]
    fn moving_on_clears_what_it_passes() {
        let mut used = UsedIds::new();
        for ordinal in 1..4_000 {
            assert!(used.take(ordinal * 2));
            assert!(!used.take(ordinal * 2));
        }
        assert!(used.take(4_100 * 2));
        assert!(used.take(4_050 * 2));
        assert!(!used.take(3_999 * 2));
    }

    #[test]
    fn closed_streams_are_forgotten_by_age_and_number() {
        let mut closed = ClosedIds::default();
        closed.push(3, 0);
        assert!(closed.contains(3, 30_000));
        assert!(!closed.contains(3, 30_001));
        for id in 0..5_000 {
            closed.push(id * 2, 100);
        }
        assert!(!closed.contains(0, 100));
        assert!(closed.contains(9_998, 100));
        closed.trim(60_000);
        assert!(closed.is_empty());
        assert_eq!(closed.footprint(), 0);
    }
}
