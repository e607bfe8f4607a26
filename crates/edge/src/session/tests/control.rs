//! The control stream of Adit's own agent.

use std::time::Duration;

use adit_cluster::Class;
use adit_mux::{CloseReason, Stream, StreamError};
use adit_protocol::control::{ControlMessage, Health, StreamErrorClass, UpstreamHealth};
use adit_protocol::typed_stream::StreamType;
use serde_json::{Value, json};

use super::{Client, Server, TOKEN, state};

async fn adit_agent(server: &Server) -> Client {
    let client = server.connect();
    let mut auth = state::auth_json(TOKEN);
    auth["Extra"]["UserAgent"] = "adit-agent/0.1.0".into();
    auth["Extra"]["Adit"] = json!({"v": 1, "caps": ["control", "probe", "stream_error", "drain"], "instance": "i"});
    let answer = client.ask(StreamType::Auth, &auth).await;
    assert_ne!(answer["Extra"]["Adit"], Value::Null, "{answer}");
    client
}

async fn say(stream: &mut Stream, message: &ControlMessage) {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    // In two pieces: a message need not come in one frame.
    let (a, b) = bytes.split_at(3);
    stream.send_all(a).await.unwrap();
    stream.send_all(b).await.unwrap();
}

async fn hear(stream: &mut Stream) -> ControlMessage {
    let bytes = stream.chunk().await.unwrap().unwrap();
    ControlMessage::decode(&bytes).unwrap().unwrap().0
}

#[tokio::test(start_paused = true)]
async fn probes_come_every_ten_seconds_and_must_be_answered() {
    let server = Server::new();
    let client = adit_agent(&server).await;
    let mut control = client.open(StreamType::AditControl, &[]);
    for n in 1..=5 {
        assert_eq!(hear(&mut control).await, ControlMessage::Probe { n });
        say(&mut control, &ControlMessage::ProbeOk { n, ep: Vec::new() }).await;
    }
    // Silence on this stream, while heartbeats are answered as before.
    let began = tokio::time::Instant::now();
    let reason = client.end().await;
    assert_eq!(
        reason,
        CloseReason::GoAway {
            code: 0,
            message: "the agent does not answer probes".to_owned()
        }
    );
    assert!((25..=41).contains(&began.elapsed().as_secs()));
}

#[tokio::test]
async fn there_is_one_control_stream_and_none_for_who_did_not_ask() {
    let server = Server::new();
    let client = adit_agent(&server).await;
    let mut first = client.open(StreamType::AditControl, &[]);
    say(
        &mut first,
        &ControlMessage::Goodbye {
            code: String::new(),
            text: String::new(),
        },
    )
    .await;
    let mut second = client.open(StreamType::AditControl, &[]);
    let refused = second.chunk().await;
    assert!(matches!(refused, Err(StreamError::Reset(_))), "{refused:?}");
    let stock = server.logged_in().await;
    let answer = stock.ask(StreamType::AditControl, &json!({})).await;
    super::assert_code(&answer, "ERR_NGROK_800");
}

#[tokio::test]
async fn the_cause_of_a_failed_stream_reaches_who_asks_for_it() {
    let server = Server::new();
    let mut client = adit_agent(&server).await;
    client.bind("app.adit.example.com").await;
    let mut control = client.open(StreamType::AditControl, &[]);
    let pool = server.directory.find(Class::Sni, "app.adit.example.com").unwrap();
    let leg = pool.members()[0].full_leg().unwrap();
    let mut visitor = leg.mux.open(b"\0\0\0\x03").unwrap();
    let mut at_agent = client.incoming.accept().await.unwrap();
    let cause = ControlMessage::StreamError {
        sid: at_agent.id().into(),
        class: StreamErrorClass::Dial,
        addr: "127.0.0.1:9".to_owned(),
        err: "connection refused".to_owned(),
    };
    say(&mut control, &cause).await;
    at_agent.reset(adit_mux::code::RESET);
    assert!(visitor.chunk().await.is_err());
    let failure = leg.failures.wait(visitor.id(), Duration::from_secs(5)).await.unwrap();
    assert_eq!(
        (failure.class, failure.error.as_str()),
        (StreamErrorClass::Dial, "connection refused")
    );
}

#[tokio::test]
async fn an_agent_hears_how_others_see_its_endpoint() {
    let server = Server::new();
    let client = adit_agent(&server).await;
    let bound = client.bind("app.adit.example.com").await;
    let mut control = client.open(StreamType::AditControl, &[]);
    let health = |state, reason: &str| ControlMessage::Health {
        ep: vec![UpstreamHealth {
            id: bound["Id"].as_str().unwrap().to_owned(),
            state,
            reason: reason.to_owned(),
            since: 0,
        }],
    };
    let seen = |status: &str, reason: &str, detail: &str| ControlMessage::BindState {
        id: bound["Id"].as_str().unwrap().to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        detail: detail.to_owned(),
    };
    say(&mut control, &health(Health::Down, "connection refused")).await;
    assert_eq!(
        hear(&mut control).await,
        seen("degraded", "upstream_refused", "connection refused")
    );
    say(&mut control, &health(Health::Up, "")).await;
    assert_eq!(hear(&mut control).await, seen("online", "ok", ""));
}

