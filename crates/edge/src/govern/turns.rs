//! Turns that are given fairly: to one organisation after the other that waits, and within each in the order in which they
//! came. So none waits longer for what others ask at the same time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Turns of which so many are taken at once.
#[derive(Debug)]
pub(super) struct Turns {
    state: Mutex<State>,
    at_once: usize,
    waiting_max: usize,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    waiting: usize,
    /// Organisations that wait; the next turn is the first one's.
    order: VecDeque<Arc<str>>,
    queues: HashMap<Arc<str>, VecDeque<oneshot::Sender<Turn>>>,
}

/// A turn; it is the next one's when it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Arc<Turns>>);

/// Too many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many messages wait to be inspected")]
pub(super) struct TooMany;

impl Turns {
    pub(super) fn new(at_once: usize, waiting_max: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            at_once,
            waiting_max,
        })
    }

    /// Waits for a turn of this organisation's.
    ///
    /// # Errors
    /// So many wait that there is no place, or another organisation with fewer of them needs this one.
    pub(super) async fn take(self: &Arc<Self>, organization: &str) -> Result<Turn, TooMany> {
        let waits = {
            let mut state = self.lock();
            if state.taken < self.at_once {
                state.taken += 1;
                return Ok(Turn(Some(self.clone())));
            }
            state.board(organization, self.waiting_max)?
        };
        waits.await.map_err(|_| TooMany)
    }

    /// How many wait, those included that have left and were not met yet.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// How many turns are taken.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.lock().taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn is over: the next one begins.
    fn next(self: &Arc<Self>) {
        let mut state = self.lock();
        while let Some(next) = state.pop() {
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // Who waited has left. The turn must not be given on from here a second time.
                Err(mut turn) => drop(turn.0.take()),
            }
        }
        state.taken = state.taken.saturating_sub(1);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.next();
        }
    }
}

impl State {
    /// A place in the queue of this organisation.
    fn board(&mut self, organization: &str, most: usize) -> Result<oneshot::Receiver<Turn>, TooMany> {
        if self.waiting >= most {
            self.sweep();
        }
        if self.waiting >= most {
            // The place of who came last where most wait, unless that is here.
            let own = self.queues.get(organization).map_or(0, VecDeque::len);
            let longest = self.queues.values_mut().max_by_key(|queue| queue.len());
            let longest = longest.filter(|queue| queue.len() > own + 1).ok_or(TooMany)?;
            drop(longest.pop_back());
            self.waiting -= 1;
        }
        let (turn, waits) = oneshot::channel();
        let known = self.queues.get_key_value(organization).map(|(known, _)| known.clone());
        let organization = known.unwrap_or_else(|| organization.into());
        let queue = self.queues.entry(organization.clone()).or_default();
        if queue.is_empty() {
            self.order.push_back(organization);
        }
        queue.push_back(turn);
        self.waiting += 1;
        Ok(waits)
    }

    /// Who is next.
    fn pop(&mut self) -> Option<oneshot::Sender<Turn>> {
        let organization = self.order.pop_front()?;
        let queue = self.queues.get_mut(&organization)?;
        let next = queue.pop_front();
        self.waiting = self.waiting.saturating_sub(usize::from(next.is_some()));
        if queue.is_empty() {
            self.queues.remove(&organization);
        } else {
            self.order.push_back(organization);
        }
        next
    }

    /// Takes out those who have left.
    fn sweep(&mut self) {
        for queue in self.queues.values_mut() {
            queue.retain(|waits| !waits.is_closed());
        }
        self.queues.retain(|_, queue| !queue.is_empty());
        let queues = &self.queues;
        self.order.retain(|organization| queues.contains_key(organization));
        self.waiting = queues.values().map(VecDeque::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// One that waits.
    type Waits<'a> = Pin<Box<dyn Future<Output = Result<Turn, TooMany>> + 'a>>;

    fn waits<'a>(turns: &'a Arc<Turns>, organization: &'a str) -> Waits<'a> {
        let mut waits: Waits<'a> = Box::pin(turns.take(organization));
        assert!(poll(&mut waits).is_none(), "{organization} does not wait");
        waits
    }

    fn poll(waits: &mut Waits<'_>) -> Option<Result<Turn, TooMany>> {
        match waits.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }

    fn now(turns: &Arc<Turns>, organization: &str) -> Option<Result<Turn, TooMany>> {
        match pin!(turns.take(organization)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }

    #[test]
    fn organisations_take_turns() {
        let turns = Turns::new(1, 8);
        let first = now(&turns, "a").unwrap().unwrap();
        let mut a: Vec<_> = (0..4).map(|_| waits(&turns, "a")).collect();
        let mut b = waits(&turns, "b");
        drop(first);
        let turn = poll(&mut a[0]).unwrap().unwrap();
        drop(turn);
        // Not the second of `a`, though it came before.
        let turn = poll(&mut b).unwrap().unwrap();
        assert!(poll(&mut a[1]).is_none());
        // Who has left is passed over.
        drop(a.remove(1));
        drop(turn);
        let turn = poll(&mut a[1]).unwrap().unwrap();
        drop(turn);
        let turn = poll(&mut a[2]).unwrap().unwrap();
        assert!(now(&turns, "c").is_none());
        drop(turn);
        assert!(now(&turns, "c").is_some(), "nobody waits any more");
    }

    #[test]
    fn who_fills_the_queue_makes_room_for_others() {
        let turns = Turns::new(1, 4);
        let first = now(&turns, "a").unwrap().unwrap();
        let mut a: Vec<_> = (0..4).map(|_| waits(&turns, "a")).collect();
        assert!(matches!(now(&turns, "a"), Some(Err(TooMany))));
        let b = waits(&turns, "b");
        assert!(matches!(poll(&mut a[3]), Some(Err(TooMany))), "the last one");
        let _c = waits(&turns, "b");
        assert!(matches!(poll(&mut a[2]), Some(Err(TooMany))));
        assert!(matches!(now(&turns, "b"), Some(Err(TooMany))), "as many as `a` has");
        assert!(matches!(now(&turns, "a"), Some(Err(TooMany))));
        // The place of one who has left is free.
        drop(b);
        let _d = waits(&turns, "b");
        drop(first);
        assert!(poll(&mut a[0]).unwrap().is_ok());
    }

    #[test]
    fn a_turn_that_nobody_took_is_given_on() {
        let turns = Turns::new(1, 4);
        let first = now(&turns, "a").unwrap().unwrap();
        let left = waits(&turns, "a");
        let mut second = waits(&turns, "b");
        drop(first);
        // It is his already, and he leaves.
        drop(left);
        assert!(poll(&mut second).unwrap().is_ok());
    }
}
