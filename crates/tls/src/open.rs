//! Open: records in, chunks of plaintext out.
//!
//! Nothing here touches a socket. Application data goes straight into the caller's buffer when
//! its memory is initialised and large enough, otherwise it is opened where it lies and copied
//! once. The few other things a peer may say after the handshake are dealt with here as well:
//! alerts, KeyUpdate, late tickets, attempts at renegotiation (RFC 8446 sections 4.6, 5.1 and 6).

use std::ops::Range;

use tokio::io::ReadBuf;

use crate::alert::{self, code};
use crate::error::Error;
use crate::record::{HEADER, MAX_CIPHERTEXT, MAX_PLAINTEXT, RecordKey, kind};
use crate::schedule::Schedule;

/// Records without content in a row, warnings, KeyUpdates without data between: how many of each
/// are put up with. Legitimate peers send none to two; BoringSSL and rustls use the same limits.
const MAX_EMPTY: u8 = 32;
const MAX_WARNINGS: u8 = 4;
const MAX_KEY_UPDATES: u8 = 32;
/// Longest handshake message after the handshake (a ticket), in bytes.
const MAX_MESSAGE: usize = 64 * 1024;

/// Handshake messages (RFC 8446 section 4, RFC 5246 section 7.4).
mod message {
    pub(super) const HELLO_REQUEST: u8 = 0;
    pub(super) const CLIENT_HELLO: u8 = 1;
    pub(super) const NEW_SESSION_TICKET: u8 = 4;
    pub(super) const KEY_UPDATE: u8 = 24;
}

/// The receiving half of the record layer.
pub(crate) struct Open {
    key: RecordKey,
    client: bool,
    closed: bool,
    /// The beginning of a handshake message that is split over records.
    message: Vec<u8>,
    empty: u8,
    warnings: u8,
    key_updates: u8,
    renegotiations: u8,
    replies: Replies,
}

/// What the sending half owes the peer because of what was received.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replies {
    /// New sending keys were asked for.
    pub(crate) key_update: bool,
    /// A renegotiation was asked for and is refused.
    pub(crate) no_renegotiation: bool,
}

/// The outcome of opening a buffer of records.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// Bytes from the front that are done with.
    pub(crate) used: usize,
    /// Plaintext of the last record, within those bytes, that found no room.
    pub(crate) plain: Range<usize>,
    /// Why the connection cannot go on. What was delivered before it is good.
    pub(crate) error: Option<Error>,
}

/// Where a record's plaintext is after opening.
enum Place {
    /// In the caller's buffer, behind what is filled: this many bytes.
    Out(usize),
    /// In the record's body.
    Input(Range<usize>),
}

impl Place {
    fn inner<'a>(&self, body: &'a [u8], out: &'a ReadBuf<'_>) -> &'a [u8] {
        match self {
            Self::Out(n) => {
                let filled = out.filled().len();
                out.initialized().get(filled..filled + n)
            }
            Self::Input(at) => body.get(at.clone()),
        }
        .unwrap_or_default()
    }
}

impl Open {
    pub(crate) fn new(key: RecordKey, client: bool) -> Self {
        Self {
            key,
            client,
            closed: false,
            message: Vec::new(),
            empty: 0,
            warnings: 0,
            key_updates: 0,
            renegotiations: 0,
            replies: Replies::default(),
        }
    }

    /// Whether the peer has said that it will send nothing more.
    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// What has to be answered; asked once after each [`Self::open`].
    pub(crate) fn take_replies(&mut self) -> Replies {
        std::mem::take(&mut self.replies)
    }

    /// Opens records from the front of `input` until `out` is full or no whole record is left.
    pub(crate) fn open(&mut self, schedule: &mut Schedule, input: &mut [u8], out: &mut ReadBuf<'_>) -> Opened {
        let mut opened = Opened::default();
        while out.remaining() > 0 && !self.closed {
            let Some(rest) = input.get_mut(opened.used..) else {
                break;
            };
            match self.record(schedule, rest, out) {
                Ok(Some((len, plain))) => {
                    if !plain.is_empty() {
                        opened.plain = plain.start + opened.used..plain.end + opened.used;
                    }
                    opened.used += len;
                }
                Ok(None) => break,
                Err(error) => {
                    opened.error = Some(error);
                    break;
                }
            }
        }
        if self.closed {
            opened.used = input.len(); // what follows a close_notify is ignored
        }
        opened
    }

