//! Open exchanges of `concurrency-limit` (traffic policy 6.5): counted per key, those beyond the limit in a queue.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use crate::action::ActionKey;

/// Keys before those without an open exchange are swept away.
const SWEEP: usize = 1024;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Default)]
struct Room {
    open: u32,
    queue: VecDeque<Weak<Place>>,
}

impl Room {
    /// Somebody left: the first who still waits comes in. Gives whom to wake.
    fn leave(&mut self) -> Option<Waker> {
        while let Some(next) = self.queue.pop_front() {
            let Some(place) = next.upgrade() else { continue };
            let mut turn = lock(&place.turn);
            turn.admitted = true;
            return turn.waker.take();
        }
        self.open = self.open.saturating_sub(1);
        None
    }
}

/// An open exchange; when it is dropped the next one may come.
#[derive(Debug)]
pub struct Permit {
    room: Arc<Mutex<Room>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = lock(&self.room).leave();
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

#[derive(Debug, Default)]
struct Turn {
    admitted: bool,
    /// A permit was made of it.
    taken: bool,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Place {
    room: Arc<Mutex<Room>>,
    turn: Mutex<Turn>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let turn = self.turn.get_mut().unwrap_or_else(PoisonError::into_inner);
        if turn.admitted && !turn.taken {
            // It was let in and is gone: its room is the next one's.
            drop(Permit {
                room: Arc::clone(&self.room),
            });
        }
    }
}

/// A place in the queue: a future that is ready when there is room.
#[derive(Debug, Clone)]
pub struct Waiting(Arc<Place>);

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut turn = lock(&self.0.turn);
        if turn.admitted {
            return Poll::Ready(());
        }
        turn.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Waiting {
    /// The permit, if its turn has come.
    pub(crate) fn permit(&self) -> Option<Permit> {
        let mut turn = lock(&self.0.turn);
        if !turn.admitted || turn.taken {
            return None;
        }
        turn.taken = true;
        Some(Permit {
            room: Arc::clone(&self.0.room),
        })
    }
}

#[derive(Debug)]
pub(crate) enum Entry {
    Open(Arc<Permit>),
    Queued(Waiting),
    Full,
}

type Rooms = HashMap<(ActionKey, u64), Arc<Mutex<Room>>>;

/// The open exchanges of a node.
#[derive(Debug, Default)]
pub struct Concurrency {
    rooms: Mutex<Rooms>,
    hasher: RandomState,
}

impl Concurrency {
    /// Takes a place; one of `carried` that is for the same key is taken again.
    pub(crate) fn enter(
        &self,
        action: ActionKey,
        (endpoint, key): (&str, &str),
        limit: u32,
        queue: usize,
        carried: &mut Vec<Arc<Permit>>,
    ) -> Entry {
        let hash = self.hasher.hash_one((endpoint, key));
        let room = {
            let mut rooms = lock(&self.rooms);
            if rooms.len() >= SWEEP && rooms.len().is_power_of_two() {
                // Permits and places hold their room; without any it is empty.
                rooms.retain(|_, room| Arc::strong_count(room) > 1);
            }
            Arc::clone(rooms.entry((action, hash)).or_default())
        };
        if let Some(at) = carried.iter().position(|permit| Arc::ptr_eq(&permit.room, &room)) {
            return Entry::Open(carried.swap_remove(at));
        }
        let mut inside = lock(&room);
        if inside.open < limit {
            inside.open += 1;
            drop(inside);
            return Entry::Open(Arc::new(Permit { room }));
        }
        inside.queue.retain(|place| place.strong_count() > 0);
        if inside.queue.len() >= queue {
            return Entry::Full;
        }
        let place = Arc::new(Place {
            room: Arc::clone(&room),
            turn: Mutex::default(),
        });
        inside.queue.push_back(Arc::downgrade(&place));
        Entry::Queued(Waiting(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ActionKey = ActionKey(1);

    #[test]
    fn those_who_wait_come_in_in_turn_and_nobody_is_lost() {
        let table = Concurrency::default();
        let enter = || table.enter(KEY, ("e", "k"), 1, 2, &mut Vec::new());
        let Entry::Open(first) = enter() else { panic!("room") };
        let (Entry::Queued(second), Entry::Queued(third)) = (enter(), enter()) else {
            panic!("a queue of two")
        };
        assert!(matches!(enter(), Entry::Full));
        assert!(second.permit().is_none());
        drop(first);
        let permit = second.permit().expect("its turn");
        assert!(second.permit().is_none(), "once");
        drop(second);
        // The third goes away: its place must not be given to it.
        drop(third);
        drop(permit);
        assert!(matches!(enter(), Entry::Open(_)));
    }

    #[test]
    fn who_was_let_in_and_went_away_leaves_room() {
        let table = Concurrency::default();
        let enter = || table.enter(KEY, ("e", "k"), 1, 2, &mut Vec::new());
        let Entry::Open(first) = enter() else { panic!("room") };
        let Entry::Queued(second) = enter() else {
            panic!("a queue")
        };
        drop(first);
        drop(second);
        assert!(matches!(enter(), Entry::Open(_)));
    }

    #[test]
    fn another_try_keeps_its_place() {
        let table = Concurrency::default();
        let enter = |key, carried: &mut Vec<Arc<Permit>>| table.enter(KEY, ("e", key), 1, 2, carried);
        let Entry::Open(first) = enter("k", &mut Vec::new()) else {
            panic!("room")
        };
        let Entry::Queued(second) = enter("k", &mut Vec::new()) else {
            panic!("a queue")
        };
        let mut carried = vec![first];
        assert!(matches!(enter("other", &mut carried), Entry::Open(_)));
        let Entry::Open(again) = enter("k", &mut carried) else {
            panic!("the place it had")
        };
        assert!(carried.is_empty() && second.permit().is_none());
        drop(again);
        assert!(second.permit().is_some());
    }

    #[test]
    fn rooms_are_swept() {
        let table = Concurrency::default();
        for n in 0..10_000 {
            let _ = table.enter(KEY, ("e", &n.to_string()), 1, 0, &mut Vec::new());
        }
        assert!(lock(&table.rooms).len() <= 2 * SWEEP);
    }
}
