//! The way to the server through a proxy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use adit_agent::{Error, Side};
use std::sync::{Arc, Mutex};
use support::{NAME, Script, Server, within};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A proxy for one server: it knows the server's name by heart and notes what it was asked.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Copy)]
enum Kind {
    Connect,
    Socks,
}

async fn proxy(kind: Kind, server: &Server) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (target, asked) = (server.address, Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&asked);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let noted = Arc::clone(&noted);
            connections.spawn(async move {
                let tunnel = match kind {
                    Kind::Connect => connect(client, &noted).await,
                    Kind::Socks => socks(client, &noted).await,
                };
                if let Some(mut client) = tunnel {
                    let mut server = TcpStream::connect(target).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    Proxy {
        address,
        asked,
        _tasks: tasks,
    }
}

async fn connect(client: TcpStream, asked: &Mutex<Vec<String>>) -> Option<TcpStream> {
    let mut reader = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).await.unwrap();
    }
    let authorised = head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n");
    asked.lock().unwrap().push(head);
    let answer: &[u8] = if authorised {
        b"HTTP/1.1 200 Connection established\r\n\r\n"
    } else {
        b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n\r\n"
    };
    reader.get_mut().write_all(answer).await.unwrap();
    authorised.then(|| reader.into_inner())
}

async fn socks(mut client: TcpStream, asked: &Mutex<Vec<String>>) -> Option<TcpStream> {
    let mut greeting = [0; 4];
    client.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, [5, 2, 0, 2]);
    client.write_all(&[5, 2]).await.unwrap();
    let mut login = [0; 11];
    client.read_exact(&mut login).await.unwrap();
    assert_eq!(&login, b"\x01\x04user\x04pass");
    client.write_all(&[1, 0]).await.unwrap();
    let mut head = [0; 4];
    client.read_exact(&mut head).await.unwrap();
    let target = match head {
        [5, 1, 0, 1] => {
            let mut rest = [0; 6];
            client.read_exact(&mut rest).await.unwrap();
            format!("{}.{}.{}.{}", rest[0], rest[1], rest[2], rest[3])
        }
        [5, 1, 0, 3] => {
            let length = usize::from(client.read_u8().await.unwrap());
            let mut name = vec![0; length + 2];
            client.read_exact(&mut name).await.unwrap();
            String::from_utf8_lossy(&name[..length]).into_owned()
        }
        other => panic!("{other:?}"),
    };
    let refused = target == "forbidden.example";
    asked.lock().unwrap().push(target);
    client
        .write_all(&[5, if refused { 2 } else { 0 }, 0, 1, 127, 0, 0, 1, 0, 1])
        .await
        .unwrap();
    (!refused).then_some(client)
}

#[tokio::test]
async fn http_connect_with_credentials() {
    let mut server = Server::start(Script::default()).await;
    let proxy = proxy(Kind::Connect, &server).await;
    let session = within(
        server
            .builder()
            .proxy_url(format!("http://user:pass@{}", proxy.address))
            .connect(),
    )
    .await
    .unwrap();
    let (auth, _) = server.login().await;
    assert_eq!(auth.extra.proxy_type, "http");
    let asked = proxy.asked.lock().unwrap().clone();
    assert!(
        asked[0].starts_with(&format!(
            "CONNECT {NAME}:{} HTTP/1.1\r\nHost: {NAME}:",
            server.address.port()
        )),
        "{asked:?}"
    );
    drop(session);
}

#[tokio::test]
async fn a_proxy_that_wants_a_login_says_so() {
    let server = Server::start(Script::default()).await;
    let proxy = proxy(Kind::Connect, &server).await;
    let events = support::Events::default();
    let _session = server
        .builder()
        .proxy_url(format!("http://{}", proxy.address))
        .on_event(events.handler())
        .connect_lazily()
        .unwrap();
    let cause = events.wait(|event| match event {
        adit_agent::SessionEvent::Lost { cause, .. } => Some(cause.clone()),
        _ => None,
    });
    let cause = cause.await;
    assert!(
        matches!(cause, Error::Proxy { .. }) && cause.side() == Side::Proxy,
        "{cause}"
    );
    assert!(
        cause.to_string().contains("407") && cause.fix().unwrap().contains("user:password@"),
        "{cause}"
    );
}

#[tokio::test]
async fn socks5_with_credentials_and_the_name_left_to_the_proxy() {
    let mut server = Server::start(Script::default()).await;
    let proxy = proxy(Kind::Socks, &server).await;
    let builder = server
        .builder()
        .connect_url("connect.example.net:443")
        .connect_server_name(NAME);
    let _session = within(
        builder
            .proxy_url(format!("socks5://user:pass@{}", proxy.address))
            .connect(),
    )
    .await
    .unwrap();
    let (auth, _) = server.login().await;
    assert_eq!(auth.extra.proxy_type, "socks5");
    assert_eq!(*proxy.asked.lock().unwrap(), ["connect.example.net"]);
}

#[tokio::test]
async fn a_socks5_refusal_is_told() {
    let server = Server::start(Script::default()).await;
    let proxy = proxy(Kind::Socks, &server).await;
    let events = support::Events::default();
    let builder = server
        .builder()
        .connect_url("forbidden.example")
        .proxy_url(format!("socks5://user:pass@{}", proxy.address));
    let _session = builder.on_event(events.handler()).connect_lazily().unwrap();
    let text = events.wait(|event| match event {
        adit_agent::SessionEvent::Lost { cause, .. } => Some(cause.to_string()),
        _ => None,
    });
    assert!(text.await.contains("not allowed by its rules"));
}