    /// Opens the first record: its length, and plaintext in it that found no room.
    fn record(
        &mut self,
        schedule: &mut Schedule,
        input: &mut [u8],
        out: &mut ReadBuf<'_>,
    ) -> Result<Option<(usize, Range<usize>)>, Error> {
        let Some((&mut header, body)) = input.split_first_chunk_mut::<HEADER>() else {
            return Ok(None);
        };
        let len = self.check_header(header)?;
        let Some(body) = body.get_mut(..len) else {
            return Ok(None);
        };
        let (place, outer) = self.decrypt(header, body, out)?;
        let (len, content_kind) = self.content(place.inner(body, out), outer)?;

        self.empty = if len == 0 { self.empty + 1 } else { 0 };
        if self.empty > MAX_EMPTY {
            return Err(unexpected("too many empty records"));
        }
        if !self.message.is_empty() && content_kind != kind::HANDSHAKE {
            return Err(unexpected("a record within a handshake message"));
        }
        let mut left = 0..0;
        let content = place.inner(body, out).get(..len).unwrap_or_default();
        match content_kind {
            kind::DATA => {
                self.key_updates = if len > 0 { 0 } else { self.key_updates };
                match place {
                    Place::Out(_) => out.advance(len),
                    Place::Input(at) => {
                        let now = len.min(out.remaining());
                        let end = at.start + now;
                        out.put_slice(body.get(at.start..end).unwrap_or_default());
                        left = HEADER + end..HEADER + at.start + len;
                    }
                }
            }
            kind::ALERT => {
                let content: [u8; 2] = content.try_into().map_err(|_| malformed("an alert"))?;
                self.alert(content)?;
            }
            kind::HANDSHAKE if content.is_empty() => {
                return Err(unexpected("an empty handshake record"));
            }
            kind::HANDSHAKE => {
                self.message.extend_from_slice(content);
                self.messages(schedule)?;
            }
            _ => return Err(unexpected("a record of an unknown kind")),
        }
        Ok(Some((HEADER + body.len(), left)))
    }

    fn check_header(&self, header: [u8; HEADER]) -> Result<usize, Error> {
        let [outer, major, minor, hi, lo] = header;
        let allowed = if self.key.is_tls13() {
            outer == kind::DATA
        } else {
            matches!(outer, kind::ALERT | kind::HANDSHAKE | kind::DATA) && minor == 3
        };
        if !allowed || major != 3 {
            return Err(unexpected("an unprotected or unknown record"));
        }
        let len = usize::from(u16::from_be_bytes([hi, lo]));
        if len > MAX_CIPHERTEXT {
            return Err(Error::violation(code::RECORD_OVERFLOW, "a record too long"));
        }
        Ok(len)
    }

    /// Decrypts a record body, into `out` if that saves a copy.
    fn decrypt(&mut self, header: [u8; HEADER], body: &mut [u8], out: &mut ReadBuf<'_>) -> Result<(Place, u8), Error> {
        let forged = || Error::violation(code::BAD_RECORD_MAC, "a record that is not authentic");
        let [outer, ..] = header;
        let inner = self.key.inner_len(body.len()).ok_or_else(forged)?;
        let filled = out.filled().len();
        if outer == kind::DATA
            && let Some(place) = out.initialized_mut().get_mut(filled..filled + inner)
        {
            self.key.open_into(header, body, place).ok_or_else(forged)?;
            return Ok((Place::Out(inner), outer));
        }
        let at = self.key.open_in_place(header, body).ok_or_else(forged)?;
        Ok((Place::Input(at), outer))
    }

    /// Length and kind of the content; in TLS 1.3 the kind is the last byte that is not zero.
    fn content(&self, inner: &[u8], outer: u8) -> Result<(usize, u8), Error> {
        let (len, content_kind) = if self.key.is_tls13() {
            inner
                .iter()
                .enumerate()
                .rfind(|(_, byte)| **byte != 0)
                .map(|(at, byte)| (at, *byte))
                .ok_or_else(|| unexpected("a record without a kind"))?
        } else {
            (inner.len(), outer)
        };
        if len > MAX_PLAINTEXT {
            return Err(Error::violation(code::RECORD_OVERFLOW, "a record too long"));
        }
        Ok((len, content_kind))
    }

    fn alert(&mut self, [level, code]: [u8; 2]) -> Result<(), Error> {
        let warning = if self.key.is_tls13() {
            code == code::USER_CANCELED
        } else {
            level == alert::WARNING
        };
        if code == code::CLOSE_NOTIFY {
            self.closed = true;
            return Ok(());
        }
        if warning && self.warnings < MAX_WARNINGS {
            self.warnings += 1;
            return Ok(());
        }
        Err(Error::AlertReceived { code })
    }

