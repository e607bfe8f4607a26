//! `openssl s_client` against our server.

use std::process::Stdio;
use std::sync::Arc;

use adit_tls::{
    ClientAuth, ClientRoots, Error, Identity, Resolver, ServerProfile, Stream, TicketKeys, Version, accept, alert_code,
};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::openssl::{command, find, s_client};
use crate::support::sockets::{Calls, Counted};
use crate::support::{Ca, NAME, Site, noise, site};

type Accepted = Result<Stream<Counted<TcpStream>>, Error>;

/// One connection of `s_client` with these arguments; the server answers with `answer` when the
/// handshake has succeeded, then closes. Gives the server's view and what the client printed.
async fn visit(profile: &ServerProfile, arguments: &[&str], answer: &[u8]) -> Option<(Accepted, Arc<Calls>, String)> {
    find()?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        let (socket, calls) = Counted::new(socket);
        let mut accepted = accept(socket, BytesMut::new(), profile).await;
        if let Ok(stream) = &mut accepted {
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
            // Until the client has gone, so that nothing is cut off by a reset.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        (accepted, calls)
    };
    let mut all = arguments.to_vec();
    if !arguments.iter().any(|argument| argument.ends_with("servername")) {
        all.extend_from_slice(&["-servername", NAME]);
    }
    let ((accepted, calls), printed) = tokio::join!(server, s_client(&address, &all, b""));
    Some((accepted, calls, printed))
}

