//! Roles: those that are built in, and an organisation's own.

use std::collections::HashSet;
use std::sync::Arc;

use adit_model::Object;
use adit_names::id::Id;

use super::selector::Selector;
use crate::authorize::matrix::{Matrix, ROLES};

/// A role as somebody has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoleRef {
    /// One of [`ROLES`].
    BuiltIn(&'static str),
    /// An organisation's own.
    Custom(Id),
}

impl RoleRef {
    /// From its name or id. What is neither gives no rights.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if let Some(name) = ROLES.iter().find(|name| **name == text) {
            return Some(Self::BuiltIn(name));
        }
        text.parse().ok().map(Self::Custom)
    }

    /// Whether it is the one that may all.
    pub(crate) fn is_admin(&self) -> bool {
        *self == Self::BuiltIn("admin")
    }
}

/// A role with what it gives.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// One of [`ROLES`]: its column of the matrix.
    BuiltIn(&'static str),
    /// An organisation's own.
    Custom(Arc<Custom>),
}

/// A role that an organisation made.
#[derive(Debug)]
pub(crate) struct Custom {
    pub(crate) id: Id,
    pub(crate) organization: Id,
    pub(crate) name: String,
    permissions: HashSet<&'static str>,
    /// Narrows the role to objects for which it is true.
    pub(crate) selector: Option<Selector>,
}

impl Custom {
    pub(crate) fn of(object: &Object) -> Self {
        let selector = object.text("selector");
        Self {
            id: object.id,
            organization: object.organization,
            name: object.text("name").to_owned(),
            permissions: permissions(object.texts("permissions")),
            selector: (!selector.is_empty()).then(|| Selector::of(selector)),
        }
    }

    pub(crate) fn has(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }
}

/// Permissions by their names; `<resource>:write` stands for three. Names that nothing has are left out.
pub(crate) fn permissions<'n>(names: impl Iterator<Item = &'n str>) -> HashSet<&'static str> {
    let matrix = Matrix::get();
    names
        .flat_map(|name| match name.strip_suffix(":write") {
            Some(resource) => ["create", "update", "delete"]
                .iter()
                .map(|verb| format!("{resource}:{verb}"))
                .collect(),
            None => vec![name.to_owned()],
        })
        .filter_map(|name| matrix.known(&name))
        .collect()
}
