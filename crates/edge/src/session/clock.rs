//! The two clocks of a session: one for time-outs, one for what cookies and events say.

use std::time::{Instant, SystemTime};

/// A moment, as the caller sees it. State machines never look at a clock themselves.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Never goes back; for windows and deadlines.
    pub at: Instant,
    /// The calendar; for cookies and ids.
    pub wall: SystemTime,
}

impl Now {
    /// The present, by the clock of the runtime's timers.
    pub fn real() -> Self {
        Self {
            at: tokio::time::Instant::now().into_std(),
            wall: SystemTime::now(),
        }
    }
}
