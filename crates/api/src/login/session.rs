//! Sessions of people at the dashboard (control plane 3.2), kept in the store's table `work`: no history, and gone at
//! once for all nodes when a row is deleted.
//!
//! The key of a row is user and session, so the sessions of one user stand together. The secret of the cookie is kept
//! as its SHA-256. A session ends when it was not used for [`IDLE`], at the latest [`ABSOLUTE`] after the sign-in; the
//! organisation may set other times.

use std::time::Duration;

use adit_names::id::{Id, Prefix};
use adit_store::{Item, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cookie::Cookie;
use crate::error::ApiError;
use crate::fresh::{new_id, now_micros};

/// Class of its rows.
const CLASS: &str = "session";
/// Unused for so long, a session ends.
pub(crate) const IDLE: Duration = Duration::from_secs(12 * 3_600);
/// After so long any session ends.
pub(crate) const ABSOLUTE: Duration = Duration::from_secs(30 * 86_400);
/// A password or second factor is recent for so long.
const RECENT: Duration = Duration::from_secs(600);
/// How exactly it is known when a session was last used.
const SEEN: Duration = Duration::from_secs(60);
/// So long the value of a cookie that was replaced is still good, for requests that were on their way.
const GRACE: Duration = Duration::from_secs(10);
/// Most sessions of one user; the one that was not used for longest goes.
const MOST: usize = 50;
/// Rows that are read at once.
const BATCH: usize = 500;
/// Bytes of a browser's name that are kept.
const USER_AGENT: usize = 255;

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lasts {
    pub(crate) idle: Duration,
    pub(crate) absolute: Duration,
}

impl Default for Lasts {
    fn default() -> Self {
        Self {
            idle: IDLE,
            absolute: ABSOLUTE,
        }
    }
}

/// What is kept of a session. Times are microseconds since the Unix epoch.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    hash: String,
    /// The value that was replaced last, and until when it is good.
    #[serde(default)]
    replaced: Option<(String, i64)>,
    pub(crate) created_at: i64,
    pub(crate) seen_at: i64,
    /// When a password or second factor was last shown.
    pub(crate) verified_at: i64,
    /// Mark of the rights that its user had when the cookie got its value.
    rights: String,
    pub(crate) ip: String,
    pub(crate) user_agent: String,
}

/// A session.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) id: Id,
    pub(crate) user: Id,
    /// Where its user is; a request may name another of his organisations.
    pub(crate) organization: Id,
    /// Where he signed in, whatever a request names.
    home: Id,
    pub(crate) kept: Kept,
    pub(crate) expires_at: i64,
    /// What goes with the cookie that it was shown by; empty where it was not shown.
    pub(crate) csrf: String,
    epoch: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({} of {})", self.id, self.user)
    }
}

/// Who signs in, and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From<'a> {
    pub(crate) user: Id,
    pub(crate) organization: Id,
    pub(crate) ip: std::net::IpAddr,
    pub(crate) user_agent: &'a str,
    /// Mark of his rights.
    pub(crate) rights: &'a str,
}

/// Begins a session.
///
/// # Errors
/// The store is away, or the system gives no random bytes.
pub(crate) async fn begin(store: &Store, from: From<'_>, lasts: Lasts) -> Result<(Session, Cookie), ApiError> {
    make_room(store, from.user).await?;
    let cookie = Cookie::new(new_id(Prefix::DashboardSession)?, from.user)?;
    let now = now_micros();
    let mut session = Session {
        id: cookie.session,
        user: from.user,
        organization: from.organization,
        home: from.organization,
        kept: Kept {
            hash: cookie.hash(),
            replaced: None,
            created_at: now,
            seen_at: now,
            verified_at: now,
            rights: from.rights.to_owned(),
            ip: from.ip.to_canonical().to_string(),
            user_agent: from.user_agent.chars().take(USER_AGENT).collect(),
        },
        expires_at: 0,
        csrf: cookie.csrf(),
        epoch: 0,
    };
    session.expires_at = session.end(lasts);
    if !store.work().create(CLASS, &session.item()).await? {
        return Err(ApiError::internal("a session has the id of another"));
    }
    Ok((session, cookie))
}

/// The session that a cookie proves, if there is one.
///
/// # Errors
/// The store is away.
pub(crate) async fn find(store: &Store, cookie: &Cookie) -> Result<Option<Session>, StoreError> {
    let found = store.work().get(CLASS, &key(cookie.user, cookie.session)).await?;
    let Some(mut session) = found.and_then(|item| Session::of(&item)) else {
        return Ok(None);
    };
    session.csrf = cookie.csrf();
    let now = now_micros();
    let was = |(hash, until): &(String, i64)| *until > now && cookie.is(hash);
    let is_it = cookie.is(&session.kept.hash) || session.kept.replaced.as_ref().is_some_and(was);
    Ok(is_it.then_some(session))
}

/// The sessions of a user, the newest first.
///
/// # Errors
/// The store is away.
pub(crate) async fn of_user(store: &Store, user: Id) -> Result<Vec<Session>, StoreError> {
    let before = format!("{user} ");
    let mut found = Vec::new();
    let mut after = before.clone();
    loop {
        let items = store.work().list(CLASS, None, &after, BATCH).await?;
        let Some(last) = items.last() else { break };
        after.clone_from(&last.key);
        let ours = items.iter().take_while(|item| item.key.starts_with(&before));
        let count = found.len();
        found.extend(ours.filter_map(Session::of));
        if found.len() - count < items.len() {
            break;
        }
    }
    found.sort_unstable_by_key(|session| std::cmp::Reverse(session.id));
    Ok(found)
}

