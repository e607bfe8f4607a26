//! A stream to an agent, counted as open for as long as somebody holds it: serving, idle, pinned or ending.

use std::ops::{Deref, DerefMut};

use adit_observe::OpenStream;

/// A stream of an agent's session and its place in the gauge of open streams.
#[derive(Debug)]
pub struct AgentStream {
    stream: adit_mux::Stream,
    _open: OpenStream,
}

impl AgentStream {
    /// A stream that was opened just now; `open` counts it.
    pub const fn new(stream: adit_mux::Stream, open: OpenStream) -> Self {
        Self { stream, _open: open }
    }
}

impl Deref for AgentStream {
    type Target = adit_mux::Stream;

    fn deref(&self) -> &Self::Target {
        &self.stream
    }
}

impl DerefMut for AgentStream {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.stream
    }
}
