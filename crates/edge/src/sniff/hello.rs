//! Reading the first byte and the ClientHello, within time and size.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use adit_observe::RefusalReason;
use adit_snapshot::Limits;
use adit_tls::client_hello::{self, ClientHello, Parse};
use tokio::io::AsyncReadExt;

use crate::accept::Accepted;
use crate::timer::Deadline;

/// Room for the first read: a hello with a post-quantum key share fits.
const FIRST_READ: usize = 2048;

/// Beginnings of other protocols.
const NOT_HTTP: [&[u8]; 2] = [b"SSH-", b"PROXY "];

/// What the first bytes were.
pub(super) enum Read {
    Hello(ClientHello),
    /// An upper-case letter: a client that speaks plain HTTP.
    PlainHttp,
    /// Malformed, with the alert to send.
    Alert(u8),
    /// Closed, silent or something else entirely; the reason for the counter.
    Nothing(RefusalReason),
}

/// Reads until the ClientHello is whole; the bytes stay in `accepted.read`.
pub(super) async fn read(accepted: &mut Accepted, deadline: &Deadline, limits: &Limits) -> Read {
    deadline.set(limits.first_byte);
    loop {
        if let Some(&first) = accepted.read.first() {
            match first {
                0x16 => match client_hello::parse(&accepted.read) {
                    Ok(Parse::Hello(h)) => return Read::Hello(h),
                    Ok(Parse::Partial) => {}
                    Err(e) => return Read::Alert(e.alert()),
                },
                // What is no HTTP although it begins with a letter: SSH, and a PROXY header from a peer that is not
                // listed. Neither is answered.
                b'S' | b'P' if NOT_HTTP.iter().any(|n| accepted.read.starts_with(n)) => {
                    return Read::Nothing(RefusalReason::UnknownProtocol);
                }
                b'S' | b'P' if NOT_HTTP.iter().any(|n| n.starts_with(&accepted.read)) => {}
                b'A'..=b'Z' => match other_protocol(&accepted.read) {
                    Some(true) => return Read::Nothing(RefusalReason::UnknownProtocol),
                    Some(false) => return Read::PlainHttp,
                    None => {}
                },
                _ => return Read::Nothing(RefusalReason::UnknownProtocol),
            }
        }
        let nothing_yet = accepted.read.is_empty();
        if accepted.read.capacity() == accepted.read.len() {
            accepted.read.reserve(FIRST_READ);
        }
        let got = {
            let mut read = pin!(accepted.io.read_buf(&mut accepted.read));
            poll_fn(|cx| match read.as_mut().poll(cx) {
                Poll::Ready(r) => Poll::Ready(Some(r)),
                Poll::Pending => deadline.poll_expired(cx).map(|()| None),
            })
            .await
        };
        match got {
            None if nothing_yet => return Read::Nothing(RefusalReason::FirstByteTimeout),
            None => return Read::Nothing(RefusalReason::ClientHelloTimeout),
            Some(Ok(0)) => return Read::Nothing(RefusalReason::Other),
            Some(Ok(_)) => {
                if nothing_yet {
                    deadline.set(limits.client_hello);
                }
            }
            Some(Err(_)) => return Read::Nothing(RefusalReason::Other),
        }
    }
}

/// Whether the bytes begin as SSH or a PROXY header, which are closed without a word; `None`: too few to tell.
fn other_protocol(read: &[u8]) -> Option<bool> {
    let mut open = false;
    for start in [&b"SSH-"[..], b"PROXY "] {
        let n = read.len().min(start.len());
        if read.get(..n) == start.get(..n) {
            if n == start.len() {
                return Some(true);
            }
            open = true;
        }
    }
    (!open).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_and_proxy_headers_are_told_from_http() {
        assert_eq!(other_protocol(b"S"), None);
        assert_eq!(other_protocol(b"SSH-2.0"), Some(true));
        assert_eq!(other_protocol(b"SEARCH / HTTP/1.1"), Some(false));
        assert_eq!(other_protocol(b"P"), None);
        assert_eq!(other_protocol(b"POST"), Some(false));
        assert_eq!(other_protocol(b"PROXY TCP4"), Some(true));
        assert_eq!(other_protocol(b"GET"), Some(false));
    }
}
