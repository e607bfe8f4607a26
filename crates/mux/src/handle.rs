//! What applications hold: the session, its incoming streams, a stream.
//!
//! All are thin: each call takes the session's lock once, does its part in the core, and wakes who
//! is to be woken outside the lock.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::IoSlice,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    config::{Config, Growth},
    driver::{Driver, gate::Gate},
    error::{CloseReason, OpenError, StreamError},
    session::{Core, Counters, Key},
    wait::{NO_TICKET, Wakes},
};

/// What all handles of a session share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) gate: Gate<Core>,
}

impl Shared {
    /// Changes the core; the driver and the tasks that may go on are woken outside the lock.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut Core) -> R) -> R {
        let (result, wakes) = self.gate.with(|core| {
            let result = change(core);
            let wakes = core.wakes();
            let wakes = (!wakes.is_empty()).then(|| std::mem::take(wakes));
            (result, wakes)
        });
        if let Some(mut wakes) = wakes {
            wakes.wake();
        }
        result
    }
}

impl Shared {
    /// The driver's access: it is awake, and brings the list in which wakes are collected, so that
    /// none is allocated.
    pub(crate) fn drive<R>(&self, wakes: &mut Wakes, step: impl FnOnce(&mut Core) -> R) -> R {
        let result = self.gate.drive(|core| {
            let result = step(core);
            std::mem::swap(core.wakes(), wakes);
            result
        });
        wakes.wake();
        result
    }
}

/// Makes a session that starts now. Nothing happens before the [`Driver`] runs.
#[must_use]
pub fn session(config: Config, now: Instant) -> (Session, Incoming, Driver) {
    let shared = Arc::new(Shared {
        gate: Gate::new(Core::new(config, now)),
    });
    let session = Session {
        owner: Arc::new(Owner {
            shared: Arc::clone(&shared),
        }),
    };
    let incoming = Incoming {
        shared: Arc::clone(&shared),
    };
    (session, incoming, Driver::new(shared))
}

/// Opens streams and asks about the session. Cheap to clone. When no handle, no [`Incoming`] and no
/// stream is left, the session ends.
#[derive(Clone, Debug)]
pub struct Session {
    owner: Arc<Owner>,
}

#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.with(Core::handles_gone);
    }
}

impl Session {
    /// Opens a stream; `first` (type word, header, first application bytes, ≤ 64 KiB) goes into one
    /// frame. Never waits; the opener may send a full window at once.
    pub fn open(&self, first: &[u8]) -> Result<Stream, OpenError> {
        let shared = &self.owner.shared;
        let key = shared.with(|core| core.open(first))?;
        Ok(Stream::new(Arc::clone(shared), key))
    }

    /// Like [`open`](Self::open), for a first frame that is made up on the way. The limits are
    /// looked at before and after `fill` runs; it runs outside the lock and may panic.
    pub fn open_with(&self, fill: impl FnOnce(&mut Vec<u8>)) -> Result<Stream, OpenError> {
        thread_local! {
            static FIRST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        self.with(Core::may_open)?;
        // Taken, not borrowed: `fill` may open another stream.
        let mut first = FIRST.with(RefCell::take);
        first.clear();
        fill(&mut first);
        let stream = self.open(&first);
        if first.capacity() <= 64 << 10 {
            FIRST.with(|place| place.replace(first));
        }
        stream
    }

    /// Waits, first come first served, until a stream may be opened; then call
    /// [`open`](Self::open), which may still be refused if somebody was faster.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        let ticket = self.with(Core::capacity_ticket);
        Capacity {
            shared: Arc::clone(&self.owner.shared),
            ticket,
            waiting: false,
        }
    }

    /// [`capacity`](Self::capacity) for callers that poll. A caller that goes away while it waits
    /// may delay those behind it by up to a second: prefer `capacity`.
    pub fn poll_capacity(&self, cx: &Context<'_>) -> Poll<Result<(), OpenError>> {
        self.with(|core| core.poll_capacity(NO_TICKET, cx.waker()))
    }

