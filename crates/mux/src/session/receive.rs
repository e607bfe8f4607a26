//! Frames from the peer: each row of the table in agent protocol 2.8.
//!
//! A header is judged as soon as its 8 bytes are there, window and limits included; a body is
//! delivered in whatever pieces it arrives.

use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};

use super::{Body, Core, Farewell};
use crate::{
    Role, code,
    error::CloseReason,
    frame::{self, HEADER, Header, Kind},
    heartbeat::{Echo, When},
    stream::{Key, StreamState},
};

/// A stream whose type does not come within this time is reset.
const TYPE_WAIT: Duration = Duration::from_secs(5);
/// How long streams may go on after the peer's GOAWAY.
const FAREWELL: Duration = Duration::from_secs(30);
/// Bytes kept of a GOAWAY's text.
const TEXT_KEPT: usize = 256;

impl Core {
    /// Takes what was read from the connection. Bytes of an incomplete header (< 16) stay in `buf`.
    pub fn recv(&mut self, buf: &mut BytesMut, now: Instant) {
        self.set_now(now);
        if buf.is_empty() {
            return;
        }
        self.last_received = now;
        self.counters.received += buf.len().saturating_sub(self.left_over) as u64;
        self.inboxes.enter(buf);
        while self.is_open() {
            let more = match self.body {
                Body::None => self.recv_header(buf),
                Body::Data { key, left, fin } => self.recv_data(buf, key, left, fin),
                Body::Skip { left } => {
                    let n = buf.len().min(left as usize);
                    buf.advance(n);
                    self.set_skip(left - n as u32);
                    n > 0
                }
                Body::Text { left } => self.recv_text(buf, left),
            };
            if !more {
                break;
            }
        }
        if !self.is_open() {
            buf.clear();
        }
        self.left_over = buf.len();
        self.weigh();
    }

