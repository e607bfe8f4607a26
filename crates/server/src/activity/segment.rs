//! The form of the spool's files: one record after the other, each as length (4 bytes, little endian), CRC-32C of what
//! follows (4), number (8), JSON. A file that was cut by a loss of power ends with its last whole record.

use std::path::{Path, PathBuf};

use adit_protocol::crc32c;

/// Bytes in front of a record's JSON.
const HEAD: usize = 16;
/// Longest JSON of one record.
pub(super) const MAX: usize = 64 << 10;

/// A file of the spool: those of one start of the node have one generation and follow each other by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    pub(super) generation: u64,
    /// Number of its first record.
    pub(super) first: u64,
}

impl Segment {
    pub(super) fn path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{:016x}-{:016x}.activity", self.generation, self.first))
    }

    /// From a file's name.
    fn of(name: &str) -> Option<Self> {
        let (generation, first) = name.strip_suffix(".activity")?.split_once('-')?;
        Some(Self {
            generation: u64::from_str_radix(generation, 16).ok()?,
            first: u64::from_str_radix(first, 16).ok()?,
        })
    }

    /// All files of a spool, oldest first.
    pub(super) fn all(dir: &Path) -> std::io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            all.extend(entry?.file_name().to_str().and_then(Self::of));
        }
        all.sort();
        Ok(all)
    }
}

/// Appends a record to `out`; false if it is too long.
pub(super) fn write(number: u64, json: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(length) = u32::try_from(json.len()).ok().filter(|_| json.len() <= MAX) else {
        return false;
    };
    let number = number.to_le_bytes();
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32c(&[&number, json]).to_le_bytes());
    out.extend_from_slice(&number);
    out.extend_from_slice(json);
    true
}

/// A record that was read, and what lies behind it.
pub(super) struct Record<'a> {
    pub(super) number: u64,
    pub(super) json: &'a [u8],
    pub(super) rest: &'a [u8],
}

/// The first record of `bytes`; `None` if there is no whole one, or one that was damaged.
pub(super) fn read(bytes: &[u8]) -> Option<Record<'_>> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (length, head) = head.split_first_chunk::<4>()?;
    let (crc, number) = head.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length))
        .ok()
        .filter(|l| *l <= MAX)?;
    let (json, rest) = rest.split_at_checked(length)?;
    let number: &[u8; 8] = number.try_into().ok()?;
    (crc32c(&[number, json]) == u32::from_le_bytes(*crc)).then(|| Record {
        number: u64::from_le_bytes(*number),
        json,
        rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_records_are_read_and_nothing_else() {
        let mut bytes = Vec::new();
        assert!(write(1, b"{}", &mut bytes) && write(2, b"{\"a\":1}", &mut bytes));
        assert!(!write(3, &vec![b' '; MAX + 1], &mut bytes));
        let first = read(&bytes).unwrap();
        assert_eq!((first.number, first.json), (1, &b"{}"[..]));
        let second = read(first.rest).unwrap();
        assert_eq!(
            (second.number, second.json, second.rest),
            (2, &b"{\"a\":1}"[..], &b""[..])
        );
        for cut in 0..HEAD + 2 {
            assert!(read(&bytes[..cut]).is_none());
        }
        for at in 0..HEAD + 2 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(read(&damaged).is_none(), "a flipped bit in byte {at}");
        }
    }

    #[test]
    fn files_are_in_the_order_of_their_records() {
        let dir = tempfile::tempdir().unwrap();
        let segments = [(2, 1), (1, 300), (1, 20), (2, 4_000)].map(|(generation, first)| Segment { generation, first });
        for segment in &segments {
            std::fs::write(segment.path(dir.path()), b"").unwrap();
        }
        std::fs::write(dir.path().join("something.else"), b"").unwrap();
        let found = Segment::all(dir.path()).unwrap();
        assert_eq!(
            found.iter().map(|s| (s.generation, s.first)).collect::<Vec<_>>(),
            [(1, 20), (1, 300), (2, 1), (2, 4_000)]
        );
    }
}
