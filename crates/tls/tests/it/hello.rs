//! The ClientHello parser: recorded hellos, every split, and anything at all.

use adit_tls::client_hello::{self, ClientHello, HelloError, MAX_LEN, MAX_WIRE_LEN, Parse, parse};
use adit_tls::{ClientProfile, Roots, Version, alert_code, connect};
use proptest::prelude::*;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::support::openssl;

/// RFC 8448 section 3: a real TLS 1.3 hello for the name `server`.
const RFC8448: &str = "\
16030100c4010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113\
031302010000910000000b0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103\
010400230000003300260024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c00\
2b0003020304000d0020001e040305030603020308040805080604010501060102010402050206020202002d000201010\
01c00024001";

fn rfc8448() -> Vec<u8> {
    (0..RFC8448.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&RFC8448[at..at + 2], 16).unwrap())
        .collect()
}

fn whole(bytes: &[u8]) -> ClientHello {
    match parse(bytes) {
        Ok(Parse::Hello(hello)) => hello,
        other => panic!("{other:?}"),
    }
}

/// The same message in records of these sizes, in turn.
fn resplit(record: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = &record[5..];
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*size).clamp(1, rest.len()));
        out.extend_from_slice(&[22, 3, 1]);
        out.extend_from_slice(&u16::try_from(now.len()).unwrap().to_be_bytes());
        out.extend_from_slice(now);
        rest = later;
    }
    out
}

#[test]
fn the_recorded_hello_is_understood() {
    let bytes = rfc8448();
    let hello = whole(&bytes);
    assert_eq!(
        hello,
        ClientHello {
            server_name: Some("server".to_owned()),
            name_sent: true,
            alpn: vec![],
            tls13: true,
            max_version: 0x0304,
            consumed: bytes.len(),
            prefers_chacha: false,
            key_shares: vec![29],
        }
    );
    assert_eq!(hello.missing_name_alert(), alert_code::MISSING_EXTENSION);
}

#[test]
fn every_prefix_is_partial_and_every_split_is_whole() {
    let bytes = rfc8448();
    for cut in 0..bytes.len() {
        assert_eq!(parse(&bytes[..cut]), Ok(Parse::Partial), "{cut}");
    }
    let want = ClientHello {
        consumed: 0,
        ..whole(&bytes)
    };
    for size in 1..bytes.len() {
        let split = resplit(&bytes, &[size]);
        let hello = whole(&split);
        assert_eq!(hello.consumed, split.len());
        assert_eq!(ClientHello { consumed: 0, ..hello }, want);
        for cut in (0..split.len()).step_by(7) {
            assert_eq!(parse(&split[..cut]), Ok(Parse::Partial));
        }
    }
    // What follows is not touched.
    let mut more = bytes.clone();
    more.extend_from_slice(b"\x14\x03\x03");
    assert_eq!(whole(&more).consumed, bytes.len());
}

/// Builds a hello record with these extensions.
fn with_extensions(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, data) in extensions {
        list.extend_from_slice(&kind.to_be_bytes());
        list.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        list.extend_from_slice(data);
    }
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0, 2, 0x13, 1, 1, 0]);
    body.extend_from_slice(&u16::try_from(list.len()).unwrap().to_be_bytes());
    body.extend_from_slice(&list);
    record(&body)
}

