//! Each row of the table in agent protocol 2.8, with the exact frames sent.

use std::time::Duration;

use adit_mux::{CloseReason, Config, OpenError, StreamError, code, frame};

use crate::peer::{Peer, data, hex, quiet, syn};

fn goaway(last: u32, code: u32, text: &str) -> String {
    let mut frame = Vec::new();
    frame::goaway(&mut frame, last, code, text);
    hex(&frame)
}

fn rst(id: u32, code: u32) -> String {
    hex(&frame::rst(id, code))
}

/// The peer broke a rule: exactly this GOAWAY, and the end.
fn ends(frames: &str, last: u32, code: u32, text: &'static str) {
    let mut peer = Peer::server();
    assert_eq!(peer.ask(frames), goaway(last, code, text), "{frames}");
    assert_eq!(peer.reason(), Some(CloseReason::Protocol { code, text }));
    assert_eq!(peer.core.open(b"type"), Err(OpenError::Closed));
}

/// A server with one accepted stream, id 5.
fn with_stream() -> (Peer, adit_mux::session::Key) {
    let mut peer = Peer::server();
    peer.feed(&syn(5, 4));
    let key = peer.accept().unwrap();
    peer.read(key);
    (peer, key)
}

#[test]
fn unknown_types_are_skipped_and_counted() {
    let (mut peer, key) = with_stream();
    for _ in 0..16 {
        // Type 7 with a body larger than any buffer, then DATA.
        peer.feed(&[0, 0x20, 0, 0x70, 0, 0, 0, 0]);
        peer.feed(&[0; 0x2000]);
    }
    peer.hex("00000110 00000005 2a");
    assert_eq!(peer.read(key), (vec![0x2a], None));
    assert_eq!(peer.core.held_bytes(), 0);
    assert_eq!(peer.ask("0000007000000000"), goaway(5, code::PROTOCOL, "glitches"));
}

#[test]
fn stream_id_zero_and_goaway_with_an_id() {
    for frames in [
        "0000001000000000",
        "0000001200000000",
        "000004000000000000000005",
        "000004200000000000000005",
        "000008300000000100000000",
    ] {
        ends(frames, 0, code::PROTOCOL, "stream id");
    }
}

#[test]
fn fixed_lengths() {
    for frames in ["0000032000000005000001", "0000050000000005", "0000073000000000"] {
        ends(frames, 0, code::FRAME_SIZE, "frame size");
    }
}

#[test]
fn window_overrun_resets_once_then_ends() {
    let (mut peer, key) = with_stream();
    peer.feed(&syn(7, 4));
    let other = peer.accept().unwrap();
    // Judged from the header: the answer is there before the body.
    peer.feed(&frame::data(5, 0x4_0000 - 3, false, false));
    assert_eq!(peer.out(), rst(5, code::FLOW_CONTROL));
    assert_eq!(peer.read(key).1, Some(Err(StreamError::Reset(code::FLOW_CONTROL))));
    // Exactly that body is discarded, the session lives.
    peer.feed(&vec![0; 0x4_0000 - 3]);
    assert!(peer.core.held_bytes() < 70 << 10);
    peer.hex("00000110 00000007 2a");
    assert_eq!(peer.read(other).0.last(), Some(&0x2a));
    peer.feed(&frame::data(7, 0xFF_FFFF, false, false));
    assert_eq!(peer.out(), goaway(7, code::FLOW_CONTROL, "flow control"));
}

#[test]
fn a_giant_frame_on_a_fresh_stream_is_not_buffered() {
    let mut peer = Peer::server();
    peer.feed(&frame::data(5, 0xFF_FFFF, true, false));
    assert_eq!(peer.out(), rst(5, code::FLOW_CONTROL));
    for _ in 0..255 {
        peer.feed(&[0; 0x1_0000]);
        assert!(peer.core.held_bytes() <= 64 << 10);
    }
    peer.feed(&[0; 0xFFFF]);
    peer.feed(&syn(7, 4));
    assert!(peer.accept().is_some());
}

#[test]
fn data_after_fin() {
    let (mut peer, key) = with_stream();
    assert_eq!(peer.ask("00000011 00000005"), "");
    assert_eq!(peer.read(key), (vec![], Some(Ok(()))));
    assert_eq!(peer.ask("00000011 00000005"), "", "a second empty FIN");
    assert_eq!(peer.ask("00000210 00000005 0102"), rst(5, code::STREAM_CLOSED));
    assert!(peer.is_open());
}

