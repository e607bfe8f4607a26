//! Interoperability with the `muxado` crate, what the Rust family of agents runs, in both roles.

use std::time::Duration;

use adit_mux::{Config, Incoming, Session, Stream, StreamError, code};
use muxado::{
    Accept as _, OpenClose as _, Session as _, SessionBuilder,
    heartbeat::{Heartbeat, HeartbeatConfig},
    typed::{StreamType, TypedAccept as _, TypedOpenClose as _, TypedSession as _},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
};

use crate::link::start;

/// Our session in one role, theirs in the other.
fn peers(we_serve: bool, tasks: &mut JoinSet<()>) -> (Session, Incoming, muxado::MuxadoSession) {
    let (a, b) = tokio::io::duplex(64 << 10);
    let (config, builder) = if we_serve {
        (Config::server(), SessionBuilder::new(b).client())
    } else {
        (Config::client(), SessionBuilder::new(b).server())
    };
    // Their heartbeats are a layer above; without one they would end this session.
    let config = Config {
        heartbeat: None,
        idle_timeout: None,
        max_unaccepted: 48,
        max_outbound: 448,
        ..config
    };
    let end = start(config, a, tasks);
    (end.session, end.incoming, builder.start())
}

/// All of a stream, after its first four bytes.
async fn all(stream: &mut Stream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.chunk().await.unwrap() {
        all.extend(chunk);
    }
    all.split_off(4)
}

async fn echo_theirs(mut accept: impl muxado::Accept) {
    let mut streams = JoinSet::new();
    while let Some(mut stream) = accept.accept().await {
        streams.spawn(async move {
            let (mut read, mut write) = tokio::io::split(&mut stream);
            let _copied = tokio::io::copy(&mut read, &mut write).await;
            let _shut = write.shutdown().await;
        });
    }
}

async fn echo_ours(mut incoming: Incoming) {
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
}

#[tokio::test]
async fn we_open_they_echo() {
    for we_serve in [true, false] {
        let mut tasks = JoinSet::new();
        let (session, _incoming, theirs) = peers(we_serve, &mut tasks);
        let (open, accept) = theirs.split();
        tasks.spawn(echo_theirs(accept));
        for n in [0, 1, 1_000, 100_000, 2_000_000] {
            let body = vec![n as u8; n];
            let mut stream = session.open(b"type").unwrap();
            let mut sent = 0;
            let mut got = Vec::new();
            let mut finished = false;
            // Reads while it writes: their windows are no larger than ours.
            std::future::poll_fn(|cx| {
                use std::task::Poll::{Pending, Ready};
                while sent < n {
                    match stream.poll_send(cx, &body[sent..]) {
                        Ready(n) => sent += n.unwrap(),
                        Pending => break,
                    }
                }
                if sent == n && !finished {
                    finished = true;
                    stream.finish().unwrap();
                }
                loop {
                    match stream.poll_chunk(cx) {
                        Ready(Ok(Some(chunk))) => got.extend(chunk),
                        Ready(Ok(None)) => return Ready(()),
                        Ready(Err(error)) => panic!("{error} after {}", got.len()),
                        Pending => return Pending,
                    }
                }
            })
            .await;
            assert_eq!(got.len(), n + 4);
            assert!(got[4..] == body);
            assert!(stream.is_accepted());
        }
        drop(open);
    }
}

#[tokio::test]
async fn they_open_we_echo() {
    for we_serve in [true, false] {
        let mut tasks = JoinSet::new();
        let (_session, incoming, theirs) = peers(we_serve, &mut tasks);
        tasks.spawn(echo_ours(incoming));
        let (mut open, _accept) = theirs.split();
        for n in [0, 1, 1_000, 100_000, 2_000_000] {
            let stream = open.open().await.unwrap();
            let (mut read, mut write) = tokio::io::split(stream);
            let body = vec![n as u8; n];
            let (mut got, expected) = (Vec::new(), body.clone());
            let write = async move {
                write.write_all(b"type").await.unwrap();
                write.write_all(&body).await.unwrap();
                write.shutdown().await.unwrap();
                write
            };
            let (_write, read) = tokio::join!(write, read.read_to_end(&mut got));
            read.unwrap();
            assert_eq!(got.len(), n + 4);
            assert!(got[4..] == expected);
        }
    }
}

#[tokio::test]
async fn half_close_both_ways() {
    for we_serve in [true, false] {
        let mut tasks = JoinSet::new();
        let (session, mut incoming, theirs) = peers(we_serve, &mut tasks);
        let (mut open, mut accept) = theirs.split();

        let mut ours = session.open(b"type").unwrap();
        let mut other = accept.accept().await.unwrap();
        ours.send_all(b"question").await.unwrap();
        ours.finish().unwrap();
        let mut got = String::new();
        other.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "typequestion");
        other.write_all(b"longanswer").await.unwrap();
        other.shutdown().await.unwrap();
        assert_eq!(all(&mut ours).await, b"answer");

        let mut other = open.open().await.unwrap();
        other.write_all(b"typequestion").await.unwrap();
        other.shutdown().await.unwrap();
        let mut ours = incoming.accept().await.unwrap();
        assert_eq!(all(&mut ours).await, b"question");
        ours.send_all(b"answer").await.unwrap();
        ours.finish().unwrap();
        let mut got = String::new();
        other.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "answer");
    }
}

