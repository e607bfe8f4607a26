//! The receive window of one stream: what the peer may still send, and when to grant more.
//!
//! Two numbers carry the ledger of agent protocol 2.5. `credit` is what was offered and not yet
//! used, `unread` what was used and not yet consumed. Their sum is the window as the peer knows it;
//! it starts at [`INITIAL_WINDOW`], or at what was negotiated, and is brought back to `target` by grants. As `target`
//! is never below what it began with, progress depends only on what is assured; what growth adds (`extra`)
//! is taken back simply by granting less than was consumed.

use crate::frame::{INITIAL_WINDOW, MAX_WINDOW};

/// A grant is sent when a quarter of the initial window is due.
pub(crate) const GRANT_STEP: u32 = INITIAL_WINDOW / 4;

/// Receive window of one stream.
#[derive(Debug)]
pub(crate) struct RecvWindow {
    credit: u32,
    unread: u32,
    target: u32,
    /// What the window began with; it never shrinks below.
    base: u32,
    /// Bytes consumed since `round_at`.
    round_bytes: u32,
    /// Start of the measured round trip, session milliseconds.
    round_at: u32,
    /// Last consumption, session milliseconds.
    consumed_at: u32,
}

impl RecvWindow {
    /// A window that begins with `base` bytes, as both sides know without saying.
    pub(crate) const fn new(base: u32, now: u32) -> Self {
        Self {
            credit: base,
            unread: 0,
            target: base,
            base,
            round_bytes: 0,
            round_at: now,
            consumed_at: now,
        }
    }

    /// Takes a frame's length off the window; false if the peer was not granted that much.
    #[must_use]
    pub(crate) const fn charge(&mut self, length: u32) -> bool {
        if length > self.credit {
            return false;
        }
        self.credit -= length;
        self.unread += length;
        true
    }

    /// The consumer took `length` bytes.
    pub(crate) const fn consume(&mut self, length: u32, now: u32) {
        self.unread = self.unread.saturating_sub(length);
        self.round_bytes = self.round_bytes.saturating_add(length);
        self.consumed_at = now;
    }

    /// What may be granted now, threshold or not.
    pub(crate) const fn owed(&self) -> u32 {
        self.target.saturating_sub(self.credit + self.unread)
    }

    /// The grant that is due, if the threshold is reached.
    pub(crate) const fn due(&self) -> Option<u32> {
        let owed = self.owed();
        if owed >= GRANT_STEP { Some(owed) } else { None }
    }

    /// Notes that `increment` was granted.
    pub(crate) const fn grant(&mut self, increment: u32) {
        self.credit += increment;
    }

    /// True if half the window was consumed within one round trip of `round_trip` milliseconds:
    /// the window, not the consumer, is what limits. Starts the next measurement.
    pub(crate) const fn is_limiting(&mut self, now: u32, round_trip: u32) -> bool {
        let elapsed = now.wrapping_sub(self.round_at);
        let limiting = elapsed <= round_trip && self.round_bytes >= self.target / 2;
        if limiting || elapsed > round_trip {
            self.round_at = now;
            self.round_bytes = 0;
        }
        limiting
    }

    /// Doubles the window up to `ceiling`; returns the bytes added.
    pub(crate) fn grow(&mut self, ceiling: u32) -> u32 {
        let old = self.target;
        self.target = old.saturating_mul(2).min(ceiling.min(MAX_WINDOW)).max(old);
        self.target - old
    }

    /// Widens the window to `target` at once, if that is wider; returns the bytes added.
    pub(crate) fn widen(&mut self, target: u32) -> u32 {
        let old = self.target;
        self.target = target.min(MAX_WINDOW).max(old);
        self.target - old
    }

    /// The window as it would be with nothing in flight.
    pub(crate) const fn target(&self) -> u32 {
        self.target
    }

    /// Halves what was added by growth when nothing was consumed for `idle` milliseconds; returns
    /// the bytes given up.
    pub(crate) fn decay(&mut self, now: u32, idle: u32) -> u32 {
        if now.wrapping_sub(self.consumed_at) < idle || self.target == self.base {
            return 0;
        }
        let old = self.target;
        self.target = (old / 2).max(self.base);
        self.consumed_at = now;
        old - self.target
    }

    /// Bytes granted beyond the initial window.
    pub(crate) const fn extra(&self) -> u32 {
        self.target - self.base
    }

    /// Bytes received (or announced by a header) and not yet consumed.
    pub(crate) const fn unread(&self) -> u32 {
        self.unread
    }

    /// Milliseconds since the consumer last took something.
    pub(crate) const fn stalled_for(&self, now: u32) -> u32 {
        now.wrapping_sub(self.consumed_at)
    }

    /// Starts the clock of [`Self::stalled_for`] when the first unread bytes arrive.
    pub(crate) const fn touch(&mut self, now: u32) {
        self.consumed_at = now;
    }

    /// Bytes the peer may still send.
    #[cfg(test)]
    pub(crate) const fn credit(&self) -> u32 {
        self.credit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_come_in_quarters_and_are_never_zero() {
        let mut window = RecvWindow::new(INITIAL_WINDOW, 0);
        assert!(window.charge(INITIAL_WINDOW));
        assert!(!window.charge(1));
        window.consume(GRANT_STEP - 1, 0);
        assert_eq!(window.due(), None);
        window.consume(1, 0);
        assert_eq!(window.due(), Some(GRANT_STEP));
        window.grant(GRANT_STEP);
        assert_eq!((window.due(), window.owed()), (None, 0));
    }

    #[test]
    fn growth_adds_once_and_is_taken_back_from_later_grants() {
        let mut window = RecvWindow::new(INITIAL_WINDOW, 0);
        assert!(window.charge(INITIAL_WINDOW));
        window.consume(INITIAL_WINDOW / 2, 5);
        assert!(window.is_limiting(5, 20));
        assert_eq!(window.grow(1 << 20), INITIAL_WINDOW);
        assert_eq!(window.due(), Some(INITIAL_WINDOW + INITIAL_WINDOW / 2));
        window.grant(INITIAL_WINDOW + INITIAL_WINDOW / 2);
        assert_eq!(window.decay(9_000, 10_000), 0);
        assert_eq!(window.decay(10_005, 10_000), INITIAL_WINDOW);
        // Offered is now above the target: consumption pays it back without a grant.
        window.consume(INITIAL_WINDOW / 2, 10_006);
        assert_eq!(window.due(), None);
        assert!(window.charge(INITIAL_WINDOW));
        window.consume(INITIAL_WINDOW, 10_007);
        assert_eq!(window.credit() + window.owed(), INITIAL_WINDOW);
    }

    #[test]
    fn a_slow_consumer_is_not_limited_by_its_window() {
        let mut window = RecvWindow::new(INITIAL_WINDOW, 0);
        assert!(window.charge(INITIAL_WINDOW));
        window.consume(INITIAL_WINDOW / 2, 500);
        assert!(!window.is_limiting(500, 20));
    }
}
