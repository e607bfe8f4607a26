//! Counters that tell a busy peer from one that abuses the protocol (agent protocol 2.8).

/// More glitches than this end the session.
const GLITCHES: u32 = 16;
/// More empty DATA frames in a row than this end the session.
const EMPTY_ROW: u32 = 1_000;

/// At most `max` events in a window of `length` milliseconds.
#[derive(Debug)]
struct Rate {
    start: u32,
    count: u32,
    max: u32,
    length: u32,
}

impl Rate {
    const fn new(max: u32, length: u32) -> Self {
        Self {
            start: 0,
            count: 0,
            max,
            length,
        }
    }

    /// Counts one; true if that is one too many.
    const fn exceeded(&mut self, now: u32) -> bool {
        if now.wrapping_sub(self.start) >= self.length {
            self.start = now;
            self.count = 0;
        }
        self.count += 1;
        self.count > self.max
    }
}

/// All counters of a session. Each method counts one event and answers whether it was one too many.
#[derive(Debug)]
pub(crate) struct Floods {
    glitches: u32,
    empty_row: u32,
    resets: Rate,
    unknown: Rate,
    grants: Rate,
}

impl Floods {
    pub(crate) const fn new() -> Self {
        Self {
            glitches: 0,
            empty_row: 0,
            resets: Rate::new(1_000, 10_000),
            unknown: Rate::new(100, 1_000),
            grants: Rate::new(10_000, 1_000),
        }
    }

    /// Something harmless that no correct peer sends.
    pub(crate) const fn glitch(&mut self) -> bool {
        self.glitches += 1;
        self.glitches > GLITCHES
    }

    /// An empty DATA frame without flags.
    pub(crate) const fn empty(&mut self) -> bool {
        self.empty_row += 1;
        self.empty_row > EMPTY_ROW
    }

    /// A stream of the peer, reset by the peer.
    pub(crate) const fn reset(&mut self, now: u32) -> bool {
        self.resets.exceeded(now)
    }

    /// DATA on a stream that does not exist.
    pub(crate) const fn unknown(&mut self, now: u32) -> bool {
        self.unknown.exceeded(now)
    }

    /// A WNDINC.
    pub(crate) const fn grant(&mut self, now: u32) -> bool {
        self.grants.exceeded(now)
    }

    /// DATA moved in either direction: grants are earned.
    pub(crate) const fn progress(&mut self) {
        self.grants.count = 0;
    }

    /// A DATA frame that was not empty.
    pub(crate) const fn filled(&mut self) {
        self.empty_row = 0;
        self.progress();
    }
}
