//! The outcome of an HTTP exchange: emitted once, whatever became of it.

use std::time::Instant;

use adit_cluster::Member;
use adit_http1::{Head, Known, Version};
use adit_observe::{Outcome, Policies, Protocol, RequestOutcome, Side, Target, Timings, Visitor};

use super::exchange::Forwarded;
use super::scratch::Exchange;
use crate::govern::Chain;
use crate::http::RequestFacts;
use crate::record_connection::{micros, of_member};
use crate::reply::Answer;
use crate::route::Routed;
use crate::secure::Conn;

/// What the road knows at the end of an exchange.
pub(super) struct Facts<'a> {
    pub(super) host: &'a str,
    pub(super) facts: &'a RequestFacts,
    pub(super) target: Target<'a>,
    pub(super) forwarded: &'a Forwarded,
    pub(super) attempts: u8,
    pub(super) reused: bool,
    pub(super) parked_us: u64,
    pub(super) glitches: u32,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) opened: Instant,
    pub(super) first_byte: Option<Instant>,
    pub(super) upstream_broke: bool,
    /// Time of policies' request and response phases.
    pub(super) policy_us: (u64, u64),
    pub(super) policies: Policies<'a>,
    pub(super) bytes: (u64, u64),
}

/// The endpoint that was asked for, and who served: a request that was forwarded within the organisation is still one
/// to its public endpoint.
pub(super) fn target_of<'a>(routed: &'a Routed, chain: Option<&'a Chain>, member: Option<&'a Member>) -> Target<'a> {
    let asked = chain.and_then(Chain::outermost).filter(|hop| hop.is_cloud());
    let served = member.map(of_member).unwrap_or_default();
    match asked {
        Some(hop) => Target {
            endpoint_id: &hop.facts().id,
            organization_id: routed.organization(),
            endpoint_url: &hop.facts().url,
            ..served
        },
        None => Target {
            organization_id: routed.organization(),
            endpoint_url: routed.url(),
            ..served
        },
    }
}

/// Emits the outcome of an exchange that was forwarded, or was to be.
pub(super) fn exchange(conn: &Conn, exchange: &Exchange, f: &Facts<'_>) {
    let (outcome, status, upgraded) = match f.forwarded {
        Forwarded::Complete => (Outcome::Completed, exchange.response.status(), false),
        Forwarded::Upgraded(..) | Forwarded::WebSocket(_) => (Outcome::Completed, 101, true),
        Forwarded::Answer(a) => (outcome_of(a), a.status, false),
        Forwarded::Closed { .. } => (Outcome::RefusedPolicy, 0, false),
        Forwarded::Broken => {
            let outcome = if f.upstream_broke {
                Outcome::UpstreamAborted
            } else {
                Outcome::ClientAborted
            };
            (outcome, f.first_byte.map_or(0, |_| exchange.response.status()), false)
        }
    };
    let since = |at: Instant| micros(f.ended.duration_since(at));
    let timings = Timings {
        policy_request_us: f.policy_us.0,
        policy_response_us: f.policy_us.1,
        parked_us: f.parked_us,
        upstream_first_byte_us: f
            .first_byte
            .map_or(0, |at| micros(at.saturating_duration_since(f.opened))),
        response_us: f.first_byte.map_or(0, since),
        total_us: since(f.began),
        ..Timings::default()
    };
    let code = match f.forwarded {
        Forwarded::Answer(a) if !a.code.is_empty() => Some(a.code),
        _ => None,
    };
    emit(
        conn,
        &exchange.request,
        RequestOutcome {
            target: f.target,
            request_id: &exchange.request_id,
            protocol: protocol(f.facts.version),
            host: f.host.as_bytes(),
            status,
            outcome,
            error_code: code,
            error_side: code.map(side_of),
            attempts: f.attempts,
            reused: f.reused,
            upgraded,
            glitches: u16::try_from(f.glitches).unwrap_or(u16::MAX),
            bytes_in: f.bytes.0,
            bytes_out: f.bytes.1,
            timings,
            policies: f.policies,
            ..RequestOutcome::default()
        },
    );
}

