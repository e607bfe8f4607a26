//! Vaults: where secrets lie (control plane 2.10).

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;

use super::{Kind, Surface, is_changed, refer_to_nothing, show_as_stored};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;

/// Longest name of a vault or secret.
pub const MAX_NAME: usize = 128;

/// Vaults.
pub static KIND: Kind = Kind {
    name: "vault",
    noun: "vault",
    operations: "Vaults",
    prefix: Prefix::Vault,
    path: "vaults",
    list_key: "vaults",
    schema: 1,
    permission: "vaults",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Places for secrets that traffic policies use.",
    fields: &[
        Field::shown("updated_at", Form::Timestamp, "When it was last changed."),
        Field::set(
            "name",
            Form::Text(MAX_NAME),
            "Its name, of letters, digits and the characters _ / . and -.",
        )
        .required(Some(ErrorCode::NGROK_23001))
        .error(ErrorCode::NGROK_23002),
        Field::description(None),
        Field::metadata(None),
        Field::shown("created_by", Form::Text(64), "Who made it."),
        Field::shown("last_updated_by", Form::Text(64), "Who last changed it."),
    ],
    empty_update: None,
    complete,
    claims,
    references: refer_to_nothing,
    show: show_as_stored,
};

fn complete(object: &mut Object, old: Option<&Object>, _: &Context) -> Vec<Problem> {
    check_name(object, old, ErrorCode::NGROK_23000)
}

/// Names of vaults and secrets: letters, digits and `_`, `/`, `.`, `-`.
pub(super) fn check_name(object: &Object, old: Option<&Object>, code: ErrorCode) -> Vec<Problem> {
    let name = object.text("name");
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/' | b'.' | b'-');
    if name.bytes().all(is_allowed) || !is_changed(object, old, "name") {
        return Vec::new();
    }
    vec![Problem::new(code, "name").shown("value", name)]
}

fn claims(object: &Object) -> Vec<Claim> {
    vec![Claim {
        class: "vault",
        key: format!("{} {}", object.organization, object.text("name")),
        scope: Scope::Exact,
        taken: ErrorCode::NGROK_23004,
        foreign: ErrorCode::NGROK_23004,
    }]
}
