//! A way to PostgreSQL that loses the answer to a commit, or the commit itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// A simple query as it goes over the wire.
const COMMIT: &[u8] = b"COMMIT\0";

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The commit is done, but nobody hears of it.
    Answer,
    /// The commit does not arrive.
    Commit,
}

/// Loses so many commits, one per connection; lets the rest pass.
pub(crate) struct Proxy {
    port: u16,
    lost: Arc<AtomicU32>,
}

impl Proxy {
    pub(crate) async fn start(socket: PathBuf, lost: Lost) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(carry(client, server, lost, Arc::clone(&counter)));
            }
        });
        Self { port, lost: left }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// From now on so many commits are lost.
    pub(crate) fn lose(&self, commits: u32) {
        self.lost.store(commits, Ordering::SeqCst);
    }

    pub(crate) fn left(&self) -> u32 {
        self.lost.load(Ordering::SeqCst)
    }
}

async fn carry(client: TcpStream, server: UnixStream, lost: Lost, left: Arc<AtomicU32>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
    });
    let mut buffer = vec![0; 256 << 10];
    while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
        let sent = &buffer[..count];
        let is_commit = sent.ends_with(COMMIT);
        if is_commit
            && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok()
        {
            answers.abort();
            let _ = answers.await;
            if lost == Lost::Answer {
                to_server.write_all(sent).await.unwrap();
                // The server ends the connection once it has done what came before.
                to_server.shutdown().await.unwrap();
            }
            return;
        }
        if to_server.write_all(sent).await.is_err() {
            break;
        }
    }
    answers.abort();
}
