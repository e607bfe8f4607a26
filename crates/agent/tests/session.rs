//! The life of a session: login, endpoints, loss and return, moving, leaving, commands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use adit_agent::{Error, Session, SessionEvent, Side, Status, Step};
use adit_names::Scheme;
use adit_protocol::control::{ControlMessage, Upstream};
use adit_protocol::message::{AuthResp, BindResp};
use adit_protocol::typed_stream::StreamType;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::{Events, Said, Script, Server, accept_bind, accept_login, refused, within};

#[tokio::test]
async fn login_says_who_the_agent_is() {
    let mut server = Server::start(Script::default()).await;
    let session = within(
        server
            .builder()
            .metadata("build=42")
            .client_info("myapp", "9.9", Some("a comment"))
            .hostname("here")
            .connect(),
    )
    .await
    .unwrap();
    let (auth, _) = server.login().await;
    assert_eq!(auth.version, ["3", "2"]);
    assert_eq!((auth.client_id.as_str(), auth.extra.cookie.as_str()), ("", ""));
    assert_eq!(auth.extra.token(), "token");
    assert_eq!(auth.extra.metadata, "build=42");
    assert_eq!(auth.extra.hostname, "here");
    assert!(auth.extra.user_agent.starts_with("myapp/9.9 (a comment) adit-agent/"));
    assert_eq!(
        adit_protocol::ClientFamily::from_auth(&auth),
        adit_protocol::ClientFamily::Adit
    );
    assert_eq!(auth.extra.heartbeat_interval, 10_000_000_000);
    assert!(auth.extra.stop_unsupported_error.unwrap().contains("not supported"));
    assert!(auth.extra.custom_cas);
    assert_eq!(auth.extra.adit.unwrap().instance.len(), 32);
    assert_eq!((session.id().as_str(), session.region().as_str()), ("ts_0001", "local"));
    assert_eq!(*session.status().borrow(), Status::Online);
}

#[tokio::test]
async fn an_endpoint_is_asked_for_with_all_it_has() {
    let mut server = Server::start(Script::default()).await;
    let session = within(server.builder().connect()).await.unwrap();
    let forwarder = within(
        session
            .http()
            .url("https://app.example.com")
            .metadata("m")
            .description("d")
            .name("web")
            .pooling(true)
            .traffic_policy("on_http_request: []")
            .listen_and_forward("8080"),
    )
    .await
    .unwrap();
    let bind = server.bind().await;
    assert_eq!(
        (bind.id.as_str(), bind.proto.as_str(), bind.forwards_to.as_str()),
        ("", "https", "http://localhost:8080")
    );
    assert_eq!(bind.extra.name.as_deref(), Some("web"));
    assert_eq!(
        (
            bind.extra.metadata.as_str(),
            bind.extra.description.as_deref(),
            bind.pooling()
        ),
        ("m", Some("d"), true)
    );
    let opts = bind.http_opts().unwrap();
    assert_eq!(opts.url.as_deref(), Some("https://app.example.com"));
    assert_eq!(opts.traffic_policy.as_deref(), Some("on_http_request: []"));
    assert_eq!(forwarder.url(), "https://app.example.com");
    assert_eq!(
        (
            forwarder.id().as_str(),
            forwarder.name().as_str(),
            forwarder.upstream().as_str()
        ),
        ("ep_web", "web", "http://localhost:8080")
    );

    within(forwarder.set_policy("on_http_request: [{}]")).await.unwrap();
    let Said::Patch(patch) = server.next().await else {
        panic!("a patch")
    };
    assert_eq!(
        (
            patch.tunnel_id.as_str(),
            patch.traffic_policy.as_deref(),
            patch.metadata
        ),
        ("tn_ep_web", Some("on_http_request: [{}]"), None)
    );

    drop(forwarder);
    assert!(matches!(server.next().await, Said::Unbind(id) if id == "ep_web"));
}

#[tokio::test]
async fn a_refused_bind_is_the_callers_and_the_session_goes_on() {
    let script = Script {
        bind: Box::new(|bind| match bind.extra.name.as_deref() {
            Some("taken") => refused("ERR_NGROK_334", "The endpoint is already online.", BindResp::refused),
            _ => accept_bind(bind),
        }),
        ..Script::default()
    };
    let server = Server::start(script).await;
    let session = within(server.builder().connect()).await.unwrap();
    let error = within(session.http().name("taken").listen_and_forward("1"))
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.side()), (Some("ERR_NGROK_334"), Side::Server));
    assert!(matches!(error, Error::Refused { step: Step::Bind, .. }));
    assert!(error.fix().unwrap().contains("pooling"));
    let free = within(session.http().name("free").listen_and_forward("1"))
        .await
        .unwrap();
    assert_eq!(free.id(), "ep_free");
}

