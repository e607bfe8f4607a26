//! How streams and the session end.

use std::time::{Duration, Instant};

use super::{Core, Phase};
use crate::{code, error::CloseReason, stream::Key};

/// Time to write what is left after a GOAWAY, and to see the peer close.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// Time to see the peer close after our half-close.
const LINGER: Duration = Duration::from_secs(2);

impl Core {
    // === Streams ===

    /// Resets a stream by a frame of ours. Consumers see the same code.
    pub(super) fn reset_by_us(&mut self, key: Key, code: u32) {
        let Some(stream) = self
            .streams
            .get(key.slot as usize)
            .filter(|stream| stream.id == key.id && !stream.flags.closed)
        else {
            return;
        };
        self.out.rst(Some(stream), key.id, code);
        self.end_stream(key, code);
    }

    /// A stream ended by RST, whoever sent it: unread bytes are dropped, both sides of it fail.
    pub(super) fn end_stream(&mut self, key: Key, code: u32) {
        self.forget_id(key);
        let Some(stream) = self
            .streams
            .get_mut(key.slot as usize)
            .filter(|stream| stream.id == key.id)
        else {
            return;
        };
        stream.reset.get_or_insert(code);
        self.inboxes.clear(&mut stream.inbox);
        self.out.release(stream);
        for waker in [stream.reader.take(), stream.writer.take()] {
            self.wakes.push(waker, &mut stream.wake_slot);
        }
        let flags = stream.flags;
        if flags.in_accept {
            self.accept.retain(|other| *other != key);
        }
        if flags.beat {
            self.beats.remove_peer(key);
            if self.beats.is_own(key) {
                self.beats.set_own(None);
            }
        }
        if !flags.held || flags.in_accept {
            self.remove(key);
        }
        self.out.turn(&mut self.streams, &mut self.wakes);
        self.close_if_deserted();
    }

    /// Both sides have finished.
    pub(super) fn close_if_finished(&mut self, key: Key) {
        let Some(stream) = self.peek(key) else { return };
        if stream.flags.fin_sent && stream.flags.fin_received {
            self.forget_id(key);
            self.close_if_deserted();
        }
    }

    /// The stream is no longer open on the wire.
    fn forget_id(&mut self, key: Key) {
        let now = self.millis;
        let Some(stream) = self.stream(key).filter(|stream| !stream.flags.closed) else {
            return;
        };
        stream.flags.closed = true;
        let flags = stream.flags;
        let extra = stream.recv.extra() as usize;
        self.extra = self.extra.saturating_sub(extra);
        self.ids.remove(&key.id);
        self.closed.push(key.id, now);
        if flags.local {
            self.outbound -= 1;
            if !flags.accepted {
                // It may still sit in the peer's accept queue, which is what the limit protects.
                self.ghosts.push_back((key.id, now));
            }
            self.wake_capacity();
        } else {
            self.inbound -= 1;
        }
    }

    /// Drops the state of a stream that nobody will look at again.
    pub(super) fn remove(&mut self, key: Key) {
        if self.peek(key).is_none() {
            return;
        }
        let mut stream = self.streams.remove(key.slot as usize);
        self.rider.take_if(|(of, _)| *of == key);
        self.out.release(&mut stream);
        self.inboxes.clear(&mut stream.inbox);
    }

    // === The session ===

    /// Ends the session in order: GOAWAY behind what is in the out buffer, then the connection is
    /// closed. All streams are lost.
    pub fn close(&mut self, code: u32, message: &str) {
        self.end(CloseReason::Local(code), Some((code, message)));
    }

    /// Announces the end: the peer's new streams are refused from now on, ours are not opened any
    /// more, the open ones go on until [`close`](Self::close) or until none is left.
    pub fn go_away(&mut self, message: &str) {
        if !self.is_open() || self.going_away {
            return;
        }
        self.going_away = true;
        self.out.goaway(self.last_remote, code::NONE, message);
        self.wake_capacity();
        self.close_if_deserted();
    }

    /// Ends the session at once: nothing more is written.
    pub fn abort(&mut self) {
        self.lost(CloseReason::Aborted);
    }

