//! The parser: bounded, strict, never panics. Bytes that can no longer become a header are told from
//! those that may still.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use adit_names::cidr::canonical_ip;

use super::crc32c::crc32c;
use super::{MAX_V1, MAX_V2_REST, SIGNATURE, TYPE_CRC32C, TYPE_UNIQUE_ID, V1_START, Version};

/// Reads after which an incomplete header is given up (edge 1.5).
pub const MAX_READS: u32 = 64;
const V2_HEAD: usize = 16;
const MAX_UNIQUE_ID: usize = 128;

/// What is at the start of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parse {
    /// More bytes are needed to tell.
    Partial,
    /// Not a PROXY header.
    Absent,
    /// A header.
    Header(Header),
}

/// A header that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its version.
    pub version: Version,
    /// Its length in bytes; application bytes follow.
    pub consumed: usize,
    /// Both ends; `None`: `UNKNOWN`, `LOCAL`, `UNSPEC` or Unix sockets, use the real peer.
    pub addresses: Option<Addresses>,
    /// Datagrams.
    pub datagram: bool,
    /// The addition `UNIQUE_ID`.
    pub unique_id: Option<Box<[u8]>>,
}

/// Both ends of the connection, v4-mapped addresses unmapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The visitor.
    pub source: SocketAddr,
    /// What the visitor reached.
    pub destination: SocketAddr,
}

/// Why a header was refused; the connection is closed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// A line of version 1 that is too long or malformed.
    #[error("malformed PROXY line")]
    Line,
    /// A version, command or family of version 2 that does not exist.
    #[error("unknown version, command or family in the PROXY header")]
    Word,
    /// A length that is too large, or too small for the addresses.
    #[error("impossible length in the PROXY header")]
    Length,
    /// An addition that does not fit.
    #[error("malformed addition in the PROXY header")]
    Tlv,
    /// The checksum is wrong.
    #[error("wrong checksum of the PROXY header")]
    Checksum,
    /// It came in too many pieces.
    #[error("the PROXY header came in more than {MAX_READS} pieces")]
    TooManyReads,
}

/// Counts the reads a header takes.
#[derive(Debug, Default, Clone)]
pub struct Reader {
    reads: u32,
}

impl Reader {
    /// Looks at everything received so far, once after each read.
    ///
    /// # Errors
    /// [`ProxyError`], also [`ProxyError::TooManyReads`].
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Parse, ProxyError> {
        self.reads += 1;
        match parse(bytes)? {
            Parse::Partial if self.reads >= MAX_READS => Err(ProxyError::TooManyReads),
            other => Ok(other),
        }
    }
}

/// Looks for a header at the start of `bytes`.
///
/// # Errors
/// [`ProxyError`] if one starts there but is not right.
pub fn parse(bytes: &[u8]) -> Result<Parse, ProxyError> {
    if bytes.starts_with(&SIGNATURE) {
        binary(bytes)
    } else if bytes.starts_with(V1_START) {
        line(bytes)
    } else if SIGNATURE.starts_with(bytes) || V1_START.starts_with(bytes) {
        Ok(Parse::Partial)
    } else {
        Ok(Parse::Absent)
    }
}

fn line(bytes: &[u8]) -> Result<Parse, ProxyError> {
    let window = bytes.get(..MAX_V1).unwrap_or(bytes);
    let Some(end) = window.iter().position(|b| *b == b'\n') else {
        return if bytes.len() >= MAX_V1 {
            Err(ProxyError::Line)
        } else {
            Ok(Parse::Partial)
        };
    };
    let text = window
        .get(V1_START.len()..end)
        .and_then(|text| text.strip_suffix(b"\r"))
        .and_then(|text| std::str::from_utf8(text).ok())
        .ok_or(ProxyError::Line)?;
    let mut words = text.split(' ');
    let family = words.next().unwrap_or_default();
    let addresses = if family == "UNKNOWN" {
        None
    } else {
        let mut word = || words.next().ok_or(ProxyError::Line);
        let (from, to, from_port, to_port) = (word()?, word()?, word()?, word()?);
        if words.next().is_some() {
            return Err(ProxyError::Line);
        }
        let address: fn(&str) -> Option<IpAddr> = match family {
            "TCP4" => |text| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => |text| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => return Err(ProxyError::Line),
        };
        let end = |ip: &str, digits: &str| Some(SocketAddr::new(canonical_ip(address(ip)?), port(digits)?));
        Some(Addresses {
            source: end(from, from_port).ok_or(ProxyError::Line)?,
            destination: end(to, to_port).ok_or(ProxyError::Line)?,
        })
    };
    Ok(Parse::Header(Header {
        version: Version::V1,
        consumed: end + 1,
        addresses,
        datagram: false,
        unique_id: None,
    }))
}

