//! What is special about a kind beyond its descriptor: what has to be looked up before an object can be made.

mod address;
mod affected;
mod domain;
mod endpoint;
mod guardrail;
mod named;
pub(crate) mod operations;
mod required;
mod secret;
mod traffic_policy;

use adit_model::{Kind, Object, Prepared};
use adit_names::code::ErrorCode;
use adit_store::{Change, Written};
use serde_json::{Map, Value};

use super::Subject;
use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::live;
use crate::people::authtoken::DEFAULT;

/// Whether objects of a kind belong to somebody.
pub(super) fn has_owner(kind: &Kind) -> bool {
    kind.name == "endpoint" || kind.fields.iter().any(|field| field.name == "owner_id")
}

/// Completes a body by what it only names.
pub(super) async fn before_create(
    call: &Call<'_>,
    subject: &Subject,
    body: &mut Map<String, Value>,
) -> Result<(), ApiError> {
    match subject.kind.name {
        "secret" => secret::find_vault(call, body).await,
        _ => Ok(()),
    }
}

/// Whether an object may be deleted by itself.
///
/// # Errors
/// 601 for a default authtoken, `ERR_ADIT_2011` for a secret that a guardrail names.
pub(super) async fn before_delete(call: &Call<'_>, object: &Object) -> Result<(), ApiError> {
    if object.kind == "credential" && object.flag(DEFAULT) {
        return Err(ApiError::new(ErrorCode::NGROK_601, &[("id", &object.id.to_string())]));
    }
    if object.kind == "secret" {
        guardrail::names_no_secret(call, object.text("vault_name"), Some(object.text("name"))).await?;
    }
    Ok(())
}

/// Writes a new object, with what has to be looked up for it.
pub(super) async fn write_new(call: &Call<'_>, subject: &Subject, mut prepared: Prepared) -> Result<Written, ApiError> {
    match subject.kind.name {
        "reserved_addr" => return address::write(call, subject, prepared).await,
        "reserved_domain" => domain::check(call, &prepared.object).await?,
        "endpoint" => {
            named::check(call, &prepared, "traffic_policy").await?;
            endpoint::attach(call, &mut prepared).await?;
            traffic_policy::check(call, &prepared.object).await?;
            required::check(call, &prepared.object).await?;
        }
        "guardrail" => {
            named::check(call, &prepared, "policy").await?;
            guardrail::check(call, &prepared.object).await?;
        }
        _ => {}
    }
    let id = prepared.object.id;
    call.write(subject, id, vec![Change::Create(prepared)]).await
}

/// Checks a change against what else there is; returns the changes that go with it.
///
/// # Errors
/// Those of the kind.
pub(super) async fn along_update(
    call: &Call<'_>,
    subject: &Subject,
    current: &Object,
    next: &Prepared,
) -> Result<Vec<Change>, ApiError> {
    if subject.kind.name == "endpoint" && current.text("traffic_policy") != next.object.text("traffic_policy") {
        named::check(call, next, "traffic_policy").await?;
        traffic_policy::check(call, &next.object).await?;
        required::check(call, &next.object).await?;
    }
    if subject.kind.name == "guardrail" {
        if current.text("policy") != next.object.text("policy") {
            named::check(call, next, "policy").await?;
        }
        guardrail::check(call, &next.object).await?;
    }
    if matches!(subject.kind.name, "secret" | "vault") && current.text("name") != next.object.text("name") {
        match subject.kind.name {
            "secret" => {
                guardrail::names_no_secret(call, current.text("vault_name"), Some(current.text("name"))).await?
            }
            _ => guardrail::names_no_secret(call, current.text("name"), None).await?,
        }
    }
    let next = &next.object;
    match subject.kind.name {
        "endpoint" if current.flag("pooling_enabled") != next.flag("pooling_enabled") => {
            endpoint::check_pool(call, next)?;
        }
        "reserved_domain" if current.text("certificate_id") != next.text("certificate_id") => {
            domain::check_certificate(call, next).await?;
        }
        "vault" if current.text("name") != next.text("name") => return secret::rename_vault(call, next).await,
        _ => {}
    }
    Ok(Vec::new())
}

/// The answer for something of this kind that is not stored but live, if there is one with this id.
pub(super) fn live(call: &Call<'_>, subject: &Subject) -> Option<Result<Reply, ApiError>> {
    (subject.kind.name == "endpoint")
        .then(|| live::one(call))
        .flatten()
        .map(|shown| Ok(Reply::Json(shown)))
}

/// The refusal to change an endpoint that is an agent's, if it is one.
pub(super) fn of_an_agent(call: &Call<'_>, subject: &Subject) -> Option<ApiError> {
    let is_one = subject.kind.name == "endpoint" && live::one(call).is_some();
    is_one.then(|| ApiError::new(ErrorCode::ADIT_2018, &[("id", &call.id)]))
}
