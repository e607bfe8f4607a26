//! A worker's ring: where finished exchanges wait for the thread that writes the log.
//!
//! Its memory is taken once. The worker appends under a lock that the other side holds only to swap two
//! buffers, twenty times a second, so it is free whenever a worker comes. A full ring drops the new record.

use std::mem;
use std::sync::{Mutex, PoisonError};

/// Bytes a ring holds.
pub(crate) const CAPACITY: usize = 256 * 1024;

/// Fill at which the consumer is woken before its time, so that bursts find room.
const WAKE_AT: usize = CAPACITY / 2;

/// Bytes before each record: its length.
const PREFIX: usize = 4;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Stored.
    Stored,
    /// Stored, and the ring is half full since: wake the consumer.
    HalfFull,
    /// No room: dropped.
    Full,
}

/// The ring of one worker.
#[derive(Debug)]
pub(crate) struct Ring {
    filled: Mutex<Vec<u8>>,
}

impl Ring {
    pub(crate) fn new() -> Self {
        Self {
            filled: Mutex::new(empty()),
        }
    }

    /// Appends one record of at most `bound` bytes, written by `write`.
    pub(crate) fn push(&self, bound: usize, write: impl FnOnce(&mut Vec<u8>)) -> Pushed {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        let start = filled.len();
        if start + PREFIX + bound > CAPACITY {
            return Pushed::Full;
        }
        filled.extend_from_slice(&[0; PREFIX]);
        write(&mut filled);
        let end = filled.len();
        let length = u32::try_from(end - start - PREFIX).unwrap_or(u32::MAX);
        if let Some(prefix) = filled.get_mut(start..start + PREFIX) {
            prefix.copy_from_slice(&length.to_le_bytes());
        }
        if start < WAKE_AT && end >= WAKE_AT {
            Pushed::HalfFull
        } else {
            Pushed::Stored
        }
    }

    /// Gives the full buffer for an empty one; both keep their capacity.
    pub(crate) fn swap(&self, spare: &mut Vec<u8>) {
        spare.clear();
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut *filled, spare);
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.filled.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// An empty buffer for [`Ring::swap`].
pub(crate) fn empty() -> Vec<u8> {
    Vec::with_capacity(CAPACITY)
}

/// The records of a buffer taken by [`Ring::swap`], in order.
pub(crate) fn records(mut buffer: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (prefix, rest) = buffer.split_first_chunk::<PREFIX>()?;
        let length = usize::try_from(u32::from_le_bytes(*prefix)).ok()?;
        let (record, rest) = rest.split_at_checked(length)?;
        buffer = rest;
        Some(record)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in() {
        let ring = Ring::new();
        for text in ["", "a", "bcd"] {
            assert_eq!(
                ring.push(16, |out| out.extend_from_slice(text.as_bytes())),
                Pushed::Stored
            );
        }
        let mut buffer = empty();
        ring.swap(&mut buffer);
        assert_eq!(records(&buffer).collect::<Vec<_>>(), [&b""[..], b"a", b"bcd"]);
        assert!(ring.is_empty());
    }

    #[test]
    fn full_ring_refuses_and_never_grows() {
        let ring = Ring::new();
        let mut spare = empty();
        for _ in 0..3 {
            let (mut stored, mut woken) = (0, 0);
            loop {
                match ring.push(1000, |out| out.resize(out.len() + 996, 7)) {
                    Pushed::Stored => stored += 1,
                    Pushed::HalfFull => {
                        stored += 1;
                        woken += 1;
                    }
                    Pushed::Full => break,
                }
            }
            assert_eq!((stored, woken), (CAPACITY / 1000, 1));
            ring.swap(&mut spare);
            assert_eq!(records(&spare).count(), stored);
            assert_eq!(spare.capacity(), CAPACITY);
        }
    }
}
