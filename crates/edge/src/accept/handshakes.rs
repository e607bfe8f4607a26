//! How many handshakes are made at once, in all and per address (edge 1.6): they cost most of what a connection
//! costs before anything is known of it. Who is over waits a little, then is closed.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use adit_observe::RefusalReason;
use adit_snapshot::Limits;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Permit;

/// How long a visitor waits for the other handshakes of its address.
const WAIT_ADDRESS: Duration = Duration::from_secs(1);
/// How long a visitor waits for those of the node.
const WAIT_NODE: Duration = Duration::from_secs(5);

/// The handshakes of a node.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    running: AtomicUsize,
    waiting: AtomicUsize,
    /// Held while one is counted in: both limits are asked at once, and a try that fails is never seen by another.
    counting: Mutex<()>,
    freed: Notify,
}

/// A handshake that may be made; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Handshake<'a>(&'a Permit);

impl Drop for Handshake<'_> {
    fn drop(&mut self) {
        let node = &self.0.table.handshakes;
        node.running.fetch_sub(1, Ordering::SeqCst);
        if let Some(address) = self.0.handshakes() {
            address.fetch_sub(1, Ordering::SeqCst);
        }
        if node.waiting.load(Ordering::SeqCst) > 0 {
            node.freed.notify_waiters();
        }
    }
}

/// Counted while it waits, however it ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Permit {
    /// Waits until a handshake may be made on this connection. 0 means no limit.
    ///
    /// # Errors
    /// The limit that it waited for in vain.
    pub(crate) async fn handshake(&self, limits: &Limits) -> Result<Handshake<'_>, RefusalReason> {
        if self.start(limits).is_none() {
            return Ok(Handshake(self));
        }
        let node = &self.table.handshakes;
        node.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&node.waiting);
        let began = Instant::now();
        loop {
            let freed = node.freed.notified();
            // One may have ended before it was listened for.
            let Some(over) = self.start(limits) else {
                return Ok(Handshake(self));
            };
            let wait = if over == RefusalReason::Handshakes {
                WAIT_NODE
            } else {
                WAIT_ADDRESS
            };
            if timeout_at(began + wait, freed).await.is_err() {
                return Err(over);
            }
        }
    }

    /// Counts one in; the limit that forbids it.
    fn start(&self, limits: &Limits) -> Option<RefusalReason> {
        let node = &self.table.handshakes;
        let address: Option<&AtomicU32> = self.handshakes();
        let _counting = node.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = address.map_or(0, |a| a.load(Ordering::SeqCst));
        if limits.handshakes_per_ip > 0 && of_address >= limits.handshakes_per_ip {
            return Some(RefusalReason::HandshakesPerIp);
        }
        if limits.handshakes > 0 && node.running.load(Ordering::SeqCst) >= limits.handshakes {
            return Some(RefusalReason::Handshakes);
        }
        node.running.fetch_add(1, Ordering::SeqCst);
        if let Some(a) = address {
            a.fetch_add(1, Ordering::SeqCst);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use super::super::AddressTable;
    use super::*;

    fn limits(handshakes: usize, handshakes_per_ip: u32) -> Limits {
        Limits {
            handshakes,
            handshakes_per_ip,
            ..Limits::default()
        }
    }

    fn permit(table: &Arc<AddressTable>, limits: &Limits, last: u8) -> Permit {
        table.admit(IpAddr::from([203, 0, 113, last]), limits).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_waits_a_second_and_others_do_not() {
        let limits = limits(100, 2);
        let table = Arc::new(AddressTable::default());
        let permits: Vec<_> = (0..3).map(|_| permit(&table, &limits, 7)).collect();
        let first = permits[0].handshake(&limits).await.unwrap();
        let _second = permits[1].handshake(&limits).await.unwrap();
        let began = Instant::now();
        let refused = permits[2].handshake(&limits).await.unwrap_err();
        assert_eq!(
            (refused, began.elapsed()),
            (RefusalReason::HandshakesPerIp, WAIT_ADDRESS)
        );
        assert!(permit(&table, &limits, 8).handshake(&limits).await.is_ok());
        drop(first);
        assert!(permits[2].handshake(&limits).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_node_waits_five_seconds_and_goes_on_as_soon_as_one_ends() {
        let limits = limits(1, 0);
        let table = Arc::new(AddressTable::default());
        let (one, other) = (permit(&table, &limits, 1), permit(&table, &limits, 2));
        let running = one.handshake(&limits).await.unwrap();
        let began = Instant::now();
        assert_eq!(other.handshake(&limits).await.unwrap_err(), RefusalReason::Handshakes);
        assert_eq!(began.elapsed(), WAIT_NODE);
        let (granted, ()) = tokio::join!(other.handshake(&limits), async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            drop(running);
        });
        assert!(granted.is_ok());
        assert_eq!(began.elapsed(), WAIT_NODE + Duration::from_secs(2));
        drop(granted);
        assert_eq!(table.handshakes.running.load(Ordering::SeqCst), 0);
        assert_eq!(table.handshakes.waiting.load(Ordering::SeqCst), 0);
    }
}
