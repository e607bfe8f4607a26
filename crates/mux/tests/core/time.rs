//! Heartbeats and deadlines, with a clock that only the test moves.

use std::time::Duration;

use adit_mux::{CloseReason, Config, Heartbeat, code, frame};

use crate::peer::{Peer, hex, quiet, syn, unhex};

fn beating(config: Config) -> Peer {
    let mut peer = Peer::new(Config {
        heartbeat: Some(Heartbeat {
            interval: Duration::from_secs(10),
            tolerance: Duration::from_secs(15),
        }),
        ..quiet(config)
    });
    peer.out();
    peer
}

/// Moves the clock to the next deadline and does what is due; how long that took.
fn step(peer: &mut Peer) -> (Duration, String) {
    let at = peer.core.poll_timeout().unwrap();
    let waited = at - peer.now;
    (waited, peer.after(waited))
}

#[test]
fn an_own_beat_and_its_echo() {
    let mut peer = beating(Config::server());
    let (_, mut beat) = step(&mut peer);
    while beat.is_empty() {
        beat = step(&mut peer).1;
    }
    let nonce = beat.strip_prefix("0000041000000002").unwrap().to_owned();
    peer.now += Duration::from_millis(40);
    // The echo may be cut anywhere.
    peer.hex("0000041000000002");
    for byte in unhex(&nonce) {
        peer.feed(&[byte]);
    }
    assert_eq!(peer.core.rtt(), Some(Duration::from_millis(40)));
    assert!(peer.is_open());
}

#[test]
fn beats_come_in_intervals_of_ten_per_cent_more_or_less() {
    let mut peer = beating(Config::server());
    let mut seen = Vec::new();
    let mut last = peer.now;
    while seen.len() < 20 {
        let (_, out) = step(&mut peer);
        if out.is_empty() {
            continue;
        }
        seen.push(peer.now - last);
        last = peer.now;
        peer.hex(&out);
    }
    assert!(seen.iter().all(|d| (9_000..=11_000).contains(&d.as_millis())));
    assert!(seen.iter().any(|d| *d != seen[0]), "they vary");
}

#[test]
fn a_wrong_echo_ends_the_session() {
    let mut peer = beating(Config::server());
    peer.after(Duration::from_secs(11));
    let mut expected = Vec::new();
    frame::goaway(&mut expected, 0, code::PROTOCOL, "heartbeat");
    assert_eq!(peer.ask("0000041000000002 00000000"), hex(&expected));
}

#[test]
fn an_unanswered_beat_ends_a_server() {
    let mut peer = beating(Config::server());
    peer.after(Duration::from_secs(11));
    // Other bytes do not help: the server trusts only the echo.
    peer.now += Duration::from_secs(14);
    peer.feed(&syn(3, 4));
    peer.after(Duration::from_millis(999));
    assert!(peer.is_open());
    peer.after(Duration::from_millis(2));
    assert_eq!(peer.reason(), Some(CloseReason::HeartbeatLost));

    let mut peer = beating(Config::client());
    peer.after(Duration::from_secs(11));
    peer.now += Duration::from_secs(14);
    peer.feed(&syn(2, 4));
    peer.after(Duration::from_secs(14));
    assert!(peer.is_open(), "on a client every byte counts");
    peer.after(Duration::from_secs(2));
    assert_eq!(peer.reason(), Some(CloseReason::HeartbeatLost));
}

#[test]
fn a_probe_beats_at_once() {
    let mut peer = beating(Config::server());
    peer.core.probe(peer.now);
    let beat = peer.out();
    assert!(beat.starts_with("0000041000000002"));
    peer.core.probe(peer.now);
    assert_eq!(peer.out(), "", "one is out");
    peer.hex(&beat);
    assert!(peer.core.rtt().is_some());
}

