//! What goes out next: one flat buffer of DATA frames, control frames ahead of them, and whose turn
//! it is to fill the buffer.
//!
//! Senders encode straight into the buffer; the driver takes it as a *batch*. While one stream
//! alone sends, it may fill the batch (frames up to the limit, 64 KiB). As soon as others send or
//! wait, each gets 16 KiB a batch; who finds no room waits in a queue. With each batch taken the
//! first in the queue are woken, as many as fit, and the room they asked for is kept for them until
//! the next batch. So a small frame waits for at most one 16 KiB frame of each ready stream, and a
//! woken task that never comes cannot hold room for longer than one batch.

use std::{collections::VecDeque, io::IoSlice};

use slab::Slab;

use crate::{
    frame,
    stream::{Key, StreamState},
    wait::Wakes,
};

/// Bytes a stream may put into a batch while others are ready, and its largest frame then.
pub(crate) const QUANTUM: usize = 16 << 10;
/// A batch may grow this far beyond its limit rather than cut a small remainder off.
const SLACK: usize = 2 << 10;
/// Room before the DATA frames of a batch, for the control frames that go ahead of them.
const HEADROOM: usize = 256;
/// First size of the buffer after a pause; the next one is its full size.
const SMALL: usize = 4 << 10;
/// With this many bytes of control frames waiting, nothing more is read from the peer.
const CONTROL_LIMIT: usize = 64 << 10;

/// Bytes taken for writing; the driver's side of the buffer.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    at: usize,
}

impl Batch {
    /// What is still to be written.
    #[must_use]
    pub fn remaining(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// True if all is written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// `n` bytes were written.
    pub const fn advance(&mut self, n: usize) {
        self.at += n;
    }

    /// Gives the memory back.
    pub(crate) fn trim(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// Who has DATA in the batch being filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Senders {
    None,
    One(u32),
    Many,
}

/// The last DATA frame in the buffer: it may be lengthened or finished.
#[derive(Clone, Copy, Debug)]
struct Last {
    at: usize,
    id: u32,
}

#[derive(Debug)]
pub(crate) struct Schedule {
    /// `HEADROOM`, then frames in order; empty if there are none.
    data: Vec<u8>,
    /// Frames that go ahead of the data.
    control: Vec<u8>,
    /// The control frames are worth a write of their own.
    urgent: bool,
    /// There is more than beats.
    lively: bool,
    /// Number of the batch being filled.
    batch: u32,
    /// Room kept for woken streams.
    granted: usize,
    limit: usize,
    senders: Senders,
    /// The batch before had several senders.
    crowd: bool,
    last: Option<Last>,
    /// Streams that found no room, in order.
    waiting: VecDeque<Key>,
    /// Streams that have had their share of this batch; they queue behind `waiting` in the next.
    later: VecDeque<Key>,
    /// Capacity of the buffer at the driver.
    lent: usize,
}

impl Schedule {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            data: Vec::new(),
            control: Vec::new(),
            urgent: false,
            lively: false,
            batch: 1,
            granted: 0,
            limit: limit.clamp(QUANTUM, frame::MAX_LENGTH / 2),
            senders: Senders::None,
            crowd: false,
            last: None,
            waiting: VecDeque::new(),
            later: VecDeque::new(),
            lent: 0,
        }
    }

    /// True if the driver has something to do.
    pub(crate) fn has_work(&self) -> bool {
        !self.data.is_empty() || self.urgent || self.somebody_waits()
    }

    /// Lazy control frames have waited long enough.
    pub(crate) fn hurry(&mut self) {
        self.urgent |= !self.control.is_empty();
    }

    /// True if the peer must take some of our answers before it may ask for more.
    pub(crate) fn is_clogged(&self) -> bool {
        self.control.len() > CONTROL_LIMIT
    }

    /// Largest frame a stream may send: the limit.
    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    // === Control frames ===

    /// Adds a frame ahead of all DATA.
    pub(crate) fn control(&mut self, frame: &[u8], urgent: bool) {
        self.control.extend_from_slice(frame);
        self.urgent |= urgent;
        self.lively = true;
    }

    /// Adds a beat, its echo, or what goes with them, ahead of all DATA.
    pub(crate) fn beat(&mut self, frame: &[u8]) {
        self.control.extend_from_slice(frame);
        self.urgent = true;
    }

    /// True if there is something to write that is not only beats.
    pub(crate) const fn is_lively(&self) -> bool {
        self.lively
    }

    /// True if beats wait to be written, and nothing else.
    pub(crate) const fn has_beats_only(&self) -> bool {
        !self.lively && self.data.is_empty() && !self.control.is_empty()
    }

    /// Number of the batch being filled.
    pub(crate) const fn batch(&self) -> u32 {
        self.batch
    }

