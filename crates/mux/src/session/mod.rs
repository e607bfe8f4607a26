//! The session core: every rule of agent protocol 2, without sockets, clocks or tasks of its own.
//!
//! Bytes and the time go in ([`Core::recv`], [`Core::handle_timeout`]), bytes come out
//! ([`Core::take`]); in between applications open, read and write streams. Where a caller has to
//! wait it leaves a `Waker`, and the core collects those to wake; nothing is woken in here.
//!
//! `receive` judges frames, `streams` serves the application, `transmit` talks to the driver,
//! `timeout` does what time brings.

mod end;
mod receive;
mod streams;
mod timeout;
mod transmit;

use std::{
    collections::{HashMap, VecDeque},
    task::Waker,
    time::{Duration, Instant},
};

use slab::Slab;

pub use self::streams::RIDER_MAX;
use crate::{
    budget::Share,
    config::{Config, Growth, Role},
    error::CloseReason,
    flood::Floods,
    frame,
    heartbeat::{Beats, When},
    ids::{ClosedIds, UsedIds},
    inbox::Inboxes,
    schedule::Schedule,
    stream::{StreamState, Windows},
    wait::{Queue, Wakes},
};
pub use crate::{schedule::Batch, stream::Key};

/// How far a session has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Phase {
    /// In use.
    Open,
    /// Streams are lost; what is in the out buffer is still written, then the connection closed.
    Closing(CloseReason),
    /// Nothing more is read or written.
    Closed(CloseReason),
}

/// Bytes that a session has moved since it began, frame headers and beats included, TLS not.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// From the peer.
    pub received: u64,
    /// Toward the peer, as given to the connection.
    pub sent: u64,
}

/// The frame body being received.
#[derive(Clone, Copy, Debug)]
enum Body {
    /// None: a header comes next.
    None,
    /// DATA of a stream.
    Data { key: Key, left: u32, fin: bool },
    /// Dropped.
    Skip { left: u32 },
    /// Text of a GOAWAY.
    Text { left: u32 },
}

/// What the peer said with its GOAWAY.
#[derive(Debug)]
struct Farewell {
    last_id: u32,
    code: u32,
    text: Vec<u8>,
    /// When the streams that may still finish must have.
    until: Instant,
}

/// One session without IO. See the module's description.
#[derive(Debug)]
pub struct Core {
    config: Config,
    started: Instant,
    /// The last time passed in.
    now: Instant,
    /// The same in milliseconds since the start; wraps after 49 days, compared by difference only.
    millis: u32,
    phase: Phase,
    /// The phase changed and the driver has not seen it.
    phase_news: bool,

    streams: Slab<StreamState>,
    /// Streams open on the wire, by id.
    ids: HashMap<u32, u32, foldhash::fast::RandomState>,
    /// Slot of the stream that received last.
    recent: u32,
    used: UsedIds,
    closed: ClosedIds,
    next_id: u32,
    last_remote: u32,
    outbound: u32,
    inbound: u32,
    unaccepted: u32,
    /// Own streams reset before the peer accepted them: they may still sit in its accept queue.
    ghosts: VecDeque<(u32, u32)>,

    /// Streams of the peer for the application.
    accept: VecDeque<Key>,
    accept_waker: Option<Waker>,
    /// Somebody takes them.
    accepting: bool,
    /// Streams of the peer whose type is not complete, oldest first.
    untyped: VecDeque<(Key, Instant)>,

    body: Body,
    inboxes: Inboxes,
    /// Sum of what windows were widened beyond the initial.
    extra: usize,
    /// What the windows of streams begin with that the server opens (agent protocol 9.5).
    windows: Windows,
    /// The widest window that was needed lately, and when, session milliseconds.
    learned: (u32, u32),
    violations: u32,
    floods: Floods,
    farewell: Option<Farewell>,
    /// We sent GOAWAY and serve the open streams only.
    going_away: bool,

    out: Schedule,
    beats: Beats,
    /// What goes out with the next own beat, and the stream it belongs to.
    rider: Option<(Key, Box<[u8]>)>,
    /// Somebody was woken who will answer together with the echo that is due.
    company: bool,
    wakes: Wakes,
    capacity: Queue,
    closed_wakers: Slab<Option<Waker>>,
    /// Session handles exist.
    handles: bool,

