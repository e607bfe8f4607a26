//! Who we are: a certificate chain with its key, parsed and checked once, shared by reference.

use std::fmt;
use std::sync::Arc;

use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroize;

use crate::error::Error;

/// A certificate chain and its private key, ready to sign with. Cloning shares it.
///
/// An identity may hold several chains for the same names ([`Identity::or`]): a handshake uses the
/// first whose key the client can verify.
#[derive(Clone)]
pub struct Identity {
    keys: Arc<[Arc<CertifiedKey>]>,
}

impl Identity {
    /// From PEM text: the chain, end entity first, and the key (PKCS#8, PKCS#1 or SEC1).
    ///
    /// # Errors
    /// [`Error::Config`] if there is no certificate or no key, if the key is of an unsupported
    /// kind, or if it does not belong to the first certificate.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let chain = certificates_from_pem(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| Error::Config(format!("private key: {error}")))?;
        Self::new(chain, key)
    }

    /// From DER: the chain, end entity first, and the key in PKCS#8.
    ///
    /// # Errors
    /// As [`Identity::from_pem`].
    pub fn from_der(chain: Vec<Vec<u8>>, key_pkcs8: Vec<u8>) -> Result<Self, Error> {
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        Self::new(chain, PrivatePkcs8KeyDer::from(key_pkcs8).into())
    }

    fn new(chain: Vec<CertificateDer<'static>>, mut key: PrivateKeyDer<'static>) -> Result<Self, Error> {
        if chain.is_empty() {
            return Err(Error::Config("the chain holds no certificate".to_owned()));
        }
        let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
            .map_err(|error| Error::Config(format!("private key: {error}")));
        key.zeroize();
        let certified = CertifiedKey::new(chain, signer?);
        certified
            .keys_match()
            .map_err(|error| Error::Config(format!("certificate and key: {error}")))?;
        Ok(Self {
            keys: Arc::new([Arc::new(certified)]),
        })
    }

    /// This identity, and `other` for clients that cannot verify this one's kind of key.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            keys: self.keys.iter().chain(other.keys.iter()).cloned().collect(),
        }
    }

    /// The chain in DER, end entity first.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.keys
            .first()
            .into_iter()
            .flat_map(|key| key.cert.iter().map(AsRef::as_ref))
    }

    /// The first key that can sign with one of these schemes, else simply the first (whose
    /// failure rustls then reports properly).
    pub(crate) fn choose(&self, schemes: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.keys
            .iter()
            .find(|key| key.key.choose_scheme(schemes).is_some())
            .or_else(|| self.keys.first())
            .cloned()
    }

    /// The first chain and its signer.
    pub(crate) fn first(&self) -> Option<Arc<CertifiedKey>> {
        self.keys.first().cloned()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = |key: &Arc<dyn SigningKey>| format!("{:?}", key.algorithm());
        f.debug_list()
            .entries(self.keys.iter().map(|key| algorithm(&key.key)))
            .finish()
    }
}

/// All certificates of a PEM text, which must hold at least one.
pub(crate) fn certificates_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::Config(format!("certificates: {error}")))?;
    if found.is_empty() {
        return Err(Error::Config("no certificate in the PEM text".to_owned()));
    }
    Ok(found)
}
