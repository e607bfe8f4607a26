//! Choosing the member that serves a request, waiting while an agent returns. Only here is a [`Permitted`] made.

pub(crate) mod spread;

use std::sync::Arc;
use std::time::Instant;

use adit_cluster::{Choice, Member, MemberKey, Pool, Woken};
use adit_http1::Head;
use adit_observe::ParkResult;

use crate::reply::Answer;
use crate::secure::Conn;

/// The proof that a request may go to this member. Cannot be made elsewhere.
#[derive(Debug)]
pub(crate) struct Permitted {
    member: Arc<Member>,
    /// Microseconds that the request waited for its agent.
    pub(crate) parked_us: u64,
}

impl Permitted {
    /// The member that serves.
    pub(crate) fn member(&self) -> &Arc<Member> {
        &self.member
    }
}

/// Admits a request with this head to a member of `pool` that is not among `tried`; to the one that the visitor's connection is
/// `pinned` to, if it takes new exchanges.
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
) -> Result<Permitted, Answer> {
    let mut parked_us = 0;
    let wanted = pinned.filter(|key| !tried.contains(key));
    if let Some(member) = wanted.and_then(|key| pool.choose_this(key)) {
        return Ok(Permitted { member, parked_us });
    }
    let mut began = None;
    loop {
        let by = {
            let config = conn.node.config.load();
            let client = || crate::forward::client_ip(head, conn);
            // Nobody's address is read out of a head for nothing.
            let ip = if config.told.has_pools() { client() } else { conn.ip() };
            spread::by(&config, pool, ip, Some(head))
        };
        match pool.choose_by(by, tried) {
            Choice::Member(member) => return Ok(Permitted { member, parked_us }),
            Choice::Offline => return Err(Answer::offline(host)),
            Choice::Park => {}
        }
        let max_wait = conn.node.config.load().parking.max_wait;
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