#[tokio::test]
async fn too_many_messages_end_the_connection() {
    let server = Server::new();
    let client = adit_agent(&server).await;
    let mut control = client.open(StreamType::AditControl, &[]);
    let mut many = Vec::new();
    for _ in 0..101 {
        ControlMessage::Health { ep: Vec::new() }.encode(&mut many).unwrap();
    }
    control.send_all(&many).await.unwrap();
    assert!(matches!(client.end().await, CloseReason::GoAway { code: 10, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_announced() {
    let server = Server::new();
    let client = adit_agent(&server).await;
    let mut control = client.open(StreamType::AditControl, &[]);
    // Once it is answered the stream is known to be there.
    assert!(matches!(hear(&mut control).await, ControlMessage::Probe { n: 1 }));
    let draining = crate::supervise::spawn(
        "drain",
        crate::session::drain(server.agents.clone(), Duration::from_secs(30), || true),
    );
    assert!(matches!(
        hear(&mut control).await,
        ControlMessage::Drain {
            deadline_ms: 30_000,
            ..
        }
    ));
    assert_eq!(client.end().await, CloseReason::Eof);
    draining.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_is_three_tasks_and_holds_no_bytes() {
    let server = Server::new();
    let tasks = tokio::runtime::Handle::current().metrics();
    let before = tasks.num_alive_tasks();
    let client = adit_agent(&server).await;
    client.bind("idle.adit.example.com").await;
    let mut control = client.open(StreamType::AditControl, &[]);
    for n in 1..=6 {
        assert_eq!(hear(&mut control).await, ControlMessage::Probe { n });
        say(&mut control, &ControlMessage::ProbeOk { n, ep: Vec::new() }).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    // Two of the client; the server's driver, session and control stream.
    assert_eq!(tasks.num_alive_tasks() - before, 1 + 3);
    let pool = server.directory.find(Class::Sni, "idle.adit.example.com").unwrap();
    let leg = pool.members()[0].full_leg().unwrap();
    assert_eq!(leg.mux.held_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_negotiated_window_counts_from_the_first_byte_of_a_stream_in_both_directions() {
    // A megabyte was asked for; the test's line carries this much in its round trip of 8 ms.
    const WINDOW: u32 = 1_000_000;
    let server = Server::new();
    let mut client = server.connect();
    let mut auth = state::auth_json(TOKEN);
    auth["Extra"]["UserAgent"] = "adit-agent/0.1.0".into();
    auth["Extra"]["Adit"] = json!({"v": 1, "caps": ["window"], "instance": "i", "window": 1_048_576});
    client.session.set_receive_window(1 << 20);
    let answer = client.ask(StreamType::Auth, &auth).await;
    assert_eq!(answer["Extra"]["Adit"]["window"], WINDOW);
    client.session.set_send_window(WINDOW);
    client.bind("wide.adit.example.com").await;
    let pool = server.directory.find(Class::Sni, "wide.adit.example.com").unwrap();
    let leg = pool.members()[0].full_leg().unwrap();
    let mut near = leg.mux.open(b"\0\0\0\x03").unwrap();
    let mut far = client.incoming.accept().await.unwrap();
    // Nobody reads: what is taken is what the windows hold, and no violation of them.
    assert_eq!(sent_unread(&mut near).await, WINDOW as usize - 4);
    assert_eq!(sent_unread(&mut far).await, WINDOW as usize);
    let (mut at_agent, mut at_server) = (0, 0);
    while at_agent < WINDOW as usize || at_server < WINDOW as usize {
        tokio::select! {
            chunk = far.chunk(), if at_agent < WINDOW as usize => at_agent += chunk.unwrap().unwrap().len(),
            chunk = near.chunk(), if at_server < WINDOW as usize => at_server += chunk.unwrap().unwrap().len(),
        }
    }

    // A stock agent knows nothing of it.
    let mut stock = server.logged_in().await;
    stock.bind("narrow.adit.example.com").await;
    let pool = server.directory.find(Class::Sni, "narrow.adit.example.com").unwrap();
    let leg = pool.members()[0].full_leg().unwrap();
    let mut near = leg.mux.open(b"\0\0\0\x03").unwrap();
    let _far = stock.incoming.accept().await.unwrap();
    assert_eq!(sent_unread(&mut near).await, 0x4_0000 - 4);
}

/// Sends until the window is used up; how many bytes that were. The clock moves only when nobody can do anything, so
/// the time-out means that no more is taken.
async fn sent_unread(stream: &mut Stream) -> usize {
    let mut sent = 0;
    let piece = vec![7; 64 << 10];
    while let Ok(more) = tokio::time::timeout(
        Duration::from_millis(400),
        std::future::poll_fn(|cx| stream.poll_send(cx, &piece)),
    )
    .await
    {
        sent += more.unwrap();
    }
    sent
}
