//! Secrets: values that traffic policies use and nobody can read (control plane 2.10).

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use serde_json::{Map, Value, json};

use super::{Kind, Surface, View, reference_of, vault};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};
use crate::secret::SecretForm;

/// Longest value in bytes.
pub const MAX_VALUE: usize = 64 * 1024;

/// Secrets.
pub static KIND: Kind = Kind {
    name: "secret",
    noun: "secret",
    operations: "Secrets",
    prefix: Prefix::Secret,
    path: "vault_secrets",
    list_key: "secrets",
    schema: 1,
    permission: "vault_secrets",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Values that traffic policies use and nobody can read.",
    fields: &[
        Field::shown("updated_at", Form::Timestamp, "When it was last changed."),
        Field::set(
            "name",
            Form::Text(vault::MAX_NAME),
            "Its name, of letters, digits and the characters _ / . and -.",
        )
        .required(Some(ErrorCode::NGROK_24001))
        .error(ErrorCode::NGROK_24002),
        Field::description(None),
        Field::metadata(None),
        Field::shown("created_by", Form::Any, "Who made it."),
        Field::shown("last_updated_by", Form::Any, "Who last changed it."),
        Field::shown("vault", Form::Any, "The vault that it lies in."),
        Field::once(
            "vault_name",
            Form::Text(vault::MAX_NAME),
            "Name of the vault that it lies in.",
        ),
        Field::set("value", Form::Text(MAX_VALUE), "The value; never shown.")
            .required(Some(ErrorCode::NGROK_24003))
            .error(ErrorCode::NGROK_24004)
            .secret(SecretForm::Sealed)
            .hidden(),
        Field::once(
            "vault_id",
            Form::Id(&[Prefix::Vault]),
            "Id of the vault that it lies in; or give vault_name.",
        )
        .hidden(),
    ],
    empty_update: None,
    complete,
    claims,
    references,
    show,
};

/// Whoever makes a secret looks the vault's name up and puts its id beside it: a name alone was not found.
fn complete(object: &mut Object, old: Option<&Object>, _: &Context) -> Vec<Problem> {
    let mut found = vault::check_name(object, old, ErrorCode::NGROK_24000);
    if old.is_none() && object.text("vault_id").is_empty() {
        found.push(match object.text("vault_name") {
            "" => Problem::new(ErrorCode::NGROK_24008, "vault_id"),
            name => Problem::new(ErrorCode::NGROK_24009, "vault_name").shown("value", name),
        });
    }
    found
}

fn claims(object: &Object) -> Vec<Claim> {
    vec![Claim {
        class: "secret",
        key: format!("{} {}", object.text("vault_id"), object.text("name")),
        scope: Scope::Exact,
        taken: ErrorCode::NGROK_24005,
        foreign: ErrorCode::NGROK_24005,
    }]
}

fn references(object: &Object) -> Vec<Reference> {
    let restrict = OnDelete::Restrict(ErrorCode::NGROK_23003);
    reference_of(object, "vault_id", restrict, ErrorCode::NGROK_24006)
        .into_iter()
        .collect()
}

fn show(object: &Object, out: &mut Map<String, Value>, view: &View<'_>) {
    let nobody = || json!({ "id": "", "uri": "" });
    for field in ["created_by", "last_updated_by"] {
        let link = object.reference(field).map_or_else(nobody, |id| view.link(&id));
        out.insert(field.to_owned(), link);
    }
    let vault = object.reference("vault_id").map_or_else(nobody, |id| view.link(&id));
    out.insert("vault".to_owned(), vault);
}