#[tokio::test]
async fn a_refused_authtoken_is_the_end_and_a_passing_refusal_is_not() {
    let script = Script {
        login: Box::new(|_| refused("ERR_NGROK_107", "The authtoken is not known.", AuthResp::refused)),
        ..Script::default()
    };
    let server = Server::start(script).await;
    let error = within(server.builder().connect()).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Some("ERR_NGROK_107"), false));
    assert_eq!(error.to_string(), "The authtoken is not known.");

    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let script = Script {
        login: Box::new(move |auth| match counted.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => refused(
                "ERR_ADIT_1105",
                "The credential cannot be checked at the moment.",
                AuthResp::refused,
            ),
            _ => accept_login(auth),
        }),
        ..Script::default()
    };
    let server = Server::start(script).await;
    within(server.builder().connect()).await.unwrap();
    assert_eq!(tries.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_untrusted_certificate_is_told_with_its_issuer() {
    let server = Server::start(Script::default()).await;
    let error = within(
        server
            .builder()
            .ca(adit_agent::Ca::pem(support::Authority::new().pem))
            .connect(),
    )
    .await
    .unwrap_err();
    assert!(
        matches!(&error, Error::Untrusted { host, .. } if host == support::NAME),
        "{error}"
    );
    assert!(error.to_string().contains("Test Authority"), "{error}");
}

#[tokio::test]
async fn several_addresses_are_tried_in_order() {
    let mut server = Server::start(Script::default()).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let session = within(
        server
            .builder()
            .connect_url(format!("{closed},{}", server.connect_url()))
            .connect(),
    )
    .await
    .unwrap();
    server.login().await;
    assert_eq!(session.id(), "ts_0001");
}

#[tokio::test]
async fn a_cut_connection_is_resumed_with_every_endpoint() {
    let mut server = Server::start(Script::default()).await;
    let events = Events::default();
    let session = within(server.builder().on_event(events.handler()).connect())
        .await
        .unwrap();
    let (first, connection) = server.login().await;
    let web = within(session.http().name("web").listen_and_forward("8080"))
        .await
        .unwrap();
    let db = within(
        session
            .tcp()
            .name("db")
            .url("tcp://tcp.example.com:20007")
            .listen_and_forward("5432"),
    )
    .await
    .unwrap();
    within(web.set_metadata("later")).await.unwrap();
    let asked = [server.bind().await, server.bind().await];
    assert!(
        asked
            .iter()
            .all(|bind| bind.id.is_empty() && bind.extra.token.is_empty())
    );
    let urls = (web.url(), db.url());

    connection.cut();
    let (auth, connection) = server.login().await;
    assert_eq!(
        (auth.client_id.as_str(), auth.extra.cookie.as_str()),
        ("ts_0001", "cookie-ts_0001")
    );
    assert_eq!(auth.extra.adit.unwrap().instance, first.extra.adit.unwrap().instance);
    let again = [server.bind().await, server.bind().await];
    assert_eq!(
        (again[0].id.as_str(), again[0].extra.token.as_str()),
        ("ep_web", "token-ep_web")
    );
    assert_eq!(
        (again[1].id.as_str(), again[1].extra.token.as_str()),
        ("ep_db", "token-ep_db")
    );
    assert_eq!(
        again[0].opts["Hostname"], "web.example.com",
        "the server's own echo comes back"
    );
    assert_eq!(again[0].extra.metadata, "later", "a patch is kept");
    events
        .wait(|event| matches!(event, SessionEvent::Lost { .. }).then_some(()))
        .await;
    let resumed = events.wait(|event| match event {
        SessionEvent::Online { resumed, .. } => Some(*resumed),
        _ => None,
    });
    assert!(resumed.await);
    assert_eq!((web.url(), db.url()), urls);
    assert!(!connection.mux.is_closed());
}

#[tokio::test]
async fn a_refused_rebind_leaves_the_others_online() {
    let refusing = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refusing);
    let script = Script {
        bind: Box::new(move |bind| {
            if bind.id == "ep_one" && counted.fetch_add(1, Ordering::SeqCst) == 0 {
                return refused(
                    "ERR_ADIT_1206",
                    "Whether it is free cannot be decided now.",
                    BindResp::refused,
                );
            }
            accept_bind(bind)
        }),
        ..Script::default()
    };
    let mut server = Server::start(script).await;
    let events = Events::default();
    let session = within(server.builder().on_event(events.handler()).connect())
        .await
        .unwrap();
    let (_, connection) = server.login().await;
    let _one = within(session.http().name("one").listen_and_forward("1"))
        .await
        .unwrap();
    let _two = within(session.http().name("two").listen_and_forward("2"))
        .await
        .unwrap();
    connection.cut();
    let retry_in = events.wait(|event| match event {
        SessionEvent::EndpointRefused { name, retry_in, .. } if name == "one" => *retry_in,
        _ => None,
    });
    assert!(retry_in.await <= Duration::from_secs(1));
    events
        .wait(|event| matches!(event, SessionEvent::Online { .. }).then_some(()))
        .await;
    events
        .wait(|event| {
            matches!(event, SessionEvent::EndpointOnline { name, again: true, .. } if name == "one").then_some(())
        })
        .await;
}

