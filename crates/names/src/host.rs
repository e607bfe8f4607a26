//! The canonical form of a host name.
//!
//! Router, policy, certificates and events must all see the same bytes for the same name, so there
//! is one place that makes them: lower case, no trailing dot, LDH labels, valid A-labels (RFC 5890).
//! Two doors lead in:
//! - [`Authority::parse`] and [`CanonicalHost::from_server_name`] for what visitors send. ASCII only,
//!   no wildcard, no allocation when the bytes are canonical already (the common case).
//! - [`CanonicalHost::for_endpoint`] for what somebody wants to bind or reserve. U-labels become
//!   A-labels, a leading `*.` is allowed, and every refusal has ngrok's number.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::code::ErrorCode;

/// Labels directly below the base domain that belong to the server, with all below them (edge 3.1).
pub const RESERVED_LABELS: &[&str] = &[
    "connect",
    "api",
    "dashboard",
    "idp",
    "tcp",
    "udp",
    "bindings",
    "status",
    "cname",
    "acme",
    "ns1",
    "ns2",
    "ns3",
    "ns4",
    "www",
    "mail",
    "admin",
    "root",
];

/// Longest name in bytes, without a trailing dot (RFC 1035 section 2.3.4: 255 on the wire).
pub const MAX_NAME: usize = 253;
/// Longest label in bytes (RFC 1035 section 2.3.4).
pub const MAX_LABEL: usize = 63;

/// A host name in canonical form, perhaps a wildcard (`*.example.com`). Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalHost(Arc<str>);

/// Why a name is not one.
///
/// The texts say what is wrong with the name, without the name itself (callers add it, bounded).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// No name at all.
    #[error("the host name is empty")]
    Empty,
    /// A byte or character that host names cannot have.
    #[error("invalid character {0:?} in the host name: only a-z, 0-9, '-' and '.' are allowed, and a first label '*'")]
    Character(char),
    /// An underscore: legal in DNS, not in host names (RFC 1123 section 2.1).
    #[error("invalid '_' in the host name: host names have no underscores")]
    Underscore,
    /// Two dots in a row, or a dot in front.
    #[error("the host name has an empty label ('..' or a leading '.')")]
    EmptyLabel,
    /// A label that starts with a hyphen.
    #[error("the label {0:?} starts with '-': labels start with a letter, a digit or are '*'")]
    FirstCharacter(Box<str>),
    /// A label that ends with a hyphen.
    #[error("the label {0:?} ends with '-': labels end with a letter or a digit")]
    LastCharacter(Box<str>),
    /// `--` in positions 3 and 4 without the prefix `xn--` (RFC 5891 section 4.2.3.1).
    #[error("'--' in positions 3 and 4 of a label is only for 'xn--' names")]
    Hyphens34,
    /// An `xn--` label or U-label that is not valid (RFC 5891).
    #[error("the host name has an invalid internationalised label")]
    Idna,
    /// A label of more than 63 bytes.
    #[error("a label of the host name is longer than 63 bytes")]
    LabelTooLong,
    /// A name of more than 253 bytes.
    #[error("the host name is longer than 253 bytes")]
    NameTooLong,
    /// One label only.
    #[error("the host name is not a fully qualified domain name: it has no dot")]
    NotQualified,
    /// An address instead of a name.
    #[error("the host is an IP address, not a name")]
    IpLiteral,
    /// A port that is none (1–65535, digits only).
    #[error("the port after the host is not a number from 1 to 65535")]
    Port,
}

impl HostError {
    /// The code for somebody who wants to bind or reserve this name (edge 2.2).
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Empty | Self::Character(_) | Self::IpLiteral => ErrorCode::NGROK_326,
            Self::Underscore => ErrorCode::NGROK_355,
            Self::EmptyLabel => ErrorCode::NGROK_327,
            Self::FirstCharacter(_) => ErrorCode::NGROK_328,
            Self::LastCharacter(_) => ErrorCode::NGROK_329,
            Self::Hyphens34 => ErrorCode::NGROK_330,
            Self::Idna => ErrorCode::NGROK_347,
            Self::LabelTooLong => ErrorCode::NGROK_396,
            Self::NameTooLong => ErrorCode::NGROK_397,
            Self::NotQualified => ErrorCode::NGROK_448,
            Self::Port => ErrorCode::NGROK_9030,
        }
    }
}

