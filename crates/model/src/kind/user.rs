//! Users: people, who may be members of several organisations (control plane 3.1).

use adit_names::code::ErrorCode;
use adit_names::host::CanonicalHost;
use adit_names::id::Prefix;
use serde_json::{Map, Value, json};

use super::{Kind, Surface, View, is_changed, refer_to_nothing};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;

/// Longest e-mail address in bytes (RFC 5321 section 4.5.3.1.3, without the brackets).
pub const MAX_EMAIL: usize = 254;

/// Users.
pub static KIND: Kind = Kind {
    name: "user",
    noun: "user",
    operations: "Users",
    prefix: Prefix::User,
    path: "users",
    list_key: "users",
    schema: 1,
    permission: "users",
    surface: Surface::Adit,
    operations_allowed: "CRUDL",
    about: "People.",
    fields: &[
        Field::set("email", Form::Text(MAX_EMAIL), "E-mail address; one user has it.")
            .required(Some(ErrorCode::NGROK_4103))
            .error(ErrorCode::NGROK_4103),
        Field::set("name", Form::Text(255), "Name.")
            .required(Some(ErrorCode::NGROK_4104))
            .error(ErrorCode::NGROK_4105),
        Field::set(
            "active",
            Form::Flag,
            "Whether the user can sign in, and what he owns can be used.",
        )
        .default("true"),
        Field::set("locale", Form::Text(35), "Language of the dashboard, as en or de-DE."),
        Field::shown("last_login_at", Form::Timestamp, "When the user last signed in.").nullable(),
        Field::shown("mfa", Form::Any, "Second factors."),
        Field::shown("sso_managed", Form::Flag, "Signs in through an identity provider."),
        Field::shown("scim_managed", Form::Flag, "Is kept by an identity provider."),
    ],
    empty_update: None,
    complete,
    claims,
    references: refer_to_nothing,
    show,
};

fn complete(object: &mut Object, old: Option<&Object>, _: &Context) -> Vec<Problem> {
    let mut found = Vec::new();
    if is_changed(object, old, "email") {
        found.extend(settle_email(object));
    }
    let is_tag = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !object.text("locale").bytes().all(is_tag) {
        found.push(Problem::wrong(
            "locale",
            "it must be a language tag such as en or de-DE",
        ));
    }
    found
}

/// Puts the address in its one form, or says that it is none.
pub(super) fn settle_email(object: &mut Object) -> Option<Problem> {
    let given = object.text("email").to_owned();
    match canonical_email(&given) {
        Some(email) => {
            object.body.insert("email".to_owned(), email.into());
            None
        }
        None => Some(Problem::new(ErrorCode::NGROK_4103, "email").shown("value", &given)),
    }
}

/// An address in lower case, its domain as A-labels; `None` if it is none. Quoted local parts and address literals
/// are not accepted.
#[must_use]
pub fn canonical_email(text: &str) -> Option<String> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    let is_atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let is_local = !local.is_empty()
        && local.len() <= 64
        && local.chars().all(is_atom)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let domain = CanonicalHost::any_depth(domain)
        .ok()
        .filter(|domain| !domain.is_wildcard())?;
    let email = format!("{}@{domain}", local.to_lowercase());
    (is_local && email.len() <= MAX_EMAIL).then_some(email)
}

fn claims(object: &Object) -> Vec<Claim> {
    vec![Claim {
        class: "email",
        key: object.text("email").to_owned(),
        scope: Scope::Exact,
        taken: ErrorCode::NGROK_4101,
        foreign: ErrorCode::NGROK_4101,
    }]
}

fn show(object: &Object, out: &mut Map<String, Value>, _: &View<'_>) {
    let stored = object.body.get("mfa").filter(|mfa| mfa.is_object()).cloned();
    let none = || json!({ "totp": false, "passkeys": [], "recovery_codes_left": 0 });
    out.insert("mfa".to_owned(), stored.unwrap_or_else(none));
}
