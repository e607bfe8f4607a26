//! Rates that hold instead of refusing: logins of a node, binds of a session (edge 1.6, agent protocol 5.10).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Logins a second and node.
const LOGINS: u32 = 200;
/// Longest time that a login is held.
const LOGIN_HOLD: Duration = Duration::from_secs(30);
/// Binds a second and session, and how many may come at once.
const BINDS: u32 = 20;
const BIND_BURST: u32 = 300;

/// Gives each caller a time at which it may go on, `rate` a second apart after a burst.
#[derive(Debug)]
struct Rate {
    step: Duration,
    burst: Duration,
    /// When the next one may go on if the burst is used up.
    next: Option<Instant>,
}

impl Rate {
    fn new(per_second: u32, burst: u32) -> Self {
        let step = Duration::from_secs(1) / per_second;
        Self {
            step,
            burst: step * burst,
            next: None,
        }
    }

    /// How long to wait; `None` (and nothing is taken) if it would be more than `max`.
    fn take(&mut self, now: Instant, max: Duration) -> Option<Duration> {
        let earliest = now.checked_sub(self.burst).unwrap_or(now);
        let at = self.next.map_or(earliest, |n| n.max(earliest));
        let wait = at.saturating_duration_since(now);
        if wait > max {
            return None;
        }
        self.next = Some(at + self.step);
        Some(wait)
    }
}

/// The gate of a node's logins.
#[derive(Debug)]
pub(crate) struct LoginGate(Mutex<Rate>);

impl Default for LoginGate {
    fn default() -> Self {
        Self(Mutex::new(Rate::new(LOGINS, LOGINS)))
    }
}

impl LoginGate {
    /// How long this login is held; `None` if that would be too long.
    pub(crate) fn hold(&self, now: Instant) -> Option<Duration> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(now, LOGIN_HOLD)
    }
}

/// The gate of a session's binds.
#[derive(Debug)]
pub(crate) struct BindGate(Mutex<Rate>);

impl Default for BindGate {
    fn default() -> Self {
        Self(Mutex::new(Rate::new(BINDS, BIND_BURST)))
    }
}

impl BindGate {
    /// How long this bind is held.
    pub(crate) fn hold(&self, now: Instant) -> Duration {
        let mut rate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rate.take(now, Duration::MAX).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_is_held_in_order_up_to_the_limit() {
        let (gate, now) = (LoginGate::default(), Instant::now() + Duration::from_secs(60));
        let holds: Vec<_> = (0..7_000).map_while(|_| gate.hold(now)).collect();
        assert_eq!(holds.iter().filter(|h| h.is_zero()).count(), 201);
        assert!(holds.is_sorted());
        assert_eq!(holds.last(), Some(&LOGIN_HOLD));
        assert_eq!(gate.hold(now), None);
        assert_eq!(gate.hold(now + Duration::from_secs(32)), Some(Duration::ZERO));
    }
}
