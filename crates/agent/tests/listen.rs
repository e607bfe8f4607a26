//! Connections that come to the program itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use adit_agent::Session;
use adit_mux::{StreamError, code};
use adit_names::Scheme;
use support::{Connection, Script, Server, VISITOR, read, read_to_end, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn online() -> (Server, Session, Connection) {
    let mut server = Server::start(Script::default()).await;
    let session = within(server.builder().connect()).await.unwrap();
    let (_, connection) = server.login().await;
    (server, session, connection)
}

#[tokio::test]
async fn a_connection_comes_with_its_visitor() {
    let (mut server, session, connection) = online().await;
    let mut listener = within(session.http().url("https://app.example.com").name("web").listen())
        .await
        .unwrap();
    assert!(server.bind().await.forwards_to.starts_with("app://localhost/listen-"));
    assert_eq!(listener.url(), "https://app.example.com");
    let mut visit = connection.visit("ep_web", Scheme::Https, false, b"hello");
    let (mut conn, peer) = within(listener.accept()).await.unwrap();
    assert_eq!(
        (peer.addr.to_string().as_str(), peer.proto.as_str()),
        (VISITOR, "https")
    );
    assert_eq!(
        (
            peer.request_id.as_deref(),
            peer.sni.as_deref(),
            peer.endpoint_id.as_str()
        ),
        (Some("rq_1"), Some("app.example.com"), "ep_web")
    );
    let mut got = [0; 5];
    within(conn.read_exact(&mut got)).await.unwrap();
    assert_eq!(&got, b"hello");
    conn.write_all(b"world").await.unwrap();
    assert_eq!(read(&mut visit, 5).await, b"world");
}

#[tokio::test]
async fn a_dropped_connection_still_delivers_what_was_written() {
    let (_server, session, connection) = online().await;
    let mut listener = within(session.tcp().url("tcp://h:1").name("t").listen()).await.unwrap();
    let mut visit = connection.visit("ep_t", Scheme::Tcp, false, b"x");
    let (mut conn, _) = within(listener.accept()).await.unwrap();
    let body = vec![7; 100_000];
    conn.write_all(&body).await.unwrap();
    drop(conn);
    // The visitor reads late: nothing was cut off by a reset.
    tokio::task::yield_now().await;
    assert!(read_to_end(&mut visit).await == body);
    visit.finish().unwrap();
    while session.open_streams() > 0 {
        tokio::task::yield_now().await;
    }
    let mut visit = connection.visit("ep_t", Scheme::Tcp, false, b"x");
    let (conn, _) = within(listener.accept()).await.unwrap();
    conn.reset();
    assert_eq!(within(visit.chunk()).await, Err(StreamError::Reset(code::RESET)));
}

#[tokio::test]
async fn connections_that_nobody_accepts_are_refused_when_the_listener_goes() {
    let (_server, session, connection) = online().await;
    let listener = within(session.tcp().url("tcp://h:1").name("t").listen()).await.unwrap();
    let mut visits: Vec<_> = (0..200)
        .map(|_| connection.visit("ep_t", Scheme::Tcp, false, b"x"))
        .collect();
    while session.open_streams() < 200 {
        tokio::task::yield_now().await;
    }
    drop(listener);
    for visit in &mut visits {
        assert_eq!(within(visit.chunk()).await, Err(StreamError::Reset(code::REFUSED)));
    }
}

#[tokio::test]
async fn tls_ends_in_the_program() {
    let (mut server, session, connection) = online().await;
    let identity = server.authority.identity(&["app.example.com"]);
    let mut listener = within(
        session
            .tls()
            .url("tls://app.example.com")
            .name("tls")
            .terminate(identity)
            .listen(),
    )
    .await
    .unwrap();
    assert_eq!(
        server.bind().await.tls_opts().unwrap().tls_termination,
        None,
        "the server is told nothing"
    );
    let visit = connection.visit("ep_tls", Scheme::Tls, true, b"");
    let profile = server.authority.client_profile();
    let visitor = async {
        let mut visitor = adit_tls::connect(visit, "app.example.com", &profile).await.unwrap();
        visitor.write_all(b"ping").await.unwrap();
        visitor.flush().await.unwrap();
        let mut got = Vec::new();
        visitor.read_to_end(&mut got).await.unwrap();
        got
    };
    let program = async {
        let (mut conn, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.sni.as_deref(), Some("app.example.com"));
        let mut got = [0; 4];
        conn.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"ping");
        conn.write_all(b"pong").await.unwrap();
        conn.shutdown().await.unwrap();
        conn
    };
    let (got, _conn) = within(async { tokio::join!(visitor, program) }).await;
    assert_eq!(got, b"pong");
}

#[tokio::test]
async fn tls_that_ends_here_is_forwarded_as_plaintext() {
    let (server, session, connection) = online().await;
    let upstream = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (chain, key) = server.authority.issue(&["visitor"]);
    let identity = server.authority.identity(&["app.example.com"]);
    let forwarder = session
        .tls()
        .name("tls")
        .terminate_mutual(identity, server.authority.pem.clone())
        .listen_and_forward(upstream.local_addr().unwrap().to_string());
    let _tls = within(forwarder).await.unwrap();

    // Without a certificate nobody comes in, and the upstream sees nothing.
    let visit = connection.visit("ep_tls", Scheme::Tls, true, b"");
    let refused = within(async {
        let mut visitor = adit_tls::connect(visit, "app.example.com", &server.authority.client_profile()).await?;
        visitor.read(&mut [0]).await.map_err(adit_tls::Error::from)
    });
    assert!(refused.await.is_err());

    let profile = adit_tls::ClientProfile::builder(adit_tls::Roots::Pem(server.authority.pem.clone().into_bytes()))
        .identity(adit_tls::Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap())
        .build()
        .unwrap();
    let visit = connection.visit("ep_tls", Scheme::Tls, true, b"");
    let visitor = async {
        let mut visitor = adit_tls::connect(visit, "app.example.com", &profile).await.unwrap();
        visitor.write_all(&[1; 50_000]).await.unwrap();
        visitor.shutdown().await.unwrap();
        let mut got = Vec::new();
        visitor.read_to_end(&mut got).await.unwrap();
        got
    };
    let service = async {
        let (mut tcp, _) = upstream.accept().await.unwrap();
        let mut got = Vec::new();
        tcp.read_to_end(&mut got).await.unwrap();
        tcp.write_all(&got).await.unwrap();
    };
    let (got, ()) = within(async { tokio::join!(visitor, service) }).await;
    assert!(got == vec![1; 50_000]);
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn axum_serves_through_a_listener() {
    use adit_agent::Peer;
    use axum::{Router, extract::ConnectInfo, routing::get};

    let (_server, session, connection) = online().await;
    let listener = within(session.http().name("web").listen()).await.unwrap();
    let app = Router::new().route(
        "/",
        get(|ConnectInfo(peer): ConnectInfo<Peer>| async move { peer.addr.to_string() }),
    );
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving =
        axum::serve(listener, app.into_make_service_with_connect_info::<Peer>()).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
    let visiting = async {
        let mut visit = connection.visit(
            "ep_web",
            Scheme::Https,
            false,
            b"GET / HTTP/1.1\r\nHost: web.example.com\r\nConnection: close\r\n\r\n",
        );
        let answer = String::from_utf8(read_to_end(&mut visit).await).unwrap();
        visit.finish().unwrap();
        stop.send(()).unwrap();
        answer
    };
    let (answer, served) = within(async { tokio::join!(visiting, serving.into_future()) }).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(VISITOR),
        "{answer}"
    );
    served.unwrap();
}
