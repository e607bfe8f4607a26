//! Tasks that wait for something of the whole session, and the list of tasks to wake.

use std::{collections::VecDeque, task::Waker};

/// Wakers collected under the lock and woken outside it.
#[derive(Debug, Default)]
pub(crate) struct Wakes(Vec<Waker>);

impl Wakes {
    /// Adds a waker unless the task noted in `slot` (of the same stream) is the same one: a task is
    /// woken once per receipt even if it both reads and writes.
    pub(crate) fn push(&mut self, waker: Option<Waker>, slot: &mut u32) {
        let Some(waker) = waker else { return };
        if self
            .0
            .get(*slot as usize)
            .is_some_and(|earlier| earlier.will_wake(&waker))
        {
            return;
        }
        *slot = self.0.len() as u32;
        self.0.push(waker);
    }

    pub(crate) fn add(&mut self, waker: Option<Waker>) {
        self.0.extend(waker);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Wakes all; the memory is kept.
    pub(crate) fn wake(&mut self) {
        for waker in self.0.drain(..) {
            waker.wake();
        }
    }

    pub(crate) fn footprint(&self) -> usize {
        self.0.capacity() * size_of::<Waker>()
    }

    pub(crate) fn trim(&mut self) {
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
    }
}

/// Ticket of a caller that cannot give its place back.
pub(crate) const NO_TICKET: u64 = 0;

/// Tasks waiting in order; each may leave again by its ticket.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<(u64, Waker)>,
    last: u64,
}

impl Queue {
    pub(crate) fn ticket(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Waits; a caller that waits already keeps its place.
    pub(crate) fn enter(&mut self, ticket: u64, waker: &Waker) {
        let known = self.waiting.iter_mut().find(|(other, earlier)| {
            if ticket == NO_TICKET {
                *other == NO_TICKET && earlier.will_wake(waker)
            } else {
                *other == ticket
            }
        });
        match known {
            Some((_, earlier)) => earlier.clone_from(waker),
            None => self.waiting.push_back((ticket, waker.clone())),
        }
    }

    /// Leaves; true if the caller was still waiting.
    pub(crate) fn leave(&mut self, ticket: u64) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(other, _)| *other != ticket);
        before != self.waiting.len()
    }

    /// Takes the first out of the queue.
    pub(crate) fn next(&mut self) -> Option<Waker> {
        self.waiting.pop_front().map(|(_, waker)| waker)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn footprint(&self) -> usize {
        self.waiting.capacity() * size_of::<(u64, Waker)>()
    }
}
