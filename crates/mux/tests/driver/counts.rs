//! Writes are what costs: how many exchanges share one.

use std::sync::atomic::Ordering::Relaxed;

use adit_mux::{Config, Session, Stream};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::link::{End, pair, start};

/// Answers each message of 200 bytes on a stream by 300 bytes.
async fn serve(mut incoming: adit_mux::Incoming) {
    let mut streams = JoinSet::new();
    while let Some(mut stream) = incoming.accept().await {
        streams.spawn(async move {
            while let Ok(()) = receive(&mut stream, 200).await {
                if stream.send_all(&[2; 300]).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn receive(stream: &mut Stream, n: usize) -> Result<(), ()> {
    let mut got = 0;
    while got < n {
        match stream.chunk().await {
            Ok(Some(chunk)) => got += chunk.len(),
            _ => return Err(()),
        }
    }
    assert_eq!(got, n);
    Ok(())
}

/// 64 tasks, each with a stream of its own and `each` exchanges; exchanges per write of the client.
async fn exchange(session: Session, end: &End, each: usize) -> f64 {
    let before = end.writes.load(Relaxed);
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let session = session.clone();
        tasks.spawn(async move {
            let mut stream = session.open(&[1; 200]).unwrap();
            receive(&mut stream, 300).await.unwrap();
            for _ in 1..each {
                stream.send_all(&[1; 200]).await.unwrap();
                receive(&mut stream, 300).await.unwrap();
            }
            stream.finish().unwrap();
        });
    }
    tasks.join_all().await;
    (64 * each) as f64 / (end.writes.load(Relaxed) - before) as f64
}

#[tokio::test]
async fn at_least_sixteen_exchanges_share_a_write_in_memory() {
    let mut tasks = JoinSet::new();
    let (client, server) = pair(Config::client(), Config::server(), &mut tasks);
    tasks.spawn(serve(server.incoming));
    let each = exchange(client.session.clone(), &client, 200).await;
    assert!(each >= 16.0, "{each}");
    let answers = 64.0 * 200.0 / server.writes.load(Relaxed) as f64;
    assert!(answers >= 16.0, "{answers}");
}

#[tokio::test]
async fn at_least_sixteen_exchanges_share_a_write_on_loopback() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    let mut tasks = JoinSet::new();
    let client = start(Config::client(), near.unwrap(), &mut tasks);
    let server = start(Config::server(), far.unwrap().0, &mut tasks);
    tasks.spawn(serve(server.incoming));
    let each = exchange(client.session.clone(), &client, 200).await;
    assert!(each >= 16.0, "{each}");
}
