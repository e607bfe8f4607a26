//! A budget shared by two sessions.

use std::time::Duration;

use adit_mux::{Budget, CloseReason, Config, StreamError, budget::Level, code, frame, session::Key};

use crate::peer::{Peer, data, hex, quiet, syn};

fn session(budget: &std::sync::Arc<Budget>) -> Peer {
    Peer::new(Config {
        budget: Some(budget.clone()),
        ..quiet(Config::server())
    })
}

/// A stream with `n` unread bytes.
fn stalled(peer: &mut Peer, id: u32, n: usize) -> Key {
    peer.feed(&syn(id, 4));
    let key = peer.accept().unwrap();
    let mut left = n - 4;
    while left > 0 {
        let piece = left.min(1_000);
        peer.feed(&data(id, piece));
        left -= piece;
    }
    key
}

#[test]
fn the_largest_stalled_stream_pays() {
    let budget = Budget::new(1 << 20);
    let (mut a, mut b) = (session(&budget), session(&budget));
    let large = stalled(&mut a, 3, 250_000);
    let small = stalled(&mut b, 3, 60_000);
    let lively = stalled(&mut b, 5, 250_000);
    budget.charge(300 << 10);
    assert!(budget.level() >= Level::High);
    // Not stalled yet: nobody is reset.
    assert_eq!(b.after(Duration::from_millis(500)), "");
    b.read(lively);
    budget.charge(200 << 10);
    for peer in [&mut a, &mut b] {
        peer.now += Duration::from_secs(2);
    }
    assert_eq!(a.after(Duration::ZERO), hex(&frame::rst(3, code::INTERNAL)));
    assert_eq!(a.read(large).1, Some(Err(StreamError::Reset(code::INTERNAL))));
    assert_eq!(b.read(small).0.len(), 60_000);
    drop((a, b));
    assert_eq!(budget.used(), 500 << 10, "sessions give everything back");
}

#[test]
fn the_session_that_holds_most_is_not_read() {
    let budget = Budget::new(1 << 20);
    let (mut a, mut b) = (session(&budget), session(&budget));
    stalled(&mut a, 3, 200_000);
    stalled(&mut b, 3, 50_000);
    budget.charge(800 << 10);
    assert_eq!(budget.level(), Level::Full);
    a.feed(&data(3, 10));
    b.feed(&data(3, 10));
    assert!(!a.core.wants_read());
    assert!(b.core.wants_read());
    budget.release(800 << 10);
    let at = a.core.poll_timeout().unwrap();
    a.after(at - a.now);
    assert!(a.core.wants_read());
}

/// A session that has ended is driven by nobody, and may be held by somebody for a while.
#[test]
fn a_session_that_was_lost_gives_back_what_its_streams_held() {
    let budget = Budget::new(1 << 20);
    let mut a = session(&budget);
    let read = stalled(&mut a, 3, 200_000);
    let left = stalled(&mut a, 5, 100_000);
    let before = budget.used();
    assert!(before >= 250_000, "{before}");
    a.core.lost(CloseReason::Eof);
    assert!(budget.used() >= 250_000, "what has come may still be read");
    a.core.release(left);
    assert!(budget.used() < before, "{} of {before}", budget.used());
    a.core.release(read);
    assert_eq!(budget.used(), 0);
}
