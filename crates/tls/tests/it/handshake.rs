//! Our two sides with each other: what is agreed on, and every way to disagree.

use std::sync::Arc;
use std::time::Duration;

use adit_tls::{
    CertificateProblem, ClientProfile, Error, ErrorKind, Identity, Resolver, Roots, ServerProfile, Version, accept,
    alert_code, connect,
};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::sockets::Counted;
use crate::support::{Ca, NAME, noise, pair, shake, site};

#[tokio::test]
async fn the_defaults_agree_on_tls13_with_aes128() {
    let site = site();
    let (server, client) = pair(&site.server, &site.client, NAME).await;
    let (server, client) = (server.unwrap(), client.unwrap());
    for stream in [&server, &client] {
        assert_eq!(stream.version(), "1.3");
        assert_eq!(stream.cipher_suite(), "TLS_AES_128_GCM_SHA256");
        assert_eq!(stream.server_name(), Some(NAME));
        assert_eq!(stream.alpn(), None);
        assert!(!stream.resumed());
    }
    assert!(client.peer_verified() && !server.peer_verified());
    let chain: Vec<&[u8]> = site.identity.chain().collect();
    assert_eq!(client.peer_certificate(), chain.first().copied());
    assert_eq!(client.peer_certificates(), chain);
    assert!(server.peer_certificates().is_empty());
}

#[tokio::test]
async fn a_range_of_versions_is_kept_on_both_sides() {
    use Version::{Tls12, Tls13};
    let site = site();
    for (server_range, client_range, want) in [
        ((Tls12, Tls13), (Tls12, Tls12), Some("1.2")),
        ((Tls12, Tls12), (Tls12, Tls13), Some("1.2")),
        ((Tls13, Tls13), (Tls12, Tls13), Some("1.3")),
        ((Tls13, Tls13), (Tls12, Tls12), None),
        ((Tls12, Tls12), (Tls13, Tls13), None),
    ] {
        let server = ServerProfile::builder(Arc::new(site.identity.clone()))
            .min_version(server_range.0)
            .max_version(server_range.1)
            .build()
            .unwrap();
        let client = ClientProfile::builder(site.ca.roots())
            .min_version(client_range.0)
            .max_version(client_range.1)
            .build()
            .unwrap();
        let (server, client) = pair(&server, &client, NAME).await;
        let Some(want) = want else {
            assert_eq!(server.unwrap_err().alert(), Some(alert_code::PROTOCOL_VERSION));
            let error = client.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Alert);
            assert_eq!(error.alert(), Some(alert_code::PROTOCOL_VERSION));
            continue;
        };
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        assert_eq!((server.version(), client.version()), (want, want));
        server.write_all(b"hello").await.unwrap();
        client.write_all(b"world").await.unwrap();
        let mut buf = [0; 5];
        client.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"hello");
        server.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"world");
    }
    let wrong = ServerProfile::builder(Arc::new(site.identity))
        .min_version(Tls13)
        .max_version(Tls12)
        .build();
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn tls12_without_an_extended_master_secret_is_refused() {
    let site = site();
    let old = ClientProfile::builder(site.ca.roots())
        .max_version(Version::Tls12)
        .build()
        .unwrap();
    let (io, mut tap) = tokio::io::duplex(4096);
    let mut hello = BytesMut::with_capacity(4096);
    tokio::select! {
        biased;
        _ = connect(io, NAME, &old) => panic!("nobody answered"),
        n = tap.read_buf(&mut hello) => assert!(n.unwrap() > 100),
    }
    // The empty extension 23 (RFC 7627 section 5.1), in its place an unknown one.
    let at = hello.windows(4).position(|part| part == [0, 23, 0, 0]).unwrap();
    let (a, mut b) = tokio::io::duplex(8192);
    let mut answer = Vec::with_capacity(4096);
    tokio::select! {
        _ = accept(a, hello.clone(), &site.server) => panic!("it was good enough"),
        n = b.read_buf(&mut answer) => assert!(n.unwrap() > 500),
    }
    hello[at..at + 2].copy_from_slice(&[0xfa, 0xfa]);
    let (a, mut b) = tokio::io::duplex(8192);
    b.shutdown().await.unwrap(); // nothing more comes, so that a hello that is accepted fails too
    let error = accept(a, hello, &site.server).await.unwrap_err();
    assert_eq!(error.alert(), Some(alert_code::HANDSHAKE_FAILURE));
    answer.clear();
    b.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, adit_tls::alert(alert_code::HANDSHAKE_FAILURE));
}

