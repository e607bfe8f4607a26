//! The one place that decides who may do what (control plane 3.4): the matrix of roles and permissions, rights over
//! what one owns, and the permission that an operation needs.

mod lock_out;
pub(crate) mod matrix;
pub(crate) mod owner;
pub(crate) mod people;
mod write;

pub(crate) use write::Wish;

use self::matrix::Matrix;

/// The permission for doing something with a resource: `ip_policies`, `update`. People, roles and settings have verbs
/// of their own. Nobody has a permission that the matrix does not know.
pub(crate) fn permission(resource: &str, verb: &str) -> &'static str {
    let name = match (resource, verb) {
        ("users" | "members" | "invitations", "read") => "members:read",
        ("users" | "members", _) => "members:manage",
        ("invitations", _) => "members:invite",
        ("roles" | "organization" | "organizations", "create" | "update" | "delete") => {
            return Matrix::get().known(&format!("{resource}:manage")).unwrap_or("unknown");
        }
        _ => return Matrix::get().known(&format!("{resource}:{verb}")).unwrap_or("unknown"),
    };
    Matrix::get().known(name).unwrap_or("unknown")
}
