//! Why streams failed, as Adit's own agent says it on its control stream (agent protocol 9.2, `stream_error`).
//!
//! The agent sends the cause before it resets the stream, but on another stream, so whoever saw the reset may
//! be first: [`StreamFailures::wait`] gives the cause a moment to arrive.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adit_protocol::control::StreamErrorClass;
use tokio::sync::Notify;

use crate::untaken::Untaken;

/// Causes that are kept; who did not ask by then never will.
const KEPT: usize = 256;
/// Longest text of a cause in bytes.
const MAX_TEXT: usize = 256;

/// The cause of a stream's failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFailure {
    /// What failed.
    pub class: StreamErrorClass,
    /// The upstream's address as the agent dialled it.
    pub addr: String,
    /// The error in words.
    pub error: String,
}

/// The causes that came over one connection.
#[derive(Debug, Default)]
pub struct StreamFailures {
    known: Mutex<VecDeque<(u32, StreamFailure)>>,
    news: Notify,
    untaken: Untaken,
}

impl StreamFailures {
    /// Streams of this connection that its agent does not take.
    pub const fn untaken(&self) -> &Untaken {
        &self.untaken
    }

    /// Keeps the cause of the failure of stream `id`; texts are cut.
    pub fn put(&self, id: u32, mut failure: StreamFailure) {
        for text in [&mut failure.addr, &mut failure.error] {
            text.truncate(text.floor_char_boundary(MAX_TEXT));
        }
        let mut known = self.lock();
        if known.len() == KEPT {
            known.pop_front();
        }
        known.push_back((id, failure));
        drop(known);
        self.news.notify_waiters();
    }

    /// The cause, if it is known.
    pub fn take(&self, id: u32) -> Option<StreamFailure> {
        let mut known = self.lock();
        let at = known.iter().position(|(i, _)| *i == id)?;
        known.remove(at).map(|(_, failure)| failure)
    }

    /// The cause, waiting at most `max` for it. Only for agents that say causes.
    pub async fn wait(&self, id: u32, max: Duration) -> Option<StreamFailure> {
        let found = async {
            loop {
                let news = self.news.notified();
                if let Some(failure) = self.take(id) {
                    return failure;
                }
                news.await;
            }
        };
        tokio::time::timeout(max, found).await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u32, StreamFailure)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: &str) -> StreamFailure {
        StreamFailure {
            class: StreamErrorClass::Dial,
            addr: "127.0.0.1:80".to_owned(),
            error: error.to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cause_is_found_whether_it_comes_before_or_after_the_question() {
        let failures = StreamFailures::default();
        failures.put(2, failure("refused"));
        assert_eq!(failures.wait(2, Duration::from_secs(1)).await, Some(failure("refused")));
        assert_eq!(failures.wait(2, Duration::from_secs(1)).await, None);
        let later = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            failures.put(4, failure("é".repeat(300).as_str()));
        };
        let (found, ()) = tokio::join!(failures.wait(4, Duration::from_secs(1)), later);
        assert!(found.unwrap().error.len() <= MAX_TEXT);
    }

    #[test]
    fn the_oldest_go_first() {
        let failures = StreamFailures::default();
        for id in 0..300 {
            failures.put(id, failure(""));
        }
        assert_eq!(failures.take(0), None);
        assert!(failures.take(299).is_some());
        assert_eq!(failures.lock().len(), KEPT - 1);
    }
}
