//! The one place where tasks are started.

use std::future::Future;

/// Starts a task that makes the parts of an answer. If it panics its channel closes, and the answer breaks off.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    #[expect(clippy::disallowed_methods, reason = "this is the module that the lint points to")]
    let task = tokio::spawn(task);
    drop(task);
}
