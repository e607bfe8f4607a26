//! What a session is told when it is made: role, limits, timers (agent protocol 2.5–2.8, 5.5).

use std::{sync::Arc, time::Duration};

use crate::budget::Budget;

/// Which side of the connection this is; decides the parity of stream ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Connected (the agent): odd ids, from 3.
    Client,
    /// Accepted (the edge): even ids, from 2.
    Server,
}

/// How receive windows behave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Growth {
    /// Grant exactly what was consumed: for peers whose window has a ceiling (the Rust family).
    Exact,
    /// Double a window of which half is consumed within one round trip.
    Grow {
        /// Ceiling of one stream's window, bytes.
        max_stream_window: u32,
        /// Ceiling of all that is granted beyond the initial windows, bytes a session.
        session_budget: usize,
    },
}

impl Growth {
    /// Growth with the default ceilings: 16 MiB a stream, 32 MiB a session.
    #[must_use]
    pub const fn standard() -> Self {
        Self::Grow {
            max_stream_window: 16 << 20,
            session_budget: 32 << 20,
        }
    }
}

/// Own beats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    /// Time between beats; each is moved by up to 10 % at random.
    pub interval: Duration,
    /// A beat unanswered for this long ends the session. On a client every received byte counts as
    /// an answer, on a server only the echo does.
    pub tolerance: Duration,
}

/// Limits and timers of one session.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which side this is.
    pub role: Role,
    /// Streams of the peer open at once, heartbeats included; one more is refused by RST(5).
    pub max_inbound: u32,
    /// Own streams open at once, the heartbeat included; kept by ourselves (agent protocol 2.7).
    pub max_outbound: u32,
    /// Own streams not yet accepted by the peer; kept by ourselves.
    pub max_unaccepted: u32,
    /// How receive windows behave.
    pub growth: Growth,
    /// Bytes of DATA that may wait for the socket, per session; also the largest frame sent.
    pub out_limit: usize,
    /// A write blocked for this long ends the session.
    pub write_stall: Duration,
    /// Nothing received for this long ends the session.
    pub idle_timeout: Option<Duration>,
    /// Own beats; `None`: only the peer's beats are answered.
    pub heartbeat: Option<Heartbeat>,
    /// Tell the peer by an early WNDINC that a stream of its was accepted. It rides on the next
    /// write and is at most a second late.
    pub acknowledge: bool,
    /// From this many open streams on the driver yields once before it takes a batch, so that the
    /// batch is worth a write; 0: never.
    pub yield_from: u32,
    /// The node's budget of buffered bytes, shared by its sessions.
    pub budget: Option<Arc<Budget>>,
}

impl Config {
    /// Defaults of the edge toward an unknown client.
    #[must_use]
    pub const fn server() -> Self {
        Self {
            role: Role::Server,
            max_inbound: 256,
            max_outbound: 448,
            max_unaccepted: 48,
            growth: Growth::Exact,
            out_limit: 64 << 10,
            write_stall: Duration::from_secs(25),
            idle_timeout: Some(Duration::from_secs(25)),
            heartbeat: Some(Heartbeat {
                interval: Duration::from_secs(10),
                tolerance: Duration::from_secs(15),
            }),
            acknowledge: false,
            yield_from: 8,
            budget: None,
        }
    }

    /// Defaults of the agent.
    #[must_use]
    pub fn client() -> Self {
        Self {
            role: Role::Client,
            max_inbound: 16_384,
            max_outbound: 256,
            max_unaccepted: 256,
            acknowledge: true,
            ..Self::server()
        }
    }
}
