//! The only place of this crate that spawns. Every task belongs to one session: it is entered in that
//! session's list while it lives and is aborted with it, so that nothing outlives the session. A panic
//! costs the one connection whose task it was, and is counted.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use slab::Slab;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// The tasks of one session.
#[derive(Clone)]
pub(crate) struct Tasks {
    runtime: Handle,
    list: Arc<List>,
}

#[derive(Debug, Default)]
struct List {
    live: Mutex<Live>,
    panics: AtomicU64,
}

#[derive(Debug, Default)]
struct Live {
    tasks: Slab<AbortHandle>,
    ended: bool,
}

impl Tasks {
    /// A list whose tasks run on `runtime`.
    pub(crate) fn on(runtime: Handle) -> Self {
        Self {
            runtime,
            list: Arc::new(List::default()),
        }
    }

    /// Starts the task that `make` returns, unless the session has ended already. The task holds the entry it
    /// is given until its end (an `async` block around a future would store that future twice).
    pub(crate) fn spawn<F>(&self, make: impl FnOnce(Entry) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut live = self.list.lock();
        if live.ended {
            return;
        }
        // The entry is made under the lock: a task that ends at once on another thread waits in its guard
        // until the handle it removes is there.
        let entry = live.tasks.vacant_entry();
        let held = Entry {
            list: Arc::clone(&self.list),
            key: entry.key(),
        };
        entry.insert(self.runtime.spawn(make(held)).abort_handle());
    }

    /// Aborts all tasks, also the one that calls; later `spawn`s do nothing.
    pub(crate) fn end(&self) {
        let tasks = {
            let mut live = self.list.lock();
            live.ended = true;
            std::mem::take(&mut live.tasks)
        };
        for (_, task) in &tasks {
            task.abort();
        }
    }

    /// Tasks that panicked so far.
    pub(crate) fn panics(&self) -> u64 {
        self.list.panics.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks")
            .field("live", &self.list.lock().tasks.len())
            .field("panics", &self.panics())
            .finish()
    }
}

impl List {
    fn lock(&self) -> std::sync::MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes its task out of the list when the task's future is dropped, however it ended.
#[derive(Debug)]
pub(crate) struct Entry {
    list: Arc<List>,
    key: usize,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.list.panics.fetch_add(1, Ordering::Relaxed);
        }
        drop(self.list.lock().tasks.try_remove(self.key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[tokio::test]
    async fn a_task_leaves_the_list_and_a_panic_is_counted() {
        let tasks = Tasks::on(Handle::current());
        let (done, ended) = tokio::sync::oneshot::channel();
        tasks.spawn(|entry| async move {
            drop(entry);
            let _ = done.send(());
        });
        ended.await.unwrap();
        assert_eq!(tasks.list.lock().tasks.len(), 0);
        tasks.spawn(|entry| async move {
            let _entry = entry;
            panic!("one connection");
        });
        while tasks.panics() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(tasks.list.lock().tasks.len(), 0);
    }

    #[tokio::test]
    async fn nothing_outlives_the_end() {
        struct Flag(Arc<AtomicBool>);
        impl Drop for Flag {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let tasks = Tasks::on(Handle::current());
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = Flag(Arc::clone(&dropped));
        tasks.spawn(|entry| async move {
            let _held = (entry, flag);
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
        tasks.end();
        while !dropped.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        let (late, waits) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn(|_entry| async move { drop(late) });
        assert!(waits.await.is_err(), "a task after the end is dropped unstarted");
    }
}
