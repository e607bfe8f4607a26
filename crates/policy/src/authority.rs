//! Authorities of visitors' certificates, as `terminate-tls` is given them.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

/// One of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority<'a> {
    /// Its certificate as PEM.
    pub pem: &'a str,
    /// What is known of those that it has taken back.
    pub revoked: Revoked,
}

/// What is known of the certificates that an authority has taken back (edge 4.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Revoked {
    /// It has no list: none.
    #[default]
    None,
    /// Those on this list.
    Listed(Arc<RevocationList>),
    /// Its list is missing or too old: none of its certificates counts as good.
    Unknown,
}

/// A list of revoked certificates.
#[derive(PartialEq, Eq)]
pub struct RevocationList {
    der: Vec<u8>,
    digest: [u8; 32],
}

impl RevocationList {
    /// A list in DER.
    #[must_use]
    pub fn new(der: Vec<u8>) -> Self {
        let mut all = [0; 32];
        for (to, from) in all.iter_mut().zip(digest(&SHA256, &der).as_ref()) {
            *to = *from;
        }
        Self { der, digest: all }
    }

    /// The list in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its SHA-256, made once: lists may have megabytes.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl std::fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevocationList")
            .field("bytes", &self.der.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Authority<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}
