//! All counters of one worker.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::cell::{Cell, Family, Histogram};
use crate::label::{
    AgentClient, AttackKind, BufferAction, BufferHolder, CodeClass, ConnectionProtocol, EndpointScheme, EndpointStatus,
    EndpointType, GlitchKind, HandshakeResult, Label, Listener, Method, Outcome, ParkResult, Protocol, RefusalReason,
    RetryReason, Reuse, Side, StreamFailure, TlsVersion,
};

/// Direction of bytes, seen from the visitor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    In,
    Out,
}

impl Label for Direction {
    const COUNT: usize = 2;
    fn index(self) -> usize {
        self as usize
    }
    fn text(index: usize) -> &'static str {
        if index == 0 { "in" } else { "out" }
    }
}

/// What became of an attempt to open a stream: opened, or the failure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StreamResult {
    Opened,
    Failed(StreamFailure),
}

impl Label for StreamResult {
    const COUNT: usize = 1 + <StreamFailure as Label>::COUNT;
    fn index(self) -> usize {
        match self {
            Self::Opened => 0,
            Self::Failed(failure) => 1 + Label::index(failure),
        }
    }
    fn text(index: usize) -> &'static str {
        index.checked_sub(1).map_or("opened", <StreamFailure as Label>::text)
    }
}

/// How a login ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LoginResult {
    Ok,
    Resumed,
    Leg,
    Refused,
}

impl Label for LoginResult {
    const COUNT: usize = 4;
    fn index(self) -> usize {
        self as usize
    }
    fn text(index: usize) -> &'static str {
        ["ok", "resumed", "leg", "refused"]
            .get(index)
            .copied()
            .unwrap_or_default()
    }
}

type Handshake = (HandshakeResult, TlsVersion, bool);

/// Counters of one worker. On cache lines of its own: workers do not slow each other.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    pub(crate) connections: Family<(Listener, ConnectionProtocol), Cell>,
    pub(crate) connections_open: Family<(Listener, ConnectionProtocol), Cell>,
    pub(crate) connections_refused: Family<(Listener, RefusalReason), Cell>,
    pub(crate) handshakes: Family<Handshake, Cell>,
    pub(crate) handshake_seconds: Family<Handshake, Histogram>,
    pub(crate) requests: Family<(Protocol, Method, CodeClass, Outcome), Cell>,
    pub(crate) request_seconds: Family<(Protocol,), Histogram>,
    pub(crate) first_byte_seconds: Family<(Protocol,), Histogram>,
    pub(crate) edge_seconds: Family<(Protocol,), Histogram>,
    pub(crate) errors: Errors,
    pub(crate) bytes: Family<(Listener, Direction), Cell>,
    pub(crate) streams_open: Family<(), Cell>,
    pub(crate) streams: Family<(StreamResult,), Cell>,
    pub(crate) stream_open_seconds: Family<(StreamResult,), Histogram>,
    pub(crate) reuse: Family<(Reuse,), Cell>,
    pub(crate) retries: Family<(RetryReason,), Cell>,
    pub(crate) parked_now: Family<(), Cell>,
    pub(crate) parked_seconds: Family<(ParkResult,), Histogram>,
    pub(crate) sessions: Family<(AgentClient,), Cell>,
    pub(crate) logins: Family<(AgentClient, LoginResult), Cell>,
    pub(crate) heartbeat_seconds: Family<(AgentClient,), Histogram>,
    pub(crate) endpoints: Family<(EndpointScheme, EndpointStatus, EndpointType), Cell>,
    pub(crate) endpoints_refused: Family<(RefusalReason,), Cell>,
    pub(crate) glitches: Family<(GlitchKind,), Cell>,
    pub(crate) attacks: Family<(AttackKind,), Cell>,
    pub(crate) buffers: Family<(BufferHolder,), Cell>,
    pub(crate) buffers_shed: Family<(BufferAction,), Cell>,
    pub(crate) panics: Family<(), Cell>,
    pub(crate) ring_dropped: Family<(), Cell>,
}

/// Different error codes told apart; further ones are `other`.
const CODES: usize = 256;

type Sides = [u64; Side::ALL.len()];

/// Errors by code and side. Codes are texts from the published table, so this is a map, with a lock of its
/// own; only exchanges that failed come here.
#[derive(Debug, Default)]
pub(crate) struct Errors(Mutex<HashMap<Arc<str>, Sides>>);

impl Errors {
    pub(crate) fn add(&self, code: &str, side: Side) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Label::index(side);
        if let Some(count) = counts.get_mut(code).and_then(|sides| sides.get_mut(at)) {
            *count += 1;
            return;
        }
        let code = if counts.len() < CODES { code } else { "other" };
        if let Some(count) = counts.entry(code.into()).or_default().get_mut(at) {
            *count += 1;
        }
    }

    /// Calls `each` with code, side and count of all that occurred; not under the lock.
    pub(crate) fn read(&self, mut each: impl FnMut(&str, Side, u64)) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let copy: Vec<(Arc<str>, Sides)> = counts.iter().map(|(code, sides)| (Arc::clone(code), *sides)).collect();
        drop(counts);
        for (code, sides) in &copy {
            for (side, count) in Side::ALL.iter().zip(sides) {
                if *count > 0 {
                    each(code, *side, *count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_are_bounded() {
        let errors = Errors::default();
        for code in 0..1000 {
            errors.add(&format!("ERR_{code}"), Side::Edge);
        }
        let (mut codes, mut other) = (0, 0);
        errors.read(|code, _, count| {
            codes += 1;
            if code == "other" {
                other = count;
            }
        });
        assert_eq!((codes, other), (CODES + 1, 744));
    }
}
