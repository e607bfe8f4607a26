//! What applications do: open, accept, read, write, finish, reset.

use std::{
    io::IoSlice,
    task::{Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use slab::Slab;

use super::{Core, Phase, timeout::GROWTH_IDLE};
use crate::{
    budget::Level,
    code,
    config::Growth,
    error::{CloseReason, OpenError, StreamError},
    frame,
    schedule::Schedule,
    stream::{Key, StreamState},
    wait::NO_TICKET,
    window::RecvWindow,
};

/// Bytes of the frame that opens a stream.
const FIRST_MAX: usize = 64 << 10;
/// From this round trip on a new stream gets the window at once that others needed.
const FAR: Duration = Duration::from_millis(10);
/// Most bytes that may be left for the next beat.
pub const RIDER_MAX: usize = 256;
/// How long a stream that was reset before it was accepted counts as waiting, milliseconds.
const GHOST_FOR: u32 = 5_000;

impl Core {
    // === Opening ===

    /// Opens a stream; `first` (type, header, first application bytes) goes into one frame. Never
    /// waits: such frames may exceed the out buffer's limit, by as many streams as may be open.
    pub fn open(&mut self, first: &[u8]) -> Result<Key, OpenError> {
        if first.len() > FIRST_MAX {
            return Err(OpenError::TooLarge);
        }
        self.may_open()?;
        let id = self.next_id;
        self.next_id = id.saturating_add(2);
        let mut stream = StreamState::new(id, true, self.windows_of(true), self.millis);
        self.out.open(&mut stream, first);
        self.floods.progress();
        let far = self.beats.round_trip().is_some_and(|rtt| rtt >= FAR);
        if far && let Some(increment) = self.widen_to_learned(&mut stream.recv) {
            // Behind the SYN: a round trip of the answer is saved.
            self.out.behind(&frame::wndinc(id, increment));
        }
        let key = self.insert(stream);
        self.outbound += 1;
        self.unaccepted += 1;
        Ok(key)
    }

    /// Whether a stream could be opened now.
    pub fn may_open(&mut self) -> Result<(), OpenError> {
        if !self.is_open() {
            return Err(OpenError::Closed);
        }
        if self.going_away || self.farewell.is_some() || self.next_id > frame::MAX_WINDOW {
            return Err(OpenError::GoingAway);
        }
        if self.outbound >= self.config.max_outbound {
            return Err(OpenError::StreamLimit);
        }
        if self.unaccepted >= self.config.max_unaccepted {
            self.expire_ghosts();
            if self.unaccepted >= self.config.max_unaccepted {
                return Err(OpenError::Unaccepted);
            }
        }
        Ok(())
    }

    /// Waits until a stream may be opened, first come first served. `ticket` 0: the caller is known
    /// by its waker only and cannot leave.
    pub fn poll_capacity(&mut self, ticket: u64, waker: &Waker) -> Poll<Result<(), OpenError>> {
        match self.may_open() {
            Err(error) if error.is_temporary() => {
                self.capacity.enter(ticket, waker);
                Poll::Pending
            }
            other => Poll::Ready(other),
        }
    }

    pub(crate) fn capacity_ticket(&mut self) -> u64 {
        self.capacity.ticket()
    }

    /// A caller with a ticket goes; if it was woken already, its wake goes to the next.
    pub(crate) fn leave_capacity(&mut self, ticket: u64) {
        if ticket != NO_TICKET && !self.capacity.leave(ticket) {
            self.wake_capacity();
        }
    }

    /// Wakes as many waiting openers as there are places.
    pub(super) fn wake_capacity(&mut self) {
        if self.capacity.len() == 0 {
            return;
        }
        let places = match self.may_open() {
            Err(error) if error.is_temporary() => 0,
            Err(_) => u32::MAX,
            Ok(()) => (self.config.max_outbound - self.outbound).min(self.config.max_unaccepted - self.unaccepted),
        };
        for _ in 0..places {
            let Some(waker) = self.capacity.next() else {
                return;
            };
            self.wakes.add(Some(waker));
        }
    }

    /// The peer has taken a stream of ours from its accept queue, and so all that were before it.
    pub(super) fn on_accepted(&mut self, key: Key) {
        let Some(stream) = self.stream(key).filter(|stream| !stream.flags.accepted) else {
            return;
        };
        stream.flags.accepted = true;
        self.unaccepted -= 1;
        self.drop_ghosts(|id, _| id < key.id);
        self.wake_capacity();
    }

    pub(super) fn expire_ghosts(&mut self) {
        let now = self.millis;
        self.drop_ghosts(|_, since| now.wrapping_sub(since) >= GHOST_FOR);
    }

    fn drop_ghosts(&mut self, gone: impl Fn(u32, u32) -> bool) {
        if self.ghosts.is_empty() {
            return;
        }
        let before = self.ghosts.len();
        self.ghosts.retain(|(id, since)| !gone(*id, *since));
        self.unaccepted -= (before - self.ghosts.len()) as u32;
    }

    // === Accepting ===

    /// The next stream of the peer, or `None` when the session has ended.
    pub fn poll_accept(&mut self, waker: &Waker) -> Poll<Option<Key>> {
        if let Some(key) = self.accept.pop_front() {
            if let Some(stream) = self.stream(key) {
                stream.flags.in_accept = false;
            }
            return Poll::Ready(Some(key));
        }
        if !self.is_open() {
            return Poll::Ready(None);
        }
        keep(&mut self.accept_waker, waker);
        Poll::Pending
    }

    /// Nobody accepts any more: streams of the peer are refused.
    pub(crate) fn stop_accepting(&mut self) {
        self.accepting = false;
        self.accept_waker = None;
        while let Some(key) = self.accept.front().copied() {
            self.reset_by_us(key, code::REFUSED);
            if self.accept.front() == Some(&key) {
                self.accept.pop_front();
            }
        }
        self.close_if_unused();
    }

    /// The last handle of the session is gone.
    pub(crate) fn handles_gone(&mut self) {
        self.handles = false;
        self.close_if_unused();
    }

    // === Reading ===

    /// The next chunk, `None` after FIN. Taking it consumes window credit.
    pub fn poll_chunk(&mut self, key: Key, waker: &Waker) -> Poll<Result<Option<Bytes>, StreamError>> {
        let lost = !self.is_open();
        let Some(stream) = self
            .streams
            .get_mut(key.slot as usize)
            .filter(|stream| stream.id == key.id)
        else {
            return Poll::Ready(Err(StreamError::SessionLost));
        };
        if let Some(code) = stream.reset {
            return Poll::Ready(Err(StreamError::Reset(code)));
        }
        if let Some(bytes) = self.inboxes.pop(&mut stream.inbox) {
            if !lost {
                self.consumed(key, bytes.len() as u32);
            }
            return Poll::Ready(Ok(Some(bytes)));
        }
        if stream.flags.fin_received {
            return Poll::Ready(Ok(None));
        }
        if lost {
            return Poll::Ready(Err(StreamError::SessionLost));
        }
        keep(&mut stream.reader, waker);
        Poll::Pending
    }

    /// `n` bytes left the inbox: grants what is due.
    pub(super) fn consumed(&mut self, key: Key, n: u32) {
        let now = self.millis;
        let growth = self.config.growth;
        let round_trip = self.beats.round_trip();
        let Some(stream) = self
            .streams
            .get_mut(key.slot as usize)
            .filter(|stream| stream.id == key.id)
        else {
            return;
        };
        stream.recv.consume(n, now);
        if stream.flags.fin_received || stream.flags.closed {
            return;
        }
        let mut limiting = false;
        if let (
            Growth::Grow {
                max_stream_window,
                session_budget,
            },
            Some(round_trip),
        ) = (growth, round_trip)
            && stream.recv.is_limiting(now, (round_trip.as_millis() as u32).max(1))
        {
            limiting = true;
            if self.extra < session_budget && self.share.as_ref().is_none_or(|share| share.level() == Level::Free) {
                self.extra += stream.recv.grow(max_stream_window) as usize;
            }
        }
        if limiting {
            self.learned = (self.learned.0.max(stream.recv.target()), now);
        }
        if stream.recv.due().is_some()
            && stream.recv.extra() == 0
            && let Some(widened) = learned_window(self.learned, now, growth, self.extra, stream.recv.target())
            && self.share.as_ref().is_none_or(|share| share.level() == Level::Free)
        {
            self.extra += stream.recv.widen(widened) as usize;
        }
        if let Some(increment) = stream.recv.due() {
            stream.recv.grant(increment);
            stream.flags.acknowledged = true;
            self.out.control(&frame::wndinc(key.id, increment), true);
        } else if self.config.acknowledge && !stream.flags.acknowledged && !stream.flags.local {
            let increment = stream.recv.owed();
            if increment > 0 {
                stream.recv.grant(increment);
                stream.flags.acknowledged = true;
                self.out.control(&frame::wndinc(key.id, increment), false);
            }
        }
    }

    /// Widens a new stream's window to what was needed lately; what to grant for it.
    fn widen_to_learned(&mut self, recv: &mut RecvWindow) -> Option<u32> {
        let target = learned_window(self.learned, self.millis, self.config.growth, self.extra, recv.target())?;
        if self.share.as_ref().is_some_and(|share| share.level() != Level::Free) {
            return None;
        }
        self.extra += recv.widen(target) as usize;
        let increment = recv.owed();
        recv.grant(increment);
        Some(increment)
    }

    // === Writing ===

    /// Puts as much of `parts` as window, turn and out buffer allow into one frame; the number of
    /// bytes taken. Pending: nothing could be taken.
    pub fn poll_send(&mut self, key: Key, waker: &Waker, parts: &[IoSlice<'_>]) -> Poll<Result<usize, StreamError>> {
        let wanted = parts.iter().map(|part| part.len()).sum();
        let Self { streams, out, .. } = self;
        let stream = writable(streams, key, matches!(self.phase, Phase::Open))?;
        let Some(n) = room(out, stream, key, waker, wanted) else {
            return Poll::Pending;
        };
        if n > 0 {
            out.put(stream, parts, n);
            self.sent();
        }
        Poll::Ready(Ok(n))
    }

    /// Keeps room for up to one frame; how many bytes `send` may take now.
    pub fn poll_reserve(&mut self, key: Key, waker: &Waker) -> Poll<Result<usize, StreamError>> {
        let Self { streams, out, .. } = self;
        let stream = writable(streams, key, matches!(self.phase, Phase::Open))?;
        let Some(n) = room(out, stream, key, waker, out.limit()) else {
            return Poll::Pending;
        };
        out.keep(stream, n);
        stream.reserved = n as u32;
        Poll::Ready(Ok(n))
    }

    /// Sends within what [`poll_reserve`](Self::poll_reserve) gave.
    pub fn send(&mut self, key: Key, data: &[u8]) -> Result<(), StreamError> {
        let Self { streams, out, .. } = self;
        let stream = writable(streams, key, matches!(self.phase, Phase::Open))?;
        if data.len() > stream.reserved as usize {
            return Err(StreamError::NotReserved);
        }
        stream.reserved -= data.len() as u32;
        if !data.is_empty() {
            out.put(stream, &[IoSlice::new(data)], data.len());
            self.sent();
        }
        Ok(())
    }

    /// No more data from this side.
    pub fn finish(&mut self, key: Key) -> Result<(), StreamError> {
        let Self { streams, out, .. } = self;
        let stream = writable(streams, key, matches!(self.phase, Phase::Open))?;
        out.release(stream);
        out.finish(stream);
        stream.flags.fin_sent = true;
        stream.writer = None;
        out.turn(streams, &mut self.wakes);
        self.close_if_finished(key);
        Ok(())
    }

    /// Ends the stream in both directions.
    pub fn reset(&mut self, key: Key, code: u32) {
        self.reset_by_us(key, code);
    }

    /// The application is done with the stream and its key; unfinished, it is reset with CANCELLED.
    pub fn release(&mut self, key: Key) {
        self.reset_by_us(key, code::CANCELLED);
        self.remove(key);
        self.out.turn(&mut self.streams, &mut self.wakes);
        if !self.is_open() {
            // No tick will come any more that would.
            self.weigh();
        }
        self.close_if_unused();
    }

    /// True if the peer has finished sending and all its bytes have arrived.
    #[must_use]
    pub fn peer_finished(&self, key: Key) -> bool {
        self.peek(key).is_some_and(|s| s.flags.fin_received)
    }

    /// True if the peer has taken the stream from its accept queue.
    #[must_use]
    pub fn is_accepted(&self, key: Key) -> bool {
        self.peek(key).is_some_and(|s| s.flags.accepted)
    }

    /// DATA went into the out buffer.
    fn sent(&mut self) {
        self.floods.progress();
        self.out.turn(&mut self.streams, &mut self.wakes);
    }

    // === Company of the beats ===

    /// What comes on the stream does not count as activity.
    pub fn set_quiet(&mut self, key: Key) {
        if let Some(stream) = self.stream(key) {
            stream.flags.quiet = true;
        }
    }

    /// Leaves bytes for the next own beat's write; false if they cannot go that way.
    pub fn ride(&mut self, key: Key, bytes: Box<[u8]>) -> bool {
        let may = bytes.len() <= RIDER_MAX && self.peek(key).is_some() && self.beats.has_own();
        if may {
            self.rider = Some((key, bytes));
        }
        may
    }

    /// Takes them back, unless they have gone.
    pub fn alight(&mut self, key: Key) -> Option<Box<[u8]>> {
        self.rider.take_if(|(of, _)| *of == key).map(|(_, bytes)| bytes)
    }

    // === The end, as seen by others ===

    /// Waits for the end of the session. `place` belongs to the caller, from `None` on.
    pub(crate) fn poll_closed(&mut self, place: &mut Option<usize>, waker: &Waker) -> Poll<CloseReason> {
        if let Some(reason) = self.reason() {
            return Poll::Ready(reason.clone());
        }
        let at = *place.get_or_insert_with(|| self.closed_wakers.insert(None));
        if let Some(slot) = self.closed_wakers.get_mut(at) {
            keep(slot, waker);
        }
        Poll::Pending
    }

    pub(crate) fn leave_closed(&mut self, place: usize) {
        self.closed_wakers.try_remove(place);
    }
}

/// The window that a stream may have at once because another needed it lately: halved for each idle
/// period since, within the session's budget; `None` if that is no more than it has.
fn learned_window(learned: (u32, u32), now: u32, growth: Growth, extra: usize, has: u32) -> Option<u32> {
    let Growth::Grow { session_budget, .. } = growth else {
        return None;
    };
    let (window, at) = learned;
    let age = now.wrapping_sub(at) / GROWTH_IDLE;
    let window = window.checked_shr(age).unwrap_or(0);
    (window > has && extra + (window - has) as usize <= session_budget).then_some(window)
}

/// The stream, if this side may still send on it.
fn writable(streams: &mut Slab<StreamState>, key: Key, open: bool) -> Result<&mut StreamState, StreamError> {
    let stream = streams
        .get_mut(key.slot as usize)
        .filter(|stream| stream.id == key.id)
        .ok_or(StreamError::SessionLost)?;
    if let Some(code) = stream.reset {
        Err(StreamError::Reset(code))
    } else if stream.flags.fin_sent {
        Err(StreamError::Finished)
    } else if !open {
        Err(StreamError::SessionLost)
    } else {
        Ok(stream)
    }
}

/// How many of `wanted` bytes may go into the batch now; `None`: the stream waits for the peer's
/// window or for its turn.
fn room(out: &mut Schedule, stream: &mut StreamState, key: Key, waker: &Waker, wanted: usize) -> Option<usize> {
    if wanted == 0 {
        return Some(0);
    }
    if stream.send_window > 0 {
        let n = out.allow(stream, wanted);
        if n > 0 {
            return Some(n);
        }
        let most = wanted.min(stream.send_window as usize);
        out.wait(key, stream, most);
    }
    keep(&mut stream.writer, waker);
    None
}

/// Stores a waker unless it is there already.
fn keep(place: &mut Option<Waker>, waker: &Waker) {
    match place {
        Some(known) => known.clone_from(waker),
        None => *place = Some(waker.clone()),
    }
}
