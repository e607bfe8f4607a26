//! Pumping an exchange, looked at by others: policies speak when the head of the response is there, and who may not come
//! from where he is any more is cut off.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use adit_cluster::{Member, Pool};
use adit_http1::Head;
use adit_policy::Attempt;
use bytes::BytesMut;

use super::again;
use super::coding::Coder;
use super::messages::Messages;
use super::pump::{End, Pump};
use super::request_head;
use super::upstream::Upstream;
use super::verdict;
use crate::govern::{AsReceived, Chain, Hop, LeftAlone, Responded, Verdict};
use crate::http::{Visitor, VisitorError};
use crate::node::Node;
use crate::reply::Answer;
use crate::secure::Conn;
use crate::timer::Timer;

/// What ran for a shorter time when an IP rule changed may end by itself.
const SHORT: Duration = Duration::from_secs(1);

/// A request without a chain, while it is pumped.
#[derive(Clone, Copy)]
pub(super) struct Alone<'a> {
    /// Its endpoint has a policy, which leaves it alone; else there was none, nor a guardrail.
    pub(super) left: Option<&'a LeftAlone>,
    pub(super) pool: &'a Arc<Pool>,
    pub(super) request: AsReceived<'a>,
    pub(super) host: &'a str,
}

/// Pumps to the end.
pub(super) async fn pumped<V: Visitor, U: Upstream>(
    pump: &mut Pump<'_, V, U>,
    conn: &Arc<Conn>,
    member: &Arc<Member>,
    chain: &mut Option<Box<Chain>>,
    alone: Alone<'_>,
    began: Instant,
    seen: u64,
) -> End {
    let node = &conn.node;
    // That under which the request was let in.
    let mut generation = seen;
    // Who waits for nothing but the next byte has to be woken when rules change; nobody else pays for it.
    let is_watched = chain.is_some() || alone.left.is_some() || node.config.load().told.has_restrictions();
    let flow = is_watched.then(|| node.flows.lend_waking(&conn.spare_flow));
    let mut ripe = None;
    loop {
        let end = {
            let mut pumping = std::pin::pin!(verdict::pumped(pump, node, member));
            poll_fn(|cx| {
                if let Some(flow) = &flow {
                    flow.poll(cx);
                }
                let now = node.flows.generation();
                if now != generation && !is_concerned(node, member, generation) {
                    generation = now;
                }
                if now != generation {
                    let age = began.elapsed();
                    if age >= SHORT {
                        generation = now;
                        return Poll::Ready(None);
                    }
                    // Asked once it is no longer short, though nothing of it may move until then.
                    let ripe = ripe.get_or_insert_with(|| {
                        let deadline = Timer::current().deadline();
                        deadline.set(SHORT.saturating_sub(age));
                        deadline
                    });
                    let _ = ripe.poll_expired(cx);
                }
                pumping.as_mut().poll(cx).map(Some)
            })
            .await
        };
        let Some(end) = end else {
            match refused_now(conn, pump.request, member, chain, alone) {
                None => continue,
                // Nothing can be said any more.
                Some(_) if pump.has_begun() => return End::Visitor(VisitorError::Gone),
                Some(end) => return end,
            }
        };
        if let (End::Head, Some(chain)) = (&end, chain.as_deref_mut()) {
            chain.upstream_answered(node, pump.response.status() >= 500);
        }
        if matches!(end, End::Head) && is_repeated(pump, node, member, chain) {
            return End::Again;
        }
        match (end, chain.as_deref_mut()) {
            (End::Head, Some(chain)) => {
                let mut head = std::mem::take(pump.response);
                let responded = chain.response(conn, &mut head, pump).await;
                *pump.response = head;
                if let Some(end) = pump.read_failed() {
                    return end;
                }
                match responded {
                    Ok(Responded::Edited(body)) => pump.begin_body(body),
                    Ok(Responded::Replaced(answer)) => return End::Replaced(answer),
                    Ok(Responded::Close) => return End::Closed,
                    Err(error) => return End::Visitor(error),
                }
                if let Some(coding) = chain.coding(pump.response) {
                    match Coder::new(coding, &node.agents.budget) {
                        Some(coder) => pump.encode(coder),
                        None => return End::Replaced(Answer::overloaded()),
                    }
                }
                if chain.reads_messages(pump.response) {
                    pump.messages = Some(Messages::default());
                }
                if let Err(error) = pump.send_head() {
                    return End::Visitor(error);
                }
            }
            (End::Message, Some(chain)) => {
                let Some(messages) = &mut pump.messages else {
                    return End::Closed;
                };
                match chain.message(node, pump.response, messages.take()) {
                    Some(bytes) => messages.judged(bytes.into()),
                    // Nothing more passes: the visitor sees that the stream is not whole.
                    None => return End::Visitor(VisitorError::Gone),
                }
            }
            (end, _) => return end,
        }
    }
}

/// Whether a policy wants another try in place of the response whose head is there.
fn is_repeated<V: Visitor, U: Upstream>(
    pump: &Pump<'_, V, U>,
    node: &Node,
    member: &Member,
    chain: &mut Option<Box<Chain>>,
) -> bool {
    let answered = Attempt::Status(pump.response.status());
    let ended: &[Attempt] = if verdict::is_dial_failure(pump.response, member) {
        &[Attempt::ConnectFailure, answered]
    } else {
        &[answered]
    };
    let held = pump.held.as_ref().map(BytesMut::len);
    again::is_due(node, chain, pump.armed, pump.has_body(), held, ended)
}

/// What networks, guardrails and policies as they are now would do with this request, if they would not let it in (edge 6.4):
/// each says it in its own way.
fn refused_now(
    conn: &Arc<Conn>,
    request: &Head,
    member: &Arc<Member>,
    chain: &mut Option<Box<Chain>>,
    alone: Alone<'_>,
) -> Option<End> {
    let ip = client_ip(conn, request, chain.as_deref(), alone.left);
    let may_come = {
        let told = &conn.node.config.load().told;
        told.visitor_may_come_from(&member.session.organization, ip)
    };
    if !may_come {
        return Some(End::Replaced(Answer::address_blocked(ip)));
    }
    let refused = match (chain.as_deref_mut(), alone.left) {
        (Some(chain), _) => chain.refused_now(&conn.node),
        (None, Some(left)) => left.refused_now(conn, &alone.request, alone.host),
        (None, None) => {
            let hop = {
                let config = conn.node.config.load();
                if !config.told.has_guardrails() {
                    return None;
                }
                Hop::agent(member, alone.pool, &config)
            };
            LeftAlone::by_all(hop, ip).refused_now(conn, &alone.request, alone.host)
        }
    };
    match refused? {
        Verdict::Answer(answer) => Some(End::Replaced(answer)),
        Verdict::Close | Verdict::Reset => Some(End::Closed),
        Verdict::Pass | Verdict::Forward(_) | Verdict::Failed(_) => None,
    }
}

/// Whether something has changed since a generation that is about the endpoint that serves.
fn is_concerned(node: &Node, member: &Member, since: u64) -> bool {
    let told = &node.config.load().told;
    told.networks_generation_of(&member.session.organization) > since
}

/// Who asks. Policies may have changed the fields that say so: who has met them knows it from before.
pub(super) fn client_ip(conn: &Conn, request: &Head, chain: Option<&Chain>, alone: Option<&LeftAlone>) -> IpAddr {
    let known = chain.map(Chain::client_ip).or_else(|| alone.map(LeftAlone::client_ip));
    known.unwrap_or_else(|| request_head::client_ip(request, conn))
}