/// What a visitor's `Host` header or `:authority` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The name or address in front of the port.
    pub host: Host<'a>,
    /// The port, if one was written.
    pub port: Option<u16>,
}

/// A name or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host<'a> {
    /// A canonical name; borrowed when the bytes were canonical already.
    Name(Cow<'a, str>),
    /// An IPv4 or bracketed IPv6 literal.
    Address(IpAddr),
}

impl<'a> Authority<'a> {
    /// Reads a `Host` header or `:authority` value (edge 2.5, RFC 9110 section 7.2).
    ///
    /// One trailing dot is removed. Refused: userinfo, `%`, spaces, underscores, non-ASCII bytes,
    /// empty or overlong labels, invalid A-labels, ports outside 1–65535.
    ///
    /// # Errors
    /// [`HostError`]; visitors get 400 for each of them.
    pub fn parse(value: &'a [u8]) -> Result<Self, HostError> {
        if value.first() == Some(&b'[') {
            let end = value.iter().position(|b| *b == b']').ok_or(HostError::Character('['))?;
            let inner = value.get(1..end).unwrap_or_default();
            let text = std::str::from_utf8(inner).map_err(|_| HostError::Character('['))?;
            let address: Ipv6Addr = text.parse().map_err(|_| HostError::Character('['))?;
            let port = match value.get(end + 1..).unwrap_or_default() {
                [] => None,
                [b':', digits @ ..] => Some(port_number(digits)?),
                _ => return Err(HostError::Character(']')),
            };
            return Ok(Self {
                host: Host::Address(crate::cidr::canonical_ip(IpAddr::V6(address))),
                port,
            });
        }
        let (name, port) = match value.iter().position(|b| *b == b':') {
            Some(colon) => (
                value.get(..colon).unwrap_or_default(),
                Some(port_number(value.get(colon + 1..).unwrap_or_default())?),
            ),
            None => (value, None),
        };
        let name = name.strip_suffix(b".").unwrap_or(name);
        if let Some(address) = ipv4(name) {
            return Ok(Self {
                host: Host::Address(IpAddr::V4(address)),
                port,
            });
        }
        Ok(Self {
            host: Host::Name(visitor_name(name)?),
            port,
        })
    }
}

/// The canonical form of the SNI in a ClientHello, without allocation if it is canonical already.
///
/// # Errors
/// [`HostError`]: an address (RFC 6066 section 3 forbids literals), or not a host name. The edge
/// treats both like a missing SNI.
pub fn server_name(raw: &[u8]) -> Result<Cow<'_, str>, HostError> {
    let name = raw.strip_suffix(b".").unwrap_or(raw);
    if ipv4(name).is_some() || name.contains(&b':') {
        return Err(HostError::IpLiteral);
    }
    visitor_name(name)
}

impl CanonicalHost {
    /// From the SNI of a ClientHello. See [`server_name`] for the form that does not allocate.
    ///
    /// # Errors
    /// As [`server_name`].
    pub fn from_server_name(raw: &[u8]) -> Result<Self, HostError> {
        server_name(raw).map(|name| Self(name.into()))
    }

    /// From a `Host` header or `:authority`. See [`Authority::parse`] for the form that does not
    /// allocate and accepts addresses.
    ///
    /// # Errors
    /// As [`Authority::parse`], and [`HostError::IpLiteral`] for an address.
    pub fn from_host_header(value: &[u8]) -> Result<(Self, Option<u16>), HostError> {
        let authority = Authority::parse(value)?;
        match authority.host {
            Host::Name(name) => Ok((Self(name.into()), authority.port)),
            Host::Address(_) => Err(HostError::IpLiteral),
        }
    }

