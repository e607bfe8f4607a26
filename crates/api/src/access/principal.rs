//! Users and service users: those who own keys.

use std::sync::Arc;

use adit_model::Object;
use adit_names::id::Id;

use super::role::RoleRef;

/// Role of service users for whom none is named.
pub(crate) const DEFAULT: &str = "developer";

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) object: Arc<Object>,
    pub(crate) active: bool,
}

impl User {
    pub(crate) fn of(object: &Object) -> Self {
        Self {
            object: Arc::new(object.clone()),
            active: is_active(object),
        }
    }

    pub(crate) fn email(&self) -> &str {
        self.object.text("email")
    }
}

/// Somebody in an organisation: a user by a membership, or a service user.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// `usr_…` or `service_…`.
    pub(crate) principal: Id,
    /// The membership, for users.
    pub(crate) membership: Option<Id>,
    pub(crate) organization: Id,
    pub(crate) roles: Vec<RoleRef>,
    /// The membership or the service user; a user himself can be inactive as well.
    pub(crate) active: bool,
    /// Name of a service user.
    pub(crate) name: String,
}

impl Person {
    /// A membership.
    pub(crate) fn of_member(object: &Object) -> Option<Self> {
        Some(Self {
            principal: object.reference("user_id").or_else(|| object.reference("user"))?,
            membership: Some(object.id),
            organization: object.organization,
            roles: roles(object),
            active: is_active(object),
            name: String::new(),
        })
    }

    /// A service user.
    pub(crate) fn of_service_user(object: &Object) -> Self {
        let mut roles = roles(object);
        if object.texts("role_ids").next().is_none() {
            roles.push(RoleRef::BuiltIn(DEFAULT));
        }
        Self {
            principal: object.id,
            membership: None,
            organization: object.organization,
            roles,
            active: is_active(object),
            name: object.text("name").to_owned(),
        }
    }
}

fn roles(object: &Object) -> Vec<RoleRef> {
    object.texts("role_ids").filter_map(RoleRef::of).collect()
}

/// Active unless it says otherwise.
fn is_active(object: &Object) -> bool {
    object.body.get("active").and_then(serde_json::Value::as_bool) != Some(false)
}

/// Whether two ids name the same principal: service users have a second prefix, from when they were called bots.
pub(crate) fn same(a: Id, b: Id) -> bool {
    a.bytes() == b.bytes()
}
