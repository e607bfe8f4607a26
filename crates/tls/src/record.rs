//! One direction's record protection: key, nonce, sequence number, and the layout of a record in
//! each of the versions and suites that are spoken (RFC 8446 section 5.2; RFC 5246 section 6.2.3.3
//! with RFC 5288 section 3 and RFC 7905 section 2).

use std::ops::Range;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use rustls::ConnectionTrafficSecrets;

use crate::error::Error;
use crate::scratch::Sealed;

/// Bytes of a record header.
pub(crate) const HEADER: usize = 5;
/// Most plaintext in a record.
pub(crate) const MAX_PLAINTEXT: usize = 1 << 14;
/// Most ciphertext in a record (RFC 8446 section 5.2; the AEAD suites of TLS 1.2 stay below).
pub(crate) const MAX_CIPHERTEXT: usize = MAX_PLAINTEXT + 256;
/// Bytes of every suite's authentication tag.
const TAG: usize = 16;
/// Bytes of the nonce that TLS 1.2 with AES-GCM sends along.
const EXPLICIT: usize = 8;

/// Content types (RFC 8446 section 5.1).
pub(crate) mod kind {
    /// Alerts.
    pub(crate) const ALERT: u8 = 21;
    /// Handshake messages.
    pub(crate) const HANDSHAKE: u8 = 22;
    /// What the application says; the outer type of everything in TLS 1.3.
    pub(crate) const DATA: u8 = 23;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The type is encrypted behind the data; the header is authenticated.
    Tls13,
    /// Eight bytes of nonce in front of the data.
    Tls12Gcm,
    /// As TLS 1.2, with a nonce that both sides know.
    Tls12Chacha,
}

/// The key of one direction and its counter.
pub(crate) struct RecordKey {
    key: LessSafeKey,
    iv: [u8; 12],
    seq: u64,
    shape: Shape,
}

impl RecordKey {
    /// From what rustls hands out, with the sequence number to go on with.
    pub(crate) fn new(seq: u64, secrets: &ConnectionTrafficSecrets, tls13: bool) -> Result<Self, Error> {
        let (algorithm, key, iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => return Err(unusable()),
        };
        let shape = match (tls13, secrets) {
            (true, _) => Shape::Tls13,
            (false, ConnectionTrafficSecrets::Chacha20Poly1305 { .. }) => Shape::Tls12Chacha,
            (false, _) => Shape::Tls12Gcm,
        };
        Ok(Self {
            key: UnboundKey::new(algorithm, key.as_ref())
                .map(LessSafeKey::new)
                .map_err(|_| unusable())?,
            iv: iv.as_ref().try_into().map_err(|_| unusable())?,
            seq,
            shape,
        })
    }

    /// Records protected so far with this key.
    pub(crate) const fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn is_tls13(&self) -> bool {
        self.shape == Shape::Tls13
    }

