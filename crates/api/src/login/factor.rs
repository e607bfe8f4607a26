//! The second factor of a user: what is kept of it, and whether somebody shows it (control plane 3.2).
//!
//! The secret of the authenticator and the hashes of recovery codes are sealed values of the user; whether there are
//! any stands in his field `mfa`. A code of the authenticator is good once on all nodes: its step is a row of `work`.

use std::sync::Arc;
use std::time::Instant;

use adit_model::{Object, Prepared, SecretValue, catalogue};
use adit_names::code::ErrorCode;
use adit_names::id::Id;
use adit_store::{Again, Change, Item, Store, Write, WriteError};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::given::Given;
use super::{recovery, sign_in, totp};
use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::fresh::{now_micros, now_millis};

/// Secret of the authenticator.
const TOTP: &str = "totp";
/// One that is not confirmed: when it was made (8 bytes, microseconds since the Unix epoch), then the secret.
const PENDING: &str = "totp_pending";
/// Hashes of recovery codes, one behind the other.
const RECOVERY: &str = "recovery_codes";
/// Class of the rows of steps that were used.
const CLASS: &str = "totp";
/// For so long a step is remembered: longer than its code is good. Microseconds.
const REMEMBERED: i64 = 5 * 60 * 1_000_000;
/// How often a recovery code is tried anew because its user was changed meanwhile.
const TRIES: usize = 3;

/// What is kept of a user's second factors; empty where he has none.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) totp: Zeroizing<Vec<u8>>,
    pub(super) pending: Zeroizing<Vec<u8>>,
    pub(super) recovery: Zeroizing<Vec<u8>>,
}

impl Kept {
    /// # Errors
    /// The store is away.
    pub(super) async fn of(store: &Store, user: Id) -> Result<Self, ApiError> {
        let mut kept = Self::default();
        for (field, value) in store.secrets(&[user]).await?.remove(&user).unwrap_or_default() {
            let SecretValue::Sealed(bytes) = value else { continue };
            match field.as_str() {
                TOTP => kept.totp = bytes,
                PENDING => kept.pending = bytes,
                RECOVERY => kept.recovery = bytes,
                _ => {}
            }
        }
        Ok(kept)
    }
}

/// A change of what is kept; what is none stays.
#[derive(Clone, Default)]
pub(super) struct Next {
    pub(super) totp: Option<Zeroizing<Vec<u8>>>,
    pub(super) pending: Option<Zeroizing<Vec<u8>>>,
    pub(super) recovery: Option<Zeroizing<Vec<u8>>>,
}

impl Next {
    /// Nothing is left of any.
    pub(super) fn nothing() -> Self {
        let none = || Some(Zeroizing::default());
        Self {
            totp: none(),
            pending: none(),
            recovery: none(),
        }
    }

    /// The user with it.
    fn of(&self, user: &Object) -> Option<Prepared> {
        let mut next = Prepared::new(catalogue::by_name("user")?, user.clone());
        let mut mfa = mfa(user);
        if let Some(totp) = &self.totp {
            mfa["totp"] = (!totp.is_empty()).into();
        }
        if let Some(kept) = &self.recovery {
            mfa["recovery_codes_left"] = recovery::left(kept).into();
        }
        next.object.body.insert("mfa".to_owned(), mfa);
        for (field, value) in [(TOTP, &self.totp), (PENDING, &self.pending), (RECOVERY, &self.recovery)] {
            next.secrets
                .extend(value.clone().map(|bytes| (field, SecretValue::Sealed(bytes))));
        }
        Some(next)
    }

    /// Writes it. With `only_seen`, refused if the user was changed since he was read.
    ///
    /// # Errors
    /// [`WriteError`].
    pub(super) async fn keep(self, call: &Call<'_>, user: &Object, only_seen: bool) -> Result<u64, WriteErrorOr> {
        let store = &call.api.stored()?.store;
        let missing = || ApiError::internal("a kind is missing");
        let next = self.of(user).ok_or_else(missing)?;
        let update = Change::Update {
            seen: user.revision,
            next,
            again: Again(Arc::new(move |user: &Object| Ok(self.of(user)))),
            only_seen,
        };
        let write = Write {
            organization: user.organization,
            actor: sign_in::actor(call, user),
            changes: vec![update],
            dry_run: false,
        };
        Ok(store.write(write).await?.position)
    }
}

/// Why nothing was kept.
#[derive(Debug)]
pub(super) enum WriteErrorOr {
    Write(WriteError),
    Other(ApiError),
}

