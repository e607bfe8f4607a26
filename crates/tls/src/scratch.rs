//! The two buffers that all connections of a thread share: one to read ciphertext into, one to
//! seal records into. Hence a connection that is idle owns no buffer, and one that is busy works
//! in memory that is already in the cache.
//!
//! A buffer is *taken out* while it is used, so that TLS inside TLS (a proxy reached over TLS)
//! finds the place empty and simply makes another.

use std::cell::Cell;

/// Ciphertext bytes that one read of the socket takes at most: four full records, which is what a
/// 64 KiB write of the peer makes (a little above 64 KiB).
pub(crate) const READ: usize = 4 * (crate::record::MAX_CIPHERTEXT + crate::record::HEADER);
/// The read buffer also has room for the partial record that was left by the read before.
const READ_BUFFER: usize = READ + crate::record::MAX_CIPHERTEXT + crate::record::HEADER;
/// A sealing buffer that has grown above this (a ticket with a long client chain) is not kept.
const KEEP: usize = 128 * 1024;

thread_local! {
    static READER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    static SEALER: Cell<Option<Sealed>> = const { Cell::new(None) };
}

/// Runs `f` with the thread's read buffer.
pub(crate) fn with_reader<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = READER
        .try_with(Cell::take)
        .ok()
        .flatten()
        .unwrap_or_else(|| vec![0; READ_BUFFER].into_boxed_slice());
    let result = f(&mut buffer);
    let _ = READER.try_with(|place| place.set(Some(buffer)));
    result
}

/// Runs `f` with the thread's sealing buffer, empty.
pub(crate) fn with_sealer<T>(f: impl FnOnce(&mut Sealed) -> T) -> T {
    let mut buffer = SEALER.try_with(Cell::take).ok().flatten().unwrap_or_default();
    buffer.len = 0;
    let result = f(&mut buffer);
    if buffer.bytes.len() <= KEEP {
        let _ = SEALER.try_with(|place| place.set(Some(buffer)));
    }
    result
}

/// A growing buffer whose memory stays initialised, so that taking space costs no clearing.
#[derive(Debug, Default)]
pub(crate) struct Sealed {
    bytes: Vec<u8>,
    len: usize,
}

impl Sealed {
    /// What was put in so far.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The next `n` bytes, with arbitrary content, counted as filled.
    pub(crate) fn space(&mut self, n: usize) -> &mut [u8] {
        let start = self.len;
        let end = start + n;
        if self.bytes.len() < end {
            // Room for a whole turn at once: 64 KiB of plaintext in five records at most.
            let whole_turn = READ + crate::record::HEADER + 64;
            self.bytes.resize(end.max(whole_turn), 0);
        }
        self.len = end;
        self.bytes.get_mut(start..end).unwrap_or_default()
    }

    /// Appends bytes that are records already.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.space(bytes.len()).copy_from_slice(bytes);
    }

    /// Takes back what was put in after `len`, for a record that could not be sealed.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_use_gets_another_buffer() {
        with_reader(|outer| {
            outer[0] = 1;
            with_reader(|inner| inner[0] = 2);
            assert_eq!(outer[0], 1);
        });
        with_sealer(|outer| {
            outer.extend(b"outer");
            with_sealer(|inner| {
                assert!(inner.filled().is_empty());
                inner.extend(b"in");
            });
            assert_eq!(outer.filled(), b"outer");
            outer.truncate(3);
            assert_eq!(outer.filled(), b"out");
        });
    }
}