/// 0–65535, without leading zeros.
fn port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}

fn binary(bytes: &[u8]) -> Result<Parse, ProxyError> {
    let Some([word, family, high, low]) = bytes.get(12..V2_HEAD).and_then(|b| b.first_chunk()) else {
        return Ok(Parse::Partial);
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length > MAX_V2_REST {
        return Err(ProxyError::Length);
    }
    let (local, size) = match (*word, *family) {
        (0x20, _) => (true, 0),
        (0x21, 0x00) => (false, 0),
        (0x21, 0x11 | 0x12) => (false, 12),
        (0x21, 0x21 | 0x22) => (false, 36),
        (0x21, 0x31 | 0x32) => (false, 216),
        _ => return Err(ProxyError::Word),
    };
    if length < size {
        return Err(ProxyError::Length);
    }
    let consumed = V2_HEAD + length;
    let Some(rest) = bytes.get(V2_HEAD..consumed) else {
        return Ok(Parse::Partial);
    };
    let mut header = Header {
        version: Version::V2,
        consumed,
        addresses: None,
        datagram: false,
        unique_id: None,
    };
    if local {
        // Whatever follows is to be skipped, the family included.
        return Ok(Parse::Header(header));
    }
    let (ends, tlvs) = rest.split_at_checked(size).ok_or(ProxyError::Length)?;
    header.addresses = addresses(ends);
    header.datagram = matches!(family, 0x12 | 0x22);
    header.unique_id = additions(bytes.get(..consumed).unwrap_or_default(), tlvs)?;
    Ok(Parse::Header(header))
}

fn addresses(ends: &[u8]) -> Option<Addresses> {
    let (ips, ports) = ends.split_last_chunk::<4>()?;
    let (from, to) = ips.split_at(ips.len() / 2);
    let ip = |octets: &[u8]| -> Option<IpAddr> {
        match octets.len() {
            4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
            16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
            _ => None,
        }
    };
    let [a, b, c, d] = *ports;
    Some(Addresses {
        source: SocketAddr::new(canonical_ip(ip(from)?), u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(canonical_ip(ip(to)?), u16::from_be_bytes([c, d])),
    })
}

/// Walks the additions: checks the checksum, returns the unique id.
fn additions(whole: &[u8], tlvs: &[u8]) -> Result<Option<Box<[u8]>>, ProxyError> {
    let mut rest = tlvs;
    let mut unique_id = None;
    let mut checked = false;
    while !rest.is_empty() {
        let ([kind, high, low], behind) = rest.split_first_chunk::<3>().ok_or(ProxyError::Tlv)?;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, behind) = behind.split_at_checked(length).ok_or(ProxyError::Tlv)?;
        match *kind {
            TYPE_CRC32C => {
                if std::mem::replace(&mut checked, true) {
                    return Err(ProxyError::Tlv);
                }
                let sum = <[u8; 4]>::try_from(value).map_err(|_| ProxyError::Tlv)?;
                // The checksum is made with its own place full of zeros.
                let place = whole.len() - behind.len() - value.len();
                let before = whole.get(..place).unwrap_or_default();
                if crc32c(&[before, &[0; 4], behind]) != u32::from_be_bytes(sum) {
                    return Err(ProxyError::Checksum);
                }
            }
            TYPE_UNIQUE_ID => {
                if length > MAX_UNIQUE_ID {
                    return Err(ProxyError::Tlv);
                }
                unique_id = Some(value.into());
            }
            _ => {}
        }
        rest = behind;
    }
    Ok(unique_id)
}
