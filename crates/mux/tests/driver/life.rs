//! Opening, closing, stalling, cancelling.

use std::time::Duration;

use adit_mux::{CloseReason, Config, OpenError, StreamError, code, session};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
};

use crate::link::{now, pair, start};

/// Echoes every stream until the session ends.
async fn echo(mut incoming: adit_mux::Incoming) {
    let mut streams = JoinSet::new();
    while let Some(mut stream) = incoming.accept().await {
        streams.spawn(async move {
            while let Ok(Some(chunk)) = stream.chunk().await {
                if stream.send_all(&chunk).await.is_err() {
                    return;
                }
            }
            let _finished = stream.finish();
        });
    }
    streams.join_all().await;
}

#[tokio::test]
async fn echo_on_one_thread() {
    echo_of_large_and_small_both_ways().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn echo_on_several_threads() {
    echo_of_large_and_small_both_ways().await;
}

async fn echo_of_large_and_small_both_ways() {
    let mut tasks = JoinSet::new();
    let (client, server) = pair(Config::client(), Config::server(), &mut tasks);
    tasks.spawn(echo(server.incoming));
    tasks.spawn(echo(client.incoming));
    let mut bodies = JoinSet::new();
    for (index, session) in [client.session, server.session].into_iter().enumerate() {
        for n in [4_usize, 100, 5_000, 400_000, 3_000_000] {
            let session = session.clone();
            bodies.spawn(async move {
                let body: Vec<u8> = (0..n).map(|i| (i * 31 + index) as u8 & 0x7F).collect();
                let mut stream = session.open(&body[..4]).unwrap();
                let (mut got, mut sent) = (Vec::new(), 4);
                std::future::poll_fn(|cx| {
                    while sent < body.len()
                        && let std::task::Poll::Ready(n) = stream.poll_send(cx, &body[sent..])
                    {
                        sent += n.unwrap();
                    }
                    if sent == body.len() {
                        match stream.finish() {
                            Ok(()) | Err(StreamError::Finished) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                    loop {
                        match stream.poll_chunk(cx) {
                            std::task::Poll::Ready(Ok(Some(chunk))) => got.extend(chunk),
                            std::task::Poll::Ready(Ok(None)) => return std::task::Poll::Ready(()),
                            std::task::Poll::Ready(Err(error)) => panic!("{error}"),
                            std::task::Poll::Pending => return std::task::Poll::Pending,
                        }
                    }
                })
                .await;
                assert!(got == body, "{n}");
            });
        }
    }
    bodies.join_all().await;
}

#[tokio::test]
async fn adapters() {
    let mut tasks = JoinSet::new();
    let (client, mut server) = pair(Config::client(), Config::server(), &mut tasks);
    let mut stream = client.session.open(b"type").unwrap();
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut other = server.incoming.accept().await.unwrap();
    let mut four = [0; 4];
    other.read_exact(&mut four).await.unwrap();
    assert_eq!(&four, b"type");
    let mut text = String::new();
    other.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "hello");
    assert!(other.peer_finished());
    other.write_all(&[9; 100_000]).await.unwrap();
    other.reset(code::RESET);
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(
        stream.write(b"x").await.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
}

#[tokio::test]
async fn close_is_seen_by_both_with_its_reason() {
    let mut tasks = JoinSet::new();
    let (client, mut server) = pair(Config::client(), Config::server(), &mut tasks);
    let mut stream = client.session.open(b"type").unwrap();
    let mut other = server.incoming.accept().await.unwrap();
    server.session.close(code::NONE, "enough");
    assert_eq!(server.session.closed().await, CloseReason::Local(0));
    assert_eq!(
        client.session.closed().await,
        CloseReason::GoAway {
            code: 0,
            message: "enough".into()
        }
    );
    assert_eq!(other.chunk().await, Ok(Some("type".into())));
    assert_eq!(other.chunk().await, Err(StreamError::SessionLost));
    assert!(stream.chunk().await.is_err());
    assert!(server.incoming.accept().await.is_none());
    assert_eq!(client.session.open(b"type").unwrap_err(), OpenError::Closed);
    tasks.join_all().await;
}

#[tokio::test]
async fn what_was_sent_before_close_arrives() {
    let mut tasks = JoinSet::new();
    let (client, mut server) = pair(Config::client(), Config::server(), &mut tasks);
    let mut stream = client.session.open(b"type").unwrap();
    let mut other = server.incoming.accept().await.unwrap();
    stream.send_all(&[1; 50_000]).await.unwrap();
    stream.finish().unwrap();
    client.session.close(code::NONE, "");
    let mut all = Vec::new();
    while let Ok(Some(chunk)) = other.chunk().await {
        all.extend(chunk);
    }
    assert_eq!(all.len(), 50_004);
    tasks.join_all().await;
}

#[tokio::test]
async fn abort_eof_and_a_dropped_driver() {
    let mut tasks = JoinSet::new();
    let (client, server) = pair(Config::client(), Config::server(), &mut tasks);
    client.session.abort();
    assert_eq!(client.session.closed().await, CloseReason::Aborted);
    assert_eq!(server.session.closed().await, CloseReason::Eof);
    tasks.join_all().await;

    let mut tasks = JoinSet::new();
    let (client, server) = pair(Config::client(), Config::server(), &mut tasks);
    tasks.shutdown().await;
    assert_eq!(client.session.closed().await, CloseReason::Aborted);
    assert_eq!(server.session.closed().await, CloseReason::Aborted);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing() {
    let mut tasks = JoinSet::new();
    let (ours, _theirs) = tokio::io::duplex(1_000);
    let config = Config {
        idle_timeout: None,
        heartbeat: None,
        ..Config::server()
    };
    let server = start(config, ours, &mut tasks);
    let mut stream = server.session.open(b"type").unwrap();
    let start = now();
    let error = stream.send_all(&[0; 1_000_000]).await.unwrap_err();
    assert_eq!(error, StreamError::SessionLost);
    assert_eq!(server.session.closed().await, CloseReason::WriteStalled);
    assert!((25..27).contains(&(now() - start).as_secs()));
    tasks.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn abort_is_seen_while_a_write_is_blocked() {
    let mut tasks = JoinSet::new();
    let (ours, _theirs) = tokio::io::duplex(1_000);
    let server = start(Config::server(), ours, &mut tasks);
    let mut stream = server.session.open(b"type").unwrap();
    let start = now();
    let blocked = tokio::time::timeout(Duration::from_secs(1), stream.send_all(&[0; 1_000_000]));
    assert!(blocked.await.is_err());
    server.session.abort();
    tasks.join_all().await;
    assert_eq!((now() - start).as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn close_ends_although_the_peer_never_does() {
    let mut tasks = JoinSet::new();
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    let config = Config {
        heartbeat: None,
        ..Config::server()
    };
    let server = start(config, ours, &mut tasks);
    let start = now();
    server.session.close(code::NONE, "");
    tasks.join_all().await;
    assert_eq!((now() - start).as_secs(), 2, "linger");
    let mut all = Vec::new();
    theirs.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, [0, 0, 8, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn silence_and_heartbeats() {
    // Two of ours keep each other alive for an hour, without data.
    let mut tasks = JoinSet::new();
    let (client, server) = pair(Config::client(), Config::server(), &mut tasks);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(!client.session.is_closed() && !server.session.is_closed());
    assert!(server.session.rtt().is_some() && client.session.rtt().is_some());
    assert_eq!(server.session.open_streams(), 2);
    drop(tasks);

    let mut tasks = JoinSet::new();
    let (ours, _theirs) = tokio::io::duplex(64 << 10);
    let server = start(Config::server(), ours, &mut tasks);
    let start = now();
    let reason = server.session.closed().await;
    assert!(
        matches!(reason, CloseReason::Silent | CloseReason::HeartbeatLost),
        "{reason}"
    );
    assert!((now() - start).as_secs() <= 26);
}

#[tokio::test]
async fn a_session_nobody_holds_ends() {
    let mut tasks = JoinSet::new();
    let (client, server) = pair(Config::client(), Config::server(), &mut tasks);
    let mut stream = client.session.open(b"type").unwrap();
    let mut incoming = server.incoming;
    drop((client.session, client.incoming, server.session));
    let mut other = incoming.accept().await.unwrap();
    other.finish().unwrap();
    assert_eq!(other.chunk().await, Ok(Some("type".into())));
    assert_eq!(stream.chunk().await, Ok(None));
    drop(stream);
    assert_eq!(
        other.chunk().await,
        Err(StreamError::Reset(code::CANCELLED)),
        "it was not finished"
    );
    assert!(incoming.accept().await.is_none());
    drop((other, incoming));
    tasks.join_all().await;
}

/// A future waiting for a place, and how often it was woken.
struct Woken {
    future: adit_mux::Capacity,
    flag: std::sync::Arc<Flag>,
}

#[derive(Default)]
struct Flag(std::sync::atomic::AtomicUsize);

impl std::task::Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Woken {
    fn watch(future: adit_mux::Capacity) -> Self {
        let flag = std::sync::Arc::default();
        let mut woken = Self { future, flag };
        assert!(woken.poll().is_pending());
        woken
    }

    fn poll(&mut self) -> std::task::Poll<Result<(), OpenError>> {
        let waker = std::task::Waker::from(self.flag.clone());
        let mut cx = std::task::Context::from_waker(&waker);
        std::pin::Pin::new(&mut self.future).poll(&mut cx)
    }

    fn count(&self) -> usize {
        self.flag.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[tokio::test]
async fn places_for_streams_are_given_in_order() {
    let mut tasks = JoinSet::new();
    let config = Config {
        max_outbound: 2,
        heartbeat: None,
        ..Config::client()
    };
    let (client, server) = pair(config, Config::server(), &mut tasks);
    tasks.spawn(echo(server.incoming));
    let session = client.session;
    let (one, two) = (session.open(b"type").unwrap(), session.open(b"type").unwrap());
    assert_eq!(session.open(b"type").unwrap_err(), OpenError::StreamLimit);

    let (first, second, third) = (session.capacity(), session.capacity(), session.capacity());
    // A place comes free; whose turn it was goes away, and the next one's comes.
    let woken = |future| Woken::watch(future);
    let (first, second, third) = (woken(first), woken(second), woken(third));
    drop(one);
    assert_eq!((first.count(), second.count(), third.count()), (1, 0, 0));
    drop(first);
    assert_eq!((second.count(), third.count()), (1, 0));
    let mut second = second;
    assert!(second.poll().is_ready());
    let _stream = session.open(b"type").unwrap();
    drop(two);
    assert_eq!(third.count(), 1);
}

#[tokio::test]
async fn filling_may_panic_or_open_another_stream() {
    let (session, _incoming, _driver) = session(Config::client(), now());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _stream = session.open_with(|_| panic!("as told"));
    }));
    assert!(caught.is_err());
    let stream = session
        .open_with(|first| {
            let inner = session.open_with(|first| first.extend(b"type")).unwrap();
            assert_eq!(inner.id(), 5);
            first.extend(b"type");
        })
        .unwrap();
    assert_eq!(stream.id(), 7);
    assert_eq!(
        session.open_with(|first| first.resize(70_000, 0)).unwrap_err(),
        OpenError::TooLarge
    );
}
