//! Links that are good once (control plane 3.2): the first administrator's, and those that reset a password. Only the
//! hash of what is in a link is kept.

use adit_names::code::ErrorCode;
use adit_names::id::Id;
use adit_store::{Item, Store, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::authenticate::hash_of;
use crate::error::ApiError;
use crate::fresh::{now_micros, random};

/// Class of the rows.
const CLASS: &str = "once";
/// How long a link that resets a password is good: an hour, in microseconds.
const RESET: i64 = 3_600 * 1_000_000;
/// How long the first administrator's link is good: a day, in microseconds.
const SETUP: i64 = 24 * RESET;
/// Longest text that is looked up.
const LONGEST: usize = 128;

/// What a link lets do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The first administrator chooses his password.
    Setup,
    /// A user chooses a new password.
    Reset,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Reset => "reset",
        }
    }
}

/// 256 random bits as text.
///
/// # Errors
/// The system gives no random bytes.
pub(crate) fn secret() -> Result<String, ApiError> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// Whom a link is for.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) user: Id,
    /// Where he was a member when an administrator made it, who had no power over what he has joined since: then it is
    /// not good any more. None: made on the host, or at the setup.
    pub(crate) memberships: Option<Vec<Id>>,
}

/// Makes a link's token by which `user`, a member of these organisations, resets his password: it, and until when it is
/// good. One that he had before is void.
///
/// # Errors
/// The store is away, or the system gives no random bytes.
pub(crate) async fn reset(store: &Store, user: Id, memberships: &[Id]) -> Result<(String, i64), ApiError> {
    let token = secret()?;
    let until = make(store, &token, user, Some(memberships)).await?;
    Ok((token, until))
}

/// Makes this token good for a new password of a user, for an hour; one that he had before is void. Until when it is
/// good, in microseconds since the Unix epoch.
///
/// # Errors
/// The store is away.
pub async fn reset_with(store: &Store, token: &str, user: Id) -> Result<i64, StoreError> {
    make(store, token, user, None).await
}

async fn make(store: &Store, token: &str, user: Id, memberships: Option<&[Id]>) -> Result<i64, StoreError> {
    withdraw(store, user).await?;
    let until = now_micros().saturating_add(RESET);
    put(store, Purpose::Reset, token, user, until, memberships).await?;
    let mut item = Item::new(newest(user), json!({ "key": key(Purpose::Reset, token) }));
    item.expires_at = Some(until);
    store.work().put(CLASS, &item).await?;
    Ok(until)
}

/// Makes this token good for the setup of an installation by its first administrator, for a day.
///
/// # Errors
/// The store is away.
pub async fn set_up_with(store: &Store, token: &str, user: Id) -> Result<(), StoreError> {
    let until = now_micros().saturating_add(SETUP);
    put(store, Purpose::Setup, token, user, until, None).await
}

/// Makes a link void that resets the password of a user.
///
/// # Errors
/// The store is away.
pub(crate) async fn withdraw(store: &Store, user: Id) -> Result<(), StoreError> {
    let Some(item) = store.work().take(CLASS, &newest(user)).await? else {
        return Ok(());
    };
    if let Some(key) = item.body.get("key").and_then(Value::as_str) {
        store.work().delete(CLASS, key).await?;
    }
    Ok(())
}

async fn put(
    store: &Store,
    purpose: Purpose,
    token: &str,
    user: Id,
    until: i64,
    memberships: Option<&[Id]>,
) -> Result<(), StoreError> {
    let mut body = json!({ "user": user.to_string() });
    if let Some(memberships) = memberships {
        body["memberships"] = memberships.iter().map(Id::to_string).collect();
    }
    let mut item = Item::new(key(purpose, token), body);
    item.expires_at = Some(until);
    store.work().put(CLASS, &item).await
}

/// Whose link it is, if it is good; it stays good.
///
/// # Errors
/// 403 `ERR_ADIT_2104`.
pub(crate) async fn look(store: &Store, purpose: Purpose, token: &str) -> Result<Link, ApiError> {
    if token.len() > LONGEST {
        return Err(over());
    }
    // Found by its hash: how long that takes says nothing about other tokens.
    let key = key(purpose, token);
    let found = store.work().get(CLASS, &key).await?;
    let link = found.as_ref().and_then(Link::of).ok_or_else(over)?;
    if purpose == Purpose::Reset {
        // Of two that were made at the same time, each before it saw the other, one is the newest.
        let newest = store.work().get(CLASS, &newest(link.user)).await?;
        if newest.is_none_or(|newest| newest.body.get("key").and_then(Value::as_str) != Some(key.as_str())) {
            return Err(over());
        }
    }
    Ok(link)
}

/// Uses it up: of several who ask, one gets it.
///
/// # Errors
/// 403 `ERR_ADIT_2104`.
pub(crate) async fn take(store: &Store, purpose: Purpose, token: &str) -> Result<Item, ApiError> {
    let taken = store.work().take(CLASS, &key(purpose, token)).await?;
    taken.ok_or_else(over)
}

/// Gives it back, since what it was taken for could not be done.
pub(crate) async fn give_back(store: &Store, item: &Item) {
    if let Err(error) = store.work().put(CLASS, item).await {
        tracing::warn!(%error, "a link is used up though nothing was done with it");
    }
}

/// The refusal of a link that is not good.
pub(crate) fn over() -> ApiError {
    ApiError::new(ErrorCode::ADIT_2104, &[])
}

impl Link {
    fn of(item: &Item) -> Option<Self> {
        let memberships = item.body.get("memberships").map(|list| {
            let list = list.as_array().map_or(&[][..], Vec::as_slice);
            list.iter().filter_map(|id| id.as_str()?.parse().ok()).collect()
        });
        Some(Self {
            user: item.body.get("user")?.as_str()?.parse().ok()?,
            memberships,
        })
    }
}

fn key(purpose: Purpose, token: &str) -> String {
    format!("{} {}", purpose.name(), URL_SAFE_NO_PAD.encode(hash_of(token)))
}

/// Where it stands which link a user has.
fn newest(user: Id) -> String {
    format!("newest {user}")
}
