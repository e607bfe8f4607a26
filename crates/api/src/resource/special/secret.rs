//! Secrets name their vault by id or by name (control plane 2.10).

use std::sync::Arc;

use adit_model::kind::secret;
use adit_model::{Object, Prepared};
use adit_names::code::ErrorCode;
use adit_names::id::Id;
use adit_store::{Again, Change, Column, Op, Page, Term, Value as Wanted};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::error::ApiError;

/// Rows that are read at once.
const BATCH: usize = 500;

/// Puts the id of a vault that is named beside its name, and the name beside the id. What is not found stays as it
/// is, for the checks behind.
///
/// # Errors
/// 24009 if both are given and do not agree.
pub(super) async fn find_vault(call: &Call<'_>, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let store = &call.api.stored()?.store;
    let is_text = |name: &str| body.get(name).is_none_or(|v| v.is_null() || v.is_string());
    if !is_text("vault_id") || !is_text("vault_name") {
        return Ok(());
    }
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
    let is_ours = |v: &Object| v.organization == call.caller.organization && v.kind == "vault";
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

/// The secrets of a vault that gets another name: they show it.
pub(super) async fn rename_vault(call: &Call<'_>, vault: &Object) -> Result<Vec<Change>, ApiError> {
    let column = Column::of("secret", "vault_id");
    let column = column.ok_or_else(|| ApiError::internal("the secrets of a vault cannot be looked up"))?;
    let term = Term {
        column,
        op: Op::Equal,
        value: Wanted::Text(vault.id.to_string()),
    };
    let name = vault.text("name").to_owned();
    let mut changes = Vec::new();
    let mut before: Option<Id> = None;
    loop {
        let page = Page {
            kind: "secret",
            organization: Some(call.caller.organization),
            before,
            limit: BATCH,
            terms: vec![term.clone()],
        };
        let secrets = call.api.stored()?.store.page(&page).await?;
        before = secrets.last().map(|secret| secret.id);
        changes.extend(secrets.iter().map(|secret| renamed(secret, &name)));
        if secrets.len() < BATCH {
            return Ok(changes);
        }
    }
}

fn renamed(secret: &Object, name: &str) -> Change {
    let with = |secret: &Object, name: &str| {
        let mut next = secret.clone();
        next.body.insert("vault_name".to_owned(), name.into());
        Prepared::new(&secret::KIND, next)
    };
    let name = name.to_owned();
    Change::Update {
        seen: secret.revision,
        next: with(secret, &name),
        again: Again(Arc::new(move |secret| Ok(Some(with(secret, &name))))),
        only_seen: false,
    }
}