#[test]
fn data_for_a_stream_that_closed_lately_is_dropped_in_silence() {
    let (mut peer, key) = with_stream();
    peer.core.reset(key, code::CANCELLED);
    assert_eq!(peer.out(), rst(5, code::CANCELLED));
    for _ in 0..5_000 {
        peer.feed(&data(5, 10));
    }
    assert_eq!(peer.out(), "");
    // Finished by both counts as closed too.
    peer.feed(&syn(7, 4));
    let key = peer.accept().unwrap();
    peer.hex("0000001100000007");
    peer.core.finish(key).unwrap();
    peer.out();
    assert_eq!(peer.ask("00000110 00000007 00"), "");
    // Thirty seconds later it is unknown.
    peer.now += Duration::from_secs(31);
    assert_eq!(peer.ask("00000110 00000007 00"), rst(7, code::STREAM_CLOSED));
}

#[test]
fn data_for_a_stream_never_opened() {
    let mut peer = Peer::server();
    let one = "00000110 00000005 00";
    assert_eq!(peer.ask(one), rst(5, code::STREAM_CLOSED));
    assert_eq!(
        peer.ask("00000010 00000005"),
        rst(5, code::STREAM_CLOSED),
        "empty without FIN"
    );
    assert_eq!(peer.ask("00000011 00000005"), "", "empty FIN");
    assert_eq!(peer.ask(&hex(&frame::rst(5, 0))), "");
    assert_eq!(peer.ask(&hex(&frame::wndinc(5, 1))), "");
    for _ in 0..98 {
        peer.hex(one);
    }
    peer.out();
    assert_eq!(peer.ask(one), goaway(0, code::CALM, "unknown streams"));

    let mut slow = Peer::server();
    for _ in 0..300 {
        slow.hex(one);
        slow.now += Duration::from_millis(11);
    }
    assert!(slow.is_open(), "fewer than 100 a second");
}

#[test]
fn syn_with_the_wrong_parity() {
    ends("0000041200000004 00000003", 0, code::PROTOCOL, "stream id");
    let mut client = Peer::client();
    assert_eq!(
        client.ask("0000041200000005 00000003"),
        goaway(0, code::PROTOCOL, "stream id")
    );
}

#[test]
fn syn_with_a_used_id() {
    ends(
        "0000001200000005 0000001200000005",
        5,
        code::PROTOCOL,
        "stream id reused",
    );
    // Closed long ago is used as well.
    let (mut peer, key) = with_stream();
    peer.core.reset(key, code::CANCELLED);
    peer.out();
    peer.now += Duration::from_secs(60);
    assert_eq!(
        peer.ask("0000041200000005 00000003"),
        goaway(5, code::PROTOCOL, "stream id reused")
    );
}

#[test]
fn syn_below_the_highest_is_valid_within_the_bitmap() {
    let mut peer = Peer::server();
    for id in [9, 5, 7, 3] {
        peer.feed(&syn(id, 4));
        assert_eq!(peer.accept().unwrap().id(), id);
    }
    peer.feed(&syn(2 * 3_000 + 1, 4));
    peer.feed(&syn(2 * 1_977 + 1, 4));
    assert_eq!(peer.out(), "");
    peer.feed(&syn(2 * 1_976 + 1, 4));
    assert_eq!(peer.out(), goaway(6_001, code::PROTOCOL, "stream id reused"));
}

#[test]
fn syn_on_other_frames_is_a_glitch() {
    let (mut peer, key) = with_stream();
    assert_eq!(peer.ask("00000422 00000005 00000001"), "");
    assert_eq!(peer.ask("00000402 00000005 00000007"), "");
    assert_eq!(
        peer.read(key).1,
        Some(Err(StreamError::Reset(code::RESET))),
        "the flag is ignored, the frame counts"
    );
    for _ in 0..14 {
        peer.hex("00000422 00000005 00000001");
    }
    assert!(peer.is_open());
    peer.hex("00000402 00000009 00000007");
    assert_eq!(peer.out(), goaway(5, code::PROTOCOL, "glitches"));
}

