//! One's own second factor: an authenticator in two steps, and recovery codes (control plane 3.2, 6.1). Only who is
//! signed in and has shown a password or second factor lately has to do with them.

use adit_model::Object;
use adit_model::timestamp::timestamp;
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use adit_store::Fact;
use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::factor::{self, Kept, Next};
use super::given::Given;
use super::{recovery, session, totp};
use crate::Api;
use crate::access::Caller;
use crate::answer::{Full, Reply};
use crate::call::Call;
use crate::error::ApiError;
use crate::fresh::{now_micros, random};
use crate::route_table::{Answer, Route};

/// For so long an authenticator can be confirmed, in microseconds.
const PENDING: i64 = 10 * 60 * 1_000_000;
/// RFC 3986 unreserved characters stay.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What a session may do whose user still has to get the second factor that his organisation asks for.
const MEANWHILE: [&str; 5] = [
    "/adit/me",
    "/adit/me/totp",
    "/adit/me/verify",
    "/adit/me/password",
    "/adit/sessions/current",
];

/// `POST /adit/me/totp`: without a code a new secret for an authenticator, which is good for nothing yet; with the
/// code that the authenticator shows it is the second factor, and recovery codes are made.
pub(crate) fn totp<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let given = Given::of(call, &["code"])?;
        let user = mine(call).await?;
        match given.text("code") {
            "" => challenge(call, &user).await,
            code => confirm(call, &user, code).await,
        }
    })
}

async fn challenge(call: &Call<'_>, user: &Object) -> Result<Reply, ApiError> {
    let secret = Zeroizing::new(random::<{ totp::SECRET }>()?);
    let now = now_micros();
    let mut pending = Zeroizing::new(now.to_be_bytes().to_vec());
    pending.extend_from_slice(secret.as_slice());
    let next = Next {
        pending: Some(pending),
        ..Next::default()
    };
    next.keep(call, user, false).await?;
    let secret = totp::base32(secret.as_slice());
    let host = crate::surface::host_of(&call.api.dashboard);
    let issuer = host.strip_prefix("dashboard.").unwrap_or(host);
    let encoded = |text| utf8_percent_encode(text, RESERVED);
    let url = format!(
        "otpauth://totp/{issuer}:{}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period={}",
        encoded(user.text("email")),
        totp::STEP,
        issuer = encoded(issuer),
    );
    let json = json!({
        "otpauth_url": url,
        "secret": secret,
        "expires_at": timestamp(now.saturating_add(PENDING), false),
    });
    Ok(Reply::Json(json))
}

async fn confirm(call: &Call<'_>, user: &Object, code: &str) -> Result<Reply, ApiError> {
    let store = &call.api.stored()?.store;
    let kept = Kept::of(store, user.id).await?;
    let over = || ApiError::new(ErrorCode::ADIT_2112, &[]);
    let (made, secret) = kept.pending.split_first_chunk::<8>().ok_or_else(over)?;
    if i64::from_be_bytes(*made).saturating_add(PENDING) <= now_micros() {
        return Err(over());
    }
    if !factor::use_code(store, user.id, secret, code).await? {
        return Err(ApiError::new(ErrorCode::NGROK_17001, &[]));
    }
    let codes = recovery::new()?;
    let next = Next {
        totp: Some(Zeroizing::new(secret.to_vec())),
        pending: Some(Zeroizing::default()),
        recovery: Some(recovery::kept(&codes)),
    };
    let position = next.keep(call, user, false).await?;
    // Who came in without it does not stay.
    session::end_all(store, user.id, call.caller.session_id()).await?;
    record(call, "mfa_created.v0", user, "totp");
    call.here(position).await;
    Ok(Reply::Json(json!({"recovery_codes": codes})))
}

/// `DELETE /adit/me/totp`: no second factor any more, and no recovery codes.
pub(crate) fn remove_totp<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let user = mine(call).await?;
        if !factor::has_totp(&user) {
            return Err(none());
        }
        let position = Next::nothing().keep(call, &user, false).await?;
        record(call, "mfa_deleted.v0", &user, "totp");
        call.here(position).await;
        Ok(Reply::Done)
    })
}

/// `POST /adit/me/recovery_codes`: new ones in place of all others, shown this once.
pub(crate) fn new_codes<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let user = mine(call).await?;
        if !factor::has_totp(&user) {
            return Err(none());
        }
        let codes = recovery::new()?;
        replace_codes(call, &user, recovery::kept(&codes)).await?;
        record(call, "mfa_updated.v0", &user, "recovery_codes");
        Ok(Full::json(StatusCode::CREATED, json!({"recovery_codes": codes})).into())
    })
}

/// `DELETE /adit/me/recovery_codes`: none is good any more.
pub(crate) fn remove_codes<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let user = mine(call).await?;
        if factor::mfa(&user)["recovery_codes_left"] == 0 {
            return Err(ApiError::new(ErrorCode::NGROK_17002, &[]));
        }
        replace_codes(call, &user, Zeroizing::default()).await?;
        record(call, "mfa_deleted.v0", &user, "recovery_codes");
        Ok(Reply::Done)
    })
}

async fn replace_codes(call: &Call<'_>, user: &Object, kept: Zeroizing<Vec<u8>>) -> Result<(), ApiError> {
    let next = Next {
        recovery: Some(kept),
        ..Next::default()
    };
    let position = next.keep(call, user, false).await?;
    call.here(position).await;
    Ok(())
}

/// Who asks, if he has shown lately that it is he.
///
/// # Errors
/// `ERR_ADIT_2008` for keys, 401 `ERR_ADIT_2015`.
async fn mine(call: &Call<'_>) -> Result<Object, ApiError> {
    let caller = &call.caller;
    let user = caller.principal.filter(|id| id.prefix() == Prefix::User);
    let Some(id) = user.filter(|_| caller.session.is_some()) else {
        let error = caller.lacks("members:manage");
        return Err(error.detail("hint", "only who is signed in at the dashboard has second factors"));
    };
    caller.is_recent()?;
    let missing = || ApiError::new(ErrorCode::ADIT_2001, &[("kind", "user"), ("id", &id.to_string())]);
    call.api.stored()?.store.get(id).await?.ok_or_else(missing)
}

fn none() -> ApiError {
    ApiError::new(ErrorCode::ADIT_2001, &[("kind", "second factor"), ("id", "")])
}

fn record(call: &Call<'_>, event_type: &'static str, user: &Object, method: &str) {
    let fact = Fact {
        event_type,
        object: Some(("user".to_owned(), user.id.to_string())),
        after: json!({"user_id": user.id.to_string(), "method": Value::from(method)}),
    };
    call.api
        .record
        .fact(call.caller.organization, call.caller.actor(), fact);
}

/// Whether a session may do this although its user has not the second factor that the organisation asks for.
///
/// # Errors
/// 403 `ERR_ADIT_2113`.
pub(crate) fn may(api: &Api, caller: &Caller, route: &Route) -> Result<(), ApiError> {
    if caller.session.is_none() || MEANWHILE.contains(&route.path) {
        return Ok(());
    }
    let tables = api.told.access.read();
    let asks = tables
        .organization(&caller.organization)
        .is_some_and(|organization| organization.object.flag("user_mfa_required"));
    let user = caller.principal.and_then(|id| tables.user(&id));
    if asks && user.is_some_and(|user| !factor::has_totp(&user.object)) {
        return Err(ApiError::new(ErrorCode::ADIT_2113, &[]));
    }
    Ok(())
}