#[tokio::test]
async fn alpn_is_chosen_by_the_server() {
    let site = site();
    for (ours, theirs, want) in [
        (&["h2", "http/1.1"][..], &["http/1.1", "h2"][..], Ok(Some("h2"))),
        (&["http/1.1"], &["h2", "http/1.1"], Ok(Some("http/1.1"))),
        (&["h2"], &[], Ok(None)),
        (&[], &["h2"], Ok(None)),
        (&["h2"], &["adit-agent/1"], Err(alert_code::NO_APPLICATION_PROTOCOL)),
    ] {
        let server = ServerProfile::builder(Arc::new(site.identity.clone()))
            .alpn(ours)
            .build()
            .unwrap();
        let client = ClientProfile::builder(site.ca.roots()).alpn(theirs).build().unwrap();
        let (server, client) = pair(&server, &client, NAME).await;
        match want {
            Ok(want) => {
                let want = want.map(str::as_bytes);
                assert_eq!(server.unwrap().alpn(), want);
                assert_eq!(client.unwrap().alpn(), want);
            }
            Err(alert) => {
                assert_eq!(server.unwrap_err().alert(), Some(alert));
                assert_eq!(client.unwrap_err().alert(), Some(alert));
            }
        }
    }
}

#[derive(Debug)]
struct Only(&'static str, Identity);

impl Resolver for Only {
    fn identity(&self, server_name: Option<&str>) -> Option<Identity> {
        (server_name == Some(self.0)).then(|| self.1.clone())
    }
}

#[tokio::test]
async fn the_resolver_decides_by_name() {
    let ca = Ca::new("Test Root");
    let identity = ca.leaf(&["a.example", "127.0.0.1"]).identity();
    let server = ServerProfile::builder(Arc::new(Only("a.example", identity)))
        .build()
        .unwrap();
    for version in [Version::Tls12, Version::Tls13] {
        let client = ClientProfile::builder(ca.roots()).max_version(version).build().unwrap();
        let (good, _) = pair(&server, &client, "A.Example").await;
        assert_eq!(good.unwrap().server_name(), Some("a.example"));
        // An IP literal is not sent, so there is no name to find a certificate for.
        for name in ["b.example", "127.0.0.1"] {
            let (server, client) = pair(&server, &client, name).await;
            assert!(matches!(server.unwrap_err(), Error::NoIdentity));
            let alert = client.unwrap_err().alert();
            assert_eq!(alert, Some(alert_code::UNRECOGNIZED_NAME));
        }
    }
}

#[tokio::test]
async fn addresses_are_verified_but_not_sent() {
    let ca = Ca::new("Test Root");
    let identity = ca.leaf(&["127.0.0.1", "::1"]).identity();
    let server = ServerProfile::builder(Arc::new(identity)).build().unwrap();
    let client = ClientProfile::builder(ca.roots()).build().unwrap();
    for name in ["127.0.0.1", "::1", "[::1]"] {
        let (server, client) = pair(&server, &client, name).await;
        assert_eq!(server.unwrap().server_name(), None, "{name}");
        assert_eq!(client.unwrap().server_name(), None, "{name}");
    }
    let (_, other) = pair(&server, &client, "127.0.0.2").await;
    assert!(matches!(
        other.unwrap_err(),
        Error::Certificate {
            problem: CertificateProblem::WrongName { .. },
            ..
        }
    ));
}

#[tokio::test]
async fn a_refused_certificate_is_explained() {
    let site = site();
    let stranger = Ca::new("Corporate Proxy CA");
    let server = ServerProfile::builder(Arc::new(stranger.leaf(&[NAME]).identity()))
        .build()
        .unwrap();
    let (server, client) = pair(&server, &site.client, NAME).await;
    let error = client.unwrap_err();
    let Error::Certificate { problem, issuer, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*problem, CertificateProblem::UnknownIssuer);
    assert_eq!(issuer.as_deref(), Some("Corporate Proxy CA"));
    assert!(error.to_string().contains("issued by Corporate Proxy CA"));
    let error = server.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Alert);
    assert_eq!(error.alert(), Some(alert_code::UNKNOWN_CA));

    let (_, wrong) = pair(&site.server, &site.client, "other.example").await;
    let Error::Certificate {
        problem: CertificateProblem::WrongName { expected, presented },
        ..
    } = wrong.unwrap_err()
    else {
        panic!("expected a wrong name");
    };
    assert_eq!(expected, "other.example");
    assert_eq!(presented, [NAME]);
}

