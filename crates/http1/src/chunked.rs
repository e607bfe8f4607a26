//! The chunked coding (RFC 9112 7.1): strict on receipt, written anew.
//!
//! Sizes are hexadecimal digits and nothing else; extensions are checked and
//! dropped; lines end in CR LF. Framing bytes are looked at one by one, data is
//! skipped over.

use crate::body::Decoded;
use crate::encode;
use crate::field::FieldList;
use crate::limits::Limits;
use crate::parse::field_line;
use crate::refuse::RefusalKind;
use crate::scan;

/// Ends the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// The last chunk, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// More digits would not fit in 64 bits.
const SIZE_DIGITS: u8 = 16;

#[derive(Clone, Debug)]
pub(crate) struct ChunkedDecoder {
    state: State,
    /// Size of the chunk whose line is read, or bytes of it that are to come.
    left: u64,
    digits: u8,
    /// Bytes of the size line so far, and of its extensions.
    line: u32,
    extension: u32,
    longest_line: u32,
    longest_extension: u32,
    trailer_bytes: u32,
    trailer_fields: u32,
    longest_name: u32,
    trailers: Option<Box<Trailers>>,
}

#[derive(Clone, Debug, Default)]
struct Trailers {
    list: FieldList,
    /// Where the line that is being received begins.
    line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Digits of the size.
    Size,
    /// Within extensions.
    Extension(Extension),
    /// LF of the size line.
    SizeLf,
    Data,
    /// CR, LF behind the data.
    DataCr,
    DataLf,
    /// The first byte of a trailer line, or CR of the last line.
    TrailerStart,
    Trailer,
    /// LF of the last line.
    EndLf,
    Done,
}

/// Place within `*( BWS ";" BWS name [ BWS "=" BWS value ] )`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// Behind `;`.
    NameStart,
    Name,
    /// White space behind the name.
    NameEnd,
    /// Behind `=`.
    ValueStart,
    Value,
    Quoted,
    /// Behind `\` in a quoted string.
    Escaped,
    /// Behind a quoted string; line end allowed.
    QuotedEnd,
    /// White space that only `;` may follow.
    Gap,
}

impl ChunkedDecoder {
    pub(crate) const fn new(limits: &Limits) -> Self {
        const fn narrow(n: usize) -> u32 {
            if n > 1 << 30 { 1 << 30 } else { n as u32 }
        }
        Self {
            state: State::Size,
            left: 0,
            digits: 0,
            line: 0,
            extension: 0,
            longest_line: narrow(limits.chunk_line),
            longest_extension: narrow(limits.chunk_extension),
            trailer_bytes: narrow(limits.trailers),
            trailer_fields: narrow(limits.trailer_fields),
            longest_name: narrow(limits.name),
            trailers: None,
        }
    }

    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    pub(crate) fn trailers(&self) -> Option<&FieldList> {
        self.trailers.as_ref().map(|trailers| &trailers.list)
    }

    pub(crate) fn trailers_mut(&mut self) -> Option<&mut FieldList> {
        self.trailers.as_mut().map(|trailers| &mut trailers.list)
    }

    /// Takes framing, at most one run of data, and framing again.
    pub(crate) fn decode(&mut self, input: &[u8]) -> Result<Decoded, RefusalKind> {
        let mut at = 0;
        let mut data = 0..0;
        loop {
            match self.state {
                State::Done => break,
                State::Data => {
                    let here = input.len() - at;
                    if here == 0 || !data.is_empty() {
                        break;
                    }
                    let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(here);
                    data = at..at + n;
                    at += n;
                    self.left -= n as u64;
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                }
                State::Trailer => {
                    let rest = input.get(at..).unwrap_or_default();
                    if rest.is_empty() {
                        break;
                    }
                    at += self.trailer(rest)?;
                }
                _ => {
                    let Some(&b) = input.get(at) else { break };
                    // The first byte of a trailer line is left to `trailer`.
                    if self.step(b)? {
                        at += 1;
                    }
                }
            }
        }
        Ok(Decoded {
            consumed: at,
            data,
            end: self.is_done(),
        })
    }

    /// Takes one byte of framing; false if it belongs to the next state.
    fn step(&mut self, b: u8) -> Result<bool, RefusalKind> {
        match self.state {
            State::Size => self.size(b)?,
            State::Extension(place) => {
                self.extension += 1;
                if b != b'\r' && self.extension > self.longest_extension {
                    return Err(RefusalKind::ChunkExtension);
                }
                self.count()?;
                self.state = extension(place, b)?;
            }
            State::SizeLf => {
                self.count()?;
                expect(b, b'\n', RefusalKind::ChunkLine)?;
                self.state = if self.left == 0 {
                    State::TrailerStart
                } else {
                    State::Data
                };
            }
            State::DataCr => {
                expect(b, b'\r', RefusalKind::ChunkEnd)?;
                self.state = State::DataLf;
            }
            State::DataLf => {
                expect(b, b'\n', RefusalKind::ChunkEnd)?;
                self.state = State::Size;
                self.left = 0;
                self.digits = 0;
                self.line = 0;
                self.extension = 0;
            }
            State::TrailerStart if b == b'\r' => self.state = State::EndLf,
            State::TrailerStart => {
                self.state = State::Trailer;
                return Ok(false);
            }
            State::EndLf => {
                expect(b, b'\n', RefusalKind::Trailer)?;
                self.state = State::Done;
            }
            State::Data | State::Trailer | State::Done => return Ok(false),
        }
        Ok(true)
    }

