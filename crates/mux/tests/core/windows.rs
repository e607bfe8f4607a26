//! Flow control: grants, a clamped peer, growth.

use std::{sync::Arc, task::Poll, time::Duration};

use adit_mux::{
    Budget, Config, Growth, Heartbeat, StreamError,
    frame::{self, Header, INITIAL_WINDOW, Kind},
};

use crate::peer::{Peer, data, quiet, syn};

/// All WNDINC increments in what goes out.
fn grants(bytes: &[u8]) -> Vec<u32> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        let header = Header::parse(head);
        let (body, tail) = tail.split_at(header.length as usize);
        if header.kind == Kind::WndInc {
            found.push(u32::from_be_bytes(body.try_into().unwrap()));
        }
        rest = tail;
    }
    found
}

#[test]
fn a_clamped_peer_never_stalls_and_grants_are_few() {
    let mut peer = Peer::server();
    peer.feed(&syn(3, 4));
    let key = peer.accept().unwrap();
    let (mut credit, mut sent, mut count) = (INITIAL_WINDOW - 4, 0_u64, 0);
    let body = data(3, 8_192);
    while sent < 32 << 20 {
        assert!(credit >= 8_192, "stalled after {sent} bytes");
        peer.feed(&body);
        credit -= 8_192;
        sent += 8_192;
        assert_eq!(peer.read(key).1, None);
        for grant in grants(&peer.take()) {
            assert!(grant > 0);
            credit += grant;
            count += 1;
            assert!(credit <= INITIAL_WINDOW, "exactly what was consumed");
        }
    }
    assert!(count <= 16 * 32, "{count} WNDINC for 32 MiB");
}

#[test]
fn a_slow_reader_holds_its_window_and_no_more() {
    let mut peer = Peer::server();
    peer.feed(&syn(3, 4));
    let slow = peer.accept().unwrap();
    peer.feed(&syn(5, 4));
    let fast = peer.accept().unwrap();
    for _ in 0..(INITIAL_WINDOW - 4) / 100 {
        peer.feed(&data(3, 100));
        peer.feed(&data(5, 100));
        peer.read(fast);
    }
    assert!(peer.core.held_bytes() < 2 * INITIAL_WINDOW as usize + (80 << 10));
    assert_eq!(peer.read(slow).0.len(), 4 + (INITIAL_WINDOW as usize - 4) / 100 * 100);
    assert!(peer.is_open());
}

#[test]
fn writing_stops_at_the_window_and_goes_on_with_a_grant() {
    let mut peer = Peer::server();
    let key = peer.core.open(b"type").unwrap();
    let mut sent = 4;
    while let Poll::Ready(Ok(n)) = peer.send(key, &[1; 100_000]) {
        sent += n;
        peer.take();
    }
    assert_eq!(sent, INITIAL_WINDOW as usize);
    assert!(!peer.core.has_work(), "it waits for the peer, not for room");
    peer.feed(&frame::wndinc(2, 5));
    assert_eq!(peer.send(key, &[1; 100]), Poll::Ready(Ok(5)));
}

#[test]
fn reserve_and_send() {
    let mut peer = Peer::server();
    let key = peer.core.open(b"type").unwrap();
    let waker = std::task::Waker::noop();
    let Poll::Ready(Ok(n)) = peer.core.poll_reserve(key, waker) else {
        panic!("room at once")
    };
    assert!(n >= 16 << 10);
    peer.core.send(key, &vec![2; n]).unwrap();
    assert_eq!(peer.core.send(key, b"x"), Err(StreamError::NotReserved));
    assert_eq!(peer.take().len(), 8 + 4 + 8 + n);
    peer.core.finish(key).unwrap();
    assert_eq!(peer.core.send(key, b""), Err(StreamError::Finished));
}

/// A peer that grows windows, with a measured round trip of 20 ms.
fn growing(session_budget: usize, budget: Option<Arc<Budget>>) -> Peer {
    let mut peer = Peer::new(Config {
        budget,
        growth: Growth::Grow {
            max_stream_window: 1 << 20,
            session_budget,
        },
        heartbeat: Some(Heartbeat {
            interval: Duration::from_secs(3_600),
            tolerance: Duration::from_secs(3_600),
        }),
        ..quiet(Config::server())
    });
    peer.take();
    peer.core.probe(peer.now);
    let beat = peer.take();
    peer.now += Duration::from_millis(20);
    peer.feed(&beat);
    assert!(peer.core.rtt().is_some());
    peer
}

/// Sends what the window allows each round trip of 20 ms; the credit in the end.
fn stream(peer: &mut Peer, id: u32, rounds: usize) -> u32 {
    peer.feed(&syn(id, 4));
    let key = peer.accept().unwrap();
    let mut credit = INITIAL_WINDOW - 4;
    for _ in 0..rounds {
        let mut left = credit;
        credit = 0;
        while left > 0 {
            let n = left.min(16 << 10);
            peer.feed(&data(id, n as usize));
            peer.read(key);
            left -= n;
        }
        peer.now += Duration::from_millis(20);
        credit += grants(&peer.take()).into_iter().sum::<u32>();
        peer.core.check();
    }
    credit
}

#[test]
fn windows_grow_to_their_ceiling_and_shrink_when_idle() {
    let mut peer = growing(32 << 20, None);
    let credit = stream(&mut peer, 3, 12);
    assert!(credit > (1 << 20) - (64 << 10), "{credit}");
    assert!(credit <= 1 << 20);
    for _ in 0..60 {
        peer.after(Duration::from_secs(1));
        peer.core.check();
    }
    assert!(peer.is_open());
}

#[test]
fn growth_stops_at_the_session_budget() {
    let mut peer = growing(INITIAL_WINDOW as usize, None);
    assert!(stream(&mut peer, 3, 6) > INITIAL_WINDOW);
    assert!(stream(&mut peer, 5, 6) <= INITIAL_WINDOW);
    let mut exact = Peer::server();
    assert!(stream(&mut exact, 3, 6) <= INITIAL_WINDOW);
}

#[test]
fn growth_stops_while_the_node_is_busy() {
    let budget = Budget::new(100 << 20);
    let mut peer = growing(32 << 20, Some(budget.clone()));
    budget.charge(51 << 20);
    assert!(stream(&mut peer, 3, 6) <= INITIAL_WINDOW);
    budget.release(10 << 20);
    assert!(stream(&mut peer, 5, 6) > INITIAL_WINDOW);
}
