//! Bytes to [`Head`].
//!
//! One pass, in the order of the bytes, and the first broken rule decides:
//! hence the result does not depend on how the bytes were cut into reads. A
//! head that is not complete keeps its whole lines, and a later call goes on
//! behind them if they are the same (compared, not trusted): a head that
//! trickles in costs no more than one that comes at once.

use crate::field::Field;
use crate::framing;
use crate::head::{Head, Line, Progress, Span, Version};
use crate::known::Known;
use crate::limits::Limits;
use crate::refuse::{Refusal, RefusalKind, Side};
use crate::scan;
use crate::target;

/// No head is larger, whatever the limits say: spans are 32 bits wide.
const MOST: usize = 1 << 30;

type Parsed<T> = Result<Option<T>, RefusalKind>;

impl Head {
    /// Reads a request head from the beginning of `input`.
    ///
    /// `Ok(Some(n))`: the head is complete and `n` bytes long, the body begins
    /// behind it. `Ok(None)`: call again with the same bytes and more behind
    /// them. What the head held before is forgotten. One empty line before the
    /// request line is skipped (RFC 9112 2.2).
    ///
    /// Every rule of RFC 9112 2 to 6 about the form of the head is applied
    /// here, [`Head::check_request`] included.
    ///
    /// # Errors
    /// The first rule that is broken; the head is empty then, and the
    /// connection can only be answered and closed.
    pub fn parse_request(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, Refusal> {
        let parsed = self
            .parse(input, limits, Line::Request)
            .map_err(|kind| Refusal {
                kind,
                side: limits.side,
            })
            .and_then(|parsed| {
                if parsed.is_some() {
                    self.check_request().map_err(|refusal| Refusal {
                        side: limits.side,
                        ..refusal
                    })?;
                }
                Ok(parsed)
            });
        if parsed.is_err() {
            self.clear();
        }
        parsed
    }

    /// Reads a response head from the beginning of `input`; otherwise as
    /// [`Head::parse_request`]. 1xx responses are heads of their own.
    ///
    /// Two things are tolerated because upstreams send them and they have one
    /// reading only: a status line without the space before an absent reason
    /// phrase, and several `Content-Length` of the same value, of which one is
    /// kept (RFC 9110 8.6).
    ///
    /// # Errors
    /// The first rule that is broken; the upstream's stream is of no use then.
    pub fn parse_response(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, Refusal> {
        let parsed = self
            .parse(input, limits, Line::Response)
            .and_then(|parsed| {
                if parsed.is_some() {
                    framing::check_response(self)?;
                }
                Ok(parsed)
            })
            .map_err(|kind| Refusal {
                kind,
                side: Side::Response,
            });
        if parsed.is_err() {
            self.clear();
        }
        parsed
    }

    fn parse(&mut self, input: &[u8], limits: &Limits, line: Line) -> Parsed<usize> {
        let mut at = self.resume(input, line);
        if self.progress.block == 0 {
            let next = match line {
                Line::Response => self.status_line(input, limits)?,
                Line::Request | Line::None => self.request_line(input, limits)?,
            };
            let Some(next) = next else {
                self.clear();
                return Ok(None);
            };
            at = next;
            self.line = line;
            self.progress.block = next;
            if self.fields.list.capacity() == 0 {
                self.fields.list.reserve(32);
            }
        }
        let end = self.progress.block.saturating_add(limits.head.min(MOST));
        let longest = limits.field.min(MOST).saturating_add(2);
        loop {
            let rest = input.get(at..).unwrap_or_default();
            match rest {
                [] | [b'\r'] => return Ok(self.suspend(input, at)),
                [b'\r', b'\n', ..] => break,
                _ => {}
            }
            let room = end.saturating_sub(at);
            let Some(cut) = field_line(rest, longest.min(room), limits.name).map_err(|kind| match kind {
                RefusalKind::FieldTooLarge if room < longest => RefusalKind::HeadTooLarge,
                kind => kind,
            })?
            else {
                return Ok(self.suspend(input, at));
            };
            if self.fields.list.len() >= limits.fields {
                return Err(RefusalKind::TooManyFields);
            }
            self.fields.list.push(cut.field(rest, at));
            at += cut.len;
        }
        self.keep(input, at);
        self.progress = Progress::default();
        Ok(Some(at + 2))
    }

    /// Where to go on: behind the lines that an earlier call has kept, if
    /// `input` begins with the same bytes, else at the beginning.
    fn resume(&mut self, input: &[u8], line: Line) -> usize {
        let kept = self.fields.bytes.len();
        if self.progress.active && self.line == line && input.get(..kept) == Some(self.fields.bytes.as_slice()) {
            return kept;
        }
        self.clear();
        0
    }

    /// Keeps the whole lines before `at` for the next call.
    fn suspend(&mut self, input: &[u8], at: usize) -> Option<usize> {
        self.keep(input, at);
        self.progress.active = true;
        None
    }

    /// Copies `input` up to `at`, with room for some edits.
    fn keep(&mut self, input: &[u8], at: usize) {
        const ROOM: usize = 512;
        let bytes = &mut self.fields.bytes;
        let new = input.get(bytes.len()..at).unwrap_or_default();
        if bytes.capacity() < at {
            bytes.reserve(new.len() + ROOM);
        }
        bytes.extend_from_slice(new);
    }

    /// `method SP target SP HTTP/1.x CRLF` (RFC 9112 3). Returns where the
    /// fields begin.
    fn request_line(&mut self, input: &[u8], limits: &Limits) -> Parsed<usize> {
        let start = match input {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => 2,
            _ => 0,
        };
        let rest = input.get(start..).unwrap_or_default();
        let longest = limits.method.min(MOST);
        let method_len = scan::token_len(upto(rest, longest + 1));
        if method_len > longest {
            return Err(RefusalKind::Method);
        }
        match rest.get(method_len) {
            None => return Ok(None),
            Some(b' ') if method_len > 0 => {}
            Some(b'\r' | b'\n') if method_len > 0 => return Err(RefusalKind::StartLine),
            Some(&b) => return Err(in_line(b, RefusalKind::Method)),
        }
        let target_at = start + method_len + 1;
        let rest = input.get(target_at..).unwrap_or_default();
        let longest = limits.target.min(MOST);
        let target_len = scan::target_len(upto(rest, longest + 1));
        if target_len > longest {
            return Err(RefusalKind::TargetTooLong);
        }
        match rest.get(target_len) {
            None => return Ok(None),
            Some(b' ') if target_len > 0 => {}
            // HTTP/0.9, or a second space.
            Some(b'\r' | b'\n' | b' ') => return Err(RefusalKind::StartLine),
            Some(_) => return Err(RefusalKind::Target),
        }
        let version_at = target_at + target_len + 1;
        let rest = input.get(version_at..).unwrap_or_default();
        let Some(version) = version(rest)? else {
            return Ok(None);
        };
        let Some(after) = line_end(rest.get(8..).unwrap_or_default())? else {
            return Ok(None);
        };
        let method = rest_of(input, start, method_len);
        let target = rest_of(input, target_at, target_len);
        self.form = target::form(method, target)?;
        self.method = Span {
            at: start as u32,
            len: method_len as u32,
        };
        self.target = Span {
            at: target_at as u32,
            len: target_len as u32,
        };
        self.version = version;
        Ok(Some(version_at + 8 + after))
    }

    /// `HTTP/1.x SP status SP reason CRLF` (RFC 9112 4).
    fn status_line(&mut self, input: &[u8], limits: &Limits) -> Parsed<usize> {
        let Some(version) = version(input)? else {
            return Ok(None);
        };
        match input.get(8) {
            None => return Ok(None),
            Some(b' ') => {}
            Some(&b) => return Err(in_line(b, RefusalKind::StartLine)),
        }
        let rest = input.get(9..).unwrap_or_default();
        let digits = upto(rest, 4).iter().take_while(|b| b.is_ascii_digit()).count();
        let number = upto(rest, digits)
            .iter()
            .fold(0, |sum, &b| sum * 10 + u16::from(b - b'0'));
        let reason_at = match rest.get(digits) {
            _ if digits > 3 => return Err(RefusalKind::StatusInvalid),
            None => return Ok(None),
            Some(b' ') => 9 + digits + 1,
            Some(b'\r') => 9 + digits,
            Some(_) => return Err(RefusalKind::StatusInvalid),
        };
        match number {
            0 if digits > 0 => return Err(RefusalKind::StatusZero),
            100..=599 => {}
            _ => return Err(RefusalKind::StatusInvalid),
        }
        let rest = input.get(reason_at..).unwrap_or_default();
        let longest = limits.target.min(MOST);
        let reason_len = scan::text_len(upto(rest, longest + 1));
        if reason_len > longest {
            return Err(RefusalKind::HeadTooLarge);
        }
        let Some(after) = line_end(rest.get(reason_len..).unwrap_or_default())? else {
            return Ok(None);
        };
        self.version = version;
        self.status = number;
        self.reason = Some(Span {
            at: reason_at as u32,
            len: reason_len as u32,
        });
        Ok(Some(reason_at + reason_len + after))
    }
}

/// A field line within the slice it was found in.
pub(crate) struct FieldCut {
    name_len: usize,
    value: usize,
    value_len: usize,
    /// Length of the line with its line end.
    pub(crate) len: usize,
}

impl FieldCut {
    /// The field, with spans that count from `at` before the line.
    #[inline]
    pub(crate) fn field(&self, line: &[u8], at: usize) -> Field {
        Field {
            name: at as u32,
            value: (at + self.value) as u32,
            value_len: self.value_len as u32,
            name_len: self.name_len as u16,
            known: Known::of(upto(line, self.name_len)),
            removed: false,
        }
    }
}

/// `name ":" OWS value OWS CRLF` (RFC 9112 5) at the beginning of `input`,
/// at most `room` bytes long with its line end.
#[inline]
pub(crate) fn field_line(input: &[u8], room: usize, longest_name: usize) -> Parsed<FieldCut> {
    let line = upto(input, room);
    // At the end of `line`: is there more to come, or is the room used up?
    let more = || {
        if input.len() < room {
            Ok(None)
        } else {
            Err(RefusalKind::FieldTooLarge)
        }
    };
    let longest_name = longest_name.min(usize::from(u16::MAX));
    let name_len = scan::token_len(upto(line, longest_name + 1));
    if name_len > longest_name {
        return Err(RefusalKind::NameTooLong);
    }
    match line.get(name_len) {
        None => return more(),
        Some(b':') if name_len > 0 => {}
        Some(b' ' | b'\t') if name_len == 0 => return Err(RefusalKind::ObsFold),
        Some(b' ' | b'\t') => return Err(RefusalKind::SpaceBeforeColon),
        Some(b'\r') => {
            return match line.get(name_len + 1) {
                None => more(),
                Some(b'\n') => Err(RefusalKind::FieldName),
                Some(_) => Err(RefusalKind::BareCr),
            };
        }
        Some(&b) => return Err(in_line(b, RefusalKind::FieldName)),
    }
    let after = line.get(name_len + 1..).unwrap_or_default();
    let value = name_len + 1 + after.iter().take_while(|&&b| scan::is_ows(b)).count();
    let text = line.get(value..).unwrap_or_default();
    let text_len = scan::text_len(text);
    match (text.get(text_len), text.get(text_len + 1)) {
        (None, _) | (Some(b'\r'), None) => return more(),
        (Some(b'\r'), Some(b'\n')) => {}
        (Some(b'\r'), Some(_)) => return Err(RefusalKind::BareCr),
        (Some(&b), _) => return Err(in_line(b, RefusalKind::ControlByte)),
    }
    let trailing = upto(text, text_len)
        .iter()
        .rev()
        .take_while(|&&b| scan::is_ows(b))
        .count();
    Ok(Some(FieldCut {
        name_len,
        value,
        value_len: text_len - trailing,
        len: value + text_len + 2,
    }))
}

/// `HTTP/` digit `.` digit, as far as the bytes reach.
fn version(input: &[u8]) -> Parsed<Version> {
    const PREFIX: &[u8] = b"HTTP/";
    let begun = upto(input, PREFIX.len());
    if !PREFIX.starts_with(begun) {
        return Err(RefusalKind::StartLine);
    }
    let (Some(&major), dot, minor) = (input.get(5), input.get(6), input.get(7)) else {
        return Ok(None);
    };
    if !major.is_ascii_digit() || dot.is_some_and(|&b| b != b'.') || minor.is_some_and(|b| !b.is_ascii_digit()) {
        return Err(RefusalKind::StartLine);
    }
    match (major, minor) {
        (_, None) => Ok(None),
        (b'1', Some(b'0')) => Ok(Some(Version::Http10)),
        // RFC 9110 2.5: a higher minor version is read as the highest we know.
        (b'1', Some(_)) => Ok(Some(Version::Http11)),
        _ => Err(RefusalKind::Version),
    }
}

/// Length of the CRLF that the rest of a start line must be.
fn line_end(input: &[u8]) -> Parsed<usize> {
    match input {
        [] | [b'\r'] => Ok(None),
        [b'\r', b'\n', ..] => Ok(Some(2)),
        [b'\r', ..] => Err(RefusalKind::BareCr),
        [b, ..] => Err(in_line(*b, RefusalKind::StartLine)),
    }
}

/// What a byte in the wrong place means.
fn in_line(b: u8, otherwise: RefusalKind) -> RefusalKind {
    match b {
        b'\n' => RefusalKind::BareLf,
        b'\r' | b'\t' => otherwise,
        0..=0x1F | 0x7F => RefusalKind::ControlByte,
        _ => otherwise,
    }
}

/// The first `n` bytes, or as many as there are.
#[inline]
fn upto(input: &[u8], n: usize) -> &[u8] {
    input.get(..n).unwrap_or(input)
}

fn rest_of(input: &[u8], at: usize, len: usize) -> &[u8] {
    input.get(at..at + len).unwrap_or_default()
}
