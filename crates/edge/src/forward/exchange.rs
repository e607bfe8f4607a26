//! One exchange from a routed request to its response: admitted, opened, moved, tried again where that is safe.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use adit_cluster::{AgentStream, Choice, Member, MemberKey, Pool};
use adit_http1::{Head, Known, Version};
use adit_mux::OpenError;
use adit_observe::{ParkResult, PolicyFacts, RetryReason};
use adit_policy::Terms;
use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use super::again::{self, Armed, Tries};
use super::body::{First, ReadBody};
use super::failure::{Attempt, Failure, after_failure};
use super::kept::Pinned;
use super::pump::{End, Wanted};
use super::response_head::Edit;
use super::scratch::Exchange;
use super::{converter, guarded, h1_attempt, h2_upstream, record, request_head, verdict};
use crate::admit::{self, Permitted};
use crate::flows::Flow;
use crate::govern::{Chain, Hop, LeftAlone, Verdict};
use crate::http::{RequestFacts, Visitor, VisitorError};
use crate::record_connection::{counted_micros, micros};
use crate::reply::Answer;
use crate::route::{Routed, Side};
use crate::secure::Conn;
use crate::served::Served;

/// How an exchange ended, as far as the visitor's connection is concerned.
#[derive(Debug)]
pub(crate) enum Forwarded {
    /// The response is with the visitor.
    Complete,
    /// Nothing has been answered: this is to be said.
    Answer(Answer),
    /// A policy ends the connection without an answer: in order, or by a reset.
    Closed { reset: bool },
    /// `101` was sent; the stream carries raw bytes, with those that came behind the head.
    Upgraded(Box<AgentStream>, Bytes, Arc<Flow>),
    /// `101` was sent by the edge: what the visitor sends in messages is bytes to this stream.
    WebSocket(Box<Served>),
    /// The response broke off, or the visitor left.
    Broken,
}

/// What one exchange has come to so far.
pub(super) struct Progress {
    pub(super) tried: SmallVec<[MemberKey; 4]>,
    attempts: u8,
    /// Tries after which nothing of the request had been processed.
    pub(super) unprocessed: u8,
    /// Tries after which it may have been.
    pub(super) repeated: u8,
    /// A stale stream was met: only new ones from now on.
    pub(super) fresh_only: bool,
    /// What a policy's `retry` has come to, and what it says of this try.
    tries: Tries,
    pub(super) armed: Option<Armed>,
    /// What is kept of the request's body for another attempt.
    pub(super) held: Option<BytesMut>,
    /// What policies have read of it before.
    body: ReadBody,
    /// What this attempt sends of it first.
    pub(super) begun: First,
    parked_us: u64,
    pub(super) reused: bool,
    glitches: u32,
    pub(super) opened: Instant,
    /// Generation of networks under which the request was let in.
    pub(super) seen: u64,
    pub(super) first_byte: Option<Instant>,
    /// When the request came.
    pub(super) began: Instant,
    /// The response broke off on the upstream's side.
    pub(super) upstream_broke: bool,
    /// The policy of the endpoint that serves has nothing to do with the request.
    pub(super) alone: Option<LeftAlone>,
    /// What policies have decided, of an exchange whose chain lives on.
    pub(super) told: PolicyFacts,
}

impl Progress {
    /// What policies have read of the body is theirs again.
    pub(super) fn take_body_back(&mut self) {
        self.body.take_back(&mut self.held);
    }

    pub(super) fn read_body(&mut self) -> &mut ReadBody {
        &mut self.body
    }
}

