//! Sockets with a purpose: one counts calls, one splits everything at will.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Calls that succeeded.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) reads: AtomicUsize,
    pub(crate) writes: AtomicUsize,
}

impl Calls {
    /// Reads and writes since the last time.
    pub(crate) fn take(&self) -> (usize, usize) {
        (
            self.reads.swap(0, Ordering::Relaxed),
            self.writes.swap(0, Ordering::Relaxed),
        )
    }
}

impl Calls {
    /// Waits until something was read.
    pub(crate) async fn some_read(&self) {
        while self.reads.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Counts.
#[derive(Debug)]
pub(crate) struct Counted<IO> {
    io: IO,
    calls: Arc<Calls>,
}

impl<IO> Counted<IO> {
    pub(crate) fn new(io: IO) -> (Self, Arc<Calls>) {
        let calls = Arc::<Calls>::default();
        (
            Self {
                io,
                calls: calls.clone(),
            },
            calls,
        )
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Counted<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_read(cx, buf);
        if result.is_ready() {
            self.calls.reads.fetch_add(1, Ordering::Relaxed);
        }
        result
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Counted<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, data);
        if result.is_ready() {
            self.calls.writes.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Takes and gives as many bytes as the list says, in turn; 0 means "not now".
pub(crate) struct Choppy<IO> {
    io: IO,
    sizes: Vec<usize>,
    turn: usize,
}

impl<IO> Choppy<IO> {
    pub(crate) fn new(io: IO, sizes: Vec<usize>) -> Self {
        assert!(sizes.iter().any(|size| *size > 0));
        Self { io, sizes, turn: 0 }
    }

    /// The next size, or `None` after arranging to be polled again.
    fn next(&mut self, cx: &Context<'_>) -> Option<usize> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        if size == 0 {
            cx.waker().wake_by_ref();
            return None;
        }
        Some(size)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Choppy<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(size) = self.next(cx) else {
            return Poll::Pending;
        };
        let mut part = vec![0; size.min(buf.remaining())];
        let mut part = ReadBuf::new(&mut part);
        let result = Pin::new(&mut self.io).poll_read(cx, &mut part);
        buf.put_slice(part.filled());
        result
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Choppy<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let Some(size) = self.next(cx) else {
            return Poll::Pending;
        };
        Pin::new(&mut self.io).poll_write(cx, &data[..data.len().min(size)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
