//! Memberships: which users belong to an organisation, and what they may do there (control plane 3.1).

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use serde_json::{Map, Value};

use super::{Kind, Surface, View, check_role_ids, references_of};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};

/// Memberships.
pub static KIND: Kind = Kind {
    name: "member",
    noun: "membership",
    operations: "Members",
    prefix: Prefix::Member,
    path: "members",
    list_key: "members",
    schema: 1,
    permission: "members",
    surface: Surface::Adit,
    operations_allowed: "CRUDL",
    about: "Which users belong to the organisation, and what they may do.",
    fields: &[
        Field::shown("user", Form::Any, "The user."),
        Field::once("user_id", Form::Id(&[Prefix::User]), "The user.")
            .required(None)
            .hidden(),
        Field::set(
            "role_ids",
            Form::Texts(20, 64),
            "What the user may do: roles by id, built-in ones by name.",
        ),
        Field::set("active", Form::Flag, "Whether the membership counts.").default("true"),
        Field::shown(
            "source",
            Form::Choice(&["invite", "jit", "scim", "init"]),
            "How the user came: invite, jit, scim, init.",
        )
        .default("\"invite\""),
    ],
    empty_update: None,
    complete,
    claims,
    references,
    show,
};

fn complete(object: &mut Object, _: Option<&Object>, _: &Context) -> Vec<Problem> {
    check_role_ids(object)
}

fn claims(object: &Object) -> Vec<Claim> {
    vec![Claim {
        class: "member",
        key: format!("{} {}", object.organization, object.text("user_id")),
        scope: Scope::Exact,
        taken: ErrorCode::NGROK_6601,
        foreign: ErrorCode::NGROK_6601,
    }]
}

/// The user is no object of this organisation, so he is not referred to.
fn references(object: &Object) -> Vec<Reference> {
    let restrict = OnDelete::Restrict(ErrorCode::ADIT_2011);
    references_of(object, "role_ids", restrict, ErrorCode::ADIT_2023).collect()
}

fn show(object: &Object, out: &mut Map<String, Value>, view: &View<'_>) {
    if let Some(user) = object.reference("user_id") {
        out.insert("user".to_owned(), view.link(&user));
    }
}
