//! `tls://` endpoints whose TLS ends at the service: every byte of the handshake is between visitor and service.

use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adit_tls::{ClientProfile, Identity, Roots, ServerProfile, TicketKeys};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::server::{Directory, free_range};
use crate::harness::visitor::runtime;
use crate::harness::{Agent, End, Process, Server, Upstream, Visitor};

fn server() -> &'static Server {
    Server::shared("streams")
}

/// A certificate for a name, as PEM, with its key.
pub(super) fn certificate(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// Application protocol of a connection, and whether its session was resumed.
type Seen = (Option<String>, bool);

/// A TLS service that says which protocol was agreed on and echoes what it receives.
struct TlsService {
    address: std::net::SocketAddr,
    certificate: String,
    /// Protocols and resumption of the handshakes so far.
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl TlsService {
    fn start(name: &str, alpn: &[&str]) -> Self {
        let (certificate, key) = certificate(name);
        let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let profile = ServerProfile::builder(Arc::new(identity))
            .alpn(alpn)
            .tickets(TicketKeys::random().unwrap())
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        std::thread::spawn(move || {
            for io in listener.incoming().map_while(Result::ok) {
                let (profile, noted) = (profile.clone(), noted.clone());
                std::thread::spawn(move || {
                    runtime().block_on(async move {
                        io.set_nonblocking(true).unwrap();
                        let io = tokio::net::TcpStream::from_std(io).unwrap();
                        let Ok(mut tls) = adit_tls::accept(io, BytesMut::new(), &profile).await else {
                            return;
                        };
                        let alpn = tls.alpn().map(|p| String::from_utf8_lossy(p).into_owned());
                        noted
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push((alpn, tls.resumed()));
                        let mut buffer = vec![0; 16 * 1024];
                        while let Ok(n) = tls.read(&mut buffer).await {
                            if n == 0 || tls.write_all(&buffer[..n]).await.is_err() || tls.flush().await.is_err() {
                                break;
                            }
                        }
                        let _ = tls.shutdown().await;
                    });
                });
            }
        });
        Self {
            address,
            certificate,
            seen,
        }
    }

    fn roots(&self) -> Roots {
        Roots::Pem(self.certificate.clone().into_bytes())
    }
}

#[test]
fn the_visitor_speaks_with_the_service_itself() {
    let name = "through.adit.localhost";
    let service = TlsService::start(name, &["foo", "bar"]);
    let agent = Agent::tls(server(), service.address)
        .url(&format!("tls://{name}"))
        .start();
    assert_eq!(agent.url, format!("tls://{name}:{}", server().info.https.port()));
    // Verified against the service's own certificate: the server could not have ended it.
    let profile = ClientProfile::builder(service.roots()).alpn(&["bar"]).build().unwrap();
    let mut visitor = Visitor::handshake(server().info.https, name, &profile).unwrap();
    assert_eq!(visitor.alpn().as_deref(), Some("bar"));
    let text = vec![b'x'; 200_000];
    visitor.send(&text);
    assert!(visitor.bytes(text.len()) == text);
    visitor.finish();
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
    // The server's authority is not believed here, and the service's not elsewhere.
    let wrong = ClientProfile::builder(Roots::Pem(server().info.ca_pem()))
        .build()
        .unwrap();
    assert!(Visitor::handshake(server().info.https, name, &wrong).is_err());
    // A session of the service is resumed by the service.
    let mut again = Visitor::handshake(server().info.https, name, &profile).unwrap();
    again.send("y");
    assert_eq!(again.bytes(1), b"y");
    let seen = service.seen.lock().unwrap().clone();
    assert_eq!(seen.first(), Some(&(Some("bar".to_owned()), false)));
    assert_eq!(seen.last(), Some(&(Some("bar".to_owned()), true)), "{seen:?}");
    drop(agent);
}

#[test]
fn protocols_that_the_server_knows_itself_are_passed_on() {
    let name = "through-alpn.adit.localhost";
    let service = TlsService::start(name, &["acme-tls/1", "h2"]);
    let agent = Agent::tls(server(), service.address)
        .url(&format!("tls://{name}"))
        .start();
    for protocol in ["acme-tls/1", "h2"] {
        let profile = ClientProfile::builder(service.roots())
            .alpn(&[protocol])
            .build()
            .unwrap();
        let visitor = Visitor::handshake(server().info.https, name, &profile).unwrap();
        assert_eq!(visitor.alpn().as_deref(), Some(protocol));
    }
    // What the service does not speak, the service refuses.
    let profile = ClientProfile::builder(service.roots())
        .alpn(&["nonsense"])
        .build()
        .unwrap();
    let refused = Visitor::handshake(server().info.https, name, &profile).err().unwrap();
    assert_eq!(refused.alert(), Some(120), "{refused:?}");
    drop(agent);
}

/// A second ClientHello, because the first offers a key share that the service does not take; and a hello of 4 KiB.
#[test]
fn a_retried_and_a_large_hello_pass() {
    let name = "through-retry.adit.localhost";
    let directory = Directory::new();
    let (certificate, key) = certificate(name);
    let file = |file: &str, text: &str| {
        let path = directory.path().join(file);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (crt, key) = (file("crt", &certificate), file("key", &key));
    let port = free_range().split('-').next().unwrap().to_owned();
    let service = Process::start(Command::new("openssl").args([
        "s_server",
        "-accept",
        &format!("127.0.0.1:{port}"),
        "-cert",
        &crt,
        "-key",
        &key,
        "-groups",
        "P-384",
        "-www",
        "-alpn",
        "http/1.1",
    ]));
    service.line("ACCEPT", |l| l == "ACCEPT");
    let agent = Agent::tls(server(), format!("127.0.0.1:{port}").parse().unwrap())
        .url(&format!("tls://{name}"))
        .start();
    let protocols = (0..14)
        .map(|i| format!("{i:0250}"))
        .chain(["http/1.1".to_owned()])
        .collect::<Vec<_>>()
        .join(",");
    for flags in [
        &["-groups", "X25519:P-384"][..],
        &["-groups", "P-384", "-alpn", &protocols],
    ] {
        let mut client = Command::new("sh");
        client
            .args([
                "-c",
                r#"printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -ign_eof "$@""#,
                "sh",
                "-connect",
                &server().info.https.to_string(),
            ])
            .args(["-servername", name, "-CAfile", &crt])
            .args(flags);
        let said = Process::start(&mut client).ended();
        assert!(
            said.stdout.contains("HTTP/1.0 200 ok") && said.stdout.contains("Verify return code: 0 (ok)"),
            "{flags:?} {said:?}"
        );
    }
    drop(agent);
}

#[test]
fn a_hello_is_replayed_byte_for_byte() {
    let name = "through-bytes.adit.localhost";
    let upstream = Upstream::bind();
    let agent = Agent::tls(server(), upstream.address())
        .url(&format!("tls://{name}"))
        .start();
    // A hello by hand: one extension, the name.
    let mut extension = vec![0, 0];
    let host = name.as_bytes();
    let list = [&[0_u8][..], &(host.len() as u16).to_be_bytes(), host].concat();
    let list = [&(list.len() as u16).to_be_bytes()[..], &list].concat();
    extension.extend((list.len() as u16).to_be_bytes());
    extension.extend(list);
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[0],
        &[0, 2, 0xc0, 0x2b],
        &[1, 0],
        &(extension.len() as u16).to_be_bytes(),
        &extension,
    ]
    .concat();
    let message = [&[1][..], &(body.len() as u32).to_be_bytes()[1..], &body].concat();
    let record = [&[0x16, 3, 1][..], &(message.len() as u16).to_be_bytes(), &message].concat();
    let behind = b"\x17\x03\x03\x00\x05early";
    let mut visitor = Visitor::plain(server().info.https);
    visitor.send([&record[..], behind].concat());
    let mut conn = upstream.accept();
    assert_eq!(conn.bytes(record.len() + behind.len()), [&record[..], behind].concat());
    // From here on it is not looked at.
    conn.send("anything at all");
    assert_eq!(visitor.bytes(15), b"anything at all");
    visitor.send("and back");
    assert_eq!(conn.bytes(8), b"and back");
    conn.reset();
    assert_eq!(visitor.rest().1, End::Reset);
    drop(agent);
}

#[test]
fn a_service_that_is_down_is_no_handshake() {
    let name = "through-down.adit.localhost";
    let port = free_range().split('-').next().unwrap().to_owned();
    let agent = Agent::tls(server(), format!("127.0.0.1:{port}").parse().unwrap())
        .url(&format!("tls://{name}"))
        .start();
    let profile = ClientProfile::builder(Roots::Insecure).build().unwrap();
    let began = std::time::Instant::now();
    assert!(Visitor::handshake(server().info.https, name, &profile).is_err());
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(agent);
}