/// Forwards the request in `exchange.request` to an endpoint of `routed`.
pub(crate) async fn exchange<V: Visitor>(
    conn: &Arc<Conn>,
    visitor: &mut V,
    exchange: &mut Exchange,
    routed: &Routed,
    host: &str,
    facts: &RequestFacts,
    began: Instant,
) -> Forwarded {
    if request_head::is_loop(&exchange.request) {
        let answer = Answer::forward_loop();
        record::answer(conn, exchange, &answer, facts.version, visitor.counted(), began);
        return Forwarded::Answer(answer);
    }
    let mut progress = Progress {
        tried: SmallVec::new(),
        attempts: 0,
        unprocessed: 0,
        repeated: 0,
        fresh_only: false,
        tries: Tries::default(),
        armed: None,
        held: Some(BytesMut::new()),
        body: ReadBody::default(),
        begun: First::default(),
        parked_us: 0,
        reused: false,
        glitches: 0,
        opened: began,
        seen: conn.node.flows.generation(),
        first_byte: None,
        began,
        upstream_broke: false,
        alone: None,
        told: PolicyFacts::default(),
    };
    let mut member: Option<Arc<Member>> = None;
    // Made only where a guardrail stands, or a policy may have something to do with the request.
    let mut chain: Option<Box<Chain>> = None;
    if routed.is_governed() {
        exchange.keep_received();
    }
    // Where a policy has forwarded to.
    let mut next: Option<Routed> = None;
    let mut is_guarded = false;
    let (forwarded, ended) = loop {
        let routed = next.as_ref().unwrap_or(routed);
        if !std::mem::replace(&mut is_guarded, true) {
            let about = (facts, host);
            let passed = guarded::pass(conn, visitor, routed, exchange, &mut chain, &mut progress, about).await;
            if let Err(end) = passed {
                break (end, Instant::now());
            }
        }
        let (mut permitted, pool) = match chosen(
            conn,
            visitor,
            routed,
            exchange,
            &mut chain,
            &mut progress,
            (facts, host),
        )
        .await
        {
            Chosen::Member(permitted, pool) => (permitted, pool),
            Chosen::Forward(routed) => {
                (next, is_guarded) = (Some(routed), false);
                progress.tried.clear();
                continue;
            }
            Chosen::End(end) => break (end, Instant::now()),
        };
        progress.parked_us += permitted.parked_us;
        progress.alone = None;
        if permitted.member().options.policy.is_some() && chain.is_none() {
            let hop = Hop::agent(permitted.member(), &pool, &conn.node.config.load());
            // Rewritten if its agent came while the request was on its way to another.
            let request = exchange.as_received(progress.attempts > 0);
            progress.alone = LeftAlone::look(conn, hop, &request, request_head::client_ip(request.head, conn));
            match &progress.alone {
                None => chain = Some(governed(conn, exchange, host, progress.attempts > 0)),
                Some(_) if exchange.is_kept() => {}
                Some(_) => exchange.keep_received(),
            }
        }
        let mut sending = *facts;
        if let Some(chain) = &mut chain {
            let hop = Hop::agent(permitted.member(), &pool, &conn.node.config.load());
            progress.body.take_back(&mut progress.held);
            match chain.request(conn, hop, visitor, facts, &mut progress.body).await {
                Verdict::Pass => {
                    let (ip, tried) = (chain.client_ip(), &progress.tried);
                    let head = &exchange.request;
                    if let Some(other) = admit::instead(conn, &pool, &permitted, chain.terms(), ip, head, tried) {
                        chain.serve_by(Hop::agent(other.member(), &pool, &conn.node.config.load()));
                        permitted = other;
                    }
                }
                Verdict::Forward(routed) => {
                    (next, is_guarded) = (Some(routed), false);
                    progress.tried.clear();
                    continue;
                }
                Verdict::Answer(a) => break (Forwarded::Answer(a), Instant::now()),
                Verdict::Close => break (Forwarded::Closed { reset: false }, Instant::now()),
                Verdict::Reset => break (Forwarded::Closed { reset: true }, Instant::now()),
                Verdict::Failed(e) => break (visitor_failed(&e, false, visitor), Instant::now()),
            }
            let host_header = permitted.member().options.host_header.as_deref();
            match chain.dress(&mut exchange.request, conn, host_header, facts) {
                Ok(glitches) => progress.glitches = glitches,
                Err(a) => break (Forwarded::Answer(a), Instant::now()),
            }
            let made = chain.take_body();
            progress.begun = progress.body.begin(made, &mut exchange.request, &mut sending);
        } else if progress.attempts == 0 {
            let host_header = permitted.member().options.host_header.as_deref();
            let request = &mut exchange.request;
            progress.glitches = request_head::rewrite(request, conn, host_header, facts, &exchange.request_id);
        }
        progress.armed = progress
            .tries
            .begin(&conn.node, chain.as_deref(), &mut exchange.request, facts.has_body());
        progress.attempts += 1;
        let m = permitted.member().clone();
        let outcome = if chain.as_ref().is_some_and(|chain| chain.terms().websocket_tcp) {
            let by = (&permitted, &pool);
            converter::attempt(conn, visitor, exchange, by, &sending, &mut progress, &mut chain).await
        } else if m.options.upstream_http2 && !m.is_http1_only() && !facts.upgrade {
            h2_upstream::attempt(
                conn,
                visitor,
                exchange,
                &permitted,
                host,
                &sending,
                &mut progress,
                &mut chain,
            )
            .await
        } else {
            h1_attempt::attempt(
                conn,
                visitor,
                exchange,
                &permitted,
                host,
                &sending,
                &mut progress,
                &mut chain,
            )
            .await
        };
        let ended = Instant::now();
        verdict::say(&outcome, &conn.node, &pool, &m, exchange, &progress, ended);
        member = Some(m);
        match outcome {
            Attempt::Done(f) => break (f, ended),
            Attempt::Failed(Failure::Open(OpenError::StreamLimit | OpenError::Unaccepted)) => {
                if let Err(end) = place(
                    conn,
                    visitor,
                    &pool,
                    &permitted,
                    &mut progress,
                    chain.as_deref().map(Chain::terms),
                )
                .await
                {
                    break (end, Instant::now());
                }
                conn.observe.retry(RetryReason::Limit);
                continue;
            }
            Attempt::Failed(e) => {
                let is_kept = admit::keeps(&conn.node, &pool, chain.as_deref().map(Chain::terms));
                let Some(a) = after_failure(&e, facts, &mut progress, &permitted, &pool, is_kept) else {
                    conn.observe.retry(e.reason());
                    continue;
                };
                if let Some(chain) = &mut chain {
                    chain.upstream_answered(&conn.node, true);
                }
                let held = progress.held.as_ref().map(BytesMut::len);
                let ended_so = e.ended();
                if !again::is_due(
                    &conn.node,
                    &mut chain,
                    progress.armed,
                    facts.has_body(),
                    held,
                    ended_so.as_slice(),
                ) {
                    break (Forwarded::Answer(a), ended);
                }
            }
            Attempt::Again => {}
        }
        conn.observe.retry(RetryReason::Policy);
        progress.first_byte = None;
        again::elsewhere(&mut progress, &permitted, &pool);
        let retry = chain.as_ref().and_then(|chain| chain.terms().retry.clone());
        if !progress.tries.next(visitor, retry).await {
            break (Forwarded::Broken, Instant::now());
        }
    };
    let settled = match (&mut chain, &forwarded) {
        (Some(chain), Forwarded::Answer(answer)) => chain.settled(&conn.node, answer),
        _ => None,
    };
    let (mut spent, mut spent_back) = (Duration::ZERO, Duration::ZERO);
    if let Some(chain) = &mut chain {
        chain.give_back(&mut exchange.request);
        progress.told = chain.tell(&conn.node, &conn.observe, conn.kind.listener());
        (spent, spent_back) = (chain.spent(), chain.spent_back());
    }
    record::exchange(
        conn,
        exchange,
        &record::Facts {
            host,
            facts,
            target: record::target_of(routed, chain.as_deref(), member.as_deref()),
            forwarded: &forwarded,
            attempts: progress.attempts,
            reused: progress.reused,
            parked_us: progress.parked_us,
            glitches: progress.glitches,
            began,
            ended,
            opened: progress.opened,
            first_byte: progress.first_byte,
            upstream_broke: progress.upstream_broke,
            policy_us: (counted_micros(spent), counted_micros(spent_back)),
            policies: progress.told.view(),
            bytes: visitor.counted(),
        },
    );
    if let Some(chain) = chain {
        chain.give();
    }
    settled.map_or(forwarded, Forwarded::Answer)
}

