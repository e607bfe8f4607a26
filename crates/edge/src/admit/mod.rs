//! Choosing the member that serves a request, waiting while an agent returns. Only here is a [`Permitted`] made.

mod pool_cookie;
pub(crate) mod spread;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use adit_cluster::{By, Choice, Member, MemberKey, Pool, Woken};
use adit_http1::Head;
use adit_observe::ParkResult;
use adit_policy::{Parking, StickyBy, Terms};
use adit_snapshot::Sticky;

use crate::node::Node;
use crate::reply::Answer;
use crate::secure::Conn;

pub(crate) use pool_cookie::PoolCookies;
use spread::Spread;

/// The proof that a request may go to this member. Cannot be made elsewhere.
#[derive(Debug)]
pub(crate) struct Permitted {
    member: Arc<Member>,
    /// Microseconds that the request waited for its agent.
    pub(crate) parked_us: u64,
    /// The cookie that the visitor gets, so that it comes back to this member.
    pub(crate) cookie: Option<String>,
}

impl Permitted {
    /// The member that serves.
    pub(crate) fn member(&self) -> &Arc<Member> {
        &self.member
    }
}

/// How long a request may wait for an agent that is about to come back.
pub(crate) fn patience(node: &Node, terms: Option<&Terms>) -> Duration {
    match terms.and_then(|terms| terms.parking) {
        Some(Parking::Off) => Duration::ZERO,
        Some(Parking::Most(time)) => time,
        None => node.config.load().parking.max_wait,
    }
}

/// By what a visitor is kept at a member.
enum Kept {
    Not,
    /// By this number, which each visitor has always the same.
    By(u64),
    Cookie(Option<Duration>),
}

/// As policies have said, else as the settings of the URL say.
fn kept(spread: Spread<'_>, terms: Option<&Terms>, ip: impl Fn() -> IpAddr, has_tls: bool) -> Kept {
    if let Some(sticky) = terms.and_then(|terms| terms.sticky.as_ref()) {
        return match &sticky.by {
            StickyBy::Cookie if has_tls => Kept::Cookie(sticky.ttl),
            StickyBy::ClientIp => Kept::By(spread::hash(ip())),
            StickyBy::Key(key) if !key.is_empty() => Kept::By(spread::hash(key)),
            StickyBy::Cookie | StickyBy::Key(_) => Kept::Not,
        };
    }
    match spread.sticky() {
        Sticky::Cookie if has_tls => Kept::Cookie(None),
        _ => Kept::Not,
    }
}

/// The member that the visitor's cookie names, if it takes new exchanges.
fn by_cookie(node: &Node, pool: &Pool, tried: &[MemberKey], head: &Head) -> Option<Arc<Member>> {
    let endpoint = node.pool_cookies.open(head, pool.url_text(), SystemTime::now())?;
    let key = pool.members().iter().find(|m| m.endpoint_id == endpoint)?.key;
    if tried.contains(&key) {
        return None;
    }
    pool.choose_this(key)
}

/// Whether something keeps visitors at members of this pool.
pub(crate) fn keeps(node: &Node, pool: &Pool, terms: Option<&Terms>) -> bool {
    let is_kept = || *Spread::of(&node.config.load(), pool).sticky() != Sticky::Off;
    terms.is_some_and(|terms| terms.sticky.is_some()) || is_kept()
}

/// The member at which the policy of the one that was chosen wants the visitor to be kept. Only a policy that is the
/// same there may say so: its rules have run.
pub(crate) fn instead(
    conn: &Conn,
    pool: &Pool,
    permitted: &Permitted,
    terms: &Terms,
    ip: IpAddr,
    head: &Head,
    tried: &[MemberKey],
) -> Option<Permitted> {
    let node = &conn.node;
    let chosen = permitted.member();
    let kept = kept(
        Spread::of(&node.config.load(), pool),
        Some(terms),
        || ip,
        conn.tls.is_some(),
    );
    let (member, cookie) = match kept {
        Kept::Not => return None,
        Kept::By(value) => match pool.choose_by(By::Value(value), Duration::ZERO, tried) {
            Choice::Member(member) => (member, None),
            Choice::Offline | Choice::Park => return None,
        },
        Kept::Cookie(ttl) => match by_cookie(node, pool, tried, head) {
            Some(member) => (member, None),
            None => {
                let made = node
                    .pool_cookies
                    .make(pool.url_text(), &chosen.endpoint_id, ttl, SystemTime::now());
                (chosen.clone(), made)
            }
        },
    };
    let policy = |m: &Member| m.options.policy.as_ref().map(|p| Arc::as_ptr(&p.policy));
    if policy(&member) != policy(chosen) || (member.key == chosen.key && cookie.is_none()) {
        return None;
    }
    Some(Permitted {
        member,
        parked_us: 0,
        cookie,
    })
}

