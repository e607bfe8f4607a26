//! The example frames of agent protocol 2.9, sent and received.

use adit_mux::{
    CloseReason, Config, code,
    frame::{self, Header, Kind},
};

use crate::peer::{Peer, hex, quiet, syn, unhex};

const F12: &str = "0000701200000004000000036400000000000000\
    7b224964223a22746e5f31222c22436c69656e7441646472223a223230332e302e3131332e373a3433313136222c\
    2250726f746f223a226874747073222c224564676554797065223a2230222c22506173737468726f756768544c53\
    223a66616c73657d";

#[test]
fn headers_encode_and_decode() {
    for (bytes, length, kind, syn, fin, stream) in [
        ("0000041200000003", 4, Kind::Data, true, false, 3),
        ("0000041000000003", 4, Kind::Data, false, false, 3),
        ("0000061200000005", 6, Kind::Data, true, false, 5),
        ("0000042000000005", 4, Kind::WndInc, false, false, 5),
        ("0000001100000005", 0, Kind::Data, false, true, 5),
        ("0000040000000006", 4, Kind::Rst, false, false, 6),
        ("0000083000000000", 8, Kind::GoAway, false, false, 0),
        ("0000153000000000", 21, Kind::GoAway, false, false, 0),
        ("0000001300000008", 0, Kind::Data, true, true, 8),
        ("0000701200000004", 112, Kind::Data, true, false, 4),
        ("0000007000000000", 0, Kind::Unknown(7), false, false, 0),
        ("ffffff107fffffff", 0xFF_FFFF, Kind::Data, false, false, 0x7FFF_FFFF),
    ] {
        let header = Header {
            length,
            kind,
            fin,
            syn,
            stream,
        };
        assert_eq!(hex(&header.encode()), bytes);
        let raw: [u8; 8] = unhex(bytes).try_into().unwrap();
        assert_eq!(Header::parse(&raw), header);
    }
    // The reserved bit and unused flags are masked on receipt.
    let masked = Header::parse(&[0, 0, 4, 0x2C, 0x80, 0, 0, 5]);
    assert_eq!((masked.stream, masked.fin, masked.syn), (5, false, false));
}

#[test]
fn f1_f2_client_opens_its_heartbeat_first_and_beats() {
    let mut peer = Peer::new(Config::client());
    assert_eq!(peer.out(), "0000041200000003ffffffff");
    let beat = peer.after(std::time::Duration::from_secs(11));
    assert!(beat.starts_with("0000041000000003"), "{beat}");
    assert_eq!(beat.len(), 24);
}

#[test]
fn f3_type_and_body_in_the_opening_frame() {
    let mut peer = Peer::new(Config::client());
    peer.out();
    let key = peer.core.open(b"\0\0\0\0{}").unwrap();
    assert_eq!(key.id(), 5);
    assert_eq!(peer.out(), "0000061200000005000000007b7d");
}

#[test]
fn f4_grant_of_a_quarter() {
    let mut peer = Peer::server();
    peer.feed(&syn(5, 65_535));
    let key = peer.accept().unwrap();
    assert_eq!(peer.read(key).0.len(), 65_535);
    assert_eq!(peer.out(), "");
    peer.hex("0000011000000005 00");
    assert_eq!(peer.read(key).0.len(), 1);
    assert_eq!(peer.out(), "000004200000000500010000");
}

#[test]
fn f5_empty_fin_and_fin_on_the_newest_frame() {
    let mut peer = Peer::server();
    peer.feed(&syn(5, 4));
    let key = peer.accept().unwrap();
    peer.core.finish(key).unwrap();
    assert_eq!(peer.out(), "0000001100000005");

    peer.feed(&syn(7, 4));
    let key = peer.accept().unwrap();
    assert!(peer.send(key, b"ok").is_ready());
    peer.core.finish(key).unwrap();
    assert_eq!(peer.out(), "0000021100000007 6f6b".replace(' ', ""));
}

#[test]
fn f6_refused() {
    let mut peer = Peer::new(Config {
        max_inbound: 2,
        ..quiet(Config::client())
    });
    peer.feed(&syn(2, 4));
    peer.feed(&syn(4, 4));
    peer.feed(&syn(6, 4));
    assert_eq!(peer.out(), "000004000000000600000005");
    assert!(peer.is_open());
}

#[test]
fn f7_flow_control() {
    let mut peer = Peer::server();
    let mut frame = frame::data(7, 0x4_0001, true, false).to_vec();
    frame.extend([0; 100]);
    peer.feed(&frame);
    assert_eq!(peer.out(), "000004000000000700000003");
}

#[test]
fn f8_f9_goaway() {
    let mut peer = Peer::server();
    peer.feed(&syn(9, 4));
    peer.core.close(code::NONE, "");
    assert_eq!(peer.out(), "00000830000000000000000900000000");
    assert_eq!(peer.reason(), Some(CloseReason::Local(0)));

    let mut peer = Peer::server();
    peer.feed(&syn(9, 4));
    peer.core.close(code::PROTOCOL, "invalid frame");
    assert_eq!(peer.out(), "00001530000000000000000900000001696e76616c6964206672616d65");
}

#[test]
fn f10_broken_goaway_of_the_rust_family() {
    let mut peer = Peer::server();
    let key = peer.core.open(b"type").unwrap();
    peer.out();
    let answer = peer.ask("00000d30000000000000000000000001696e76616c6964206672616d65");
    assert_eq!(answer, "00000830000000000000000000000000", "an orderly end");
    assert_eq!(
        peer.reason(),
        Some(CloseReason::GoAway {
            code: 1,
            message: "inval".into()
        })
    );
    let (_, end) = peer.read(key);
    assert!(end.unwrap().is_err());

    // With a stream that may still finish, the stray bytes are parsed, and end it without a word.
    let mut peer = Peer::server();
    peer.core.open(b"type").unwrap();
    peer.out();
    assert_eq!(peer.ask("00000d30000000000000000200000001696e76616c"), "");
    assert!(peer.is_open());
    assert_eq!(peer.ask("6964206672616d65"), "");
    assert!(matches!(peer.reason(), Some(CloseReason::GoAway { .. })));
}

#[test]
fn f11_syn_and_fin_without_a_type() {
    let mut peer = Peer::client();
    assert_eq!(
        peer.ask("0000001300000008"),
        "000004000000000800000001",
        "RST(1): a type can no longer come"
    );
    assert!(peer.accept().is_none());
    assert!(peer.is_open());
}

#[test]
fn f12_proxy_header_in_one_frame() {
    let mut server = Peer::new(Config {
        heartbeat: Config::server().heartbeat,
        ..quiet(Config::server())
    });
    assert_eq!(server.out(), "0000041200000002ffffffff");
    let key = server.core.open(&unhex(F12)[8..]).unwrap();
    assert_eq!(key.id(), 4);
    assert_eq!(server.out(), F12);

    let mut client = Peer::client();
    // Byte by byte: nothing depends on where the connection cuts.
    for byte in unhex(F12) {
        client.feed(&[byte]);
    }
    let key = client.accept().unwrap();
    assert_eq!(client.read(key).0, &unhex(F12)[8..]);
}
