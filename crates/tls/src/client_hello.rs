//! A look at the ClientHello before anybody commits to anything.
//!
//! The edge must know name and protocols *before* it decides who terminates TLS, and must be able
//! to replay every byte to an upstream that terminates it itself. So the hello is parsed here from
//! a buffer that stays as it is. The parser is small and bounded: it accepts any split into records
//! or segments, reads nothing but the fields below, and never holds more than 16 KiB.
//! (RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3, RFC 7301.)

use std::borrow::Cow;
use std::net::Ipv4Addr;

use crate::alert::code;

/// Longest hello, its records' payloads taken together, in bytes.
pub const MAX_LEN: usize = 16 * 1024;
/// Longest hello on the wire, in bytes: the payloads plus room for the headers of records that
/// were split very finely.
pub const MAX_WIRE_LEN: usize = 32 * 1024;

const RECORD_HANDSHAKE: u8 = 22;
const MESSAGE_CLIENT_HELLO: u8 = 1;
const MAX_RECORD: usize = 16 * 1024;
const EXT_SERVER_NAME: u16 = 0;
const EXT_ALPN: u16 = 16;
const EXT_SUPPORTED_VERSIONS: u16 = 43;
const EXT_KEY_SHARE: u16 = 51;
/// TLS 1.2 on the wire.
pub(crate) const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;
const TLS13_CHACHA: u16 = 0x1303;
const TLS12_CHACHA: [u16; 2] = [0xcca8, 0xcca9];

/// What the buffer holds so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parse {
    /// A good beginning; more bytes are needed.
    Partial,
    /// A whole hello.
    Hello(ClientHello),
}

/// The parts of a ClientHello that Adit decides by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    /// The name asked for: lower case, letters, digits, hyphens and dots only, at most 253 bytes,
    /// a single trailing dot removed. `None` if the client sent none, or one that cannot be a host
    /// name (an IP literal, for instance), which RFC 6066 section 3 forbids to send.
    pub server_name: Option<String>,
    /// Whether the client sent a server name at all, acceptable or not.
    pub name_sent: bool,
    /// The application protocols offered, in the client's order.
    pub alpn: Vec<Vec<u8>>,
    /// Whether TLS 1.3 is offered.
    pub tls13: bool,
    /// The highest version offered, as on the wire: `0x0303` is TLS 1.2, `0x0304` TLS 1.3.
    pub max_version: u16,
    /// Bytes of the buffer, headers included, that make up the hello.
    pub consumed: usize,
    /// Whether the first real cipher suite is a ChaCha20-Poly1305 one: what clients without AES
    /// instructions say.
    pub prefers_chacha: bool,
    /// Groups for which a key share came along (TLS 1.3), in the client's order.
    pub key_shares: Vec<u16>,
}

impl ClientHello {
    /// Whether this protocol was offered.
    #[must_use]
    pub fn offers(&self, protocol: &[u8]) -> bool {
        self.alpn.iter().any(|offered| offered == protocol)
    }

    /// The alert for a hello without an acceptable name: `missing_extension` where TLS 1.3 is
    /// offered (RFC 8446 section 9.2), else `handshake_failure`.
    #[must_use]
    pub const fn missing_name_alert(&self) -> u8 {
        if self.tls13 {
            code::MISSING_EXTENSION
        } else {
            code::HANDSHAKE_FAILURE
        }
    }
}

/// Why a buffer cannot become an acceptable ClientHello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HelloError {
    /// The first bytes are not a TLS handshake record.
    #[error("not a TLS handshake record")]
    NotTls,
    /// The record names a protocol before SSL 3.
    #[error("unknown record version")]
    RecordVersion,
    /// The first handshake message is something else.
    #[error("the first message is not a ClientHello")]
    NotHello,
    /// An empty record, or bytes after the hello in its last record.
    #[error("unexpected bytes around the ClientHello")]
    Misaligned,
    /// A record longer than 2^14 bytes.
    #[error("record longer than 16384 bytes")]
    RecordTooLong,
    /// Longer than [`MAX_LEN`] or [`MAX_WIRE_LEN`].
    #[error("ClientHello longer than {MAX_LEN} bytes")]
    TooLong,
    /// A field that ends beyond its container, or is empty where it must not be.
    #[error("malformed ClientHello")]
    Malformed,
    /// The same extension, or two host names, where one is allowed.
    #[error("duplicate field in the ClientHello")]
    Duplicate,
}