/// The layers of the request in `exchange`.
pub(super) fn governed(conn: &Conn, exchange: &Exchange, host: &str, is_rewritten: bool) -> Box<Chain> {
    let request = exchange.as_received(is_rewritten);
    Chain::of_request(conn, &request, host, request_head::client_ip(request.head, conn))
}

/// Who serves next.
enum Chosen {
    /// An agent's endpoint, whose policy has not run yet.
    Member(Permitted, Arc<Pool>),
    /// A cloud endpoint forwards there.
    Forward(Routed),
    /// Nobody: this is the end.
    End(Forwarded),
}

/// Chooses a member, or runs the policy of the cloud endpoint that was chosen.
async fn chosen<V: Visitor>(
    conn: &Arc<Conn>,
    visitor: &mut V,
    routed: &Routed,
    exchange: &Exchange,
    chain: &mut Option<Box<Chain>>,
    progress: &mut Progress,
    (facts, host): (&RequestFacts, &str),
) -> Chosen {
    let pool = match routed.side(super::random(), &progress.tried) {
        Side::Agents(pool) => pool,
        Side::Nobody => return Chosen::End(Forwarded::Answer(Answer::offline(host))),
        Side::Cloud(endpoint) => {
            let chain = chain.get_or_insert_with(|| governed(conn, exchange, host, progress.attempts > 0));
            progress.body.take_back(&mut progress.held);
            let hop = Hop::Cloud(endpoint);
            return match chain.request(conn, hop, visitor, facts, &mut progress.body).await {
                Verdict::Forward(routed) => Chosen::Forward(routed),
                Verdict::Answer(a) => Chosen::End(Forwarded::Answer(a)),
                Verdict::Close => Chosen::End(Forwarded::Closed { reset: false }),
                Verdict::Reset => Chosen::End(Forwarded::Closed { reset: true }),
                Verdict::Failed(e) => Chosen::End(visitor_failed(&e, false, visitor)),
                Verdict::Pass => Chosen::End(Forwarded::Answer(Answer::internal())),
            };
        }
    };
    let terms = chain.as_deref().map(Chain::terms);
    match admitted(conn, visitor, &pool, &progress.tried, &exchange.request, host, terms).await {
        Ok(permitted) => Chosen::Member(permitted, pool),
        Err(None) => Chosen::End(Forwarded::Broken),
        Err(Some(a)) => Chosen::End(Forwarded::Answer(a)),
    }
}

