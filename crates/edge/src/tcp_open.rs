//! The way of a connection that is not HTTP to us: a member is chosen and a stream opened, waiting while its agent
//! returns or takes no more streams (who leaves meanwhile gives the place back at once), then bytes are moved both ways.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use adit_cluster::{Choice, Member, MemberKey, Pool, Woken};
use adit_mux::OpenError;
use adit_observe::{ParkResult, Target, Worker};
use bytes::BytesMut;
use smallvec::SmallVec;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::admit::spread::Spread;
use crate::forward::{self, Opened};
use crate::govern::{Chain, Hop, Leaving, Plan, Unasked, Verdict};
use crate::node::Node;
use crate::record_connection::{Connection, of_endpoint, of_member};
use crate::relay::{self, RelayEnd};
use crate::route::{Routed, Side};
use crate::served::Served;

/// Most bytes that are read of a visitor who waits; they leave with the frame that opens the stream.
const EARLY_MAX: usize = 16 * 1024;
/// Further tries after a session was lost.
const LOST_MAX: u8 = 2;

/// What became of a connection, for whoever closes it in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Both sides have ended in order.
    Complete,
    /// One side broke off.
    Broken,
    /// The visitor left while it waited.
    Left,
    /// There was no stream for it.
    Refused,
    /// A policy closes it: no byte more.
    Closed,
}

/// Why there is no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NotOpened {
    /// For the reason of this code.
    Refused(&'static str),
    /// The visitor left while it waited.
    Left,
    /// A policy refuses it.
    ByPolicy,
}

/// A visitor that waits for a stream.
pub(crate) struct Waiting<'a, IO> {
    pub(crate) io: &'a mut IO,
    /// What was read of it and is to be sent first.
    pub(crate) read: BytesMut,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    /// The bytes are TLS: an end of the visitor's side is its end altogether, as there was no handshake yet. Else who
    /// has sent something and then ended its side may still read the answer.
    pub(crate) passthrough_tls: bool,
}

