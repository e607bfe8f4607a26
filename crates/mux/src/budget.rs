//! A node's budget of bytes buffered for others, shared by all its sessions (agent protocol 2.5).
//!
//! Sessions report what they hold, by capacity, in steps; anybody else who buffers may
//! [`charge`](Budget::charge) too. Above half no window grows, above three quarters the largest
//! stalled streams are reset, above nine tenths the session that holds most is not read.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use slab::Slab;

/// Sessions report when what they hold has changed by this much.
const STEP: usize = 16 << 10;

/// How full the budget is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// At most half.
    Free,
    /// Above half: windows do not grow.
    Busy,
    /// Above three quarters: the largest stalled streams are reset.
    High,
    /// Above nine tenths: the session that holds most is not read.
    Full,
    /// Above the limit: no session that holds more than its part is read.
    Over,
}

/// Bytes a node may buffer for others.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
    shed: AtomicU64,
    meters: Mutex<Slab<Arc<Meter>>>,
}

/// What one session reports.
#[derive(Debug, Default)]
struct Meter {
    held: AtomicUsize,
    /// Unread bytes of its largest stalled stream, while the budget is high.
    stalled: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.max(1),
            used: AtomicUsize::new(0),
            shed: AtomicU64::new(0),
            meters: Mutex::default(),
        })
    }

    /// Bytes held by all.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Streams that were reset because the budget was short.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.shed.load(Relaxed)
    }

    /// The limit it was made with.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// How full it is.
    #[must_use]
    pub fn level(&self) -> Level {
        // In 1/20 of the limit; u128 so that no limit overflows.
        let twentieths = self.used() as u128 * 20;
        let limit = self.limit as u128;
        if twentieths > limit * 20 {
            Level::Over
        } else if twentieths > limit * 18 {
            Level::Full
        } else if twentieths > limit * 15 {
            Level::High
        } else if twentieths > limit * 10 {
            Level::Busy
        } else {
            Level::Free
        }
    }

    /// Counts bytes buffered outside of mux sessions.
    pub fn charge(&self, bytes: usize) {
        self.used.fetch_add(bytes, Relaxed);
    }

    /// Takes back what [`charge`](Self::charge) counted.
    pub fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
    }

    fn most(&self, of: impl Fn(&Meter) -> &AtomicUsize) -> usize {
        let meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        meters
            .iter()
            .map(|(_, meter)| of(meter).load(Relaxed))
            .max()
            .unwrap_or(0)
    }
}

/// One session's part in a budget; gives everything back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    meter: Arc<Meter>,
    key: usize,
    reported: usize,
}

impl Share {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        let meter = Arc::<Meter>::default();
        let key = budget
            .meters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(Arc::clone(&meter));
        Self {
            budget,
            meter,
            key,
            reported: 0,
        }
    }

    /// Reports what is held now; small changes are kept back.
    pub(crate) fn report(&mut self, held: usize) {
        if held.abs_diff(self.reported) < STEP && held != 0 {
            return;
        }
        if held >= self.reported {
            self.budget.charge(held - self.reported);
        } else {
            self.budget.release(self.reported - held);
        }
        self.reported = held;
        self.meter.held.store(held, Relaxed);
    }

    pub(crate) fn level(&self) -> Level {
        self.budget.level()
    }

    /// Publishes the largest stalled stream; true if no session has one twice as large.
    pub(crate) fn is_largest_stalled(&self, bytes: usize) -> bool {
        self.meter.stalled.store(bytes, Relaxed);
        bytes > 0 && bytes >= self.budget.most(|meter| &meter.stalled) / 2
    }

    /// The largest stalled stream was reset.
    pub(crate) fn count_shed(&self) {
        self.budget.shed.fetch_add(1, Relaxed);
        self.forget_stalled();
    }

    /// This session has no stalled stream that others should wait for.
    pub(crate) fn forget_stalled(&self) {
        self.meter.stalled.store(0, Relaxed);
    }

    /// True if this session holds more than an equal part of the limit.
    pub(crate) fn holds_much(&self) -> bool {
        let sessions = self.budget.meters.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.reported > self.budget.limit / sessions.max(1)
    }

    /// True if no session holds more.
    pub(crate) fn holds_most(&self) -> bool {
        self.reported > 0 && self.reported >= self.budget.most(|meter| &meter.held)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.release(self.reported);
        self.budget
            .meters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .try_remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_shares() {
        let budget = Budget::new(1 << 20);
        let (mut a, mut b) = (Share::new(budget.clone()), Share::new(budget.clone()));
        a.report(1_000);
        assert_eq!(budget.used(), 0, "small changes are kept back");
        a.report(512 << 10);
        assert_eq!(budget.level(), Level::Free);
        b.report(100 << 10);
        assert_eq!(budget.level(), Level::Busy);
        assert!(a.holds_most() && !b.holds_most());
        budget.charge(300 << 10);
        assert_eq!(budget.level(), Level::High);
        budget.charge(100 << 10);
        assert_eq!(budget.level(), Level::Full);
        budget.charge(100 << 10);
        assert_eq!(budget.level(), Level::Over);
        assert!(!b.holds_much(), "less than half of it");
        budget.release(100 << 10);
        assert!(a.is_largest_stalled(100));
        assert!(b.is_largest_stalled(50));
        assert!(!b.is_largest_stalled(49));
        drop(a);
        drop(b);
        assert_eq!(budget.used(), 400 << 10);
    }
}
