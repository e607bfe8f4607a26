//! Bytes both ways between a visitor and an agent's stream: TCP, TLS passed through, and HTTP after `101`.
//!
//! One task, no buffer while nothing moves: what a socket gives is read into a scratch buffer of the worker and
//! copied from there into the session's out buffer.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use adit_mux::{Stream, code};
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::flows::Flow;
use crate::forward::{Taking, poll_watched};

/// Room of the scratch buffer: what one read can give.
pub(crate) const SCRATCH: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// Reads at most `room` bytes into the worker's scratch buffer and shows them to `take`.
pub(crate) fn poll_read_scratch<IO: AsyncRead + Unpin>(
    io: &mut IO,
    cx: &mut Context<'_>,
    room: usize,
    take: impl FnOnce(&[u8]),
) -> Poll<std::io::Result<usize>> {
    BUFFER.with_borrow_mut(|buffer| {
        let room = room.min(buffer.len());
        let mut buf = ReadBuf::new(buffer.get_mut(..room).unwrap_or_default());
        ready!(Pin::new(io).poll_read(cx, &mut buf))?;
        let got = buf.filled();
        take(got);
        Poll::Ready(Ok(got.len()))
    })
}

/// What a relay moved and how it ended.
#[derive(Debug)]
pub(crate) struct Relayed {
    /// Bytes from the visitor to the agent.
    pub(crate) bytes_in: u64,
    /// Bytes from the agent to the visitor.
    pub(crate) bytes_out: u64,
    pub(crate) end: RelayEnd,
    /// The agent ended its side while the visitor's was open.
    pub(crate) agent_ended_first: bool,
    /// The agent said that it could not reach its upstream.
    pub(crate) upstream_refused: bool,
}

/// Who ended a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelayEnd {
    /// Both sides ended in order.
    Complete,
    /// The visitor reset or its connection failed.
    Visitor,
    /// The agent reset the stream.
    Agent,
    /// The session ended.
    SessionLost,
    /// The visitor may not come from where it is any more.
    Cut,
}

struct Relay<'a, IO, A> {
    io: &'a mut IO,
    stream: &'a mut Stream,
    /// From the visitor, not yet taken by the stream.
    inward: Bytes,
    inward_done: bool,
    /// From the agent, not yet written.
    outward: Bytes,
    outward_done: bool,
    counted: (u64, u64),
    agent_ended_first: bool,
    answered: Option<A>,
    taking: Option<Taking>,
    flow: &'a Flow,
}

/// Moves bytes until both sides have ended, or `flow` is cut. `inward` and `outward` were received before; `answered` is called when the
/// first bytes have come from the agent.
pub(crate) async fn relay<IO: AsyncRead + AsyncWrite + Unpin>(
    io: &mut IO,
    stream: &mut Stream,
    inward: Bytes,
    outward: Bytes,
    taking: Option<Taking>,
    flow: &Flow,
    answered: impl FnOnce(),
) -> Relayed {
    let mut relay = Relay {
        io,
        stream,
        counted: (inward.len() as u64, outward.len() as u64),
        inward,
        inward_done: false,
        outward,
        outward_done: false,
        agent_ended_first: false,
        answered: Some(answered),
        taking,
        flow,
    };
    let end = poll_fn(|cx| relay.poll(cx)).await;
    let (bytes_in, bytes_out) = relay.counted;
    if matches!(end, RelayEnd::Visitor | RelayEnd::Cut) {
        relay.stream.reset(code::CANCELLED);
    }
    Relayed {
        bytes_in,
        bytes_out,
        end,
        agent_ended_first: relay.agent_ended_first,
        upstream_refused: false,
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin, A: FnOnce()> Relay<'_, IO, A> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<RelayEnd> {
        if self.flow.poll_cut(cx) {
            return Poll::Ready(RelayEnd::Cut);
        }
        let out = self.poll_outward(cx);
        if let Poll::Ready(Err(end)) = out {
            return Poll::Ready(end);
        }
        let inward = self.poll_inward(cx);
        if let Poll::Ready(Err(end)) = inward {
            return Poll::Ready(end);
        }
        if out.is_ready() && inward.is_ready() {
            return Poll::Ready(RelayEnd::Complete);
        }
        Poll::Pending
    }

    fn poll_inward(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RelayEnd>> {
        loop {
            if self.inward_done {
                return Poll::Ready(Ok(()));
            }
            while !self.inward.is_empty() {
                let n = ready!(self.stream.poll_send(cx, &self.inward)).map_err(|e| lost(&e))?;
                self.inward.advance(n);
            }
            // Only what the stream takes now is read: the rest stays in the visitor's socket.
            let room = ready!(self.stream.poll_reserve(cx)).map_err(|e| lost(&e))?;
            let (io, stream, left) = (&mut self.io, &mut self.stream, &mut self.inward);
            let mut failed = None;
            // What is not taken at once is sent by the loop, with the real waker.
            let no_wake = Context::from_waker(std::task::Waker::noop());
            let n = ready!(poll_read_scratch(*io, cx, room, |got| {
                if got.is_empty() {
                    return;
                }
                match stream.poll_send(&no_wake, got) {
                    Poll::Ready(Ok(n)) if n == got.len() => {}
                    Poll::Ready(Ok(n)) => *left = Bytes::copy_from_slice(got.get(n..).unwrap_or_default()),
                    Poll::Ready(Err(e)) => failed = Some(lost(&e)),
                    Poll::Pending => *left = Bytes::copy_from_slice(got),
                }
            }))
            .map_err(|_| RelayEnd::Visitor)?;
            if let Some(end) = failed {
                return Poll::Ready(Err(end));
            }
            if n == 0 {
                self.inward_done = true;
                self.stream.finish().map_err(|e| lost(&e))?;
            }
            self.counted.0 += n as u64;
        }
    }

    fn poll_outward(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RelayEnd>> {
        loop {
            if self.outward_done {
                return Poll::Ready(Ok(()));
            }
            while !self.outward.is_empty() {
                let n = ready!(Pin::new(&mut *self.io).poll_write(cx, &self.outward)).map_err(|_| RelayEnd::Visitor)?;
                self.outward.advance(n);
            }
            match poll_watched(self.stream, &mut self.taking, cx, |stream, cx| stream.poll_chunk(cx)) {
                Poll::Ready(Ok(Some(chunk))) => {
                    if let Some(answered) = self.answered.take() {
                        answered();
                    }
                    self.counted.1 += chunk.len() as u64;
                    self.outward = chunk;
                }
                Poll::Ready(Ok(None)) => {
                    self.agent_ended_first |= !self.inward_done;
                    ready!(Pin::new(&mut *self.io).poll_shutdown(cx)).map_err(|_| RelayEnd::Visitor)?;
                    self.outward_done = true;
                }
                Poll::Ready(Err(e)) => {
                    self.agent_ended_first |= !self.inward_done;
                    return Poll::Ready(Err(lost(&e)));
                }
                Poll::Pending => {
                    ready!(Pin::new(&mut *self.io).poll_flush(cx)).map_err(|_| RelayEnd::Visitor)?;
                    return Poll::Pending;
                }
            }
        }
    }
}

fn lost(e: &adit_mux::StreamError) -> RelayEnd {
    match e {
        adit_mux::StreamError::SessionLost => RelayEnd::SessionLost,
        _ => RelayEnd::Agent,
    }
}