    /// Streams open on the wire in both directions, heartbeats included.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.with(|core| core.open_streams())
    }

    /// Streams open on the wire in both directions, heartbeats not included.
    #[must_use]
    pub fn working_streams(&self) -> usize {
        self.with(|core| core.working_streams())
    }

    /// Smoothed round trip of the own heartbeats; `None` before the first answer.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.with(|core| core.rtt())
    }

    /// Bytes moved so far, frame headers included.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.with(|core| core.counters())
    }

    /// When the last byte came from the peer.
    #[must_use]
    pub fn last_received(&self) -> Instant {
        self.with(|core| core.last_received())
    }

    /// Changes the limits kept toward the peer, once login has told who it is.
    pub fn set_limits(&self, max_outbound: u32, max_unaccepted: u32, growth: Growth) {
        self.with(|core| core.set_limits(max_outbound, max_unaccepted, growth));
    }

    /// What the windows of streams that the server opens begin with toward us, from now on, bytes;
    /// no less than what is implied. May be set before the peer knows (agent protocol 9.5).
    pub fn set_receive_window(&self, bytes: u32) {
        self.with(|core| core.set_receive_window(bytes));
    }

    /// The same toward the peer; to be set once the peer is known to have set its side.
    pub fn set_send_window(&self, bytes: u32) {
        self.with(|core| core.set_send_window(bytes));
    }

    /// Sends a heartbeat at once, unless one is out or own heartbeats are off.
    pub fn probe(&self, now: Instant) {
        self.with(|core| core.probe(now));
    }

    /// Announces the end (GOAWAY, code 0): new streams of the peer are refused, none is opened any
    /// more, the open ones go on. The session ends with the last of them or by
    /// [`close`](Self::close). Stock clients end all their streams on it.
    pub fn go_away(&self, message: &str) {
        self.with(|core| core.go_away(message));
    }

    /// Ends the session: what is in the out buffer is written, then GOAWAY with this code and text
    /// (≤ 256 bytes), then the connection is closed. All streams are lost.
    pub fn close(&self, code: u32, message: &str) {
        self.with(|core| core.close(code, message));
    }

    /// Ends the session at once; nothing more is written.
    pub fn abort(&self) {
        self.with(Core::abort);
    }

    /// True once the session has ended; its driver may still be writing.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.with(|core| core.reason().is_some())
    }

    /// Waits for the end of the session.
    #[must_use]
    pub fn closed(&self) -> Closed {
        Closed {
            shared: Arc::clone(&self.owner.shared),
            place: None,
        }
    }

    /// Bytes buffered for others: inboxes, out buffer and the batch being written, by capacity.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.with(|core| core.held_bytes())
    }

    fn with<R>(&self, step: impl FnOnce(&mut Core) -> R) -> R {
        self.owner.shared.with(step)
    }
}

/// Waits for a place for a stream: see [`Session::capacity`]. Dropped, it leaves the queue, or hands
/// a wake it got to the next.
#[derive(Debug)]
pub struct Capacity {
    shared: Arc<Shared>,
    ticket: u64,
    waiting: bool,
}

impl Future for Capacity {
    type Output = Result<(), OpenError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ticket = self.ticket;
        let poll = self.shared.with(|core| core.poll_capacity(ticket, cx.waker()));
        self.waiting = poll.is_pending();
        poll
    }
}

impl Drop for Capacity {
    fn drop(&mut self) {
        if self.waiting {
            self.shared.with(|core| core.leave_capacity(self.ticket));
        }
    }
}

/// Waits for the end of a session: see [`Session::closed`].
#[derive(Debug)]
pub struct Closed {
    shared: Arc<Shared>,
    place: Option<usize>,
}

impl Future for Closed {
    type Output = CloseReason;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CloseReason> {
        let this = self.get_mut();
        let place = &mut this.place;
        this.shared.with(|core| core.poll_closed(place, cx.waker()))
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.shared.with(|core| core.leave_closed(place));
        }
    }
}

/// The streams the peer opens, heartbeats excepted. A stream appears when its type (the first four
/// bytes, left in the data) has arrived. Dropped, further streams are refused.
#[derive(Debug)]
pub struct Incoming {
    shared: Arc<Shared>,
}

impl Incoming {
    /// The next stream; `None` when the session has ended.
    pub async fn accept(&mut self) -> Option<Stream> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The next stream; `None` when the session has ended.
    pub fn poll_accept(&mut self, cx: &Context<'_>) -> Poll<Option<Stream>> {
        self.shared
            .with(|core| core.poll_accept(cx.waker()))
            .map(|key| key.map(|key| Stream::new(Arc::clone(&self.shared), key)))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.shared.with(Core::stop_accepting);
    }
}