/// Admits a request with this head to a member of `pool` that is not among `tried`; to the one that the visitor's connection is
/// `pinned` to, if it takes new exchanges. `terms` are those that policies have set on the way here.
///
/// Waits in the pool's queue while the only agents are about to come back; whoever waits is forgotten at once
/// when the returned future is dropped.
///
/// # Errors
/// 404 `ERR_NGROK_3200` when nobody is there, 503 when every member is draining or the queue is full.
pub(crate) async fn admit(
    conn: &Conn,
    pool: &Arc<Pool>,
    pinned: Option<MemberKey>,
    tried: &[MemberKey],
    head: &Head,
    host: &str,
    terms: Option<&Terms>,
) -> Result<Permitted, Answer> {
    let mut parked_us = 0;
    let wanted = pinned.filter(|key| !tried.contains(key));
    if let Some(member) = wanted.and_then(|key| pool.choose_this(key)) {
        return Ok(Permitted {
            member,
            parked_us,
            cookie: None,
        });
    }
    let mut began = None;
    loop {
        match choose(conn, pool, tried, head, terms) {
            (Choice::Member(member), cookie) => {
                return Ok(Permitted {
                    member,
                    parked_us,
                    cookie,
                });
            }
            (Choice::Offline, _) => return Err(Answer::offline(host)),
            (Choice::Park, _) => {}
        }
        let max_wait = patience(&conn.node, terms);
        let left = max_wait.saturating_sub(began.get_or_insert_with(Instant::now).elapsed());
        if left.is_zero() {
            return Err(Answer::offline(host).retry_after(5));
        }
        let Ok(parked) = pool.park(left) else {
            conn.observe.parking_full();
            return Err(Answer::offline(host).retry_after(5));
        };
        let waiting = conn.observe.parked();
        match parked.await {
            Woken::Member => parked_us += waiting.end(ParkResult::Woken),
            Woken::TimedOut => {
                waiting.end(ParkResult::Timeout);
                return Err(Answer::offline(host).retry_after(5));
            }
            Woken::Gone => {
                waiting.end(ParkResult::Gone);
                return Err(Answer::offline(host));
            }
        }
    }
}

/// The member for this request now, and the cookie that keeps its visitor there.
fn choose(
    conn: &Conn,
    pool: &Pool,
    tried: &[MemberKey],
    head: &Head,
    terms: Option<&Terms>,
) -> (Choice, Option<String>) {
    let config = conn.node.config.load();
    let spread = Spread::of(&config, pool);
    let client = || crate::forward::client_ip(head, conn);
    let ttl = match kept(spread, terms, client, conn.tls.is_some()) {
        Kept::By(value) => return (pool.choose_by(By::Value(value), Duration::ZERO, tried), None),
        Kept::Not => None,
        Kept::Cookie(ttl) => match by_cookie(&conn.node, pool, tried, head) {
            Some(member) => return (Choice::Member(member), None),
            None => Some(ttl),
        },
    };
    let chosen = pool.choose_by(spread.by(client, Some(head)), spread.slow_start(), tried);
    let cookie = match (&chosen, ttl) {
        (Choice::Member(member), Some(ttl)) => {
            let cookies = &conn.node.pool_cookies;
            cookies.make(pool.url_text(), &member.endpoint_id, ttl, SystemTime::now())
        }
        _ => None,
    };
    (chosen, cookie)
}
