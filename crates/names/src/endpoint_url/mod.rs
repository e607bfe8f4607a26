//! The URL an endpoint is reached under, and how what somebody asked for becomes one.
//!
//! Two steps, because only the second needs to know this installation:
//! 1. [`Wish::parse`]: the grammar `[scheme "://"] [host] [":" port]` (agent protocol 6.1).
//! 2. [`Wish::resolve`]: binding, default port, public suffix, against [`UrlRules`] (edge 2.2). What
//!    is left open (a random name, any free port) comes back as [`Address::RandomName`] or
//!    [`Address::RandomPort`] for the caller to fill.
//!
//! An [`EndpointUrl`] is canonical: equal URLs are equal values, and its text is what the public
//! uses (the port is the public one, shown only if it is not the scheme's default).

mod error;
mod rules;
mod wish;

use std::fmt;

use crate::host::CanonicalHost;

pub use error::UrlError;
pub use rules::UrlRules;
pub use wish::{Address, Wish};

/// Longest URL text that is looked at, in bytes.
pub const MAX_URL: usize = 2048;
/// Most labels in front of `.internal` (edge 2.1).
pub const MAX_INTERNAL_DEPTH: usize = 5;

/// What visitors speak to the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS that ends at the edge.
    Https,
    /// TLS, routed by its server name.
    Tls,
    /// Bytes on a port of its own.
    Tcp,
    /// Datagrams on a port of its own (Adit's addition).
    Udp,
}

impl Scheme {
    /// From its name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Http, Self::Https, Self::Tls, Self::Tcp, Self::Udp]
            .into_iter()
            .find(|scheme| name.eq_ignore_ascii_case(scheme.as_str()))
    }

    /// Its name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tls => "tls",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// The port that is not shown; `None`: the port is part of the name.
    #[must_use]
    pub const fn default_port(self) -> Option<u16> {
        match self {
            Self::Http => Some(80),
            Self::Https | Self::Tls => Some(443),
            Self::Tcp | Self::Udp => None,
        }
    }

    /// Which of these own the same thing: `https` and `tls` both own the name on the TLS port.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Http => Class::Http,
            Self::Https | Self::Tls => Class::Sni,
            Self::Tcp => Class::Tcp,
            Self::Udp => Class::Udp,
        }
    }

    /// Is the endpoint found by its host name (and not by its port)?
    #[must_use]
    pub const fn by_name(self) -> bool {
        matches!(self, Self::Http | Self::Https | Self::Tls)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Class of a claim (edge 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// A name on the TLS port.
    Sni,
    /// A name on the plain port.
    Http,
    /// A TCP port.
    Tcp,
    /// A UDP port.
    Udp,
}

/// From where the endpoint can be reached (edge 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Binding {
    /// From the public listeners.
    #[default]
    Public,
    /// Only from other endpoints of the organisation; the host ends in `.internal`.
    Internal,
    /// From the organisation's Kubernetes operators; the host is `service.namespace`.
    Kubernetes,
}

impl Binding {
    /// From its name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Public, Self::Internal, Self::Kubernetes]
            .into_iter()
            .find(|binding| name.eq_ignore_ascii_case(binding.as_str()))
    }

    /// Its name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Kubernetes => "kubernetes",
        }
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A canonical endpoint URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointUrl {
    scheme: Scheme,
    binding: Binding,
    host: CanonicalHost,
    port: u16,
}

impl EndpointUrl {
    /// From parts that are known to fit together.
    #[must_use]
    pub const fn new(scheme: Scheme, binding: Binding, host: CanonicalHost, port: u16) -> Self {
        Self {
            scheme,
            binding,
            host,
            port,
        }
    }

    /// Reads back what `Display` wrote, with the binding kept beside it. Says nothing about
    /// whether this installation would give the URL out; see [`Wish::resolve`] for that.
    ///
    /// # Errors
    /// [`UrlError`] if scheme or host is missing, or the port of a `tcp`/`udp` URL.
    pub fn from_canonical(text: &str, binding: Binding) -> Result<Self, UrlError> {
        let wish = Wish::parse(text)?;
        let malformed = |reason| UrlError::Malformed {
            url: shown(text),
            reason,
        };
        let scheme = wish.scheme.ok_or_else(|| malformed("the scheme is missing"))?;
        let host = wish.host.ok_or_else(|| malformed("the host is missing"))?;
        let port = wish
            .port
            .or_else(|| scheme.default_port())
            .ok_or_else(|| malformed("the port is missing"))?;
        Ok(Self {
            scheme,
            binding,
            host,
            port,
        })
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// From where it can be reached.
    #[must_use]
    pub const fn binding(&self) -> Binding {
        self.binding
    }

    /// The host.
    #[must_use]
    pub const fn host(&self) -> &CanonicalHost {
        &self.host
    }

    /// The port as the public sees it.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, always with the port.
    #[must_use]
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if self.scheme.default_port() == Some(self.port) {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

/// At most 128 bytes of a value, for error texts.
fn shown(text: &str) -> Box<str> {
    if text.len() <= 128 {
        return text.into();
    }
    let cut = (0..=125).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}…", text.get(..cut).unwrap_or_default()).into()
}
