//! What kills this SDK: its 513th stream, and more connections than it accepts. The server keeps below.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{TryStreamExt, future};
use ngrok::config::TunnelBuilder;
use ngrok::tunnel::EndpointInfo;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, mpsc};

use crate::cut::Cut;
use crate::harness::{eventually, tests};
use crate::sdk;
use crate::server::Server;
use crate::upstream::{self, Service};
use crate::visitor::{self, echoes, fetch};

tests![
    requests_600_at_once_on_one_session_are_all_served,
    connections_100_that_nobody_accepts_do_not_stop_the_session,
];

/// Its upstream answers nobody until no more come through, so that as many as possible are open at once.
async fn requests_600_at_once_on_one_session_are_all_served(server: Arc<Server>) -> Result<()> {
    const AT_ONCE: usize = 600;
    /// Less than the 448 that the server opens at most: what an agent of this family surely carries at once.
    const HELD: usize = 400;
    let (gate, waiting) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (opened, counted) = (gate.clone(), waiting.clone());
    let upstream = upstream::tcp(move |socket| {
        let (opened, counted) = (opened.clone(), counted.clone());
        async move {
            counted.fetch_add(1, Ordering::SeqCst);
            drop(opened.acquire().await?);
            Service::new("").connection(hyper_util::rt::TokioIo::new(socket)).await
        }
    })
    .await?;
    let cut = Cut::before(&server.info.https).await?;
    let session = sdk::builder(&server.info, Some(cut.address()))?.connect().await?;
    let web = sdk::web(&session.http_endpoint(), &upstream.address).await?;
    let visitors = future::join_all((0..AT_ONCE).map(|_| async { fetch(&server, web.url(), "/").await?.ok() }));
    let many = async {
        eventually(Duration::from_secs(20), "many at once", || async {
            let now = waiting.load(Ordering::SeqCst);
            ensure!(now >= HELD, "{now} at once");
            Ok(())
        })
        .await?;
        gate.add_permits(Semaphore::MAX_PERMITS);
        anyhow::Ok(())
    };
    let (answers, many) = future::join(visitors, many).await;
    many?;
    let failed: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    ensure!(
        failed.is_empty(),
        "{} of {AT_ONCE} failed, the first: {:#}",
        failed.len(),
        failed[0]
    );
    fetch(&server, web.url(), "/").await?.ok()?;
    ensure!(cut.accepted() == 1, "the session was lost on the way");
    Ok(())
}

async fn connections_100_that_nobody_accepts_do_not_stop_the_session(server: Arc<Server>) -> Result<()> {
    let cut = Cut::before(&server.info.https).await?;
    let (beat, mut beats) = mpsc::unbounded_channel();
    let session = sdk::builder(&server.info, Some(cut.address()))?
        .heartbeat_interval(Duration::from_secs(1))?
        .handle_heartbeat(move |latency: Option<Duration>| {
            let beat = beat.clone();
            async move {
                if latency.is_some() {
                    beat.send(())?;
                }
                Ok(())
            }
        })
        .connect()
        .await?;
    // Two endpoints in one session: nobody accepts at the first.
    let mut held = session.tcp_endpoint().listen().await?;
    let echo = upstream::tcp_echo().await?;
    let mut visitors = Vec::new();
    for _ in 0..100 {
        let mut visitor = visitor::tcp(held.url()).await?;
        visitor.write_all(b"waiting").await?;
        visitors.push(visitor);
    }
    // Beats of both sides pass by the full queue.
    for _ in 0..3 {
        let next = tokio::time::timeout(Duration::from_secs(10), beats.recv()).await?;
        ensure!(next.is_some(), "no beats any more");
    }
    ensure!(cut.accepted() == 1, "the session was lost on the way");
    // Now they are accepted: all of them are there.
    for number in 0..visitors.len() {
        let next = tokio::time::timeout(Duration::from_secs(10), held.try_next()).await;
        ensure!(matches!(next, Ok(Ok(Some(_)))), "connection {number} did not come");
    }
    let other = sdk::forward(&session.tcp_endpoint(), &format!("tcp://{}", echo.address)).await?;
    echoes(visitor::tcp(other.url()).await?, "after all").await
}