#[tokio::test]
async fn suites_and_groups_are_what_they_should_be() {
    let site = site();
    for (arguments, suite, group, writes) in [
        (&[][..], "TLS_AES_128_GCM_SHA256", "X25519", 3),
        (&["-groups", "X25519"], "TLS_AES_128_GCM_SHA256", "X25519", 3),
        // A share for P-384 only: taken, although X25519 is liked better.
        (
            &["-groups", "P-384:X25519"],
            "TLS_AES_128_GCM_SHA256",
            "ECDH, secp384r1",
            3,
        ),
        // No usable share: a HelloRetryRequest, one write more.
        (
            &["-groups", "P-521:P-256"],
            "TLS_AES_128_GCM_SHA256",
            "ECDH, prime256v1",
            4,
        ),
        (
            &["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"],
            "TLS_CHACHA20_POLY1305_SHA256",
            "X25519",
            3,
        ),
        (
            &["-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"],
            "TLS_AES_256_GCM_SHA384",
            "X25519",
            3,
        ),
        (&["-tls1_2"], "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "X25519", 4),
        (
            &[
                "-tls1_2",
                "-cipher",
                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
            ],
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "X25519",
            4,
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"],
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "X25519",
            4,
        ),
    ] {
        let Some((accepted, calls, printed)) = visit(&site.server, arguments, b"hello").await else {
            return;
        };
        let accepted = accepted.unwrap_or_else(|error| panic!("{error}: {printed}"));
        assert_eq!(accepted.cipher_suite(), suite, "{arguments:?}");
        assert!(printed.contains("hello"), "{printed}");
        assert!(
            printed.contains(&format!("Server Temp Key: {group}")),
            "{arguments:?}: {printed}"
        );
        // Flight(s), answer, close_notify.
        assert_eq!(calls.take().1, writes, "{arguments:?}");
    }
}

#[tokio::test]
async fn old_versions_and_bad_suites_are_refused() {
    let site = site();
    let only = |version| {
        ServerProfile::builder(Arc::new(site.identity.clone()))
            .min_version(version)
            .max_version(version)
            .build()
            .unwrap()
    };
    for (profile, arguments, alert, said) in [
        (
            site.server.clone(),
            &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"][..],
            alert_code::PROTOCOL_VERSION,
            "protocol version",
        ),
        (
            only(Version::Tls13),
            &["-tls1_2"],
            alert_code::PROTOCOL_VERSION,
            "protocol version",
        ),
        (
            only(Version::Tls12),
            &["-tls1_3"],
            alert_code::PROTOCOL_VERSION,
            "protocol version",
        ),
        (
            site.server.clone(),
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
            alert_code::HANDSHAKE_FAILURE,
            "handshake failure",
        ),
    ] {
        let Some((accepted, _, printed)) = visit(&profile, arguments, b"").await else {
            return;
        };
        assert_eq!(accepted.unwrap_err().alert(), Some(alert), "{arguments:?}");
        assert!(printed.contains(said), "{arguments:?}: {printed}");
    }
}

#[tokio::test]
async fn alpn_and_names() {
    #[derive(Debug)]
    struct Named(Identity);
    impl Resolver for Named {
        fn identity(&self, server_name: Option<&str>) -> Option<Identity> {
            (server_name == Some(NAME)).then(|| self.0.clone())
        }
    }
    let site = site();
    let server = ServerProfile::builder(Arc::new(Named(site.identity.clone())))
        .alpn(&["h2", "http/1.1"])
        .build()
        .unwrap();
    for (arguments, want) in [
        (&["-alpn", "http/1.1,h2"][..], Ok(Some("h2"))),
        (&["-alpn", "http/1.1"], Ok(Some("http/1.1"))),
        (&[], Ok(None)),
        (&["-alpn", "spdy/3"], Err("no application protocol")),
        (&["-noservername"], Err("unrecognized name")),
        (&["-servername", "other.example"], Err("unrecognized name")),
        (&["-servername", "SITE.example"], Ok(None)),
    ] {
        let Some((accepted, _, printed)) = visit(&server, arguments, b"").await else {
            return;
        };
        match want {
            Ok(alpn) => {
                let stream = accepted.unwrap();
                assert_eq!(stream.alpn(), alpn.map(str::as_bytes));
                assert_eq!(stream.server_name(), Some(NAME));
            }
            Err(said) => {
                assert!(accepted.is_err());
                assert!(printed.contains(said), "{arguments:?}: {printed}");
            }
        }
    }
}

#[tokio::test]
async fn sessions_are_resumed_by_profile() {
    let site = site();
    let keys = TicketKeys::new([3; 32]);
    let profile = |alpn: &[&str]| {
        ServerProfile::builder(Arc::new(site.identity.clone()))
            .alpn(alpn)
            .tickets(keys.clone())
            .build()
            .unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    for version in ["-tls1_3", "-tls1_2"] {
        let file = folder.path().join(version);
        let file = file.to_str().unwrap();
        let save = [version, "-sess_out", file];
        let Some((first, _, printed)) = visit(&profile(&[]), &save, b"hello").await else {
            return;
        };
        assert!(!first.unwrap().resumed(), "{printed}");
        let load = [version, "-sess_in", file];
        let (second, _, printed) = visit(&profile(&[]), &load, b"hello").await.unwrap();
        assert!(second.unwrap().resumed());
        assert!(printed.contains("Reused, TLSv1."), "{printed}");
        let (third, _, printed) = visit(&profile(&["h2"]), &load, b"hello").await.unwrap();
        assert!(!third.unwrap().resumed());
        assert!(printed.contains("New, TLSv1."), "{printed}");
        let other = [version, "-sess_in", file, "-servername", "other.example"];
        let (fourth, _, _) = visit(&profile(&[]), &other, b"hello").await.unwrap();
        assert!(!fourth.unwrap().resumed(), "a ticket belongs to a name");
    }
}

#[tokio::test]
async fn client_certificates() {
    let site = site();
    let ca = Ca::new("Client Root");
    let leaf = ca.leaf(&["client.example"]);
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, &leaf.chain).unwrap();
    std::fs::write(&key, &leaf.key).unwrap();
    let server = ServerProfile::builder(Arc::new(site.identity.clone()))
        .client_auth(ClientAuth::Require {
            roots: ClientRoots::from_pem(ca.pem().as_bytes()).unwrap(),
        })
        .build()
        .unwrap();
    for version in ["-tls1_3", "-tls1_2"] {
        let with = [version, "-cert", cert.to_str().unwrap(), "-key", key.to_str().unwrap()];
        let Some((good, _, printed)) = visit(&server, &with, b"hello").await else {
            return;
        };
        assert!(good.unwrap().peer_verified());
        assert!(printed.contains("CN = Client Root"), "{printed}");
        let (bad, _, printed) = visit(&server, &[version], b"hello").await.unwrap();
        assert!(matches!(bad.unwrap_err(), Error::Certificate { .. }));
        let said = if version == "-tls1_3" {
            "certificate required"
        } else {
            "handshake failure"
        };
        assert!(printed.contains(said), "{version}: {printed}");
    }
}

#[tokio::test]
async fn a_client_that_cannot_verify_ecdsa_is_shown_the_rsa_certificate() {
    let ca = Ca::new("Test Root");
    let (ecdsa, rsa) = (ca.leaf(&[NAME]).identity(), ca.rsa_leaf(&[NAME]).identity());
    let server = ServerProfile::builder(Arc::new(ecdsa.or(&rsa))).build().unwrap();
    for version in ["-tls1_3", "-tls1_2"] {
        for (schemes, shown) in [
            ("RSA-PSS+SHA256:RSA+SHA256", "Peer signature type: RSA-PSS"),
            ("ECDSA+SHA256:RSA-PSS+SHA256", "Peer signature type: ECDSA"),
        ] {
            let arguments = [version, "-sigalgs", schemes];
            let Some((accepted, _, printed)) = visit(&server, &arguments, b"").await else {
                return;
            };
            assert!(accepted.is_ok(), "{version} {schemes}: {printed}");
            assert!(printed.contains(shown), "{version} {schemes}: {printed}");
        }
    }
}

#[tokio::test]
async fn large_transfers_both_ways() {
    if find().is_none() {
        return;
    }
    let site = site();
    let (up, down) = (noise(5_000_003), noise(6_000_001));
    for version in ["-tls1_3", "-tls1_2"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut client = command(&["s_client", "-quiet", "-connect", &address, version])
            .spawn()
            .unwrap();
        let mut stdin = client.stdin.take().unwrap();
        let mut stdout = client.stdout.take().unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let server = accept(socket, BytesMut::new(), &site.server).await.unwrap();
        let (mut read, mut write) = tokio::io::split(server);
        let mut got_up = vec![0; up.len()];
        let mut got_down = Vec::new();
        let server = async {
            let (written, read) = tokio::join!(
                async {
                    write.write_all(&down).await?;
                    write.flush().await
                },
                read.read_exact(&mut got_up)
            );
            written.unwrap();
            read.unwrap();
            // Not before: s_client stops sending when it is told that nothing more comes.
            write.shutdown().await.unwrap();
        };
        let ((), sent, received) = tokio::join!(
            server,
            async {
                stdin.write_all(&up).await?;
                stdin.flush().await
            },
            stdout.read_to_end(&mut got_down),
        );
        sent.unwrap();
        received.unwrap();
        assert!(got_up == up && got_down == down, "{version}");
    }
}

/// `s_client` with its commands: `K` asks for new keys in both directions, `k` changes only its
/// own, `R` asks for a renegotiation.
#[tokio::test]
async fn keys_are_changed_and_renegotiation_is_refused() {
    if find().is_none() {
        return;
    }
    let site = site();
    for (version, orders) in [("-tls1_3", &["K", "k", "K", "K"][..]), ("-tls1_2", &["R"])] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut client = command(&["s_client", "-msg", "-connect", &address, version])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = client.stdin.take().unwrap();
        let mut stdout = client.stdout.take().unwrap();
        let mut stderr = client.stderr.take().unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let mut server = accept(socket, BytesMut::new(), &site.server).await.unwrap();
        let (mut printed, mut said) = (String::new(), String::new());
        for (turn, order) in orders.iter().enumerate() {
            // A command is a line of its own, read in one piece; the line after it is data.
            stdin.write_all(format!("{order}\n").as_bytes()).await.unwrap();
            if *order == "R" {
                // This client gives up when it hears no_renegotiation; others would go on.
                server.read(&mut [0; 64]).await.unwrap_err();
                break;
            }
            until(&mut stderr, &mut said, "KEYUPDATE\n").await;
            let line = format!("line {turn}\n");
            stdin.write_all(line.as_bytes()).await.unwrap();
            let mut buf = [0; 64];
            let n = server.read(&mut buf).await.unwrap();
            assert_eq!(&buf[..n], line.as_bytes());
            server.write_all(format!("reply {turn}\n").as_bytes()).await.unwrap();
            let before = until(&mut stdout, &mut printed, &format!("reply {turn}\n")).await;
            // New keys are announced by us only if they were asked for (RFC 8446 section 4.6.3).
            let answered = before.contains("<<< TLS 1.3, Handshake [length 0005], KeyUpdate");
            assert_eq!(answered, *order == "K", "{before}");
        }
    }
}

/// Reads until something was printed, and takes what came up to there.
async fn until(stdout: &mut (impl AsyncReadExt + Unpin), printed: &mut String, what: &str) -> String {
    loop {
        if let Some(at) = printed.find(what) {
            return printed.drain(..at + what.len()).collect();
        }
        let mut buf = [0; 4096];
        let n = stdout.read(&mut buf).await.unwrap();
        assert!(n > 0, "{what:?} was not printed: {printed}");
        printed.push_str(&String::from_utf8_lossy(&buf[..n]));
    }
}

#[tokio::test]
async fn a_client_that_is_killed_is_no_clean_end() {
    if find().is_none() {
        return;
    }
    let site: Site = site();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = command(&["s_client", "-quiet", "-connect", &address]).spawn().unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    let mut server = accept(socket, BytesMut::new(), &site.server).await.unwrap();
    client.kill().await.unwrap();
    assert!(server.read(&mut [0; 64]).await.is_err());
}
