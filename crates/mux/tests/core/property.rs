//! Two cores and a link that cuts bytes anywhere: what is written is what is read.

use std::{
    io::IoSlice,
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use adit_mux::{
    Config, Growth, Role, fuzz_frames,
    session::{Batch, Core, Key, Phase},
};
use bytes::BytesMut;
use proptest::prelude::*;

use crate::peer::quiet;

struct End {
    core: Core,
    wire: Vec<u8>,
    buf: BytesMut,
    streams: Vec<Stream>,
    first: u32,
}

struct Stream {
    key: Key,
    sent: usize,
    received: usize,
    finished: bool,
    ended: bool,
}

impl End {
    fn new(config: Config, growth: Growth, now: Instant) -> Self {
        let config = Config {
            growth,
            ..quiet(config)
        };
        Self {
            first: if config.role == Role::Client { 3 } else { 2 },
            core: Core::new(config, now),
            wire: Vec::new(),
            buf: BytesMut::new(),
            streams: Vec::new(),
        }
    }

    /// Moves up to `n` bytes to the other end.
    fn deliver(&mut self, other: &mut Self, n: usize, now: Instant) {
        let mut batch = Batch::default();
        if self.wire.len() < 200_000 && self.core.has_work() && self.core.take(&mut batch, now) {
            self.wire.extend_from_slice(batch.remaining());
        }
        let n = n.min(self.wire.len());
        other.buf.reserve(n);
        other.buf.extend_from_slice(&self.wire[..n]);
        self.wire.drain(..n);
        other.core.recv(&mut other.buf, now);
        assert!(other.buf.len() < 16);
        while let Poll::Ready(Some(key)) = other.core.poll_accept(Waker::noop()) {
            other.streams.push(Stream::new(key));
        }
    }

    fn read(&mut self, index: usize, chunks: usize) {
        let Some(stream) = self.streams.get_mut(index) else {
            return;
        };
        for _ in 0..chunks {
            match self.core.poll_chunk(stream.key, Waker::noop()) {
                Poll::Ready(Ok(Some(bytes))) => {
                    for byte in &bytes {
                        assert_eq!(*byte, pattern(stream.key.id(), stream.received));
                        stream.received += 1;
                    }
                }
                Poll::Ready(Ok(None)) => stream.ended = true,
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => return,
            }
        }
    }

    fn write(&mut self, index: usize, n: usize) {
        let Some(stream) = self.streams.get_mut(index).filter(|s| !s.finished) else {
            return;
        };
        let id = stream.key.id();
        let data: Vec<u8> = (stream.sent..stream.sent + n).map(|i| pattern(id, i)).collect();
        let (a, b) = data.split_at(n / 3);
        let parts = [IoSlice::new(a), IoSlice::new(b)];
        if let Poll::Ready(sent) = self.core.poll_send(stream.key, Waker::noop(), &parts) {
            stream.sent += sent.unwrap();
        }
    }

    fn open(&mut self, n: usize) {
        let ours = |s: &&Stream| s.key.id() % 2 == self.first % 2;
        let id = self.streams.iter().filter(ours).count() as u32 * 2 + self.first;
        let data: Vec<u8> = (0..n + 4).map(|i| pattern(id, i)).collect();
        let Ok(key) = self.core.open(&data) else {
            return;
        };
        assert_eq!(key.id(), id);
        let mut stream = Stream::new(key);
        stream.sent = n + 4;
        self.streams.push(stream);
    }

    fn finish(&mut self, index: usize) {
        if let Some(stream) = self.streams.get_mut(index).filter(|s| !s.finished) {
            self.core.finish(stream.key).unwrap();
            stream.finished = true;
        }
    }
}

impl Stream {
    fn new(key: Key) -> Self {
        Self {
            key,
            sent: 0,
            received: 0,
            finished: false,
            ended: false,
        }
    }
}

/// Few by default, so that the tests take seconds; `PROPTEST_CASES` says otherwise.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(48)
}

/// Byte `i` of a stream. Never the heartbeat's type.
fn pattern(id: u32, i: usize) -> u8 {
    (i as u32).wrapping_mul(31).wrapping_add(id * 7) as u8 & 0x7F
}

