//! Streams that are given up in order: our side is finished, and they are kept until the agent has finished its
//! own. A reset instead would cut an upstream that is still saying goodbye, and agents count resets as abuse.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use crate::stream::AgentStream;

/// How long an agent has to finish its side; then the stream is reset.
const TIME: Duration = Duration::from_secs(5);
/// Most streams that wait for it; one more resets the oldest.
const MOST: usize = 4_096;

/// Streams whose other side has not finished yet.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    streams: Mutex<Vec<(AgentStream, Instant)>>,
}

impl Ending {
    /// Finishes our side of `stream`.
    pub(crate) fn end(&self, mut stream: AgentStream, now: Instant) {
        if stream.finish().is_err() || is_over(&mut stream) {
            return;
        }
        let mut streams = self.lock();
        let oldest = (streams.len() >= MOST).then(|| streams.swap_remove(0));
        streams.push((stream, now));
        // The lock ends before the stream does: resetting it takes the session's lock.
        drop(streams);
        drop(oldest);
    }

    /// Lets go of those that are over, or have had their time.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut streams = std::mem::take(&mut *self.lock());
        streams.retain_mut(|(stream, since)| !is_over(stream) && now.saturating_duration_since(*since) < TIME);
        if !streams.is_empty() {
            self.lock().append(&mut streams);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(AgentStream, Instant)>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the agent's side has ended, throwing away what it still sends.
fn is_over(stream: &mut AgentStream) -> bool {
    let mut no_wake = Context::from_waker(Waker::noop());
    loop {
        let chunk = std::pin::pin!(stream.chunk()).poll(&mut no_wake);
        match chunk {
            std::task::Poll::Ready(Ok(Some(_))) => {}
            std::task::Poll::Ready(Ok(None) | Err(_)) => return true,
            std::task::Poll::Pending => return false,
        }
    }
}
