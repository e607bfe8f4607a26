//! Beats: own ones with round trip and deadline, and the echo of the peer's (agent protocol 2.4, 5.5).
//!
//! Pure bookkeeping; the session core sends the frames.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use crate::{
    config::{Heartbeat, Role},
    stream::Key,
};

/// Heartbeat streams of the peer that are answered; one more is refused.
const PEER_STREAMS: usize = 4;

/// Gathers the four bytes of a beat, which may be cut anywhere.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    bytes: [u8; 4],
    filled: usize,
}

impl Gather {
    /// Adds one byte; a whole beat at every fourth.
    pub(crate) fn add(&mut self, byte: u8) -> Option<[u8; 4]> {
        if let Some(place) = self.bytes.get_mut(self.filled) {
            *place = byte;
        }
        self.filled += 1;
        if self.filled < 4 {
            return None;
        }
        self.filled = 0;
        Some(self.bytes)
    }
}

/// Why a beat may go now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// Its time has come.
    Due,
    /// A write is due anyway, and nine tenths of the interval have passed.
    Riding,
    /// It is wanted.
    AtOnce,
}

#[derive(Debug)]
struct Own {
    settings: Heartbeat,
    stream: Option<Key>,
    next_at: Instant,
    /// From when on it may go along with something else.
    ride_from: Instant,
    outstanding: Option<([u8; 4], Instant)>,
    echo: Gather,
}

/// What an echo means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Echo {
    /// The answer to the beat that was out.
    Right,
    /// Other bytes, or no beat was out.
    Wrong,
}

/// All beats of a session.
#[derive(Debug)]
pub(crate) struct Beats {
    own: Option<Own>,
    peers: Vec<(Key, Gather)>,
    round_trip: Option<Duration>,
    seed: u64,
    role: Role,
}

impl Beats {
    pub(crate) fn new(settings: Option<Heartbeat>, role: Role, now: Instant) -> Self {
        let mut beats = Self {
            own: None,
            peers: Vec::new(),
            round_trip: None,
            seed: RandomState::new().hash_one(0_u64) | 1,
            role,
        };
        beats.own = settings.map(|settings| Own {
            settings,
            stream: None,
            next_at: now + beats.jitter(settings.interval),
            ride_from: now + earliest(settings.interval),
            outstanding: None,
            echo: Gather::default(),
        });
        beats
    }

    /// Smoothed round trip of the own beats.
    pub(crate) const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(crate) fn set_own(&mut self, stream: Option<Key>) {
        match (&mut self.own, stream) {
            (Some(own), Some(key)) => own.stream = Some(key),
            (own, _) => *own = None,
        }
    }

    pub(crate) const fn has_own(&self) -> bool {
        self.own.is_some()
    }

    pub(crate) fn is_own(&self, key: Key) -> bool {
        self.own.as_ref().is_some_and(|own| own.stream == Some(key))
    }

    /// Adds a heartbeat stream of the peer; false if it has too many.
    pub(crate) fn add_peer(&mut self, key: Key) -> bool {
        if self.peers.len() >= PEER_STREAMS {
            return false;
        }
        self.peers.push((key, Gather::default()));
        true
    }

    pub(crate) fn remove_peer(&mut self, key: Key) {
        self.peers.retain(|(other, _)| *other != key);
    }

    pub(crate) fn peer(&mut self, key: Key) -> Option<&mut Gather> {
        self.peers
            .iter_mut()
            .find(|(other, _)| *other == key)
            .map(|(_, gather)| gather)
    }

    /// A byte of the peer's answer.
    pub(crate) fn answered(&mut self, byte: u8, now: Instant) -> Option<Echo> {
        let own = self.own.as_mut()?;
        let bytes = own.echo.add(byte)?;
        Some(match own.outstanding.take() {
            Some((sent, at)) if sent == bytes => {
                let sample = now.saturating_duration_since(at);
                self.round_trip = Some(match self.round_trip {
                    Some(old) => (old * 7 + sample) / 8,
                    None => sample,
                });
                Echo::Right
            }
            _ => Echo::Wrong,
        })
    }

    /// The beat to send now, if it may go.
    pub(crate) fn due(&mut self, now: Instant, when: When) -> Option<(Key, [u8; 4])> {
        let nonce = (self.random() as u32).to_be_bytes();
        let own = self.own.as_mut()?;
        let key = own.stream?;
        let may = match when {
            When::Due => own.next_at <= now,
            When::Riding => own.ride_from <= now,
            When::AtOnce => true,
        };
        if own.outstanding.is_some() || !may {
            return None;
        }
        own.outstanding = Some((nonce, now));
        let interval = own.settings.interval;
        let next_at = now + self.jitter(interval);
        if let Some(own) = &mut self.own {
            own.next_at = next_at;
            own.ride_from = now + earliest(interval);
        }
        Some((key, nonce))
    }

    /// When something is to be done: the next beat, or the end of patience with the one out.
    /// `alive_at` counts as an answer.
    pub(crate) fn deadline(&self, alive_at: Option<Instant>) -> Option<Instant> {
        let own = self.own.as_ref()?;
        own.stream?;
        Some(own.patience(alive_at).unwrap_or(own.next_at))
    }

    /// True if the beat that is out was not answered in time.
    pub(crate) fn is_lost(&self, now: Instant, alive_at: Option<Instant>) -> bool {
        self.own
            .as_ref()
            .and_then(|own| own.patience(alive_at))
            .is_some_and(|end| end <= now)
    }

    /// Streams that carry only beats, of both sides.
    pub(crate) fn streams(&self) -> usize {
        let own = self.own.as_ref().is_some_and(|own| own.stream.is_some());
        self.peers.len() + usize::from(own)
    }

    pub(crate) fn footprint(&self) -> usize {
        self.peers.capacity() * size_of::<(Key, Gather)>()
    }

    /// Within 10 % of an interval, so that sessions do not beat together. A server is the later
    /// side: its beats ride on the answers to the agent's, which come every 10 s from stock agents
    /// too, and so one write and one wake-up serve both.
    fn jitter(&mut self, interval: Duration) -> Duration {
        let random = (self.random() % 51) as u32;
        let thousandths = match self.role {
            Role::Client => 950 + random,
            Role::Server => 1_050 + random,
        };
        interval * thousandths / 1_000
    }

    /// xorshift64: beats must be fresh, not secret.
    const fn random(&mut self) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed >> 11
    }
}

/// Nine tenths of an interval: sooner no beat goes by itself.
fn earliest(interval: Duration) -> Duration {
    interval * 9 / 10
}

impl Own {
    fn patience(&self, alive_at: Option<Instant>) -> Option<Instant> {
        let (_, sent_at) = self.outstanding?;
        let from = alive_at.map_or(sent_at, |at| at.max(sent_at));
        Some(from + self.settings.tolerance)
    }
}
