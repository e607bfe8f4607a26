//! One stream over a line of 100 ms and 1 Gbit/s, with a clock that only the test moves: what is lost to windows.

use std::{collections::VecDeque, task::Poll, time::Duration};

use adit_mux::{
    Config, Growth,
    session::{Batch, Key},
};

use crate::peer::Peer;

/// What the line carries in a millisecond, bytes.
const RATE: usize = 125_000;
/// One way, milliseconds.
const DELAY: u64 = 50;
/// Bytes that wait before the line at most: a socket with a small limit of unsent bytes.
const UNSENT: usize = 128 << 10;
/// One transfer.
const SIZE: usize = 64 << 20;
/// What the two sides have agreed on.
const WINDOW: u32 = 4 << 20;

/// One direction of the line.
#[derive(Default)]
struct Lane {
    unsent: Vec<u8>,
    /// Bytes under way and the millisecond of their arrival.
    flying: VecDeque<(u64, Vec<u8>)>,
}

impl Lane {
    /// Takes what `from` has to write; false if that was nothing, or there is no room.
    fn fill(&mut self, from: &mut Peer, batch: &mut Batch) -> bool {
        let any = self.unsent.len() < UNSENT && from.core.has_work() && from.core.take(batch, from.now);
        if any {
            self.unsent.extend_from_slice(batch.remaining());
            batch.advance(batch.remaining().len());
        }
        any
    }

    /// A millisecond passes: `from` may write, the line takes its part, and what is due arrives.
    fn pass(&mut self, now: u64, from: &mut Peer, to: &mut Peer, batch: &mut Batch) {
        while self.fill(from, batch) {}
        let n = self.unsent.len().min(RATE);
        if n > 0 {
            self.flying.push_back((now + DELAY, self.unsent.drain(..n).collect()));
        }
        while self.flying.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, bytes)) = self.flying.pop_front() {
                to.feed(&bytes);
            }
        }
    }
}

/// A session with its line.
struct Line {
    server: Peer,
    agent: Peer,
    down: Lane,
    up: Lane,
    now: u64,
    batch: Batch,
}

impl Line {
    /// Logged in, with the capability `window`.
    fn new() -> Self {
        let mut line = Self {
            server: Peer::new(Config::server()),
            agent: Peer::new(Config::client()),
            down: Lane::default(),
            up: Lane::default(),
            now: 0,
            batch: Batch::default(),
        };
        for peer in [&mut line.server, &mut line.agent] {
            peer.core.set_limits(1_000, 1_000, Growth::standard());
            peer.core.set_receive_window(WINDOW);
            peer.core.set_send_window(WINDOW);
        }
        for _ in 0..200 {
            line.pass();
        }
        line
    }

    fn pass(&mut self) {
        self.now += 1;
        for peer in [&mut self.server, &mut self.agent] {
            peer.now += Duration::from_millis(1);
            if peer.core.poll_timeout().is_some_and(|at| at <= peer.now) {
                peer.core.handle_timeout(peer.now);
            }
        }
        let Self {
            server,
            agent,
            down,
            up,
            now,
            batch,
        } = self;
        up.pass(*now, agent, server, batch);
        down.pass(*now, server, agent, batch);
    }

    /// The agent's next stream, once it has come.
    fn accepted(&mut self) -> Key {
        loop {
            if let Some(key) = self.agent.accept() {
                return key;
            }
            self.pass();
        }
    }

    /// A response of [`SIZE`] bytes from the agent: its share of what the line can carry, the round trip included.
    fn download(&mut self) -> f64 {
        let began = self.now;
        let asked = self.server.core.open(b"typeGET").unwrap();
        let answering = self.accepted();
        self.agent.read(answering);
        let moved = self.transfer(answering, asked);
        self.server.core.release(asked);
        self.agent.core.release(answering);
        ideal() / (moved - began) as f64
    }

    /// A request of [`SIZE`] bytes to the agent, and a short answer.
    fn upload(&mut self) -> f64 {
        let began = self.now;
        let asked = self.server.core.open(b"typePUT").unwrap();
        let mut key = None;
        let mut left = SIZE;
        let mut received = 0;
        while received < SIZE {
            let (lane, batch) = (&mut self.down, &mut self.batch);
            left -= push(&mut self.server, asked, left, lane, batch);
            self.pass();
            key = key.or_else(|| self.agent.accept());
            if let Some(key) = key {
                received += self.agent.read(key).0.len();
            }
            assert!(self.now - began < 60_000, "stuck at {received}");
        }
        let key = key.unwrap();
        assert!(self.agent.send(key, b"ok").is_ready());
        while self.server.read(asked).0.is_empty() {
            self.pass();
        }
        let moved = self.now;
        self.server.core.release(asked);
        self.agent.core.release(key);
        ideal() / (moved - began) as f64
    }

    /// Moves [`SIZE`] bytes from the agent to the server; when the last came.
    fn transfer(&mut self, from: Key, to: Key) -> u64 {
        let (mut left, mut received) = (SIZE, 0);
        let began = self.now;
        while received < SIZE {
            let (lane, batch) = (&mut self.up, &mut self.batch);
            left -= push(&mut self.agent, from, left, lane, batch);
            self.pass();
            received += self.server.read(to).0.len();
            assert!(self.now - began < 60_000, "stuck at {received}");
        }
        self.now
    }
}

/// What the transfer takes without a tunnel, milliseconds: the bytes, and one round trip.
fn ideal() -> f64 {
    SIZE as f64 / RATE as f64 + 2.0 * DELAY as f64
}

/// Sends what may be sent now, as the driver makes room for it.
fn push(peer: &mut Peer, key: Key, left: usize, lane: &mut Lane, batch: &mut Batch) -> usize {
    let piece = [0x55; 64 << 10];
    let mut sent = 0;
    while sent < left {
        let next = piece.get(..piece.len().min(left - sent)).unwrap_or_default();
        match peer.send(key, next) {
            Poll::Ready(n) => sent += n.unwrap(),
            Poll::Pending if lane.fill(peer, batch) => {}
            Poll::Pending => break,
        }
    }
    sent
}

#[test]
fn one_stream_has_nine_tenths_of_a_long_line_in_both_directions() {
    let mut line = Line::new();
    // The first of each kind finds out how wide the windows must be.
    let first = (line.download(), line.upload());
    assert!(first.0 > 0.7 && first.1 > 0.7, "{first:?}");
    let (down, up) = (line.download(), line.upload());
    assert!(down >= 0.9 && up >= 0.9, "{down} {up}, the first: {first:?}");
    assert!(line.server.is_open() && line.agent.is_open());
}