    /// Adds RST. It must not overtake frames of its stream that are in this batch: the peer would
    /// ignore it and then open the stream.
    pub(crate) fn rst(&mut self, stream: Option<&StreamState>, id: u32, code: u32) {
        let frame = frame::rst(id, code);
        if stream.is_some_and(|s| s.sent_batch == self.batch) && !self.data.is_empty() {
            self.behind(&frame);
        } else {
            self.control(&frame, true);
        }
    }

    /// Adds a frame behind the DATA that is there.
    pub(crate) fn behind(&mut self, frame: &[u8]) {
        self.make_room(frame.len());
        self.data.extend_from_slice(frame);
        self.last = None;
        self.lively = true;
    }

    /// Adds GOAWAY behind everything.
    pub(crate) fn goaway(&mut self, last_id: u32, code: u32, message: &str) {
        self.make_room(16 + message.len());
        frame::goaway(&mut self.data, last_id, code, message);
        self.last = None;
        self.lively = true;
    }

    // === DATA ===

    /// How many of `wanted` bytes the stream may put into this batch now.
    pub(crate) fn allow(&self, stream: &StreamState, wanted: usize) -> usize {
        let own = self.grant_of(stream);
        if own == 0 && !self.waiting.is_empty() {
            return 0;
        }
        let most = if self.is_alone(stream.id, own) {
            self.limit
        } else {
            QUANTUM.saturating_sub(self.sent_by(stream))
        };
        let most = most.min(wanted).min(stream.send_window as usize);
        let taken = self.filled() + self.granted.saturating_sub(own);
        let free = self.limit.saturating_sub(taken);
        if free > 0 && most <= free + SLACK { most } else { free }
    }

    /// Opens a stream: SYN with its first bytes.
    pub(crate) fn open(&mut self, stream: &mut StreamState, first: &[u8]) {
        self.header(stream, first.len(), true);
        self.data.extend_from_slice(first);
        self.sent(stream, first.len());
    }