impl HelloError {
    /// The alert to send, as [`crate::alert`] takes it.
    #[must_use]
    pub const fn alert(self) -> u8 {
        match self {
            Self::NotTls | Self::NotHello | Self::Misaligned => code::UNEXPECTED_MESSAGE,
            Self::RecordVersion => code::PROTOCOL_VERSION,
            Self::RecordTooLong => code::RECORD_OVERFLOW,
            Self::TooLong | Self::Duplicate => code::ILLEGAL_PARAMETER,
            Self::Malformed => code::DECODE_ERROR,
        }
    }
}

/// Parses the first bytes of a connection.
///
/// Call it again with more bytes after [`Parse::Partial`]; it keeps no state. An error is final:
/// no further byte could mend it.
///
/// # Errors
/// [`HelloError`], which names the alert to send.
pub fn parse(buf: &[u8]) -> Result<Parse, HelloError> {
    let Some((message, consumed)) = gather(buf)? else {
        return Ok(Parse::Partial);
    };
    read_hello(&message, consumed)
        .map(Parse::Hello)
        .map_err(|fault| match fault {
            Fault::Short => HelloError::Malformed,
            Fault::Duplicate => HelloError::Duplicate,
        })
}

/// Entry for the fuzzer: parses, and checks what must hold for every input.
#[doc(hidden)]
pub fn fuzz(buf: &[u8]) {
    if let Ok(Parse::Hello(hello)) = parse(buf) {
        assert!(hello.consumed <= buf.len());
        assert!(hello.consumed <= MAX_WIRE_LEN);
        if let Some(name) = &hello.server_name {
            assert_eq!(host_name(name.as_bytes()).as_deref(), Some(name.as_str()));
        }
        assert_eq!(
            parse(buf.get(..hello.consumed).unwrap_or_default()),
            Ok(Parse::Hello(hello))
        );
    }
}

/// The body of a ClientHello message, and the bytes that its records take.
type Gathered<'a> = (Cow<'a, [u8]>, usize);

/// The message out of however many records, if it is whole.
fn gather(buf: &[u8]) -> Result<Option<Gathered<'_>>, HelloError> {
    let mut message: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let mut at = 0;
    loop {
        let rest = buf.get(at..).unwrap_or_default();
        match *rest {
            [] => return Ok(None),
            [kind, ..] if kind != RECORD_HANDSHAKE => {
                return Err(if at == 0 {
                    HelloError::NotTls
                } else {
                    HelloError::Misaligned
                });
            }
            [_, major, ..] if major != 3 => return Err(HelloError::RecordVersion),
            _ => {}
        }
        let Some((&[_, _, _, hi, lo], payload)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        let len = usize::from(u16::from_be_bytes([hi, lo]));
        match len {
            0 => return Err(HelloError::Misaligned),
            n if n > MAX_RECORD => return Err(HelloError::RecordTooLong),
            _ => {}
        }
        let whole = payload.len() >= len;
        let part = payload.get(..len).unwrap_or(payload);
        if message.is_empty() {
            message = Cow::Borrowed(part);
        } else {
            message.to_mut().extend_from_slice(part);
        }
        at += 5 + len;

        // Judge the message header as soon as it is there, so that nonsense ends at once.
        if message.first().is_some_and(|kind| *kind != MESSAGE_CLIENT_HELLO) {
            return Err(HelloError::NotHello);
        }
        if let Some(&[_, a, b, c]) = message.first_chunk() {
            let body = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
            if body.saturating_add(4) > MAX_LEN {
                return Err(HelloError::TooLong);
            }
            if whole {
                match message.len().cmp(&(body + 4)) {
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal => {
                        let body = match message {
                            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(4..).unwrap_or(&[])),
                            Cow::Owned(mut bytes) => {
                                bytes.drain(..4);
                                Cow::Owned(bytes)
                            }
                        };
                        return Ok(Some((body, at)));
                    }
                    std::cmp::Ordering::Greater => return Err(HelloError::Misaligned),
                }
            }
        }
        if at > MAX_WIRE_LEN {
            return Err(HelloError::TooLong);
        }
        if !whole {
            return Ok(None);
        }
    }
}

