//! The control stream of a leg (agent protocol 9.2): Adit's own messages, both ways, where both sides know them.
//!
//! Any task may send: what it says is in the session's out buffer before the call returns, so that a
//! `stream_error` is ahead of the reset it explains. Only if there is no room the rest is kept for the leg's task.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use adit_protocol::control::ControlMessage;
use adit_protocol::typed_stream::StreamType;
use bytes::BytesMut;
use tokio::time::Instant;

use crate::endpoint::lock;

/// What may wait to be sent; beyond it messages are dropped. Only a server that does not read gets there.
const KEPT: usize = 256 * 1024;
/// Explanations of failed streams are dropped beyond this, so that there is always room for the others below the
/// 100 in a second that the peer bears (agent protocol 9.2).
const PER_SECOND: usize = 80;

/// The control stream of one leg.
#[derive(Debug)]
pub(crate) struct Control(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    stream: Option<adit_mux::Stream>,
    kept: Vec<u8>,
    received: BytesMut,
    /// When the last messages were sent, oldest first.
    sent: VecDeque<Instant>,
    reader: Option<Waker>,
}

impl Control {
    /// Opens the stream; `None` if the leg has ended already.
    pub(super) fn open(mux: &adit_mux::Session) -> Option<Self> {
        let mut stream = mux.open(&StreamType::AditControl.to_bytes()).ok()?;
        // Probes come with the server's beats; answered in the same turn, the answer goes with the echo.
        stream.set_quiet();
        Some(Self(Mutex::new(Inner {
            stream: Some(stream),
            kept: Vec::new(),
            received: BytesMut::new(),
            sent: VecDeque::new(),
            reader: None,
        })))
    }

    /// Sends a message.
    pub(crate) fn send(&self, message: &ControlMessage) {
        let mut encoded = Vec::with_capacity(128);
        if message.encode(&mut encoded).is_err() {
            return;
        }
        let mut inner = lock(&self.0);
        let explains = matches!(message, ControlMessage::StreamError { .. });
        let crowded = inner.count(Instant::now()) > PER_SECOND;
        if inner.kept.len() + encoded.len() > KEPT || (explains && crowded) {
            return;
        }
        inner.kept.extend_from_slice(&encoded);
        // Nobody is woken for this poll: if not all goes out, the leg's task is, and waits properly.
        if inner.flush(&mut Context::from_waker(Waker::noop())).is_pending()
            && let Some(waker) = inner.reader.take()
        {
            waker.wake();
        }
    }

    /// The next message of the server; `None` when the stream has ended or breaks the rules. Also sends what is kept.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<ControlMessage>> {
        let mut inner = lock(&self.0);
        let _ = inner.flush(cx);
        loop {
            match ControlMessage::decode(&inner.received) {
                Ok(Some((message, used))) => {
                    let _ = inner.received.split_to(used);
                    return Poll::Ready(Some(message));
                }
                Ok(None) => {}
                Err(_) => return inner.end(),
            }
            let Some(stream) = &mut inner.stream else {
                return Poll::Ready(None);
            };
            match stream.poll_chunk(cx) {
                Poll::Ready(Ok(Some(chunk))) => inner.received.extend_from_slice(&chunk),
                Poll::Ready(Ok(None) | Err(_)) => return inner.end(),
                Poll::Pending => {
                    if inner.received.is_empty() {
                        inner.received = BytesMut::new();
                    }
                    inner.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Inner {
    /// Notes one more message; how many there were within a second.
    fn count(&mut self, now: Instant) -> usize {
        while self
            .sent
            .front()
            .is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1))
        {
            self.sent.pop_front();
        }
        if self.sent.len() <= PER_SECOND {
            self.sent.push_back(now);
        }
        self.sent.len()
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.kept.is_empty() {
            let Some(stream) = &mut self.stream else {
                self.kept.clear();
                break;
            };
            match stream.poll_send(cx, &self.kept) {
                Poll::Ready(Ok(n)) => drop(self.kept.drain(..n.min(self.kept.len()))),
                Poll::Ready(Err(_)) => self.kept.clear(),
                Poll::Pending => return Poll::Pending,
            }
        }
        self.kept = Vec::new();
        Poll::Ready(())
    }

    fn end(&mut self) -> Poll<Option<ControlMessage>> {
        self.stream = None;
        self.kept = Vec::new();
        self.received = BytesMut::new();
        Poll::Ready(None)
    }
}
