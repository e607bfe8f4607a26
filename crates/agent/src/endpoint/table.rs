//! The endpoints of one session, and the ids under which the server's streams name them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldhash::fast::FixedState;
use tokio::sync::Notify;

use super::{Endpoint, lock};

/// A stream may overtake the answer that tells its endpoint's id, if other tasks run first.
const ANSWER_LAG: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Table {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug)]
struct Inner {
    all: Vec<Arc<Endpoint>>,
    // Ids come from the server that this program chose to trust.
    by_id: HashMap<String, Arc<Endpoint>, FixedState>,
    ended: bool,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            by_id: HashMap::with_hasher(FixedState::default()),
            ended: false,
        }
    }
}

impl Table {
    /// Enters an endpoint that wants to be bound; false if the session has ended.
    pub(crate) fn enter(&self, endpoint: Arc<Endpoint>) -> bool {
        let mut inner = lock(&self.inner);
        if !inner.ended {
            inner.all.push(endpoint);
        }
        !inner.ended
    }

    /// All endpoints, in the order in which they were entered.
    pub(crate) fn all(&self) -> Vec<Arc<Endpoint>> {
        lock(&self.inner).all.clone()
    }

    /// Makes an endpoint known under the id the server gave it.
    pub(crate) fn name(&self, id: &str, endpoint: &Arc<Endpoint>) {
        lock(&self.inner).by_id.insert(id.to_owned(), Arc::clone(endpoint));
        self.changed.notify_waiters();
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Endpoint>> {
        lock(&self.inner).by_id.get(id).cloned()
    }

    /// The same; waits a moment for an answer that is on its way.
    pub(crate) async fn find_soon(&self, id: &str) -> Option<Arc<Endpoint>> {
        tokio::time::timeout(ANSWER_LAG, async {
            loop {
                let mut waits = std::pin::pin!(self.changed.notified());
                waits.as_mut().enable();
                if let Some(endpoint) = self.find(id) {
                    return endpoint;
                }
                waits.await;
            }
        })
        .await
        .ok()
    }

    /// Takes an endpoint out.
    pub(crate) fn remove(&self, endpoint: &Arc<Endpoint>) {
        let mut inner = lock(&self.inner);
        inner.all.retain(|other| !Arc::ptr_eq(other, endpoint));
        inner.by_id.retain(|_, other| !Arc::ptr_eq(other, endpoint));
    }

    /// Takes all out; nothing can be entered any more.
    pub(crate) fn end(&self) -> Vec<Arc<Endpoint>> {
        let mut inner = lock(&self.inner);
        inner.ended = true;
        inner.by_id.clear();
        std::mem::take(&mut inner.all)
    }
}
