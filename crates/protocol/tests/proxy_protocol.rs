//! PROXY protocol: known bytes, bounds, and what is written is read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use std::net::{IpAddr, SocketAddr};

use adit_protocol::fuzz;
use adit_protocol::proxy_protocol::{
    Addresses, Header, MAX_READS, MAX_WRITTEN, Outgoing, Parse, ProxyError, Reader, TlsInfo, Tlvs, Version, parse,
};
use proptest::prelude::*;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn outgoing(version: Version, source: &str, destination: &str) -> Outgoing<'static> {
    Outgoing {
        version,
        source: addr(source),
        destination: addr(destination),
        local: false,
        datagram: false,
        tlvs: Tlvs::default(),
    }
}

fn encoded(header: &Outgoing<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    header.encode(&mut out);
    out
}

fn header(bytes: &[u8]) -> Header {
    match parse(bytes) {
        Ok(Parse::Header(header)) => header,
        other => panic!("{other:?}"),
    }
}

fn hex(text: &str) -> Vec<u8> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

#[test]
fn documented_examples() {
    let one = encoded(&outgoing(Version::V1, "203.0.113.7:43116", "198.51.100.9:443"));
    assert_eq!(one, b"PROXY TCP4 203.0.113.7 198.51.100.9 43116 443\r\n");
    assert_eq!(one.len(), 47);
    let two = encoded(&outgoing(Version::V2, "203.0.113.7:43116", "198.51.100.9:443"));
    assert_eq!(
        two,
        hex("0d0a0d0a000d0a515549540a 21 11 000c cb007107 c6336409 a86c 01bb")
    );
    assert_eq!(two.len(), 28);
}

#[test]
fn health_checks_have_sixteen_bytes_or_more() {
    let mut local = outgoing(Version::V2, "10.0.0.1:1", "10.0.0.1:2");
    local.local = true;
    assert_eq!(encoded(&local), hex("0d0a0d0a000d0a515549540a 20 00 0000"));
    assert_eq!(header(&encoded(&local)).addresses, None);
    local.version = Version::V1;
    // Never `PROXY UNKNOWN`: 15 bytes, a Rust-family agent waits for 16.
    assert_eq!(encoded(&local), b"PROXY TCP4 10.0.0.1 10.0.0.1 1 2\r\n");
    assert!(encoded(&outgoing(Version::V1, "0.0.0.0:0", "0.0.0.0:0")).len() >= 16);
}

#[test]
fn mixed_families_are_written_as_ipv6() {
    let mixed = outgoing(Version::V1, "[2001:db8::7]:1", "[::ffff:198.51.100.9]:443");
    assert_eq!(encoded(&mixed), b"PROXY TCP6 2001:db8::7 ::ffff:198.51.100.9 1 443\r\n");
    let both = header(&encoded(&Outgoing {
        version: Version::V2,
        ..mixed
    }))
    .addresses
    .unwrap();
    assert_eq!(
        both,
        Addresses {
            source: addr("[2001:db8::7]:1"),
            destination: addr("198.51.100.9:443")
        }
    );
    // Mapped addresses at both ends are IPv4.
    assert_eq!(
        encoded(&outgoing(Version::V2, "[::ffff:1.2.3.4]:1", "5.6.7.8:2")).len(),
        28
    );
}

#[test]
fn additions() {
    let mut full = outgoing(Version::V2, "203.0.113.7:43116", "198.51.100.9:443");
    full.tlvs = Tlvs {
        alpn: Some(b"h2"),
        authority: Some("a.b"),
        tls: Some(TlsInfo {
            version: "TLSv1.3",
            common_name: Some("c"),
            verified: true,
        }),
        unique_id: Some([7; 16]),
        checksum: true,
    };
    let bytes = encoded(&full);
    assert_eq!(
        bytes[28..bytes.len() - 4],
        hex(
            "01 0002 6832  02 0003 612e62  20 0013 03 00000000 21 0007 544c5376312e33 22 0001 63  05 0010 07070707070707070707070707070707  03 0004"
        )
    );
    let read = header(&bytes);
    assert_eq!(
        (read.consumed, read.unique_id.as_deref()),
        (bytes.len(), Some([7; 16].as_slice()))
    );
    // All but the byte that says there is a checksum.
    for at in (16..bytes.len()).filter(|at| *at != bytes.len() - 7) {
        let mut broken = bytes.clone();
        broken[at] ^= 1;
        assert!(
            !matches!(parse(&broken), Ok(Parse::Header(_))),
            "byte {at} may change unnoticed"
        );
    }
    full.tlvs.tls = Some(TlsInfo {
        version: "TLSv1.2",
        common_name: None,
        verified: false,
    });
    let bytes = encoded(&full);
    assert!(bytes.windows(8).any(|w| w == hex("20 000f 01 00000001")));
}

