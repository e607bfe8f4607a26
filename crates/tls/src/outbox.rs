//! Records that are sealed but not yet written: what a socket did not take, or session tickets
//! that wait for company.
//!
//! A ticket alone would cost a send of its own, about 5 µs, for nobody's benefit: the client needs
//! it after this connection, not before the first answer. So tickets are *held*: no flush lets
//! them go, only the first application data (in front of it, in the same write) or the end.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::scratch::Sealed;

/// What all connections of the process keep because their sockets do not take it.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// Bytes of memory, by capacity, that connections of this process hold because their peers do not
/// read: who bounds what is held for others counts them in.
#[must_use]
pub fn kept_bytes() -> usize {
    KEPT.load(Ordering::Relaxed)
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
    held: bool,
    /// Part of [`KEPT`].
    counted: usize,
}

impl Drop for Outbox {
    fn drop(&mut self) {
        if self.counted > 0 {
            KEPT.fetch_sub(self.counted, Ordering::Relaxed);
        }
    }
}

impl Outbox {
    /// With tickets to hold; may be empty.
    pub(crate) fn holding(tickets: &[u8]) -> Self {
        Self {
            held: !tickets.is_empty(),
            bytes: tickets.to_vec(),
            sent: 0,
            counted: 0,
        }
    }

    /// What has to be written before anything else; empty while tickets are held.
    pub(crate) fn due(&self) -> &[u8] {
        if self.held {
            &[]
        } else {
            self.bytes.get(self.sent..).unwrap_or_default()
        }
    }

    /// Notes that `n` bytes of [`Self::due`] were written. The memory is given back with the last.
    pub(crate) fn sent(&mut self, n: usize) {
        self.sent += n;
        if self.sent >= self.bytes.len() {
            *self = Self::default();
        }
    }

    /// Keeps what the socket did not take.
    pub(crate) fn keep(&mut self, records: &[u8]) {
        self.bytes.extend_from_slice(records);
        let more = self.bytes.capacity() - self.counted;
        self.counted += more;
        KEPT.fetch_add(more, Ordering::Relaxed);
    }

    /// Moves held tickets in front of the records that are about to be sealed.
    pub(crate) fn release_into(&mut self, out: &mut Sealed) {
        if self.held {
            out.extend(&self.bytes);
            *self = Self::default();
        }
    }

    /// Bytes of memory in use.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_leave_only_with_company() {
        let mut outbox = Outbox::holding(b"ticket");
        assert_eq!(outbox.due(), b"");
        let mut out = Sealed::default();
        outbox.release_into(&mut out);
        assert_eq!(out.filled(), b"ticket");
        assert_eq!(outbox.due(), b"");
        outbox.keep(b"rest");
        outbox.sent(2);
        assert_eq!(outbox.due(), b"st");
        assert!(kept_bytes() >= 4, "counted while it is kept");
        outbox.sent(2);
        assert_eq!((outbox.capacity(), outbox.counted), (0, 0));
    }
}
