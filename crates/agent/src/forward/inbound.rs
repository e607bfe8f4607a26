//! A stream that the server opened for a visitor, after its header was read: the stream and the visitor's
//! bytes that came in the same frame.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use adit_mux::StreamError;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use super::copy::Visitor;

/// How many visitors' streams a session has open, and who waits for that to become none.
#[derive(Debug, Default)]
pub(crate) struct Open {
    count: AtomicUsize,
    none: Notify,
}

impl Open {
    pub(crate) fn enter(self: &Arc<Self>) -> OpenGuard {
        self.count.fetch_add(1, Ordering::Relaxed);
        OpenGuard(Arc::clone(self))
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Waits until no visitor's stream is open.
    pub(crate) async fn none(&self) {
        loop {
            let waits = self.none.notified();
            if self.count() == 0 {
                return;
            }
            waits.await;
        }
    }
}

#[derive(Debug)]
pub(crate) struct OpenGuard(Arc<Open>);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

/// The visitor's side of a connection.
#[derive(Debug)]
pub(crate) struct Inbound {
    stream: adit_mux::Stream,
    early: Bytes,
    finished: bool,
    _open: OpenGuard,
}

impl Inbound {
    pub(crate) fn new(stream: adit_mux::Stream, early: Bytes, open: OpenGuard) -> Self {
        Self {
            stream,
            early,
            finished: false,
            _open: open,
        }
    }

    /// The stream's id, for the control message `stream_error`.
    pub(crate) fn id(&self) -> u32 {
        self.stream.id()
    }

    /// Both sides have finished, and all was read.
    pub(crate) fn is_over(&self) -> bool {
        self.finished && self.early.is_empty() && self.stream.peer_finished()
    }

    /// Sends FIN; a second one is no error to the caller.
    fn finish(&mut self) -> io::Result<()> {
        match self.stream.finish() {
            Ok(()) | Err(StreamError::Finished) => {
                self.finished = true;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes `n` bytes off the front, reading as long as they are not all there.
    pub(crate) async fn take(&mut self, n: usize) -> io::Result<Bytes> {
        self.fill(n).await?;
        Ok(self.early.split_to(n))
    }

    /// Makes at least `n` bytes visible in [`Inbound::early`].
    pub(crate) async fn fill(&mut self, n: usize) -> io::Result<()> {
        while self.early.len() < n {
            let chunk = self.stream.chunk().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            self.early = if self.early.is_empty() {
                chunk
            } else {
                [self.early.as_ref(), chunk.as_ref()].concat().into()
            };
        }
        Ok(())
    }

    /// The bytes read and not yet given away.
    pub(crate) fn early(&self) -> &Bytes {
        &self.early
    }

    /// The same, taken out.
    pub(crate) fn take_early(&mut self) -> Bytes {
        std::mem::take(&mut self.early)
    }
}

impl Visitor for Inbound {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        if self.early.is_empty() {
            self.stream.poll_chunk(cx).map_err(io::Error::from)
        } else {
            Poll::Ready(Ok(Some(self.take_early())))
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.poll_send(cx, data).map_err(io::Error::from)
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is in the session's out buffer leaves by itself.
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.finish())
    }

    fn reset(&mut self, code: u32) {
        self.stream.reset(code);
    }
}

impl AsyncRead for Inbound {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let n = self.early.len().min(buf.remaining());
        buf.put_slice(self.early.get(..n).unwrap_or_default());
        self.early.advance(n);
        if self.early.is_empty() {
            self.early = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Inbound {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.finish())
    }
}
