//! Roles of an organisation's own, beside the built-in ones (control plane 3.4).

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;

use super::api_key::is_permission;
use super::{BUILT_IN_ROLES, Kind, Surface, refer_to_nothing, show_as_stored};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;

/// Roles.
pub static KIND: Kind = Kind {
    name: "role",
    noun: "role",
    operations: "Roles",
    prefix: Prefix::Role,
    path: "roles",
    list_key: "roles",
    schema: 1,
    permission: "roles",
    surface: Surface::Adit,
    operations_allowed: "CRUDL",
    about: "What members and service users may do.",
    fields: &[
        Field::set("name", Form::Text(255), "Its name.").required(None),
        Field::description(None),
        Field::set(
            "permissions",
            Form::Texts(500, 128),
            "What it allows, as ip_policies:read.",
        ),
        Field::set(
            "selector",
            Form::Text(2048),
            "Expression over an object, obj, that must hold before and after a change; empty: always.",
        ),
    ],
    empty_update: None,
    complete,
    claims,
    references: refer_to_nothing,
    show: show_as_stored,
};

/// Whether the selector can be read is asked of whoever evaluates it.
fn complete(object: &mut Object, _: Option<&Object>, _: &Context) -> Vec<Problem> {
    let mut found = Vec::new();
    if BUILT_IN_ROLES
        .iter()
        .any(|name| object.text("name").eq_ignore_ascii_case(name))
    {
        found.push(Problem::new(ErrorCode::ADIT_2021, "name"));
    }
    for (at, permission) in object.texts("permissions").enumerate() {
        if !is_permission(permission) {
            found.push(Problem::wrong(
                format!("permissions[{at}]"),
                "a permission is written resource:verb, as ip_policies:read",
            ));
        }
    }
    found
}

fn claims(object: &Object) -> Vec<Claim> {
    vec![Claim {
        class: "role",
        key: format!("{} {}", object.organization, object.text("name").to_lowercase()),
        scope: Scope::Exact,
        taken: ErrorCode::ADIT_2021,
        foreign: ErrorCode::ADIT_2021,
    }]
}
