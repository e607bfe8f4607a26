//! Certificates from PEM files: for the base domain and the names one label below it.

use std::path::{Path, PathBuf};

use adit_tls::{Identity, Resolver};
use arc_swap::ArcSwap;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// They are no chain with its key.
    #[error("{certificate} and {key}: {reason}")]
    Wrong {
        /// File of the chain.
        certificate: PathBuf,
        /// File of the key.
        key: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Shows one certificate for the base domain and every name one label below it, and none for other names: a visitor of
/// a name without a certificate is told so by an alert, never shown a wrong one.
#[derive(Debug)]
pub struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    base_domain: String,
    identity: ArcSwap<Identity>,
}

impl CertificateFiles {
    /// Reads both files.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn read(certificate: &Path, key: &Path, base_domain: &str) -> Result<Self, CertificateError> {
        Ok(Self {
            identity: ArcSwap::from_pointee(identity(certificate, key)?),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            base_domain: base_domain.to_owned(),
        })
    }

    /// Reads them again; what was shown before stays if they cannot be used.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn reload(&self) -> Result<(), CertificateError> {
        self.identity.store(identity(&self.certificate, &self.key)?.into());
        Ok(())
    }
}

impl Resolver for CertificateFiles {
    fn identity(&self, server_name: Option<&str>) -> Option<Identity> {
        let covered = server_name.is_none_or(|name| {
            name == self.base_domain
                || name
                    .strip_suffix(self.base_domain.as_str())
                    .and_then(|rest| rest.strip_suffix('.'))
                    .is_some_and(|label| !label.contains('.'))
        });
        covered.then(|| self.identity.load().as_ref().clone())
    }
}

fn identity(certificate: &Path, key: &Path) -> Result<Identity, CertificateError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| CertificateError::File {
            path: path.to_owned(),
            source,
        })
    };
    Identity::from_pem(&read(certificate)?, &read(key)?).map_err(|error| CertificateError::Wrong {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        reason: error.to_string(),
    })
}
