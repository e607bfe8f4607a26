//! Error codes of RST and GOAWAY frames (agent protocol 2.3).

/// Orderly close; GOAWAY only.
pub const NONE: u32 = 0;
/// The peer broke a rule of the framing.
pub const PROTOCOL: u32 = 1;
/// Our bug, or our memory limit.
pub const INTERNAL: u32 = 2;
/// A stream received more than was granted.
pub const FLOW_CONTROL: u32 = 3;
/// Data for a stream that is closed or was never opened.
pub const STREAM_CLOSED: u32 = 4;
/// Not processed (stream limit, session closing): the peer may retry elsewhere.
pub const REFUSED: u32 = 5;
/// The visitor went away, or the request was abandoned.
pub const CANCELLED: u32 = 6;
/// The upstream reset its connection.
pub const RESET: u32 = 7;
/// A frame of fixed length came with another length; session.
pub const FRAME_SIZE: u32 = 8;
/// The peer's accept queue is full: treat as [`REFUSED`]. Never sent by us.
pub const ACCEPT_QUEUE_FULL: u32 = 9;
/// Enhance your calm: a budget of agent protocol 2.8 was exceeded; session.
pub const CALM: u32 = 10;
/// Local cause of a peer, on receipt as [`RESET`].
pub const REMOTE_GONE_AWAY: u32 = 11;
/// Local cause of a peer, on receipt as [`RESET`].
pub const STREAMS_EXHAUSTED: u32 = 12;
/// Local cause of a peer, on receipt as [`RESET`].
pub const WRITE_TIMEOUT: u32 = 13;
/// Local cause of a peer, on receipt as [`RESET`].
pub const SESSION_CLOSED: u32 = 14;
/// Local cause of a peer, on receipt as [`RESET`].
pub const PEER_EOF: u32 = 15;

/// What a received code means to us: local causes of the peer become [`RESET`], the full accept
/// queue becomes [`REFUSED`], codes outside the table become [`INTERNAL`].
#[must_use]
pub const fn received(code: u32) -> u32 {
    match code {
        NONE..=FRAME_SIZE | CALM => code,
        ACCEPT_QUEUE_FULL => REFUSED,
        REMOTE_GONE_AWAY..=PEER_EOF => RESET,
        _ => INTERNAL,
    }
}
