//! The reading half of the driver.
//!
//! A busy session reads into one 64 KiB buffer, whose memory is used again as soon as no stream
//! holds a slice of it. An idle one has no buffer: its next bytes come into a small one on the
//! stack, and only if they fill it does the large one return.

use std::{
    mem::MaybeUninit,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Instant,
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::Step;
use crate::{error::CloseReason, handle::Shared, wait::Wakes};

/// Plaintext bytes a read asks for.
const FULL: usize = 64 << 10;
/// With less room than this the buffer is renewed.
const LOW: usize = 16 << 10;
/// After a read of this many bytes those who wait for them run first: they free the buffer while
/// it is warm, and it is used again.
const ENOUGH: usize = 32 << 10;
/// First read after a pause.
const SMALL: usize = 2 << 10;

#[derive(Debug, Default)]
pub(super) struct Reader {
    buf: BytesMut,
    over: bool,
}

impl Reader {
    /// Reads once and lets the core have it.
    pub(super) fn step<IO>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut IO,
        shared: &Shared,
        wakes: &mut Wakes,
        now: Instant,
    ) -> Result<Step, CloseReason>
    where
        IO: AsyncRead + Unpin,
    {
        let (wanted, settled) = shared.gate.drive(|core| (core.wants_read(), core.is_settled()));
        if self.over || !wanted {
            return Ok(Step::Waiting);
        }
        let read = if settled || self.buf.capacity() == 0 {
            self.read_small(cx, io)
        } else {
            self.renew();
            pin!(io.read_buf(&mut self.buf)).poll(cx)
        };
        match read {
            Poll::Pending => Ok(Step::Waiting),
            Poll::Ready(Ok(0)) => {
                self.over = true;
                Err(CloseReason::Eof)
            }
            Poll::Ready(Ok(n)) => {
                shared.drive(wakes, |core| core.recv(&mut self.buf, now));
                if n < ENOUGH {
                    return Ok(Step::Moved);
                }
                cx.waker().wake_by_ref();
                Ok(Step::Yielded)
            }
            Poll::Ready(Err(error)) => {
                self.over = true;
                Err(CloseReason::Io(error.kind()))
            }
        }
    }

    fn read_small<IO>(&mut self, cx: &mut Context<'_>, io: &mut IO) -> Poll<std::io::Result<usize>>
    where
        IO: AsyncRead + Unpin,
    {
        let mut space = [MaybeUninit::uninit(); SMALL];
        let mut small = ReadBuf::uninit(&mut space);
        let result = Pin::new(io).poll_read(cx, &mut small)?;
        result.map(|()| {
            let filled = small.filled();
            if filled.len() == SMALL {
                // There is more: the session is busy.
                self.buf.reserve(FULL);
            }
            self.buf.extend_from_slice(filled);
            Ok(filled.len())
        })
    }

    /// Makes room: the memory at hand if no slice of it is held, else new memory.
    fn renew(&mut self) {
        let room = self.buf.capacity() - self.buf.len();
        if room < LOW && !self.buf.try_reclaim(FULL - self.buf.len()) {
            let mut fresh = BytesMut::with_capacity(FULL);
            fresh.extend_from_slice(&self.buf);
            self.buf = fresh;
        }
    }

    /// Gives the buffer back, unless it holds a header that was cut in the middle.
    pub(super) fn trim(&mut self) {
        if self.buf.is_empty() {
            self.buf = BytesMut::new();
        }
    }
}
