//! Pairs of sessions, and a connection that counts its writes.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use adit_mux::{Config, Incoming, Session, session};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::JoinSet,
};

/// A connection that counts writes and the bytes in them.
pub(crate) struct Counted<IO> {
    pub(crate) io: IO,
    pub(crate) writes: Arc<AtomicUsize>,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Counted<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Counted<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.io).poll_write(cx, buf);
        if poll.is_ready() {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

pub(crate) struct End {
    pub(crate) session: Session,
    pub(crate) incoming: Incoming,
    pub(crate) writes: Arc<AtomicUsize>,
}

/// Starts a session over `io`; its driver runs in `tasks`.
pub(crate) fn start<IO>(config: Config, io: IO, tasks: &mut JoinSet<()>) -> End
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let now = tokio::time::Instant::now().into_std();
    let (session, incoming, driver) = session(config, now);
    let writes = Arc::<AtomicUsize>::default();
    let io = Counted {
        io,
        writes: writes.clone(),
    };
    tasks.spawn(async move {
        driver.run(io).await;
    });
    End {
        session,
        incoming,
        writes,
    }
}

/// A client and a server over an in-memory pipe of 64 KiB.
pub(crate) fn pair(client: Config, server: Config, tasks: &mut JoinSet<()>) -> (End, End) {
    let (a, b) = tokio::io::duplex(64 << 10);
    (start(client, a, tasks), start(server, b, tasks))
}

/// For reading `Instant` where tokio's clock may be stopped.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
