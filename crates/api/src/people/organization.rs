//! Organisations: one's own, and for operators all of them.

use adit_model::Object;
use adit_names::code::ErrorCode;
use adit_store::Change;
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

/// `DELETE /adit/organizations/{id}?confirm=<name>`: everything of it goes in one write, its chains of the log stay.
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
        let gone = vec![Change::Delete {
            id: current.id,
            only: None,
        }];
        let written = call.write(subject, current.id, gone).await?;
        let answer = call.changed(subject, StatusCode::NO_CONTENT, None, written.position);
        Ok(answer.await.into())
    })
}
