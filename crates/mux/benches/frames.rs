//! The core's inner loops: one DATA frame into the out buffer, a full read buffer of small frames
//! into an inbox and out of it (performance 9).

use std::{
    hint::black_box,
    io::IoSlice,
    task::{Poll, Waker},
    time::Instant,
};

use adit_mux::{
    Config, frame,
    session::{Batch, Core},
};
use bytes::BytesMut;
use criterion::{Criterion, criterion_group, criterion_main};

fn core() -> Core {
    let config = Config {
        heartbeat: None,
        idle_timeout: None,
        ..Config::server()
    };
    Core::new(config, Instant::now())
}

fn inner_loops(criterion: &mut Criterion) {
    let now = Instant::now();
    let waker = Waker::noop();

    let mut sender = core();
    let Ok(key) = sender.open(b"type") else {
        return;
    };
    let mut batch = Batch::default();
    let mut buf = BytesMut::new();
    let mut sent = 0_u32;
    criterion.bench_function("encode a DATA frame of 200 B", |b| {
        b.iter(|| {
            let part = [IoSlice::new(black_box(&[7; 200]))];
            if sender.poll_send(key, waker, &part).is_pending() {
                sender.take(&mut batch, now);
                buf.extend_from_slice(&frame::wndinc(2, sent));
                sender.recv(&mut buf, now);
                sent = 0;
            }
            sent += 200;
        });
    });

    let mut receiver = core();
    let mut opening = frame::data(3, 4, true, false).to_vec();
    opening.extend(b"type");
    receiver.recv(&mut BytesMut::from(opening.as_slice()), now);
    let Poll::Ready(Some(key)) = receiver.poll_accept(waker) else {
        return;
    };
    let frames: Vec<u8> = (0..315)
        .flat_map(|_| frame::data(3, 200, false, false).into_iter().chain([7; 200]))
        .collect();
    let mut buf = BytesMut::with_capacity(64 << 10);
    criterion.bench_function("decode 64 KiB of 200 B frames (315)", |b| {
        b.iter(|| {
            buf.clear();
            if !buf.try_reclaim(64 << 10) {
                buf = BytesMut::with_capacity(64 << 10);
            }
            buf.extend_from_slice(&frames);
            receiver.recv(&mut buf, now);
            while let Poll::Ready(Ok(Some(chunk))) = receiver.poll_chunk(key, waker) {
                black_box(chunk);
            }
            receiver.take(&mut batch, now);
        });
    });
}

criterion_group!(frames, inner_loops);
criterion_main!(frames);