fn record(body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).unwrap().to_be_bytes();
    let mut message = vec![1, a, b, c];
    message.extend_from_slice(body);
    let mut out = Vec::new();
    for part in message.chunks(16 * 1024) {
        out.extend_from_slice(&[22, 3, 1]);
        out.extend_from_slice(&u16::try_from(part.len()).unwrap().to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

fn sni(name: &[u8]) -> Vec<u8> {
    let len = u16::try_from(name.len()).unwrap();
    let mut data = (len + 3).to_be_bytes().to_vec();
    data.push(0);
    data.extend_from_slice(&len.to_be_bytes());
    data.extend_from_slice(name);
    data
}

#[test]
fn names_that_are_none() {
    for (name, want) in [
        (&b"WWW.Example.Com."[..], Some("www.example.com")),
        (b"192.0.2.7", None),
        (b"2001:db8::1", None),
        (b"a_b.example", None),
        (b"\xff\xfe", None),
    ] {
        let hello = whole(&with_extensions(&[(0, &sni(name))]));
        assert_eq!(hello.server_name.as_deref(), want);
        assert!(hello.name_sent);
        assert!(!hello.tls13);
        assert_eq!(hello.missing_name_alert(), alert_code::HANDSHAKE_FAILURE);
    }
    let hello = whole(&with_extensions(&[]));
    assert!(!hello.name_sent);
}

#[test]
fn alpn_is_a_list() {
    let hello = whole(&with_extensions(&[(16, b"\x00\x0c\x02h2\x08http/1.1")]));
    assert_eq!(hello.alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert!(hello.offers(b"h2") && !hello.offers(b"h3"));
}

#[test]
fn malformed_hellos_are_refused_for_the_right_reason() {
    use HelloError::{Duplicate, Malformed, Misaligned, NotHello, NotTls, TooLong};
    let twice = sni(b"a.example");
    let two_names = [&[0, 24][..], &twice[2..], &twice[2..]].concat();
    for (extensions, want) in [
        (&[(0u16, &b""[..])][..], Malformed),
        (&[(0, b"\x00\x00")], Malformed),
        (&[(0, b"\x00\x03\x00\x00\x00")], Malformed),
        (&[(0, b"\x00\x04\x00\x00\x05a")], Malformed),
        (&[(0, &two_names)], Duplicate),
        (&[(0, &twice), (0, &twice)], Duplicate),
        (&[(16, b"\x00\x00")], Malformed),
        (&[(16, b"\x00\x01\x00")], Malformed),
        (&[(16, b"\x00\x03\x05h2")], Malformed),
        (&[(16, b"\x00\x03\x02h2x")], Malformed),
        (&[(43, b"\x00")], Malformed),
        (&[(43, b"\x03\x03\x04\x03")], Malformed),
        (&[(51, b"\x00\x04\x00\x1d\x00\x00")], Malformed),
    ] {
        assert_eq!(parse(&with_extensions(extensions)), Err(want), "{extensions:?}");
    }
    assert_eq!(parse(b"GET /"), Err(NotTls));
    assert_eq!(parse(b"\x80\x2e\x01\x03\x01"), Err(NotTls)); // SSL 2
    assert_eq!(parse(&[22, 3, 1, 0, 4, 2, 0, 0, 0]), Err(NotHello));
    assert_eq!(parse(&[22, 3, 1, 0, 0]), Err(Misaligned));
    assert_eq!(parse(&[22, 3, 1, 0, 1, 1, 23, 3, 1, 0, 1]), Err(Misaligned));
    let mut tail = with_extensions(&[]);
    tail[4] += 1;
    tail.push(0);
    assert_eq!(parse(&tail), Err(Misaligned));
    let long = vec![0; MAX_LEN];
    assert_eq!(parse(&record(&long)), Err(TooLong));
    // No more is waited for than could be allowed.
    assert_eq!(parse(&[22, 3, 1, 0x40, 0, 1, 0, 0x40, 0]), Err(TooLong));
}

#[test]
fn the_longest_hello_is_accepted_and_fine_splitting_is_bounded() {
    let padding = vec![0; MAX_LEN - 4 - 2 - 32 - 7 - 2 - 4];
    let longest = with_extensions(&[(21, &padding)]);
    // More than one record holds is needed only for its own header.
    assert_eq!(whole(&longest).consumed, MAX_LEN + 5);
    assert!(matches!(parse(&resplit(&longest, &[300])), Ok(Parse::Hello(_))));
    assert_eq!(parse(&resplit(&longest, &[1])), Err(HelloError::TooLong));
    let unfinished = &resplit(&longest, &[1])[..MAX_WIRE_LEN];
    assert_eq!(parse(unfinished), Ok(Parse::Partial));
}

/// The first bytes that a program sends to a server that says nothing.
async fn recorded(arguments: &[&str]) -> Option<Vec<u8>> {
    openssl::find()?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = openssl::command(&["s_client", "-connect", &address])
        .args(arguments)
        .spawn()
        .unwrap();
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut bytes = Vec::new();
    while matches!(parse(&bytes), Ok(Parse::Partial)) {
        assert!(socket.read_buf(&mut bytes).await.unwrap() > 0);
    }
    client.kill().await.unwrap();
    Some(bytes)
}

#[tokio::test]
async fn openssl_says_what_it_was_told_to() {
    let names = ["-servername", "Site.Example", "-alpn", "h2,http/1.1"];
    let Some(bytes) = recorded(&names).await else {
        return;
    };
    let hello = whole(&bytes);
    assert_eq!(hello.server_name.as_deref(), Some("site.example"));
    assert!(hello.tls13 && hello.offers(b"h2") && !hello.prefers_chacha);
    assert_eq!(hello.key_shares, [29]);
    for cut in 0..bytes.len() {
        assert_eq!(parse(&bytes[..cut]), Ok(Parse::Partial));
    }
    let old = recorded(&["-tls1_2", "-noservername", "-cipher", "CHACHA20"]).await;
    let hello = whole(&old.unwrap());
    assert!(!hello.name_sent && !hello.tls13 && hello.prefers_chacha);
    assert_eq!(hello.max_version, 0x0303);
}

#[tokio::test]
async fn our_own_hello_with_a_post_quantum_share() {
    let client = ClientProfile::builder(Roots::Insecure)
        .alpn(&["adit-agent/1"])
        .min_version(Version::Tls13)
        .build()
        .unwrap();
    let (io, mut tap) = tokio::io::duplex(64 * 1024);
    let mut bytes = Vec::with_capacity(4096);
    tokio::select! {
        biased;
        _ = connect(io, "connect.example", &client) => panic!("nobody answered"),
        n = tap.read_buf(&mut bytes) => assert!(n.unwrap() > 1216),
    }
    let hello = whole(&bytes);
    assert_eq!(hello.server_name.as_deref(), Some("connect.example"));
    assert!(hello.key_shares.contains(&0x11ec) && hello.offers(b"adit-agent/1"));
    let split = resplit(&bytes, &[600, 1, 3]);
    assert_eq!(whole(&split).key_shares, hello.key_shares);
}

proptest! {
    #[test]
    fn anything_at_all_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        client_hello::fuzz(&bytes);
    }

    #[test]
    fn a_changed_hello_is_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        sizes in prop::collection::vec(1usize..300, 1..4),
    ) {
        let mut bytes = resplit(&rfc8448(), &sizes);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        client_hello::fuzz(&bytes);
        for cut in [1, bytes.len() / 2] {
            // An error that a part shows is shown by the whole as well.
            if let Err(error) = parse(&bytes[..cut]) {
                prop_assert_eq!(parse(&bytes), Err(error));
            }
        }
    }
}
