//! Credentials of agents: authtokens (control plane 2.5).

use adit_names::acl::{Acl, AclError, BindRule};
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;

use super::{Kind, Surface, claim_nothing, is_changed, owner, references_of, show_as_stored};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};
use crate::secret::SecretForm;

/// Most rules of an ACL.
pub const MAX_ACL_RULES: usize = 100;

/// Credentials.
pub static KIND: Kind = Kind {
    name: "credential",
    noun: "credential",
    operations: "Credentials",
    prefix: Prefix::Credential,
    path: "credentials",
    list_key: "credentials",
    schema: 1,
    permission: "credentials",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Authtokens with which agents log in.",
    fields: &[
        Field::description(Some(ErrorCode::NGROK_604)),
        Field::metadata(Some(ErrorCode::NGROK_605)),
        Field::shown("token", Form::Text(128), "The authtoken; shown once, when it is made.")
            .nullable()
            .secret(SecretForm::Hashed),
        Field::set(
            "acl",
            Form::Texts(MAX_ACL_RULES, 1024),
            "What agents may bind with it, as bind:*.example.com; everything if empty.",
        ),
        owner::OWNER_ID,
        owner::OWNER_EMAIL,
        owner::SCIM_USER_ID,
        Field::once(
            "precomputed_token",
            Form::Text(1024),
            "Refused: the server makes tokens.",
        )
        .legacy(),
        Field::set(
            "expires_at",
            Form::Timestamp,
            "When it stops being valid; null if never.",
        )
        .nullable()
        .addition(),
        Field::set(
            "ip_policy_ids",
            Form::Ids(&[Prefix::IpPolicy], 10),
            "IP policies that say from where agents may log in with it.",
        )
        .addition()
        .error(ErrorCode::NGROK_1800),
        Field::set(
            "ingress_ids",
            Form::Ids(&[Prefix::AgentIngress], 10),
            "Agent ingresses at which it may be used; all if empty.",
        )
        .addition(),
        Field::set(
            "certificate_fingerprints",
            Form::Texts(100, 64),
            "SHA-256 of client certificates that must come with it, as 64 hexadecimal digits.",
        )
        .addition(),
        Field::set(
            "certificate_subjects",
            Form::Texts(100, 255),
            "Names of client certificates that must come with it.",
        )
        .addition(),
        Field::set(
            "max_sessions",
            Form::Integer(0, 1_000_000),
            "Most agents that may be connected with it; null for no limit.",
        )
        .nullable()
        .addition(),
        Field::set(
            "max_endpoints",
            Form::Integer(0, 1_000_000),
            "Most endpoints that its agents may have; null for no limit.",
        )
        .nullable()
        .addition(),
        Field::set(
            "traffic_policy_required",
            Form::Flag,
            "Its endpoints must bring a traffic policy.",
        )
        .addition(),
        Field::set("disabled", Form::Flag, "It is refused for the time being.").addition(),
        Field::shown("last_used_at", Form::Timestamp, "When an agent last logged in with it.")
            .nullable()
            .addition(),
        Field::shown("last_ip", Form::Text(64), "From where it was last used.").addition(),
        Field::shown(
            "sessions",
            Form::Ids(&[Prefix::Session], 1000),
            "Sessions of agents that use it now.",
        )
        .addition(),
    ],
    empty_update: Some(ErrorCode::NGROK_606),
    complete,
    claims: claim_nothing,
    references,
    show: show_as_stored,
};

fn complete(object: &mut Object, old: Option<&Object>, _: &Context) -> Vec<Problem> {
    let mut found = Vec::new();
    if !object.text("precomputed_token").is_empty() {
        found.push(Problem::new(ErrorCode::NGROK_638, "precomputed_token"));
    }
    owner::settle(object, old, ErrorCode::NGROK_627, &mut found);
    if is_changed(object, old, "acl") {
        for (at, rule) in object.texts("acl").enumerate() {
            if let Err(error) = rule.parse::<BindRule>() {
                found.push(
                    Problem::new(ErrorCode::NGROK_600, format!("acl[{at}]"))
                        .shown("value", rule)
                        .value("error", error.to_string()),
                );
            }
        }
    }
    let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    for (at, fingerprint) in object.texts("certificate_fingerprints").enumerate() {
        if !is_digest(fingerprint) {
            found.push(Problem::wrong(
                format!("certificate_fingerprints[{at}]"),
                "it must be 64 hexadecimal digits in lower case",
            ));
        }
    }
    found
}

fn references(object: &Object) -> Vec<Reference> {
    let restrict = OnDelete::Restrict(ErrorCode::ADIT_2011);
    owner::reference(object)
        .into_iter()
        .chain(references_of(object, "ip_policy_ids", restrict, ErrorCode::NGROK_1801))
        .chain(references_of(object, "ingress_ids", restrict, ErrorCode::ADIT_2023))
        .collect()
}

/// What agents may bind with a credential.
///
/// # Errors
/// [`AclError`] if a rule cannot be read, as one that a newer version wrote: nothing is allowed then.
pub fn acl(credential: &Object) -> Result<Acl, AclError> {
    Acl::parse(credential.texts("acl"))
}
