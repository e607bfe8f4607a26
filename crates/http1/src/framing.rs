//! How a body ends (RFC 9112 6), from a head that allows one reading only.

use crate::field::FieldList;
use crate::head::{Head, Version};
use crate::known::Known;
use crate::refuse::{Refusal, RefusalKind};

/// The end of a message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// There is no body.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunked, with possible trailers.
    Chunked,
    /// Everything until the sender closes; responses only.
    UntilClose,
}

impl Framing {
    /// Whether no byte of body follows.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::None | Self::Length(0))
    }
}

/// How a request's body ends.
///
/// # Errors
/// `Content-Length` beside `Transfer-Encoding`, either one twice, a length that
/// is not 1 to 19 digits, a coding other than exactly `chunked`, a coding in
/// another version than HTTP/1.1.
pub fn request_framing(head: &Head) -> Result<Framing, Refusal> {
    let declared = declared(head.field_list(), head.version(), false).map_err(Refusal::request)?;
    Ok(declared.unwrap_or(Framing::None))
}

/// How a response's body ends; `request_is_head`: the request's method is HEAD.
///
/// HEAD, 1xx, 204 and 304 have no body, whatever their fields say (RFC 9112
/// 6.3); the fields are checked all the same. Bytes that an upstream sends
/// behind such a head are no response of anything: the stream is not reused.
///
/// # Errors
/// As [`request_framing`]; equal lengths may be repeated.
pub fn response_framing(head: &Head, request_is_head: bool) -> Result<Framing, Refusal> {
    let declared = declared(head.field_list(), head.version(), true).map_err(Refusal::response)?;
    if request_is_head || matches!(head.status(), 100..=199 | 204 | 304) {
        return Ok(Framing::None);
    }
    Ok(declared.unwrap_or(Framing::UntilClose))
}

/// Checks a parsed response, and keeps one of several equal lengths.
pub(crate) fn check_response(head: &mut Head) -> Result<(), RefusalKind> {
    declared(head.field_list(), head.version(), true)?;
    let lengths = head
        .fields
        .list
        .iter_mut()
        .filter(|field| field.known == Known::ContentLength && !field.removed);
    for field in lengths.skip(1) {
        field.removed = true;
    }
    Ok(())
}

/// What the fields say; `None` if they say nothing.
fn declared(fields: &FieldList, version: Version, equal_lengths: bool) -> Result<Option<Framing>, RefusalKind> {
    let mut chunked = false;
    let mut length = None;
    for field in &fields.list {
        match field.known {
            Known::TransferEncoding if !field.removed => {
                if version != Version::Http11 {
                    return Err(RefusalKind::EncodingVersion);
                }
                if chunked {
                    return Err(RefusalKind::EncodingRepeated);
                }
                if !field.value(&fields.bytes).eq_ignore_ascii_case(b"chunked") {
                    return Err(RefusalKind::EncodingUnknown);
                }
                chunked = true;
            }
            Known::ContentLength if !field.removed => {
                let value = number(field.value(&fields.bytes)).ok_or(RefusalKind::LengthInvalid)?;
                if length.is_some_and(|before| !equal_lengths || before != value) {
                    return Err(RefusalKind::LengthRepeated);
                }
                length = Some(value);
            }
            _ => {}
        }
    }
    match (chunked, length) {
        (true, Some(_)) => Err(RefusalKind::LengthAndEncoding),
        (true, None) => Ok(Some(Framing::Chunked)),
        (false, Some(length)) => Ok(Some(Framing::Length(length))),
        (false, None) => Ok(None),
    }
}

/// 1 to 19 digits: no sign, no list, nothing that overflows 64 bits.
fn number(value: &[u8]) -> Option<u64> {
    if !(1..=19).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0, |sum, &b| sum * 10 + u64::from(b - b'0')))
}

/// Makes the head say `framing`: for the message as it will be written.
///
/// A `Content-Length` that says so already stays as it is, in its place.
/// [`Framing::None`] leaves a length that is there: answers to HEAD and 304
/// keep theirs, [`remove_forbidden_length`] takes it where it must not be.
pub fn set_framing(head: &mut Head, framing: Framing) {
    match framing {
        Framing::None => {
            head.remove(Known::TransferEncoding);
        }
        Framing::Length(length) => {
            head.remove(Known::TransferEncoding);
            if head.get(Known::ContentLength).and_then(number) != Some(length) {
                let mut digits = [0; 20];
                head.set(b"Content-Length", decimal(length, &mut digits));
            }
        }
        Framing::Chunked => {
            head.remove(Known::ContentLength);
            head.set(b"Transfer-Encoding", b"chunked");
        }
        Framing::UntilClose => {
            head.remove(Known::ContentLength);
            head.remove(Known::TransferEncoding);
        }
    }
}

/// Removes `Content-Length` from 1xx and 204, where it must not stand
/// (RFC 9110 8.6); returns whether there was one.
pub fn remove_forbidden_length(head: &mut Head) -> bool {
    matches!(head.status(), 100..=199 | 204) && head.remove(Known::ContentLength) > 0
}

/// `n` in decimal digits, at the end of `buffer`.
pub(crate) fn decimal(mut n: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut used = 0;
    for digit in buffer.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
        used += 1;
        if n == 0 {
            break;
        }
    }
    buffer.get(20 - used..).unwrap_or_default()
}
