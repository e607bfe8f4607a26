//! Watches whether a stock agent takes a stream that was opened to it (agent protocol 2.7): only whoever has the stream
//! can see it. Nothing is done to a stream that is not taken; the session's clock decides about its session.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use adit_cluster::{StreamFailures, UNTAKEN_AFTER};
use adit_mux::Stream;

use crate::timer::{Deadline, Timer};

/// How often a stream that is not taken is looked at again.
const LOOK: Duration = Duration::from_secs(1);

/// A stream whose agent has not shown yet that it took it.
#[derive(Debug)]
pub(crate) struct Taking {
    deadline: Deadline,
    failures: Arc<StreamFailures>,
    id: u32,
    is_late: bool,
}

impl Taking {
    /// A stream that was opened just now.
    pub(super) fn begin(id: u32, failures: Arc<StreamFailures>) -> Self {
        Self::with(id, failures, UNTAKEN_AFTER)
    }

    fn with(id: u32, failures: Arc<StreamFailures>, after: Duration) -> Self {
        let deadline = Timer::current().deadline();
        deadline.set(after);
        Self {
            deadline,
            failures,
            id,
            is_late: false,
        }
    }

    /// To be called when nothing has come on the stream; true once it was taken.
    fn poll_taken(&mut self, cx: &mut Context<'_>, stream: &Stream) -> bool {
        while self.deadline.poll_expired(cx).is_ready() {
            if stream.is_accepted() {
                return true;
            }
            if !self.is_late {
                self.is_late = true;
                self.failures.untaken().add(self.id);
            }
            self.deadline.set(LOOK);
        }
        false
    }
}

/// Receives from a stream by `receive`, watching on the way whether its agent takes it; `taking` is over as soon as it has.
pub(crate) fn poll_watched<T>(
    stream: &mut Stream,
    taking: &mut Option<Taking>,
    cx: &mut Context<'_>,
    receive: impl FnOnce(&mut Stream, &mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    let received = receive(stream, cx);
    if let Some(watched) = taking
        && (received.is_ready() || watched.poll_taken(cx, stream))
    {
        *taking = None;
    }
    received
}

impl Drop for Taking {
    fn drop(&mut self) {
        if self.is_late {
            self.failures.untaken().remove(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Instant;

    use adit_mux::Config;

    use super::*;
    use crate::supervise;

    #[tokio::test]
    async fn a_stream_counts_from_when_it_is_late_until_it_is_taken() {
        let (near, far) = tokio::io::duplex(64 << 10);
        let (server, _streams, driver) = adit_mux::session(Config::server(), Instant::now());
        let (_client, mut incoming, other) = adit_mux::session(Config::client(), Instant::now());
        supervise::spawn("server", driver.run(near));
        supervise::spawn("client", other.run(far));
        let failures = Arc::<StreamFailures>::default();
        let stream = server.open(b"\0\0\0\x03 and a header").unwrap();
        let mut taking = Taking::with(stream.id(), failures.clone(), Duration::ZERO);
        let is_late = poll_fn(|cx| match taking.poll_taken(cx, &stream) {
            false if failures.untaken().is_empty() => Poll::Pending,
            taken => Poll::Ready(!taken),
        });
        assert!(is_late.await);
        assert_eq!(failures.untaken().len(), 1);
        // Now its other side takes it, and the first bytes off it.
        let mut taken = incoming.accept().await.unwrap();
        assert!(taken.chunk().await.unwrap().is_some());
        poll_fn(|cx| {
            if taking.poll_taken(cx, &stream) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        drop(taking);
        assert!(failures.untaken().is_empty());
    }
}
