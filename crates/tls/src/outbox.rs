//! Records that are sealed but not yet written: what a socket did not take, or session tickets
//! that wait for company.
//!
//! A ticket alone would cost a send of its own, about 5 µs, for nobody's benefit: the client needs
//! it after this connection, not before the first answer. So tickets are *held*: no flush lets
//! them go, only the first application data (in front of it, in the same write) or the end.

use crate::scratch::Sealed;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
    held: bool,
}

impl Outbox {
    /// With tickets to hold; may be empty.
    pub(crate) fn holding(tickets: &[u8]) -> Self {
        Self {
            held: !tickets.is_empty(),
            bytes: tickets.to_vec(),
            sent: 0,
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
        outbox.sent(2);
        assert_eq!(outbox.capacity(), 0);
    }
}
