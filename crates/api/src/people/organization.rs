//! Organisations: one's own, and for operators all of them.

use adit_model::{Object, catalogue};
use adit_names::code::ErrorCode;
use adit_names::id::Id;
use adit_store::{Change, Page, Write, WriteError};
use http::StatusCode;

use crate::call::Call;
use crate::error::ApiError;
use crate::resource;
use crate::route_table::Answer;

/// `GET /adit/organization`.
pub(crate) fn get_own<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move { resource::get::get(&of_caller(call)).await })
}

/// `PATCH /adit/organization`.
pub(crate) fn update_own<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move { resource::update::update(&of_caller(call)).await })
}

/// The same call, as if the path had named the caller's organisation.
fn of_caller<'a>(call: &Call<'a>) -> Call<'a> {
    Call {
        id: call.caller.organization.to_string(),
        ..call.clone()
    }
}

/// `DELETE /adit/organizations/{id}?confirm=<name>`: everything of it goes, its chains of the log stay. Suspended
/// first, so that nobody adds to what is being deleted; what was begun can be gone on with by the same request.
pub(super) fn delete<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let subject = call.subject()?;
        let current = call.found(subject).await?;
        if call.query.one("confirm") != Some(current.text("name")) {
            let values = [
                ("field", "confirm"),
                ("error", "it is not the name of the organisation"),
            ];
            return Err(ApiError::new(ErrorCode::NGROK_215, &values).detail("field", "confirm"));
        }
        if current.id == call.caller.organization {
            return Err(call
                .caller
                .lacks("organizations:manage")
                .detail("hint", "operators cannot delete their own"));
        }
        let shown = |object: &Object| call.show_all(subject, object);
        call.wish(subject, &shown).delete(&current)?;
        if !call.is_set("dry_run") {
            suspend(call, &current).await?;
            empty(call, current.id).await?;
        }
        let gone = vec![Change::Delete {
            id: current.id,
            only: None,
        }];
        let written = call.write(subject, current.id, gone).await?;
        let answer = call.changed(subject, StatusCode::NO_CONTENT, None, written.position);
        Ok(answer.await.into())
    })
}

async fn suspend(call: &Call<'_>, current: &Object) -> Result<(), ApiError> {
    let mut next = current.clone();
    next.body.insert("suspended".to_owned(), true.into());
    let kind = call.subject()?.kind;
    let next = adit_model::Prepared::new(kind, next);
    let again = |object: &Object| {
        let mut next = object.clone();
        next.body.insert("suspended".to_owned(), true.into());
        let kind = catalogue::by_name("organization");
        Ok(kind.map(|kind| adit_model::Prepared::new(kind, next)))
    };
    let update = Change::Update {
        seen: current.revision,
        next,
        again: adit_store::Again(std::sync::Arc::new(again)),
        only_seen: false,
    };
    write(call, current.id, update).await.map_err(|error| of(call, error))
}

/// Deletes everything of an organisation but itself. What others refer to goes once those are gone.
async fn empty(call: &Call<'_>, organization: Id) -> Result<(), ApiError> {
    loop {
        let (mut deleted, mut refused) = (0, None);
        for kind in catalogue::KINDS
            .iter()
            .filter(|k| !matches!(k.name, "organization" | "user"))
        {
            let mut before = None;
            loop {
                let page = Page {
                    kind: kind.name,
                    organization: Some(organization),
                    before,
                    limit: 100,
                    terms: Vec::new(),
                };
                let objects = call.api.stored()?.store.page(&page).await?;
                let Some(last) = objects.last() else { break };
                before = Some(last.id);
                for object in objects {
                    match write(
                        call,
                        organization,
                        Change::Delete {
                            id: object.id,
                            only: None,
                        },
                    )
                    .await
                    {
                        // It went along with another.
                        Ok(()) | Err(WriteError::NotFound) => deleted += 1,
                        Err(WriteError::Refused(refusal)) => refused = Some(WriteError::Refused(refusal)),
                        Err(error) => return Err(of(call, error)),
                    }
                }
            }
        }
        match refused {
            None => return Ok(()),
            Some(error) if deleted == 0 => return Err(of(call, error)),
            Some(_) => {}
        }
    }
}

async fn write(call: &Call<'_>, organization: Id, change: Change) -> Result<(), WriteError> {
    let write = Write {
        organization,
        actor: call.caller.actor(),
        changes: vec![change],
        dry_run: false,
    };
    match call.api.stored() {
        Ok(stored) => stored.store.write(write).await.map(drop),
        Err(_) => Err(WriteError::Unavailable("this node has no store".to_owned())),
    }
}

fn of(call: &Call<'_>, error: WriteError) -> ApiError {
    ApiError::of_write(error, "organisation", &call.id)
}