    /// The connection is gone, or is to be dropped as it is.
    pub fn lost(&mut self, reason: CloseReason) {
        match &self.phase {
            Phase::Open => {
                let reason = self.farewell_reason().unwrap_or(reason);
                self.phase = Phase::Closed(reason);
                self.lose_streams();
            }
            Phase::Closing(reason) => self.phase = Phase::Closed(reason.clone()),
            Phase::Closed(_) => return,
        }
        self.phase_news = true;
    }

    /// The peer broke a rule. After a GOAWAY of the peer nothing is worth an answer: the Rust
    /// family's GOAWAY is followed by eight stray bytes.
    pub(super) fn fail(&mut self, code: u32, text: &'static str) {
        match self.farewell_reason() {
            Some(reason) => self.end(reason, None),
            None => self.end(CloseReason::Protocol { code, text }, Some((code, text))),
        }
    }

    pub(super) fn end(&mut self, reason: CloseReason, goaway: Option<(u32, &str)>) {
        if !self.is_open() {
            return;
        }
        if let Some((code, message)) = goaway.filter(|(code, _)| *code != 0 || !self.going_away) {
            let cut = message.floor_char_boundary(256);
            let message = message.get(..cut).unwrap_or_default();
            self.out.goaway(self.last_remote, code, message);
        }
        self.phase = Phase::Closing(reason);
        self.phase_news = true;
        self.close_by = None;
        self.lose_streams();
    }

    /// The time to write the rest starts when the driver sees the end: the core's own idea of the
    /// time may be old.
    pub(super) fn start_closing(&mut self) {
        if matches!(self.phase, Phase::Closing(_)) && self.close_by.is_none() {
            self.close_by = Some(self.now + CLOSE_WAIT);
        }
    }

    /// All was written and the connection half-closed; the peer's end is awaited until then.
    pub fn half_closed(&mut self, now: Instant) {
        self.set_now(now);
        self.close_by = Some(now + LINGER);
    }

    /// After a GOAWAY, from either side, the last stream ends the session.
    pub(super) fn close_if_deserted(&mut self) {
        if !self.is_open() || (self.farewell.is_none() && !self.going_away) {
            return;
        }
        if self.body_is_text() || self.ids.len() > self.beat_streams() {
            return;
        }
        match self.farewell_reason() {
            Some(reason) => self.end(reason, Some((code::NONE, ""))),
            None => self.end(CloseReason::Local(code::NONE), None),
        }
    }

    /// Nobody holds the session and no stream is open: nothing can ever happen any more.
    pub(super) fn close_if_unused(&mut self) {
        if self.handles || self.accepting || !self.is_open() {
            return;
        }
        if self.streams.len() <= self.beat_streams() {
            self.end(CloseReason::Unused, Some((code::NONE, "")));
        }
    }

    fn body_is_text(&self) -> bool {
        matches!(self.body, super::Body::Text { .. })
    }

    fn beat_streams(&self) -> usize {
        self.streams.iter().filter(|(_, stream)| stream.flags.beat).count()
    }

    /// Everybody who waits learns that the session has ended. What was received can still be read.
    fn lose_streams(&mut self) {
        self.ids.clear();
        self.untyped.clear();
        self.ghosts.clear();
        (self.outbound, self.inbound, self.unaccepted) = (0, 0, 0);
        for key in std::mem::take(&mut self.accept) {
            self.remove(key);
        }
        let inboxes = &mut self.inboxes;
        let wakes = &mut self.wakes;
        self.streams.retain(|_, stream| {
            stream.flags.closed = true;
            for waker in [stream.reader.take(), stream.writer.take()] {
                wakes.push(waker, &mut stream.wake_slot);
            }
            if !stream.flags.held {
                inboxes.clear(&mut stream.inbox);
            }
            stream.flags.held
        });
        self.wakes.add(self.accept_waker.take());
        while let Some(waker) = self.capacity.next() {
            self.wakes.add(Some(waker));
        }
        for (_, waker) in &mut self.closed_wakers {
            self.wakes.add(waker.take());
        }
        self.weigh();
    }
}
