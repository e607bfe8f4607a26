//! What a policy asks of the edge for the rest of an exchange: limits, times, repetition, choice of member.

use std::sync::Arc;
use std::time::Duration;

use crate::expr::Program;

/// Terms of an exchange; what is `None` stays as the edge has it.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// `request-limit`: bytes of the request's body, counted while it passes; beyond: 413 `ERR_ADIT_4130`.
    pub max_body: Option<u64>,
    /// `request-limit`: the whole exchange; beyond: 504.
    pub max_duration: Option<Duration>,
    /// `timeout`: until the response's head; beyond: 504 `ERR_NGROK_3008`, as for the next two.
    pub response_header_timeout: Option<Duration>,
    /// `timeout`: between two reads of the response.
    pub idle_timeout: Option<Duration>,
    /// `timeout`: until the end of the response.
    pub total_timeout: Option<Duration>,
    /// `request-parking`
    pub parking: Option<Parking>,
    /// `sticky-session`
    pub sticky: Option<Sticky>,
    /// `retry`
    pub retry: Option<Arc<Retry>>,
    /// `websocket-tcp`: messages of the upgraded connection are bytes to the agent.
    pub websocket_tcp: bool,
}

/// How long a request may wait for a member that comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parking {
    /// Not at all.
    Off,
    /// So long.
    Most(Duration),
}

/// How a visitor is kept at one member of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    /// By what.
    pub by: StickyBy,
    /// Forgotten after this time.
    pub ttl: Option<Duration>,
}

/// By what a visitor is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StickyBy {
    /// A cookie of the edge.
    Cookie,
    /// The visitor's address.
    ClientIp,
    /// This value: of a header or an expression.
    Key(String),
}

/// When an exchange is repeated on another member (traffic policy 6.5).
#[derive(Debug)]
pub struct Retry {
    /// Tries, the first included.
    pub attempts: u32,
    /// Time for one try.
    pub per_try_timeout: Option<Duration>,
    /// Wait before the second try; doubled for each further one.
    pub backoff: Duration,
    /// Bytes of the request's body that are held for it; longer ones are not repeated.
    pub body_hold: usize,
    /// Repeated exchanges among all, in percent.
    pub budget: f64,
    pub(crate) on: Vec<RetryOn>,
    pub(crate) methods: Vec<String>,
    pub(crate) condition: Option<Program>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryOn {
    ConnectFailure,
    Reset,
    ServerError,
    Status(u16),
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// No connection came about.
    ConnectFailure,
    /// The connection was lost, or time ran out, before a response.
    Reset,
    /// A response with this status.
    Status(u16),
}

impl Retry {
    /// May an exchange with this method be repeated after its try number `attempt` (from 1) ended so? A `condition` is
    /// asked by [`crate::Exchange::retries`].
    pub(crate) fn fits(&self, method: &str, attempt: u32, ended: Attempt) -> bool {
        attempt < self.attempts
            && self.methods.iter().any(|known| known == method)
            && self.on.iter().any(|on| match (on, ended) {
                (RetryOn::ConnectFailure, Attempt::ConnectFailure) | (RetryOn::Reset, Attempt::Reset) => true,
                (RetryOn::ServerError, Attempt::Status(status)) => status >= 500,
                (RetryOn::Status(wanted), Attempt::Status(status)) => *wanted == status,
                _ => false,
            })
    }
}