#[derive(Clone, Debug)]
enum Op {
    Open(bool, usize),
    Write(bool, usize, usize),
    Read(bool, usize, usize),
    Finish(bool, usize),
    Deliver(bool, usize),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => (any::<bool>(), 0..3_000_usize).prop_map(|(a, n)| Op::Open(a, n)),
        6 => (any::<bool>(), 0..8_usize, 1..70_000_usize).prop_map(|(a, s, n)| Op::Write(a, s, n)),
        6 => (any::<bool>(), 0..8_usize, 1..20_usize).prop_map(|(a, s, n)| Op::Read(a, s, n)),
        1 => (any::<bool>(), 0..8_usize).prop_map(|(a, s)| Op::Finish(a, s)),
        8 => (any::<bool>(), 1..70_000_usize).prop_map(|(a, n)| Op::Deliver(a, n)),
        4 => (any::<bool>(), 1..40_usize).prop_map(|(a, n)| Op::Deliver(a, n)),
        1 => (0..1_500_u64).prop_map(Op::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn what_is_written_is_what_is_read(ops in prop::collection::vec(op(), 1..300), grow: bool) {
        let mut now = Instant::now();
        let growth = if grow { Growth::standard() } else { Growth::Exact };
        let mut ends = [
            End::new(Config::client(), growth, now),
            End::new(Config::server(), growth, now),
        ];
        for op in ops {
            now += Duration::from_millis(1);
            match op {
                Op::Open(a, n) => ends[usize::from(a)].open(n),
                Op::Write(a, s, n) => ends[usize::from(a)].write(s, n),
                Op::Read(a, s, n) => ends[usize::from(a)].read(s, n),
                Op::Finish(a, s) => ends[usize::from(a)].finish(s),
                Op::Deliver(a, n) => {
                    let [left, right] = &mut ends;
                    if a { left.deliver(right, n, now) } else { right.deliver(left, n, now) }
                }
                Op::Wait(ms) => {
                    now += Duration::from_millis(ms);
                    for end in &mut ends {
                        end.core.handle_timeout(now);
                    }
                }
            }
            for end in &ends {
                prop_assert_eq!(end.core.phase(), &Phase::Open);
                end.core.check();
                // A window for each stream, twice by capacity, and the buffers.
                let bound = end.streams.len() * 2 * 0x4_0000 + (400 << 10);
                prop_assert!(end.core.held_bytes() <= bound, "{}", end.core.held_bytes());
            }
        }
        // Everything arrives in the end.
        for index in 0..8 {
            for end in &mut ends {
                end.finish(index);
            }
        }
        let [left, right] = &mut ends;
        for _ in 0..200 {
            left.deliver(right, 70_000, now);
            right.deliver(left, 70_000, now);
            for index in 0..left.streams.len().max(right.streams.len()) {
                left.read(index, 100);
                right.read(index, 100);
                left.finish(index);
                right.finish(index);
            }
        }
        for (one, two) in [(&*left, &*right), (&*right, &*left)] {
            prop_assert_eq!(one.streams.len(), two.streams.len());
            for stream in &one.streams {
                let other = two.streams.iter().find(|s| s.key.id() == stream.key.id()).unwrap();
                prop_assert_eq!(stream.sent, other.received);
                prop_assert!(other.ended);
            }
            prop_assert_eq!(one.core.open_streams(), 0);
        }
    }

    #[test]
    fn any_input_is_survived(data in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = fuzz_frames(&data);
    }

    #[test]
    fn any_frames_are_survived(choice: u8, frames in prop::collection::vec(frame(), 0..120)) {
        let mut data = vec![choice];
        for (length, kind, id, body) in frames {
            data.extend_from_slice(&length.to_be_bytes()[1..]);
            data.push(kind);
            data.extend_from_slice(&id.to_be_bytes());
            data.extend_from_slice(&body);
        }
        let _ = fuzz_frames(&data);
    }
}

/// Something like a frame: mostly right, with a body of the announced length.
fn frame() -> impl Strategy<Value = (u32, u8, u32, Vec<u8>)> {
    let kind = prop_oneof![6 => 0x10..0x14_u8, 2 => Just(0x20), 2 => Just(0x00), 1 => any::<u8>()];
    (
        kind,
        0..40_u32,
        prop_oneof![8 => Just(4_u32), 4 => 0..3_000_u32],
        any::<u8>(),
    )
        .prop_map(|(kind, id, length, fill)| {
            let mut body = vec![fill; length as usize];
            if let Some(first) = body.first_mut() {
                *first &= 0x7F;
            }
            (length, kind, id, body)
        })
}