/// Emits the outcome of a request that never got to an endpoint.
pub(crate) fn answer(
    conn: &Conn,
    exchange: &Exchange,
    answer: &Answer,
    version: Version,
    bytes: (u64, u64),
    began: Instant,
) {
    let code = Some(answer.code).filter(|c| !c.is_empty());
    emit(
        conn,
        &exchange.request,
        RequestOutcome {
            target: Target::default(),
            request_id: &exchange.request_id,
            protocol: protocol(version),
            host: exchange.request.get(Known::Host).unwrap_or_default(),
            status: answer.status,
            outcome: outcome_of(answer),
            error_code: code,
            error_side: code.map(side_of),
            bytes_in: bytes.0,
            bytes_out: bytes.1,
            timings: Timings {
                total_us: micros(began.elapsed()),
                ..Timings::default()
            },
            ..RequestOutcome::default()
        },
    );
}

fn emit<'a>(conn: &'a Conn, head: &'a Head, mut outcome: RequestOutcome<'a>) {
    let (path, query) = split_target(head.target());
    let certificate = conn.client_certificate();
    let visitor = Visitor {
        listener: conn.kind.listener(),
        client_ip: conn.ip(),
        l4_ip: conn.ip(),
        server: Some(conn.local),
        connected_at: conn.connected_at,
        sni: conn.sni.as_deref().unwrap_or(""),
        alpn: conn.tls.map_or("", |t| t.alpn),
        tls_version: conn.tls.map_or("", |t| t.version),
        cipher_suite: conn.tls.map_or("", |t| t.cipher_suite),
        resumed: conn.tls.is_some_and(|t| t.resumed),
        client_cert_cn: certificate.map_or("", |c| c.common_name.as_str()),
        client_cert_serial: certificate.map_or("", |c| c.serial_number.as_str()),
    };
    outcome.visitor = visitor;
    conn.observe
        .bytes(conn.kind.listener(), outcome.bytes_in, outcome.bytes_out);
    conn.observe.request(&RequestOutcome {
        secure: conn.tls.is_some(),
        method: head.method(),
        path,
        query,
        user_agent: head.get(Known::UserAgent).unwrap_or_default(),
        ..outcome
    });
}

/// Path and query of a target.
fn split_target(target: &[u8]) -> (&[u8], &[u8]) {
    match target.iter().position(|b| *b == b'?') {
        Some(at) => {
            let (path, query) = target.split_at(at);
            (path, query.get(1..).unwrap_or_default())
        }
        None => (target, b""),
    }
}

fn protocol(version: Version) -> Protocol {
    match version {
        Version::Http10 => Protocol::Http10,
        Version::Http11 => Protocol::Http11,
        Version::Http2 => Protocol::H2,
    }
}

fn outcome_of(answer: &Answer) -> Outcome {
    match answer.status {
        _ if answer.is_refusal => Outcome::RefusedPolicy,
        _ if answer.is_given() => Outcome::Completed,
        200..=399 => Outcome::Completed,
        408 | 504 => Outcome::Timeout,
        400..=403 | 405 | 413..=431 => Outcome::RefusedLimit,
        _ if answer.code == "ERR_ADIT_1303" => Outcome::AgentLost,
        _ => Outcome::ErrorEdge,
    }
}

/// Whose fault the error of a code is.
fn side_of(code: &str) -> Side {
    match code {
        "ERR_ADIT_1301" | "ERR_ADIT_1302" | "ERR_ADIT_1303" | "ERR_NGROK_3200" | "ERR_NGROK_742" => Side::Agent,
        "ERR_NGROK_3004" | "ERR_NGROK_3008" | "ERR_NGROK_3009" | "ERR_NGROK_3010" | "ERR_NGROK_8012"
        | "ERR_ADIT_5010" => Side::Upstream,
        c if c.starts_with("ERR_ADIT_4") => Side::Visitor,
        _ => Side::Edge,
    }
}