    /// Counts a byte of the size line.
    const fn count(&mut self) -> Result<(), RefusalKind> {
        self.line += 1;
        if self.line > self.longest_line {
            Err(RefusalKind::ChunkLine)
        } else {
            Ok(())
        }
    }

    fn size(&mut self, b: u8) -> Result<(), RefusalKind> {
        self.count()?;
        let digit = match b {
            b'0'..=b'9' => b - b'0',
            b'a'..=b'f' => b - b'a' + 10,
            b'A'..=b'F' => b - b'A' + 10,
            b'\r' if self.digits > 0 => {
                self.state = State::SizeLf;
                return Ok(());
            }
            b';' if self.digits > 0 => {
                self.extension = 1;
                self.state = State::Extension(Extension::NameStart);
                return Ok(());
            }
            _ => return Err(RefusalKind::ChunkSize),
        };
        if self.digits == SIZE_DIGITS {
            return Err(RefusalKind::ChunkSize);
        }
        self.digits += 1;
        self.left = self.left << 4 | u64::from(digit);
        Ok(())
    }

    /// Takes bytes of a trailer line, up to its LF; returns how many.
    fn trailer(&mut self, input: &[u8]) -> Result<usize, RefusalKind> {
        let Trailers { list, line } = &mut **self.trailers.get_or_insert_default();
        let lf = input.iter().position(|&b| b == b'\n');
        let n = lf.map_or(input.len(), |lf| lf + 1);
        if list.bytes.len() + n > self.trailer_bytes as usize {
            return Err(RefusalKind::TrailersTooLarge);
        }
        list.bytes.extend_from_slice(input.get(..n).unwrap_or_default());
        if lf.is_some() {
            let text = list.bytes.get(*line..).unwrap_or_default();
            let cut = field_line(text, text.len() + 1, self.longest_name as usize);
            let Ok(Some(cut)) = cut else {
                return Err(RefusalKind::Trailer);
            };
            if list.list.len() >= self.trailer_fields as usize {
                return Err(RefusalKind::TrailersTooLarge);
            }
            list.list.push(cut.field(text, *line));
            *line = list.bytes.len();
            self.state = State::TrailerStart;
        }
        Ok(n)
    }
}

/// The state behind a byte of extensions.
fn extension(place: Extension, b: u8) -> Result<State, RefusalKind> {
    use Extension as E;
    let next = match (place, b) {
        (E::NameStart, _) if scan::is_ows(b) => E::NameStart,
        (E::NameStart | E::Name, _) if scan::is_token_byte(b) => E::Name,
        (E::Name | E::NameEnd, _) if scan::is_ows(b) => E::NameEnd,
        (E::Name | E::NameEnd, b'=') => E::ValueStart,
        (E::ValueStart, _) if scan::is_ows(b) => E::ValueStart,
        (E::ValueStart, b'"') => E::Quoted,
        (E::ValueStart | E::Value, _) if scan::is_token_byte(b) => E::Value,
        (E::Quoted, b'"') => E::QuotedEnd,
        (E::Quoted, b'\\') => E::Escaped,
        (E::Quoted | E::Escaped, _) if scan::is_text_byte(b) => E::Quoted,
        (E::Value | E::QuotedEnd | E::Gap, _) if scan::is_ows(b) => E::Gap,
        (E::Name | E::NameEnd | E::Value | E::QuotedEnd | E::Gap, b';') => E::NameStart,
        (E::Name | E::Value | E::QuotedEnd, b'\r') => return Ok(State::SizeLf),
        _ => return Err(RefusalKind::ChunkExtension),
    };
    Ok(State::Extension(next))
}

fn expect(b: u8, want: u8, kind: RefusalKind) -> Result<(), RefusalKind> {
    if b == want { Ok(()) } else { Err(kind) }
}

/// The line before a chunk's data, without an allocation: for vectored writes.
#[derive(Clone, Copy, Debug)]
pub struct ChunkHead {
    bytes: [u8; 18],
    start: u8,
}

impl ChunkHead {
    /// The line for `len` bytes of data. `len` must not be 0: that would end
    /// the body.
    #[must_use]
    pub fn new(len: usize) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = [b'\r'; 18];
        let mut start = 18u8;
        let mut left = len;
        for (i, b) in bytes.iter_mut().enumerate().rev() {
            *b = match i {
                17 => b'\n',
                16 => b'\r',
                _ => DIGITS.get(left & 15).copied().unwrap_or(b'0'),
            };
            start = i as u8;
            if i < 16 {
                left >>= 4;
                if left == 0 {
                    break;
                }
            }
        }
        Self { bytes, start }
    }

    /// The bytes of the line with its CR LF, at most 18.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(usize::from(self.start)..).unwrap_or_default()
    }
}

/// Writes the line before `len` bytes of data; the data and [`CHUNK_END`]
/// follow it. `len` must not be 0: that would end the body.
pub fn chunk_head(len: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(ChunkHead::new(len).as_bytes());
}

/// Writes the last chunk with its trailers and the end of the body.
pub fn last_chunk_with_trailers(trailers: &FieldList, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    encode::fields(trailers, out);
    out.extend_from_slice(b"\r\n");
}