    last_received: Instant,
    counters: Counters,
    /// Bytes of the last receipt that were left in the buffer.
    left_over: usize,
    tick_at: Option<Instant>,
    /// Bytes other than beats moved since the last tick.
    active: bool,
    /// Nothing but beats since memory was given back: what they need is given back at once.
    settled: bool,
    /// The driver shall give its buffers back.
    trim_driver: bool,
    stalled_since: Option<Instant>,
    close_by: Option<Instant>,
    share: Option<Share>,
    /// Not read until then: this session holds most of a full budget.
    paused_until: Option<Instant>,
    pressure_checked: u32,
}

impl Core {
    /// A session that starts now. With own heartbeats their stream is opened at once, so that it
    /// has the first id.
    #[must_use]
    pub fn new(config: Config, now: Instant) -> Self {
        let mut core = Self {
            started: now,
            now,
            millis: 0,
            phase: Phase::Open,
            phase_news: false,
            streams: Slab::new(),
            ids: HashMap::default(),
            recent: 0,
            used: UsedIds::new(),
            closed: ClosedIds::default(),
            next_id: match config.role {
                Role::Client => 3,
                Role::Server => 2,
            },
            last_remote: 0,
            outbound: 0,
            inbound: 0,
            unaccepted: 0,
            ghosts: VecDeque::new(),
            accept: VecDeque::new(),
            accept_waker: None,
            accepting: true,
            untyped: VecDeque::new(),
            body: Body::None,
            inboxes: Inboxes::new(),
            extra: 0,
            windows: Windows::IMPLIED,
            learned: (0, 0),
            violations: 0,
            floods: Floods::new(),
            farewell: None,
            going_away: false,
            out: Schedule::new(config.out_limit),
            beats: Beats::new(config.heartbeat, config.role, now),
            rider: None,
            company: false,
            wakes: Wakes::default(),
            capacity: Queue::default(),
            closed_wakers: Slab::new(),
            handles: true,
            last_received: now,
            counters: Counters::default(),
            left_over: 0,
            tick_at: None,
            active: false,
            settled: true,
            trim_driver: false,
            stalled_since: None,
            close_by: None,
            share: config.budget.clone().map(Share::new),
            paused_until: None,
            pressure_checked: 0,
            config,
        };
        core.open_beats();
        core
    }

    /// How far the session has come.
    #[must_use]
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Why the session ended, if it did.
    #[must_use]
    pub const fn reason(&self) -> Option<&CloseReason> {
        match &self.phase {
            Phase::Open => None,
            Phase::Closing(reason) | Phase::Closed(reason) => Some(reason),
        }
    }