#[tokio::test]
async fn an_endpoint_that_the_server_stops_is_gone() {
    let mut server = Server::start(Script::default()).await;
    let session = within(server.builder().connect()).await.unwrap();
    let (_, connection) = server.login().await;
    let forwarder = within(session.http().name("web").listen_and_forward("1"))
        .await
        .unwrap();
    let mut stream = connection
        .mux
        .open_with(|out| {
            out.extend_from_slice(&StreamType::StopTunnel.to_bytes());
            out.extend_from_slice(br#"{"Id":"ep_web","Message":"stopped by ops","ErrorCode":"ERR_ADIT_1210"}"#);
        })
        .unwrap();
    stream.finish().unwrap();
    let error = within(forwarder.closed()).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().contains("stopped by ops")),
        (Some("ERR_ADIT_1210"), true)
    );
    assert!(support::read_to_end(&mut stream).await.is_empty());
    // A visitor that comes for it later is not processed.
    let mut late = connection.visit("ep_web", Scheme::Https, false, b"x");
    assert_eq!(
        within(late.chunk()).await,
        Err(adit_mux::StreamError::Reset(adit_mux::code::REFUSED))
    );
}

#[tokio::test]
async fn leaving_is_announced_and_waits_for_what_is_open() {
    let mut server = Server::start(Script::default()).await;
    let session = within(server.builder().connect()).await.unwrap();
    let (_, connection) = server.login().await;
    let mut listener = within(session.tcp().name("t").listen()).await.unwrap();
    let mut visit = connection.visit("ep_t", Scheme::Tcp, false, b"hello");
    let (mut conn, _) = within(listener.accept()).await.unwrap();
    let closing = session.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { closing.close().await });
    server
        .control(|message| matches!(message, ControlMessage::Leave { .. }))
        .await;
    assert_eq!(*session.status().borrow(), Status::Draining);
    // Still served.
    tokio::io::AsyncWriteExt::write_all(&mut conn, b"answer").await.unwrap();
    assert_eq!(support::read(&mut visit, 6).await, b"answer");
    visit.finish().unwrap();
    drop(conn);
    assert!(matches!(server.next().await, Said::Unbind(id) if id == "ep_t"));
    assert!(matches!(server.next().await, Said::Gone(1)));
    within(tasks.join_next()).await.unwrap().unwrap();
    assert_eq!(*session.status().borrow(), Status::Closed(None));
    assert_eq!(within(listener.accept()).await.unwrap_err(), Error::Closed);
    assert_eq!(within(session.http().listen()).await.unwrap_err(), Error::Closed);
}

#[tokio::test]
async fn dropping_the_session_leaves_in_order() {
    let mut server = Server::start(Script {
        caps: &[],
        ..Script::default()
    })
    .await;
    let session = within(server.builder().connect()).await.unwrap();
    let forwarder = within(session.http().name("web").listen_and_forward("1"))
        .await
        .unwrap();
    drop(session);
    loop {
        match server.next().await {
            Said::Unbind(id) => assert_eq!(id, "ep_web"),
            Said::Gone(_) => break,
            _ => {}
        }
    }
    assert!(within(forwarder.closed()).await.is_ok());
}