#[tokio::test]
async fn expired_and_future_certificates_are_told_apart() {
    let ca = Ca::new("Test Root");
    let client = ClientProfile::builder(ca.roots()).build().unwrap();
    for (from, to, want) in [
        (2001, 2002, CertificateProblem::Expired),
        (3001, 3002, CertificateProblem::NotYetValid),
    ] {
        let leaf = ca.leaf_with(&[NAME], |params| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(to, 1, 1);
        });
        let server = ServerProfile::builder(Arc::new(leaf.identity())).build().unwrap();
        let (_, client) = pair(&server, &client, NAME).await;
        match client.unwrap_err() {
            Error::Certificate { problem, .. } => assert_eq!(problem, want),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn insecure_accepts_anybody_and_says_so() {
    let site = site();
    let client = ClientProfile::builder(Roots::Insecure).build().unwrap();
    let (_, client) = pair(&site.server, &client, "whatever.example").await;
    assert!(!client.unwrap().peer_verified());
}

#[tokio::test]
async fn the_other_roots_refuse_a_stranger() {
    let site = site();
    for roots in [Roots::WebPki, Roots::Platform] {
        let client = ClientProfile::builder(roots).build().unwrap();
        let (_, client) = pair(&site.server, &client, NAME).await;
        assert_eq!(client.unwrap_err().kind(), ErrorKind::Certificate);
    }
    let client = ClientProfile::builder(Roots::PlatformAnd(site.ca.pem().into_bytes()))
        .build()
        .unwrap();
    let (_, client) = pair(&site.server, &client, NAME).await;
    assert!(client.unwrap().peer_verified());
}

#[tokio::test]
async fn of_two_identities_the_first_is_shown_to_those_who_can_verify_it() {
    let ca = Ca::new("Test Root");
    let (ecdsa, rsa) = (ca.leaf(&[NAME]).identity(), ca.rsa_leaf(&[NAME]).identity());
    let client = ClientProfile::builder(ca.roots()).build().unwrap();
    for (first, second) in [(&ecdsa, &rsa), (&rsa, &ecdsa)] {
        let server = ServerProfile::builder(Arc::new(first.or(second))).build().unwrap();
        let (_, client) = pair(&server, &client, NAME).await;
        assert_eq!(client.unwrap().peer_certificate(), first.chain().next());
    }
}

#[tokio::test]
async fn identities_are_checked_when_they_are_made() {
    let ca = Ca::new("Test Root");
    let (one, two) = (ca.leaf(&[NAME]), ca.leaf(&[NAME]));
    for (chain, key) in [
        (one.chain.as_str(), two.key.as_str()),
        ("", one.key.as_str()),
        (one.chain.as_str(), ""),
        (one.key.as_str(), one.chain.as_str()),
    ] {
        let error = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    assert!(Identity::from_der(vec![b"x".to_vec()], b"y".to_vec()).is_err());
    assert!(format!("{:?}", one.identity()).contains("ECDSA"));
}

#[tokio::test]
async fn each_side_writes_its_flight_at_once() {
    let site = site();
    for version in [Version::Tls13, Version::Tls12] {
        let client = ClientProfile::builder(site.ca.roots())
            .max_version(version)
            .build()
            .unwrap();
        let (a, b) = tokio::io::duplex(256 * 1024);
        let (a, server_calls) = Counted::new(a);
        let (b, client_calls) = Counted::new(b);
        let (server, client) = shake(a, &site.server, b, &client, NAME).await;
        let (_, _) = (server.unwrap(), client.unwrap());
        // TLS 1.3: hello flight | hello, Finished. TLS 1.2 has one more round trip.
        let want = if version == Version::Tls13 { 1 } else { 2 };
        assert_eq!(server_calls.take(), (2, want), "{version:?}");
        assert_eq!(client_calls.take(), (want, 2), "{version:?}");
    }
}

#[tokio::test]
async fn bytes_that_were_read_already_are_used() {
    let site = site();
    let (a, mut b) = tokio::io::duplex(256 * 1024);
    // The client's first flight, taken from the socket by somebody else, with the cut anywhere.
    let (hello_io, mut tap) = tokio::io::duplex(64 * 1024);
    let hello = tokio::select! {
        biased;
        _ = connect(hello_io, NAME, &site.client) => panic!("nobody answered"),
        hello = async {
            let mut hello = BytesMut::with_capacity(4096);
            tap.read_buf(&mut hello).await.unwrap();
            hello
        } => hello,
    };
    for cut in [0, 1, 4, 5, 6, 300, hello.len()] {
        let (a, b) = tokio::io::duplex(256 * 1024);
        let mut b = b;
        b.write_all(&hello[cut..]).await.unwrap();
        let server = accept(a, BytesMut::from(&hello[..cut]), &site.server);
        let answered = tokio::select! {
            _ = server => panic!("the handshake cannot end"),
            n = async { b.read(&mut [0; 1024]).await.unwrap() } => n,
        };
        assert!(answered > 500, "{cut}");
    }
    // And what follows the handshake at once is not lost.
    let (server, client) = tokio::join!(accept(a, BytesMut::new(), &site.server), async {
        let mut client = connect(&mut b, NAME, &site.client).await.unwrap();
        client.write_all(&noise(50_000)).await.unwrap();
        client.shutdown().await.unwrap();
    });
    let () = client;
    let mut got = Vec::new();
    server.unwrap().read_to_end(&mut got).await.unwrap();
    assert_eq!(got, noise(50_000));
}

#[tokio::test]
async fn garbage_is_answered_with_an_alert_and_fin() {
    let site = site();
    for (bytes, alert) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], alert_code::UNEXPECTED_MESSAGE),
        (&[22, 2, 0, 0, 5], alert_code::PROTOCOL_VERSION),
        (&[22, 3, 1, 0xff, 0xff], alert_code::RECORD_OVERFLOW),
        (&[22, 3, 1, 0, 4, 1, 0, 0x40, 0], alert_code::ILLEGAL_PARAMETER),
        (&[22, 3, 1, 0, 5, 1, 0, 0, 1, 3], alert_code::DECODE_ERROR),
    ] {
        let (a, mut b) = tokio::io::duplex(4096);
        b.write_all(bytes).await.unwrap();
        let error = accept(a, BytesMut::new(), &site.server).await.unwrap_err();
        assert!(matches!(error, Error::Hello(_)), "{error}");
        assert_eq!(error.alert(), Some(alert));
        let mut answer = Vec::new();
        b.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, adit_tls::alert(alert));
    }
}