    /// Handles the handshake messages that are complete.
    fn messages(&mut self, schedule: &mut Schedule) -> Result<(), Error> {
        let buffer = std::mem::take(&mut self.message);
        let mut rest = buffer.as_slice();
        while let Some((&[message_kind, a, b, c], tail)) = rest.split_first_chunk::<4>() {
            let len = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
            self.check_message(message_kind, len)?;
            let Some((payload, tail)) = tail.split_at_checked(len) else {
                break;
            };
            rest = tail;
            match (message_kind, payload) {
                (message::KEY_UPDATE, [request @ (0 | 1)]) => {
                    if !rest.is_empty() {
                        return Err(unexpected("a KeyUpdate that does not end its record"));
                    }
                    self.key_updates += 1;
                    if self.key_updates > MAX_KEY_UPDATES {
                        return Err(unexpected("too many KeyUpdates"));
                    }
                    self.key = schedule.next_receiving()?;
                    self.replies.key_update |= *request == 1;
                }
                (message::KEY_UPDATE, _) => {
                    return Err(Error::violation(
                        code::ILLEGAL_PARAMETER,
                        "a KeyUpdate with an unknown request",
                    ));
                }
                (message::NEW_SESSION_TICKET, _) => schedule.store_ticket(payload)?,
                _ => {
                    // TLS 1.2: an attempt to renegotiate, refused once (RFC 5246 section 7.2.2).
                    self.renegotiations += 1;
                    if self.renegotiations > 1 {
                        return Err(unexpected("renegotiation after it was refused"));
                    }
                    self.replies.no_renegotiation = true;
                }
            }
        }
        self.message.extend_from_slice(rest);
        Ok(())
    }

    /// Whether a handshake message of this kind and length is allowed at all, before it is waited
    /// for.
    fn check_message(&self, message_kind: u8, len: usize) -> Result<(), Error> {
        let allowed = match (self.key.is_tls13(), self.client, message_kind) {
            (true, _, message::KEY_UPDATE) => len == 1,
            (true, true, message::NEW_SESSION_TICKET) | (false, false, message::CLIENT_HELLO) => len <= MAX_MESSAGE,
            (false, true, message::HELLO_REQUEST) => len == 0,
            _ => return Err(unexpected("a handshake message that has no place here")),
        };
        if allowed {
            Ok(())
        } else {
            Err(malformed("a handshake message"))
        }
    }

    /// Bytes of memory in use.
    pub(crate) fn capacity(&self) -> usize {
        self.message.capacity()
    }
}

fn unexpected(what: &str) -> Error {
    Error::violation(code::UNEXPECTED_MESSAGE, format!("the peer sent {what}"))
}