/// Whose a session is that was begun in an organisation.
///
/// # Errors
/// The store is away.
pub(crate) async fn in_organization(store: &Store, organization: Id, id: Id) -> Result<Option<Session>, StoreError> {
    let mut after = String::new();
    loop {
        let items = store.work().list(CLASS, Some(organization), &after, BATCH).await?;
        let found = items.iter().filter_map(Session::of).find(|session| session.id == id);
        match items.last() {
            _ if found.is_some() => return Ok(found),
            Some(last) => after.clone_from(&last.key),
            None => return Ok(None),
        }
    }
}

/// Ends a session; false if it was over.
///
/// # Errors
/// The store is away.
pub(crate) async fn end(store: &Store, session: &Session) -> Result<bool, StoreError> {
    store.work().delete(CLASS, &key(session.user, session.id)).await
}

/// Ends all sessions of a user but one.
///
/// # Errors
/// The store is away.
pub async fn end_all(store: &Store, user: Id, but: Option<Id>) -> Result<(), StoreError> {
    for session in of_user(store, user).await? {
        if Some(session.id) != but {
            end(store, &session).await?;
        }
    }
    Ok(())
}

async fn make_room(store: &Store, user: Id) -> Result<(), StoreError> {
    let mut sessions = of_user(store, user).await?;
    sessions.sort_unstable_by_key(|session| session.kept.seen_at);
    let over = (sessions.len() + 1).saturating_sub(MOST);
    for session in sessions.iter().take(over) {
        end(store, session).await?;
    }
    Ok(())
}

impl Session {
    fn of(item: &Item) -> Option<Self> {
        let (user, id) = item.key.split_once(' ')?;
        Some(Self {
            id: id.parse().ok()?,
            user: user.parse().ok()?,
            organization: item.organization?,
            home: item.organization?,
            kept: serde_json::from_value(item.body.clone()).ok()?,
            expires_at: item.expires_at?,
            csrf: String::new(),
            epoch: item.epoch,
        })
    }

    fn item(&self) -> Item {
        let body = serde_json::to_value(&self.kept).unwrap_or_else(|_| json!({}));
        let mut item = Item::new(key(self.user, self.id), body);
        item.organization = Some(self.home);
        item.expires_at = Some(self.expires_at);
        item.epoch = self.epoch;
        item
    }

    fn end(&self, lasts: Lasts) -> i64 {
        let idle = self.kept.seen_at.saturating_add(micros(lasts.idle));
        idle.min(self.kept.created_at.saturating_add(micros(lasts.absolute)))
    }

    /// Where he signed in.
    pub(crate) fn home(&self) -> Id {
        self.home
    }

    /// Whether these times are over, which may have been others when it was used last.
    pub(crate) fn is_over(&self, lasts: Lasts) -> bool {
        self.end(lasts) <= now_micros()
    }

    /// Whether its user has shown a password or second factor lately.
    pub(crate) fn is_recent(&self) -> bool {
        now_micros() < self.kept.verified_at.saturating_add(micros(RECENT))
    }

    /// Seconds until it ends whatever happens.
    pub(crate) fn left(&self, lasts: Lasts) -> i64 {
        let end = self.kept.created_at.saturating_add(micros(lasts.absolute));
        end.saturating_sub(now_micros()).max(0) / 1_000_000
    }

    /// Notes that it is used. Where the rights of its user have changed since the cookie got its value, the cookie
    /// gets a new one, which is returned.
    ///
    /// # Errors
    /// The store is away.
    pub(crate) async fn touch(
        &mut self,
        store: &Store,
        rights: &str,
        lasts: Lasts,
    ) -> Result<Option<Cookie>, ApiError> {
        let now = now_micros();
        let changed = self.kept.rights != rights;
        let is_late = self.kept.seen_at.saturating_add(micros(SEEN)) <= now;
        let end_moved = self.end(lasts) < self.expires_at;
        if !changed && !is_late && !end_moved {
            return Ok(None);
        }
        self.kept.seen_at = now;
        rights.clone_into(&mut self.kept.rights);
        let cookie = if changed { Some(self.another_value(now)?) } else { None };
        // Who comes second finds it done; one that was ended meanwhile stays ended.
        let kept = self.keep(store, lasts).await?;
        let cookie = cookie.filter(|_| kept);
        if let Some(cookie) = &cookie {
            self.csrf = cookie.csrf();
        }
        Ok(cookie)
    }

    fn another_value(&mut self, now: i64) -> Result<Cookie, ApiError> {
        let cookie = Cookie::new(self.id, self.user)?;
        let old = std::mem::replace(&mut self.kept.hash, cookie.hash());
        self.kept.replaced = Some((old, now.saturating_add(micros(GRACE))));
        Ok(cookie)
    }

    /// Notes that a password or second factor was shown just now, and gives the cookie a new value; the old one is
    /// void. False if the session was ended or changed meanwhile.
    ///
    /// # Errors
    /// The store is away.
    pub(crate) async fn verified(&mut self, store: &Store, lasts: Lasts) -> Result<Option<Cookie>, ApiError> {
        let now = now_micros();
        self.kept.verified_at = now;
        self.kept.seen_at = now;
        let cookie = self.another_value(now)?;
        self.kept.replaced = None;
        Ok(self.keep(store, lasts).await?.then_some(cookie))
    }

    /// Writes it, unless it was ended or changed meanwhile.
    async fn keep(&mut self, store: &Store, lasts: Lasts) -> Result<bool, StoreError> {
        let seen = self.epoch;
        self.epoch += 1;
        self.expires_at = self.end(lasts);
        store.work().swap(CLASS, &self.item(), seen, 0).await
    }
}

fn key(user: Id, session: Id) -> String {
    format!("{user} {session}")
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
