//! People and rights (control plane 6.1): who one is, what one may, and why; users, members, roles, organisations.
//!
//! Users are the installation's and may be members of several organisations; organisations are their own. Whose
//! objects these are is said in [`scope`], so that all other operations on them are those of all kinds.

pub(crate) mod authtoken;
pub(crate) mod explain;
pub(crate) mod me;
pub(crate) mod organization;
pub(crate) mod permissions;
mod role;
pub(crate) mod scope;
pub(crate) mod used;
mod user;
pub(crate) mod version;

use adit_model::Field;

use crate::query::Parameter;
use crate::route_table::Handler;

const DELETE_USER: &[Parameter] = &[("everywhere", false), ("dry_run", false), ("wait", false)];
const DELETE_ORGANIZATION: &[Parameter] = &[("confirm", false), ("dry_run", false), ("wait", false)];

/// The query parameters of an operation on a kind, if they are not those of all kinds.
pub(crate) fn parameters(kind: &str, operation: char) -> Option<&'static [Parameter]> {
    match (kind, operation) {
        ("user", 'D') => Some(DELETE_USER),
        ("organization", 'D') => Some(DELETE_ORGANIZATION),
        _ => None,
    }
}

/// What a body may hold beyond the fields of its kind when an object is made.
pub(crate) fn made_with(kind: &str) -> &'static [Field] {
    match kind {
        "user" => user::MADE_WITH,
        "organization" => organization::MADE_WITH,
        _ => &[],
    }
}

/// What only the answer to the making of an object holds, beyond its fields.
pub(crate) fn shown_once(kind: &str) -> &'static [Field] {
    match kind {
        "organization" => organization::SHOWN_ONCE,
        _ => &[],
    }
}

/// What answers an operation (`C`, `R`, `U`, `D`, `L`) on a kind, if that is not what answers it for all kinds.
pub(crate) fn handler(kind: &str, operation: char) -> Option<Handler> {
    let handler = match (kind, operation) {
        ("user", 'C') => user::create,
        ("user", 'D') => user::delete,
        ("role", 'R') => role::get,
        ("role", 'L') => role::list,
        ("role", 'U') => role::update,
        ("role", 'D') => role::delete,
        ("organization", 'C') => organization::create,
        ("organization", 'D') => organization::delete,
        _ => return None,
    };
    Some(Handler::Later(handler))
}
