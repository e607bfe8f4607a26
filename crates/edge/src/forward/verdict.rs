//! What an exchange says about the endpoint that served it (edge 2.4): that its upstream answers, or what is wrong
//! with it. Failures of the session or of the visitor say nothing about the upstream.

use std::future::poll_fn;
use std::time::Instant;

use adit_cluster::{Came, Member, Pool, StreamFailure, UpstreamFailure};
use adit_http1::Head;
use adit_observe::EndpointReason;
use adit_protocol::ClientFamily;
use adit_protocol::control::StreamErrorClass;

use super::exchange::{Forwarded, Progress};
use super::failure::{Attempt, Failure};
use super::pump::{End, Pump};
use super::scratch::Exchange;
use super::upstream::{Upstream, UpstreamError};
use crate::http::Visitor;
use crate::node::Node;

/// Pumps to the end. An upstream that was at fault is said to be well as soon as it answers: its response may take
/// hours.
pub(super) async fn pumped<V: Visitor, U: Upstream>(pump: &mut Pump<'_, V, U>, node: &Node, member: &Member) -> End {
    let mut is_failing = member.health().is_failing();
    poll_fn(|cx| {
        let end = pump.poll(cx);
        if is_failing && pump.has_begun() {
            is_failing = false;
            if !is_dial_failure(pump.response, member) {
                node.upstream_answered(member, Instant::now());
            }
        }
        end
    })
    .await
}

/// Says what an attempt came to that ended at this time.
pub(super) fn say(
    attempt: &Attempt,
    node: &Node,
    pool: &Pool,
    member: &Member,
    exchange: &Exchange,
    progress: &Progress,
    ended: Instant,
) {
    let answered = || {
        let is_5xx = exchange.response.status() >= 500;
        node.came(pool, member, if is_5xx { Came::Answered5xx } else { Came::Answered });
        node.upstream_answered(member, ended);
    };
    let failure = match attempt {
        Attempt::Done(Forwarded::Complete) | Attempt::Again if is_dial_failure(&exchange.response, member) => connect(
            EndpointReason::UpstreamRefused,
            "the agent could not reach its upstream",
        ),
        Attempt::Done(Forwarded::Complete | Forwarded::Upgraded(..)) | Attempt::Again => {
            return answered();
        }
        Attempt::Done(Forwarded::Broken) if progress.upstream_broke => invalid("a response broke off"),
        // Answered, and then the visitor left.
        Attempt::Done(Forwarded::Broken) if progress.first_byte.is_some() => {
            return answered();
        }
        // Whoever moves the bytes says it.
        Attempt::Done(Forwarded::WebSocket(_)) => return,
        // A policy spoke in its place.
        Attempt::Done(Forwarded::Answer(_) | Forwarded::Closed { .. }) if progress.first_byte.is_some() => {
            return answered();
        }
        Attempt::Done(Forwarded::Broken | Forwarded::Answer(_) | Forwarded::Closed { .. }) => return,
        Attempt::Failed(Failure::Upstream(UpstreamError::DialFailed(cause))) => not_reached(cause),
        Attempt::Failed(Failure::Upstream(UpstreamError::Closed)) => invalid("closed without an answer"),
        Attempt::Failed(Failure::Upstream(UpstreamError::Invalid(_))) => invalid("the answer was not HTTP"),
        Attempt::Failed(_) => return,
    };
    if failure.is_connect {
        node.came(pool, member, Came::Failed);
    }
    node.upstream_failed(member, ended, failure);
}

/// What Adit's own agent says about an upstream that it did not reach.
pub(crate) fn not_reached(cause: &StreamFailure) -> UpstreamFailure {
    let reason = match cause.class {
        StreamErrorClass::Timeout => EndpointReason::UpstreamTimeout,
        StreamErrorClass::Tls => EndpointReason::UpstreamTls,
        _ => EndpointReason::UpstreamRefused,
    };
    // A user and a password in front of the address are nobody's business.
    let addr = cause.addr.rsplit('@').next().unwrap_or_default();
    connect(reason, &format!("{addr}: {}", cause.error))
}

fn connect(reason: EndpointReason, detail: &str) -> UpstreamFailure {
    UpstreamFailure {
        reason,
        is_connect: true,
        detail: detail.to_owned(),
    }
}

fn invalid(detail: &str) -> UpstreamFailure {
    UpstreamFailure {
        reason: EndpointReason::UpstreamInvalid,
        is_connect: false,
        detail: detail.to_owned(),
    }
}

/// Whether a response is what an open SDK says in the place of an upstream that it did not reach. Adit's own agent
/// has other words for it.
pub(super) fn is_dial_failure(response: &Head, member: &Member) -> bool {
    member.session.family != ClientFamily::Adit
        && response.status() == 502
        && response.find(b"ngrok-error-code") == Some(b"ERR_NGROK_8012")
}
