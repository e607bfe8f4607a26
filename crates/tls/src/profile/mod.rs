//! Profiles: how a connection is spoken, apart from as whom. Built once, shared by reference.

mod client;
mod client_auth;
mod judge;
mod server;
mod suites;

use rustls::SupportedProtocolVersion;

pub use client::{ClientProfile, ClientProfileBuilder, Roots};
pub use client_auth::{ClientAuth, ClientRoots};
pub use server::{ServerProfile, ServerProfileBuilder};

use crate::error::Error;

/// A protocol version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// TLS 1.2 (RFC 5246), only with ephemeral key exchange, AEAD and extended master secret.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Version {
    /// As written in configuration and logs: `1.2` or `1.3`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

static TLS13_ONLY: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
static TLS12_ONLY: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
static BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];

/// rustls' list for a range of versions.
fn versions(min: Version, max: Version) -> Result<&'static [&'static SupportedProtocolVersion], Error> {
    match (min, max) {
        (Version::Tls13, Version::Tls13) => Ok(&TLS13_ONLY),
        (Version::Tls12, Version::Tls12) => Ok(&TLS12_ONLY),
        (Version::Tls12, Version::Tls13) => Ok(&BOTH),
        (Version::Tls13, Version::Tls12) => {
            Err(Error::Config("the lowest TLS version is above the highest".to_owned()))
        }
    }
}

/// Application protocol names, each 1 to 255 bytes (RFC 7301 section 3.1).
fn check_alpn(protocols: &[Vec<u8>]) -> Result<(), Error> {
    if protocols.iter().all(|p| (1..=255).contains(&p.len())) {
        Ok(())
    } else {
        Err(Error::Config("an ALPN name must have 1 to 255 bytes".to_owned()))
    }
}

fn config(error: impl std::fmt::Display) -> Error {
    Error::Config(error.to_string())
}
