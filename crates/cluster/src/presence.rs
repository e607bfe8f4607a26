//! Presence: the sessions that are on line, also those that offer nothing yet. Written where a session's
//! connections begin and end, read by whoever shows or commands them; the road of a request never looks here.

use std::sync::Arc;

use crate::member::{Leg, SessionFacts};

/// A session with at least one connection.
#[derive(Clone, Debug)]
pub struct OnlineSession {
    /// What is known of it.
    pub facts: Arc<SessionFacts>,
    /// Its connections, lowest number first.
    pub legs: Vec<Leg>,
}

/// The table of them, by id. Look-ups take no lock.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    online: papaya::HashMap<Box<str>, Arc<OnlineSession>, foldhash::fast::RandomState>,
}

impl Presence {
    pub(crate) fn put(&self, session: OnlineSession) {
        self.online
            .pin()
            .insert(session.facts.id.as_str().into(), Arc::new(session));
    }

    pub(crate) fn remove(&self, id: &str) {
        self.online.pin().remove(id);
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<OnlineSession>> {
        self.online.pin().get(id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<OnlineSession>> {
        self.online.pin().values().cloned().collect()
    }
}
