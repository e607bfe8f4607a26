//! Policies for automatic certificates, of domains and agent ingresses (control plane 2.2, edge 4.2, 5.1).

use adit_names::code::ErrorCode;
use serde_json::{Value, json};

use crate::field::{Field, Form};
use crate::object::Object;

/// Authorities by their short names.
const AUTHORITIES: &[&str] = &["letsencrypt", "staging", "zerossl", "google", "buypass"];
const KEY_TYPES: &[&str] = &["ecdsa", "rsa"];

const fn authority(error: ErrorCode) -> Field {
    Field::set("authority", Form::Choice(AUTHORITIES), "Where certificates come from.")
        .default("\"letsencrypt\"")
        .error(error)
}

const fn key_type(default: &'static str) -> Field {
    Field::set("private_key_type", Form::Choice(KEY_TYPES), "Type of the private keys.")
        .default(default)
        .error(ErrorCode::NGROK_1909)
}

/// Of reserved domains.
pub(super) const OF_DOMAIN: &[Field] = &[authority(ErrorCode::NGROK_435), key_type("\"ecdsa\"")];
/// Of agent ingresses.
pub(super) const OF_INGRESS: &[Field] = &[authority(ErrorCode::NGROK_1908), key_type("\"rsa\"")];

/// `certificate_management_status` of an answer: null without a policy.
pub(super) fn status(object: &Object) -> Value {
    let has_policy = object
        .body
        .get("certificate_management_policy")
        .is_some_and(Value::is_object);
    let stored = object
        .body
        .get("certificate_management_status")
        .filter(|status| status.is_object());
    match stored {
        _ if !has_policy => Value::Null,
        Some(status) => status.clone(),
        None => json!({ "renews_at": null, "provisioning_job": null }),
    }
}
