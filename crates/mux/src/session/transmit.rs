//! The driver's side of the core: what to write, and how writing goes.

use std::time::Instant;

use super::{Batch, Core, Phase};
use crate::wait::Wakes;

impl Core {
    /// Takes what is ready (about 64 KiB at most) for one write; false if nothing is. `batch` must
    /// have been written wholly.
    pub fn take(&mut self, batch: &mut Batch, now: Instant) -> bool {
        self.set_now(now);
        self.start_closing();
        self.company = false;
        let lively = self.out.is_lively();
        let any = self.out.take(batch);
        if any && lively {
            self.note_activity();
        }
        self.counters.sent += batch.remaining().len() as u64;
        self.out.turn(&mut self.streams, &mut self.wakes);
        any
    }

    /// True if the driver has something to do: bytes to take, senders to wake, an end to see. While
    /// the connection is [`blocked`](Self::blocked) only the end counts.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.phase_news || (self.stalled_since.is_none() && self.out.has_work())
    }

    /// How far the session has come; the driver knows it now.
    pub fn see_end(&mut self) -> &Phase {
        self.phase_news = false;
        &self.phase
    }

    /// A write made progress, or there is nothing to write.
    pub const fn unblocked(&mut self) {
        self.stalled_since = None;
    }

    /// The connection takes no bytes at the moment.
    pub fn blocked(&mut self, now: Instant) {
        self.set_now(now);
        self.stalled_since.get_or_insert(now);
    }

    /// True if enough streams are in flight for one turn of waiting to be worth it.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        let from = self.config.yield_from as usize;
        from != 0 && self.ids.len() >= from && self.is_open()
    }

    /// True if a task was just woken that will answer what came with a beat: its answer and the
    /// echo are worth one write, so the driver lets it run first.
    #[must_use]
    pub const fn expects_company(&self) -> bool {
        self.company
    }

    /// True while nothing but beats moves: bytes are then read in small pieces, so that no buffer
    /// is kept for the next ones.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.settled
    }

    /// True once after a pause, and as long as only beats move: the driver should give its buffers
    /// back before it sleeps.
    pub fn take_trim(&mut self) -> bool {
        if self.settled {
            self.out.trim();
        }
        std::mem::replace(&mut self.trim_driver, false) || self.settled
    }

    /// Wakes the tasks that may go on. For users without a lock; the handles wake outside theirs.
    pub fn wake(&mut self) {
        self.wakes.wake();
    }

    /// Tasks that may go on.
    pub(crate) const fn wakes(&mut self) -> &mut Wakes {
        &mut self.wakes
    }
}
