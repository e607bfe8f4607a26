//! The messages of an event stream on their way, each shown to policies before it goes on (traffic policy 4.19).

use std::collections::VecDeque;

use adit_policy::{Event, EventStream, Piece};
use bytes::Bytes;

/// What is next in the stream.
#[derive(Debug)]
pub(super) enum Next {
    /// These bytes go on.
    Bytes(Bytes),
    /// A message is to be looked at: [`Messages::take`], [`Messages::judged`].
    Message,
    /// More has to be read.
    Nothing,
}

/// A stream cut into messages. What it holds is one message that is not whole yet (at most 1 MiB) and those of the last
/// piece that was read.
#[derive(Debug, Default)]
pub(super) struct Messages {
    stream: EventStream,
    waiting: VecDeque<Piece>,
    judged: Option<Bytes>,
}

impl Messages {
    /// Takes a piece of the body.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.waiting.extend(self.stream.push(piece));
    }

    pub(super) fn next(&mut self) -> Next {
        if let Some(bytes) = self.judged.take() {
            return Next::Bytes(bytes);
        }
        match self.waiting.pop_front() {
            None => Next::Nothing,
            Some(Piece::Bytes(bytes)) => Next::Bytes(bytes.into()),
            Some(event @ Piece::Event(_)) => {
                self.waiting.push_front(event);
                Next::Message
            }
        }
    }

    /// The message that is to be looked at.
    pub(super) fn take(&mut self) -> Event {
        match self.waiting.pop_front() {
            Some(Piece::Event(event)) => event,
            _ => Event::default(),
        }
    }

    /// What became of it.
    pub(super) fn judged(&mut self, bytes: Bytes) {
        self.judged = Some(bytes);
    }

    /// The end of the body: what is left is no message.
    pub(super) fn finish(self) -> Vec<u8> {
        self.stream.finish()
    }
}