impl From<WriteError> for WriteErrorOr {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<ApiError> for WriteErrorOr {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

impl From<WriteErrorOr> for ApiError {
    fn from(error: WriteErrorOr) -> Self {
        match error {
            WriteErrorOr::Write(error) => Self::of_write(error, "user", ""),
            WriteErrorOr::Other(error) => error,
        }
    }
}

/// A user without second factors; none if he has none.
#[must_use]
pub fn without_second_factors(user: &Object) -> Option<Prepared> {
    let mfa = mfa(user);
    let has_any = has_totp(user) || mfa["recovery_codes_left"].as_u64().is_some_and(|left| left > 0);
    has_any.then(|| Next::nothing().of(user)).flatten()
}

/// What is shown of second factors.
pub(crate) fn mfa(user: &Object) -> Value {
    let stored = user.body.get("mfa").filter(|mfa| mfa.is_object()).cloned();
    stored.unwrap_or_else(|| json!({"totp": false, "passkeys": [], "recovery_codes_left": 0}))
}

/// Whether a user has an authenticator.
pub(crate) fn has_totp(user: &Object) -> bool {
    mfa(user)["totp"] == true
}

/// The second step of a sign-in.
pub(super) enum Second {
    /// He has no second factor, or has shown it in this way.
    Passed(Option<&'static str>),
    /// It has to be asked for: the answer that says so.
    Ask(Reply),
}

/// The fields of a body in which a second factor is shown.
pub(super) const FIELDS: [&str; 2] = ["totp", "recovery_code"];

/// Whether who has shown the password of a user shows his second factor as well.
///
/// # Errors
/// As [`check`].
pub(super) async fn second(call: &Call<'_>, given: &Given, user: &Object) -> Result<Second, ApiError> {
    if !has_totp(user) {
        return Ok(Second::Passed(None));
    }
    let method = FIELDS.into_iter().find(|field| !given.text(field).is_empty());
    let Some(method) = method else {
        let mut ways = vec!["totp"];
        if mfa(user)["recovery_codes_left"].as_u64().is_some_and(|left| left > 0) {
            ways.push("recovery_code");
        }
        return Ok(Second::Ask(Reply::Json(json!({"next": "totp", "ways": ways}))));
    };
    check(call, user, method, given.text(method)).await?;
    Ok(Second::Passed(Some(method)))
}

/// Whether this is a code of a user; it is used up then. Counted like passwords, but apart from them: who knows the
/// password must not begin anew with each try.
///
/// # Errors
/// 401 with 17001, 17003, or 17002 where no recovery code is left; 429 with 1227 for who has to wait.
pub(super) async fn check(call: &Call<'_>, user: &Object, method: &'static str, given: &str) -> Result<(), ApiError> {
    let (ip, now) = (call.caller.ip, Instant::now());
    let throttle = &call.api.login.throttle;
    let account = format!("second factor of {}", user.id);
    if let Some(wait) = throttle.wait(&account, ip, now) {
        return Err(ApiError::new(ErrorCode::NGROK_1227, &[]).retry_after(wait.as_secs() + 1));
    }
    throttle.failed(&account, ip, now);
    let refused = match use_up(call, user, method, given).await {
        Ok(None) => {
            throttle.take_back(&account, ip);
            throttle.succeeded(&account);
            return Ok(());
        }
        Ok(Some(refused)) => refused,
        Err(error) => {
            throttle.take_back(&account, ip);
            return Err(error);
        }
    };
    sign_in::record_failure(
        call,
        Some(user),
        sign_in::Failed {
            code: refused,
            method,
            reason: method,
        },
        ip,
    );
    Err(ApiError::new(refused, &[]))
}

/// Uses a code up, or says why it is none.
async fn use_up(call: &Call<'_>, user: &Object, method: &str, given: &str) -> Result<Option<ErrorCode>, ApiError> {
    let store = &call.api.stored()?.store;
    if method == "totp" {
        let kept = Kept::of(store, user.id).await?;
        let is_right = use_code(store, user.id, &kept.totp, given).await?;
        return Ok((!is_right).then_some(ErrorCode::NGROK_17001));
    }
    let mut user = user.clone();
    for _ in 0..TRIES {
        let kept = Kept::of(store, user.id).await?;
        if !has_totp(&user) || recovery::left(&kept.recovery) == 0 {
            return Ok(Some(ErrorCode::NGROK_17002));
        }
        let Some(recovery) = recovery::without(&kept.recovery, given) else {
            return Ok(Some(ErrorCode::NGROK_17003));
        };
        let next = Next {
            recovery: Some(recovery),
            ..Next::default()
        };
        // Of several who use the same code at once, one comes in.
        match next.keep(call, &user, true).await {
            Ok(_) => return Ok(None),
            Err(WriteErrorOr::Write(WriteError::Stale { .. })) => {}
            Err(error) => return Err(error.into()),
        }
        match store.get(user.id).await? {
            Some(changed) => user = changed,
            None => break,
        }
    }
    Ok(Some(ErrorCode::NGROK_17003))
}

/// Whether this is a code of the moment that was not used before.
///
/// # Errors
/// The store is away.
pub(super) async fn use_code(store: &Store, user: Id, secret: &[u8], given: &str) -> Result<bool, ApiError> {
    if secret.is_empty() {
        return Ok(false);
    }
    let digits: Zeroizing<String> = Zeroizing::new(given.chars().filter(|c| !c.is_whitespace()).take(16).collect());
    let Some(step) = totp::step_of(secret, &digits, now_millis() / 1_000) else {
        return Ok(false);
    };
    let mut item = Item::new(format!("{user} {step}"), json!({}));
    item.expires_at = Some(now_micros().saturating_add(REMEMBERED));
    Ok(store.work().create(CLASS, &item).await?)
}