#[test]
fn beats_of_the_peer_are_echoed_ahead_of_data() {
    let mut peer = Peer::server();
    let key = peer.core.open(b"type").unwrap();
    assert!(peer.send(key, b"data").is_ready());
    peer.hex("0000041200000003 ffffffff");
    peer.hex("0000041000000003 01020304");
    let out = peer.out();
    assert!(out.starts_with("000004100000000301020304"), "{out}");
    assert!(peer.accept().is_none(), "the application never sees it");
    // In the opening frame, and in pieces.
    assert_eq!(
        peer.ask("0000091200000005 ffffffff 0a0b0c0d 0e"),
        "00000410000000050a0b0c0d"
    );
    assert_eq!(peer.ask("0000031000000005 0f1011"), "00000410000000050e0f1011");
    // The type may come byte by byte.
    peer.hex("0000011200000007 ff");
    peer.hex("0000061000000007 ffffff 010203");
    assert_eq!(peer.ask("0000011000000007 04"), "000004100000000701020304");
    assert!(peer.accept().is_none());
}

#[test]
fn four_heartbeat_streams_are_enough_and_fin_is_answered_by_rst() {
    let mut peer = Peer::server();
    for id in [3, 5, 7, 9] {
        assert_eq!(peer.ask(&format!("00000412000000{id:02x} ffffffff")), "");
    }
    assert_eq!(
        peer.ask("000004120000000b ffffffff"),
        hex(&frame::rst(11, code::REFUSED))
    );
    assert_eq!(
        peer.ask("0000001100000003"),
        hex(&frame::rst(3, code::CANCELLED)),
        "never by FIN"
    );
    assert_eq!(peer.ask("000004120000000d ffffffff"), "");
}

#[test]
fn beats_are_granted_like_data() {
    let mut peer = Peer::server();
    peer.hex("0000041200000003 ffffffff");
    let mut granted = 0;
    let mut echoed = 0;
    for beat in 0..80_000_u32 {
        let mut frame = frame::data(3, 4, false, false).to_vec();
        frame.extend(beat.to_be_bytes());
        peer.feed(&frame);
        let out = peer.take();
        echoed += usize::from(out.starts_with(&[0, 0, 4, 0x10]));
        if out.len() > 12 || out.starts_with(&[0, 0, 4, 0x20]) {
            granted += 1;
        }
    }
    assert_eq!(granted, 4, "320,000 bytes");
    assert_eq!(echoed, 0x4_0000 / 4, "as far as the peer gave window");
}

#[test]
fn silence_ends_the_session() {
    let mut peer = Peer::new(Config {
        idle_timeout: Some(Duration::from_secs(25)),
        ..quiet(Config::server())
    });
    peer.after(Duration::from_secs(24));
    peer.feed(&[0]);
    peer.after(Duration::from_secs(24));
    assert!(peer.is_open());
    peer.after(Duration::from_secs(1));
    assert_eq!(peer.reason(), Some(CloseReason::Silent));
}

#[test]
fn a_blocked_write_ends_the_session() {
    let mut peer = Peer::server();
    peer.core.open(b"type").unwrap();
    peer.take();
    peer.core.blocked(peer.now);
    peer.after(Duration::from_secs(24));
    peer.core.unblocked();
    peer.core.blocked(peer.now);
    peer.after(Duration::from_secs(24));
    assert!(peer.is_open());
    peer.after(Duration::from_secs(1));
    assert_eq!(peer.reason(), Some(CloseReason::WriteStalled));
}

#[test]
fn an_accepted_stream_is_acknowledged_with_the_next_write_or_within_a_second() {
    let mut client = Peer::new(Config {
        acknowledge: true,
        ..quiet(Config::client())
    });
    client.feed(&syn(2, 10));
    let key = client.accept().unwrap();
    assert_eq!(client.read(key).0.len(), 10);
    assert!(!client.core.has_work(), "not worth a write of its own");
    assert!(client.send(key, b"ok").is_ready());
    assert_eq!(client.out(), hex(&frame::wndinc(2, 10)) + "0000021000000002" + "6f6b");
    client.feed(&syn(4, 10));
    let key = client.accept().unwrap();
    client.read(key);
    assert_eq!(client.after(Duration::from_secs(1)), hex(&frame::wndinc(4, 10)));
}
