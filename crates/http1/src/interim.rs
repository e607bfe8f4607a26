//! `Expect` and 1xx responses (RFC 9110 10.1.1, 15.2).

use crate::field::token_list;
use crate::head::Head;
use crate::known::Known;

/// The complete 100 response.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// More 1xx responses than this before the final one are a fault (edge 7.7).
pub const MAX_INTERIM: u8 = 16;

/// What a request says in `Expect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expectation {
    /// Nothing.
    None,
    /// `100-continue`: the sender holds the body back.
    Continue,
    /// Something else: 417.
    Other,
}

/// The expectation of a request.
#[must_use]
pub fn expectation(head: &Head) -> Expectation {
    let mut all = head.get_all(Known::Expect).flat_map(token_list).peekable();
    if all.peek().is_none() {
        return Expectation::None;
    }
    if all.all(|expectation| expectation.eq_ignore_ascii_case(b"100-continue")) {
        Expectation::Continue
    } else {
        Expectation::Other
    }
}

/// Whether a response of this status comes before the final one. 101 is not
/// among them: it is the last message in HTTP on its connection.
#[must_use]
pub const fn is_interim(status: u16) -> bool {
    matches!(status, 100 | 102..=199)
}
