//! Secrets name their vault by id or by name (control plane 2.10).

use adit_names::code::ErrorCode;
use adit_names::id::Id;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::error::ApiError;

/// Puts the id of a vault that is named beside its name, and the name beside the id. What is not found stays as it
/// is, for the checks behind.
///
/// # Errors
/// 24009 if both are given and do not agree.
pub(super) async fn find_vault(call: &Call<'_>, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let store = &call.api.stored()?.store;
    let given = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (id, name) = (given("vault_id"), given("vault_name"));
    let vault: Option<Id> = match (id.as_str(), name.as_str()) {
        ("", "") => return Ok(()),
        ("", name) => {
            let key = format!("{} {name}", call.caller.organization);
            store.holder("vault", &key).await?.map(|(id, _)| id)
        }
        (id, _) => id.parse().ok(),
    };
    let Some(vault) = vault else { return Ok(()) };
    let found = store.get(vault).await?;
    let is_ours = |v: &adit_model::Object| v.organization == call.caller.organization && v.kind == "vault";
    let Some(vault) = found.filter(is_ours) else {
        return Ok(());
    };
    if !name.is_empty() && name != vault.text("name") {
        let error = ApiError::new(ErrorCode::NGROK_24009, &[("field", "vault_name"), ("value", &name)]);
        return Err(error.detail("field", "vault_name"));
    }
    body.insert("vault_id".to_owned(), vault.id.to_string().into());
    body.insert("vault_name".to_owned(), vault.text("name").into());
    Ok(())
}