#[test]
fn syn_beyond_the_limit_costs_one_stream() {
    let mut peer = Peer::new(Config {
        max_inbound: 1,
        ..quiet(Config::server())
    });
    peer.feed(&syn(3, 4));
    let key = peer.accept().unwrap();
    peer.feed(&syn(5, 100));
    assert_eq!(peer.out(), rst(5, code::REFUSED));
    peer.feed(&data(5, 100));
    assert_eq!(peer.out(), "", "what was in flight for it is dropped");
    peer.core.reset(key, code::CANCELLED);
    peer.feed(&syn(7, 4));
    assert_eq!(peer.accept().unwrap().id(), 7);
}

#[test]
fn a_type_must_come_within_five_seconds() {
    let mut peer = Peer::server();
    peer.hex("00000012 00000003");
    peer.hex("00000312 00000005 000000");
    assert!(peer.accept().is_none());
    peer.now += Duration::from_secs(4);
    peer.hex("00000110 00000005 03");
    assert_eq!(peer.accept().unwrap().id(), 5);
    assert_eq!(peer.after(Duration::from_millis(1_001)), rst(3, code::PROTOCOL));
    assert!(peer.is_open());
}

#[test]
fn syn_after_our_goaway() {
    let (mut peer, key) = with_stream();
    peer.core.go_away("");
    assert_eq!(peer.out(), goaway(5, code::NONE, ""));
    peer.feed(&syn(7, 4));
    assert_eq!(peer.out(), rst(7, code::REFUSED));
    assert_eq!(peer.core.open(b"type"), Err(OpenError::GoingAway));
    // The open one goes on, and its end is the session's.
    peer.hex("00000111 00000005 2a");
    assert_eq!(peer.read(key), (vec![0x2a], Some(Ok(()))));
    peer.core.finish(key).unwrap();
    assert_eq!(peer.out(), "0000001100000005");
    assert_eq!(peer.reason(), Some(CloseReason::Local(0)));
}

#[test]
fn rst_drops_what_was_not_read() {
    let (mut peer, key) = with_stream();
    peer.feed(&data(5, 100));
    peer.hex(&rst(5, 9));
    assert_eq!(
        peer.read(key),
        (vec![], Some(Err(StreamError::Reset(code::REFUSED)))),
        "accept queue full is as refused"
    );
    assert_eq!(peer.send(key, b"x"), std::task::Poll::Ready(Err(StreamError::Reset(5))));
    assert_eq!(peer.out(), "");
    for (sent, seen) in [(11, 7), (15, 7), (16, 2), (0xFF, 2), (0xFFFF_FFFF, 2), (4, 4)] {
        assert_eq!(code::received(sent), seen);
    }
}

#[test]
fn rst_flood() {
    let flood = |pause: Duration| {
        let mut peer = Peer::server();
        for id in 0..1_001 {
            peer.feed(&syn(id * 2 + 3, 4));
            peer.hex(&rst(id * 2 + 3, code::CANCELLED));
            peer.now += pause;
        }
        peer.out()
    };
    assert_eq!(flood(Duration::from_millis(1)), goaway(2_003, code::CALM, "resets"));
    assert_eq!(flood(Duration::from_millis(11)), "");
}

#[test]
fn wndinc_flood_without_data() {
    let (mut peer, key) = with_stream();
    let grant = frame::wndinc(5, 1);
    for round in 0..3 {
        for _ in 0..10_000 {
            peer.feed(&grant);
        }
        assert!(peer.is_open(), "{round}");
        // Each read of a stock agent makes one: data sent earns them.
        assert!(peer.send(key, b"x").is_ready());
        peer.out();
    }
    for _ in 0..10_001 {
        peer.feed(&grant);
    }
    assert_eq!(peer.out(), goaway(5, code::CALM, "window increments"));
}

#[test]
fn wndinc_zero_and_overflow() {
    let (mut peer, key) = with_stream();
    assert_eq!(peer.ask("00000420 00000005 00000000"), "");
    // Clamped, not refused; the top bit is masked.
    assert_eq!(peer.ask("00000420 00000005 ffffffff"), "");
    assert!(peer.send(key, &[0; 1_000]).is_ready());
    assert!(peer.is_open());
}

#[test]
fn empty_data_in_a_row() {
    let (mut peer, _key) = with_stream();
    for _ in 0..1_000 {
        peer.hex("00000010 00000005");
    }
    peer.feed(&data(5, 1));
    for _ in 0..1_000 {
        peer.hex("00000010 00000005");
    }
    assert!(peer.is_open());
    assert_eq!(peer.ask("00000010 00000005"), goaway(5, code::CALM, "empty frames"));
}

