//! What can go wrong in a TLS connection, in terms an operator understands.
//!
//! Every error says its [`ErrorKind`], on whose side the cause lies, which alert passed, and
//! whether another try could end otherwise. Errors met after the handshake travel through
//! `std::io::Error`; [`Error::from_io`] finds them again.

use std::fmt;
use std::io;

use crate::alert;
use crate::client_hello::HelloError;

/// An error of a handshake or of an established connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The ClientHello is malformed or too long; the alert named by it was sent.
    #[error("the ClientHello is unacceptable: {0}")]
    Hello(#[from] HelloError),
    /// The peer's certificate was not accepted by us.
    #[error("the peer's certificate was refused: {problem}{}{}", Named(" (subject ", .subject), Named(", issued by ", .issuer))]
    Certificate {
        /// What is wrong with it.
        problem: CertificateProblem,
        /// Who the end-entity certificate says it is: common name, else organisation.
        subject: Option<String>,
        /// Who it says issued it: common name, else organisation.
        issuer: Option<String>,
        /// Its serial number in lower-case hexadecimal digits.
        serial: Option<String>,
    },
    /// No identity exists for the name the client asked for; `unrecognized_name` was sent.
    #[error("no certificate for the requested name")]
    NoIdentity,
    /// The peer ended the connection with this fatal alert.
    #[error("the peer sent the alert {} ({code})", alert::name(*.code))]
    AlertReceived {
        /// Its number (RFC 8446 section 6).
        code: u8,
    },
    /// The peer broke the protocol, or nothing in common could be found.
    #[error("TLS failed: {message}")]
    Protocol {
        /// The alert that was sent for it, if any.
        alert: Option<u8>,
        /// What happened, for the log.
        message: String,
    },
    /// Reading from or writing to the socket failed, or the peer closed it in the middle of the
    /// handshake (`UnexpectedEof`).
    #[error("i/o failed: {0}")]
    Io(#[from] io::Error),
    /// The caller's own deadline passed. Made by the caller (`?` on `tokio::time::timeout` does
    /// it), since this crate sets no timers.
    #[error("timed out")]
    TimedOut,
    /// A certificate, key, root or name given to this crate is unusable.
    #[error("unusable TLS configuration: {0}")]
    Config(String),
}

/// Prints ` (prefix name)`-like parts only when the name is known.
struct Named<'a>(&'static str, &'a Option<String>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(name) if self.0.contains('(') => write!(f, "{}{name})", self.0),
            Some(name) => write!(f, "{}{name}", self.0),
            None => Ok(()),
        }
    }
}

/// The class of an [`Error`], for counting and for deciding what to tell the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The peer's certificate was refused by us.
    Certificate,
    /// The peer refused us with an alert.
    Alert,
    /// The protocol was broken, or nothing was in common.
    Protocol,
    /// The socket failed or was closed.
    Io,
    /// The caller's deadline passed.
    TimedOut,
    /// Our own configuration is at fault.
    Config,
}

/// Whose doing an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The peer's, or the network's between.
    Peer,
    /// Ours.
    Local,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// None was sent although one is required.
    Missing,
    /// Past its end.
    Expired,
    /// Before its begin.
    NotYetValid,
    /// On a revocation list.
    Revoked,
    /// The list on which it would stand is not known.
    RevocationUnknown,
    /// It does not name the host that was asked for.
    WrongName {
        /// The name asked for.
        expected: String,
        /// The names it has.
        presented: Vec<String>,
    },
    /// Its chain does not end at a trusted root.
    UnknownIssuer,
    /// It may not be used for this purpose (extended key usage).
    WrongPurpose,
    /// A signature in the chain or of the handshake does not verify.
    BadSignature,
    /// It cannot be parsed or is unacceptable for the named reason.
    Other(String),
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("none was presented"),
            Self::Expired => f.write_str("it has expired"),
            Self::NotYetValid => f.write_str("it is not valid yet"),
            Self::Revoked => f.write_str("it was revoked"),
            Self::RevocationUnknown => f.write_str("whether it was revoked is not known"),
            Self::WrongName { expected, presented } if presented.is_empty() => {
                write!(f, "it is not valid for {expected}")
            }
            Self::WrongName { expected, presented } => {
                write!(f, "it is not valid for {expected}, but for {}", presented.join(", "))
            }
            Self::UnknownIssuer => f.write_str("its issuer is not trusted"),
            Self::WrongPurpose => f.write_str("it was not issued for this purpose"),
            Self::BadSignature => f.write_str("a signature does not verify"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

impl Error {
    /// The class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Certificate { .. } => ErrorKind::Certificate,
            Self::AlertReceived { .. } => ErrorKind::Alert,
            Self::Hello(_) | Self::Protocol { .. } | Self::NoIdentity => ErrorKind::Protocol,
            Self::Io(_) => ErrorKind::Io,
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Config(_) => ErrorKind::Config,
        }
    }

    /// Whose doing it is.
    #[must_use]
    pub fn side(&self) -> Side {
        match self {
            Self::Config(_) => Side::Local,
            Self::Hello(_)
            | Self::Certificate { .. }
            | Self::NoIdentity
            | Self::AlertReceived { .. }
            | Self::Protocol { .. }
            | Self::Io(_)
            | Self::TimedOut => Side::Peer,
        }
    }

    /// The number of the alert that was received or sent, where one is known.
    #[must_use]
    pub fn alert(&self) -> Option<u8> {
        match self {
            Self::Hello(hello) => Some(hello.alert()),
            Self::AlertReceived { code } => Some(*code),
            Self::Protocol { alert, .. } => *alert,
            Self::NoIdentity => Some(alert::code::UNRECOGNIZED_NAME),
            Self::Certificate { .. } | Self::Io(_) | Self::TimedOut | Self::Config(_) => None,
        }
    }

    /// Whether the same attempt may succeed later without anybody changing a setting.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Io(_) | Self::TimedOut)
    }

    /// The error inside an `io::Error` that came from a [`crate::Stream`], if it is one of ours.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// A violation by the peer for which `alert` is or was sent.
    pub(crate) fn violation(alert: u8, message: impl Into<String>) -> Self {
        Self::Protocol {
            alert: Some(alert),
            message: message.into(),
        }
    }

    /// As an `io::Error`, for the `AsyncRead` and `AsyncWrite` interfaces.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error,
            Self::AlertReceived { .. } => io::Error::new(io::ErrorKind::ConnectionAborted, self),
            Self::Hello(_) | Self::Certificate { .. } | Self::NoIdentity | Self::Protocol { .. } | Self::Config(_) => {
                io::Error::new(io::ErrorKind::InvalidData, self)
            }
            Self::TimedOut => io::Error::new(io::ErrorKind::TimedOut, self),
        }
    }
}

impl From<tokio::time::error::Elapsed> for Error {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::TimedOut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_error_names_subject_and_issuer() {
        let error = Error::Certificate {
            problem: CertificateProblem::UnknownIssuer,
            subject: Some("connect.example.com".to_owned()),
            issuer: Some("Corporate Proxy CA".to_owned()),
            serial: None,
        };
        assert_eq!(
            error.to_string(),
            "the peer's certificate was refused: its issuer is not trusted \
             (subject connect.example.com), issued by Corporate Proxy CA"
        );
        assert_eq!(error.kind(), ErrorKind::Certificate);
    }

    #[test]
    fn errors_are_found_again_in_io_errors() {
        let io = Error::AlertReceived { code: 48 }.into_io();
        assert_eq!(Error::from_io(&io).and_then(Error::alert), Some(48));
        assert!(io.to_string().contains("unknown_ca"));
    }
}
