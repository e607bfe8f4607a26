//! Users: made together with their membership; deleted from an organisation, not from the installation, unless an
//! operator says so.

use adit_model::{Field, Form, Object, Problems, catalogue, draft};
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::{Change, Refusal, Write, log::account::SYSTEM};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::Full;
use crate::authorize::{Wish, people};
use crate::call::Call;
use crate::error::ApiError;
use crate::fresh::new_id;
use crate::resource::idempotency;
use crate::route_table::Answer;

/// What makes a user a member at once.
pub(super) const MADE_WITH: &[Field] = &[Field::set(
    "role_ids",
    Form::Texts(20, 64),
    "What the user will be able to do in the organisation: roles by id, built-in ones by name.",
)];

/// `POST /adit/users`: a user, who becomes a member with the roles `role_ids`.
pub(super) fn create<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let id = new_id(Prefix::User)?;
        let made = idempotency::once(call, call.subject()?, id, make(call, id)).await?;
        Ok(made.into())
    })
}

async fn make(call: &Call<'_>, id: Id) -> Result<Full, ApiError> {
    let subject = call.subject()?;
    let mut body = call.fields()?;
    let roles = body.remove("role_ids").unwrap_or_else(|| json!([]));
    let mut ctx = call.context();
    ctx.organization = SYSTEM;
    let user = draft::create(subject.kind, true, &body, id, None, &ctx)?;
    ctx.organization = call.caller.organization;
    let membership = Map::from_iter([
        ("user_id".to_owned(), id.to_string().into()),
        ("role_ids".to_owned(), roles),
    ]);
    let membership = draft::create(kind("member")?, true, &membership, new_id(Prefix::Member)?, None, &ctx)?;
    let shown = |object: &Object| call.show_all(subject, object);
    let wish = call.wish(subject, &shown);
    wish.create(&user.object)?;
    people::may_give(&wish, &membership.object)?;
    let both = vec![Change::Create(user), Change::Create(membership)];
    let (object, position) = write(call, call.caller.organization, both).await?;
    let object = object.ok_or_else(|| ApiError::internal("the store did not say what it has made"))?;
    let shown = call.show(subject, &object);
    let answer = call.changed(subject, StatusCode::CREATED, Some((&object, shown)), position);
    Ok(answer.await)
}

async fn write(call: &Call<'_>, organization: Id, changes: Vec<Change>) -> Result<(Option<Object>, u64), ApiError> {
    let write = Write {
        organization,
        actor: call.caller.actor(),
        changes,
        dry_run: call.is_set("dry_run"),
    };
    let written = call.api.stored()?.store.write(write).await;
    let written = written.map_err(|error| ApiError::of_write(error, "user", &call.id))?;
    Ok((written.objects.into_iter().next(), written.position))
}

/// `DELETE /adit/users/{id}`: he is no member any more, and what he owns in the organisation is gone. With
/// `?everywhere=true`, for operators, he is no user any more.
pub(super) fn delete<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let subject = call.subject()?;
        let user = call.found(subject).await?;
        let everywhere = call.is_set("everywhere");
        if everywhere {
            call.caller.require("organizations:manage")?;
        }
        let memberships: Vec<(Id, Id)> = {
            let tables = call.api.told.access.read();
            let all = tables.memberships_of(user.id).map(|p| (p.organization, p.membership));
            let ours = |(organization, _): &(Id, _)| everywhere || *organization == call.caller.organization;
            all.filter(ours).filter_map(|(o, m)| Some((o, m?))).collect()
        };
        let shown = |object: &Object| call.show_all(subject, object);
        let wish = call.wish(subject, &shown);
        people::may_send_away(&wish, &user, (!everywhere).then_some(call.caller.organization))?;
        let mut position = 0;
        for (organization, membership) in memberships {
            position = leave(call, &wish, organization, membership).await?;
        }
        if everywhere {
            let gone = Change::Delete {
                id: user.id,
                only: None,
            };
            position = write(call, user.organization, vec![gone]).await?.1;
        }
        let full: Full = call.changed(subject, StatusCode::NO_CONTENT, None, position).await;
        Ok(full.into())
    })
}

/// Ends a membership with all that goes along.
async fn leave(call: &Call<'_>, wish: &Wish<'_>, organization: Id, membership: Id) -> Result<u64, ApiError> {
    let object = call.api.stored()?.store.get(membership).await?;
    let Some(object) = object else {
        return Err(ApiError::new(
            ErrorCode::ADIT_2001,
            &[("kind", "user"), ("id", &call.id)],
        ));
    };
    let mut ids = people::along(wish, &object);
    ids.push(membership);
    let changes = ids.into_iter().map(|id| Change::Delete { id, only: None }).collect();
    Ok(write(call, organization, changes).await?.1)
}

fn kind(name: &str) -> Result<&'static adit_model::Kind, ApiError> {
    catalogue::by_name(name).ok_or_else(|| ApiError::internal("a kind is missing"))
}

/// For the gate: the first thing that is wrong.
fn refusal(Problems(problems): Problems) -> Refusal {
    match problems.into_iter().next() {
        Some(problem) => Refusal {
            code: problem.code,
            field: problem.field,
            values: problem.values,
            details: problem.details,
        },
        None => Refusal {
            code: ErrorCode::NGROK_10000,
            field: String::new(),
            values: Vec::new(),
            details: Vec::new(),
        },
    }
}

/// The fields of a body that somebody may change of himself.
pub(super) const OWN: [&str; 2] = ["name", "locale"];

/// Changes of oneself: whatever one may of others.
pub(super) async fn change_self(call: &Call<'_>, id: Id, fields: &Map<String, Value>) -> Result<(), ApiError> {
    let store = &call.api.stored()?.store;
    let kind = kind("user")?;
    let missing = || ApiError::new(ErrorCode::ADIT_2001, &[("kind", "user"), ("id", &id.to_string())]);
    let current = store.get(id).await?.ok_or_else(missing)?;
    let mut ctx = call.context();
    ctx.organization = SYSTEM;
    let Some(next) = draft::update(kind, true, &current, fields, &[], &ctx)? else {
        return Ok(());
    };
    let (fields, seen) = (fields.clone(), current.revision);
    let again = move |current: &Object| {
        let next = draft::update(kind, true, current, &fields, &[], &ctx);
        next.map_err(refusal)
    };
    let update = Change::Update {
        seen,
        next,
        again: adit_store::Again(std::sync::Arc::new(again)),
        only_seen: false,
    };
    let position = write(call, current.organization, vec![update]).await?.1;
    call.here(position).await;
    Ok(())
}
