//! Key sets that are being fetched: each by one request at a time, however many visitors need it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use adit_policy::EffectFault as Fault;
use bytes::Bytes;
use tokio::sync::OnceCell;

/// With so many entries those that nobody waits for are taken out.
const SWEEP: usize = 256;

type Flight = OnceCell<Result<Bytes, Fault>>;
/// Whose it is (of internal names), and its URL.
type Key = (Box<str>, Box<str>);

/// Those that are on their way.
#[derive(Debug, Default)]
pub(crate) struct KeyFetches {
    running: Mutex<HashMap<Key, Weak<Flight>>>,
}

impl KeyFetches {
    /// The result of `fetch`, or of the same fetch of somebody else that is running. If that one leaves, the next one
    /// who waits fetches.
    pub(super) async fn once<F>(&self, whose: &str, url: &str, fetch: impl FnOnce() -> F) -> Result<Bytes, Fault>
    where
        F: Future<Output = Result<Bytes, Fault>>,
    {
        let key: Key = (whose.into(), url.into());
        let flight = self.board(&key);
        let result = flight.get_or_init(fetch).await.clone();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // The next one is to have a newer answer than this.
        if running
            .get(&key)
            .is_some_and(|known| known.as_ptr() == Arc::as_ptr(&flight))
        {
            running.remove(&key);
        }
        result
    }

    fn board(&self, key: &Key) -> Arc<Flight> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = running.get(key).and_then(Weak::upgrade) {
            return flight;
        }
        if running.len() >= SWEEP {
            running.retain(|_, flight| flight.strong_count() > 0);
        }
        let flight = Arc::new(Flight::new());
        running.insert(key.clone(), Arc::downgrade(&flight));
        flight
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn many_wait_for_one_and_one_that_leaves_is_replaced() {
        let fetches = KeyFetches::default();
        let (asked, gate) = (AtomicUsize::new(0), Semaphore::new(0));
        let fetch = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            gate.acquire().await.unwrap().forget();
            Ok(Bytes::from_static(b"keys"))
        };
        {
            let mut first = std::pin::pin!(fetches.once("", "u", fetch));
            assert!(futures_poll(first.as_mut()).await.is_none());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1, "it was asked, and left");
        // Both wait before there is an answer.
        let (one, two, ()) = tokio::join!(fetches.once("", "u", fetch), fetches.once("", "u", fetch), async {
            gate.add_permits(1);
        });
        assert_eq!((one.unwrap(), two.unwrap()), ("keys".into(), "keys".into()));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        gate.add_permits(1);
        fetches.once("", "u", fetch).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 3, "a later one asks anew");
        assert!(fetches.running.lock().unwrap().is_empty());
    }

    /// What a future has to say at once.
    async fn futures_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(cx) {
                std::task::Poll::Ready(done) => Some(done),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