    /// From a name that somebody wants to bind or reserve: U-labels become A-labels, `*.` in front
    /// is allowed, at least two labels (a wildcard: two behind the star).
    ///
    /// # Errors
    /// [`HostError`], with ngrok's number in [`HostError::code`].
    pub fn for_endpoint(name: &str) -> Result<Self, HostError> {
        let host = Self::any_depth(name)?;
        let labels = host.base_of_wildcard().unwrap_or(&host.0);
        if labels.contains('.') {
            Ok(host)
        } else {
            Err(HostError::NotQualified)
        }
    }

    /// As [`Self::for_endpoint`], but one label is enough (`localhost` as a base domain).
    ///
    /// # Errors
    /// [`HostError`].
    pub fn any_depth(name: &str) -> Result<Self, HostError> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() {
            return Err(HostError::Empty);
        }
        if is_ip_form(name) {
            return Err(HostError::IpLiteral);
        }
        let (star, rest) = match name.strip_prefix("*.") {
            Some(rest) => ("*.", rest),
            None => ("", name),
        };
        // The star counts towards the length: "*." + 252 would be a name of 254 bytes.
        let checked = if rest.is_ascii() {
            if name.len() > MAX_NAME {
                return Err(HostError::NameTooLong);
            }
            check(rest.as_bytes(), true)?;
            rest.to_ascii_lowercase()
        } else {
            // What IDNA would map away silently must not hide a wrong ASCII character.
            if let Some(c) = rest
                .chars()
                .find(|c| c.is_ascii() && !matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.'))
            {
                return Err(if c == '_' {
                    HostError::Underscore
                } else {
                    HostError::Character(c)
                });
            }
            if rest.len() > 4 * MAX_NAME {
                return Err(HostError::NameTooLong);
            }
            let ascii = idna::domain_to_ascii_strict(rest).map_err(|_| too_long(rest).unwrap_or(HostError::Idna))?;
            if star.len() + ascii.len() > MAX_NAME {
                return Err(HostError::NameTooLong);
            }
            check(ascii.as_bytes(), true)?;
            ascii
        };
        Ok(Self(if star.is_empty() {
            checked.into()
        } else {
            format!("{star}{checked}").into()
        }))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is this `*.something`?
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// `example.com` of `*.example.com`; `None` if this is no wildcard.
    #[must_use]
    pub fn base_of_wildcard(&self) -> Option<&str> {
        self.0.strip_prefix("*.")
    }

    /// Is this name below `base`, by at least one label? A wildcard `*.base` is below `base`.
    #[must_use]
    pub fn is_below(&self, base: &str) -> bool {
        is_below(&self.0, base)
    }

    /// Does this name, as a pattern, cover `name`? Exact names cover themselves, `*.example.com`
    /// covers any depth below `example.com` but not `example.com`.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        match self.base_of_wildcard() {
            Some(base) => is_below(name, base),
            None => *self.0 == *name,
        }
    }

    /// The labels from left to right, the star included.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// `sub.<self>`.
    ///
    /// # Errors
    /// As [`Self::for_endpoint`] for the whole name.
    pub fn child(&self, sub: &str) -> Result<Self, HostError> {
        Self::for_endpoint(&format!("{sub}.{}", self.0))
    }
}

/// Is `name` below `base`, by at least one label? Both canonical.
#[must_use]
pub fn is_below(name: &str, base: &str) -> bool {
    name.strip_suffix(base)
        .is_some_and(|front| front.len() > 1 && front.ends_with('.'))
}

/// Is this canonical name a public suffix, below which names belong to many (`co.uk`, `github.io`)?
#[must_use]
pub fn is_public_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix.as_bytes() == name.as_bytes())
}

/// Is this canonical name a public suffix that one provider shares with its customers (`github.io`, not `co.uk`)?
#[must_use]
pub fn is_shared_suffix(name: &str) -> bool {
    is_public_suffix(name) && psl::suffix(name.as_bytes()).and_then(|s| s.typ()) == Some(psl::Type::Private)
}

