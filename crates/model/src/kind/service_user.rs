//! Service users, which older clients know as bot users: programs that own keys and authtokens (control plane 2.6).

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;

use super::{Kind, Surface, references_of, show_as_stored};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};

/// Service users. Bot users are the same objects at another path; their ids differ in the prefix alone
/// ([`adit_names::Id::with_prefix`]).
pub static KIND: Kind = Kind {
    name: "service_user",
    noun: "service user",
    operations: "ServiceUsers",
    prefix: Prefix::ServiceUser,
    path: "service_users",
    list_key: "service_users",
    schema: 1,
    permission: "service_users",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Programs that own API keys and authtokens.",
    fields: &[
        Field::set("name", Form::Text(255), "Its name.")
            .required(Some(ErrorCode::NGROK_4109))
            .error(ErrorCode::NGROK_4110),
        Field::set("active", Form::Flag, "Whether what it owns can be used.").default("true"),
        Field::set("description", Form::Text(255), "What it is for, in words.").addition(),
        Field::set(
            "role_ids",
            Form::Texts(20, 64),
            "What it may do: roles by id, built-in ones by name; developer if empty.",
        )
        .addition(),
        Field::shown("last_used_at", Form::Timestamp, "When something it owns was last used.")
            .nullable()
            .addition(),
    ],
    empty_update: None,
    complete,
    claims,
    references,
    show: show_as_stored,
};

fn complete(object: &mut Object, _: Option<&Object>, _: &Context) -> Vec<Problem> {
    super::check_role_ids(object)
}

fn claims(object: &Object) -> Vec<Claim> {
    vec![Claim {
        class: "svc",
        // Names are unique in an organisation, not beyond.
        key: format!("{} {}", object.organization, object.text("name").to_lowercase()),
        scope: Scope::Exact,
        taken: ErrorCode::NGROK_4112,
        foreign: ErrorCode::NGROK_4112,
    }]
}

fn references(object: &Object) -> Vec<Reference> {
    let restrict = OnDelete::Restrict(ErrorCode::ADIT_2011);
    references_of(object, "role_ids", restrict, ErrorCode::ADIT_2023).collect()
}
