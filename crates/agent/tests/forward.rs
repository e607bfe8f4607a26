//! Visitors' bytes on their way to an upstream and back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::ErrorKind;
use std::time::Duration;

use adit_agent::{HttpVersion, ProxyProtocol, Session, SessionEvent};
use adit_mux::{StreamError, code};
use adit_names::Scheme;
use adit_protocol::control::{ControlMessage, StreamErrorClass};
use adit_protocol::proxy_protocol::{Outgoing, Tlvs, Version};
use bytes::BytesMut;
use support::{Authority, Connection, Events, Script, Server, VISITOR, read, read_to_end, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn online() -> (Server, Session, Connection) {
    let mut server = Server::start(Script::default()).await;
    let session = within(server.builder().connect()).await.unwrap();
    let (_, connection) = server.login().await;
    (server, session, connection)
}

/// A service on this machine, and its address.
async fn service() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    within(listener.accept()).await.unwrap().0
}

async fn expect(io: &mut (impl AsyncReadExt + Unpin), wanted: &[u8]) {
    let mut got = vec![0; wanted.len()];
    within(io.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, wanted);
}

#[tokio::test]
async fn requests_pass_over_one_stream_and_its_end_closes_the_upstream() {
    let (_server, session, connection) = online().await;
    let (listener, address) = service().await;
    let _web = within(session.http().name("web").listen_and_forward(&address))
        .await
        .unwrap();
    let mut visit = connection.visit("ep_web", Scheme::Https, false, REQUEST);
    let mut upstream = accept(&listener).await;
    for n in 0..3 {
        if n > 0 {
            visit.send_all(REQUEST).await.unwrap();
        }
        expect(&mut upstream, REQUEST).await;
        upstream.write_all(RESPONSE).await.unwrap();
        assert_eq!(read(&mut visit, RESPONSE.len()).await, RESPONSE);
    }
    assert_eq!(session.open_streams(), 1);
    visit.finish().unwrap();
    assert_eq!(within(upstream.read(&mut [0])).await.unwrap(), 0);
    drop(upstream);
    assert!(read_to_end(&mut visit).await.is_empty());
    while session.open_streams() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn large_bodies_pass_whole_in_both_directions() {
    const SIZE: usize = 3_000_000;
    let body: Vec<u8> = (0..SIZE).map(|n| (n % 251) as u8).collect();
    let (_server, session, connection) = online().await;
    let (listener, address) = service().await;
    let _db = within(session.tcp().name("db").url("tcp://h:1").listen_and_forward(&address))
        .await
        .unwrap();
    let mut visit = connection.visit("ep_db", Scheme::Tcp, false, b"");
    let upstream = accept(&listener).await;
    let (mut reading, mut writing) = upstream.into_split();
    let sent = body.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        writing.write_all(&sent).await.unwrap();
        drop(writing);
    });
    let wanted = body.clone();
    tasks.spawn(async move {
        let mut got = Vec::new();
        reading.read_to_end(&mut got).await.unwrap();
        assert!(got == wanted, "upload");
    });
    // Up first, while the download waits for its reader: both hold only what their windows allow.
    visit.send_all(&body).await.unwrap();
    visit.finish().unwrap();
    assert!(read_to_end(&mut visit).await == body, "download");
    while let Some(done) = within(tasks.join_next()).await {
        done.unwrap();
    }
}

#[tokio::test]
async fn half_closes_pass_one_by_one() {
    let (_server, session, connection) = online().await;
    let (listener, address) = service().await;
    let _db = within(session.tcp().name("db").url("tcp://h:1").listen_and_forward(&address))
        .await
        .unwrap();
    // The visitor ends first, and still gets the answer.
    let mut visit = connection.visit("ep_db", Scheme::Tcp, false, b"question");
    visit.finish().unwrap();
    let mut upstream = accept(&listener).await;
    let mut asked = String::new();
    within(upstream.read_to_string(&mut asked)).await.unwrap();
    assert_eq!(asked, "question");
    upstream.write_all(b"answer").await.unwrap();
    drop(upstream);
    assert_eq!(read_to_end(&mut visit).await, b"answer");
    // The upstream ends first, and still gets the rest.
    let mut visit = connection.visit("ep_db", Scheme::Tcp, false, b"");
    let mut upstream = accept(&listener).await;
    upstream.write_all(b"greeting").await.unwrap();
    upstream.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut visit).await, b"greeting");
    visit.send_all(b"late").await.unwrap();
    visit.finish().unwrap();
    let mut late = String::new();
    within(upstream.read_to_string(&mut late)).await.unwrap();
    assert_eq!(late, "late");
}