/// Admits, while watching whether the visitor leaves. `Err(None)`: it has.
async fn admitted<V: Visitor>(
    conn: &Conn,
    visitor: &mut V,
    pool: &Arc<Pool>,
    tried: &[MemberKey],
    head: &Head,
    host: &str,
    terms: Option<&Terms>,
) -> Result<Permitted, Option<Answer>> {
    let pinned = visitor.pinned().and_then(|p| p.as_ref()).map(Pinned::member);
    let mut admit = std::pin::pin!(admit::admit(conn, pool, pinned, tried, head, host, terms));
    poll_fn(|cx| {
        if let Poll::Ready(r) = admit.as_mut().poll(cx) {
            return Poll::Ready(r.map_err(Some));
        }
        visitor.poll_gone(cx, true).map(|()| Err(None))
    })
    .await
}

/// The agent takes no more streams now: another member that does is next, else the request waits its turn.
async fn place<V: Visitor>(
    conn: &Conn,
    visitor: &mut V,
    pool: &Pool,
    permitted: &Permitted,
    progress: &mut Progress,
    terms: Option<&Terms>,
) -> Result<(), Forwarded> {
    let member = permitted.member();
    progress.tried.push(member.key);
    if let Choice::Member(_) = pool.choose_other(super::random(), &progress.tried) {
        return Ok(());
    }
    progress.tried.clear();
    let Some(leg) = member.leg() else { return Ok(()) };
    let parked = Duration::from_micros(progress.parked_us);
    let left = admit::patience(&conn.node, terms).saturating_sub(parked);
    let counted = conn.observe.parked();
    let began = Instant::now();
    let mut capacity = std::pin::pin!(tokio::time::timeout(left, leg.capacity()));
    let waited = poll_fn(|cx| {
        if let Poll::Ready(r) = capacity.as_mut().poll(cx) {
            return Poll::Ready(Some(r.is_ok()));
        }
        visitor.poll_gone(cx, true).map(|()| None)
    })
    .await;
    progress.parked_us += micros(began.elapsed()).max(1);
    match waited {
        // Dropped without an end, the visitor has left.
        None => Err(Forwarded::Broken),
        Some(true) if !left.is_zero() => {
            counted.end(ParkResult::Woken);
            Ok(())
        }
        Some(_) => {
            counted.end(ParkResult::Timeout);
            Err(Forwarded::Answer(Answer::stream_limit()))
        }
    }
}