    fn nonce(&self) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, count) in nonce.iter_mut().skip(4).zip(self.seq.to_be_bytes()) {
            *byte ^= count;
        }
        nonce
    }

    /// What is authenticated beside the data.
    fn aad(&self, header: [u8; HEADER], plain: usize) -> ([u8; 13], usize) {
        let mut aad = [0; 13];
        if self.shape == Shape::Tls13 {
            aad[..HEADER].copy_from_slice(&header);
            return (aad, HEADER);
        }
        let [kind, major, minor, ..] = header;
        let [hi, lo] = length(plain);
        aad[..8].copy_from_slice(&self.seq.to_be_bytes());
        aad[8..].copy_from_slice(&[kind, major, minor, hi, lo]);
        (aad, 13)
    }

    /// How many bytes come out of a record body of `len` bytes (in TLS 1.3 with the type at the
    /// end), or `None` if it is too short to be one.
    pub(crate) fn inner_len(&self, len: usize) -> Option<usize> {
        let overhead = match self.shape {
            Shape::Tls13 => TAG + 1,
            Shape::Tls12Gcm => TAG + EXPLICIT,
            Shape::Tls12Chacha => TAG,
        };
        len.checked_sub(overhead)
            .map(|n| if self.shape == Shape::Tls13 { n + 1 } else { n })
    }

    /// Nonce, first byte of the ciphertext proper, and its length.
    fn incoming(&self, body: &[u8]) -> Option<([u8; 12], usize, usize)> {
        let plain = self.inner_len(body.len())?;
        let mut nonce = self.nonce();
        if self.shape != Shape::Tls12Gcm {
            return Some((nonce, 0, plain));
        }
        let explicit = body.first_chunk::<EXPLICIT>()?;
        nonce[..4].copy_from_slice(&self.iv[..4]);
        nonce[4..].copy_from_slice(explicit);
        Some((nonce, EXPLICIT, plain))
    }

    /// Opens a record body where it lies; the plaintext is at the returned place. `None` if it is
    /// not authentic.
    pub(crate) fn open_in_place(&mut self, header: [u8; HEADER], body: &mut [u8]) -> Option<Range<usize>> {
        let (nonce, start, plain) = self.incoming(body)?;
        let (aad, aad_len) = self.aad(header, plain);
        let next = self.seq.checked_add(1)?;
        self.key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad.get(..aad_len)?),
                body.get_mut(start..)?,
            )
            .ok()?;
        self.seq = next;
        Some(start..start + plain)
    }

    /// Opens a record body straight into `out`, which has exactly [`Self::inner_len`] bytes.
    pub(crate) fn open_into(&mut self, header: [u8; HEADER], body: &[u8], out: &mut [u8]) -> Option<()> {
        let (nonce, start, plain) = self.incoming(body)?;
        let (aad, aad_len) = self.aad(header, plain);
        let next = self.seq.checked_add(1)?;
        let (ciphertext, tag) = body.get(start..)?.split_at_checked(plain)?;
        self.key
            .open_separate_gather(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad.get(..aad_len)?),
                ciphertext,
                tag,
                out,
            )
            .ok()?;
        self.seq = next;
        Some(())
    }

    /// Appends one record of `len` plaintext bytes to `out`.
    ///
    /// Plaintext that lies in one piece is sealed from where it lies into the record; scattered
    /// plaintext is gathered there first.
    pub(crate) fn seal(
        &mut self,
        kind: u8,
        len: usize,
        plain: Plain<'_, impl FnOnce(&mut [u8])>,
        out: &mut Sealed,
    ) -> Result<(), Error> {
        let before = out.filled().len();
        let sealed = self.seal_record(kind, len, plain, out);
        if sealed.is_none() {
            out.truncate(before);
            return Err(Error::Protocol {
                alert: None,
                message: "a record could not be sealed".to_owned(),
            });
        }
        Ok(())
    }

    fn seal_record(
        &mut self,
        kind: u8,
        len: usize,
        plain: Plain<'_, impl FnOnce(&mut [u8])>,
        out: &mut Sealed,
    ) -> Option<()> {
        let (prefix, inner_kind, outer) = match self.shape {
            Shape::Tls13 => (0, &[kind][..], kind::DATA),
            Shape::Tls12Gcm => (EXPLICIT, &[][..], kind),
            Shape::Tls12Chacha => (0, &[][..], kind),
        };
        let next = self.seq.checked_add(1)?;
        let body = prefix + len + inner_kind.len() + TAG;
        let [hi, lo] = length(body);
        let header = [outer, 3, 3, hi, lo];
        let nonce = self.nonce();
        let (aad, aad_len) = self.aad(header, len);
        let aad = Aad::from(aad.get(..aad_len)?);

        let (head, rest) = out.space(HEADER + body).split_at_mut_checked(HEADER + prefix)?;
        let (head, explicit) = head.split_at_mut_checked(HEADER)?;
        let (ciphertext, tail) = rest.split_at_mut_checked(len)?;
        head.copy_from_slice(&header);
        if prefix > 0 {
            explicit.copy_from_slice(nonce.get(4..)?);
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        match plain {
            Plain::Slice(bytes) => self
                .key
                .seal_out_of_place_scatter(nonce, aad, bytes, ciphertext, inner_kind, tail),
            Plain::Gather(fill) => {
                fill(ciphertext);
                self.key.seal_in_place_scatter(nonce, aad, ciphertext, inner_kind, tail)
            }
        }
        .ok()?;
        self.seq = next;
        Some(())
    }
}

