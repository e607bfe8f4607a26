//! One entry for fuzzers: a core against arbitrary bytes, with an application that does a little of
//! everything.

use std::{
    io::IoSlice,
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use bytes::BytesMut;

use crate::{
    budget::Budget,
    config::{Config, Growth},
    session::{Batch, Core, Key, Phase},
};

/// Runs a core over `data` and checks what must hold for any peer: no panic, memory within the
/// windows, an end that stays. The first byte chooses the set-up, every 16th step the application's
/// behaviour; the rest arrives in pieces of varying size. Returns the bytes the core answered.
#[doc(hidden)]
#[must_use]
pub fn fuzz_frames(data: &[u8]) -> Vec<u8> {
    let Some((choice, mut data)) = data.split_first() else {
        return Vec::new();
    };
    let mut config = if choice & 1 == 0 {
        Config::server()
    } else {
        Config::client()
    };
    if choice & 2 != 0 {
        config.growth = Growth::standard();
    }
    if choice & 4 != 0 {
        config.budget = Some(Budget::new(256 << 10));
    }
    config.max_inbound = 16;
    let start = Instant::now();
    let mut now = start;
    let mut core = Core::new(config, now);
    let mut buf = BytesMut::new();
    let (mut batch, mut answer) = (Batch::default(), Vec::new());
    let mut held: Vec<Key> = Vec::new();
    let mut step = usize::from(*choice);
    while !data.is_empty() {
        step += 1;
        let (piece, rest) = data.split_at(data.len().min(1 + step * 7 % 61));
        data = rest;
        buf.extend_from_slice(piece);
        now += Duration::from_millis(u64::from(*choice) * (step % 3) as u64);
        core.recv(&mut buf, now);
        assert!(buf.len() < 16, "only a header and the fixed part of a body may wait");
        if core.poll_timeout().is_some_and(|at| at <= now) {
            core.handle_timeout(now);
        }
        application(&mut core, &mut held, step);
        if core.take(&mut batch, now) {
            answer.extend_from_slice(batch.remaining());
            batch.advance(batch.remaining().len());
        }
        // 16 windows by capacity, each at most doubled and grown, one read buffer, out buffers.
        assert!(core.held_bytes() < 64 << 20, "memory is bounded by windows");
        core.check();
    }
    if *core.phase() != Phase::Open {
        assert!(core.open(b"type").is_err(), "an end is final");
    }
    answer
}

fn application(core: &mut Core, held: &mut Vec<Key>, step: usize) {
    let waker = Waker::noop();
    if let Poll::Ready(Some(key)) = core.poll_accept(waker) {
        held.push(key);
    }
    if step.is_multiple_of(5)
        && let Ok(key) = core.open(b"typeheader")
    {
        held.push(key);
    }
    let Some(key) = held.get(step % held.len().max(1)).copied() else {
        return;
    };
    match step % 16 {
        0..6 => while let Poll::Ready(Ok(Some(_))) = core.poll_chunk(key, waker) {},
        6..10 => {
            let _sent = core.poll_send(key, waker, &[IoSlice::new(&[7; 3_000])]);
        }
        10 | 11 => {
            if let Poll::Ready(Ok(n)) = core.poll_reserve(key, waker) {
                let _sent = core.send(key, vec![1; n.min(100)].as_slice());
            }
        }
        12 => {
            let _finished = core.finish(key);
        }
        13 => core.reset(key, 7),
        14 => {
            core.release(key);
            held.retain(|other| *other != key);
        }
        _ => {}
    }
}