#[test]
fn goaway_of_the_peer() {
    let mut peer = Peer::server();
    let served = peer.core.open(b"type").unwrap();
    let refused = peer.core.open(b"type").unwrap();
    peer.out();
    // Last id 2, a text of 300 bytes: 256 are kept.
    let text = "x".repeat(300);
    peer.hex(&goaway(2, code::NONE, &text));
    assert_eq!(peer.core.open(b"type"), Err(OpenError::GoingAway));
    assert_eq!(peer.read(refused).1, Some(Err(StreamError::Reset(code::REFUSED))));
    peer.hex("00000211 00000002 0102");
    assert_eq!(peer.read(served), (vec![1, 2], Some(Ok(()))));
    peer.core.finish(served).unwrap();
    assert_eq!(peer.out(), "0000001100000002".to_owned() + &goaway(0, code::NONE, ""));
    assert_eq!(
        peer.reason(),
        Some(CloseReason::GoAway {
            code: 0,
            message: "x".repeat(256)
        })
    );
}

#[test]
fn goaway_of_the_peer_waits_thirty_seconds() {
    let mut peer = Peer::server();
    let key = peer.core.open(b"type").unwrap();
    peer.out();
    peer.hex(&goaway(2, code::NONE, ""));
    assert_eq!(peer.after(Duration::from_secs(29)), "");
    assert_eq!(peer.after(Duration::from_secs(1)), goaway(0, 0, ""));
    assert_eq!(peer.read(key).1, Some(Err(StreamError::SessionLost)));
}

#[test]
fn the_end_of_the_connection() {
    let (mut peer, key) = with_stream();
    peer.feed(&data(5, 3));
    peer.core.lost(CloseReason::Eof);
    assert_eq!(peer.read(key), (vec![0xBB; 3], Some(Err(StreamError::SessionLost))));
    assert_eq!(peer.reason(), Some(CloseReason::Eof));
    assert_eq!(peer.core.poll_timeout(), None);
}

#[test]
fn an_unfinished_stream_is_cancelled_and_the_reset_keeps_its_place() {
    let mut peer = Peer::server();
    let key = peer.core.open(b"type").unwrap();
    peer.core.reset(key, code::CANCELLED);
    // Not ahead of the SYN: the peer would ignore the RST and open the stream.
    assert_eq!(
        peer.out(),
        "000004120000000274797065".to_owned() + &rst(2, code::CANCELLED)
    );
    let key = peer.core.open(b"type").unwrap();
    peer.out();
    let other = peer.core.open(b"next").unwrap();
    peer.core.reset(key, code::CANCELLED);
    assert_eq!(
        peer.out(),
        rst(4, code::CANCELLED) + "00000412000000066e657874",
        "ahead of others' data"
    );
    let _ = other;
}

#[test]
fn limits_kept_toward_the_peer() {
    let mut peer = Peer::new(Config {
        max_outbound: 3,
        max_unaccepted: 2,
        ..quiet(Config::server())
    });
    let first = peer.core.open(b"type").unwrap();
    let second = peer.core.open(b"type").unwrap();
    assert_eq!(peer.core.open(b"type"), Err(OpenError::Unaccepted));
    assert!(!peer.core.is_accepted(first));
    peer.hex(&hex(&frame::wndinc(2, 4)));
    assert!(peer.core.is_accepted(first));
    peer.core.open(b"type").unwrap();
    assert_eq!(peer.core.open(b"type"), Err(OpenError::StreamLimit));
    // Reset before it was accepted: still in the peer's queue, until a later one is accepted …
    peer.core.reset(second, code::CANCELLED);
    assert_eq!(peer.core.open(b"type"), Err(OpenError::Unaccepted));
    peer.hex(&hex(&frame::wndinc(6, 4)));
    let third = peer.core.open(b"type").unwrap();
    // … or five seconds have gone.
    peer.core.reset(third, code::CANCELLED);
    let fourth = peer.core.open(b"type").unwrap();
    peer.core.reset(fourth, code::CANCELLED);
    assert_eq!(peer.core.open(b"type"), Err(OpenError::Unaccepted));
    peer.after(Duration::from_secs(6));
    assert!(peer.core.open(b"type").is_ok());
    assert_eq!(
        peer.core.open(&[0; 70_000]),
        Err(OpenError::StreamLimit).or(Err(OpenError::TooLarge))
    );
}
