//! Outcome of one HTTP exchange: the event `http_request_complete.v0`, a line of the access log, and the
//! metrics of requests.

use super::policy::Policies;
use super::{Target, Visitor};
use crate::label::{Outcome, Protocol, Side};

/// What happened to one HTTP request. Everything is borrowed; empty texts are absent.
///
/// In a record `host` and the identifiers are cut at 255 bytes, `user_agent` at 1 KiB, `path` and `query` at
/// 4 KiB each; a cut record says `truncated`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestOutcome<'a> {
    /// The visitor's connection.
    pub visitor: Visitor<'a>,
    /// Where the request went; empty if it was refused before.
    pub target: Target<'a>,
    /// The request's id (`rq_…`).
    pub request_id: &'a str,
    /// HTTP version the visitor spoke.
    pub protocol: Protocol,
    /// Whether the request came over TLS (`https`) or plain (`http`).
    pub secure: bool,
    /// Method as received; empty if the head could not be read.
    pub method: &'a [u8],
    /// Host of the request.
    pub host: &'a [u8],
    /// Path as received, without query.
    pub path: &'a [u8],
    /// Query as received, without `?`. Secrets in it are taken out before a line is written.
    pub query: &'a [u8],
    /// `User-Agent` as received.
    pub user_agent: &'a [u8],
    /// Status sent to the visitor; 0 if no response began.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Published error code (`ERR_…`) if the edge answered or broke off. The metrics tell 256 codes apart.
    pub error_code: Option<&'a str>,
    /// Whose fault the error was; counted only together with `error_code`.
    pub error_side: Option<Side>,
    /// How often a stream was opened for it.
    pub attempts: u8,
    /// Whether the stream that served it had been used before.
    pub reused: bool,
    /// Whether the connection was upgraded.
    pub upgraded: bool,
    /// Violations of the protocol that were let pass or put right in this exchange.
    pub glitches: u16,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the response's body.
    pub bytes_out: u64,
    /// Where the time went.
    pub timings: Timings,
    /// What policies decided.
    pub policies: Policies<'a>,
}

/// Where the time of an exchange went: durations in microseconds by the monotonic clock; 0 = did not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// First byte of the head to its last.
    pub head_us: u64,
    /// Policy and rules before the request was let through.
    pub policy_request_us: u64,
    /// Policies on the way back.
    pub policy_response_us: u64,
    /// Parked until a member came back.
    pub parked_us: u64,
    /// Waiting for a place on the session.
    pub queue_us: u64,
    /// Opening the stream, retries included.
    pub stream_open_us: u64,
    /// Request sent to the first byte of the response.
    pub upstream_first_byte_us: u64,
    /// Whole time spent waiting for the upstream, if measured beyond the first byte.
    pub upstream_wait_us: u64,
    /// First byte of the response to its last.
    pub response_us: u64,
    /// First byte of the head to the end of the exchange.
    pub total_us: u64,
}

impl Timings {
    /// First byte of the head to the first byte of the response.
    #[must_use]
    pub const fn first_byte_us(&self) -> u64 {
        self.total_us.saturating_sub(self.response_us)
    }

    /// Time spent in the edge: the total without parking and without waiting for the upstream.
    #[must_use]
    pub fn edge_us(&self) -> u64 {
        self.total_us
            .saturating_sub(self.parked_us)
            .saturating_sub(self.upstream_wait_us.max(self.upstream_first_byte_us))
    }
}

impl Default for RequestOutcome<'_> {
    /// An HTTP/1.1 request over TLS that failed in the edge before anything was known; for filling in.
    fn default() -> Self {
        Self {
            visitor: Visitor::default(),
            target: Target::default(),
            request_id: "",
            protocol: Protocol::Http11,
            secure: true,
            method: b"",
            host: b"",
            path: b"",
            query: b"",
            user_agent: b"",
            status: 0,
            outcome: Outcome::ErrorEdge,
            error_code: None,
            error_side: None,
            attempts: 0,
            reused: false,
            upgraded: false,
            glitches: 0,
            bytes_in: 0,
            bytes_out: 0,
            timings: Timings::default(),
            policies: Policies::default(),
        }
    }
}
