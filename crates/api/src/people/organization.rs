//! Organisations: one's own, and for operators all of them.

use adit_model::{Field, Form, Object, Prepared, catalogue, draft};
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::Change;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::Full;
use crate::call::Call;
use crate::error::ApiError;
use crate::fresh::new_id;
use crate::resource::{self, idempotency, token};
use crate::route_table::Answer;

/// The role of who is invited to a new organisation.
const ADMINISTRATOR: &str = "admin";
const ADMIN_EMAIL: &str = "admin_email";
const LINK: &str = "invitation_link";

/// Who will administer a new organisation.
pub(super) const MADE_WITH: &[Field] = &[Field::set(
    ADMIN_EMAIL,
    Form::Text(254),
    "Whom to invite as its first administrator. The answer has the link in invitation_link, once.",
)];

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

/// What the answer has besides, if somebody was invited.
pub(super) const SHOWN_ONCE: &[Field] = &[Field::shown(
    LINK,
    Form::Text(2048),
    "The link by which the first administrator accepts; only in the answer that made the organisation.",
)
.nullable()];

/// `POST /adit/organizations`: an organisation, and in the same write the invitation of its first administrator, since
/// nobody else is in it who could invite him.
pub(super) fn create<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let id = new_id(Prefix::Account)?;
        let made = idempotency::once(call, call.subject()?, id, make(call, id)).await?;
        Ok(made.into())
    })
}

async fn make(call: &Call<'_>, id: Id) -> Result<Full, ApiError> {
    let subject = call.subject()?;
    let mut body = call.fields()?;
    let email = body.remove(ADMIN_EMAIL).filter(|email| !matches!(email, Value::Null));
    let mut ctx = call.context();
    ctx.organization = id;
    let organization = draft::create(subject.kind, true, &body, id, None, &ctx)?;
    let shown = |object: &Object| call.show_all(subject, object);
    call.wish(subject, &shown).create(&organization.object)?;
    let mut changes = vec![Change::Create(organization)];
    let mut link = None;
    if let Some(email) = email {
        let mut invitation = invitation(email, &ctx)?;
        link = token::give(&mut invitation, &call.api.dashboard)?;
        changes.push(Change::Create(invitation));
    }
    let written = call.write(subject, id, changes).await?;
    let object = written.objects.first();
    let object = object.ok_or_else(|| ApiError::internal("the store did not say what it has made"))?;
    let mut json = call.show(subject, object);
    if let Some((_, link)) = link {
        json[LINK] = link.into();
    }
    let answer = call.changed(subject, StatusCode::CREATED, Some((object, json)), written.position);
    Ok(answer.await)
}

fn invitation(email: Value, ctx: &adit_model::Context) -> Result<Prepared, ApiError> {
    let kind = catalogue::by_name("invitation").ok_or_else(|| ApiError::internal("a kind is missing"))?;
    let body = Map::from_iter([
        ("email".to_owned(), email),
        ("role_ids".to_owned(), json!([ADMINISTRATOR])),
    ]);
    let made = draft::create(kind, true, &body, new_id(Prefix::Invitation)?, None, ctx);
    Ok(made.map_err(|mut problems| {
        for problem in &mut problems.0 {
            ADMIN_EMAIL.clone_into(&mut problem.field);
        }
        problems
    })?)
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