impl<IO: AsyncRead + AsyncWrite + Unpin + Send> Waiting<'_, IO> {
    /// Serves the connection by one of these endpoints to its end, and records what became of it.
    pub(crate) async fn carry(mut self, node: &Arc<Node>, routed: &Routed, mut record: Connection) -> Carried {
        let mut served = match self.open(node, routed, &mut record).await {
            Ok(served) => served,
            Err(NotOpened::Left) => {
                record.left(node, of_endpoint(routed));
                return Carried::Left;
            }
            Err(NotOpened::Refused(code)) => {
                record.refused(node, of_endpoint(routed), code);
                return Carried::Refused;
            }
            Err(NotOpened::ByPolicy) => {
                record.refused_by_policy(node, of_endpoint(routed));
                return Carried::Closed;
            }
        };
        let _serving = node.serving();
        let sent = std::mem::take(&mut self.read).len();
        let relayed = served.relay(self.io, sent, node).await;
        let target = Target {
            organization_id: routed.organization(),
            endpoint_url: routed.url(),
            ..of_member(&served.member)
        };
        record.relayed(node, target, &relayed);
        if relayed.end == RelayEnd::Complete {
            Carried::Complete
        } else {
            Carried::Broken
        }
    }

    /// Opens a stream to one of these endpoints, or to one that their policies forward to, whose first frame carries
    /// what was read.
    ///
    /// # Errors
    /// See [`NotOpened`].
    async fn open(&mut self, node: &Arc<Node>, routed: &Routed, record: &mut Connection) -> Result<Served, NotOpened> {
        let began = Instant::now();
        let seen = node.flows.generation();
        let max_wait = node.config.load().parking.max_wait_tcp;
        let observe = node.observe();
        let mut tried: SmallVec<[MemberKey; 4]> = SmallVec::new();
        let mut lost = 0_u8;
        let mut chain = routed
            .is_governed()
            .then(|| Chain::of_connection(node, self.peer, self.local, record.name()));
        let mut next: Option<Routed> = None;
        let mut is_guarded = false;
        loop {
            let random = forward::random();
            let left = max_wait.saturating_sub(began.elapsed());
            if !std::mem::replace(&mut is_guarded, true) {
                let routed = next.as_ref().unwrap_or(routed);
                self.guarded(node, routed, &mut chain, record).await?;
            }
            let pool = match next.as_ref().unwrap_or(routed).side(random, &tried) {
                Side::Agents(pool) => pool,
                Side::Nobody => return Err(NotOpened::Refused("ERR_NGROK_3200")),
                Side::Cloud(endpoint) => {
                    let forwarded = self.forwarded(node, &mut chain, Hop::Cloud(endpoint), record).await?;
                    (next, is_guarded) = (Some(forwarded.ok_or(NotOpened::ByPolicy)?), false);
                    tried.clear();
                    continue;
                }
            };
            let (by, slow_start) = {
                let config = node.config.load();
                let spread = Spread::of(&config, &pool);
                (spread.by(|| self.peer.ip(), None), spread.slow_start())
            };
            match pool.choose_by(by, slow_start, &tried) {
                Choice::Member(member) => {
                    if member.options.policy.is_some() && chain.is_none() {
                        chain = Some(Chain::of_connection(node, self.peer, self.local, record.name()));
                    }
                    if chain.is_some() {
                        let hop = Hop::agent(&member, &pool, &node.config.load());
                        if let Some(routed) = self.forwarded(node, &mut chain, hop, record).await? {
                            (next, is_guarded) = (Some(routed), false);
                            tried.clear();
                            continue;
                        }
                    }
                    record.attempt();
                    match self.stream(&member, &observe) {
                        Ok(opened) => {
                            let organization = routed.organization();
                            let ip = self.peer.ip();
                            let flow = if chain.is_some() {
                                node.flows.enter(node, organization, ip, chain, seen)
                            } else {
                                let unasked = Box::new(Unasked {
                                    hop: Hop::agent(&member, &pool, &node.config.load()),
                                    peer: self.peer,
                                    local: self.local,
                                    name: record.name().into(),
                                });
                                node.flows.enter_unasked(node, organization, ip, unasked, seen)
                            };
                            return Ok(Served {
                                opened,
                                pool,
                                member,
                                flow,
                            });
                        }
                        Err(OpenError::StreamLimit | OpenError::Unaccepted) => {
                            // It takes no more streams now: another member that does is next, else it is waited for.
                            tried.push(member.key);
                            if let Choice::Member(_) = pool.choose_other(random, &tried) {
                                continue;
                            }
                            tried.clear();
                            let waited = self.capacity(&member, left, &observe).await;
                            record.parked(began.elapsed());
                            waited?;
                        }
                        Err(_) if lost >= LOST_MAX => return Err(NotOpened::Refused("ERR_ADIT_1303")),
                        Err(_) => {
                            lost += 1;
                            member.remove_closed_legs();
                            tried.push(member.key);
                            if !matches!(pool.choose_other(random, &tried), Choice::Member(_)) {
                                // Nobody else: the same one again, as soon as its agent has returned.
                                tried.clear();
                            }
                        }
                    }
                }
                Choice::Offline if tried.is_empty() => return Err(NotOpened::Refused("ERR_NGROK_3200")),
                Choice::Offline => return Err(NotOpened::Refused("ERR_ADIT_1302")),
                Choice::Park => {
                    let waited = self.park(&pool, left, &observe).await;
                    record.parked(began.elapsed());
                    waited?;
                }
            }
        }
    }

    /// Has the connection pass the guardrails of endpoints that it has come to.
    async fn guarded(
        &mut self,
        node: &Node,
        routed: &Routed,
        chain: &mut Option<Box<Chain>>,
        record: &mut Connection,
    ) -> Result<(), NotOpened> {
        let plan = {
            let config = node.config.load();
            if !config.told.has_guardrails() {
                return Ok(());
            }
            match chain {
                Some(chain) => chain.plan(&config, routed),
                None => Plan::of(&config, routed, record.name()),
            }
        };
        let Some(plan) = plan else { return Ok(()) };
        let chain = chain.get_or_insert_with(|| Chain::of_connection(node, self.peer, self.local, record.name()));
        let verdict = chain.guard_connection(node, plan, self).await;
        record.told(chain.tell(node, &node.observe(), record.listener()), chain.spent());
        match verdict {
            Verdict::Pass => Ok(()),
            Verdict::Failed(_) => Err(NotOpened::Left),
            Verdict::Answer(_) | Verdict::Close | Verdict::Reset | Verdict::Forward(_) => Err(NotOpened::ByPolicy),
        }
    }

    /// Runs the policy of an endpoint that the connection has come to; where it forwards, if it does.
    async fn forwarded(
        &mut self,
        node: &Node,
        chain: &mut Option<Box<Chain>>,
        hop: Hop,
        record: &mut Connection,
    ) -> Result<Option<Routed>, NotOpened> {
        let Some(chain) = chain else { return Ok(None) };
        let verdict = chain.connect(node, hop, self).await;
        record.told(chain.tell(node, &node.observe(), record.listener()), chain.spent());
        match verdict {
            Verdict::Pass => Ok(None),
            Verdict::Forward(routed) => Ok(Some(routed)),
            Verdict::Failed(_) => Err(NotOpened::Left),
            Verdict::Answer(_) | Verdict::Close | Verdict::Reset => Err(NotOpened::ByPolicy),
        }
    }

    fn stream(&self, member: &Member, observe: &Worker) -> Result<Opened, OpenError> {
        forward::open(member, self.peer, self.local, self.passthrough_tls, &self.read, observe)
    }

    /// Waits until the member takes another stream.
    async fn capacity(&mut self, member: &Member, left: Duration, observe: &Worker) -> Result<(), NotOpened> {
        const FULL: NotOpened = NotOpened::Refused("ERR_ADIT_1301");
        let Some(leg) = member.leg().filter(|_| !left.is_zero()) else {
            return Err(FULL);
        };
        let counted = observe.parked();
        let place = self.unless_gone(tokio::time::timeout(left, leg.capacity())).await?;
        let (result, outcome) = match place {
            Ok(_) => (ParkResult::Woken, Ok(())),
            Err(_) => (ParkResult::Timeout, Err(FULL)),
        };
        counted.end(result);
        outcome
    }

    /// Waits until a member has returned.
    async fn park(&mut self, pool: &Arc<Pool>, left: Duration, observe: &Worker) -> Result<(), NotOpened> {
        const OFFLINE: NotOpened = NotOpened::Refused("ERR_NGROK_3200");
        let Ok(parked) = pool.park(left) else {
            observe.parking_full();
            return Err(OFFLINE);
        };
        // Dropped without an end, the visitor has left.
        let counted = observe.parked();
        let (result, outcome) = match self.unless_gone(parked).await? {
            Woken::Member => (ParkResult::Woken, Ok(())),
            Woken::TimedOut => (ParkResult::Timeout, Err(OFFLINE)),
            Woken::Gone => (ParkResult::Gone, Err(OFFLINE)),
        };
        counted.end(result);
        outcome
    }

    /// Waits for `wait`, and for the visitor to leave.
    async fn unless_gone<F: Future>(&mut self, wait: F) -> Result<F::Output, NotOpened> {
        let mut wait = std::pin::pin!(wait);
        poll_fn(|cx| {
            if let Poll::Ready(done) = wait.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            self.poll_left(cx).map(|()| Err(NotOpened::Left))
        })
        .await
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Leaving for Waiting<'_, IO> {
    /// Reads what the visitor sends meanwhile, within bounds.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.read.len() < EARLY_MAX {
            let room = EARLY_MAX - self.read.len();
            let read = &mut self.read;
            match std::task::ready!(relay::poll_read_scratch(self.io, cx, room, |got| read.extend_from_slice(got))) {
                Ok(0) if self.passthrough_tls || self.read.is_empty() => return Poll::Ready(()),
                Ok(0) => return Poll::Pending,
                Ok(_) => {}
                Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }
}
