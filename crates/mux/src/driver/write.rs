//! The writing half of the driver: takes a batch under the lock, writes it outside.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use tokio::io::AsyncWrite;

use super::Step;
use crate::{
    handle::Shared,
    session::{Batch, Core},
    wait::Wakes,
};

#[derive(Debug, Default)]
pub(super) struct Writer {
    batch: Batch,
    /// Written bytes may still sit in the connection's own buffer.
    unflushed: bool,
    /// The connection takes no bytes at the moment.
    blocked: bool,
    /// The turn of waiting before this batch was taken.
    yielded: bool,
    shut: bool,
}

/// What there is to write.
enum Next {
    Batch,
    Nothing,
    /// Wait one turn of the runtime for more.
    Later,
}

impl Writer {
    /// Writes once, after taking a batch if the last one is written; flushes when nothing is left.
    pub(super) fn step<IO>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut IO,
        shared: &Shared,
        wakes: &mut Wakes,
        now: Instant,
    ) -> io::Result<Step>
    where
        IO: AsyncWrite + Unpin,
    {
        if self.batch.is_empty() {
            match self.next(shared, wakes, now) {
                Next::Batch => {}
                Next::Nothing if self.unflushed => return self.flush(cx, io, shared, now),
                Next::Nothing => return Ok(Step::Waiting),
                Next::Later => {
                    cx.waker().wake_by_ref();
                    return Ok(Step::Yielded);
                }
            }
        }
        match Pin::new(io).poll_write(cx, self.batch.remaining())? {
            Poll::Pending => Ok(self.block(shared, now)),
            Poll::Ready(0) => Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(n) => {
                self.batch.advance(n);
                self.unflushed = true;
                self.unblock(shared);
                Ok(Step::Moved)
            }
        }
    }

    /// Gives the buffer back.
    pub(super) fn trim(&mut self) {
        self.batch.trim();
    }

    /// True if all that was taken has left.
    pub(super) const fn is_written(&self) -> bool {
        self.batch.is_empty() && !self.unflushed
    }

    /// Shuts the connection's writing direction down; `true` the first time it is done.
    pub(super) fn shut_down<IO>(&mut self, cx: &mut Context<'_>, io: &mut IO) -> Poll<io::Result<bool>>
    where
        IO: AsyncWrite + Unpin,
    {
        if self.shut {
            return Poll::Ready(Ok(false));
        }
        Pin::new(io).poll_shutdown(cx).map_ok(|()| {
            self.shut = true;
            true
        })
    }

    fn next(&mut self, shared: &Shared, wakes: &mut Wakes, now: Instant) -> Next {
        let may_wait = !self.yielded;
        let batch = &mut self.batch;
        let next = shared.drive(wakes, |core: &mut Core| {
            if !core.has_work() {
                Next::Nothing
            } else if may_wait && (core.is_crowded() || core.expects_company()) {
                Next::Later
            } else if core.take(batch, now) {
                Next::Batch
            } else if core.has_work() {
                // Only senders were woken; they fill the batch before the next turn.
                Next::Later
            } else {
                Next::Nothing
            }
        });
        self.yielded = matches!(next, Next::Later);
        next
    }

    fn flush<IO>(&mut self, cx: &mut Context<'_>, io: &mut IO, shared: &Shared, now: Instant) -> io::Result<Step>
    where
        IO: AsyncWrite + Unpin,
    {
        match Pin::new(io).poll_flush(cx)? {
            Poll::Pending => Ok(self.block(shared, now)),
            Poll::Ready(()) => {
                self.unflushed = false;
                self.unblock(shared);
                Ok(Step::Waiting)
            }
        }
    }

    fn block(&mut self, shared: &Shared, now: Instant) -> Step {
        if !self.blocked {
            self.blocked = true;
            shared.gate.drive(|core| core.blocked(now));
        }
        Step::Waiting
    }

    fn unblock(&mut self, shared: &Shared) {
        if self.blocked {
            self.blocked = false;
            shared.gate.drive(Core::unblocked);
        }
    }
}
