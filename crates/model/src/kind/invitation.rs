//! Invitations to an organisation (control plane 3.1).

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use serde_json::Value;

use super::user::{MAX_EMAIL, settle_email};
use super::{Kind, Surface, check_role_ids, is_changed, references_of, show_as_stored};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};
use crate::secret::SecretForm;
use crate::timestamp;

/// How long an invitation can be used: 7 days, in microseconds.
const LIFE: i64 = 7 * 86_400 * 1_000_000;

/// Invitations.
pub static KIND: Kind = Kind {
    name: "invitation",
    noun: "invitation",
    operations: "Invitations",
    prefix: Prefix::Invitation,
    path: "invitations",
    list_key: "invitations",
    schema: 1,
    permission: "invitations",
    surface: Surface::Adit,
    operations_allowed: "CRUDL",
    about: "Invitations to the organisation.",
    fields: &[
        Field::once("email", Form::Text(MAX_EMAIL), "Whom it is for.")
            .required(Some(ErrorCode::NGROK_4103))
            .error(ErrorCode::NGROK_4103),
        Field::set(
            "role_ids",
            Form::Texts(20, 64),
            "What the user will be able to do: roles by id, built-in ones by name.",
        ),
        Field::set(
            "expires_at",
            Form::Timestamp,
            "Until when it can be used; 7 days if nothing is given.",
        )
        .nullable(),
        Field::shown(
            "state",
            Form::Choice(&["open", "accepted", "revoked"]),
            "Whether it was used: open, accepted, revoked.",
        )
        .default("\"open\""),
        Field::shown(
            "link",
            Form::Text(2048),
            "The link to accept it; shown once, when it is made.",
        )
        .nullable()
        .secret(SecretForm::Hashed),
    ],
    empty_update: None,
    complete,
    claims,
    references,
    show: show_as_stored,
};

fn complete(object: &mut Object, old: Option<&Object>, ctx: &Context) -> Vec<Problem> {
    let mut found = check_role_ids(object);
    if is_changed(object, old, "email") {
        found.extend(settle_email(object));
    }
    if object.text("expires_at").is_empty() {
        let end = timestamp::timestamp(ctx.now.saturating_add(LIFE), false);
        object.body.insert("expires_at".to_owned(), end.into());
    }
    if old.is_none() {
        object.body.insert("state".to_owned(), Value::from("open"));
    }
    found
}

/// One open invitation for each address.
fn claims(object: &Object) -> Vec<Claim> {
    if object.text("state") != "open" {
        return Vec::new();
    }
    vec![Claim {
        class: "invitation",
        key: format!("{} {}", object.organization, object.text("email")),
        scope: Scope::Exact,
        taken: ErrorCode::NGROK_1231,
        foreign: ErrorCode::NGROK_1231,
    }]
}

fn references(object: &Object) -> Vec<Reference> {
    references_of(object, "role_ids", OnDelete::Detach, ErrorCode::ADIT_2023).collect()
}