/// Where the plaintext of a record comes from.
pub(crate) enum Plain<'a, F> {
    /// From one piece of memory.
    Slice(&'a [u8]),
    /// From wherever the function takes it.
    Gather(F),
}

/// A single piece; the type of the function that is not there must be named.
pub(crate) fn slice(bytes: &[u8]) -> Plain<'_, fn(&mut [u8])> {
    Plain::Slice(bytes)
}

/// A length as a record header has it; records are far shorter than 64 KiB.
fn length(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes()
}

fn unusable() -> Error {
    Error::Config("the negotiated cipher suite cannot be used".to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use rustls::crypto::cipher::{AeadKey, Iv};

    use super::*;

    pub(crate) fn secrets(which: u8) -> ConnectionTrafficSecrets {
        let key = AeadKey::from([7; 32]);
        let iv = Iv::new([9; 12]);
        match which {
            0 => ConnectionTrafficSecrets::Aes256Gcm { key, iv },
            _ => ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv },
        }
    }

    #[test]
    fn what_is_sealed_opens_in_both_ways() {
        for tls13 in [true, false] {
            for which in [0, 1] {
                let key = || RecordKey::new(0, &secrets(which), tls13).unwrap();
                let (mut seal, mut open_a, mut open_b) = (key(), key(), key());
                for len in [0usize, 1, 100, MAX_PLAINTEXT] {
                    let data: Vec<u8> = (0..len).map(|i| i.to_le_bytes()[0]).collect();
                    let mut out = Sealed::default();
                    if len % 2 == 0 {
                        seal.seal(kind::DATA, len, slice(&data), &mut out).unwrap();
                    } else {
                        let fill = |place: &mut [u8]| place.copy_from_slice(&data);
                        seal.seal(kind::DATA, len, Plain::Gather(fill), &mut out).unwrap();
                    }
                    let mut record = out.filled().to_vec();
                    let header: [u8; HEADER] = record[..HEADER].try_into().unwrap();
                    assert!(record.len() <= HEADER + MAX_CIPHERTEXT);
                    let inner = open_a.inner_len(record.len() - HEADER).unwrap();
                    assert_eq!(inner, len + usize::from(tls13));
                    let mut apart = vec![0; inner];
                    open_a.open_into(header, &record[HEADER..], &mut apart).unwrap();
                    assert_eq!(&apart[..len], &data[..]);
                    let at = open_b.open_in_place(header, &mut record[HEADER..]).unwrap();
                    assert_eq!(&record[HEADER..][at], &apart[..]);
                }
                assert_eq!(open_a.seq(), 4);
            }
        }
    }

    #[test]
    fn a_changed_record_does_not_open() {
        for tls13 in [true, false] {
            let key = || RecordKey::new(5, &secrets(0), tls13).unwrap();
            let mut out = Sealed::default();
            key().seal(kind::DATA, 3, slice(b"abc"), &mut out).unwrap();
            let good = out.filled().to_vec();
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 1;
                let header: [u8; HEADER] = bad[..HEADER].try_into().unwrap();
                // In TLS 1.2 the length is authenticated as that of the data, not of the record.
                if !tls13 && (3..5).contains(&at) {
                    continue;
                }
                assert!(key().open_in_place(header, &mut bad[HEADER..]).is_none(), "{at}");
            }
            assert!(key().open_in_place([23, 3, 3, 0, 3], &mut [0; 3]).is_none());
        }
    }
}
