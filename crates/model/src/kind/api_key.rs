//! API keys (control plane 2.5, 3.6).

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;

use super::{Kind, Surface, claim_nothing, owner, references_of, show_as_stored};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};
use crate::secret::SecretForm;

/// API keys.
pub static KIND: Kind = Kind {
    name: "api_key",
    noun: "API key",
    operations: "APIKeys",
    prefix: Prefix::ApiKey,
    path: "api_keys",
    list_key: "keys",
    schema: 1,
    permission: "api_keys",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Keys with which programs use this API.",
    fields: &[
        Field::description(None),
        Field::metadata(None),
        Field::shown("token", Form::Text(128), "The key; shown once, when it is made.")
            .nullable()
            .secret(SecretForm::Hashed),
        owner::OWNER_ID,
        owner::OWNER_EMAIL,
        owner::SCIM_USER_ID,
        Field::set(
            "expires_at",
            Form::Timestamp,
            "When it stops being valid; null if never.",
        )
        .nullable()
        .addition(),
        Field::set(
            "permissions",
            Form::Texts(200, 128),
            "What it may do of what its owner may; empty for all of that.",
        )
        .addition(),
        Field::set(
            "ip_policy_ids",
            Form::Ids(&[Prefix::IpPolicy], 10),
            "IP policies that say from where it may be used.",
        )
        .addition()
        .error(ErrorCode::NGROK_1800),
        Field::set("disabled", Form::Flag, "It is refused for the time being.").addition(),
        Field::shown("last_used_at", Form::Timestamp, "When it was last used.")
            .nullable()
            .addition(),
        Field::shown("last_ip", Form::Text(64), "From where it was last used.").addition(),
    ],
    empty_update: None,
    complete,
    claims: claim_nothing,
    references,
    show: show_as_stored,
};

fn complete(object: &mut Object, old: Option<&Object>, _: &Context) -> Vec<Problem> {
    let mut found = Vec::new();
    owner::settle(object, old, ErrorCode::NGROK_628, &mut found);
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

/// Has this text the form of a permission, `resource:verb` (control plane 3.4)?
pub(crate) fn is_permission(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    text.split_once(':')
        .is_some_and(|(resource, verb)| is_word(resource) && is_word(verb))
}

fn references(object: &Object) -> Vec<Reference> {
    let restrict = OnDelete::Restrict(ErrorCode::ADIT_2011);
    owner::reference(object)
        .into_iter()
        .chain(references_of(object, "ip_policy_ids", restrict, ErrorCode::NGROK_1801))
        .collect()
}
