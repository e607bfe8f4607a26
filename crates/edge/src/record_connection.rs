//! The outcome of a connection that is not HTTP to us, filled along its road and emitted once at its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use adit_cluster::Member;
use adit_observe::{
    ConnectionOutcome, ConnectionTimings, Listener, Outcome, PolicyFacts, Relayed, Side, Target, Visitor,
};

use crate::accept::{Accepted, Kind};
use crate::forward;
use crate::node::Node;
use crate::relay::{self, RelayEnd};
use crate::route::Routed;

/// What is known of one connection so far.
#[derive(Debug)]
pub(crate) struct Connection {
    id: String,
    kind: Kind,
    peer: SocketAddr,
    local: SocketAddr,
    sni: String,
    protocol: Relayed,
    began: Instant,
    connected_at: SystemTime,
    attempts: u8,
    parked: Duration,
    told: PolicyFacts,
    policy: Duration,
}

impl Connection {
    pub(crate) fn begin(accepted: &Accepted, sni: &str, protocol: Relayed) -> Self {
        Self {
            connected_at: accepted.permit.accepted_at(),
            ..Self::new(accepted.kind, accepted.peer, accepted.local, sni, protocol)
        }
    }

    pub(crate) fn new(kind: Kind, peer: SocketAddr, local: SocketAddr, sni: &str, protocol: Relayed) -> Self {
        let mut id = String::new();
        forward::new_request_id(&mut id);
        Self {
            id,
            kind,
            peer,
            local,
            sni: sni.to_owned(),
            protocol,
            began: Instant::now(),
            connected_at: SystemTime::now(),
            attempts: 0,
            parked: Duration::ZERO,
            told: PolicyFacts::default(),
            policy: Duration::ZERO,
        }
    }

    /// By which it came.
    pub(crate) fn listener(&self) -> Listener {
        self.kind.listener()
    }

    /// Name of its ClientHello; empty if there was none.
    pub(crate) fn name(&self) -> &str {
        &self.sni
    }

    /// The visitor's and our own address.
    pub(crate) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.peer, self.local)
    }

    /// A stream is about to be opened.
    pub(crate) fn attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
    }

    /// It waited for its agent.
    pub(crate) fn parked(&mut self, time: Duration) {
        self.parked = time;
    }

    /// What policies have decided, and how long that took, without what they waited for.
    pub(crate) fn told(&mut self, told: PolicyFacts, spent: Duration) {
        self.told = told;
        self.policy = spent;
    }

    /// It was served and has ended.
    pub(crate) fn relayed(&self, node: &Arc<Node>, target: Target<'_>, relayed: &relay::Relayed) {
        let (outcome, error_code, error_side) = match relayed.end {
            RelayEnd::Complete => (Outcome::Completed, None, None),
            RelayEnd::Visitor => (Outcome::ClientAborted, None, Some(Side::Visitor)),
            RelayEnd::Agent if relayed.upstream_refused => {
                (Outcome::UpstreamAborted, Some("ERR_NGROK_8012"), Some(Side::Upstream))
            }
            RelayEnd::Agent => (Outcome::UpstreamAborted, None, Some(Side::Upstream)),
            RelayEnd::Cut => (Outcome::RefusedPolicy, Some("ERR_NGROK_3203"), Some(Side::Visitor)),
            RelayEnd::SessionLost => (Outcome::AgentLost, Some("ERR_ADIT_1303"), Some(Side::Agent)),
        };
        let worker = node.observe();
        worker.bytes(self.kind.listener(), relayed.bytes_in, relayed.bytes_out);
        worker.connection(&ConnectionOutcome {
            target,
            outcome,
            error_code,
            error_side,
            bytes_in: relayed.bytes_in,
            bytes_out: relayed.bytes_out,
            ..self.outcome()
        });
    }

    /// Nobody has the name or port that it asked for.
    pub(crate) fn unknown(&self, node: &Arc<Node>, code: &'static str) {
        self.refused_as(node, Target::default(), code);
    }

    /// It was not served, for the reason of this code.
    pub(crate) fn refused(&self, node: &Arc<Node>, target: Target<'_>, code: &'static str) {
        self.refused_as(node, target, code);
    }

    /// A policy refused it.
    pub(crate) fn refused_by_policy(&self, node: &Arc<Node>, target: Target<'_>) {
        node.observe().connection(&ConnectionOutcome {
            target,
            outcome: Outcome::RefusedPolicy,
            ..self.outcome()
        });
    }

    /// Its visitor left before there was a stream.
    pub(crate) fn left(&self, node: &Arc<Node>, target: Target<'_>) {
        node.observe().connection(&ConnectionOutcome {
            target,
            outcome: Outcome::ClientAborted,
            ..self.outcome()
        });
    }

    fn refused_as(&self, node: &Arc<Node>, target: Target<'_>, code: &'static str) {
        node.observe().connection(&ConnectionOutcome {
            target,
            outcome: Outcome::ErrorEdge,
            error_code: Some(code),
            error_side: Some(Side::Agent),
            ..self.outcome()
        });
    }

    fn outcome(&self) -> ConnectionOutcome<'_> {
        ConnectionOutcome {
            visitor: Visitor {
                listener: self.kind.listener(),
                client_ip: self.peer.ip(),
                l4_ip: self.peer.ip(),
                server: Some(self.local),
                connected_at: self.connected_at,
                sni: &self.sni,
                ..Visitor::default()
            },
            request_id: &self.id,
            protocol: self.protocol,
            attempts: self.attempts,
            policies: self.told.view(),
            timings: ConnectionTimings {
                policy_us: counted_micros(self.policy),
                parked_us: micros(self.parked),
                total_us: micros(self.began.elapsed()),
                ..ConnectionTimings::default()
            },
            ..ConnectionOutcome::default()
        }
    }
}

/// What outcomes say of the member that served.
pub(crate) fn of_member(member: &Member) -> Target<'_> {
    Target {
        endpoint_id: &member.endpoint_id,
        session_id: &member.session.id,
        credential_id: &member.session.credential,
        agent_version: &member.session.agent_version,
        upstream_url: &member.options.forwards_to,
        ..Target::default()
    }
}

/// The endpoint that was asked for.
pub(crate) fn of_endpoint(routed: &Routed) -> Target<'_> {
    Target {
        organization_id: routed.organization(),
        endpoint_url: routed.url(),
        ..Target::default()
    }
}

/// Microseconds; what took any time took one at least.
pub(crate) fn counted_micros(d: Duration) -> u64 {
    if d.is_zero() { 0 } else { micros(d).max(1) }
}

/// Whole microseconds.
pub(crate) fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}
