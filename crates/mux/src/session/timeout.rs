//! What time brings: beats, deadlines, and once a second while there is something to look after.

use std::time::{Duration, Instant};

use super::{Core, Phase};
use crate::{
    budget::{Level, Share},
    code,
    config::Role,
    error::CloseReason,
    frame,
    heartbeat::When,
    stream::Key,
};

const TICK: Duration = Duration::from_secs(1);
/// An idle session's closed streams are forgotten after this time.
const FORGET: Duration = Duration::from_secs(30);
/// Windows shrink when nothing was consumed for this long, milliseconds.
pub(super) const GROWTH_IDLE: u32 = 10_000;
/// A stream whose consumer took nothing for this long is stalled, milliseconds (edge 1.6).
const STALLED: u32 = 10_000;
/// The same while the budget is nearly used up: then the bound comes first.
const STALLED_FULL: u32 = 1_000;
/// Under pressure the streams are searched this often, milliseconds.
const PRESSURE_EVERY: u32 = 100;
/// How long the session that holds most is left unread before it is judged again.
const PAUSE: Duration = Duration::from_millis(50);

impl Core {
    /// When [`handle_timeout`](Self::handle_timeout) should be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open => [
                self.tick_at,
                self.paused_until,
                self.stall_end(),
                self.silence_end(),
                self.beats.deadline(self.alive_at()),
                self.untyped.front().map(|(_, until)| *until),
                self.farewell.as_ref().map(|farewell| farewell.until),
            ]
            .into_iter()
            .flatten()
            .min(),
            Phase::Closing(_) => self.close_by,
            Phase::Closed(_) => None,
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.set_now(now);
        self.start_closing();
        if let Phase::Closing(reason) = &self.phase {
            if self.close_by.is_some_and(|by| by <= now) {
                self.lost(reason.clone());
            }
            return;
        }
        if !self.is_open() {
            return;
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.stall_end()) {
            return self.lost(CloseReason::WriteStalled);
        }
        if due(self.silence_end()) {
            return self.lost(CloseReason::Silent);
        }
        if self.beats.is_lost(now, self.alive_at()) {
            return self.lost(CloseReason::HeartbeatLost);
        }
        if due(self.farewell.as_ref().map(|farewell| farewell.until)) {
            let reason = self.farewell_reason().unwrap_or(CloseReason::Eof);
            return self.end(reason, Some((code::NONE, "")));
        }
        self.beat(When::Due);
        self.reset_untyped(now);
        if due(self.paused_until) {
            self.paused_until = None;
            self.weigh();
        }
        if due(self.tick_at) {
            self.tick(now);
        }
    }

    /// Sends a beat at once, unless one is out.
    pub fn probe(&mut self, now: Instant) {
        self.set_now(now);
        if self.is_open() {
            self.beat(When::AtOnce);
        }
    }

    /// Bytes moved that are not only beats: look after things in a second. Beats need no looking
    /// after, so an idle session is woken by nothing else.
    pub(super) fn note_activity(&mut self) {
        if !self.active {
            self.active = true;
            self.settled = false;
            let next = self.now + TICK;
            self.tick_at = Some(self.tick_at.map_or(next, |at| at.min(next)));
        }
    }

    /// Reports what is held, and sheds load if the node's budget is short.
    pub(super) fn weigh(&mut self) {
        let (held, open) = (self.held_bytes(), self.is_open());
        let Some(share) = &mut self.share else { return };
        share.report(held);
        let level = share.level();
        if level < Level::High || !open {
            share.forget_stalled();
            return;
        }
        if level >= Level::Full && (share.holds_most() || (level == Level::Over && share.holds_much())) {
            self.paused_until = Some(self.now + PAUSE);
        }
        let now = self.millis;
        if now.wrapping_sub(self.pressure_checked) >= PRESSURE_EVERY {
            self.pressure_checked = now;
            self.shed();
        }
    }

    /// Resets stalled streams, the largest first, until the budget is less pressed or another
    /// session has a much larger one.
    fn shed(&mut self) {
        loop {
            let Some(level) = self.share.as_ref().map(Share::level) else {
                return;
            };
            let patience = match level {
                Level::Free | Level::Busy => return,
                Level::High => STALLED,
                Level::Full | Level::Over => STALLED_FULL,
            };
            let largest = self.largest_stalled(patience);
            let unread = largest.map_or(0, |(_, unread)| unread);
            let Some(share) = &mut self.share else { return };
            let pays = share.is_largest_stalled(unread);
            let Some((key, _)) = largest.filter(|_| pays) else {
                return;
            };
            self.reset_by_us(key, code::INTERNAL);
            let held = self.held_bytes();
            if let Some(share) = &mut self.share {
                share.count_shed();
                share.report(held);
            }
        }
    }

    /// The stream with most unread bytes of those whose consumer took nothing for `patience`
    /// milliseconds.
    fn largest_stalled(&self, patience: u32) -> Option<(Key, usize)> {
        self.streams
            .iter()
            .filter(|(_, stream)| !stream.flags.closed && !stream.inbox.is_empty())
            .filter(|(_, stream)| stream.recv.stalled_for(self.millis) >= patience)
            .max_by_key(|(_, stream)| stream.recv.unread())
            .map(|(slot, stream)| {
                let key = Key {
                    slot: slot as u32,
                    id: stream.id,
                };
                (key, stream.recv.unread() as usize)
            })
    }

    fn tick(&mut self, now: Instant) {
        self.out.hurry();
        self.expire_ghosts();
        self.wake_capacity();
        let millis = self.millis;
        self.closed.trim(millis);
        if self.extra > 0 {
            let mut given_up = 0;
            for (_, stream) in self.streams.iter_mut().filter(|(_, s)| !s.flags.closed) {
                given_up += stream.recv.decay(millis, GROWTH_IDLE) as usize;
            }
            self.extra = self.extra.saturating_sub(given_up);
        }
        let was_active = std::mem::replace(&mut self.active, false);
        if !was_active {
            self.trim();
        }
        // What is told to the other sessions must not grow old.
        self.pressure_checked = millis.wrapping_sub(PRESSURE_EVERY);
        self.weigh();
        let cares = was_active || self.extra > 0 || self.inboxes.held() > 0 || self.capacity.len() > 0;
        self.tick_at = if cares || !self.ghosts.is_empty() {
            Some(now + TICK)
        } else if self.closed.is_empty() {
            None
        } else {
            Some(now + FORGET)
        };
    }

    /// Nothing moved for a second: gives memory back.
    fn trim(&mut self) {
        self.out.trim();
        self.inboxes.trim();
        self.wakes.trim();
        self.trim_driver = true;
        self.settled = true;
        if self.streams.len() * 4 < self.streams.capacity() {
            self.streams.shrink_to_fit();
        }
        if self.ids.len() * 4 < self.ids.capacity() {
            self.ids.shrink_to_fit();
        }
        self.accept.shrink_to_fit();
        self.untyped.shrink_to_fit();
        self.ghosts.shrink_to_fit();
    }

    pub(super) fn beat(&mut self, when: When) {
        let Some((key, nonce)) = self.beats.due(self.now, when) else {
            return;
        };
        if let Some(stream) = self.stream(key) {
            stream.send_window = stream.send_window.saturating_sub(4);
        }
        self.out.beat(&frame::data(key.id, 4, false, false));
        self.out.beat(&nonce);
        self.send_rider();
    }

    /// What was left for the next beat goes out in the same write, ahead of all data. If the stream
    /// has other bytes in this batch, or no window, it waits for the beat after.
    fn send_rider(&mut self) {
        let Some((key, bytes)) = self.rider.take() else {
            return;
        };
        let length = bytes.len();
        let batch = self.out.batch();
        let free = self.stream(key).filter(|stream| {
            !stream.flags.closed
                && !stream.flags.fin_sent
                && !stream.flags.in_waiting
                && stream.sent_batch != batch
                && stream.send_window as usize >= length
        });
        let Some(stream) = free else {
            self.rider = Some((key, bytes));
            return;
        };
        stream.send_window -= length as u32;
        self.out.beat(&frame::data(key.id, length, false, false));
        self.out.beat(&bytes);
    }

    fn reset_untyped(&mut self, now: Instant) {
        while let Some((key, until)) = self.untyped.front().copied() {
            let waiting = self.peek(key).is_some_and(|s| !s.flags.closed && s.type_len < 4);
            if waiting && until > now {
                return;
            }
            if waiting {
                self.reset_by_us(key, code::PROTOCOL);
            }
            self.untyped.pop_front();
        }
    }

    fn stall_end(&self) -> Option<Instant> {
        Some(self.stalled_since? + self.config.write_stall)
    }

    fn silence_end(&self) -> Option<Instant> {
        Some(self.last_received + self.config.idle_timeout?)
    }

    /// On a client every byte shows that the peer lives, on a server only the echo does.
    fn alive_at(&self) -> Option<Instant> {
        (self.config.role == Role::Client).then_some(self.last_received)
    }
}
