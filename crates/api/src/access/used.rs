//! When a key was last used, and from where (control plane 2.5): noted in memory, written at most once a minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use adit_names::id::Id;
use adit_store::{Item, Store, StoreError};
use serde_json::json;

/// Keys whose use is noted between two writings; of more the use is not.
const KEYS: usize = 100_000;

/// Class of the store's table `work`; the key is the id of what was used.
pub(crate) const CLASS: &str = "used";

/// Uses that are not written yet.
#[derive(Debug, Default)]
pub(crate) struct Used {
    noted: Mutex<HashMap<Id, Use>>,
}

/// A use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    organization: Id,
    /// Microseconds since the Unix epoch.
    at: i64,
    ip: IpAddr,
}

impl Used {
    /// Notes a use.
    pub(crate) fn note(&self, id: Id, organization: Id, ip: IpAddr, at: i64) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() < KEYS || noted.contains_key(&id) {
            noted.insert(id, Use { organization, at, ip });
        }
    }

    /// Writes what was noted.
    ///
    /// # Errors
    /// The store is away; what was not written is noted no more.
    pub(crate) async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        let work = store.work();
        for (id, used) in noted {
            let body = json!({"at": used.at, "ip": used.ip.to_canonical().to_string()});
            let mut item = Item::new(id.to_string(), body);
            item.organization = Some(used.organization);
            work.put(CLASS, &item).await?;
        }
        Ok(())
    }
}