#[tokio::test]
async fn a_peer_that_goes_away_or_says_nothing() {
    let site = site();
    let (a, b) = tokio::io::duplex(4096);
    drop(b);
    let error = accept(a, BytesMut::new(), &site.server).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.is_transient());

    let (a, _silent) = tokio::io::duplex(4096);
    let waited = async {
        let limit = Duration::from_millis(5);
        let stream = tokio::time::timeout(limit, connect(a, NAME, &site.client)).await??;
        Ok::<_, Error>(stream)
    };
    assert_eq!(waited.await.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn nonsense_in_the_middle_of_a_handshake() {
    let site = site();
    let (a, mut b) = tokio::io::duplex(64 * 1024);
    let (client, ()) = tokio::join!(connect(a, NAME, &site.client), async {
        let mut hello = [0; 1024];
        let _ = b.read(&mut hello).await.unwrap();
        b.write_all(b"SSH-2.0-OpenSSH\r\n").await.unwrap();
        b.shutdown().await.unwrap();
    });
    let error = client.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

#[test]
fn handshakes_can_run_anywhere() {
    fn is_send<T: Send>(_: &T) {}
    let site = site();
    let (a, b) = tokio::io::duplex(64);
    is_send(&accept(a, BytesMut::new(), &site.server));
    is_send(&connect(b, NAME, &site.client));
    fn is_sync<T: Send + Sync>() {}
    is_sync::<adit_tls::Stream<tokio::net::TcpStream>>();
    is_sync::<ServerProfile>();
    is_sync::<ClientProfile>();
}