fn malformed(what: &str) -> Error {
    Error::violation(code::DECODE_ERROR, format!("the peer sent {what} that is malformed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::slice;
    use crate::record::tests::secrets;
    use crate::scratch::Sealed;

    /// Opens these records, in TLS 1.3 or 1.2, as a server or client without a key schedule.
    fn run(tls13: bool, client: bool, records: &[(u8, &[u8])]) -> (Vec<u8>, Opened, Replies) {
        let key = || RecordKey::new(0, &secrets(0), tls13).unwrap();
        let mut seal = key();
        let mut sealed = Sealed::default();
        for (kind, content) in records {
            seal.seal(*kind, content.len(), slice(content), &mut sealed).unwrap();
        }
        let mut input = sealed.filled().to_vec();
        let mut open = Open::new(key(), client);
        let mut memory = vec![0; 1000];
        let mut out = ReadBuf::new(&mut memory);
        let opened = open.open(&mut Schedule::Fixed, &mut input, &mut out);
        (out.filled().to_vec(), opened, open.take_replies())
    }

    fn alert_of(opened: &Opened) -> Option<u8> {
        opened.error.as_ref().and_then(Error::alert)
    }

    #[test]
    fn data_passes_and_the_rest_waits() {
        for tls13 in [true, false] {
            let long = vec![b'x'; 900];
            let (out, opened, _) = run(tls13, false, &[(23, b"ab"), (23, &long), (23, &long)]);
            assert_eq!(out.len(), 1000);
            assert_eq!(opened.plain.len(), 802);
            assert!(opened.error.is_none());
        }
    }

    #[test]
    fn zeros_at_the_end_of_data_are_data() {
        let (out, _, _) = run(true, false, &[(23, b"a\0\0\0")]);
        assert_eq!(out, b"a\0\0\0");
    }

    #[test]
    fn goodbye_and_everything_after_it() {
        for tls13 in [true, false] {
            let (out, opened, _) = run(tls13, true, &[(23, b"a"), (21, &[1, 0]), (23, b"b")]);
            assert_eq!(out, b"a");
            assert!(opened.error.is_none());
        }
    }

    #[test]
    fn alerts() {
        let (_, opened, _) = run(true, true, &[(21, &[2, 48])]);
        assert!(matches!(opened.error, Some(Error::AlertReceived { code: 48 })));
        // In TLS 1.3 the level means nothing.
        let (_, opened, _) = run(true, true, &[(21, &[1, 48])]);
        assert!(matches!(opened.error, Some(Error::AlertReceived { code: 48 })));
        let (out, opened, _) = run(true, true, &[(21, &[1, 90]), (23, b"a")]);
        assert!(out == b"a" && opened.error.is_none());
        let (out, opened, _) = run(false, true, &[(21, &[1, 48]), (23, b"a")]);
        assert!(out == b"a" && opened.error.is_none());
        let (_, opened, _) = run(false, true, &[(21, &[1, 48][..]); 5]);
        assert!(matches!(opened.error, Some(Error::AlertReceived { code: 48 })));
        for split in [&[2_u8][..], &[2, 48, 2]] {
            let (_, opened, _) = run(true, true, &[(21, split)]);
            assert_eq!(alert_of(&opened), Some(code::DECODE_ERROR));
        }
    }

    #[test]
    fn messages_that_have_no_place() {
        for (tls13, client, message, alert) in [
            (true, false, &[4, 0, 0, 1, 0][..], code::UNEXPECTED_MESSAGE), // ticket to a server
            (true, false, &[1, 0, 0, 0], code::UNEXPECTED_MESSAGE),
            (true, true, &[13, 0, 0, 0], code::UNEXPECTED_MESSAGE), // CertificateRequest
            (true, true, &[24, 0, 0, 2, 0, 0], code::DECODE_ERROR),
            (true, true, &[24, 0, 0, 1, 2], code::ILLEGAL_PARAMETER),
            (true, true, &[24, 0, 0, 1, 0, 24], code::UNEXPECTED_MESSAGE),
            (true, true, &[4, 1, 0, 1], code::DECODE_ERROR), // longer than 64 KiB
            (true, true, &[], code::UNEXPECTED_MESSAGE),
            (false, true, &[4, 0, 0, 0], code::UNEXPECTED_MESSAGE),
            (false, true, &[0, 0, 0, 1], code::DECODE_ERROR),
            (false, false, &[24, 0, 0, 1, 0], code::UNEXPECTED_MESSAGE),
        ] {
            let (_, opened, _) = run(tls13, client, &[(22, message)]);
            assert_eq!(alert_of(&opened), Some(alert), "{message:?}");
        }
    }

    #[test]
    fn nothing_comes_between_the_parts_of_a_message() {
        let (_, opened, _) = run(true, true, &[(22, &[4, 0]), (23, b"data")]);
        assert_eq!(alert_of(&opened), Some(code::UNEXPECTED_MESSAGE));
        let (_, opened, _) = run(false, false, &[(22, &[1, 0]), (22, &[0, 1]), (22, &[7])]);
        assert!(opened.error.is_none());
    }

    #[test]
    fn renegotiation_is_refused_once_politely() {
        let hello = (22, &[1, 0, 0, 1, 7][..]);
        let (out, opened, replies) = run(false, false, &[hello, (23, b"a")]);
        assert!(out == b"a" && opened.error.is_none() && replies.no_renegotiation);
        let (_, opened, replies) = run(false, true, &[(22, &[0, 0, 0, 0])]);
        assert!(opened.error.is_none() && replies.no_renegotiation);
        let (_, opened, _) = run(false, false, &[hello, hello]);
        assert_eq!(alert_of(&opened), Some(code::UNEXPECTED_MESSAGE));
    }

    #[test]
    fn empty_records_are_put_up_with_for_a_while() {
        let mut records = vec![(23, &b""[..]); 32];
        records.push((23, b"a"));
        let (out, opened, _) = run(true, false, &records);
        assert!(out == b"a" && opened.error.is_none());
        let (_, opened, _) = run(true, false, &[(23, &b""[..]); 33]);
        assert_eq!(alert_of(&opened), Some(code::UNEXPECTED_MESSAGE));
    }

    #[test]
    fn a_kind_of_its_own_or_none() {
        for kind in [20, 24, 0] {
            let (_, opened, _) = run(true, false, &[(kind, b"\0\0")]);
            assert_eq!(alert_of(&opened), Some(code::UNEXPECTED_MESSAGE), "{kind}");
        }
    }
}
