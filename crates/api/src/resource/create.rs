//! `POST` of a new object.

use std::time::Instant;

use adit_model::draft;
use adit_names::id::Id;
use http::StatusCode;

use super::{Subject, idempotency, special, token};
use crate::answer::Full;
use crate::authorize::owner;
use crate::call::Call;
use crate::error::ApiError;
use crate::fresh::new_id;
use crate::people::scope;
use crate::route_table::Answer;

/// Makes an object from the body.
pub(crate) fn create<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let subject = call.subject()?;
        let id = new_id(subject.kind.prefix)?;
        let made = idempotency::once(call, subject, id, make(call, subject, id)).await?;
        Ok(made.into())
    })
}

async fn make(call: &Call<'_>, subject: &'static Subject, id: Id) -> Result<Full, ApiError> {
    let credential = call.caller.credential.unwrap_or(call.caller.organization);
    call.api.counters.create(credential, call.api.nodes(), Instant::now())?;
    let mut body = call.fields()?;
    special::before_create(call, subject, &mut body).await?;
    let owner = if special::has_owner(subject.kind) {
        owner::of_body(&call.api.told.access, &call.caller, &body)?
    } else {
        None
    };
    let mut ctx = call.context();
    ctx.organization = scope::of(call.api, subject.kind.name, id, &call.caller);
    let mut prepared = draft::create(subject.kind, subject.additions, &body, id, owner, &ctx)?;
    let shown = |object: &_| call.show_all(subject, object);
    call.wish(subject, &shown).create(&prepared.object)?;
    let token = token::give(&mut prepared, &call.api.dashboard)?;
    let written = special::write_new(call, subject, prepared).await?;
    let Some(object) = written.objects.first() else {
        return Err(ApiError::internal("the store did not say what it has made"));
    };
    let mut json = call.show(subject, object);
    if let Some((field, token)) = token {
        json[field] = token.into();
    }
    Ok(call
        .changed(subject, StatusCode::CREATED, Some((object, json)), written.position)
        .await)
}
