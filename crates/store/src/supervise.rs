//! The one place where tasks are started.

use std::future::Future;

use tokio::task::JoinHandle;

/// Starts the writer. If it panics its queue closes, and every write from then on is told that the store is not
/// available.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    #[expect(clippy::disallowed_methods, reason = "this is the module that the lint points to")]
    tokio::spawn(task)
}
