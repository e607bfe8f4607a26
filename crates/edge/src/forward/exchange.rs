//! One exchange from a routed request to its response: admitted, opened, moved, tried again where that is safe.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use adit_cluster::{AgentStream, Choice, IDLE_MAX_AGE, Member, MemberKey, Pool};
use adit_http1::{Head, Known, Version};
use adit_mux::OpenError;
use adit_observe::{ParkResult, PolicyFacts, RetryReason, Reuse};
use adit_policy::Terms;
use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use super::again::{self, Armed, Tries};
use super::body::{First, ReadBody};
use super::failure::{Attempt, Failure, after_failure};
use super::h1_upstream::{H1Upstream, Rest};
use super::h2_upstream;
use super::kept::{Kept, Pinned, authenticates_connection};
use super::open::{dial_failed, open};
use super::pump::{End, Pump, Wanted};
use super::response_head::Edit;
use super::scratch::{Exchange, give_buffer, take_buffer};
use super::terms::Watch;
use super::upstream::{Upstream, UpstreamError};
use super::{guarded, record, request_head, verdict};
use crate::admit::{self, Permitted};
use crate::flows::Flow;
use crate::govern::{Chain, Hop, Verdict};
use crate::http::{RequestFacts, Visitor, VisitorError};
use crate::record_connection::micros;
use crate::reply::Answer;
use crate::route::{Routed, Side};
use crate::secure::Conn;
use crate::timer::Timer;

