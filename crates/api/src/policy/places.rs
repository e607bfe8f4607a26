//! Places for work on policies: a few at once, and one for each organisation, so that none keeps the others waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adit_names::id::Id;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// How many are worked on at once.
const PLACES: usize = 2;
/// How long one may wait for that, and for the turn of his organisation.
const WAIT: Duration = Duration::from_secs(5);

type Turns = BTreeMap<Id, Arc<Semaphore>>;

/// Places for work that takes a thread.
pub(super) struct Places {
    all: Semaphore,
    /// Of those that have, or wait for, a place.
    turns: Mutex<Turns>,
    wait: Duration,
}

/// That it is an organisation's turn.
struct Turn<'p> {
    places: &'p Places,
    organization: Id,
    /// Taken out only when it ends.
    turn: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(super) const fn new() -> Self {
        Self::waiting(WAIT)
    }

    const fn waiting(wait: Duration) -> Self {
        Self {
            all: Semaphore::const_new(PLACES),
            turns: Mutex::new(BTreeMap::new()),
            wait,
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn of an organisation; whoever goes away while he waits leaves nothing behind.
    async fn turn(&self, organization: Id) -> Result<Turn<'_>, ApiError> {
        let new = || Arc::new(Semaphore::new(1));
        let turn = self.turns().entry(organization).or_insert_with(new).clone();
        let mut mine = Turn {
            places: self,
            organization,
            turn: Some(turn.clone()),
            permit: None,
        };
        mine.permit = Some(turn.acquire_owned().await.map_err(|_| busy())?);
        Ok(mine)
    }

    /// Does it on another thread, when it is the organisation's turn and there is a place.
    ///
    /// # Errors
    /// 503 if that is not within some seconds; 500 if it panics.
    pub(super) async fn take<T: Send + 'static>(
        &'static self,
        organization: Id,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let place = async {
            let turn = self.turn(organization).await?;
            let place = self.all.acquire().await.map_err(|_| busy())?;
            Ok::<_, ApiError>((place, turn))
        };
        let place = tokio::time::timeout(self.wait, place).await.map_err(|_| busy())??;
        let done = tokio::task::spawn_blocking(move || {
            // Whoever asked may be gone: the place is taken until this ends.
            let done = work();
            drop(place);
            done
        });
        done.await
            .map_err(|_| ApiError::internal("working on a policy ended in a panic"))
    }
}

fn busy() -> ApiError {
    ApiError::unavailable("too many policies are being worked on")
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.places.turns();
        drop((self.permit.take(), self.turn.take()));
        // Clones are made under the lock: only the map has it now if nobody waits.
        if turns
            .get(&self.organization)
            .is_some_and(|turn| Arc::strong_count(turn) == 1)
        {
            turns.remove(&self.organization);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use adit_names::id::Prefix;

    use super::*;

    #[tokio::test]
    async fn one_organisation_has_one_place() {
        static OF_TEST: Places = Places::waiting(Duration::from_millis(100));
        let id = |n| Id::new(Prefix::Account, 1_790_000_000, [n; 16]);
        let (release, held) = mpsc::sync_channel::<()>(1);
        let (began, has_begun) = tokio::sync::oneshot::channel();
        let first = OF_TEST.take(id(1), move || {
            began.send(()).unwrap();
            held.recv().unwrap();
            1
        });
        // Its second call waits for the first, and no longer than is waited for a place; others are not touched.
        let others = async {
            has_begun.await.unwrap();
            assert_eq!(OF_TEST.take(id(2), || 3).await.unwrap(), 3);
            let refused = OF_TEST.take(id(1), || 2).await.unwrap_err();
            assert_eq!(refused.status(), 503);
            release.send(()).unwrap();
        };
        let (first, ()) = tokio::join!(first, others);
        assert_eq!(first.unwrap(), 1);
        assert_eq!(OF_TEST.take(id(1), || 4).await.unwrap(), 4);
        assert!(OF_TEST.turns().is_empty(), "nothing is kept of who has none");
    }
}
