//! Outcome of one relayed connection: the event `tcp_connection_closed.v0`, which `tls://` endpoints send too.

use super::policy::Policies;
use super::{Target, Visitor};
use crate::label::{Outcome, Side};

/// What kind of connection was relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relayed {
    /// A port of a `tcp://` endpoint.
    Tcp,
    /// TLS, passed through or terminated here.
    Tls,
}

impl Relayed {
    /// The value of the event's field `protocol`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// What happened to one relayed connection. Everything is borrowed; empty texts are absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConnectionOutcome<'a> {
    /// The visitor's connection.
    pub visitor: Visitor<'a>,
    /// Where it went; empty if it was refused before.
    pub target: Target<'a>,
    /// The connection's id (`rq_…`).
    pub request_id: &'a str,
    /// TCP or TLS.
    pub protocol: Relayed,
    /// How it ended.
    pub outcome: Outcome,
    /// Published error code (`ERR_…`) if the edge refused or broke off.
    pub error_code: Option<&'a str>,
    /// Whose fault the error was; counted only together with `error_code`.
    pub error_side: Option<Side>,
    /// How often a stream was opened for it.
    pub attempts: u8,
    /// Bytes from the visitor.
    pub bytes_in: u64,
    /// Bytes to the visitor.
    pub bytes_out: u64,
    /// Where the time went.
    pub timings: ConnectionTimings,
    /// What policies decided.
    pub policies: Policies<'a>,
}

/// Where the time of a connection went: durations in microseconds by the monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionTimings {
    /// TLS handshake; 0 if passed through.
    pub tls_us: u64,
    /// Policies before the connection was let through, without what they waited for.
    pub policy_us: u64,
    /// Parked until a member came back.
    pub parked_us: u64,
    /// Opening the stream, retries included.
    pub stream_open_us: u64,
    /// Accepted to closed.
    pub total_us: u64,
}

impl Default for ConnectionOutcome<'_> {
    /// A TCP connection that failed in the edge before anything was known; for filling in.
    fn default() -> Self {
        Self {
            visitor: Visitor::default(),
            target: Target::default(),
            request_id: "",
            protocol: Relayed::Tcp,
            outcome: Outcome::ErrorEdge,
            error_code: None,
            error_side: None,
            attempts: 0,
            bytes_in: 0,
            bytes_out: 0,
            timings: ConnectionTimings::default(),
            policies: Policies::default(),
        }
    }
}