/// A stream that has idled longer carries only requests that may be sent twice.
const FRESH: Duration = Duration::from_secs(1);
/// Bytes of a head that leave with the frame that opens a stream; what is beyond follows.
const FIRST: usize = 32 * 1024;

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
    reused: bool,
    glitches: u32,
    opened: Instant,
    /// Generation of networks under which the request was let in.
    pub(super) seen: u64,
    pub(super) first_byte: Option<Instant>,
    /// When the request came.
    pub(super) began: Instant,
    /// The response broke off on the upstream's side.
    pub(super) upstream_broke: bool,
    /// What policies have decided, of an exchange whose chain lives on.
    told: PolicyFacts,
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
        told: PolicyFacts::default(),
    };
    let mut member: Option<Arc<Member>> = None;
    // Made only where an endpoint has a policy or a guardrail.
    let mut chain: Option<Box<Chain>> = None;
    if routed.is_governed() {
        chain = Some(governed(conn, exchange, host, false));
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
        if permitted.member().options.policy.is_some() && chain.is_none() {
            // Its agent came while the request was on its way to another.
            chain = Some(governed(conn, exchange, host, progress.attempts > 0));
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
        let outcome = if m.options.upstream_http2 && !m.is_http1_only() && !facts.upgrade {
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
            attempt(
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
    let mut spent = Duration::ZERO;
    if let Some(chain) = &mut chain {
        chain.give_back(&mut exchange.request);
        progress.told = chain.told(&conn.node);
        spent = chain.spent();
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
            policy_us: micros(spent),
            policies: progress.told.view(),
            bytes: visitor.counted(),
        },
    );
    settled.map_or(forwarded, Forwarded::Answer)
}

/// The layers of the request in `exchange`.
pub(super) fn governed(conn: &Conn, exchange: &Exchange, host: &str, is_rewritten: bool) -> Box<Chain> {
    let client = request_head::client_ip(&exchange.request, conn);
    Chain::of_request(conn, exchange, is_rewritten, host, client)
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
            let Some(chain) = chain else {
                return Chosen::End(Forwarded::Answer(Answer::internal()));
            };
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

/// One attempt over HTTP/1 on a stream of the member's.
#[allow(clippy::too_many_arguments, reason = "the parts of one exchange")]
async fn attempt<V: Visitor>(
    conn: &Arc<Conn>,
    visitor: &mut V,
    exchange: &mut Exchange,
    permitted: &Permitted,
    host: &str,
    facts: &RequestFacts,
    progress: &mut Progress,
    chain: &mut Option<Box<Chain>>,
) -> Attempt {
    if facts.grpc {
        return Attempt::Done(Forwarded::Answer(Answer::grpc_needs_http2()));
    }
    let member = permitted.member();
    let mut head = take_buffer();
    exchange.request.encode_request(&mut head);
    let now = Instant::now();
    let poolable = member.options.proxy_proto == 0 && !facts.upgrade;
    let Kept {
        stream: reused,
        mut is_pinned,
    } = if poolable && !progress.fresh_only {
        let max_age = if facts.idempotent { IDLE_MAX_AGE } else { FRESH };
        Kept::take(visitor, member, now, Some(max_age))
    } else {
        Kept::take(visitor, member, now, None)
    };
    progress.reused = reused.is_some();
    conn.observe
        .reuse(if reused.is_some() { Reuse::Hit } else { Reuse::Miss });
    let mut unsent = BytesMut::new();
    let (mut causes, mut taking) = (None, None);
    let stream = match reused {
        Some(mut stream) => {
            match poll_fn(|cx| Poll::Ready(stream.poll_send(cx, &head))).await {
                Poll::Ready(Ok(n)) => unsent.extend_from_slice(head.get(n..).unwrap_or_default()),
                Poll::Ready(Err(_)) => {
                    give_buffer(head);
                    return Attempt::Failed(Failure::Unsent);
                }
                Poll::Pending => unsent.extend_from_slice(&head),
            }
            stream
        }
        None => match open(
            member,
            conn.peer,
            conn.local,
            false,
            head.get(..FIRST).unwrap_or(&head),
            &conn.observe,
        ) {
            Ok(opened) => {
                causes = opened.causes;
                taking = opened.taking;
                unsent.extend_from_slice(head.get(FIRST..).unwrap_or_default());
                opened.stream
            }
            Err(e) => {
                give_buffer(head);
                return Attempt::Failed(Failure::Open(e));
            }
        },
    };
    give_buffer(head);
    progress.opened = now;
    let mut upstream = H1Upstream::new(stream, taking, facts.framing, facts.is_head, unsent);
    let expecting = facts.expects_continue.then(|| {
        let d = Timer::current().deadline();
        d.set(Duration::from_secs(1));
        d
    });
    let new_host = chain.as_ref().and_then(|c| c.new_host()).map(str::to_owned);
    let edit = Edit {
        rewritten_host: new_host.as_deref().or(member.options.host_header.as_deref()),
        authority: host,
        port: conn.public_port,
        scheme: conn.scheme(),
    };
    let wanted = Wanted {
        is_head: facts.is_head,
        upgrade: facts.upgrade,
        tunnel: facts.extended_connect,
        expects_continue: facts.expects_continue,
        interim: facts.version != Version::Http10,
        trailers: facts.version == Version::Http2 || exchange.request.contains_token(Known::Te, b"trailers"),
        has_body: facts.has_body(),
        governed: chain.is_some(),
    };
    let held = progress.held.take();
    let mut pump = Pump::new(
        visitor,
        &mut upstream,
        &exchange.request,
        &mut exchange.response,
        wanted,
        edit,
        held,
        expecting.as_ref(),
    )
    .beginning_with(std::mem::take(&mut progress.begun));
    pump.repeatable(progress.armed);
    pump.give_cookie(permitted.cookie.as_deref());
    pump.watch(chain.as_ref().and_then(|c| Watch::new(c.terms(), progress.began)));
    let end = super::governed::pumped(&mut pump, conn, member, chain, now, progress.seen).await;
    progress.first_byte = pump.first_byte;
    progress.held = pump.held.take();
    let answered = pump.has_begun();
    match end {
        End::Complete => {
            is_pinned |= authenticates_connection(&exchange.request, &exchange.response);
            let over = match upstream.into_rest() {
                Rest::Idle(stream) if is_pinned => match visitor.pinned() {
                    Some(place) => {
                        *place = Some(Pinned::new(stream, member.clone(), conn.node.directory.clone()));
                        None
                    }
                    None => Some(stream),
                },
                // A quarter of what the agent takes at once, so that idle streams never stand in the way of new ones.
                Rest::Idle(stream) if poolable => {
                    let most = member.session.family.limits(None).max_outbound / 4;
                    member.idle().put(stream, Instant::now(), most as usize)
                }
                Rest::Idle(stream) | Rest::Ending(stream) => Some(stream),
                Rest::Gone => None,
            };
            if let Some(stream) = over {
                conn.node.directory.end_stream(stream);
            }
            Attempt::Done(Forwarded::Complete)
        }
        End::Upgraded => {
            let (stream, early) = upstream.into_raw();
            let ip = super::governed::client_ip(conn, &exchange.request, chain.as_deref());
            if let Some(chain) = &chain {
                chain.show(&mut exchange.request);
                progress.told = chain.told(&conn.node);
            }
            let organization = &member.session.organization;
            let flow = conn
                .node
                .flows
                .enter(&conn.node, organization, ip, chain.take(), progress.seen);
            Attempt::Done(Forwarded::Upgraded(Box::new(stream), early, flow))
        }
        End::Replaced(answer) => {
            upstream.abort();
            Attempt::Done(Forwarded::Answer(answer))
        }
        End::Closed => {
            upstream.abort();
            Attempt::Done(Forwarded::Closed { reset: false })
        }
        End::Over(over) => {
            upstream.abort();
            super::terms::broken(over, answered, visitor, progress).await
        }
        End::Again => {
            upstream.abort();
            Attempt::Again
        }
        // Whoever pumps goes on behind a head or a message; they are no end.
        End::Head | End::Message => Attempt::Done(Forwarded::Answer(Answer::internal())),
        End::Visitor(e) => {
            upstream.abort();
            Attempt::Done(visitor_failed(&e, answered, visitor))
        }
        End::Upstream(e) => {
            if answered {
                progress.upstream_broke = true;
                // What came so far is the visitor's, who can tell by it that more is missing.
                let _ = poll_fn(|cx| visitor.poll_flush(cx)).await;
                visitor.break_off();
                return Attempt::Done(Forwarded::Broken);
            }
            let e = match e {
                UpstreamError::Closed => match dial_failed(causes).await {
                    Some(cause) => UpstreamError::DialFailed(Box::new(cause)),
                    None => UpstreamError::Closed,
                },
                other => other,
            };
            if progress.reused && matches!(e, UpstreamError::Closed) && !upstream.has_answered() {
                conn.observe.reuse(Reuse::Stale);
                return Attempt::Failed(Failure::Stale);
            }
            Attempt::Failed(Failure::Upstream(e))
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
