//! How this node is, for whoever asks at the admin port.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// Without its store a node serves what it was told for so long, in seconds (cluster 3.5).
pub(crate) const OLDEST: i64 = 24 * 3_600;

/// What is said of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It serves.
    Ready,
    /// It serves what it was told last: the store does not answer.
    Degraded,
    /// It lets nobody in any more.
    Draining,
    /// What it was told is too old to be served.
    Outdated,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Health {
    draining: AtomicBool,
    /// 1 while the store does not answer.
    away: Arc<AtomicU64>,
    /// Seconds since the Unix epoch: how old what it was told is.
    told: AtomicI64,
}

impl Health {
    /// It leaves.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// What the store says was taken over just now.
    pub(crate) fn told(&self) {
        self.told.store(now(), Ordering::Relaxed);
        self.away.store(0, Ordering::Relaxed);
    }

    /// The store does not answer; what is known is that old.
    pub(crate) fn away(&self, told: Option<i64>) {
        if let Some(told) = told {
            self.told.store(told, Ordering::Relaxed);
        }
        self.away.store(1, Ordering::Relaxed);
    }

    /// 1 while the store does not answer, for the metrics.
    pub(crate) fn away_value(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.away)
    }

    /// How it is.
    pub(crate) fn now(&self) -> Readiness {
        if self.draining.load(Ordering::Acquire) {
            return Readiness::Draining;
        }
        if self.away.load(Ordering::Relaxed) == 0 {
            return Readiness::Ready;
        }
        match now().saturating_sub(self.told.load(Ordering::Relaxed)) {
            // A clock that was set back makes it come from the future.
            ..OLDEST => Readiness::Degraded,
            _ => Readiness::Outdated,
        }
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said() {
        let health = Health::default();
        assert_eq!(health.now(), Readiness::Ready);
        health.away(Some(now() - 60));
        assert_eq!(health.now(), Readiness::Degraded);
        health.away(Some(now() - OLDEST));
        assert_eq!(health.now(), Readiness::Outdated);
        health.told();
        health.away(None);
        assert_eq!(health.now(), Readiness::Degraded);
        health.drain();
        assert_eq!(health.now(), Readiness::Draining);
    }
}
