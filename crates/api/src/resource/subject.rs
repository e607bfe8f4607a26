//! What an operation on stored resources is about.

use adit_model::Kind;
use adit_names::id::{Id, Prefix};

/// A kind as it is found at one path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    pub(crate) kind: &'static Kind,
    /// With Adit's additions: it was asked for below `/adit/`.
    pub(crate) additions: bool,
    /// Its path, with the first slash.
    pub(crate) path: &'static str,
    /// Key of its lists.
    pub(crate) list_key: &'static str,
    /// Of the names of its operations: `IPPolicyRules`.
    pub(crate) operations: &'static str,
    /// Of its ids at this path: bot users are service users with another prefix.
    pub(crate) prefix: Prefix,
}

impl Subject {
    /// The resource that its permissions are about: one's own organisation is another than all organisations.
    pub(crate) fn resource(&self) -> &'static str {
        if self.path == "/adit/organization" {
            "organization"
        } else {
            self.kind.permission
        }
    }

    /// The object that an id of this path names.
    pub(crate) fn stored(&self, id: &str) -> Option<Id> {
        let id = Id::parse_as(self.prefix, id).ok()?;
        Some(id.with_prefix(self.kind.prefix))
    }

    /// How an object's id is written at this path.
    pub(crate) fn shown(&self, id: Id) -> Id {
        id.with_prefix(self.prefix)
    }

    /// As sentences name one of it.
    pub(crate) fn noun(&self) -> &'static str {
        if self.prefix == self.kind.prefix {
            self.kind.noun
        } else {
            "bot user"
        }
    }
}
