//! Request targets and hosts (RFC 9112 3.2, 3.3): checked, never rewritten.
//!
//! Path and query stay byte for byte what was sent, `<>"\^` and backquote
//! included: policy and upstream have to see the same bytes.

use std::net::Ipv6Addr;

use crate::head::{Head, Span, Version};
use crate::known::Known;
use crate::refuse::RefusalKind;
use crate::scan;

/// The four forms of a request target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// `/path?query`.
    #[default]
    Origin,
    /// `scheme://authority/path?query`.
    Absolute,
    /// `host:port`, only with CONNECT.
    Authority,
    /// `*`, only with OPTIONS.
    Asterisk,
}

/// The form of `target`, if `method` may have it.
pub(crate) fn form(method: &[u8], target: &[u8]) -> Result<Form, RefusalKind> {
    if scan::target_len(target) != target.len() {
        return Err(RefusalKind::Target);
    }
    if method == b"CONNECT" {
        return match split_port(target) {
            Some((_, Some(_))) => Ok(Form::Authority),
            _ => Err(RefusalKind::Target),
        };
    }
    match target {
        [b'/', ..] => Ok(Form::Origin),
        b"*" if method == b"OPTIONS" => Ok(Form::Asterisk),
        _ => {
            let (authority, _) = split_absolute(target).ok_or(RefusalKind::Target)?;
            if is_valid_host(authority) {
                Ok(Form::Absolute)
            } else {
                Err(RefusalKind::TargetAuthority)
            }
        }
    }
}

/// Authority, and what follows it, of an absolute form.
fn split_absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = target.iter().position(|&b| b == b':')?;
    let (scheme, rest) = target.split_at_checked(colon)?;
    let first = scheme.first()?;
    if !first.is_ascii_alphabetic()
        || !scheme
            .iter()
            .all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    {
        return None;
    }
    let rest = rest.strip_prefix(b"://")?;
    let end = rest.iter().position(|&b| b == b'/' || b == b'?').unwrap_or(rest.len());
    rest.split_at_checked(end)
}

/// Host and port of `host[:port]`; `None` if it is neither.
fn split_port(host: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let (name, port) = if host.first() == Some(&b'[') {
        let end = host.iter().position(|&b| b == b']')?;
        let (literal, rest) = host.split_at_checked(end + 1)?;
        let inner = literal.get(1..end)?;
        std::str::from_utf8(inner).ok()?.parse::<Ipv6Addr>().ok()?;
        (literal, rest)
    } else {
        let end = host.iter().position(|&b| !scan::is_host_byte(b)).unwrap_or(host.len());
        if end == 0 {
            return None;
        }
        host.split_at_checked(end)?
    };
    match port {
        [] => Some((name, None)),
        [b':', digits @ ..] if (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => {
            let port = digits.iter().fold(0u32, |sum, &b| sum * 10 + u32::from(b - b'0'));
            let port = u16::try_from(port).ok().filter(|&port| port != 0)?;
            Some((name, Some(port)))
        }
        _ => None,
    }
}

/// Whether `host` is a host with an optional port as HTTP requests name it:
/// letters, digits, `-`, `.`, `_`, or an IPv6 literal in brackets, then
/// nothing or `:` and 1 to 65535.
///
/// Narrower than RFC 3986 3.2.2: percent escapes, sub-delimiters, user
/// information and bytes from 0x80 are refused, since no name that is looked
/// up has them and parsers differ about them. What a name may look like in
/// detail is not decided here.
#[must_use]
pub fn is_valid_host(host: &[u8]) -> bool {
    split_port(host).is_some()
}

/// One valid `Host`, equal to the authority of an absolute target.
pub(crate) fn check_host(head: &Head) -> Result<(), RefusalKind> {
    let mut hosts = head.get_all(Known::Host);
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(RefusalKind::HostRepeated);
    }
    let Some(host) = host else {
        return if head.version() == Version::Http10 {
            Ok(())
        } else {
            Err(RefusalKind::HostMissing)
        };
    };
    if !is_valid_host(host) {
        return Err(RefusalKind::HostInvalid);
    }
    match split_absolute(head.target()).filter(|_| head.form() == Form::Absolute) {
        Some((authority, _)) if !authority.eq_ignore_ascii_case(host) => Err(RefusalKind::HostMismatch),
        _ => Ok(()),
    }
}

impl Head {
    /// The host a request is for, with its port if it has one: the field
    /// `Host`, or else the authority of an absolute target. `None` is possible
    /// for HTTP/1.0 only.
    #[must_use]
    pub fn host(&self) -> Option<&[u8]> {
        self.get(Known::Host).or_else(|| match self.form() {
            Form::Absolute => split_absolute(self.target()).map(|(authority, _)| authority),
            Form::Authority => Some(self.target()),
            Form::Origin | Form::Asterisk => None,
        })
    }

    /// Path and query of a request, byte for byte: what follows the authority
    /// of an absolute target (may be empty or begin with `?`), `*`, or nothing
    /// for CONNECT.
    #[must_use]
    pub fn path_and_query(&self) -> &[u8] {
        match self.form() {
            Form::Origin | Form::Asterisk => self.target(),
            Form::Absolute => split_absolute(self.target()).map_or(&[], |(_, rest)| rest),
            Form::Authority => &[],
        }
    }

    /// The part of [`Head::path_and_query`] before the first `?`.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        let all = self.path_and_query();
        let end = all.iter().position(|&b| b == b'?').unwrap_or(all.len());
        all.get(..end).unwrap_or_default()
    }

    /// The part after the first `?`; `None` if there is no `?`.
    #[must_use]
    pub fn query(&self) -> Option<&[u8]> {
        let all = self.path_and_query();
        let mark = all.iter().position(|&b| b == b'?')?;
        all.get(mark + 1..)
    }

    /// Turns an absolute target into the form an origin server is sent
    /// (RFC 9112 3.2.1, 3.2.4): `/` for an empty path, `*` for OPTIONS without
    /// path and query. Other forms stay.
    pub fn to_origin_form(&mut self) {
        if self.form() != Form::Absolute {
            return;
        }
        let end = self.target.at + self.target.len;
        let rest = self.path_and_query();
        let len = rest.len() as u32;
        let (span, form) = match rest.first() {
            Some(b'/') => (Span { at: end - len, len }, Form::Origin),
            first => {
                let prefix: &[u8] = if first.is_none() && self.method() == b"OPTIONS" {
                    b"*"
                } else {
                    b"/"
                };
                let form = if prefix == b"*" { Form::Asterisk } else { Form::Origin };
                let from = (end - len) as usize..end as usize;
                let Some(at) = self.fields.append(prefix) else {
                    return;
                };
                self.fields.bytes.extend_from_within(from);
                (Span { at, len: len + 1 }, form)
            }
        };
        self.target = span;
        self.form = form;
    }
}