/// One stream. Dropped before both sides have finished it is reset with CANCELLED (6).
#[derive(Debug)]
pub struct Stream {
    shared: Arc<Shared>,
    key: Key,
    /// Rest of a chunk of which the adapter took only a part.
    pub(crate) rest: Bytes,
}

impl Stream {
    const fn new(shared: Arc<Shared>, key: Key) -> Self {
        Self {
            shared,
            key,
            rest: Bytes::new(),
        }
    }

    /// The stream's id on the wire.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.key.id()
    }

    /// The next bytes as they came, up to 64 KiB; `None` after the peer finished. Taking them grants
    /// the peer new window.
    pub fn poll_chunk(&mut self, cx: &Context<'_>) -> Poll<Result<Option<Bytes>, StreamError>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Ok(Some(std::mem::take(&mut self.rest))));
        }
        self.shared.with(|core| core.poll_chunk(self.key, cx.waker()))
    }

    /// The next bytes: see [`poll_chunk`](Self::poll_chunk). Cancel-safe.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, StreamError> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// Copies as much of `data` as the peer's window, this stream's turn and the out buffer allow
    /// (≤ 16 KiB while others wait, else ≤ 64 KiB) into one frame. Pending if nothing.
    pub fn poll_send(&mut self, cx: &Context<'_>, data: &[u8]) -> Poll<Result<usize, StreamError>> {
        self.poll_send_vectored(cx, &[IoSlice::new(data)])
    }

    /// [`poll_send`](Self::poll_send) of several pieces in one frame.
    pub fn poll_send_vectored(&mut self, cx: &Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, StreamError>> {
        self.shared.with(|core| core.poll_send(self.key, cx.waker(), parts))
    }

    /// Sends all of `data`. Not cancel-safe: a part may have been sent.
    pub async fn send_all(&mut self, mut data: &[u8]) -> Result<(), StreamError> {
        while !data.is_empty() {
            let sent = poll_fn(|cx| self.poll_send(cx, data)).await?;
            data = data.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// How many bytes [`send`](Self::send) may take now; room is kept for them for a moment.
    pub fn poll_reserve(&mut self, cx: &Context<'_>) -> Poll<Result<usize, StreamError>> {
        self.shared.with(|core| core.poll_reserve(self.key, cx.waker()))
    }

    /// Sends within what [`poll_reserve`](Self::poll_reserve) gave.
    #[expect(clippy::needless_pass_by_value, reason = "the caller's chunk ends here")]
    pub fn send(&mut self, data: Bytes) -> Result<(), StreamError> {
        self.shared.with(|core| core.send(self.key, &data))
    }

    /// Finishes this side: no more data. The other side goes on.
    pub fn finish(&mut self) -> Result<(), StreamError> {
        self.shared.with(|core| core.finish(self.key))
    }

    /// Ends both sides with a code of [`crate::code`]; later calls give `Reset(code)`.
    pub fn reset(&mut self, code: u32) {
        self.rest = Bytes::new();
        self.shared.with(|core| core.reset(self.key, code));
    }

    /// Says that this stream carries only what goes with the heartbeats: what comes on it does not
    /// count as activity, so that an idle session is not woken to look after itself.
    pub fn set_quiet(&mut self) {
        self.shared.with(|core| core.set_quiet(self.key));
    }

    /// Leaves bytes (at most [`RIDER_MAX`](crate::RIDER_MAX)) that go out in the same write as the
    /// session's next own heartbeat; they replace what was left before. False, and nothing is left,
    /// if they are too many or the session has no own heartbeats.
    ///
    /// Nothing else may be sent on the stream while they wait, or they may overtake it: take them
    /// back by [`alight`](Self::alight) first.
    pub fn ride(&mut self, bytes: Box<[u8]>) -> bool {
        self.shared.with(|core| core.ride(self.key, bytes))
    }

    /// Takes back what [`ride`](Self::ride) left; `None` if it has gone.
    pub fn alight(&mut self) -> Option<Box<[u8]>> {
        self.shared.with(|core| core.alight(self.key))
    }

    /// True if the peer has taken the stream from its accept queue: its first WNDINC, DATA or FIN
    /// was seen.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.shared.with(|core| core.is_accepted(self.key))
    }

    /// True if the peer has finished and all its bytes have arrived; some may still be unread.
    #[must_use]
    pub fn peer_finished(&self) -> bool {
        self.shared.with(|core| core.peer_finished(self.key))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.with(|core| core.release(self.key));
    }
}
