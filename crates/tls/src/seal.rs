//! Seal: chunks of plaintext in, records out, into one contiguous buffer that leaves in one write.
//!
//! Nothing here touches a socket. Keys are renewed before their limit of records is reached
//! (RFC 8446 sections 5.5 and 4.6.3); TLS 1.2 cannot renew, so there the connection ends.

use std::io::IoSlice;

use crate::alert;
use crate::error::Error;
use crate::record::{MAX_PLAINTEXT, Plain, RecordKey, kind, slice};
use crate::schedule::Schedule;
use crate::scratch::Sealed;

/// Most plaintext that one turn seals, in bytes. Four records; more would let one connection keep
/// a worker, and its socket's buffer, to itself.
pub(crate) const TURN: usize = 4 * MAX_PLAINTEXT;

/// The sending half of the record layer.
pub(crate) struct Seal {
    key: RecordKey,
    /// Records that one key may protect.
    limit: u64,
    update_due: bool,
}

impl Seal {
    pub(crate) const fn new(key: RecordKey, limit: u64) -> Self {
        Self {
            key,
            limit,
            update_due: false,
        }
    }

    /// Renews keys after so many records.
    #[cfg(test)]
    pub(crate) const fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The peer asked for new keys: they are announced before the next data.
    pub(crate) const fn schedule_update(&mut self) {
        self.update_due = true;
    }

    /// Seals up to [`TURN`] bytes of `parts` and says how many it took.
    pub(crate) fn data(
        &mut self,
        schedule: &mut Schedule,
        parts: &[IoSlice<'_>],
        out: &mut Sealed,
    ) -> Result<usize, Error> {
        let total = parts.iter().map(|part| part.len()).sum::<usize>().min(TURN);
        let mut source = Source::new(parts);
        let mut taken = 0;
        while taken < total {
            let len = (total - taken).min(MAX_PLAINTEXT);
            match self.ready(schedule, out) {
                Err(_) if taken > 0 => break,
                ready => ready?,
            }
            match source.contiguous(len) {
                Some(bytes) => self.key.seal(kind::DATA, len, slice(bytes), out)?,
                None => {
                    let fill = |place: &mut [u8]| source.copy_to(place);
                    self.key.seal(kind::DATA, len, Plain::Gather(fill), out)?;
                }
            }
            taken += len;
        }
        Ok(taken)
    }

    /// Seals an alert.
    pub(crate) fn alert(&mut self, level: u8, code: u8, out: &mut Sealed) -> Result<(), Error> {
        self.key.seal(kind::ALERT, 2, slice(&[level, code]), out)
    }

    /// Makes sure that the next record may be sealed, with new keys if need be.
    fn ready(&mut self, schedule: &mut Schedule, out: &mut Sealed) -> Result<(), Error> {
        let exhausted = self.key.seq().saturating_add(1) >= self.limit;
        if !self.key.is_tls13() {
            return if exhausted {
                Err(Error::violation(
                    alert::code::CLOSE_NOTIFY,
                    "the keys of this connection are used up",
                ))
            } else {
                Ok(())
            };
        }
        if self.update_due || exhausted {
            // key_update(update_not_requested): each side looks after its own keys.
            const MESSAGE: [u8; 5] = [24, 0, 0, 1, 0];
            self.key.seal(kind::HANDSHAKE, MESSAGE.len(), slice(&MESSAGE), out)?;
            self.key = schedule.next_sending()?;
            self.update_due = false;
        }
        Ok(())
    }
}

/// A cursor over scattered plaintext.
struct Source<'a, 'b> {
    parts: &'a [IoSlice<'b>],
    offset: usize,
}

impl<'a, 'b> Source<'a, 'b> {
    const fn new(parts: &'a [IoSlice<'b>]) -> Self {
        Self { parts, offset: 0 }
    }

    /// What is left of the part the cursor is in; never empty unless all is taken.
    fn current(&mut self) -> &'a [u8] {
        while let Some((part, rest)) = self.parts.split_first() {
            match part.get(self.offset..) {
                Some(left) if !left.is_empty() => return left,
                _ => {
                    self.parts = rest;
                    self.offset = 0;
                }
            }
        }
        &[]
    }

    /// The next `len` bytes, if they lie in one piece.
    fn contiguous(&mut self, len: usize) -> Option<&'a [u8]> {
        let bytes = self.current().get(..len)?;
        self.offset += len;
        Some(bytes)
    }

    fn copy_to(&mut self, mut place: &mut [u8]) {
        while !place.is_empty() {
            let current = self.current();
            let n = current.len().min(place.len());
            let (now, later) = place.split_at_mut(n);
            now.copy_from_slice(current.get(..n).unwrap_or_default());
            self.offset += n;
            place = later;
            if n == 0 {
                return; // the caller asked for more than there is
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::secrets;

    fn parts<'a>(pieces: &'a [&'a [u8]]) -> Vec<IoSlice<'a>> {
        pieces.iter().map(|piece| IoSlice::new(piece)).collect()
    }

    #[test]
    fn a_turn_is_at_most_64_kib_in_full_records() {
        let mut seal = Seal::new(RecordKey::new(0, &secrets(0), true).unwrap(), 1 << 24);
        let big = vec![1; 100_000];
        let mut out = Sealed::default();
        let taken = seal.data(&mut Schedule::Fixed, &parts(&[&big]), &mut out).unwrap();
        assert_eq!(taken, TURN);
        assert_eq!(out.filled().len(), 4 * (5 + MAX_PLAINTEXT + 1 + 16));
    }

    #[test]
    fn scattered_pieces_share_a_record() {
        let mut seal = Seal::new(RecordKey::new(0, &secrets(0), true).unwrap(), 1 << 24);
        let mut open = RecordKey::new(0, &secrets(0), true).unwrap();
        let mut out = Sealed::default();
        let pieces: [&[u8]; 5] = [b"", b"HTTP/1.1 ", b"", b"200 OK", b"\r\n"];
        let taken = seal.data(&mut Schedule::Fixed, &parts(&pieces), &mut out).unwrap();
        assert_eq!(taken, 17);
        let mut record = out.filled().to_vec();
        let header = record[..5].try_into().unwrap();
        let at = open.open_in_place(header, &mut record[5..]).unwrap();
        assert_eq!(&record[5..][at], b"HTTP/1.1 200 OK\r\n\x17");
    }

    #[test]
    fn used_up_keys_end_a_tls12_connection_but_not_what_still_fits() {
        let mut seal = Seal::new(RecordKey::new(0, &secrets(0), false).unwrap(), 3);
        let big = vec![1; 3 * MAX_PLAINTEXT];
        let mut out = Sealed::default();
        let taken = seal.data(&mut Schedule::Fixed, &parts(&[&big]), &mut out).unwrap();
        assert_eq!(taken, 2 * MAX_PLAINTEXT);
        assert!(seal.data(&mut Schedule::Fixed, &parts(&[b"x"]), &mut out).is_err());
        // One record is left for the alert that says goodbye.
        seal.alert(alert::WARNING, alert::code::CLOSE_NOTIFY, &mut out).unwrap();
    }
}
