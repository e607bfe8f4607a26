//! [`Head`] to bytes, written anew from the parsed form in one pass.

use crate::field::{Field, FieldList};
use crate::head::Head;

impl Head {
    /// Appends request line, fields and the empty line to `out`. The version
    /// written is HTTP/1.1 always; whoever forwards an HTTP/1.0 request sees
    /// to its `Host`.
    pub fn encode_request(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        out.extend_from_slice(self.method());
        out.push(b' ');
        out.extend_from_slice(self.target());
        out.extend_from_slice(b" HTTP/1.1\r\n");
        fields(&self.fields, out);
        out.extend_from_slice(b"\r\n");
    }

    /// Appends status line, fields and the empty line to `out`. The version
    /// written is HTTP/1.1 always, also for HTTP/1.0 visitors.
    pub fn encode_response(&self, out: &mut Vec<u8>) {
        let status = self.status;
        let digit = |n: u16| b'0' + (n % 10) as u8;
        out.reserve(self.encoded_len());
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(&[digit(status / 100), digit(status / 10), digit(status), b' ']);
        out.extend_from_slice(self.reason());
        out.extend_from_slice(b"\r\n");
        fields(&self.fields, out);
        out.extend_from_slice(b"\r\n");
    }

    /// Not less than what an encoding needs, save for long edits.
    const fn encoded_len(&self) -> usize {
        self.fields.bytes.len() + 4 * self.fields.list.len() + 64
    }

    /// Gives every name `Train-Case`: for heads from HTTP/2, whose names have
    /// no case.
    pub fn train_case_names(&mut self) {
        let FieldList { bytes, list } = &mut self.fields;
        for field in list.iter().filter(|field| !field.removed) {
            let start = field.name as usize;
            if let Some(name) = bytes.get_mut(start..start + usize::from(field.name_len)) {
                train_case(name);
            }
        }
    }
}

/// Turns `x-forwarded-for` into `X-Forwarded-For`, in place.
pub const fn train_case(name: &mut [u8]) {
    let mut rest = name;
    let mut first = true;
    while let Some((b, tail)) = rest.split_first_mut() {
        *b = if first {
            b.to_ascii_uppercase()
        } else {
            b.to_ascii_lowercase()
        };
        first = *b == b'-';
        rest = tail;
    }
}

/// `name: value CRLF` for every field that is not removed.
pub(crate) fn fields(list: &FieldList, out: &mut Vec<u8>) {
    let bytes = list.bytes.as_slice();
    for field in list.list.iter().filter(|field| !field.removed) {
        write(field, bytes, out);
    }
}

#[inline]
fn write(field: &Field, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(field.name(bytes));
    out.extend_from_slice(b": ");
    out.extend_from_slice(field.value(bytes));
    out.extend_from_slice(b"\r\n");
}
