//! Deadlines of connections: one field a connection, swept by one timer a worker every 250 ms.
//!
//! Setting a deadline is one atomic store, reading the clock is one atomic load of what the sweep last saw; no
//! timer is created per request. Deadlines are therefore late by up to one sweep, never early.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use std::sync::Mutex;

/// How often deadlines are looked at.
pub const SWEEP: Duration = Duration::from_millis(250);

const NEVER: u64 = u64::MAX;

/// The deadlines of one worker.
#[derive(Clone, Debug)]
pub struct Timer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    origin: Instant,
    now: AtomicU64,
    slots: Mutex<slab::Slab<Arc<Slot>>>,
}

#[derive(Debug)]
struct Slot {
    at: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

thread_local! {
    static CURRENT: RefCell<Option<Timer>> = const { RefCell::new(None) };
}

impl Timer {
    /// The timer of the current thread; the first call on a worker starts its sweep.
    pub fn current() -> Self {
        CURRENT.with(|c| {
            let mut c = c.borrow_mut();
            c.get_or_insert_with(|| {
                let timer = Self::new();
                let sweep = timer.clone();
                crate::supervise::spawn("deadlines", async move {
                    let mut every = tokio::time::interval(SWEEP);
                    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                    loop {
                        every.tick().await;
                        sweep.sweep();
                    }
                });
                timer
            })
            .clone()
        })
    }

    fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                origin: Instant::now(),
                now: AtomicU64::new(0),
                slots: Mutex::new(slab::Slab::new()),
            }),
        }
    }

    fn sweep(&self) {
        let now = u64::try_from(self.shared.origin.elapsed().as_millis()).unwrap_or(NEVER - 1);
        self.shared.now.store(now, Ordering::Relaxed);
        let due: Vec<Waker> = match self.shared.slots.lock() {
            Ok(slots) => slots
                .iter()
                .filter(|(_, s)| s.at.load(Ordering::Relaxed) <= now)
                .filter_map(|(_, s)| s.waker.lock().ok()?.take())
                .collect(),
            Err(_) => return,
        };
        for w in due {
            w.wake();
        }
    }

    /// A deadline of its own, not set.
    pub fn deadline(&self) -> Deadline {
        let slot = Arc::new(Slot {
            at: AtomicU64::new(NEVER),
            waker: Mutex::new(None),
        });
        let key = self
            .shared
            .slots
            .lock()
            .map(|mut s| s.insert(slot.clone()))
            .unwrap_or(usize::MAX);
        Deadline {
            shared: self.shared.clone(),
            slot,
            key,
        }
    }
}

/// One deadline, for one connection. Dropping it frees its place.
#[derive(Debug)]
pub struct Deadline {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    key: usize,
}

impl Deadline {
    /// Sets it to `after` from now (the sweep's now).
    pub fn set(&self, after: Duration) {
        let now = self.shared.now.load(Ordering::Relaxed);
        let after = u64::try_from(after.as_millis()).unwrap_or(NEVER / 2);
        // One sweep is added because `now` may be old by that much: late is allowed, early is not.
        let sweep = SWEEP.as_millis() as u64;
        self.slot
            .at
            .store(now.saturating_add(after).saturating_add(sweep), Ordering::Relaxed);
    }

    /// Takes it off.
    pub fn clear(&self) {
        self.slot.at.store(NEVER, Ordering::Relaxed);
    }

    /// Ready once it has passed.
    pub fn poll_expired(&self, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.slot.at.load(Ordering::Relaxed);
        if at <= self.shared.now.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        if let Ok(mut w) = self.slot.waker.lock() {
            match &mut *w {
                Some(w) if w.will_wake(cx.waker()) => {}
                other => *other = Some(cx.waker().clone()),
            }
        }
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Ok(mut s) = self.shared.slots.lock() {
            s.try_remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_never_early_and_at_most_two_sweeps_late() {
        let timer = Timer::new();
        let d = timer.deadline();
        let expired = |d: &Deadline| d.poll_expired(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!expired(&d));
        d.set(Duration::ZERO);
        assert!(!expired(&d), "an unswept clock may be old");
        timer.shared.now.store(251, Ordering::Relaxed);
        assert!(expired(&d));
        d.clear();
        assert!(!expired(&d));
    }

    #[test]
    fn dropping_a_deadline_frees_its_place() {
        let timer = Timer::new();
        let all: Vec<_> = (0..100).map(|_| timer.deadline()).collect();
        assert_eq!(timer.shared.slots.lock().unwrap().len(), 100);
        drop(all);
        assert_eq!(timer.shared.slots.lock().unwrap().len(), 0);
    }
}