#[test]
fn what_does_not_fit_is_left_out_authority_first() {
    let long = "x".repeat(255);
    let mut full = outgoing(Version::V2, "[2001:db8::7]:1", "[2001:db8::8]:2");
    full.tlvs = Tlvs {
        alpn: Some(long.as_bytes()),
        authority: Some(&long),
        tls: Some(TlsInfo {
            version: "TLSv1.3",
            common_name: Some("name"),
            verified: true,
        }),
        unique_id: Some([7; 16]),
        checksum: true,
    };
    let contains = |bytes: &[u8], head: &[u8]| bytes.windows(head.len()).any(|w| w == head);
    let bytes = encoded(&full);
    assert!(
        bytes.len() <= MAX_WRITTEN
            && !contains(&bytes, &[2, 0, 255])
            && contains(&bytes, &[1, 0, 255])
            && contains(&bytes, b"name")
    );
    let longer = "y".repeat(400);
    full.tlvs.tls = Some(TlsInfo {
        version: "TLSv1.3",
        common_name: Some(&longer),
        verified: true,
    });
    let bytes = encoded(&full);
    assert!(bytes.len() <= MAX_WRITTEN && !contains(&bytes, b"yyy") && contains(&bytes, &[1, 0, 255]));
    let longest = vec![b'z'; 600];
    full.tlvs.alpn = Some(&longest);
    let bytes = encoded(&full);
    assert!(bytes.len() <= MAX_WRITTEN && !contains(&bytes, b"zzz"));
    assert_eq!(header(&bytes).unique_id.as_deref(), Some([7; 16].as_slice()));
}

#[test]
fn lines_that_are_taken() {
    let both = |source: &str, destination: &str| {
        Some(Addresses {
            source: addr(source),
            destination: addr(destination),
        })
    };
    for (line, addresses) in [
        (
            "PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\nGET",
            both("1.2.3.4:0", "5.6.7.8:65535"),
        ),
        (
            "PROXY TCP6 ::ffff:1.2.3.4 2001:DB8::1 1 2\r\n",
            both("1.2.3.4:1", "[2001:db8::1]:2"),
        ),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
    ] {
        let read = header(line.as_bytes());
        assert_eq!(read.addresses, addresses, "{line}");
        assert_eq!(read.consumed, line.find('\n').unwrap() + 1);
        for cut in 0..read.consumed {
            assert_eq!(
                parse(&line.as_bytes()[..cut]),
                Ok(Parse::Partial),
                "{line} cut at {cut}"
            );
        }
    }
}

#[test]
fn lines_that_are_refused() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n",
        "PROXY TCP4 ::1 5.6.7.8 1 2\r\n",
        "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 \u{661} 2\r\n",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(ProxyError::Line), "{line:?}");
    }
    let endless = format!("PROXY UNKNOWN {}", "x".repeat(200));
    assert_eq!(parse(&endless.as_bytes()[..106]), Ok(Parse::Partial));
    assert_eq!(parse(&endless.as_bytes()[..107]), Err(ProxyError::Line));
}

