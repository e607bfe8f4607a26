//! What a traffic policy names, only those may have it use who may read it (control plane 3.4).

use adit_model::Prepared;
use adit_names::endpoint_url::Scheme;
use adit_names::id::{Id, Prefix};
use adit_policy::Subject;

use crate::authorize::permission;
use crate::call::Call;
use crate::error::ApiError;
use crate::policy::references::secrets_named;

/// Whether the caller may read the IP policies and secrets that the policy in `field` of an object names. What does not
/// exist is others' to refuse.
///
/// # Errors
/// 403 `ERR_ADIT_2008`.
pub(super) async fn check(call: &Call<'_>, object: &Prepared, field: &'static str) -> Result<(), ApiError> {
    let policies = object.references.iter().map(|reference| reference.to);
    let policies: Vec<Id> = policies.filter(|id| id.prefix() == Prefix::IpPolicy).collect();
    readable(call, "ip_policies", &policies, field).await?;
    let mut secrets = Vec::new();
    let store = &call.api.stored()?.store;
    // A cloud endpoint by HTTPS may have all that any endpoint may.
    let subject = match field {
        "policy" => Subject::guardrail(),
        _ => Subject::cloud(Scheme::Https),
    };
    for (vault, name) in secrets_named(object.object.text(field), subject) {
        let key = format!("{} {vault}", call.caller.organization);
        if let Some((vault, _)) = store.holder("vault", &key).await? {
            let secret = store.holder("secret", &format!("{vault} {name}")).await?;
            secrets.extend(secret.map(|(id, _)| id));
        }
    }
    readable(call, "vault_secrets", &secrets, field).await
}

async fn readable(call: &Call<'_>, resource: &str, ids: &[Id], field: &'static str) -> Result<(), ApiError> {
    let read = permission(resource, "read");
    if ids.is_empty() || call.caller.reach(read).all {
        return Ok(());
    }
    for object in call.api.stored()?.store.get_many(ids).await? {
        let shown = || {
            let kind = adit_model::catalogue::by_name(&object.kind);
            kind.map_or(serde_json::Value::Null, |kind| {
                adit_model::show(kind, &object, &call.full_view())
            })
        };
        let is_ours = object.organization == call.caller.organization;
        if is_ours && !call.caller.covers(read, &object, shown) {
            return Err(call.caller.lacks(read).detail("field", field));
        }
    }
    Ok(())
}