#[tokio::test]
async fn resets_pass_in_both_directions() {
    let (mut server, session, connection) = online().await;
    let (listener, address) = service().await;
    let _db = within(session.tcp().name("db").url("tcp://h:1").listen_and_forward(&address))
        .await
        .unwrap();
    let mut visit = connection.visit("ep_db", Scheme::Tcp, false, b"x");
    let mut upstream = accept(&listener).await;
    expect(&mut upstream, b"x").await;
    socket2::SockRef::from(&upstream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(upstream);
    assert_eq!(within(visit.chunk()).await, Err(StreamError::Reset(code::RESET)));
    let told = server
        .control(|message| matches!(message, ControlMessage::StreamError { .. }))
        .await;
    assert!(
        matches!(told, ControlMessage::StreamError { class: StreamErrorClass::Reset, sid, .. } if sid == u64::from(visit.id()))
    );

    let mut visit = connection.visit("ep_db", Scheme::Tcp, false, b"x");
    let mut upstream = accept(&listener).await;
    expect(&mut upstream, b"x").await;
    visit.reset(code::CANCELLED);
    assert_eq!(
        within(upstream.read(&mut [0])).await.unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
}

#[tokio::test]
async fn a_stream_given_up_between_two_requests_is_no_reset_for_the_upstream() {
    let (_server, session, connection) = online().await;
    let (listener, address) = service().await;
    let _web = within(session.http().name("web").listen_and_forward(&address))
        .await
        .unwrap();
    let mut visit = connection.visit("ep_web", Scheme::Https, false, REQUEST);
    let mut upstream = accept(&listener).await;
    expect(&mut upstream, REQUEST).await;
    upstream.write_all(RESPONSE).await.unwrap();
    assert_eq!(read(&mut visit, RESPONSE.len()).await, RESPONSE);
    drop(visit);
    assert_eq!(within(upstream.read(&mut [0])).await.unwrap(), 0);
    // In the middle of a request it is one.
    let visit = connection.visit("ep_web", Scheme::Https, false, REQUEST);
    let mut upstream = accept(&listener).await;
    expect(&mut upstream, REQUEST).await;
    drop(visit);
    assert_eq!(
        within(upstream.read(&mut [0])).await.unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
}

#[tokio::test]
async fn an_early_refusal_arrives_before_the_reset_that_follows_it() {
    let (_server, session, connection) = online().await;
    let (listener, address) = service().await;
    let _web = within(session.http().name("web").listen_and_forward(&address))
        .await
        .unwrap();
    let mut visit = connection.visit(
        "ep_web",
        Scheme::Https,
        false,
        b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n",
    );
    let mut upstream = accept(&listener).await;
    expect(&mut upstream, b"POST / HTTP/1.1\r\n").await;
    upstream.write_all(b"HTTP/1.1 413 Too Large\r\n\r\n").await.unwrap();
    socket2::SockRef::from(&upstream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(upstream);
    assert_eq!(read(&mut visit, 26).await, b"HTTP/1.1 413 Too Large\r\n\r\n");
    assert_eq!(within(visit.chunk()).await, Err(StreamError::Reset(code::RESET)));
}

#[tokio::test]
async fn an_upstream_that_refuses_is_explained_before_the_reset() {
    let mut server = Server::start(Script::default()).await;
    let events = Events::default();
    let session = within(server.builder().on_event(events.handler()).connect())
        .await
        .unwrap();
    let (_, connection) = server.login().await;
    let (listener, address) = service().await;
    drop(listener);
    let _web = within(session.http().name("web").listen_and_forward(&address))
        .await
        .unwrap();
    for _ in 0..2 {
        let mut visit = connection.visit("ep_web", Scheme::Https, false, REQUEST);
        assert_eq!(within(visit.chunk()).await, Err(StreamError::Reset(code::RESET)));
        let told = server
            .control(|message| matches!(message, ControlMessage::StreamError { .. }))
            .await;
        let ControlMessage::StreamError { sid, class, addr, err } = told else {
            unreachable!()
        };
        assert_eq!(
            (sid, class, addr),
            (
                u64::from(visit.id()),
                StreamErrorClass::Dial,
                format!("http://{address}")
            )
        );
        assert!(err.contains("refused"), "{err}");
    }
    let visitor = events.wait(|event| match event {
        SessionEvent::UpstreamFailed { name, visitor, .. } if name == "web" => Some(*visitor),
        _ => None,
    });
    assert_eq!(visitor.await.to_string(), VISITOR);
    // The second failure was not told again; the recovery is.
    let listener = TcpListener::bind(&address).await.unwrap();
    let _visit = connection.visit("ep_web", Scheme::Https, false, REQUEST);
    accept(&listener).await;
    events
        .wait(|event| match event {
            SessionEvent::UpstreamFailed { .. } => panic!("told twice within five seconds"),
            SessionEvent::UpstreamUp { name, .. } => (name == "web").then_some(()),
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn a_proxy_header_reaches_the_upstream_before_the_visitor_speaks() {
    let (_server, session, connection) = online().await;
    let (listener, address) = service().await;
    let _ssh = within(
        session
            .tcp()
            .name("ssh")
            .url("tcp://h:1")
            .proxy_protocol(ProxyProtocol::V2)
            .listen_and_forward(&address),
    )
    .await
    .unwrap();
    let header = proxy_header();
    let mut visit = connection.visit("ep_ssh", Scheme::Tcp, false, &header);
    let mut upstream = accept(&listener).await;
    expect(&mut upstream, &header).await;
    upstream.write_all(b"SSH-2.0-server\r\n").await.unwrap();
    assert_eq!(read(&mut visit, 16).await, b"SSH-2.0-server\r\n");
}

fn proxy_header() -> Vec<u8> {
    let mut header = Vec::new();
    let outgoing = Outgoing {
        version: Version::V2,
        source: VISITOR.parse().unwrap(),
        destination: "198.51.100.9:443".parse().unwrap(),
        local: false,
        datagram: false,
        tlvs: Tlvs::default(),
    };
    outgoing.encode(&mut header);
    header
}

#[tokio::test]
async fn a_tls_upstream_gets_the_proxy_header_first_and_then_tls() {
    let (_server, session, connection) = online().await;
    let (listener, address) = service().await;
    let authority = Authority::new();
    let profile = authority.service_profile(&["127.0.0.1"]);
    // Not verified: it is this machine.
    let _web = within(
        session
            .tcp()
            .name("db")
            .url("tcp://h:1")
            .proxy_protocol(ProxyProtocol::V2)
            .listen_and_forward(format!("tls://{address}")),
    )
    .await
    .unwrap();
    let header = proxy_header();
    let mut visit = connection.visit("ep_db", Scheme::Tcp, false, &[header.as_slice(), b"ping"].concat());
    let mut upstream = accept(&listener).await;
    expect(&mut upstream, &header).await;
    let mut upstream = within(adit_tls::accept(upstream, BytesMut::new(), &profile))
        .await
        .unwrap();
    expect(&mut upstream, b"ping").await;
    upstream.write_all(b"pong").await.unwrap();
    upstream.flush().await.unwrap();
    assert_eq!(read(&mut visit, 4).await, b"pong");
    // No close_notify: still an end, not a reset.
    drop(upstream);
    assert!(read_to_end(&mut visit).await.is_empty());
}

#[tokio::test]
async fn the_certificate_of_an_upstream_is_verified_where_it_is_asked_for() {
    let (mut server, session, connection) = online().await;
    let (listener, address) = service().await;
    let authority = Authority::new();
    let profile = authority.service_profile(&["127.0.0.1"]);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            if let Ok(mut tls) = adit_tls::accept(tcp, BytesMut::new(), &profile).await {
                let _ = tls.write_all(b"hello").await;
                let _ = tls.flush().await;
                let _ = tls.read(&mut [0]).await;
            }
        }
    });
    let upstream = format!("https://{address}");
    let _bad = within(
        session
            .http()
            .name("bad")
            .verify_upstream_tls(true)
            .upstream_ca(adit_agent::Ca::pem(Authority::new().pem))
            .listen_and_forward(&upstream),
    )
    .await
    .unwrap();
    let mut visit = connection.visit("ep_bad", Scheme::Https, false, REQUEST);
    assert_eq!(within(visit.chunk()).await, Err(StreamError::Reset(code::RESET)));
    let told = server
        .control(|message| matches!(message, ControlMessage::StreamError { .. }))
        .await;
    assert!(
        matches!(
            &told,
            ControlMessage::StreamError {
                class: StreamErrorClass::Tls,
                ..
            }
        ),
        "{told:?}"
    );
    let _good = within(
        session
            .http()
            .name("good")
            .upstream_ca(adit_agent::Ca::pem(authority.pem))
            .listen_and_forward(&upstream),
    )
    .await
    .unwrap();
    let mut visit = connection.visit("ep_good", Scheme::Https, false, REQUEST);
    assert_eq!(read(&mut visit, 5).await, b"hello");
}

#[tokio::test]
async fn passed_through_tls_is_not_wrapped_again() {
    let (_server, session, connection) = online().await;
    let (listener, address) = service().await;
    let _tls = within(session.tls().name("tls").listen_and_forward(format!("tls://{address}")))
        .await
        .unwrap();
    let _visit = connection.visit("ep_tls", Scheme::Tls, true, b"\x16\x03\x01the visitor's hello");
    let mut upstream = accept(&listener).await;
    expect(&mut upstream, b"\x16\x03\x01the visitor's hello").await;
}

#[cfg(unix)]
#[tokio::test]
async fn unix_sockets_are_upstreams() {
    let (mut server, session, connection) = online().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let app = within(
        session
            .http()
            .upstream_protocol(HttpVersion::Http2)
            .listen_and_forward(format!("unix:{}", path.display())),
    )
    .await
    .unwrap();
    assert_eq!(app.name(), "http-app.sock");
    assert_eq!(server.bind().await.forwards_proto, "http2");
    let mut visit = connection.visit(&app.id(), Scheme::Https, false, b"PRI");
    let (mut upstream, _) = within(listener.accept()).await.unwrap();
    expect(&mut upstream, b"PRI").await;
    upstream.write_all(b"ok").await.unwrap();
    assert_eq!(read(&mut visit, 2).await, b"ok");
}

#[tokio::test]
async fn a_header_in_pieces_is_read_whole() {
    let (_server, session, connection) = online().await;
    let (listener, address) = service().await;
    let _web = within(session.http().name("web").listen_and_forward(&address))
        .await
        .unwrap();
    let mut whole = Vec::new();
    adit_protocol::ProxyHeader {
        id: "ep_web",
        client_addr: VISITOR.parse().unwrap(),
        proto: Scheme::Https,
        edge_type: adit_protocol::proxy_header::EdgeType::Bind,
        passthrough_tls: false,
        adit: None,
    }
    .encode(&mut whole)
    .unwrap();
    whole.extend_from_slice(REQUEST);
    let (first, rest) = whole.split_at(5);
    let mut visit = connection.mux.open(first).unwrap();
    for byte in rest {
        visit.send_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut upstream = accept(&listener).await;
    expect(&mut upstream, REQUEST).await;
}
