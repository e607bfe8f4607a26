//! The first byte and the ClientHello: every way to begin a connection to the TLS port.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use adit_tls::{ClientProfile, Roots};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use crate::harness::message::ok;
use crate::harness::visitor::{runtime, within};
use crate::harness::{End, Of, Server, Site, Visitor, openssl};

fn server() -> &'static Server {
    Server::shared("listeners")
}

/// The ClientHello that `openssl s_client` sends with these flags.
pub(crate) fn client_hello(flags: &[&str]) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &address])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut io, _) = listener.accept().unwrap();
    let mut head = [0; 5];
    io.read_exact(&mut head).unwrap();
    let mut hello = head.to_vec();
    hello.resize(5 + usize::from(u16::from_be_bytes([head[3], head[4]])), 0);
    io.read_exact(&mut hello[5..]).unwrap();
    drop(io);
    client.wait().unwrap();
    hello
}

/// What the server says to these bytes, and how it closes.
#[track_caller]
fn answer(bytes: &[u8]) -> (Vec<u8>, End) {
    let mut visitor = Visitor::plain(server().info.https);
    visitor.send(bytes);
    visitor.rest()
}

/// A fatal alert in a plaintext record.
fn alert(code: u8) -> Vec<u8> {
    vec![0x15, 3, 3, 0, 2, 2, code]
}

#[test]
fn plain_http_is_told_to_use_https() {
    let mut visitor = Visitor::plain(server().info.https);
    visitor.send("GET / HTTP/1.1\r\nHost: x.example:8443\r\n\r\n");
    let answer = visitor.receive(Of::Get);
    assert_eq!((answer.status(), answer.code()), (400, "ERR_ADIT_4005"));
    assert!(answer.text().contains("use https://x.example"), "{answer:?}");
    assert_eq!(answer.get("connection"), Some("close"));
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
}

#[test]
fn markup_in_the_host_is_not_repeated() {
    let mut visitor = Visitor::plain(server().info.https);
    visitor.send("GET / HTTP/1.1\r\nHost: <script>alert(1)</script>\r\n\r\n");
    let answer = visitor.receive(Of::Get);
    assert_eq!(answer.status(), 400);
    assert!(!answer.text().contains('<'), "{answer:?}");
}

#[test]
fn other_first_bytes_are_closed_without_a_word() {
    for first in [
        &b"SSH-2.0-OpenSSH_9\r\n"[..],
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n",
        b"get / http/1.1\r\n\r\n",
        b"\x17\x03\x03",
    ] {
        let (said, _) = answer(first);
        // `PROXY` begins like a request; a peer that is not listed gets no further with it than plain HTTP does.
        if first.starts_with(b"PROXY") {
            assert!(
                said.is_empty() || said.starts_with(b"HTTP/1.1 400 "),
                "{}",
                said.escape_ascii()
            );
        } else {
            assert!(said.is_empty(), "{}: {}", first.escape_ascii(), said.escape_ascii());
        }
    }
}

#[test]
fn without_a_name_there_is_no_handshake() {
    assert_eq!(
        answer(&client_hello(&["-noservername", "-alpn", "h2,http/1.1", "-tls1_3"])),
        (alert(109), End::Clean)
    );
    assert_eq!(
        answer(&client_hello(&["-noservername", "-alpn", "h2,http/1.1", "-tls1_2"])),
        (alert(40), End::Clean)
    );
}

#[test]
fn an_address_as_name_is_no_name() {
    assert_eq!(
        answer(&client_hello(&["-servername", "127.0.0.1", "-alpn", "h2", "-tls1_3"])),
        (alert(109), End::Clean)
    );
    assert_eq!(
        answer(&client_hello(&["-servername", "::1", "-alpn", "h2", "-tls1_2"])),
        (alert(40), End::Clean)
    );
    assert_eq!(
        answer(&client_hello(&[
            "-servername",
            "a_b!.adit.localhost",
            "-alpn",
            "h2",
            "-tls1_3"
        ])),
        (alert(109), End::Clean)
    );
}

#[test]
fn a_foreign_name_is_unrecognized() {
    assert_eq!(
        answer(&client_hello(&["-servername", "nothere.invalid"])),
        (alert(112), End::Clean)
    );
    assert_eq!(
        answer(&client_hello(&["-servername", "adit.localhost.evil.example"])),
        (alert(112), End::Clean)
    );
}

#[test]
fn a_name_below_the_base_domain_says_nothing_about_whether_it_exists() {
    let said = openssl::get(
        server(),
        "nothere.adit.localhost",
        &["-servername", "nothere.adit.localhost"],
    );
    assert!(
        said.stdout.contains("HTTP/1.1 404") && said.stdout.contains("ERR_NGROK_3200"),
        "{said:?}"
    );
    assert!(said.stdout.contains("Verify return code: 0 (ok)"), "{said:?}");
}