    /// Streams open on the wire in both directions, heartbeats included.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.ids.len()
    }

    /// Streams open on the wire in both directions, heartbeats not included.
    #[must_use]
    pub fn working_streams(&self) -> usize {
        self.ids.len().saturating_sub(self.beats.streams())
    }

    /// Smoothed round trip of the own beats.
    #[must_use]
    pub const fn rtt(&self) -> Option<Duration> {
        self.beats.round_trip()
    }

    /// When the last byte came.
    #[must_use]
    pub const fn last_received(&self) -> Instant {
        self.last_received
    }

    /// Bytes moved so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Bytes buffered for others: inboxes, the out buffer and the batch being written, by capacity.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.inboxes.held() + self.out.held()
    }

    /// Changes what the session keeps toward its peer, when login has told who that is.
    pub fn set_limits(&mut self, max_outbound: u32, max_unaccepted: u32, growth: Growth) {
        self.config.max_outbound = max_outbound;
        self.config.max_unaccepted = max_unaccepted;
        self.config.growth = growth;
        self.wake_capacity();
        if matches!(growth, Growth::Grow { .. }) && self.rtt().is_none() && self.is_open() {
            // Growth is by round trips: the first must not wait for the first beat.
            self.beat(When::AtOnce);
        }
    }

    /// What the windows of streams begin with that the server opens from now on, toward us. May be
    /// set before the peer knows: it is what is put up with, and the peer may use less.
    pub const fn set_receive_window(&mut self, bytes: u32) {
        self.windows.receive = clamp(bytes);
    }

    /// The same toward the peer. Only to be set when the peer is known to have set its side.
    pub const fn set_send_window(&mut self, bytes: u32) {
        self.windows.send = clamp(bytes);
    }

    /// What a stream's windows begin with.
    fn windows_of(&self, local: bool) -> Windows {
        if local == (self.config.role == Role::Server) {
            self.windows
        } else {
            Windows::IMPLIED
        }
    }

    /// Memory of the core itself in bytes, by capacity, inbox contents and buffers included.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of::<Self>()
            + self.streams.capacity() * size_of::<StreamState>()
            + self.ids.capacity() * 8 / 7 * (size_of::<(u32, u32)>() + 1)
            + self.closed.footprint()
            + self.ghosts.capacity() * size_of::<(u32, u32)>()
            + self.accept.capacity() * size_of::<Key>()
            + self.untyped.capacity() * size_of::<(Key, Instant)>()
            + self.inboxes.footprint()
            + self.inboxes.held()
            + self.out.footprint()
            + self.beats.footprint()
            + self.rider.as_ref().map_or(0, |(_, bytes)| bytes.len())
            + self.wakes.footprint()
            + self.capacity.footprint()
            + self.closed_wakers.capacity() * size_of::<Option<Waker>>()
    }

    /// The time has come to this.
    fn set_now(&mut self, now: Instant) {
        self.now = now;
        let since = now.saturating_duration_since(self.started);
        self.millis = (since.as_secs() as u32)
            .wrapping_mul(1_000)
            .wrapping_add(since.subsec_millis());
    }

    /// True until the session ends.
    const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    fn stream(&mut self, key: Key) -> Option<&mut StreamState> {
        self.streams
            .get_mut(key.slot as usize)
            .filter(|stream| stream.id == key.id)
    }

    fn peek(&self, key: Key) -> Option<&StreamState> {
        self.streams.get(key.slot as usize).filter(|stream| stream.id == key.id)
    }

    /// The open stream with this id.
    fn find(&mut self, id: u32) -> Option<Key> {
        // Frames of one stream come in rows.
        let recent = self.recent as usize;
        let again = |s: &StreamState| s.id == id && !s.flags.closed;
        let slot = if self.streams.get(recent).is_some_and(again) {
            self.recent
        } else {
            *self.ids.get(&id)?
        };
        self.recent = slot;
        Some(Key { slot, id })
    }

    fn is_ours(&self, id: u32) -> bool {
        (id % 2 == 1) == (self.config.role == Role::Client)
    }

    fn insert(&mut self, stream: StreamState) -> Key {
        let id = stream.id;
        let slot = self.streams.insert(stream) as u32;
        self.ids.insert(id, slot);
        Key { slot, id }
    }

    fn open_beats(&mut self) {
        if self.config.heartbeat.is_none() {
            return;
        }
        let id = self.next_id;
        self.next_id += 2;
        let mut stream = StreamState::new(id, true, Windows::IMPLIED, 0);
        stream.flags.beat = true;
        stream.flags.quiet = true;
        stream.flags.held = false;
        stream.flags.accepted = true;
        stream.send_window -= 4;
        let key = self.insert(stream);
        self.outbound += 1;
        self.beats.set_own(Some(key));
        self.out.beat(&frame::data(id, 4, true, false));
        self.out.beat(&frame::HEARTBEAT.to_be_bytes());
    }
}

/// A window that may be negotiated: no smaller than what is implied.
const fn clamp(bytes: u32) -> u32 {
    if bytes < frame::INITIAL_WINDOW {
        frame::INITIAL_WINDOW
    } else if bytes > frame::MAX_WINDOW {
        frame::MAX_WINDOW
    } else {
        bytes
    }
}

impl Core {
    /// Invariants, for tests: counts agree with the tables.
    #[doc(hidden)]
    pub fn check(&self) {
        let open = |local| {
            let matching = |s: &&StreamState| !s.flags.closed && s.flags.local == local;
            self.streams.iter().map(|(_, s)| s).filter(matching).count() as u32
        };
        assert_eq!((self.outbound, self.inbound), (open(true), open(false)));
        assert_eq!(self.ids.len() as u32, self.outbound + self.inbound);
        let waiting = |s: &&StreamState| !s.flags.closed && !s.flags.accepted;
        let waiting = self.streams.iter().map(|(_, s)| s).filter(waiting).count();
        assert_eq!(self.unaccepted as usize, waiting + self.ghosts.len());
        let extra: usize = self
            .streams
            .iter()
            .filter(|(_, s)| !s.flags.closed)
            .map(|(_, s)| s.recv.extra() as usize)
            .sum();
        assert_eq!(self.extra, extra);
    }
}
