//! Who says nothing is not kept, and how all are sent away in the end.

use std::time::Duration;

use adit_cluster::Class;
use adit_mux::CloseReason;
use adit_protocol::typed_stream::StreamType;
use serde_json::json;
use tokio::time::Instant;

use super::{Server, TOKEN, state};
use crate::session::{drain, run_clock};
use crate::supervise;

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_byte_is_closed_after_ten_seconds() {
    let server = Server::new();
    let (near, far) = tokio::io::duplex(1_024);
    let facts = super::ConnectFacts {
        addr: ([192, 0, 2, 9], 5_000).into(),
        worker: 0,
        round_trip: Duration::ZERO,
        ingress: String::new(),
    };
    let began = Instant::now();
    super::serve(far, facts, server.agents.clone()).await;
    assert_eq!(began.elapsed().as_secs(), 10);
    drop(near);
    assert_eq!(server.agents.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_login_is_closed_after_fifteen_seconds() {
    let server = Server::new();
    let client = server.connect();
    // A login that never becomes whole.
    let _stream = client.open(StreamType::Auth, b"{\"Version\":");
    let began = Instant::now();
    let reason = client.end().await;
    assert!(
        (15..=18).contains(&began.elapsed().as_secs()),
        "{:?} {reason}",
        began.elapsed()
    );
    assert_eq!(server.agents.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_only_asked_about_the_server_may_stay_longer() {
    let server = Server::new();
    let client = server.connect();
    client.ask(StreamType::SrvInfo, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let answer = client.ask(StreamType::Auth, &state::auth_json(TOKEN)).await;
    assert!(answer["ClientId"].as_str().unwrap().starts_with("ts_"));
}

#[tokio::test(start_paused = true)]
async fn the_clock_gives_up_names_after_their_window_and_enforces_what_changed() {
    let server = Server::new();
    let clock = supervise::spawn("clock", run_clock(server.agents.clone()));
    let (first, second) = (server.logged_in().await, server.logged_in().await);
    first.bind("a.adit.example.com").await;
    second.bind("b.adit.example.com").await;
    let mut second = second;
    let config = state::config().with_credentials([]);
    server.config.store(config.into());
    // The agent is told which endpoint ended and why, then the connection ends, all within two seconds.
    let mut stop = second.incoming.accept().await.unwrap();
    let told = stop.chunk().await.unwrap().unwrap();
    assert_eq!(told[..4], StreamType::StopTunnel.to_bytes());
    assert!(String::from_utf8_lossy(&told).contains("ERR_ADIT_1212"));
    let began = Instant::now();
    let CloseReason::GoAway { code: 0, message } = second.end().await else {
        panic!("an orderly end")
    };
    assert!(
        message.ends_with("ERR_NGROK_300") && began.elapsed().as_secs() <= 2,
        "{message}"
    );
    assert!(server.directory.is_empty());
    clock.abort();
}

#[tokio::test(start_paused = true)]
async fn a_drain_closes_idle_connections_without_goaway_and_waits_for_busy_ones() {
    let server = Server::new();
    let idle = server.logged_in().await;
    let mut busy = server.logged_in().await;
    busy.bind("app.adit.example.com").await;
    let pool = server.directory.find(Class::Sni, "app.adit.example.com").unwrap();
    let mut visitor = pool.members()[0].leg().unwrap().open(b"\0\0\0\x03download").unwrap();
    let mut download = busy.incoming.accept().await.unwrap();
    download.chunk().await.unwrap();
    // Heartbeats have begun.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let draining = supervise::spawn("drain", drain(server.agents.clone(), Duration::from_secs(60), || true));
    assert_eq!(idle.end().await, CloseReason::Eof);
    tokio::time::sleep(Duration::from_secs(20)).await;
    download.send_all(b"the end").await.unwrap();
    download.finish().unwrap();
    assert_eq!(visitor.chunk().await.unwrap().unwrap(), &b"the end"[..]);
    assert_eq!(visitor.chunk().await.unwrap(), None);
    visitor.finish().unwrap();
    drop(visitor);
    assert_eq!(busy.end().await, CloseReason::Eof);
    draining.await.unwrap();
    assert_eq!(server.agents.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_still_runs_at_the_deadline_of_a_drain_is_cut() {
    let server = Server::new();
    let mut busy = server.logged_in().await;
    busy.bind("app.adit.example.com").await;
    let pool = server.directory.find(Class::Sni, "app.adit.example.com").unwrap();
    let _visitor = pool.members()[0].leg().unwrap().open(b"\0\0\0\x03download").unwrap();
    let _download = busy.incoming.accept().await.unwrap();
    let began = Instant::now();
    let draining = supervise::spawn("drain", drain(server.agents.clone(), Duration::from_secs(5), || true));
    assert_eq!(
        busy.end().await,
        CloseReason::GoAway {
            code: 0,
            message: "server going away".to_owned()
        }
    );
    draining.await.unwrap();
    assert!((5..=8).contains(&began.elapsed().as_secs()));
}