    /// Whether the connection should be read: not while the peer leaves our answers unread, nor
    /// while this session holds most of a full budget.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        !self.is_open() || (!self.out.is_clogged() && self.paused_until.is_none())
    }

    /// One header, with the whole body of the short kinds. False: more bytes are needed.
    fn recv_header(&mut self, buf: &mut BytesMut) -> bool {
        let Some(bytes) = buf.first_chunk::<HEADER>() else {
            return false;
        };
        let header = Header::parse(bytes);
        match header.kind {
            Kind::Data => {
                buf.advance(HEADER);
                self.on_data(header);
            }
            Kind::Rst | Kind::WndInc => {
                if header.stream == 0 {
                    self.fail(code::PROTOCOL, "stream id");
                    return false;
                }
                if header.length != 4 {
                    self.fail(code::FRAME_SIZE, "frame size");
                    return false;
                }
                let Some(&[_, _, _, _, _, _, _, _, a, b, c, d]) = buf.first_chunk::<12>() else {
                    return false;
                };
                buf.advance(12);
                if header.syn {
                    self.glitch();
                }
                let value = u32::from_be_bytes([a, b, c, d]);
                if header.kind == Kind::Rst {
                    self.on_rst(header.stream, value);
                } else {
                    self.on_wndinc(header.stream, value & frame::MAX_WINDOW);
                }
            }
            Kind::GoAway => {
                if header.stream != 0 {
                    self.fail(code::PROTOCOL, "stream id");
                    return false;
                }
                if header.length < 8 {
                    self.fail(code::FRAME_SIZE, "frame size");
                    return false;
                }
                let Some(&[_, _, _, _, _, _, _, _, a, b, c, d, e, f, g, h]) = buf.first_chunk::<16>() else {
                    return false;
                };
                buf.advance(16);
                if self.farewell.is_none() {
                    self.farewell = Some(Farewell {
                        last_id: u32::from_be_bytes([a & 0x7F, b, c, d]),
                        code: u32::from_be_bytes([e, f, g, h]),
                        text: Vec::new(),
                        until: self.now + FAREWELL,
                    });
                }
                self.body = Body::Text {
                    left: header.length - 8,
                };
            }
            Kind::Unknown(_) => {
                buf.advance(HEADER);
                self.set_skip(header.length);
                if self.farewell.is_some() {
                    // The stray end of the Rust family's GOAWAY.
                    self.fail(code::PROTOCOL, "frame type");
                } else {
                    self.glitch();
                }
            }
        }
        true
    }

    fn set_skip(&mut self, left: u32) {
        self.body = if left == 0 { Body::None } else { Body::Skip { left } };
    }

    // === DATA ===

    fn on_data(&mut self, header: Header) {
        let (id, length) = (header.stream, header.length);
        if id == 0 {
            return self.fail(code::PROTOCOL, "stream id");
        }
        if length > 0 {
            self.floods.filled();
        } else if !header.fin && !header.syn && self.floods.empty() {
            return self.fail(code::CALM, "empty frames");
        }
        if header.syn {
            return self.on_syn(header);
        }
        let Some(key) = self.find(id) else {
            return self.on_stray(header);
        };
        let Some(stream) = self.stream(key) else {
            return;
        };
        let (quiet, finished) = (stream.flags.quiet, stream.flags.fin_received);
        if !quiet || header.fin {
            self.note_activity();
        }
        let Some(stream) = self.stream(key) else {
            return;
        };
        if finished {
            if length > 0 {
                self.reset_by_us(key, code::STREAM_CLOSED);
                self.set_skip(length);
            }
            return;
        }
        if !stream.recv.charge(length) {
            self.set_skip(length);
            return self.violation(key);
        }
        if !stream.flags.accepted && (length > 0 || header.fin) {
            self.on_accepted(key);
        }
        self.expect(key, length, header.fin);
    }

    /// The body comes next.
    fn expect(&mut self, key: Key, left: u32, fin: bool) {
        if left > 0 {
            self.body = Body::Data { key, left, fin };
        } else if fin {
            self.on_fin(key);
        }
    }

    /// DATA on a stream that is not open.
    fn on_stray(&mut self, header: Header) {
        self.note_activity();
        self.set_skip(header.length);
        if header.length == 0 && header.fin {
            return;
        }
        let now = self.millis;
        if self.closed.contains(header.stream, now) {
            return;
        }
        if self.floods.unknown(now) {
            return self.fail(code::CALM, "unknown streams");
        }
        self.out.rst(None, header.stream, code::STREAM_CLOSED);
    }

    fn on_syn(&mut self, header: Header) {
        let (id, length) = (header.stream, header.length);
        self.note_activity();
        if self.is_ours(id) {
            return self.fail(code::PROTOCOL, "stream id");
        }
        if !self.used.take(id) {
            return self.fail(code::PROTOCOL, "stream id reused");
        }
        self.last_remote = self.last_remote.max(id);
        let now = self.millis;
        if self.going_away || !self.accepting || self.inbound >= self.config.max_inbound {
            self.out.rst(None, id, code::REFUSED);
            self.closed.push(id, now);
            return self.set_skip(length);
        }
        let windows = self.windows_of(false);
        let stream = StreamState::new(id, false, windows, now);
        let key = self.insert(stream);
        self.inbound += 1;
        if length > windows.receive {
            self.set_skip(length);
            return self.violation(key);
        }
        if let Some(stream) = self.stream(key) {
            let _granted = stream.recv.charge(length);
        }
        if length < 4 {
            self.untyped.push_back((key, self.now + TYPE_WAIT));
        }
        self.expect(key, length, header.fin);
    }

    fn recv_data(&mut self, buf: &mut BytesMut, key: Key, left: u32, fin: bool) -> bool {
        let n = buf.len().min(left as usize);
        if n == 0 {
            return false;
        }
        self.deliver(buf, key, n);
        let left = left - n as u32;
        if left > 0 {
            self.body = Body::Data { key, left, fin };
        } else {
            self.body = Body::None;
            if fin {
                self.on_fin(key);
            }
        }
        true
    }

    /// `n` bytes for a stream; dropped if it closed in the middle of the frame.
    fn deliver(&mut self, buf: &mut BytesMut, key: Key, n: usize) {
        let now = self.millis;
        let Some(stream) = self
            .streams
            .get_mut(key.slot as usize)
            .filter(|stream| stream.id == key.id && !stream.flags.closed)
        else {
            buf.advance(n);
            return;
        };
        if stream.flags.beat {
            return self.deliver_beat(buf, key, n);
        }
        let mut typed = 0;
        if !stream.flags.local && stream.type_len < 4 {
            let have = usize::from(stream.type_len);
            typed = n.min(4 - have);
            if let (Some(place), Some(bytes)) = (stream.type_bytes.get_mut(have..have + typed), buf.get(..typed)) {
                place.copy_from_slice(bytes);
            }
            stream.type_len += typed as u8;
            if stream.type_len == 4 && u32::from_be_bytes(stream.type_bytes) == frame::HEARTBEAT {
                self.inboxes.clear(&mut stream.inbox);
                buf.advance(typed);
                return self.on_heartbeat_stream(buf, key, n - typed);
            }
        }
        if stream.inbox.is_empty() {
            stream.recv.touch(now);
        }
        self.inboxes.push(&mut stream.inbox, buf, n);
        let waker = stream.reader.take();
        let quiet = stream.flags.quiet;
        self.company |= quiet && waker.is_some() && self.out.has_beats_only();
        self.wakes.push(waker, &mut stream.wake_slot);
        if typed > 0 && stream.type_len == 4 {
            stream.flags.held = true;
            stream.flags.in_accept = true;
            self.accept.push_back(key);
            self.wakes.add(self.accept_waker.take());
        }
        if !quiet {
            self.note_activity();
        }
    }

    fn on_fin(&mut self, key: Key) {
        let Some(stream) = self.stream(key).filter(|stream| !stream.flags.closed) else {
            return;
        };
        stream.flags.fin_received = true;
        if stream.flags.beat {
            // Never answered by FIN: agent protocol 2.4.
            return self.reset_by_us(key, code::CANCELLED);
        }
        if !stream.flags.local && stream.type_len < 4 {
            return self.reset_by_us(key, code::PROTOCOL);
        }
        let waker = stream.reader.take();
        let mut slot = stream.wake_slot;
        self.wakes.push(waker, &mut slot);
        self.close_if_finished(key);
    }

    /// The peer sent more than it was granted.
    fn violation(&mut self, key: Key) {
        self.violations += 1;
        if self.violations > 1 {
            return self.fail(code::FLOW_CONTROL, "flow control");
        }
        self.reset_by_us(key, code::FLOW_CONTROL);
    }

    // === Heartbeat streams ===

    /// The type of a stream of the peer turned out to be the heartbeat's; `n` bytes follow.
    fn on_heartbeat_stream(&mut self, buf: &mut BytesMut, key: Key, n: usize) {
        if !self.beats.add_peer(key) {
            self.reset_by_us(key, code::REFUSED);
            buf.advance(n);
            return;
        }
        if let Some(stream) = self.stream(key) {
            stream.flags.beat = true;
            stream.flags.quiet = true;
        }
        self.consumed(key, 4);
        self.deliver_beat(buf, key, n);
    }

    fn deliver_beat(&mut self, buf: &mut BytesMut, key: Key, n: usize) {
        let own = self.beats.is_own(key);
        for _ in 0..n {
            let byte = buf.get_u8();
            if !own {
                self.echo(key, byte);
            } else if self.beats.answered(byte, self.now) == Some(Echo::Wrong) {
                buf.advance(buf.len());
                return self.fail(code::PROTOCOL, "heartbeat");
            }
        }
        self.consumed(key, n as u32);
    }

    /// A byte of a beat of the peer; the fourth is answered, ahead of all data. Beats that the peer
    /// gives no window for, or does not read the answers of, are left unanswered.
    fn echo(&mut self, key: Key, byte: u8) {
        let Some(beat) = self.beats.peer(key).and_then(|gather| gather.add(byte)) else {
            return;
        };
        if self.out.is_clogged() {
            return;
        }
        if let Some(stream) = self.stream(key).filter(|stream| stream.send_window >= 4) {
            stream.send_window -= 4;
            self.out.beat(&frame::data(key.id, 4, false, false));
            self.out.beat(&beat);
            // An own beat that is nearly due saves a write and a wake-up when it goes along.
            self.beat(When::Riding);
        }
    }

    // === RST, WNDINC, GOAWAY ===

    fn on_rst(&mut self, id: u32, code: u32) {
        let Some(key) = self.find(id) else { return };
        let now = self.millis;
        // Only agents are suspect: a server resets for every visitor who leaves.
        self.note_activity();
        let suspect = self.config.role == Role::Server && !self.is_ours(id);
        if suspect && self.floods.reset(now) {
            return self.fail(code::CALM, "resets");
        }
        self.end_stream(key, code::received(code));
    }

    fn on_wndinc(&mut self, id: u32, increment: u32) {
        let now = self.millis;
        if self.floods.grant(now) {
            return self.fail(code::CALM, "window increments");
        }
        if increment == 0 {
            return self.glitch();
        }
        let Some(key) = self.find(id) else { return };
        self.on_accepted(key);
        if self.peek(key).is_some_and(|stream| !stream.flags.quiet) {
            self.note_activity();
        }
        if let Some(stream) = self.streams.get_mut(key.slot as usize) {
            let was_shut = stream.send_window == 0;
            stream.widen(increment);
            if was_shut {
                let waker = stream.writer.take();
                self.wakes.push(waker, &mut stream.wake_slot);
            }
        }
    }

    fn recv_text(&mut self, buf: &mut BytesMut, left: u32) -> bool {
        let n = buf.len().min(left as usize);
        if n == 0 && left > 0 {
            return false;
        }
        if let Some(farewell) = &mut self.farewell {
            let keep = n.min(TEXT_KEPT - farewell.text.len());
            farewell.text.extend_from_slice(buf.get(..keep).unwrap_or_default());
        }
        buf.advance(n);
        if left as usize > n {
            self.body = Body::Text { left: left - n as u32 };
        } else {
            self.body = Body::None;
            self.on_goaway();
        }
        true
    }

    /// The peer goes away: its last id tells which of our streams it will still serve.
    fn on_goaway(&mut self) {
        let Some(farewell) = &self.farewell else {
            return;
        };
        let last_id = farewell.last_id;
        let refused: Vec<Key> = self
            .ids
            .iter()
            .filter(|(id, _)| **id > last_id && self.is_ours(**id))
            .map(|(id, slot)| Key { slot: *slot, id: *id })
            .collect();
        for key in refused {
            self.end_stream(key, code::REFUSED);
        }
        self.wake_capacity();
        self.close_if_deserted();
    }

    /// Harmless, but no correct peer does it.
    fn glitch(&mut self) {
        if self.floods.glitch() {
            self.fail(code::PROTOCOL, "glitches");
        }
    }

    /// What the peer's GOAWAY said, as the reason of the end.
    pub(super) fn farewell_reason(&self) -> Option<CloseReason> {
        self.farewell.as_ref().map(|farewell| CloseReason::GoAway {
            code: farewell.code,
            message: String::from_utf8_lossy(&farewell.text).into_owned(),
        })
    }
}