#[tokio::test]
async fn a_drain_moves_the_session_and_loses_nothing() {
    let mut server = Server::start(Script::default()).await;
    let session = within(server.builder().connect()).await.unwrap();
    let (_, old) = server.login().await;
    let mut listener = within(session.tcp().name("t").listen()).await.unwrap();
    server.bind().await;
    let mut before = old.visit("ep_t", Scheme::Tcp, false, b"one");
    let (mut conn, _) = within(listener.accept()).await.unwrap();

    old.say(ControlMessage::Drain {
        deadline_ms: 5_000,
        addresses: Vec::new(),
        reason: "upgrade".into(),
    })
    .await;
    let (auth, new) = server.login().await;
    assert_eq!((auth.extra.leg_number, auth.client_id.as_str()), (Some(1), "ts_0001"));
    let bind = server.bind().await;
    assert_eq!((bind.id.as_str(), bind.extra.token.as_str()), ("ep_t", "token-ep_t"));
    server.control(|message| *message == ControlMessage::Drained).await;

    // The old stream goes on, new ones come over the new leg.
    tokio::io::AsyncWriteExt::write_all(&mut conn, b"still here")
        .await
        .unwrap();
    assert_eq!(support::read(&mut before, 10).await, b"still here");
    let _after = new.visit("ep_t", Scheme::Tcp, false, b"two");
    within(listener.accept()).await.unwrap();
    assert_eq!(*session.status().borrow(), Status::Online);
    old.mux.close(0, "");
    assert!(matches!(server.next().await, Said::Gone(1)));
    let again = within(session.http().name("web").listen_and_forward("1"))
        .await
        .unwrap();
    assert_eq!(again.id(), "ep_web");
}

#[tokio::test]
async fn a_probe_tells_the_state_of_the_upstreams() {
    let mut server = Server::start(Script::default()).await;
    let session = within(server.builder().connect()).await.unwrap();
    let (_, connection) = server.login().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let _web = within(session.http().name("web").listen_and_forward(closed.to_string()))
        .await
        .unwrap();
    connection.say(ControlMessage::Probe { n: 7 }).await;
    let ControlMessage::ProbeOk { n: 7, ep } = server.control(|m| matches!(m, ControlMessage::ProbeOk { .. })).await
    else {
        panic!("the number of the probe")
    };
    assert_eq!((ep[0].id.as_str(), ep[0].up), ("ep_web", Upstream::Unknown));
    let mut visit = connection.visit("ep_web", Scheme::Https, false, b"GET / HTTP/1.1\r\n\r\n");
    let _ = within(visit.chunk()).await;
    connection.say(ControlMessage::Probe { n: 8 }).await;
    let ControlMessage::ProbeOk { n: 8, ep } = server.control(|m| matches!(m, ControlMessage::ProbeOk { .. })).await
    else {
        panic!("the number of the probe")
    };
    assert_eq!(ep[0].up, Upstream::Refused);
}

#[tokio::test]
async fn commands_go_to_the_programs_handlers() {
    let mut server = Server::start(Script::default()).await;
    let stopped = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&stopped);
    let builder = server
        .builder()
        .on_stop(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .on_restart(|| Err("cannot restart".to_owned()))
        .on_update(|asked| Err(format!("no {}", asked.version)));
    let _session = within(builder.connect()).await.unwrap();
    let (auth, connection) = server.login().await;
    assert_eq!(auth.extra.stop_unsupported_error.as_deref(), Some(""));
    assert_eq!(connection.ask(StreamType::Stop, b"{}").await, serde_json::json!({}));
    assert_eq!(stopped.load(Ordering::SeqCst), 1);
    assert_eq!(
        connection.ask(StreamType::Restart, b"{}").await,
        serde_json::json!({"Error": "cannot restart"})
    );
    assert_eq!(
        connection
            .ask(StreamType::Update, br#"{"Version":"2.0","PermitMajorVersion":true}"#)
            .await,
        serde_json::json!({"Error": "no 2.0"})
    );
}

#[tokio::test(start_paused = true)]
async fn waits_between_attempts_grow_and_are_jittered() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let events = Events::default();
    let started = tokio::time::Instant::now();
    let session = Session::builder()
        .environment(|_| None)
        .connect_url(closed.to_string())
        .authtoken("t")
        .on_event(events.handler())
        .connect_lazily()
        .unwrap();
    let mut sum = Duration::ZERO;
    for n in 1..=14_u32 {
        let (wait, attempt) = events
            .wait_long(|event| match event {
                SessionEvent::Lost { retry_in, attempt, .. } => Some((*retry_in, *attempt)),
                _ => None,
            })
            .await;
        assert_eq!(attempt, n);
        assert!(
            wait <= Duration::from_millis(200 << (n - 1).min(12)).min(Duration::from_secs(30)),
            "{n}: {wait:?}"
        );
        assert!(started.elapsed() >= sum);
        sum += wait;
    }
    assert_eq!(*session.status().borrow(), Status::Connecting);
    session.close().await;
    assert_eq!(session.closed().await, Ok(()));
}
