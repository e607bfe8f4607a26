//! Why a URL was refused, with ngrok's number for the cause.

use super::{MAX_INTERNAL_DEPTH, Scheme};
use crate::code::ErrorCode;
use crate::host::{CanonicalHost, HostError};

/// Why a URL was refused. The text names the part and its value, never credentials in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The host is not a name.
    #[error("invalid host in the URL {url:?}: {error}")]
    Host {
        /// The text asked for.
        url: Box<str>,
        /// What is wrong with it.
        #[source]
        error: HostError,
    },
    /// The suffix is not reachable over the internet and not configured.
    #[error(
        "the host {host} cannot be public: its suffix {suffix:?} is in no public suffix list, below no base domain of this server and not in domains.private_suffixes"
    )]
    Suffix {
        /// The host.
        host: CanonicalHost,
        /// Its last label.
        suffix: Box<str>,
    },
    /// `internal` without a host.
    #[error("an endpoint with the binding \"internal\" needs a host name that ends in .internal")]
    InternalHostMissing,
    /// `internal` with a host that does not end in `.internal`.
    #[error("the host {0} does not end in .internal, which the binding \"internal\" requires")]
    InternalHost(CanonicalHost),
    /// Port outside 1–65535.
    #[error("invalid port in the URL {0:?}: ports go from 1 to 65535")]
    PortRange(Box<str>),
    /// Too many labels before `.internal`.
    #[error("the host {host} has {depth} labels before .internal, at most {MAX_INTERNAL_DEPTH} are allowed")]
    Depth {
        /// The host.
        host: CanonicalHost,
        /// Labels before `.internal`.
        depth: usize,
    },
    /// A kubernetes host that is not `service.namespace`.
    #[error("the host {0} is not of the form service.namespace, which the binding \"kubernetes\" requires")]
    KubernetesHost(CanonicalHost),
    /// Port with other characters than digits.
    #[error("the URL {0:?} has a port that is not a number")]
    PortNumber(Box<str>),
    /// Not a URL.
    #[error("malformed URL {url:?}: {reason}")]
    Malformed {
        /// The text asked for.
        url: Box<str>,
        /// What could not be read.
        reason: &'static str,
    },
    /// A port that this scheme does not have here.
    #[error("invalid port for a URL with the scheme {scheme}, allowed: {allowed}")]
    PortForScheme {
        /// The scheme.
        scheme: Scheme,
        /// Allowed ports in words.
        allowed: String,
    },
    /// A scheme that does not exist, or not here.
    #[error("invalid scheme {given:?}, allowed: {allowed}")]
    Scheme {
        /// The scheme given.
        given: Box<str>,
        /// The schemes that would do.
        allowed: &'static str,
    },
    /// A part that endpoint URLs do not have.
    #[error("Invalid URL {url}, {part} {value} is not allowed")]
    Part {
        /// The text asked for.
        url: Box<str>,
        /// Its name: userinfo, path, query, fragment.
        part: &'static str,
        /// Its value.
        value: Box<str>,
    },
    /// A trailing slash.
    #[error("Invalid URL, a trailing '/' is not allowed. Did you mean {0}?")]
    TrailingSlash(Box<str>),
    /// `kubernetes` without a host.
    #[error("an endpoint with the binding \"kubernetes\" needs a host name service.namespace")]
    KubernetesHostMissing,
    /// A scheme that the binding `kubernetes` does not carry.
    #[error("endpoints with the binding \"kubernetes\" are http or tcp, not {0}")]
    KubernetesScheme(Scheme),
}

impl UrlError {
    /// The code of this error (agent protocol 6.1, edge 2.2).
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Host { error, .. } => error.code(),
            Self::Suffix { .. } => ErrorCode::NGROK_331,
            Self::InternalHostMissing => ErrorCode::NGROK_9028,
            Self::InternalHost(_) => ErrorCode::NGROK_9029,
            Self::PortRange(_) => ErrorCode::NGROK_9030,
            Self::Depth { .. } => ErrorCode::NGROK_9031,
            Self::KubernetesHost(_) => ErrorCode::NGROK_9032,
            Self::PortNumber(_) => ErrorCode::NGROK_9033,
            Self::Malformed { .. } => ErrorCode::NGROK_9034,
            Self::PortForScheme { .. } => ErrorCode::NGROK_9035,
            Self::Scheme { .. } => ErrorCode::NGROK_9036,
            Self::Part { .. } => ErrorCode::NGROK_9037,
            Self::TrailingSlash(_) => ErrorCode::NGROK_9038,
            Self::KubernetesHostMissing => ErrorCode::NGROK_9039,
            Self::KubernetesScheme(_) => ErrorCode::NGROK_9041,
        }
    }
}
