//! The state of one stream, as the session core keeps it (≤ 256 bytes with its table entries).

use std::task::Waker;

use crate::{
    frame::{INITIAL_WINDOW, MAX_WINDOW},
    inbox::Inbox,
    window::RecvWindow,
};

/// Names a stream of a [`Core`](crate::session::Core). A key of a stream that is gone finds nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    pub(crate) slot: u32,
    pub(crate) id: u32,
}

impl Key {
    /// The stream's id on the wire.
    #[must_use]
    pub const fn id(self) -> u32 {
        self.id
    }
}

/// What the windows of a stream begin with, bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    pub(crate) receive: u32,
    pub(crate) send: u32,
}

impl Windows {
    /// What every implementation assumes.
    pub(crate) const IMPLIED: Self = Self {
        receive: INITIAL_WINDOW,
        send: INITIAL_WINDOW,
    };
}

/// Facts about a stream that are either true or not.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Flags {
    /// Opened by this side.
    pub(crate) local: bool,
    /// The peer has taken it from its accept queue (first WNDINC or DATA from it).
    pub(crate) accepted: bool,
    /// We said so to the peer.
    pub(crate) acknowledged: bool,
    /// FIN sent.
    pub(crate) fin_sent: bool,
    /// FIN received, and all bytes before it.
    pub(crate) fin_received: bool,
    /// A handle exists, or the application will get one from the accept queue.
    pub(crate) held: bool,
    /// In the accept queue.
    pub(crate) in_accept: bool,
    /// In the queue of streams that wait for room in the out buffer.
    pub(crate) in_waiting: bool,
    /// A heartbeat stream, handled inside.
    pub(crate) beat: bool,
    /// Carries only what goes with the beats: what comes on it does not count as activity.
    pub(crate) quiet: bool,
    /// No longer open on the wire: removed from the table of ids.
    pub(crate) closed: bool,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct StreamState {
    pub(crate) id: u32,
    pub(crate) flags: Flags,
    /// Bytes we may still send.
    pub(crate) send_window: u32,
    pub(crate) recv: RecvWindow,
    pub(crate) inbox: Inbox,
    /// Code of the RST that ended it.
    pub(crate) reset: Option<u32>,
    pub(crate) reader: Option<Waker>,
    pub(crate) writer: Option<Waker>,
    /// Where in the list of wakes this stream's task was put last.
    pub(crate) wake_slot: u32,
    /// First four bytes (the type) of a stream of the peer, as far as they have come.
    pub(crate) type_bytes: [u8; 4],
    pub(crate) type_len: u8,
    /// Room in the out buffer kept for this stream during batch `grant_batch`.
    pub(crate) grant: u32,
    pub(crate) grant_batch: u32,
    /// Bytes put into batch `sent_batch`.
    pub(crate) sent: u32,
    pub(crate) sent_batch: u32,
    /// Bytes it wanted to send when it had to wait.
    pub(crate) want: u32,
    /// Bytes it may send by `send` without further question.
    pub(crate) reserved: u32,
}

impl StreamState {
    /// A stream whose windows begin with these bytes.
    pub(crate) const fn new(id: u32, local: bool, windows: Windows, now: u32) -> Self {
        Self {
            id,
            flags: Flags {
                local,
                accepted: !local,
                acknowledged: false,
                fin_sent: false,
                fin_received: false,
                held: local,
                in_accept: false,
                in_waiting: false,
                beat: false,
                quiet: false,
                closed: false,
            },
            send_window: windows.send,
            recv: RecvWindow::new(windows.receive, now),
            inbox: Inbox::new(),
            reset: None,
            reader: None,
            writer: None,
            wake_slot: u32::MAX,
            type_bytes: [0; 4],
            type_len: 0,
            grant: 0,
            grant_batch: 0,
            sent: 0,
            sent_batch: 0,
            want: 0,
            reserved: 0,
        }
    }

    /// A WNDINC came; windows are clamped, not refused.
    pub(crate) fn widen(&mut self, increment: u32) {
        self.send_window = self.send_window.saturating_add(increment).min(MAX_WINDOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_small() {
        // Entry of the slab, entry of the id table with its control byte at 7/8 load.
        let entry = size_of::<slab::Slab<StreamState>>().min(8) + size_of::<StreamState>();
        assert!(entry + 12 <= 256, "{entry}");
    }
}
