//! Links by which people get a password (control plane 3.2): the first administrator's, and those that administrators
//! make for who has forgotten his. There is no mail server: whoever makes a link hands it over.

use adit_model::Object;
use adit_model::timestamp::timestamp;
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use http::StatusCode;
use serde_json::json;
use zeroize::Zeroizing;

use super::given::Given;
use super::link::{self, Purpose};
use super::{own, session, sign_in};
use crate::access::Access;
use crate::answer::{Full, Reply};
use crate::authorize::people;
use crate::call::Call;
use crate::error::ApiError;
use crate::route_table::Answer;

/// `POST /adit/setup/{token}`: the first administrator chooses his password and is signed in. The link is good once;
/// afterwards there is nothing here.
pub(crate) fn setup<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let given = Given::of(call, &["password"])?;
        let none = |error: ApiError| match error.code() {
            ErrorCode::ADIT_2104 => ApiError::new(ErrorCode::ADIT_2001, &[("kind", "setup link"), ("id", "")]),
            _ => error,
        };
        let token = call.value("token");
        let (user, hash) = by_link(call, Purpose::Setup, token, given.needed("password")?)
            .await
            .map_err(none)?;
        sign_in::begin(call, &user, "setup", &[hash]).await
    })
}

/// `POST /adit/password_reset`: a new password by a link. Ends all sessions of the user, who signs in with it then.
pub(crate) fn reset<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let given = Given::of(call, &["token", "password"])?;
        let (user, _) = by_link(call, Purpose::Reset, given.needed("token")?, given.needed("password")?).await?;
        call.api.login.throttle.succeeded(user.text("email"));
        Ok(Reply::Done)
    })
}

/// Gives the user of a link this password; with its hash.
async fn by_link(
    call: &Call<'_>,
    purpose: Purpose,
    token: &str,
    password: &str,
) -> Result<(Object, Zeroizing<String>), ApiError> {
    let store = &call.api.stored()?.store;
    // Nobody has hashes made who has no link.
    let link = link::look(store, purpose, token).await?;
    let id = link.user;
    let memberships = memberships(&call.api.told.access, id);
    if let Some(then) = &link.memberships
        && memberships.iter().any(|organization| !then.contains(organization))
    {
        return Err(link::over());
    }
    let hash = call.api.login.passwords()?.hash(password).await?;
    let user = store.get(id).await?.ok_or_else(link::over)?;
    let taken = link::take(store, purpose, token).await?;
    if let Err(error) = own::keep(call, &user, &hash).await {
        link::give_back(store, &taken).await;
        return Err(error);
    }
    link::withdraw(store, id).await?;
    session::end_all(store, id, None).await?;
    Ok((user, hash))
}

/// Where a user is a member.
fn memberships(access: &Access, user: Id) -> Vec<Id> {
    access.read().memberships_of(user).map(|p| p.organization).collect()
}

/// `POST /adit/users/{id}/reset_password`: a link by which the user chooses a new password, shown this once.
pub(crate) fn make_link<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let missing = || ApiError::new(ErrorCode::ADIT_2001, &[("kind", "user"), ("id", &call.id)]);
        let user = Id::parse_as(Prefix::User, &call.id).map_err(|_| missing())?;
        let access = &call.api.told.access;
        if access.read().person(call.caller.organization, user).is_none() {
            return Err(missing());
        }
        people::may_reset(access, &call.caller, user)?;
        let (token, until) = link::reset(&call.api.stored()?.store, user, &memberships(access, user)).await?;
        call.api.record.fact(
            call.caller.organization,
            call.caller.actor(),
            adit_store::Fact {
                event_type: "password_reset_requested.v0",
                object: Some(("user".to_owned(), user.to_string())),
                after: json!({"user_id": user.to_string(), "expires_at": timestamp(until, false)}),
            },
        );
        let json = json!({
            "link": format!("{}/#reset={token}", call.api.dashboard),
            "expires_at": timestamp(until, false),
        });
        Ok(Full::json(StatusCode::CREATED, json).into())
    })
}
