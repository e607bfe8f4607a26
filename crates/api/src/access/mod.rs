//! Who there is and what he may, kept in memory: organisations, users, members, service users, roles, API keys.
//!
//! Loaded once and kept by the feed of changes, so that no request asks the store who its caller is. Look-ups hold a
//! lock for as long as a few hash maps are read; a change holds it for as long as it is put in.

mod caller;
mod follow;
mod principal;
mod reach;
mod restrict;
mod rights;
mod role;
mod selector;
mod tables;
mod used;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use adit_model::{Object, SecretValue};
use adit_names::id::Id;

pub(crate) use caller::{Caller, owner_of};
pub(crate) use principal::{DEFAULT, Person, same};
pub(crate) use restrict::{Door, Restrictions, Verdict};
pub(crate) use rights::Rights;
pub(crate) use role::{Role, RoleRef, permissions};
pub(crate) use selector::Selector;
pub(crate) use tables::{Key, Tables};
pub(crate) use used::CLASS as USED;

/// Secrets of objects, by id and field, as the store gives them.
pub type Secrets = HashMap<Id, Vec<(String, SecretValue)>>;

/// What is known of people and keys.
#[derive(Debug, Default)]
pub struct Access {
    tables: RwLock<Tables>,
    used: used::Used,
}

impl Access {
    /// Kinds of objects that matter here; others may be given and are passed over.
    pub const KINDS: &'static [&'static str] = &[
        "organization",
        "user",
        "member",
        "service_user",
        "role",
        "api_key",
        "credential",
        "ip_policy",
        "ip_policy_rule",
        "ip_restriction",
    ];

    /// Nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces everything by these objects. `secrets` has the hashes of their keys and authtokens.
    pub fn load(&self, objects: impl IntoIterator<Item = Object>, secrets: &Secrets) {
        let mut tables = Tables::default();
        for object in objects {
            tables.put(&object, secrets);
        }
        tables.ready();
        *self.write() = tables;
    }

    /// Takes changes over: each is the object as it is now, or none if it is no more.
    pub fn apply(&self, changes: impl IntoIterator<Item = (Id, Option<Object>)>, secrets: &Secrets) {
        let mut tables = self.write();
        for (id, object) in changes {
            match object {
                Some(object) => tables.put(&object, secrets),
                None => tables.remove(&id),
            }
        }
        tables.ready();
    }

    /// When keys were used.
    pub(crate) fn used(&self) -> &used::Used {
        &self.used
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Tables> {
        // A panic while a map was changed leaves it whole.
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}
