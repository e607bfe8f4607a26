//! The web application firewall of `owasp-crs-request` and `owasp-crs-response` (traffic policy 4.14): libmodsecurity with
//! the OWASP Core Rule Set as Debian has them.
//!
//! The engine only ever detects: it is told to refuse nothing, and what it finds is a score with the rules that made it;
//! the policy decides. A firewall that lets everything pass is worse than none, so a [`Firewall`] exists only if it has
//! found known attacks and left an ordinary request alone when it was loaded.
//!
//! `ffi` is the only file that calls C. The feature `libmodsecurity` links the library; without it [`Firewall::load`]
//! says that there is none.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "libmodsecurity")]
mod ffi;
#[cfg(any(feature = "libmodsecurity", test))]
mod found;
#[cfg(feature = "libmodsecurity")]
mod inspect;
#[cfg(feature = "libmodsecurity")]
mod loaded;
mod message;

use std::path::PathBuf;

#[cfg(feature = "libmodsecurity")]
pub use loaded::Firewall;
pub use message::{Finding, Look, Matched, Request, Response};

/// Most bytes of a body that are looked at.
pub const MAX_BODY: usize = 128 * 1024;

/// Where the rules are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The set's own configuration.
    pub setup: PathBuf,
    /// Folder with the rules, `*.conf`.
    pub rules: PathBuf,
}

impl Default for Places {
    /// Where Debian puts them.
    fn default() -> Self {
        Self {
            setup: PathBuf::from("/etc/modsecurity/crs/crs-setup.conf"),
            rules: PathBuf::from("/usr/share/modsecurity-crs/rules"),
        }
    }
}

/// Why there is no firewall, or why it did not look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not part of this program.
    #[error("this program was built without a web application firewall")]
    NotBuilt,
    /// Rules are missing or cannot be used.
    #[error("the rules cannot be loaded: {0}")]
    Rules(String),
    /// It did not find an attack that it has to find, or took an ordinary request for one.
    #[error("the web application firewall fails its self-test: {0}")]
    SelfTest(&'static str),
    /// The engine failed on a message.
    #[error("the web application firewall failed: {0}")]
    Failed(&'static str),
}

/// There is none in this program.
#[cfg(not(feature = "libmodsecurity"))]
#[derive(Debug)]
pub enum Firewall {}

#[cfg(not(feature = "libmodsecurity"))]
impl Firewall {
    /// Says so.
    ///
    /// # Errors
    /// Always [`Error::NotBuilt`].
    pub fn load(_: &Places) -> Result<Self, Error> {
        Err(Error::NotBuilt)
    }

    /// Looks at a request.
    ///
    /// # Errors
    /// Never: there is nobody to ask.
    pub fn request(&self, _: &Look, _: &Request<'_>) -> Result<Finding, Error> {
        match *self {}
    }

    /// Looks at a response.
    ///
    /// # Errors
    /// Never: there is nobody to ask.
    pub fn response(&self, _: &Look, _: &Request<'_>, _: &Response<'_>) -> Result<Finding, Error> {
        match *self {}
    }
}
