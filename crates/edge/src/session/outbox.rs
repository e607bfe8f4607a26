//! What waits to be said on an agent's control stream.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adit_protocol::control::ControlMessage;
use tokio::sync::Notify;

use super::state::Connection;

/// Messages that may wait; older ones give way.
const WAITING: usize = 64;

/// The messages for one control stream.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<VecDeque<ControlMessage>>,
    news: Notify,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, VecDeque<ControlMessage>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, message: ControlMessage) {
        let mut waiting = self.lock();
        if waiting.len() == WAITING {
            waiting.pop_front();
        }
        waiting.push_back(message);
        drop(waiting);
        self.news.notify_one();
    }

    /// Waits for a message.
    pub(crate) async fn next(&self) -> ControlMessage {
        loop {
            if let Some(message) = self.lock().pop_front() {
                return message;
            }
            self.news.notified().await;
        }
    }
}

/// The control streams of a node.
#[derive(Debug, Default)]
pub(crate) struct Outboxes {
    open: Mutex<foldhash::HashMap<Connection, Arc<Outbox>>>,
}

impl Outboxes {
    fn lock(&self) -> MutexGuard<'_, foldhash::HashMap<Connection, Arc<Outbox>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outbox of a connection's control stream; `None` if it has one already.
    pub(crate) fn open(&self, of: &Connection) -> Option<Arc<Outbox>> {
        let mut open = self.lock();
        if open.contains_key(of) {
            return None;
        }
        let outbox = Arc::<Outbox>::default();
        open.insert(of.clone(), outbox.clone());
        Some(outbox)
    }

    pub(crate) fn close(&self, of: &Connection) {
        self.lock().remove(of);
    }

    /// Whether the connection has a control stream.
    pub(crate) fn has(&self, of: &Connection) -> bool {
        self.lock().contains_key(of)
    }

    /// Says something to an agent, if it listens; false if not.
    pub(crate) fn say(&self, to: &Connection, message: ControlMessage) -> bool {
        let outbox = self.lock().get(to).cloned();
        outbox.is_some_and(|o| {
            o.push(message);
            true
        })
    }
}
