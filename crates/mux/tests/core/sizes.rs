//! Memory at rest, and that the hot path allocates nothing. Capacities are what can be counted
//! without `unsafe`: a buffer whose capacity did not change was not allocated again.

use std::time::Duration;

use adit_mux::{Config, session::Batch};

use crate::peer::{Peer, data, quiet, syn};

#[test]
fn an_idle_session_is_small() {
    let mut peer = Peer::new(Config::server());
    peer.out();
    assert!(peer.core.footprint() <= 4 << 10, "{}", peer.core.footprint());
    // After traffic it comes back to that.
    for id in 0..200 {
        peer.feed(&syn(id * 2 + 3, 20_000));
        let key = peer.accept().unwrap();
        peer.read(key);
        assert!(peer.send(key, &[0; 5_000]).is_ready());
        peer.core.release(key);
        peer.out();
    }
    for _ in 0..9 {
        peer.after(Duration::from_secs(1));
    }
    assert!(peer.core.footprint() <= 8 << 10, "{}", peer.core.footprint());
    for _ in 0..24 {
        peer.after(Duration::from_secs(1));
    }
    assert!(peer.core.footprint() <= 4 << 10, "{}", peer.core.footprint());
    assert!(peer.core.take_trim());
}

#[test]
fn an_idle_stream_is_small() {
    let mut peer = Peer::new(Config {
        max_inbound: 20_000,
        ..quiet(Config::server())
    });
    // As many as fill the tables: what is measured is not the growth to the next power of two.
    let count = 14_336;
    let mut buf = bytes::BytesMut::new();
    for id in 0..count {
        buf.extend_from_slice(&syn(id * 2 + 3, 100));
        peer.core.recv(&mut buf, peer.now);
        let key = peer.accept().unwrap();
        peer.read(key);
    }
    for _ in 0..3 {
        peer.after(Duration::from_secs(1));
    }
    let each = peer.core.footprint() / count as usize;
    assert!(each <= 256, "{each}");
}

#[test]
fn encoding_allocates_nothing() {
    let mut peer = Peer::server();
    let key = peer.core.open(b"type").unwrap();
    peer.feed(&adit_mux::frame::wndinc(2, 1 << 30));
    let mut batch = Batch::default();
    let mut run = |peer: &mut Peer| {
        for _ in 0..200 {
            assert!(peer.send(key, &[0; 200]).is_ready());
        }
        assert!(peer.core.take(&mut batch, peer.now));
        batch.advance(batch.remaining().len());
    };
    // Two rounds: there are two buffers.
    for _ in 0..4 {
        run(&mut peer);
    }
    let before = peer.core.footprint();
    for _ in 0..1_000 {
        run(&mut peer);
    }
    assert_eq!(peer.core.footprint(), before);
}

#[test]
fn large_payloads_are_slices_of_what_was_read() {
    let mut peer = Peer::server();
    peer.feed(&syn(3, 4));
    let key = peer.accept().unwrap();
    peer.read(key);
    let mut buf = bytes::BytesMut::with_capacity(64 << 10);
    for _ in 0..3 {
        buf.extend_from_slice(&data(3, 16_000));
    }
    let range = buf.as_ptr().addr()..buf.as_ptr().addr() + buf.capacity();
    peer.core.recv(&mut buf, peer.now);
    let mut chunks = 0;
    while let std::task::Poll::Ready(Ok(Some(chunk))) = peer.chunk(key) {
        assert!(range.contains(&chunk.as_ptr().addr()), "not copied");
        assert_eq!(chunk.len(), 16_000);
        chunks += 1;
    }
    assert_eq!(chunks, 3);
    assert_eq!(peer.core.held_bytes(), 0);
}
