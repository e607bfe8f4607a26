//! Where does the first JSON object in a growing buffer end?

use std::ops::Range;

use super::{MAX_DEPTH, MAX_SIZE};
use crate::message::Error;

/// Finds the end of one JSON object without parsing it: counts brackets outside of strings.
///
/// Bytes that were looked at once are not looked at again, so a message that comes in 1-byte frames
/// costs the same as one that comes whole.
#[derive(Debug, Default, Clone)]
pub struct Scanner {
    seen: usize,
    start: Option<usize>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    end: Option<usize>,
}

impl Scanner {
    /// Looks at what is new in `buffer`, which must begin with the bytes of the call before.
    /// Returns the range of the object once it is complete, and from then on.
    ///
    /// # Errors
    /// [`Error::Syntax`] if something else than an object starts, [`Error::TooDeep`],
    /// [`Error::TooLarge`].
    pub fn scan(&mut self, buffer: &[u8]) -> Result<Option<Range<usize>>, Error> {
        if self.end.is_none() {
            self.advance(buffer)?;
        }
        Ok(self.start.zip(self.end).map(|(start, end)| start..end))
    }

    fn advance(&mut self, buffer: &[u8]) -> Result<(), Error> {
        for byte in buffer.get(self.seen..).unwrap_or_default() {
            // Leading white space counts, so that a peer cannot send it for ever.
            if self.seen >= MAX_SIZE {
                return Err(Error::TooLarge);
            }
            self.seen += 1;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'{' | b'[' => {
                    if self.start.is_none() {
                        if *byte == b'[' {
                            return Err(not_an_object());
                        }
                        self.start = Some(self.seen - 1);
                    }
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(Error::TooDeep);
                    }
                }
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.end = Some(self.seen);
                        return Ok(());
                    }
                }
                b'"' if self.start.is_some() => self.in_string = true,
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ if self.start.is_some() => {}
                _ => return Err(not_an_object()),
            }
        }
        Ok(())
    }
}

fn not_an_object() -> Error {
    Error::Syntax("the message is not a JSON object".into())
}

/// A [`Scanner`] with a buffer of its own, for messages that arrive in chunks.
#[derive(Debug, Default)]
pub struct Reader {
    scanner: Scanner,
    buffer: Vec<u8>,
}

impl Reader {
    /// Takes a chunk. Returns the object's bytes once it is complete; later chunks change nothing.
    ///
    /// # Errors
    /// As [`Scanner::scan`].
    pub fn push(&mut self, chunk: &[u8]) -> Result<Option<&[u8]>, Error> {
        if self.scanner.end.is_some() {
            return Ok(self.object());
        }
        let room = (MAX_SIZE + 1).saturating_sub(self.buffer.len());
        self.buffer.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        self.scanner.scan(&self.buffer)?;
        Ok(self.object())
    }

    fn object(&self) -> Option<&[u8]> {
        self.buffer.get(self.scanner.start?..self.scanner.end?)
    }

    /// Bytes that are held, by capacity.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.buffer.capacity()
    }
}
