//! The header of a proxied stream: exact bytes, no allocation, and both ends agree.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use std::net::{IpAddr, SocketAddr};

use adit_names::Scheme;
use adit_protocol::message::Error;
use adit_protocol::proxy_header::{AditHeader, EdgeType, MAX_JSON, ReceivedProxyHeader};
use adit_protocol::{ProxyHeader, fuzz};
use proptest::prelude::*;

fn header(id: &str) -> ProxyHeader<'_> {
    ProxyHeader {
        id,
        client_addr: "203.0.113.7:43116".parse().unwrap(),
        proto: Scheme::Https,
        edge_type: EdgeType::Bind,
        passthrough_tls: false,
        adit: None,
    }
}

fn encoded(header: &ProxyHeader<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    header.encode(&mut out).unwrap();
    out
}

#[test]
fn exact_bytes() {
    // Vector F12 of the protocol, without its frame header.
    let mut wanted = vec![0, 0, 0, 3, 0x64, 0, 0, 0, 0, 0, 0, 0];
    wanted.extend_from_slice(
        br#"{"Id":"tn_1","ClientAddr":"203.0.113.7:43116","Proto":"https","EdgeType":"0","PassthroughTLS":false}"#,
    );
    assert_eq!(wanted.len(), 112);
    assert_eq!(encoded(&header("tn_1")), wanted);
}

#[test]
fn negotiated_fields() {
    let mut h = header("a");
    h.adit = Some(AditHeader {
        event: Some("ev_1"),
        sni: None,
        alpn: Some("h2"),
        leg: Some(0),
        flow: Some(2),
    });
    h.passthrough_tls = true;
    let out = encoded(&h);
    assert!(out.ends_with(br#""PassthroughTLS":true,"Adit":{"ev":"ev_1","alpn":"h2","leg":0,"flow":2}}"#));
    h.adit = Some(AditHeader::default());
    assert!(encoded(&h).ends_with(br#","Adit":{}}"#));
}

#[test]
fn addresses_are_plain() {
    for (address, text) in [
        ("[::ffff:10.0.0.1]:1", "10.0.0.1:1"),
        ("[2001:db8::1]:443", "[2001:db8::1]:443"),
        ("[fe80::1%3]:5", "[fe80::1]:5"),
    ] {
        let h = ProxyHeader {
            client_addr: address.parse().unwrap(),
            ..header("a")
        };
        let (read, _) = ReceivedProxyHeader::read(&encoded(&h)[4..]).unwrap().unwrap();
        assert_eq!(read.client_addr, text);
        assert_eq!(read.client(), text.parse().ok());
    }
}

#[test]
fn written_without_growing_a_buffer_with_room() {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"before");
    let place = out.as_ptr();
    let mut h = header("ep_0ujtsYcgvSTl8PAuAdqWYSMnLOv");
    h.adit = Some(AditHeader {
        event: Some("ev_0ujtsYcgvSTl8PAuAdqWYSMnLOv"),
        sni: Some("app.example.com"),
        alpn: Some("http/1.1"),
        leg: Some(1),
        flow: None,
    });
    h.encode(&mut out).unwrap();
    assert_eq!(out.as_ptr(), place);
    assert!(out.starts_with(b"before\0\0\0\x03"));
}

#[test]
fn too_long_leaves_the_buffer_as_it_was() {
    let mut out = b"x".to_vec();
    assert_eq!(header(&"y".repeat(MAX_JSON)).encode(&mut out), Err(Error::TooLarge));
    assert_eq!(out, b"x");
}

#[test]
fn impossible_lengths() {
    for length in [-1_i64, i64::MIN, i64::MAX, 4097] {
        assert!(
            matches!(ReceivedProxyHeader::read(&length.to_le_bytes()), Err(Error::Header(_))),
            "{length}"
        );
    }
    assert_eq!(ReceivedProxyHeader::read(&[2, 0, 0, 0, 0, 0, 0]), Ok(None));
    assert_eq!(ReceivedProxyHeader::read(&[2, 0, 0, 0, 0, 0, 0, 0, b'{']), Ok(None));
    assert_eq!(
        ReceivedProxyHeader::read(&[2, 0, 0, 0, 0, 0, 0, 0, b'{', b'}', 1])
            .unwrap()
            .unwrap()
            .1,
        10
    );
    assert!(ReceivedProxyHeader::read(&[0; 8]).is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        id in any::<String>().prop_filter("short", |id| id.len() < 300),
        ip in any::<IpAddr>(),
        port in any::<u16>(),
        sni in proptest::option::of("\\PC{0,50}|[\\x00-\\x7f]{0,50}"),
        leg in any::<Option<u32>>(),
        passthrough_tls in any::<bool>(),
        rest in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let sent = ProxyHeader {
            id: &id,
            client_addr: SocketAddr::new(ip, port),
            proto: Scheme::Tcp,
            edge_type: EdgeType::Https,
            passthrough_tls,
            adit: Some(AditHeader { sni: sni.as_deref(), leg, ..AditHeader::default() }),
        };
        let mut bytes = encoded(&sent);
        let length = bytes.len() - 4;
        bytes.extend_from_slice(&rest);
        let (read, consumed) = ReceivedProxyHeader::read(&bytes[4..]).unwrap().unwrap();
        prop_assert_eq!(consumed, length);
        prop_assert_eq!(&read.id, &id);
        prop_assert_eq!(read.client(), Some(SocketAddr::new(ip.to_canonical(), port)));
        prop_assert_eq!((read.proto.as_str(), read.edge_type.as_str(), read.passthrough_tls), ("tcp", "3", passthrough_tls));
        let adit = read.adit.unwrap();
        prop_assert_eq!((adit.sni, adit.leg), (sni, leg));
        for cut in 4..4 + length {
            prop_assert_eq!(ReceivedProxyHeader::read(&bytes[4..cut]), Ok(None));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), length in 0_i64..90) {
        fuzz::proxy_header(&bytes);
        let mut framed = length.to_le_bytes().to_vec();
        framed.extend_from_slice(&bytes);
        fuzz::proxy_header(&framed);
    }
}
