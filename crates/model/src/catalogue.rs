//! The list of all kinds.

use adit_names::id::Prefix;

use crate::kind::{self, Kind};
use crate::object::Object;
use crate::problem::Problem;

/// All kinds.
pub static KINDS: &[&Kind] = &[
    &kind::agent_ingress::KIND,
    &kind::api_key::KIND,
    &kind::certificate::server::KIND,
    &kind::certificate::visitors::KIND,
    &kind::credential::KIND,
    &kind::endpoint::KIND,
    &kind::endpoint_pool::KIND,
    &kind::guardrail::KIND,
    &kind::invitation::KIND,
    &kind::ip_policy::KIND,
    &kind::ip_policy_rule::KIND,
    &kind::ip_restriction::KIND,
    &kind::member::KIND,
    &kind::organization::KIND,
    &kind::reserved_addr::KIND,
    &kind::reserved_domain::KIND,
    &kind::role::KIND,
    &kind::secret::KIND,
    &kind::service_user::KIND,
    &kind::user::KIND,
    &kind::vault::KIND,
];

/// The kind with this name.
pub fn by_name(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

/// Whether an object may be as it is beside all others of its kind in its organisation.
pub type Together = fn(&Object, &[&Object]) -> Result<(), Problem>;

/// What all objects of a kind in an organisation must keep together, for kinds that have such a bound. There are few of
/// these kinds' objects: they are all read with every write of one.
pub fn together(kind: &str) -> Option<Together> {
    (kind == "guardrail").then_some(kind::guardrail::together)
}

/// The kind whose ids have this prefix. Bot users are service users.
pub fn by_prefix(prefix: Prefix) -> Option<&'static Kind> {
    let prefix = if prefix == Prefix::Bot {
        Prefix::ServiceUser
    } else {
        prefix
    };
    KINDS.iter().copied().find(|kind| kind.prefix == prefix)
}