/// Is this the form of an address: IPv4, or IPv6 with or without brackets?
#[must_use]
pub fn is_ip_form(name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().is_ok() || ipv4(bare.as_bytes()).is_some()
}

/// Visitors' names: ASCII, no wildcard.
fn visitor_name(name: &[u8]) -> Result<Cow<'_, str>, HostError> {
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(HostError::NameTooLong);
    }
    check(name, false)?;
    // `check` has let only ASCII through.
    let text = std::str::from_utf8(name).map_err(|_| HostError::Idna)?;
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Ok(Cow::Owned(text.to_ascii_lowercase()))
    } else {
        Ok(Cow::Borrowed(text))
    }
}

/// The rules for labels. Wildcards are the caller's business; `reserved_hyphens` says whether `--` in
/// positions 3 and 4 is refused: nobody binds such a name, but visitors of a wildcard may ask for one.
fn check(name: &[u8], reserved_hyphens: bool) -> Result<(), HostError> {
    if let Some(bad) = name
        .iter()
        .find(|b| !matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.'))
    {
        return Err(match bad {
            b'_' => HostError::Underscore,
            b if b.is_ascii() => HostError::Character(char::from(*b)),
            _ => HostError::Character(char::REPLACEMENT_CHARACTER),
        });
    }
    for label in name.split(|b| *b == b'.') {
        match label {
            [] => return Err(HostError::EmptyLabel),
            [b'-', ..] => return Err(HostError::FirstCharacter(shown(label))),
            [.., b'-'] => return Err(HostError::LastCharacter(shown(label))),
            _ if label.len() > MAX_LABEL => return Err(HostError::LabelTooLong),
            [b'x' | b'X', b'n' | b'N', b'-', b'-', ..] => a_label(label)?,
            [_, _, b'-', b'-', ..] if reserved_hyphens => return Err(HostError::Hyphens34),
            _ => {}
        }
    }
    Ok(())
}

/// Whether IDNA refuses a name only because it is too long in its ASCII form.
fn too_long(name: &str) -> Option<HostError> {
    let ascii = idna::domain_to_ascii(name).ok()?;
    if ascii.split('.').any(|label| label.len() > MAX_LABEL) {
        return Some(HostError::LabelTooLong);
    }
    (ascii.len() > MAX_NAME).then_some(HostError::NameTooLong)
}

/// An A-label is valid if it decodes, and encodes again to the same bytes.
fn a_label(label: &[u8]) -> Result<(), HostError> {
    let text = std::str::from_utf8(label).map_err(|_| HostError::Idna)?;
    let (unicode, outcome) = idna::domain_to_unicode(text);
    outcome.map_err(|_| HostError::Idna)?;
    let again = idna::domain_to_ascii_strict(&unicode).map_err(|_| HostError::Idna)?;
    if again.eq_ignore_ascii_case(text) {
        Ok(())
    } else {
        Err(HostError::Idna)
    }
}

fn shown(label: &[u8]) -> Box<str> {
    String::from_utf8_lossy(label.get(..MAX_LABEL).unwrap_or(label)).into()
}

fn ipv4(name: &[u8]) -> Option<Ipv4Addr> {
    // Names almost never end in a digit: one look spares the parse.
    if !name.last()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(name).ok()?.parse().ok()
}

pub(crate) fn port_number(digits: &[u8]) -> Result<u16, HostError> {
    if digits.is_empty() || digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(HostError::Port);
    }
    let number = digits.iter().fold(0_u32, |n, d| n * 10 + u32::from(d - b'0'));
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(HostError::Port),
    }
}

impl fmt::Display for CanonicalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CanonicalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<str> for CanonicalHost {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for CanonicalHost {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for CanonicalHost {
    type Err = HostError;
    fn from_str(s: &str) -> Result<Self, HostError> {
        Self::any_depth(s)
    }
}
