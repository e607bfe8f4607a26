//! One's own password: another one, and showing it again before something dangerous (control plane 3.2).

use std::sync::Arc;

use adit_model::{Object, Prepared, SecretValue, catalogue};
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use adit_store::{Again, Change, Write, WriteError};
use zeroize::Zeroizing;

use super::given::Given;
use super::{factor, link, password, session, sign_in};
use crate::answer::{Full, Reply};
use crate::call::Call;
use crate::error::ApiError;
use crate::route_table::Answer;

/// `POST /adit/me/password`: another one in place of the old one, which has to be shown. Ends all sessions but the one
/// that asks, whose cookie gets a new value.
pub(crate) fn change<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let given = Given::of(call, &["current_password", "password"])?;
        let user = shown_again(call, given.needed("current_password")?).await?;
        let hash = call.api.login.passwords()?.hash(given.needed("password")?).await?;
        let position = keep(call, &user, &hash).await?;
        let store = &call.api.stored()?.store;
        link::withdraw(store, user.id).await?;
        session::end_all(store, user.id, call.caller.session_id()).await?;
        Ok(verified(call).await?.position(position).into())
    })
}

/// `POST /adit/me/verify`: the password once more, or a code of one's authenticator; for 10 minutes the session may do
/// what is dangerous.
pub(crate) fn verify<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let given = Given::of(call, &["password", "totp"])?;
        match given.text("totp") {
            "" => drop(shown_again(call, given.needed("password")?).await?),
            code => code_shown(call, code).await?,
        }
        Ok(Reply::from(verified(call).await?))
    })
}

/// The caller, if this is his password.
///
/// # Errors
/// As a sign-in; `ERR_ADIT_2008` for who is no user.
async fn shown_again(call: &Call<'_>, password: &str) -> Result<Object, ApiError> {
    let caller = &call.caller;
    if caller.principal.is_none_or(|id| id.prefix() != Prefix::User) {
        return Err(caller
            .lacks("members:manage")
            .detail("hint", "only people have passwords"));
    }
    Ok(sign_in::check(call, &caller.subject, password).await?.user)
}

/// Whether a code is one of the caller's authenticator.
async fn code_shown(call: &Call<'_>, code: &str) -> Result<(), ApiError> {
    let wrong = || ApiError::new(ErrorCode::NGROK_17001, &[]);
    let id = call
        .caller
        .session
        .as_ref()
        .map(|session| session.user)
        .ok_or_else(wrong)?;
    let user = call.api.stored()?.store.get(id).await?;
    let user = user.filter(factor::has_totp).ok_or_else(wrong)?;
    factor::check(call, &user, "totp", code).await
}

/// The answer to who has just shown his password: the cookie of his session gets a new value.
async fn verified(call: &Call<'_>) -> Result<Full, ApiError> {
    let Some(session) = &call.caller.session else {
        return Ok(Full::done());
    };
    let mut session = (**session).clone();
    let lasts = call.caller.lasts();
    let ended = || ApiError::new(ErrorCode::ADIT_2101, &[]);
    let cookie = session.verified(&call.api.stored()?.store, lasts).await?;
    let cookie = cookie.ok_or_else(ended)?;
    let json = serde_json::json!({
        "session": {"id": session.id.to_string(), "csrf": cookie.csrf()},
    });
    Ok(Full::json(http::StatusCode::OK, json).cookie(cookie.set(session.left(lasts))?))
}

/// Keeps the hash of a user's password.
///
/// # Errors
/// The user is gone, or the store away.
pub(super) async fn keep(call: &Call<'_>, user: &Object, hash: &Zeroizing<String>) -> Result<u64, ApiError> {
    let written = write(call, user, hash, false).await?;
    written.map_err(|error| ApiError::of_write(error, "user", &user.id.to_string()))
}

/// Keeps another hash of the same password, unless the user was changed since he was read: he may have another password.
///
/// # Errors
/// The store is away.
pub(super) async fn keep_anew(call: &Call<'_>, user: &Object, hash: &Zeroizing<String>) -> Result<(), ApiError> {
    match write(call, user, hash, true).await? {
        Ok(_) | Err(WriteError::Stale { .. } | WriteError::NotFound) => Ok(()),
        Err(error) => Err(ApiError::of_write(error, "user", &user.id.to_string())),
    }
}

async fn write(
    call: &Call<'_>,
    user: &Object,
    hash: &Zeroizing<String>,
    only_seen: bool,
) -> Result<Result<u64, WriteError>, ApiError> {
    let kind = catalogue::by_name("user").ok_or_else(|| ApiError::internal("a kind is missing"))?;
    let hash = hash.clone();
    let with = move |user: &Object| {
        let mut next = Prepared::new(kind, user.clone());
        let bytes = Zeroizing::new(hash.as_bytes().to_vec());
        next.secrets.push((password::FIELD, SecretValue::Sealed(bytes)));
        next
    };
    let update = Change::Update {
        seen: user.revision,
        next: with(user),
        again: Again(Arc::new(move |user: &Object| Ok(Some(with(user))))),
        only_seen,
    };
    let write = Write {
        organization: user.organization,
        actor: sign_in::actor(call, user),
        changes: vec![update],
        dry_run: false,
    };
    let written = call.api.stored()?.store.write(write).await;
    Ok(written.map(|written| written.position))
}
