//! Sessions of the dashboard, one's own and, for who manages members, those of others (control plane 6.1).

use adit_model::timestamp::timestamp;
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::Fact;
use serde_json::{Value, json};

use super::cookie::Cookie;
use super::session::{self, Session};
use crate::answer::{Full, Reply};
use crate::authorize::people;
use crate::call::Call;
use crate::error::ApiError;
use crate::page::list_json;
use crate::route_table::Answer;

/// `GET /adit/sessions`: the caller's, or with `user_id` another member's. A user has 50 at most, so all are one page.
pub(crate) fn list<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let mut found = Vec::new();
        if let Some(user) = whose(call)? {
            let own = call.caller.principal == Some(user);
            found = session::of_user(&call.api.stored()?.store, user).await?;
            // What he does in other organisations is not theirs to see.
            found.retain(|session| own || session.organization == call.caller.organization);
        }
        let shown = found.iter().map(|session| show(call, session)).collect();
        Ok(Reply::Json(list_json(
            "sessions",
            shown,
            call.api.uri(&call.target),
            None,
        )))
    })
}

/// Whose sessions were asked for; none for service users, who have none.
fn whose(call: &Call<'_>) -> Result<Option<Id>, ApiError> {
    let own = call.caller.principal.filter(|id| id.prefix() == Prefix::User);
    let Some(text) = call.query.one("user_id") else {
        return Ok(own);
    };
    let missing = || ApiError::new(ErrorCode::ADIT_2001, &[("kind", "user"), ("id", text)]);
    let user = Id::parse_as(Prefix::User, text);
    let user = user.map_err(|_| ApiError::new(ErrorCode::NGROK_227, &[("field", "user_id"), ("expected", "usr")]))?;
    if own == Some(user) {
        return Ok(own);
    }
    call.caller.require("members:manage")?;
    let tables = call.api.told.access.read();
    match tables.person(call.caller.organization, user) {
        Some(_) => Ok(Some(user)),
        None => Err(missing()),
    }
}

/// `DELETE /adit/sessions/{id}`: it is over, on every node at once.
pub(crate) fn revoke<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let missing = || ApiError::new(ErrorCode::ADIT_2001, &[("kind", "session"), ("id", &call.id)]);
        let id = Id::parse_as(Prefix::DashboardSession, &call.id).map_err(|_| missing())?;
        let session = found(call, id).await?.ok_or_else(missing)?;
        if call.caller.principal != Some(session.user) {
            people::may_reset_in(&call.api.told.access, &call.caller, session.user)?;
        }
        if !session::end(&call.api.stored()?.store, &session).await? {
            return Err(missing());
        }
        record(call, "dashboard_session_revoked.v0", &session);
        over(call, &session)
    })
}

/// `DELETE /adit/sessions/current`: signing out.
pub(crate) fn sign_out<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let none = || ApiError::new(ErrorCode::ADIT_2001, &[("kind", "session"), ("id", "current")]);
        let session = call.caller.session.as_ref().ok_or_else(none)?;
        session::end(&call.api.stored()?.store, session).await?;
        record(call, "dashboard_logout.v0", session);
        over(call, session)
    })
}

async fn found(call: &Call<'_>, id: Id) -> Result<Option<Session>, ApiError> {
    let store = &call.api.stored()?.store;
    if let Some(own) = call.caller.principal.filter(|id| id.prefix() == Prefix::User) {
        let mine = session::of_user(store, own).await?;
        if let Some(session) = mine.into_iter().find(|session| session.id == id) {
            return Ok(Some(session));
        }
    }
    if call.caller.reach("members:manage").is_nothing() {
        return Ok(None);
    }
    Ok(session::in_organization(store, call.caller.organization, id).await?)
}

fn over(call: &Call<'_>, session: &Session) -> Result<Reply, ApiError> {
    let full = Full::done();
    if call.caller.session_id() == Some(session.id) {
        return Ok(full.cookie(Cookie::unset()?).into());
    }
    Ok(full.into())
}

fn record(call: &Call<'_>, event_type: &'static str, session: &Session) {
    let fact = Fact {
        event_type,
        object: Some(("session".to_owned(), session.id.to_string())),
        after: json!({
            "account_id": session.organization.to_string(),
            "user_id": session.user.to_string(),
        }),
    };
    call.api
        .record
        .fact(call.caller.organization, call.caller.actor(), fact);
}

fn show(call: &Call<'_>, session: &Session) -> Value {
    let uri = |path: &str| call.api.uri(&format!("/adit/{path}"));
    json!({
        "id": session.id.to_string(),
        "uri": uri(&format!("sessions/{}", session.id)),
        "user": {"id": session.user.to_string(), "uri": uri(&format!("users/{}", session.user))},
        "created_at": timestamp(session.kept.created_at, true),
        "last_seen": timestamp(session.kept.seen_at, true),
        "expires_at": timestamp(session.expires_at, true),
        "ip": session.kept.ip,
        "user_agent": session.kept.user_agent,
        "current": call.caller.session_id() == Some(session.id),
    })
}
