//! Our client against `openssl s_server`.

use adit_tls::{CertificateProblem, ClientProfile, Error, Roots, Stream, Version, alert_code, connect};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::openssl::Server;
use crate::support::sockets::Counted;
use crate::support::{Ca, NAME, noise};

async fn dial(server: &Server, name: &str, profile: &ClientProfile) -> Result<Stream<TcpStream>, Error> {
    let socket = TcpStream::connect(&server.address).await.unwrap();
    connect(socket, name, profile).await
}

fn profile(ca: &Ca, version: Version) -> ClientProfile {
    ClientProfile::builder(ca.roots()).max_version(version).build().unwrap()
}

#[tokio::test]
async fn lines_come_back_reversed() {
    let ca = Ca::new("Test Root");
    let leaf = ca.leaf(&[NAME, "127.0.0.1"]);
    let Some(server) = Server::start(&leaf, &["-rev"]).await else {
        return;
    };
    for version in [Version::Tls13, Version::Tls12] {
        let profile = profile(&ca, version);
        let mut resumed = Vec::new();
        for name in [NAME, NAME, "127.0.0.1"] {
            let mut stream = dial(&server, name, &profile).await.unwrap();
            assert_eq!(stream.version(), version.as_str());
            stream.write_all(b"hello\n").await.unwrap();
            let mut line = [0; 6];
            stream.read_exact(&mut line).await.unwrap();
            assert_eq!(&line, b"olleh\n");
            resumed.push(stream.resumed());
            stream.shutdown().await.unwrap();
        }
        assert_eq!(resumed, [false, true, false], "{version:?}");
        let wrong = dial(&server, "127.0.0.2", &profile).await.unwrap_err();
        assert!(matches!(
            wrong,
            Error::Certificate {
                problem: CertificateProblem::WrongName { .. },
                ..
            }
        ));
    }
}

#[tokio::test]
async fn a_large_file_down() {
    let ca = Ca::new("Test Root");
    let Some(server) = Server::start(&ca.leaf(&[NAME]), &["-HTTP"]).await else {
        return;
    };
    let data = noise(4_000_001);
    std::fs::write(server.folder().join("file"), &data).unwrap();
    for version in [Version::Tls13, Version::Tls12] {
        let mut stream = dial(&server, NAME, &profile(&ca, version)).await.unwrap();
        stream.write_all(b"GET /file HTTP/1.0\r\n\r\n").await.unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await.unwrap();
        assert!(got == data, "{version:?}: {} bytes", got.len());
    }
}

#[tokio::test]
async fn a_large_file_up() {
    let ca = Ca::new("Test Root");
    let data = noise(4_000_001);
    for version in [Version::Tls13, Version::Tls12] {
        let Some(mut server) = Server::start(&ca.leaf(&[NAME]), &["-naccept", "1"]).await else {
            return;
        };
        let mut stream = dial(&server, NAME, &profile(&ca, version)).await.unwrap();
        let mut got = Vec::new();
        let (sent, received) = tokio::join!(
            async {
                stream.write_all(&data).await?;
                stream.shutdown().await
            },
            server.stdout.read_to_end(&mut got)
        );
        sent.unwrap();
        received.unwrap();
        // Around the data there is what it says about the session.
        let at = got.windows(32).position(|part| part == &data[..32]).unwrap();
        assert!(got[at..].starts_with(&data), "{version:?}: {} bytes", got.len());
    }
}

#[tokio::test]
async fn late_tickets_and_key_updates() {
    let ca = Ca::new("Test Root");
    let Some(mut server) = Server::start(&ca.leaf(&[NAME]), &[]).await else {
        return;
    };
    let (socket, calls) = Counted::new(TcpStream::connect(&server.address).await.unwrap());
    let profile = profile(&ca, Version::Tls13);
    let mut stream = connect(socket, NAME, &profile).await.unwrap();
    // The tickets come first, then the new keys; the next line shows that both were understood.
    for order in ["", "K\n", "k\n", "K\n"] {
        calls.take();
        server.stdin.write_all(order.as_bytes()).await.unwrap();
        // A command must not share a read of its input with the line that follows.
        tokio::select! {
            biased;
            _ = stream.read_u8() => panic!("there is nothing to read"),
            () = calls.some_read() => {}
        }
        server.stdin.write_all(b"a line\n").await.unwrap();
        let mut line = [0; 7];
        stream.read_exact(&mut line).await.unwrap();
        assert_eq!(&line, b"a line\n");
        stream.write_all(b"an answer\n").await.unwrap();
        let mut printed = String::new();
        while printed.trim() != "an answer" {
            printed.clear();
            assert!(server.stdout.read_line(&mut printed).await.unwrap() > 0);
        }
    }
    // It quits without a close_notify.
    server.stdin.write_all(b"Q\n").await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn our_certificate_is_shown_when_it_is_asked_for() {
    let ca = Ca::new("Test Root");
    let Some(server) = Server::start(&ca.leaf(&[NAME]), &["-rev", "-Verify", "1"]).await else {
        return;
    };
    for version in [Version::Tls13, Version::Tls12] {
        let with = ClientProfile::builder(ca.roots())
            .max_version(version)
            .identity(ca.leaf(&["client.example"]).identity())
            .build()
            .unwrap();
        let mut stream = dial(&server, NAME, &with).await.unwrap();
        stream.write_all(b"ab\n").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'b');
        drop(stream);

        let error = match dial(&server, NAME, &profile(&ca, version)).await {
            Err(error) => error.alert(),
            Ok(mut stream) => {
                let error = stream.read_u8().await.unwrap_err();
                Error::from_io(&error).and_then(Error::alert)
            }
        };
        let want = if version == Version::Tls13 {
            alert_code::CERTIFICATE_REQUIRED
        } else {
            alert_code::HANDSHAKE_FAILURE
        };
        assert_eq!(error, Some(want));
    }
}

#[tokio::test]
async fn versions_and_protocols_are_negotiated() {
    let ca = Ca::new("Test Root");
    let arguments = ["-rev", "-alpn", "adit-agent/1", "-tls1_2"];
    let Some(server) = Server::start(&ca.leaf(&[NAME]), &arguments).await else {
        return;
    };
    let client = ClientProfile::builder(ca.roots())
        .alpn(&["other", "adit-agent/1"])
        .build()
        .unwrap();
    let stream = dial(&server, NAME, &client).await.unwrap();
    assert_eq!(stream.alpn(), Some(&b"adit-agent/1"[..]));
    assert_eq!(stream.version(), "1.2");
    drop(stream);
    let modern = ClientProfile::builder(Roots::Insecure)
        .min_version(Version::Tls13)
        .build()
        .unwrap();
    let error = dial(&server, NAME, &modern).await.unwrap_err();
    assert_eq!(error.alert(), Some(alert_code::PROTOCOL_VERSION));
}