/// How the response of a member is told to the visitor who asked for `host`; `new_host`: what policies made of it.
pub(super) fn edit<'a>(conn: &Conn, member: &'a Member, new_host: Option<&'a str>, host: &'a str) -> Edit<'a> {
    Edit {
        rewritten_host: new_host.or(member.options.host_header.as_deref()),
        authority: host,
        port: conn.public_port,
        scheme: conn.scheme(),
    }
}

/// What an attempt is to do with this request, which is no upgrade.
pub(super) fn wanted(facts: &RequestFacts, request: &Head, governed: bool) -> Wanted {
    Wanted {
        is_head: facts.is_head,
        upgrade: false,
        tunnel: false,
        expects_continue: facts.expects_continue,
        interim: facts.version != Version::Http10,
        trailers: facts.version == Version::Http2 || request.contains_token(Known::Te, b"trailers"),
        has_body: facts.has_body(),
        governed,
    }
}

/// What an attempt comes to that ended in the same way over any protocol; the others are the caller's.
pub(super) async fn ended<V: Visitor>(end: End, answered: bool, visitor: &mut V, progress: &mut Progress) -> Attempt {
    match end {
        End::Replaced(answer) => Attempt::Done(Forwarded::Answer(answer)),
        End::Closed => Attempt::Done(Forwarded::Closed { reset: false }),
        End::Over(over) => super::terms::broken(over, answered, visitor, progress).await,
        End::Again => Attempt::Again,
        End::Visitor(e) => Attempt::Done(visitor_failed(&e, answered, visitor)),
        // Whoever pumps goes on behind a head or a message; they are no end.
        End::Head | End::Message | End::Complete | End::Upgraded | End::Upstream(_) => {
            Attempt::Done(Forwarded::Answer(Answer::internal()))
        }
    }
}

/// What a failure of the visitor's side means.
pub(super) fn visitor_failed<V: Visitor>(e: &VisitorError, answered: bool, visitor: &mut V) -> Forwarded {
    if answered {
        visitor.break_off();
        return Forwarded::Broken;
    }
    match e {
        VisitorError::Gone => Forwarded::Broken,
        VisitorError::Refused(r) => Forwarded::Answer(Answer::refusal(r)),
        VisitorError::TooSlow => Forwarded::Answer(Answer::too_slow()),
    }
}
