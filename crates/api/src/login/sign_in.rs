//! `POST /adit/sessions`: signing in with a password (control plane 3.2).
//!
//! Whether an account exists is not said: an unknown address costs the same work, is throttled the same way and gets
//! the same answer as a wrong password.

use std::net::IpAddr;
use std::time::Instant;

use adit_model::kind::{organization::setting, user::canonical_email};
use adit_model::{Object, SecretValue};
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::{Actor, Change, Fact, Source, Store, Write};
use http::StatusCode;
use serde_json::{Map, json};
use zeroize::Zeroizing;

use super::factor::{self, Second};
use super::given::Given;
use super::own;
use super::password::{self, Checked};
use super::session::{self, From, Lasts};
use crate::access::Tables;
use crate::answer::{Full, Reply};
use crate::call::Call;
use crate::error::ApiError;
use crate::record::{Refused, remote_addr};
use crate::route_table::Answer;

/// Bytes of an address that is no address, for counting attempts.
const COUNTED: usize = 254;

/// Who showed what is right.
pub(super) struct Right {
    pub(super) user: Object,
    /// The hash that says so.
    pub(super) hash: Zeroizing<String>,
    /// With a new hash if the kept one is of another cost.
    pub(super) anew: Option<Zeroizing<String>>,
}

/// Answers it: `{email}` gets the ways to sign in, which are the same for everybody; `{email, password}` a session, or
/// for who has a second factor the question for it: then both come again, with `totp` or `recovery_code`. Nothing is
/// kept in between, so that there is nothing that could be taken over.
pub(crate) fn sign_in<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let given = Given::of(call, &["email", "password", "totp", "recovery_code"])?;
        let email = given.needed("email")?;
        if given.text("password").is_empty() {
            return Ok(Reply::Json(json!({"next": "password", "ways": ["password"]})));
        }
        let right = check(call, email, given.text("password")).await?;
        let method = match factor::second(call, &given, &right.user).await? {
            Second::Ask(reply) => return Ok(reply),
            Second::Passed(None) => "password",
            Second::Passed(Some("totp")) => "password totp",
            Second::Passed(Some(_)) => "password recovery_code",
        };
        let mut hashes = vec![right.hash];
        if let Some(anew) = right.anew {
            own::keep_anew(call, &right.user, &anew).await?;
            hashes.push(anew);
        }
        begin(call, &right.user, method, &hashes).await
    })
}

/// Whether this is somebody's password. Counted, and recorded where it is not.
///
/// # Errors
/// 401 with 4100; 429 with 1227 for who has to wait; 503 if too many wait for a thread.
pub(super) async fn check(call: &Call<'_>, email: &str, password: &str) -> Result<Right, ApiError> {
    let (ip, now) = (call.caller.ip, Instant::now());
    let login = &call.api.login;
    let canonical = canonical_email(email);
    let account: String = match &canonical {
        Some(email) => email.clone(),
        None => email.chars().take(COUNTED).collect(),
    };
    if let Some(wait) = login.throttle.wait(&account, ip, now) {
        return Err(ApiError::new(ErrorCode::NGROK_1227, &[]).retry_after(wait.as_secs() + 1));
    }
    // Counted before it is known, so that many at once are not all free.
    login.throttle.failed(&account, ip, now);
    let compared = compare(call, &account, password).await;
    // What could not be compared was no failure.
    let (checked, user, hash) = compared.inspect_err(|_| login.throttle.take_back(&account, ip))?;
    match (checked, user, hash) {
        (Checked::Right { anew }, Some(user), Some(hash)) if is_active(&user) => {
            login.throttle.take_back(&account, ip);
            login.throttle.succeeded(&account);
            Ok(Right { user, hash, anew })
        }
        (checked, user, _) => {
            let reason = match checked {
                Checked::Right { .. } => "inactive",
                Checked::Wrong if user.is_none() => "unknown",
                Checked::Wrong => "password",
            };
            let failed = Failed {
                code: ErrorCode::NGROK_4100,
                method: "password",
                reason,
            };
            record_failure(call, user.as_ref(), failed, ip);
            Err(ApiError::new(ErrorCode::NGROK_4100, &[]))
        }
    }
}

/// Compares a password with the one of an account; with the account's user and hash, if it has any.
///
/// # Errors
/// The store is away; 503 if too many wait for a thread.
async fn compare(
    call: &Call<'_>,
    account: &str,
    password: &str,
) -> Result<(Checked, Option<Object>, Option<Zeroizing<String>>), ApiError> {
    let store = &call.api.stored()?.store;
    let holder = store.holder("email", account).await?;
    // Asked for nobody as well: so both take as long.
    let id = holder.map_or(NOBODY, |(id, _)| id);
    let user = store.get(id).await?;
    let hash = hash_of_user(store, id).await?;
    let checked = call.api.login.passwords()?.check(password, hash.clone()).await?;
    Ok((checked, user, hash))
}

/// The hash of a user's password.
///
/// # Errors
/// The store is away.
async fn hash_of_user(store: &Store, user: Id) -> Result<Option<Zeroizing<String>>, ApiError> {
    let mut secrets = store.secrets(&[user]).await?.remove(&user).unwrap_or_default();
    Ok(secrets.drain(..).rev().find_map(|(field, value)| match value {
        SecretValue::Sealed(bytes) if field == password::FIELD => {
            String::from_utf8(bytes.to_vec()).ok().map(Zeroizing::new)
        }
        _ => None,
    }))
}

