//! Client certificates: whether they are asked for, and what happens without a good one.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};

use super::suites::provider;
use crate::certificate::note_refusal;
use crate::error::Error;
use crate::identity::certificates_from_pem;

/// The list of authorities' names is left out of the request when it is longer than this, in
/// bytes: some clients choke on long lists, and it is only a hint.
const MAX_HINTS: usize = 4096;

/// Who may issue client certificates, and what was revoked.
#[derive(Debug, Clone, Default)]
pub struct ClientRoots {
    roots: Vec<CertificateDer<'static>>,
    crls: Vec<CertificateRevocationListDer<'static>>,
}

impl ClientRoots {
    /// Authorities from PEM text, at least one.
    ///
    /// # Errors
    /// [`Error::Config`] if there is none or one is malformed.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        Ok(Self {
            roots: certificates_from_pem(pem)?,
            crls: Vec::new(),
        })
    }

    /// Authorities in DER.
    #[must_use]
    pub fn from_der(certificates: Vec<Vec<u8>>) -> Self {
        Self {
            roots: certificates.into_iter().map(CertificateDer::from).collect(),
            crls: Vec::new(),
        }
    }

    /// Adds revocation lists from PEM text. Certificates of authorities without a list count as
    /// not revoked.
    ///
    /// # Errors
    /// [`Error::Config`] if one is malformed.
    pub fn with_crls_pem(mut self, pem: &[u8]) -> Result<Self, Error> {
        for crl in CertificateRevocationListDer::pem_slice_iter(pem) {
            self.crls.push(crl.map_err(super::config)?);
        }
        Ok(self)
    }

    /// Everything that decides, for the hash of the profile.
    pub(super) fn fingerprint(&self) -> impl Iterator<Item = &[u8]> {
        let roots = self.roots.iter().map(AsRef::as_ref);
        roots.chain(self.crls.iter().map(AsRef::as_ref))
    }

    fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let mut store = RootCertStore::empty();
        for root in &self.roots {
            store
                .add(root.clone())
                .map_err(|error| Error::Config(format!("client authority: {error}")))?;
        }
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider())
            .with_crls(self.crls.iter().cloned());
        if !self.crls.is_empty() {
            builder = builder.allow_unknown_revocation_status();
        }
        builder
            .build()
            .map_err(|error| Error::Config(format!("client authorities: {error}")))
    }
}

/// What a server wants to know about its clients.
#[derive(Debug, Clone, Default)]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    None,
    /// Asks for a certificate and goes on in any case;
    /// [`crate::Stream::peer_verified`] says whether it was a good one.
    Request {
        /// Who may have issued it; may be empty if that does not matter.
        roots: ClientRoots,
    },
    /// Insists on a certificate, whoever issued it; [`crate::Stream::peer_verified`] says whether
    /// it was a good one.
    RequireAny {
        /// Who may have issued it; may be empty if that does not matter.
        roots: ClientRoots,
    },
    /// Insists on a certificate that is valid and was issued below one of the roots.
    Require {
        /// Who may have issued it, at least one.
        roots: ClientRoots,
    },
}

impl ClientAuth {
    /// A number for the hash of the profile.
    pub(super) const fn mode(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::Request { .. } => 1,
            Self::RequireAny { .. } => 2,
            Self::Require { .. } => 3,
        }
    }

    pub(super) const fn roots(&self) -> Option<&ClientRoots> {
        match self {
            Self::None => None,
            Self::Request { roots } | Self::RequireAny { roots } | Self::Require { roots } => Some(roots),
        }
    }

    /// The verifier, or `None` if no certificate is asked for.
    pub(super) fn verifier(&self) -> Result<Option<Arc<Verifier>>, Error> {
        let Some(roots) = self.roots() else {
            return Ok(None);
        };
        let must_verify = matches!(self, Self::Require { .. });
        let chain = if roots.roots.is_empty() && !must_verify {
            None
        } else {
            Some(roots.verifier()?)
        };
        let hints = chain
            .as_ref()
            .map(|chain| chain.root_hint_subjects().to_vec())
            .filter(|hints| hints.iter().map(|name| name.as_ref().len()).sum::<usize>() <= MAX_HINTS);
        Ok(Some(Arc::new(Verifier {
            chain,
            must_present: !matches!(self, Self::Request { .. }),
            must_verify,
            hints: hints.unwrap_or_default(),
            algorithms: provider().signature_verification_algorithms,
        })))
    }
}

/// rustls' view of [`ClientAuth`]. That a client holds the key of its certificate is always
/// verified; the chain only where the mode says so.
#[derive(Debug)]
pub(crate) struct Verifier {
    chain: Option<Arc<dyn ClientCertVerifier>>,
    must_present: bool,
    must_verify: bool,
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Whether a handshake fails without a verified certificate.
    pub(crate) const fn must_verify(&self) -> bool {
        self.must_verify
    }

    /// Verifies a chain, whatever the mode.
    pub(crate) fn verify(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), rustls::Error> {
        let (Some(verifier), Some((end_entity, intermediates))) = (&self.chain, chain.split_first()) else {
            return Err(rustls::Error::NoCertificatesPresented);
        };
        let result = verifier.verify_client_cert(end_entity, intermediates, now);
        note_refusal(end_entity, result.map(|_| ()))
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.must_present
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        match &self.chain {
            Some(chain) if self.must_verify => {
                note_refusal(end_entity, chain.verify_client_cert(end_entity, intermediates, now))
            }
            _ => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
