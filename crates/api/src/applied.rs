//! How far the nodes are behind the log (control plane 1.6): a change is in force on a node when that has applied its
//! position.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

/// Something that is waited for.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Knows which nodes live and what they have applied.
pub trait Applied: Send + Sync {
    /// How many nodes live, this one among them; at least 1.
    fn nodes(&self) -> u32;

    /// Waits until this node has applied a position, at most `time`; whether it has.
    fn here(&self, position: u64, time: Duration) -> Waiting<'_, bool>;

    /// Waits until all live nodes have applied a position, at most `time`; the names of those that have not.
    fn everywhere(&self, position: u64, time: Duration) -> Waiting<'_, Vec<String>>;
}

/// A node that is alone.
#[derive(Clone, Debug)]
pub struct OneNode {
    /// Its name.
    pub name: String,
    /// The position that it has applied.
    pub applied: watch::Receiver<u64>,
}

impl Applied for OneNode {
    fn nodes(&self) -> u32 {
        1
    }

    fn here(&self, position: u64, time: Duration) -> Waiting<'_, bool> {
        let mut applied = self.applied.clone();
        Box::pin(async move {
            let reached = applied.wait_for(|at| *at >= position);
            matches!(tokio::time::timeout(time, reached).await, Ok(Ok(_)))
        })
    }

    fn everywhere(&self, position: u64, time: Duration) -> Waiting<'_, Vec<String>> {
        Box::pin(async move {
            if self.here(position, time).await {
                Vec::new()
            } else {
                vec![self.name.clone()]
            }
        })
    }
}