    /// Encodes the first `n` bytes of `parts`.
    pub(crate) fn put(&mut self, stream: &mut StreamState, parts: &[IoSlice<'_>], n: usize) {
        if !self.lengthen(stream.id, n) {
            self.header(stream, n, false);
        }
        let mut left = n;
        for part in parts {
            let take = part.get(..left).unwrap_or(part);
            self.data.extend_from_slice(take);
            left -= take.len();
        }
        self.sent(stream, n);
    }

    /// Ends the stream's data: a flag on its last frame if that is the newest, else an empty frame.
    pub(crate) fn finish(&mut self, stream: &mut StreamState) {
        let newest = self.last.filter(|last| last.id == stream.id);
        match newest.and_then(|last| self.data.get_mut(last.at + 3)) {
            Some(flags) => *flags |= 1,
            None => {
                self.make_room(frame::HEADER);
                self.data.extend_from_slice(&frame::data(stream.id, 0, false, true));
                self.mark(stream);
            }
        }
        self.last = None;
    }

    /// Room kept for a stream is given back.
    pub(crate) fn release(&mut self, stream: &mut StreamState) {
        let own = self.grant_of(stream);
        self.granted = self.granted.saturating_sub(own);
        stream.grant = 0;
    }

    /// Keeps `n` bytes of room for the stream.
    pub(crate) fn keep(&mut self, stream: &mut StreamState, n: usize) {
        self.release(stream);
        stream.grant = n as u32;
        stream.grant_batch = self.batch;
        self.granted += n;
    }

    /// The stream waits for its turn.
    pub(crate) fn wait(&mut self, key: Key, stream: &mut StreamState, wanted: usize) {
        self.release(stream);
        stream.want = wanted.min(QUANTUM) as u32;
        if !stream.flags.in_waiting {
            stream.flags.in_waiting = true;
            if self.sent_by(stream) >= QUANTUM {
                self.later.push_back(key);
            } else {
                self.waiting.push_back(key);
            }
        }
    }

    /// Wakes those whose turn it is, as many as there is room for.
    pub(crate) fn turn(&mut self, streams: &mut Slab<StreamState>, wakes: &mut Wakes) {
        while let Some(key) = self.waiting.front().copied() {
            if self.filled() + self.granted >= self.limit {
                return;
            }
            let stream = streams.get_mut(key.slot as usize).filter(|stream| stream.id == key.id);
            if let Some(stream) = stream {
                let quota = QUANTUM.saturating_sub(self.sent_by(stream));
                stream.flags.in_waiting = false;
                let room = quota.min(stream.want as usize).max(1);
                self.keep(stream, room);
                let waker = stream.writer.take();
                wakes.push(waker, &mut stream.wake_slot);
            }
            self.waiting.pop_front();
        }
    }

    // === Batches ===

    /// Hands the batch over for writing and starts the next; false if there is none.
    pub(crate) fn take(&mut self, batch: &mut Batch) -> bool {
        batch.bytes.clear();
        batch.at = 0;
        if self.data.is_empty() {
            batch.bytes.extend_from_slice(&self.control);
        } else {
            std::mem::swap(&mut self.data, &mut batch.bytes);
            let ahead = self.control.len();
            match HEADROOM
                .checked_sub(ahead)
                .and_then(|at| Some((at, batch.bytes.get_mut(at..HEADROOM)?)))
            {
                Some((at, space)) => {
                    space.copy_from_slice(&self.control);
                    batch.at = at;
                }
                None => {
                    batch.bytes.splice(..HEADROOM, self.control.iter().copied());
                }
            }
        }
        self.control.clear();
        self.urgent = false;
        self.lively = false;
        self.crowd = self.senders == Senders::Many;
        self.senders = Senders::None;
        self.last = None;
        self.granted = 0;
        self.waiting.append(&mut self.later);
        self.batch = self.batch.wrapping_add(1);
        self.lent = batch.bytes.capacity();
        !batch.is_empty()
    }

    /// Gives memory back: this side's now, the driver's at its next turn.
    pub(crate) fn trim(&mut self) {
        if self.data.is_empty() {
            self.data = Vec::new();
        }
        if self.control.is_empty() {
            self.control = Vec::new();
        }
        self.waiting.shrink_to_fit();
        self.later.shrink_to_fit();
        self.lent = 0;
    }

    /// Bytes of memory held, by capacity, the driver's buffer included.
    pub(crate) const fn held(&self) -> usize {
        self.data.capacity() + self.control.capacity() + self.lent
    }

    pub(crate) fn footprint(&self) -> usize {
        self.held() + (self.waiting.capacity() + self.later.capacity()) * size_of::<Key>()
    }

    /// Bytes of DATA frames in the batch being filled.
    fn filled(&self) -> usize {
        self.data.len().saturating_sub(HEADROOM)
    }

    fn somebody_waits(&self) -> bool {
        !self.waiting.is_empty() || !self.later.is_empty()
    }

    fn grant_of(&self, stream: &StreamState) -> usize {
        if stream.grant_batch == self.batch {
            stream.grant as usize
        } else {
            0
        }
    }

    fn sent_by(&self, stream: &StreamState) -> usize {
        if stream.sent_batch == self.batch {
            stream.sent as usize
        } else {
            0
        }
    }

    fn is_alone(&self, id: u32, own_grant: usize) -> bool {
        let others = match self.senders {
            Senders::None => false,
            Senders::One(other) => other != id,
            Senders::Many => true,
        };
        !others && !self.crowd && !self.somebody_waits() && self.granted <= own_grant
    }

    /// Makes the newest frame longer if it is this stream's and stays within its bound.
    fn lengthen(&mut self, id: u32, n: usize) -> bool {
        let Some(last) = self.last.filter(|last| last.id == id) else {
            return false;
        };
        let bound = if self.is_alone(id, self.granted) {
            self.limit
        } else {
            QUANTUM
        };
        let length = self.data.len() - last.at - frame::HEADER + n;
        if length > bound {
            return false;
        }
        self.make_room(n);
        let [_, a, b, c] = (length as u32).to_be_bytes();
        match self.data.get_mut(last.at..last.at + 3) {
            Some(place) => place.copy_from_slice(&[a, b, c]),
            None => return false,
        }
        true
    }

    fn header(&mut self, stream: &StreamState, length: usize, syn: bool) {
        self.make_room(frame::HEADER + length);
        self.last = Some(Last {
            at: self.data.len(),
            id: stream.id,
        });
        self.data.extend_from_slice(&frame::data(stream.id, length, syn, false));
    }

    /// Notes that `n` bytes of the stream are in the batch.
    fn sent(&mut self, stream: &mut StreamState, n: usize) {
        self.release(stream);
        self.mark(stream);
        stream.sent += n as u32;
        stream.send_window = stream.send_window.saturating_sub(n as u32);
        self.senders = match self.senders {
            Senders::None => Senders::One(stream.id),
            Senders::One(other) if other == stream.id => self.senders,
            Senders::One(_) | Senders::Many => Senders::Many,
        };
    }

    fn mark(&mut self, stream: &mut StreamState) {
        self.lively |= !stream.flags.quiet;
        if stream.sent_batch != self.batch {
            stream.sent_batch = self.batch;
            stream.sent = 0;
        }
    }

    /// Two sizes only: small after a pause, then full, so that the buffer is not grown step by step
    /// under the lock.
    fn make_room(&mut self, n: usize) {
        if self.data.is_empty() {
            if self.data.capacity() == 0 {
                self.data.reserve_exact(SMALL);
            }
            self.data.resize(HEADROOM, 0);
        }
        let needed = self.data.len() + n;
        if needed > self.data.capacity() {
            let full = HEADROOM + self.limit + SLACK + QUANTUM;
            self.data.reserve_exact(needed.max(full) - self.data.len());
        }
    }
}
