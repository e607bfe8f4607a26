//! The control thread: takes over connections to the API's name from the edge, makes their TLS handshakes and serves
//! them. A runtime of its own, so that no list and no stuck client can slow a visitor.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use adit_api::{Api, serve};
use adit_edge::{ControlConnection, ControlQueue};
use adit_tls::ServerProfile;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections at once.
const CONNECTIONS: usize = 1_024;
/// How long requests that are being answered may take when the server stops.
const LAST: Duration = Duration::from_secs(2);

/// Protocols of the API, in our order.
pub(crate) const ALPN: &[&[u8]] = &[b"h2", b"http/1.1"];

/// A running control thread.
#[derive(Debug)]
pub(crate) struct Control {
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Starts it.
///
/// # Errors
/// When thread or event queue cannot be made.
pub(crate) fn start(queue: ControlQueue, profile: ServerProfile, api: Arc<Api>) -> std::io::Result<Control> {
    let (stop, stopped) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = thread::Builder::new().name("control".to_owned()).spawn(move || {
        runtime.block_on(run(queue, profile, api, stopped));
        runtime.shutdown_background();
    })?;
    Ok(Control {
        stop,
        thread: Some(thread),
    })
}

impl Control {
    /// Ends it: what is being answered has two seconds.
    pub(crate) fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(t) = self.thread.take() {
            // A panic there concerns nobody any more.
            let _ = t.join();
        }
    }
}

async fn run(mut queue: ControlQueue, profile: ServerProfile, api: Arc<Api>, stopped: watch::Receiver<bool>) {
    let mut serving = JoinSet::new();
    let mut until = stopped.clone();
    loop {
        tokio::select! {
            _ = until.wait_for(|s| *s) => break,
            connection = queue.recv(), if serving.len() < CONNECTIONS => match connection {
                Some(connection) => {
                    let (profile, api, stopped) = (profile.clone(), api.clone(), stopped.clone());
                    serving.spawn(async move { one(connection, profile, api, stopped).await });
                }
                None => break,
            },
            Some(ended) = serving.join_next() => {
                if let Err(e) = ended {
                    tracing::error!(error = %e, "a connection to the API was lost to a panic");
                }
            }
        }
    }
    queue.close();
    let all = async { while serving.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST, all).await;
}

async fn one(connection: ControlConnection, profile: ServerProfile, api: Arc<Api>, stopped: watch::Receiver<bool>) {
    let ControlConnection {
        io, read, peer, permit, ..
    } = connection;
    let Ok(io) = TcpStream::from_std(io) else { return };
    let tls = match tokio::time::timeout(HANDSHAKE, adit_tls::accept(io, read, &profile)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(e)) => {
            tracing::debug!(%peer, error = %e, "handshake failed");
            return;
        }
        Err(_) => return,
    };
    let is_http2 = tls.alpn() == Some(b"h2");
    serve::serve(api, tls, peer.ip(), is_http2, stopped).await;
    drop(permit);
}
