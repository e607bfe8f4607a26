//! Parking: visitors wait for an agent that is about to return (edge 2.7).
//!
//! Each pool has a bounded queue; all queues together have a bound too. Who leaves (drops [`Parked`]) frees the
//! place at once. When a member is back, waiters go on in order of arrival, at most [`PER_TURN`] at a time: the
//! next lot follows when all of the last have been polled or are gone, so that a returning agent is not hit by
//! hundreds at once. The lock is the queue's own; nothing that succeeds without waiting takes it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Sleep;

use crate::pool::Pool;

/// Waiters that go on in one turn.
const PER_TURN: usize = 32;

/// How many may wait.
#[derive(Clone, Copy, Debug)]
pub struct ParkLimits {
    /// For one endpoint.
    pub per_endpoint: usize,
    /// On this node.
    pub per_node: usize,
}

impl Default for ParkLimits {
    fn default() -> Self {
        Self {
            per_endpoint: 256,
            per_node: 10_000,
        }
    }
}

/// Why one may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParkRefused {
    /// All places are taken.
    #[error("too many wait already")]
    Full,
    /// The longest wait is zero: parking is off.
    #[error("waiting is switched off")]
    Off,
    /// The name was given up.
    #[error("the endpoint is gone")]
    Gone,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// A member is (back) online: choose again.
    Member,
    /// The longest wait is over.
    TimedOut,
    /// The name was given up: nobody will come.
    Gone,
}

/// The places of a node.
#[derive(Debug)]
pub(crate) struct Places {
    taken: AtomicUsize,
    limits: ParkLimits,
}

impl Places {
    pub(crate) fn new(limits: ParkLimits) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            limits,
        }
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    fn take(&self) -> bool {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let free = taken < self.limits.per_node;
        if !free {
            self.give_back();
        }
        free
    }

    fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who waits for one pool.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    places: Arc<Places>,
}

#[derive(Debug, Default)]
struct State {
    next_ticket: u64,
    /// In order of arrival.
    waiting: BTreeMap<u64, Option<Waker>>,
    /// Told to go on and not yet polled.
    released: BTreeSet<u64>,
    gone: bool,
}

impl State {
    /// Lets the next lot go, if the last one has passed. While the pool is online and somebody waits, somebody
    /// is released: so the queue moves on.
    fn release(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        if !self.released.is_empty() {
            return wakers;
        }
        while self.released.len() < PER_TURN
            && let Some((ticket, waker)) = self.waiting.pop_first()
        {
            self.released.insert(ticket);
            wakers.extend(waker);
        }
        wakers
    }
}

impl Queue {
    pub(crate) fn new(places: Arc<Places>) -> Self {
        Self {
            state: Mutex::new(State::default()),
            places,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A member may have come online.
    pub(crate) fn wake(&self, is_online: impl Fn() -> bool) {
        let wakers = {
            let mut state = self.lock();
            if is_online() { state.release() } else { Vec::new() }
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The name was given up.
    pub(crate) fn close(&self) {
        let wakers: Vec<Waker> = {
            let mut state = self.lock();
            state.gone = true;
            state.waiting.values_mut().filter_map(Option::take).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn len(&self) -> usize {
        let state = self.lock();
        state.waiting.len() + state.released.len()
    }

    pub(crate) fn park(pool: Arc<Pool>, max_wait: Duration) -> Result<Parked, ParkRefused> {
        if max_wait.is_zero() {
            return Err(ParkRefused::Off);
        }
        let queue = pool.queue();
        let mut state = queue.lock();
        if state.gone {
            return Err(ParkRefused::Gone);
        }
        if state.waiting.len() + state.released.len() >= queue.places.limits.per_endpoint || !queue.places.take() {
            return Err(ParkRefused::Full);
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        // The member may have come back between the caller's choice and this lock: under the lock, either it
        // is seen here or its `wake` sees the ticket.
        if pool.is_online() && state.waiting.is_empty() && state.released.len() < PER_TURN {
            state.released.insert(ticket);
        } else {
            state.waiting.insert(ticket, None);
        }
        drop(state);
        let sleep = Box::pin(tokio::time::sleep(max_wait));
        Ok(Parked {
            pool,
            ticket,
            sleep,
            over: false,
        })
    }

    fn leave(&self, ticket: u64, is_online: impl Fn() -> bool) {
        let wakers = {
            let mut state = self.lock();
            let was_waiting = state.waiting.remove(&ticket).is_some();
            let was_released = !was_waiting && state.released.remove(&ticket);
            if was_released && is_online() {
                state.release()
            } else {
                Vec::new()
            }
        };
        self.places.give_back();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A place in the queue of a pool. Dropping it frees the place.
#[must_use = "a wait is over when its place is dropped"]
#[derive(Debug)]
pub struct Parked {
    pool: Arc<Pool>,
    ticket: u64,
    sleep: Pin<Box<Sleep>>,
    over: bool,
}

impl Parked {
    fn end(&mut self, how: Woken) -> Poll<Woken> {
        self.over = true;
        self.pool.queue().leave(self.ticket, || self.pool.is_online());
        Poll::Ready(how)
    }
}

impl Future for Parked {
    type Output = Woken;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Woken> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(Woken::Gone);
        }
        let queue = this.pool.queue();
        let mut state = queue.lock();
        let ended = if state.released.contains(&this.ticket) {
            Some(Woken::Member)
        } else if state.gone {
            Some(Woken::Gone)
        } else {
            if let Some(place) = state.waiting.get_mut(&this.ticket) {
                match place {
                    Some(waker) if waker.will_wake(cx.waker()) => {}
                    other => *other = Some(cx.waker().clone()),
                }
            }
            None
        };
        drop(state);
        if let Some(how) = ended {
            return this.end(how);
        }
        match this.sleep.as_mut().poll(cx) {
            Poll::Ready(()) => this.end(Woken::TimedOut),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        if !self.over {
            let _ = self.end(Woken::Gone);
        }
    }
}
