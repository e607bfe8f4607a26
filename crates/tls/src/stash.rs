//! What was read from the socket but does not fit the caller's buffer yet: the rest of a record's
//! plaintext, whole records still closed, the beginning of the next. Owned by the connection, empty
//! most of the time, and then without memory.

use tokio::io::ReadBuf;

use std::ops::Range;

#[derive(Debug, Default)]
pub(crate) struct Stash {
    bytes: Vec<u8>,
    /// Plaintext, to be delivered first.
    plain: Range<usize>,
    /// Where the ciphertext begins.
    sealed: usize,
}

impl Stash {
    /// With ciphertext that came along with the handshake.
    pub(crate) fn with_sealed(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            ..Self::default()
        }
    }

    /// Moves as much plaintext as fits.
    pub(crate) fn deliver(&mut self, out: &mut ReadBuf<'_>) {
        let n = self.plain.len().min(out.remaining());
        if n > 0 {
            let end = self.plain.start + n;
            out.put_slice(self.bytes.get(self.plain.start..end).unwrap_or_default());
            self.plain.start = end;
        }
        self.tidy();
    }

    /// The ciphertext, for opening in place; [`Self::opened`] must be told the outcome.
    pub(crate) fn sealed_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.sealed..).unwrap_or_default()
    }

    /// The ciphertext.
    pub(crate) fn sealed(&self) -> &[u8] {
        self.bytes.get(self.sealed..).unwrap_or_default()
    }

    /// `used` bytes of ciphertext were opened, and left `plain` (counted from the same place).
    pub(crate) fn opened(&mut self, used: usize, plain: &Range<usize>) {
        if !plain.is_empty() {
            self.plain = plain.start + self.sealed..plain.end + self.sealed;
        }
        self.sealed += used;
        self.tidy();
    }

    /// Replaces the content. Memory that is there is used again.
    pub(crate) fn replace(&mut self, plain: &[u8], sealed: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(plain);
        self.bytes.extend_from_slice(sealed);
        self.plain = 0..plain.len();
        self.sealed = plain.len();
    }

    /// Gives memory back if nothing is in it.
    pub(crate) fn release(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    fn tidy(&mut self) {
        if self.plain.is_empty() && self.sealed >= self.bytes.len() {
            self.bytes.clear();
            self.plain = 0..0;
            self.sealed = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_goes_first_and_memory_comes_back() {
        let mut stash = Stash::default();
        stash.replace(b"abc", b"RECORD");
        let mut memory = [0; 2];
        let mut out = ReadBuf::new(&mut memory);
        stash.deliver(&mut out);
        assert_eq!(out.filled(), b"ab");
        out.clear();
        stash.deliver(&mut out);
        assert_eq!(out.filled(), b"c");
        assert_eq!(stash.sealed(), b"RECORD");
        stash.opened(6, &(1..3));
        out.clear();
        stash.deliver(&mut out);
        assert_eq!(out.filled(), b"EC");
        stash.release();
        assert_eq!(stash.capacity(), 0);
    }
}