#[tokio::test]
async fn resets() {
    let mut tasks = JoinSet::new();
    let (session, mut incoming, theirs) = peers(true, &mut tasks);
    let (mut open, mut accept) = theirs.split();
    // Ours: a clean EOF there, agent protocol 2.8; their next writes come back as a reset.
    let mut ours = session.open(b"type").unwrap();
    let mut other = accept.accept().await.unwrap();
    let mut four = [0; 4];
    other.read_exact(&mut four).await.unwrap();
    ours.reset(code::CANCELLED);
    assert_eq!(ours.chunk().await, Err(StreamError::Reset(code::CANCELLED)));
    let ended = tokio::time::timeout(Duration::from_secs(5), async {
        while other.write(&[0; 1_000]).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    ended.await.unwrap();

    // Theirs: they drop a stream they have not read; our further data is answered by RST(4).
    let mut other = open.open().await.unwrap();
    other.write_all(b"type").await.unwrap();
    let mut ours = incoming.accept().await.unwrap();
    drop(other);
    let ended = tokio::time::timeout(Duration::from_secs(5), async {
        loop {
            if let Err(error) = ours.send_all(&[0; 1_000]).await {
                return error;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(ended.await.unwrap(), StreamError::Reset(code::STREAM_CLOSED));
    assert!(!session.is_closed());
}

#[tokio::test]
async fn five_hundred_streams() {
    let mut tasks = JoinSet::new();
    let (session, _incoming, theirs) = peers(true, &mut tasks);
    let (_open, accept) = theirs.split();
    tasks.spawn(echo_theirs(accept));
    let mut streams = JoinSet::new();
    for n in 0..500_usize {
        let session = session.clone();
        streams.spawn(async move {
            let mut stream = loop {
                match session.open(b"type") {
                    Ok(stream) => break stream,
                    Err(error) if error.is_temporary() => session.capacity().await.unwrap(),
                    Err(error) => panic!("{error}"),
                }
            };
            stream.send_all(&vec![1; n * 10]).await.unwrap();
            stream.finish().unwrap();
            assert_eq!(all(&mut stream).await.len(), n * 10);
        });
    }
    assert_eq!(streams.join_all().await.len(), 500);
    assert!(!session.is_closed());
}

#[tokio::test]
async fn their_end() {
    let mut tasks = JoinSet::new();
    let (session, _incoming, theirs) = peers(true, &mut tasks);
    let (mut open, accept) = theirs.split();
    open.close(muxado::Error::Protocol, "invalid frame".into())
        .await
        .unwrap();
    let reason = tokio::time::timeout(Duration::from_secs(5), session.closed())
        .await
        .unwrap();
    assert!(
        matches!(reason, adit_mux::CloseReason::GoAway { code: 1, .. }),
        "{reason}"
    );
    drop((open, accept));
    tasks.join_all().await;
}

#[tokio::test]
async fn heartbeats_both_ways() {
    let (a, b) = tokio::io::duplex(64 << 10);
    let mut tasks = JoinSet::new();
    let mut server = start(Config::server(), a, &mut tasks);
    let typed = muxado::typed::Typed::new(SessionBuilder::new(b).client().start());
    let settings = HeartbeatConfig {
        interval: Duration::from_secs(10),
        tolerance: Duration::from_secs(15),
        handler: None,
    };
    let (beating, control) = Heartbeat::start(typed, settings).await.unwrap();
    let (mut open, mut accept) = beating.split_typed();
    // Their accept loop answers our beats, and hands on what is no heartbeat.
    tasks.spawn(async move { while accept.accept_typed().await.is_ok() {} });

    for _ in 0..3 {
        control.beat().await.unwrap();
        server.session.probe(crate::link::now());
    }
    while server.session.rtt().is_none() {
        tokio::task::yield_now().await;
    }
    let mut theirs = open.open_typed(StreamType::clamp(7)).await.unwrap();
    theirs.write_all(b"body").await.unwrap();
    let mut ours = server.incoming.accept().await.unwrap();
    assert_eq!(ours.id(), 5, "heartbeats are no streams of the application");
    let mut type_and_body = [0; 8];
    ours.read_exact(&mut type_and_body).await.unwrap();
    assert_eq!(type_and_body, *b"\0\0\0\x07body");
    assert!(!server.session.is_closed());
}
