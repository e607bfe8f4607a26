//! One attempt to have a request answered over HTTP/1: a stream that is kept or new, the pump, and what becomes of it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use adit_cluster::IDLE_MAX_AGE;
use adit_observe::Reuse;
use bytes::BytesMut;

use super::exchange::{Forwarded, Progress, edit, ended, wanted};
use super::failure::{Attempt, Failure};
use super::governed::{Alone, client_ip, pumped};
use super::h1_upstream::{H1Upstream, Rest};
use super::kept::{Kept, Pinned, authenticates_connection};
use super::open::{dial_failed, open};
use super::pump::{End, Pump, Wanted};
use super::scratch::{Exchange, give_buffer, take_buffer};
use super::terms::Watch;
use super::upstream::{Upstream, UpstreamError};
use crate::admit::Permitted;
use crate::govern::Chain;
use crate::http::{RequestFacts, Visitor};
use crate::reply::Answer;
use crate::secure::Conn;
use crate::timer::Timer;

/// A stream that has idled longer carries only requests that may be sent twice.
const FRESH: Duration = Duration::from_secs(1);
/// Bytes of a head that leave with the frame that opens a stream; what is beyond follows.
const FIRST: usize = 32 * 1024;

/// One attempt over HTTP/1 on a stream of the member's.
#[allow(clippy::too_many_arguments, reason = "the parts of one exchange")]
pub(super) async fn attempt<V: Visitor>(
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
    let edit = edit(conn, member, new_host.as_deref(), host);
    let wanted = Wanted {
        upgrade: facts.upgrade,
        tunnel: facts.extended_connect,
        ..wanted(facts, &exchange.request, chain.is_some())
    };
    let held = progress.held.take();
    let (request, response, received) = exchange.parts();
    let mut pump = Pump::new(
        visitor,
        &mut upstream,
        request,
        response,
        wanted,
        edit,
        held,
        expecting.as_ref(),
    )
    .beginning_with(std::mem::take(&mut progress.begun));
    pump.repeatable(progress.armed);
    pump.give_cookie(permitted.cookie.as_deref());
    pump.watch(chain.as_ref().and_then(|c| Watch::new(c.terms(), progress.began)));
    let alone = progress.alone.as_ref().map(|left| Alone {
        left,
        request: received,
        host,
    });
    let end = pumped(&mut pump, conn, member, chain, alone, now, progress.seen).await;
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
            if let Some(left) = progress.alone.take() {
                *chain = Some(left.into_chain(conn, &exchange.as_received(false), host));
            }
            let ip = client_ip(conn, &exchange.request, chain.as_deref(), None);
            if let Some(chain) = chain.as_deref_mut() {
                chain.show(&mut exchange.request);
                progress.told = chain.tell(&conn.node, &conn.observe, conn.kind.listener());
            }
            let organization = &member.session.organization;
            let flow = conn
                .node
                .flows
                .enter(&conn.node, organization, ip, chain.take(), progress.seen);
            Attempt::Done(Forwarded::Upgraded(Box::new(stream), early, flow))
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
        other => {
            upstream.abort();
            ended(other, answered, visitor, progress).await
        }
    }
}
