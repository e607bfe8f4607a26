//! The driver: one future that moves bytes between a session and its connection.
//!
//! Both directions are polled in one task, so a readable connection costs one wake-up and what it
//! makes others say goes out in the same turn of the runtime. The driver decides nothing; it owns
//! the read buffer, the batch being written and one timer.

pub(crate) mod gate;
mod read;
mod write;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Sleep,
};

use self::{gate::Work, read::Reader, write::Writer};
use crate::{
    error::CloseReason,
    handle::Shared,
    session::{Core, Phase},
    wait::Wakes,
};

impl Work for Core {
    fn has_work(&self) -> bool {
        Self::has_work(self)
    }
}

/// How often both directions are tried within one poll before other tasks get their turn.
const TURNS: usize = 8;

/// Moves the bytes of one session. Made by [`session`](crate::session()); must be run for anything
/// to happen. Dropping it, or the future it runs as, ends the session at once.
#[derive(Debug)]
pub struct Driver {
    shared: Arc<Shared>,
    reader: Reader,
    writer: Writer,
    timer: Timer,
    wakes: Wakes,
}

/// How much later a deadline must have become for the timer to be moved.
const MOVED: Duration = Duration::from_secs(1);

/// One timer for all deadlines. It is set again only for an earlier deadline, one that is much later,
/// or after it fired: a busy session sets it about once a second, and an idle one is woken by no
/// deadline that a beat has put off.
#[derive(Debug, Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// What it is set to.
    at: Option<Instant>,
    /// The task it will wake.
    waker: Option<Waker>,
}

/// What a direction did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Bytes moved: try again.
    Moved,
    /// Nothing to do until woken.
    Waiting,
    /// Other tasks should run first; the driver has woken itself.
    Yielded,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            reader: Reader::default(),
            writer: Writer::default(),
            timer: Timer::default(),
            wakes: Wakes::default(),
        }
    }

    /// Runs the session over `io` until it ends, and says why it ended. Needs a tokio runtime with
    /// time enabled. The connection is dropped in the end; after an orderly close its writing
    /// direction was shut down before.
    pub async fn run<IO>(mut self, mut io: IO) -> CloseReason
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send,
    {
        poll_fn(|cx| self.poll(cx, &mut io)).await
    }

    fn poll<IO>(&mut self, cx: &mut Context<'_>, io: &mut IO) -> Poll<CloseReason>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let mut now = clock();
        for _ in 0..TURNS {
            if self.timer.has_fired(now) {
                self.drive(|core| core.handle_timeout(now));
            }
            let read = match self.reader.step(cx, io, &self.shared, &mut self.wakes, now) {
                Ok(step) => step,
                Err(reason) => {
                    self.drive(|core| core.lost(reason));
                    Step::Moved
                }
            };
            let write = match self.writer.step(cx, io, &self.shared, &mut self.wakes, now) {
                Ok(step) => step,
                Err(error) => {
                    self.last_words(cx, io, now);
                    self.drive(|core| core.lost(CloseReason::Io(error.kind())));
                    Step::Moved
                }
            };
            if let Some(reason) = self.ended(cx, io, now) {
                return Poll::Ready(reason);
            }
            match (read, write) {
                (_, Step::Yielded) | (Step::Yielded, _) => return self.pause(cx),
                (Step::Waiting, Step::Waiting) if self.park(cx) => return Poll::Pending,
                _ => {}
            }
            now = clock();
        }
        cx.waker().wake_by_ref();
        self.pause(cx)
    }

    /// A write failed. What the peer said before may still be there: its GOAWAY, or simply its end,
    /// and that is why the session ended, not our late write.
    fn last_words<IO>(&mut self, cx: &mut Context<'_>, io: &mut IO, now: Instant)
    where
        IO: AsyncRead + Unpin,
    {
        for _ in 0..TURNS {
            match self.reader.step(cx, io, &self.shared, &mut self.wakes, now) {
                Ok(Step::Moved | Step::Yielded) => {}
                Ok(Step::Waiting) => return,
                Err(reason) => return self.drive(|core| core.lost(reason)),
            }
        }
    }

    /// Sleeps unless there is work; the timer is set for the next deadline. While the connection
    /// takes no bytes only the end of the session counts as work.
    fn park(&mut self, cx: &mut Context<'_>) -> bool {
        let parked = self
            .shared
            .gate
            .park(cx.waker(), |core| (core.poll_timeout(), core.take_trim()));
        let Some((deadline, trim)) = parked else {
            return false;
        };
        if trim {
            self.reader.trim();
            self.writer.trim();
        }
        !self.timer.set(cx, deadline)
    }

    /// Lets other tasks run; the driver was or will be woken.
    fn pause(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        let deadline = self.shared.gate.drive(|core| core.poll_timeout());
        if self.timer.set(cx, deadline) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Closes the connection when the session has ended and all is written.
    fn ended<IO>(&mut self, cx: &mut Context<'_>, io: &mut IO, now: Instant) -> Option<CloseReason>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let (phase, left) = self.drive(|core| match core.see_end() {
            Phase::Open => None,
            ended => Some((ended.clone(), core.has_work())),
        })?;
        let reason = match phase {
            Phase::Open => return None,
            Phase::Closed(reason) => return Some(reason),
            Phase::Closing(reason) => reason,
        };
        if left || !self.writer.is_written() {
            return None;
        }
        match self.writer.shut_down(cx, io) {
            Poll::Ready(Ok(true)) => self.drive(|core| core.half_closed(now)),
            Poll::Ready(Err(_)) => return Some(reason),
            Poll::Ready(Ok(false)) | Poll::Pending => {}
        }
        None
    }

    fn drive<R>(&mut self, step: impl FnOnce(&mut Core) -> R) -> R {
        self.shared.drive(&mut self.wakes, step)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.with(Core::abort);
    }
}

impl Timer {
    fn has_fired(&mut self, now: Instant) -> bool {
        let rung = self.sleep.as_ref().is_some_and(|sleep| sleep.is_elapsed());
        let fired = self.at.is_some_and(|at| at <= now || rung);
        if fired {
            self.at = None;
        }
        fired
    }

    /// Sets the timer unless it will fire early enough anyway; true if it has fired already.
    fn set(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> bool {
        let Some(deadline) = deadline else {
            return false;
        };
        let known = self.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker()));
        if known && self.at.is_some_and(|at| at <= deadline && deadline - at < MOVED) {
            return false;
        }
        let at = match self.at {
            Some(at) if deadline < at + MOVED => at.min(deadline),
            _ => deadline,
        };
        self.at = Some(at);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at.into())));
        if sleep.deadline().into_std() != at {
            sleep.as_mut().reset(at.into());
        }
        self.waker = Some(cx.waker().clone());
        // Unconstrained: with the task's budget used up the timer would not note the waker.
        pin!(tokio::task::unconstrained(sleep.as_mut())).poll(cx).is_ready()
    }
}

/// The runtime's clock, which tests may stop.
fn clock() -> Instant {
    tokio::time::Instant::now().into_std()
}
