//! Streams that a stock agent has not taken although it is alive: its accept loop hangs (agent protocol 9.6). Adit's own
//! agent answers probes instead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// After this long a stream that was not taken counts.
pub const UNTAKEN_AFTER: Duration = Duration::from_secs(10);

/// The streams of one connection that its agent has not taken for [`UNTAKEN_AFTER`].
#[derive(Debug, Default)]
pub struct Untaken {
    /// At most as many as may be open and unaccepted, which is bounded by the limits kept toward the agent.
    ids: Mutex<Vec<u32>>,
    /// How many there are, readable without the lock.
    len: AtomicUsize,
}

impl Untaken {
    /// This stream has not been taken for so long.
    pub fn add(&self, id: u32) {
        self.change(|ids| {
            if !ids.contains(&id) {
                ids.push(id);
            }
        });
    }

    /// It has been taken, or is over.
    pub fn remove(&self, id: u32) {
        self.change(|ids| ids.retain(|i| *i != id));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u32>)) {
        let mut ids: MutexGuard<'_, Vec<u32>> = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut ids);
        self.len.store(ids.len(), Ordering::Relaxed);
    }
}
