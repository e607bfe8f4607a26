//! The one place that spawns: data workers, tasks on them, and what a panic costs.
//!
//! A data worker is one thread with a current-thread runtime. An agent's session lives on one worker and its
//! visitors are handed there after the ClientHello, so that answers wake tasks of the same thread. Nothing
//! depends on that for correctness: every future is `Send`.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

static PANICS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static WORKER: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Index of the data worker that runs the caller; `None` on any other thread.
pub fn current_worker() -> Option<usize> {
    let index = WORKER.get();
    (index != usize::MAX).then_some(index)
}

/// Tasks that ended in a panic since the process began.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Counts a task that unwinds; the runtime contains the panic itself.
struct CountPanic {
    name: &'static str,
}

impl Drop for CountPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            PANICS.fetch_add(1, Ordering::Relaxed);
            tracing::error!(task = self.name, "a task panicked; its connection is lost");
        }
    }
}

/// A task on its way to a runtime. Boxed once, where it is made: an `async fn` around it would hold it twice (as its
/// argument and as what it awaits), and moving it through the layers of a spawn would copy kilobytes each time.
struct Counted<F> {
    future: Pin<Box<F>>,
    _count: CountPanic,
}

fn counted<F: Future>(name: &'static str, future: F) -> Counted<F> {
    Counted {
        future: Box::pin(future),
        _count: CountPanic { name },
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.future.as_mut().poll(cx)
    }
}

/// Spawns a task on the current worker. A panic in it is contained and counted.
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[allow(clippy::disallowed_methods, reason = "this is the supervised place")]
    tokio::spawn(counted(name, future))
}

/// The data workers of a node.
#[derive(Clone, Debug)]
pub struct Workers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    handles: Vec<Handle>,
    next: AtomicUsize,
    stop: watch::Sender<bool>,
    threads: std::sync::Mutex<Vec<thread::JoinHandle<()>>>,
    stopped: AtomicBool,
}

impl Workers {
    /// Starts `count` workers (at least one).
    ///
    /// # Errors
    /// When the operating system refuses a thread or an event queue.
    pub fn start(count: usize) -> std::io::Result<Self> {
        let (stop, _) = watch::channel(false);
        let mut handles = Vec::new();
        let mut threads = Vec::new();
        for index in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().event_interval(31).build()?;
            handles.push(runtime.handle().clone());
            let mut stopped = stop.subscribe();
            threads.push(thread::Builder::new().name(format!("data-{index}")).spawn(move || {
                WORKER.set(index);
                runtime.block_on(async move {
                    // An error means that the sender is gone, which is a stop as well.
                    let _ = stopped.wait_for(|s| *s).await;
                });
                runtime.shutdown_background();
            })?);
        }
        Ok(Self {
            inner: Arc::new(Inner {
                handles,
                next: AtomicUsize::new(0),
                stop,
                threads: std::sync::Mutex::new(threads),
                stopped: AtomicBool::new(false),
            }),
        })
    }

    /// Number of workers.
    pub fn len(&self) -> usize {
        self.inner.handles.len()
    }

    /// Whether there is no worker: never, there is at least one.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The worker that the next session goes to (in turn).
    pub fn next(&self) -> usize {
        self.inner.next.fetch_add(1, Ordering::Relaxed) % self.len()
    }

    /// Spawns a task on a worker, from any thread. An index beyond the last means the last.
    pub fn spawn_on<F>(&self, worker: usize, name: &'static str, future: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let handle = self.inner.handles.get(worker).or_else(|| self.inner.handles.last())?;
        Some(handle.spawn(counted(name, future)))
    }

    /// Ends all workers and waits for their threads; tasks are dropped where they stand.
    pub fn stop(&self) {
        if self.inner.stopped.swap(true, Ordering::AcqRel) {
            return;
        }
        self.inner.stop.send_replace(true);
        let threads = self
            .inner
            .threads
            .lock()
            .map(|mut t| std::mem::take(&mut *t))
            .unwrap_or_default();
        for t in threads {
            // A worker that panicked outside a task has nothing left to wait for.
            let _ = t.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_costs_one_task_and_is_counted() {
        let workers = Workers::start(2).unwrap();
        let before = panics();
        let lost = workers.spawn_on(1, "test", async { panic!("on purpose") }).unwrap();
        let lives = workers.spawn_on(1, "test", async { 7 }).unwrap();
        let rt = Builder::new_current_thread().build().unwrap();
        assert!(rt.block_on(lost).is_err());
        assert_eq!(rt.block_on(lives).unwrap(), 7);
        assert!(panics() > before);
        workers.stop();
    }
}
