//! Counts the HTTP/2 frames of a visitor that move nothing: SETTINGS, PING, PRIORITY, WINDOW_UPDATE and empty DATA
//! cost the reader work and the sender nothing. The crate `h2` answers each of them; here is their budget.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::h1_visitor::VisitorIo;

/// Bytes of the client's connection preface (RFC 9113, section 3.4).
const PREFACE: usize = 24;
/// Bytes of a frame's header (RFC 9113, section 4.1).
const HEADER: usize = 9;
/// Frames without progress within [`WINDOW`], beyond what was earned.
const BUDGET: u32 = 1_000;
const WINDOW: Duration = Duration::from_secs(10);
/// Written bytes that earn one such frame: a reader of a large response must give credit.
const EARNS: usize = 4 * 1024;

/// A visitor's connection whose incoming frames are counted.
#[derive(Debug)]
pub(super) struct CountedFrames<IO> {
    io: IO,
    /// Bytes to skip before the next frame header.
    skip: usize,
    header: [u8; HEADER],
    have: usize,
    count: u32,
    earned: usize,
    since: Instant,
    flooded: Arc<AtomicBool>,
}

impl<IO> CountedFrames<IO> {
    /// Counts on `io`; the flag is set once the budget is used up.
    pub(super) fn new(io: IO) -> (Self, Arc<AtomicBool>) {
        let flooded = Arc::new(AtomicBool::new(false));
        let counted = Self {
            io,
            skip: PREFACE,
            header: [0; HEADER],
            have: 0,
            count: 0,
            earned: 0,
            since: Instant::now(),
            flooded: flooded.clone(),
        };
        (counted, flooded)
    }

    fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let n = self.skip.min(bytes.len());
                self.skip -= n;
                bytes = bytes.get(n..).unwrap_or_default();
                continue;
            }
            let n = (HEADER - self.have).min(bytes.len());
            let (taken, rest) = bytes.split_at(n);
            if let Some(place) = self.header.get_mut(self.have..self.have + n) {
                place.copy_from_slice(taken);
            }
            self.have += n;
            bytes = rest;
            if self.have == HEADER {
                self.have = 0;
                let [a, b, c, kind, flags, ..] = self.header;
                let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                self.skip = length;
                self.frame(kind, flags, length);
            }
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, length: usize) {
        const END_STREAM: u8 = 1;
        let idle = match kind {
            0 => length == 0 && flags & END_STREAM == 0,
            // HEADERS, RST_STREAM, PUSH_PROMISE, GOAWAY, CONTINUATION have rules of their own.
            1 | 3 | 5 | 7 | 9 => false,
            _ => true,
        };
        if !idle {
            return;
        }
        if self.since.elapsed() > WINDOW {
            self.since = Instant::now();
            self.count = 0;
            self.earned = 0;
        }
        self.count += 1;
        let earned = u32::try_from(self.earned / EARNS).unwrap_or(u32::MAX);
        if self.count > BUDGET.saturating_add(earned) {
            self.flooded.store(true, Ordering::Relaxed);
        }
    }
}

impl<IO: VisitorIo> AsyncRead for CountedFrames<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.flooded.load(Ordering::Relaxed) {
            // Nothing more is read before the connection's task has looked at the flag.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.see(buf.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<IO: VisitorIo> AsyncWrite for CountedFrames<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let n = ready!(Pin::new(&mut self.io).poll_write(cx, buf))?;
        self.earned = self.earned.saturating_add(n);
        Poll::Ready(Ok(n))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let n = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs))?;
        self.earned = self.earned.saturating_add(n);
        Poll::Ready(Ok(n))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut f = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        f.extend(std::iter::repeat_n(0, length.into()));
        f
    }

    fn flooded(frames: impl Iterator<Item = Vec<u8>>, cut: usize) -> bool {
        let (mut counted, flag) = CountedFrames::new(());
        let bytes: Vec<u8> = std::iter::repeat_n(b'x', PREFACE).chain(frames.flatten()).collect();
        for piece in bytes.chunks(cut) {
            counted.see(piece);
        }
        flag.load(Ordering::Relaxed)
    }

    #[test]
    fn frames_without_progress_have_a_budget_however_they_are_cut() {
        for cut in [1, 7, 4096] {
            for (kind, length) in [(4, 6), (6, 8), (2, 5), (8, 4), (0, 0), (200, 3)] {
                assert!(!flooded((0..1000).map(|_| frame(kind, 0, length)), cut));
                assert!(flooded((0..1001).map(|_| frame(kind, 0, length)), cut));
            }
            assert!(!flooded((0..5000).map(|_| frame(0, 0, 9)), cut), "DATA is progress");
            assert!(
                !flooded((0..5000).map(|_| frame(1, 4, 9)), cut),
                "requests have their own limits"
            );
        }
    }

    #[test]
    fn who_is_sent_much_may_give_much_credit() {
        let (mut counted, flag) = CountedFrames::new(());
        counted.skip = 0;
        counted.earned = EARNS * 2000;
        for _ in 0..3000 {
            counted.see(&frame(8, 0, 4));
        }
        assert!(!flag.load(Ordering::Relaxed));
    }
}
