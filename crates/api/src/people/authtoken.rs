//! The caller's default authtoken: what is known of it, and a new one in its place.

use adit_model::{Prepared, catalogue, draft};
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::{Change, Write};
use serde_json::{Map, json};

use crate::answer::{Full, Reply};
use crate::call::Call;
use crate::error::ApiError;
use crate::fresh::new_id;
use crate::resource::token;
use crate::route_table::Answer;

/// Marks the default one in its object; no field of its kind.
pub const DEFAULT: &str = "default";

/// `GET /adit/me/authtoken`.
pub(crate) fn get<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let id = current(call).ok_or_else(|| missing(call))?;
        let object = call.api.stored()?.store.get(id).await?.ok_or_else(|| missing(call))?;
        let kind = catalogue::by_name("credential").ok_or_else(|| missing(call))?;
        Ok(Reply::Json(adit_model::show(kind, &object, &call.full_view())))
    })
}

/// `POST /adit/me/authtoken/reset`: a new one, shown once; the old one is gone in the same step.
pub(crate) fn reset<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let kind = catalogue::by_name("credential").ok_or_else(|| missing(call))?;
        let old = current(call);
        let id = new_id(Prefix::Credential)?;
        let body = Map::from_iter([("description".to_owned(), "Default authtoken".into())]);
        let made = draft::create(kind, true, &body, id, call.caller.principal, &call.context())?;
        let mut object = made.object;
        object.body.insert(DEFAULT.to_owned(), true.into());
        let mut made = Prepared::new(kind, object);
        let token = token::give(&mut made, &call.api.dashboard)?.map(|(_, token)| token);
        let mut changes = vec![Change::Create(made)];
        changes.extend(old.map(|id| Change::Delete { id, only: None }));
        let write = Write {
            organization: call.caller.organization,
            actor: call.caller.actor(),
            changes,
            dry_run: false,
        };
        let written = call.api.stored()?.store.write(write).await;
        let written = written.map_err(|error| ApiError::of_write(error, kind.noun, &id.to_string()))?;
        let object = written.objects.first();
        let object = object.ok_or_else(|| ApiError::internal("the store did not say what it has made"))?;
        let mut shown = adit_model::show(kind, object, &call.full_view());
        shown["token"] = json!(token);
        call.here(written.position).await;
        let full = Full::json(http::StatusCode::CREATED, shown);
        Ok(full.position(written.position).into())
    })
}

fn current(call: &Call<'_>) -> Option<Id> {
    let tables = call.api.told.access.read();
    tables.default_authtoken(call.caller.organization, call.caller.principal?)
}

fn missing(call: &Call<'_>) -> ApiError {
    let values = [("kind", "default authtoken"), ("id", call.caller.subject.as_str())];
    ApiError::new(ErrorCode::ADIT_2001, &values)
}
