//! Operations that only one kind has.

use adit_model::catalogue;
use adit_store::{Column, Op, Term, Value};
use http::StatusCode;
use serde_json::Map;

use super::super::{Subject, list, update};
use crate::call::Call;
use crate::error::ApiError;
use crate::resource::routes;
use crate::route_table::Answer;

pub(crate) use super::affected::{affected, preview};

/// `DELETE /reserved_domains/{id}/certificate`: an uploaded certificate is shown no longer.
pub(crate) fn delete_certificate<'c>(call: &'c Call<'c>) -> Answer<'c> {
    clear(call, "certificate_id")
}

/// `DELETE /reserved_domains/{id}/certificate_management_policy`: no more certificates are obtained.
pub(crate) fn delete_certificate_policy<'c>(call: &'c Call<'c>) -> Answer<'c> {
    clear(call, "certificate_management_policy")
}

fn clear<'c>(call: &'c Call<'c>, field: &'static str) -> Answer<'c> {
    Box::pin(async move {
        let subject = subject("reserved_domain")?;
        let unset = vec![field.to_owned()];
        let full = update::change(call, subject, Map::new(), unset, StatusCode::NO_CONTENT).await?;
        Ok(full.into())
    })
}

/// `GET /vaults/{id}/secrets`: the secrets of a vault.
pub(crate) fn secrets_of_vault<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let vault = call.found(subject("vault")?).await?;
        let column = Column::of("secret", "vault_id");
        let column = column.ok_or_else(|| ApiError::internal("the secrets of a vault cannot be looked up"))?;
        let term = Term {
            column,
            op: Op::Equal,
            value: Value::Text(vault.id.to_string()),
        };
        list::page(call, subject("secret")?, vec![term]).await
    })
}

/// A kind at the path that ngrok's clients know.
fn subject(kind: &str) -> Result<&'static Subject, ApiError> {
    let known = catalogue::by_name(kind).and_then(routes::ngrok);
    known.ok_or_else(|| ApiError::internal("a kind is missing"))
}
