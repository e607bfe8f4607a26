//! How many requests of a key are being answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use adit_names::id::Id;

/// Counts of all keys; a key without requests takes no room, so there are never more than there are requests.
#[derive(Clone, Debug, Default)]
pub(super) struct AtOnce(Arc<Mutex<HashMap<Id, u32>>>);

/// One of a key's places.
#[derive(Debug)]
pub(crate) struct Place {
    all: AtOnce,
    key: Id,
}

impl AtOnce {
    /// A place, unless all of the key's are taken.
    pub(super) fn take(&self, key: Id, limit: u32) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Place { all: self.clone(), key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}