const NOBODY: Id = Id::from_bytes(Prefix::User, [0; 20]);

fn is_active(user: &Object) -> bool {
    user.body.get("active").and_then(serde_json::Value::as_bool) != Some(false)
}

/// What a user signs in to.
struct Home {
    organization: Id,
    lasts: Lasts,
    rights: String,
}

/// The first organisation that lets a user in.
///
/// # Errors
/// Why the last one does not: 205, 635, 636, `ERR_ADIT_2103`.
fn home(tables: &Tables, user: Id) -> Result<Home, ApiError> {
    let mut refused = ApiError::new(ErrorCode::NGROK_635, &[]);
    let mut memberships: Vec<_> = tables.memberships_of(user).collect();
    memberships.sort_unstable_by_key(|p| p.organization);
    for person in memberships {
        let Some(organization) = tables.organization(&person.organization) else {
            continue;
        };
        let code = if organization.suspended {
            ErrorCode::NGROK_205
        } else if !tables.is_active(person) {
            ErrorCode::NGROK_636
        } else if tables.rights(person).roles.is_empty() {
            ErrorCode::NGROK_635
        } else if !setting(&organization.object, "password_login") {
            ErrorCode::ADIT_2103
        } else {
            return Ok(Home {
                organization: person.organization,
                lasts: organization.sessions,
                rights: tables.mark_of_rights(user),
            });
        };
        refused = ApiError::new(code, &[]);
    }
    Err(refused)
}

/// Begins a session of a user who has shown by `method` who he is: with the password that has one of these hashes, and
/// has it still.
///
/// # Errors
/// As [`home`]; 401 with 4100 if he has got another password meanwhile; the store is away.
pub(super) async fn begin(
    call: &Call<'_>,
    user: &Object,
    method: &str,
    hashes: &[Zeroizing<String>],
) -> Result<Reply, ApiError> {
    let home = home(&call.api.told.access.read(), user.id)?;
    let store = &call.api.stored()?.store;
    let from = From {
        user: user.id,
        organization: home.organization,
        ip: call.caller.ip,
        user_agent: &call.caller.user_agent,
        rights: &home.rights,
    };
    let (session, cookie) = session::begin(store, from, home.lasts).await?;
    // Who changes a password ends the sessions that there are; this one may have come behind that.
    let hash = hash_of_user(store, user.id).await?;
    if !hash.is_some_and(|hash| hashes.contains(&hash)) {
        session::end(store, &session).await?;
        return Err(ApiError::new(ErrorCode::NGROK_4100, &[]));
    }
    let actor = Actor {
        credential: Some(session.id),
        ..actor(call, user)
    };
    let fact = Fact {
        event_type: "dashboard_login.v0",
        object: Some(("session".to_owned(), session.id.to_string())),
        after: json!({
            "account_id": home.organization.to_string(),
            "user_id": user.id.to_string(),
            "remote_addr": remote_addr(call.caller.ip),
            "email": user.text("email"),
            "method": method,
        }),
    };
    let write = Write {
        organization: home.organization,
        actor,
        changes: vec![Change::Fact(fact)],
        dry_run: false,
    };
    // Nobody comes in unseen.
    if let Err(error) = store.write(write).await {
        session::end(store, &session).await?;
        return Err(ApiError::of_write(error, "session", &session.id.to_string()));
    }
    call.api
        .told
        .access
        .used()
        .note(user.id, home.organization, call.caller.ip, crate::fresh::now_micros());
    let json = json!({
        "next": "done",
        "session": {"id": session.id.to_string(), "csrf": cookie.csrf()},
    });
    let full = Full::json(StatusCode::OK, json);
    Ok(full.cookie(cookie.set(session.left(home.lasts))?).into())
}

/// As the log names who signs in.
pub(super) fn actor(call: &Call<'_>, user: &Object) -> Actor {
    Actor {
        principal: Some(user.id),
        subject: user.text("email").to_owned(),
        source: Source::Dashboard,
        ..call.caller.actor()
    }
}

/// What was not right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed {
    pub(super) code: ErrorCode,
    /// By what he tried to sign in.
    pub(super) method: &'static str,
    pub(super) reason: &'static str,
}

/// Of an unknown account only that it is unknown: people type passwords where addresses belong.
pub(super) fn record_failure(call: &Call<'_>, user: Option<&Object>, failed: Failed, ip: IpAddr) {
    let tables = call.api.told.access.read();
    let theirs = user.and_then(|user| tables.memberships_of(user.id).map(|p| p.organization).min());
    let Some(organization) = theirs.or_else(|| tables.operators()) else {
        return;
    };
    drop(tables);
    let text = |t: &str| serde_json::Value::from(t);
    call.api.record.refused(Refused {
        event_type: "dashboard_login_failed.v0",
        organization,
        actor: user.map_or_else(|| call.caller.actor(), |user| actor(call, user)),
        error_code: failed.code.as_str(),
        rule: None,
        object: Map::from_iter([
            ("remote_addr".to_owned(), remote_addr(ip)),
            (
                "user_id".to_owned(),
                user.map_or(serde_json::Value::Null, |u| u.id.to_string().into()),
            ),
            ("email".to_owned(), text(user.map_or("", |u| u.text("email")))),
            ("method".to_owned(), text(failed.method)),
            ("reason".to_owned(), text(failed.reason)),
        ]),
    });
}
