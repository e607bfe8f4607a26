//! An object as it is stored.

use adit_names::id::Id;
use serde_json::{Map, Value};

/// An object of some kind. Its body holds all fields by name, without secrets; fields that this version does not know
/// are kept and written back.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its id; the prefix tells its kind.
    pub id: Id,
    /// Name of its kind ([`crate::Kind::name`]).
    pub kind: String,
    /// Whose it is (`ac_…`).
    pub organization: Id,
    /// Who owns it (`usr_…`, `service_…`), where that matters.
    pub owner: Option<Id>,
    /// Schema number of the version that wrote it.
    pub schema: u32,
    /// Counts its changes, from 1.
    pub revision: u64,
    /// Microseconds since the Unix epoch.
    pub created_at: i64,
    /// Microseconds since the Unix epoch.
    pub updated_at: i64,
    /// Its fields.
    pub body: Map<String, Value>,
}

impl Object {
    /// A field that is text; empty where it is missing or null.
    pub fn text(&self, field: &str) -> &str {
        self.body.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field that is true or false; false where it is missing.
    pub fn flag(&self, field: &str) -> bool {
        self.body.get(field).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The texts of a list; empty where it is missing.
    pub fn texts(&self, field: &str) -> impl Iterator<Item = &str> {
        let list = self.body.get(field).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    /// A field that is an id.
    pub fn reference(&self, field: &str) -> Option<Id> {
        self.text(field).parse().ok()
    }
}