#[test]
fn binary_forms() {
    let with = |rest: &str| {
        let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        bytes.extend(hex(rest));
        bytes
    };
    // LOCAL with anything behind it, UNSPEC, Unix sockets: the real peer counts.
    for bytes in [
        with("20 11 0003 aabbcc"),
        with("21 00 0000"),
        with(&format!("21 31 00d8 {}", "00".repeat(216))),
    ] {
        let read = header(&bytes);
        assert_eq!((read.addresses, read.consumed), (None, bytes.len()));
    }
    assert!(header(&with("21 12 000c 01020304 05060708 0001 0002")).datagram);
    assert_eq!(
        header(&with("21 11 0010 01020304 05060708 0001 0002 04 0001 00 ff")).consumed,
        32
    );
    for (bytes, error) in [
        (with("11 11 000c"), ProxyError::Word),
        (with("22 11 000c"), ProxyError::Word),
        (with("21 13 000c"), ProxyError::Word),
        (with("21 41 000c"), ProxyError::Word),
        (with("21 11 000b"), ProxyError::Length),
        (with("21 21 000c"), ProxyError::Length),
        (with("21 11 1001"), ProxyError::Length),
        (with("21 11 000d 01020304 05060708 0001 0002 04"), ProxyError::Tlv),
        (with("21 11 000f 01020304 05060708 0001 0002 04 0001"), ProxyError::Tlv),
        (
            with("21 11 0012 01020304 05060708 0001 0002 03 0003 000000"),
            ProxyError::Tlv,
        ),
        (
            with("21 11 0013 01020304 05060708 0001 0002 03 0004 00000000"),
            ProxyError::Checksum,
        ),
    ] {
        assert_eq!(parse(&bytes), Err(error), "{bytes:02x?}");
    }
    assert_eq!(parse(b"GET / HTTP/1.1\r\n"), Ok(Parse::Absent));
    assert_eq!(parse(b"\x16\x03\x01"), Ok(Parse::Absent));
    assert_eq!(parse(b"\r\n\r\n\0\r\nQUIX"), Ok(Parse::Absent));
    assert_eq!(parse(b""), Ok(Parse::Partial));
}

#[test]
fn not_byte_by_byte() {
    let line = b"PROXY TCP6 2001:db8:1111:2222:3333:4444:5555:6666 2001:db8:1111:2222:3333:4444:5555:6666 1 2\r\n";
    let mut reader = Reader::default();
    for cut in 1..MAX_READS as usize {
        assert_eq!(reader.advance(&line[..cut]), Ok(Parse::Partial));
    }
    assert_eq!(
        reader.advance(&line[..MAX_READS as usize]),
        Err(ProxyError::TooManyReads)
    );
    let mut reader = Reader::default();
    assert_eq!(reader.advance(&line[..50]), Ok(Parse::Partial));
    assert!(matches!(reader.advance(line), Ok(Parse::Header(_))));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        from in any::<IpAddr>(), to in any::<IpAddr>(), ports in any::<(u16, u16)>(),
        datagram in any::<bool>(), checksum in any::<bool>(), unique_id in any::<Option<[u8; 16]>>(),
        alpn in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
        authority in proptest::option::of("[a-z.]{0,300}"), name in proptest::option::of("\\PC{0,300}"),
        rest in proptest::collection::vec(any::<u8>(), 0..9), two in any::<bool>(),
    ) {
        let sent = Outgoing {
            version: if two { Version::V2 } else { Version::V1 },
            source: SocketAddr::new(from, ports.0),
            destination: SocketAddr::new(to, ports.1),
            local: false,
            datagram: datagram && two,
            tlvs: Tlvs {
                alpn: alpn.as_deref(),
                authority: authority.as_deref(),
                tls: Some(TlsInfo { version: "TLSv1.3", common_name: name.as_deref(), verified: true }),
                unique_id,
                checksum,
            },
        };
        let mut bytes = encoded(&sent);
        let length = bytes.len();
        prop_assert!((16..=MAX_WRITTEN).contains(&length));
        bytes.extend_from_slice(&rest);
        let read = header(&bytes);
        prop_assert_eq!(read.consumed, length);
        prop_assert_eq!(read.addresses, Some(Addresses {
            source: SocketAddr::new(from.to_canonical(), ports.0),
            destination: SocketAddr::new(to.to_canonical(), ports.1),
        }));
        prop_assert_eq!(read.datagram, datagram && two);
        if two {
            prop_assert_eq!(read.unique_id.as_deref(), unique_id.as_ref().map(<[u8; 16]>::as_slice));
        }
        for cut in 0..length {
            prop_assert_eq!(parse(&bytes[..cut]), Ok(Parse::Partial));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), word in any::<[u8; 2]>(), length in 0_u16..60) {
        fuzz::proxy_protocol(&bytes);
        let mut line = b"PROXY TCP".to_vec();
        line.extend_from_slice(&bytes);
        fuzz::proxy_protocol(&line);
        let mut binary = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        binary.extend_from_slice(&word);
        binary.extend_from_slice(&length.to_be_bytes());
        binary.extend_from_slice(&bytes);
        fuzz::proxy_protocol(&binary);
        binary[12..14].copy_from_slice(&[0x21, 0x11]);
        fuzz::proxy_protocol(&binary);
    }
}
