//! A file under a passphrase: a key by Argon2id, then pieces of 64 KiB, each sealed with AES-256-GCM. The number of a
//! piece is its nonce, and whether it is the last is bound to it, so that pieces can be neither moved nor left out.

use std::io::{self, Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

/// First bytes of the file.
pub(super) const MAGIC: &[u8; 8] = b"ADITBK1\n";
const SALT: usize = 16;
const PIECE: usize = 64 << 10;
const TAG: usize = 16;

/// How dear it is to try a passphrase; stands in the file, so that it may change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// KiB.
    memory: u32,
    passes: u32,
}

/// Argon2id with 64 MiB and 3 passes (RFC 9106, 4, the second choice, but one lane).
pub(super) const COST: Cost = Cost {
    memory: 64 << 10,
    passes: 3,
};
/// A file that asks for more is not one of ours.
const DEAREST: Cost = Cost {
    memory: 1 << 20,
    passes: 16,
};

impl Cost {
    const fn bytes(self) -> [[u8; 4]; 2] {
        [self.memory.to_be_bytes(), self.passes.to_be_bytes()]
    }

    fn read(file: &mut impl Read) -> io::Result<Self> {
        let mut word = || {
            let mut bytes = [0; 4];
            file.read_exact(&mut bytes).map(|()| u32::from_be_bytes(bytes))
        };
        let cost = Self {
            memory: word()?,
            passes: word()?,
        };
        if cost.memory > DEAREST.memory || cost.passes > DEAREST.passes {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(cost)
    }

    fn key(self, passphrase: &str, salt: &[u8; SALT]) -> io::Result<LessSafeKey> {
        let invalid = |_| io::Error::from(io::ErrorKind::InvalidData);
        let params = Params::new(self.memory, self.passes, 1, Some(32)).map_err(invalid)?;
        let mut bytes = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), salt, bytes.as_mut_slice())
            .map_err(invalid)?;
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice()).map_err(|_| io::Error::other("AES-256-GCM"))?;
        Ok(LessSafeKey::new(key))
    }
}

/// Nonce of a piece. The key is this file's alone, since its salt is.
fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    let (_, tail) = nonce.split_at_mut(NONCE_LEN - 8);
    tail.copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn bound(is_last: bool) -> Aad<[u8; 1]> {
    Aad::from([u8::from(is_last)])
}

/// Seals what is written to it.
pub(super) struct Seal<W> {
    out: W,
    key: LessSafeKey,
    number: u64,
    piece: Vec<u8>,
}

impl<W: Write> Seal<W> {
    pub(super) fn new(mut out: W, passphrase: &str, cost: Cost) -> io::Result<Self> {
        let mut salt = [0; SALT];
        rand::fill(&mut salt).map_err(|_| io::Error::other("no randomness"))?;
        out.write_all(MAGIC)?;
        for word in cost.bytes() {
            out.write_all(&word)?;
        }
        out.write_all(&salt)?;
        Ok(Self {
            out,
            key: cost.key(passphrase, &salt)?,
            number: 0,
            piece: Vec::with_capacity(PIECE + TAG),
        })
    }

    pub(super) fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // A full piece is written only when more follows, so that the last one is known as such.
            if self.piece.len() == PIECE {
                self.put(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
            self.piece.extend(now);
            bytes = later;
        }
        Ok(())
    }

    fn put(&mut self, is_last: bool) -> io::Result<()> {
        self.key
            .seal_in_place_append_tag(nonce(self.number), bound(is_last), &mut self.piece)
            .map_err(|_| io::Error::other("AES-256-GCM"))?;
        self.out.write_all(&self.piece)?;
        self.piece.clear();
        self.number += 1;
        Ok(())
    }

    /// The last piece.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        Ok(self.out)
    }
}

/// Opens what [`Seal`] has made. A wrong passphrase and a changed file are the same: [`io::ErrorKind::InvalidData`].
pub(super) struct Open<R> {
    file: R,
    key: LessSafeKey,
    number: u64,
    piece: Vec<u8>,
    read: usize,
    ahead: Vec<u8>,
    done: bool,
}

impl<R: Read> Open<R> {
    /// Behind the first bytes.
    pub(super) fn new(mut file: R, passphrase: &str) -> io::Result<Self> {
        let cost = Cost::read(&mut file)?;
        let mut salt = [0; SALT];
        file.read_exact(&mut salt)?;
        let mut open = Self {
            file,
            key: cost.key(passphrase, &salt)?,
            number: 0,
            piece: Vec::new(),
            read: 0,
            ahead: Vec::new(),
            done: false,
        };
        open.ahead = open.next_piece()?;
        Ok(open)
    }

    fn next_piece(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = Vec::with_capacity(PIECE + TAG);
        let limit = u64::try_from(PIECE + TAG).unwrap_or_default();
        self.file.by_ref().take(limit).read_to_end(&mut piece)?;
        Ok(piece)
    }

    fn advance(&mut self) -> io::Result<()> {
        let next = self.next_piece()?;
        let is_last = next.is_empty();
        let mut piece = std::mem::replace(&mut self.ahead, next);
        let opened = self.key.open_in_place(nonce(self.number), bound(is_last), &mut piece);
        let length = opened.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?.len();
        piece.truncate(length);
        self.piece = piece;
        self.read = 0;
        self.number += 1;
        self.done = is_last;
        Ok(())
    }
}

impl<R: Read> Read for Open<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.read == self.piece.len() {
            if self.done {
                return Ok(0);
            }
            self.advance()?;
        }
        let rest = self.piece.get(self.read..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(out), Some(rest)) = (out.get_mut(..count), rest.get(..count)) {
            out.copy_from_slice(rest);
        }
        self.read += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory: 64, passes: 1 };

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        let mut seal = Seal::new(Vec::new(), "correct horse", CHEAP).unwrap();
        seal.write_all(bytes).unwrap();
        seal.finish().unwrap()
    }

    fn opened(file: &[u8], passphrase: &str) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Open::new(file.strip_prefix(MAGIC).unwrap(), passphrase)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn what_goes_in_comes_out() {
        for length in [0, 1, PIECE, PIECE + 1, 3 * PIECE] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            assert_eq!(opened(&sealed(&bytes), "correct horse").unwrap(), bytes, "{length}");
        }
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let file = sealed(&vec![7; 2 * PIECE + 5]);
        let whole = PIECE + TAG;
        let start = MAGIC.len() + 8 + SALT;
        let mut flipped = file.clone();
        flipped[start + 9] ^= 1;
        let mut moved = file.clone();
        let (first, second) = moved[start..start + 2 * whole].split_at_mut(whole);
        first.swap_with_slice(second);
        for (bad, passphrase) in [
            (&file[..], "wrong horse"),
            (&flipped, "correct horse"),
            (&moved, "correct horse"),
            (&file[..start + 2 * whole], "correct horse"),
            (&file[..file.len() - 1], "correct horse"),
            (&[&file[..], b"x"].concat(), "correct horse"),
        ] {
            let error = opened(bad, passphrase).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
