//! What a caller is told: why a stream could not be opened, why one ended, why a session ended.

use std::io;

/// Why [`Session::open`](crate::Session::open) gave no stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// As many streams of ours are open as this peer bears (agent protocol 2.7). Wait with
    /// [`Session::capacity`](crate::Session::capacity) or take another session.
    #[error("the peer's limit of open streams is reached")]
    StreamLimit,
    /// As many streams of ours wait for the peer's accept loop as it bears. Wait or take another.
    #[error("too many streams wait for the peer to accept them")]
    Unaccepted,
    /// The session has ended.
    #[error("the session is closed")]
    Closed,
    /// The peer (or we) announced the end of the session: no new streams. Take another session.
    #[error("the session is going away")]
    GoingAway,
    /// The first frame would be larger than 65,536 bytes. The caller's mistake.
    #[error("the first frame of a stream is limited to 65,536 bytes")]
    TooLarge,
}

impl OpenError {
    /// True if the same call may succeed later on the same session.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::StreamLimit | Self::Unaccepted)
    }
}

/// Why a stream can no longer be read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StreamError {
    /// The peer reset the stream (its code as [`crate::code::received`] maps it), or we did.
    #[error("the stream was reset, code {0}")]
    Reset(u32),
    /// The session ended. Bytes that had arrived before can be read first.
    #[error("the session ended")]
    SessionLost,
    /// Written after [`finish`](crate::Stream::finish). The caller's mistake.
    #[error("the stream was finished by this side")]
    Finished,
    /// [`send`](crate::Stream::send) with more than was reserved. The caller's mistake.
    #[error("more was sent than was reserved")]
    NotReserved,
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        let kind = match error {
            StreamError::Reset(_) => io::ErrorKind::ConnectionReset,
            StreamError::SessionLost => io::ErrorKind::ConnectionAborted,
            StreamError::Finished => io::ErrorKind::BrokenPipe,
            StreamError::NotReserved => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

/// Why a session ended.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// [`Session::close`](crate::Session::close) with this code.
    #[error("closed by this side, code {0}")]
    Local(u32),
    /// [`Session::abort`](crate::Session::abort), or the driver was dropped.
    #[error("aborted by this side")]
    Aborted,
    /// Nobody holds the session, its incoming streams or a stream any more.
    #[error("no longer used by this side")]
    Unused,
    /// The peer sent GOAWAY.
    #[error("the peer went away, code {code}: {message}")]
    GoAway {
        /// The code of the frame, as sent.
        code: u32,
        /// The text of the frame, at most 256 bytes, not trusted.
        message: String,
    },
    /// The peer closed the connection without GOAWAY; normal for the Rust family.
    #[error("the peer closed the connection")]
    Eof,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(io::ErrorKind),
    /// The peer broke a rule (agent protocol 2.8); this GOAWAY was sent.
    #[error("the peer broke the protocol, code {code}: {text}")]
    Protocol {
        /// Code of the GOAWAY sent.
        code: u32,
        /// Text of the GOAWAY sent.
        text: &'static str,
    },
    /// The own beat was not answered within the tolerance.
    #[error("the peer does not answer heartbeats")]
    HeartbeatLost,
    /// Nothing was received for `idle_timeout`.
    #[error("nothing was received for too long")]
    Silent,
    /// A write was blocked for `write_stall`.
    #[error("the peer takes no bytes")]
    WriteStalled,
}

impl CloseReason {
    /// True for the ways a well-behaved peer or this side ends a session.
    #[must_use]
    pub const fn is_orderly(&self) -> bool {
        matches!(
            self,
            Self::Local(0) | Self::Unused | Self::Eof | Self::GoAway { code: 0, .. }
        )
    }
}