enum Fault {
    Short,
    Duplicate,
}

/// A cursor over bytes; every step may find too few.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        let (head, tail) = self.0.split_at_checked(n).ok_or(Fault::Short)?;
        self.0 = tail;
        Ok(head)
    }

    fn u8(&mut self) -> Result<u8, Fault> {
        match self.take(1)? {
            [byte] => Ok(*byte),
            _ => Err(Fault::Short),
        }
    }

    fn u16(&mut self) -> Result<u16, Fault> {
        match self.take(2)? {
            [hi, lo] => Ok(u16::from_be_bytes([*hi, *lo])),
            _ => Err(Fault::Short),
        }
    }

    /// A vector with a length of one byte.
    fn vec8(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    /// A vector with a length of two bytes.
    fn vec16(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    fn end(&self) -> Result<(), Fault> {
        if self.is_empty() { Ok(()) } else { Err(Fault::Short) }
    }
}

fn read_hello(body: &[u8], consumed: usize) -> Result<ClientHello, Fault> {
    let mut r = Reader(body);
    let mut hello = ClientHello {
        server_name: None,
        name_sent: false,
        alpn: Vec::new(),
        tls13: false,
        max_version: 0,
        consumed,
        prefers_chacha: false,
        key_shares: Vec::new(),
    };
    hello.max_version = r.u16()?.min(TLS12); // legacy_version: later ones are in the extension
    r.take(32)?; // random
    if r.vec8()?.len() > 32 {
        return Err(Fault::Short); // legacy_session_id<0..32>
    }
    hello.prefers_chacha = prefers_chacha(r.vec16()?)?;
    if r.vec8()?.is_empty() {
        return Err(Fault::Short); // legacy_compression_methods<1..2^8-1>
    }
    if r.is_empty() {
        return Ok(hello); // extensions are optional before TLS 1.3
    }
    let mut extensions = Reader(r.vec16()?);
    r.end()?;
    let mut seen = 0u8;
    while !extensions.is_empty() {
        let kind = extensions.u16()?;
        let data = Reader(extensions.vec16()?);
        let bit = match kind {
            EXT_SERVER_NAME => 1,
            EXT_ALPN => 2,
            EXT_SUPPORTED_VERSIONS => 4,
            EXT_KEY_SHARE => 8,
            _ => continue,
        };
        if seen & bit != 0 {
            return Err(Fault::Duplicate);
        }
        seen |= bit;
        match kind {
            EXT_SERVER_NAME => {
                let name = server_name(data)?;
                hello.name_sent = name.is_some();
                hello.server_name = name.and_then(host_name);
            }
            EXT_ALPN => hello.alpn = alpn(data)?,
            EXT_SUPPORTED_VERSIONS => {
                hello.max_version = max_version(data)?;
                hello.tls13 = hello.max_version == TLS13;
            }
            _ => hello.key_shares = key_shares(data)?,
        }
    }
    Ok(hello)
}

fn prefers_chacha(suites: &[u8]) -> Result<bool, Fault> {
    if suites.is_empty() || !suites.len().is_multiple_of(2) {
        return Err(Fault::Short);
    }
    let first = suites
        .chunks_exact(2)
        .map(|pair| match pair {
            [hi, lo] => u16::from_be_bytes([*hi, *lo]),
            _ => 0,
        })
        .find(|suite| !is_grease(*suite));
    Ok(first.is_some_and(|suite| suite == TLS13_CHACHA || TLS12_CHACHA.contains(&suite)))
}

/// Reserved values that some clients sprinkle into every list (RFC 8701).
const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

fn server_name(mut data: Reader<'_>) -> Result<Option<&[u8]>, Fault> {
    let mut list = Reader(data.vec16()?);
    data.end()?;
    if list.is_empty() {
        return Err(Fault::Short);
    }
    let mut found = None;
    while !list.is_empty() {
        if list.u8()? != 0 {
            break; // no other kind was ever defined, so its length is unknown
        }
        let name = list.vec16()?;
        if name.is_empty() {
            return Err(Fault::Short);
        }
        if found.replace(name).is_some() {
            return Err(Fault::Duplicate);
        }
    }
    Ok(found)
}

fn alpn(mut data: Reader<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    let mut list = Reader(data.vec16()?);
    data.end()?;
    if list.is_empty() {
        return Err(Fault::Short);
    }
    let mut protocols = Vec::new();
    while !list.is_empty() {
        let protocol = list.vec8()?;
        if protocol.is_empty() {
            return Err(Fault::Short);
        }
        protocols.push(protocol.to_vec());
    }
    Ok(protocols)
}

/// The highest of the versions that are defined.
fn max_version(mut data: Reader<'_>) -> Result<u16, Fault> {
    let mut list = Reader(data.vec8()?);
    data.end()?;
    if list.is_empty() {
        return Err(Fault::Short);
    }
    let mut highest = 0;
    while !list.is_empty() {
        let version = list.u16()?;
        if version <= TLS13 {
            highest = highest.max(version);
        }
    }
    Ok(highest)
}

fn key_shares(mut data: Reader<'_>) -> Result<Vec<u16>, Fault> {
    let mut list = Reader(data.vec16()?);
    data.end()?;
    let mut groups = Vec::new();
    while !list.is_empty() {
        let group = list.u16()?;
        if list.vec16()?.is_empty() {
            return Err(Fault::Short);
        }
        groups.push(group);
    }
    Ok(groups)
}

/// The name in the form the routing tables use, or `None` if it cannot be a host name.
pub(crate) fn host_name(raw: &[u8]) -> Option<String> {
    let raw = raw.strip_suffix(b".").unwrap_or(raw);
    if raw.is_empty() || raw.len() > 253 {
        return None;
    }
    let name = std::str::from_utf8(raw).ok()?.to_ascii_lowercase();
    let good_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !name.split('.').all(good_label) {
        return None;
    }
    // No top-level domain is numeric: what ends so is an address in one of its spellings.
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) || name.parse::<Ipv4Addr>().is_ok() {
        return None;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_or_dropped() {
        for (raw, want) in [
            ("Example.COM", Some("example.com")),
            ("example.com.", Some("example.com")),
            ("a-b.example", Some("a-b.example")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("localhost", Some("localhost")),
            ("example.com..", None),
            (".example.com", None),
            ("a..b", None),
            ("-a.example", None),
            ("under_score.example", None),
            ("192.0.2.1", None),
            ("1.2.3", None),
            ("[::1]", None),
            ("::1", None),
            ("b\u{fc}cher.example", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(host_name(raw.as_bytes()).as_deref(), want, "{raw}");
        }
        let long = ["a".repeat(63).as_str(); 4].join(".");
        assert_eq!(long.len(), 255);
        assert_eq!(host_name(long.as_bytes()), None);
        assert_eq!(host_name("a".repeat(64).as_bytes()), None);
    }

    #[test]
    fn grease_is_recognised() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa));
        assert!(!is_grease(0x1301) && !is_grease(0x0a1a));
    }
}