#[test]
fn a_name_is_the_same_in_any_case_and_with_a_dot() {
    let site = Site::answering(server(), "xn--bcher-kva", &[], |_| ok("found"));
    for name in [
        "xn--bcher-kva.adit.localhost",
        "XN--BCHER-KVA.Adit.LocalHost",
        "xn--bcher-kva.adit.localhost.",
    ] {
        let said = openssl::get(server(), &site.host, &["-servername", name]);
        assert!(said.stdout.contains("HTTP/1.1 200 OK"), "{name}: {said:?}");
    }
}

#[test]
fn a_hello_in_many_pieces_is_a_hello() {
    let site = Site::answering(server(), "pieces", &[], |_| ok("found"));
    let runtime = runtime();
    let profile = ClientProfile::builder(Roots::Pem(server().info.ca_pem()))
        .build()
        .unwrap();
    let answer = within(&runtime, "handshake byte by byte", async {
        let io = TcpStream::connect(server().info.https).await.unwrap();
        io.set_nodelay(true).unwrap();
        let dribble = Dribble {
            io,
            bytes: Some(0),
            next: None,
        };
        let mut tls = adit_tls::connect(dribble, &site.host, &profile).await.unwrap();
        tls.get_mut().bytes = None;
        tls.write_all(format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", site.host).as_bytes())
            .await
            .unwrap();
        tls.flush().await.unwrap();
        let mut all = String::new();
        tls.read_to_string(&mut all).await.unwrap();
        all
    });
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("found"),
        "{answer}"
    );
}

#[test]
fn a_hello_that_stops_is_closed_in_time() {
    let hello = client_hello(&["-servername", "stops.adit.localhost"]);
    let began = Instant::now();
    let (said, _) = answer(&hello[..hello.len() / 2]);
    let took = began.elapsed();
    assert!(said.is_empty() || said.starts_with(&[0x15]), "{}", said.escape_ascii());
    assert!(
        (Duration::from_millis(4_500)..Duration::from_secs(9)).contains(&took),
        "{took:?}"
    );
}

#[test]
fn a_connection_that_says_nothing_is_closed_in_time() {
    let began = Instant::now();
    let (said, _) = answer(b"");
    let took = began.elapsed();
    assert!(said.is_empty());
    assert!(
        (Duration::from_millis(9_500)..Duration::from_secs(14)).contains(&took),
        "{took:?}"
    );
}

#[test]
fn a_hello_that_is_too_large_is_refused() {
    // A handshake message of 17 KiB in two records.
    let message_length = 17 * 1024_u32;
    let mut message = vec![1];
    message.extend(&message_length.to_be_bytes()[1..]);
    message.extend([3, 3]);
    message.resize(message_length as usize + 4, 7);
    let mut bytes = Vec::new();
    for part in message.chunks(16 * 1024) {
        bytes.extend([0x16, 3, 1]);
        bytes.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(part);
    }
    let mut visitor = Visitor::plain(server().info.https);
    let began = Instant::now();
    let _ = visitor.try_send(&bytes);
    let (said, _) = visitor.rest();
    assert!(
        said.is_empty() || said.starts_with(&[0x15, 3, 3, 0, 2, 2]),
        "{}",
        said.escape_ascii()
    );
    assert!(began.elapsed() < Duration::from_secs(4), "only at the time limit");
}

#[test]
fn garbage_in_a_handshake_record_is_refused() {
    for bytes in [
        &[0x16, 3, 1, 0, 5, 0xff, 0, 0, 1, 0][..],
        &[0x16, 3, 1, 0, 0],
        &[0x16, 9, 9, 0, 4, 1, 0, 0, 0],
        &[0x16, 3, 1, 0xff, 0xff, 1],
    ] {
        let began = Instant::now();
        let (said, _) = answer(bytes);
        assert!(said.is_empty() || said.starts_with(&[0x15]), "{}", said.escape_ascii());
        assert!(began.elapsed() < Duration::from_secs(9));
    }
}

/// A listening agent name needs no ALPN, and no name at all where the server is a development server.
#[test]
fn an_agent_may_come_without_a_name() {
    let mut io = std::net::TcpStream::connect(server().info.https).unwrap();
    io.write_all(&client_hello(&["-noservername", "-tls1_3"])).unwrap();
    let mut first = [0; 1];
    io.read_exact(&mut first).unwrap();
    assert_eq!(first, [0x16], "a ServerHello");
}

/// A socket that writes one byte at a time, with a pause behind every sixteenth: about two seconds for a hello.
struct Dribble {
    io: TcpStream,
    /// Written so far; `None`: as fast as it goes.
    bytes: Option<usize>,
    next: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl AsyncRead for Dribble {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Dribble {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let Some(bytes) = self.bytes else {
            return Pin::new(&mut self.io).poll_write(cx, buf);
        };
        if bytes % 16 == 15 {
            let next = self
                .next
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::from_millis(15))));
            std::task::ready!(next.as_mut().poll(cx));
            self.next = None;
        }
        self.bytes = Some(bytes + 1);
        Pin::new(&mut self.io).poll_write(cx, &buf[..1])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
