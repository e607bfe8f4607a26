//! Client certificates: whether they are asked for, and what happens without a good one.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
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
    groups: Vec<Group>,
}

/// Authorities that keep the same lists.
#[derive(Debug, Clone, Default)]
struct Group {
    roots: Vec<CertificateDer<'static>>,
    crls: Vec<CertificateRevocationListDer<'static>>,
    /// Their lists are not known.
    is_unknown: bool,
}

impl ClientRoots {
    /// Authorities from PEM text, at least one.
    ///
    /// # Errors
    /// [`Error::Config`] if there is none or one is malformed.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        Ok(Self::of(certificates_from_pem(pem)?))
    }

    /// Authorities in DER.
    #[must_use]
    pub fn from_der(certificates: Vec<Vec<u8>>) -> Self {
        Self::of(certificates.into_iter().map(CertificateDer::from).collect())
    }

    fn of(roots: Vec<CertificateDer<'static>>) -> Self {
        let group = Group {
            roots,
            ..Group::default()
        };
        Self { groups: vec![group] }
    }

    /// Adds revocation lists of these authorities from PEM text. Certificates of authorities without a list count as
    /// not revoked.
    ///
    /// # Errors
    /// [`Error::Config`] if one is malformed.
    pub fn with_crls_pem(mut self, pem: &[u8]) -> Result<Self, Error> {
        for crl in CertificateRevocationListDer::pem_slice_iter(pem) {
            let crl = crl.map_err(super::config)?;
            for group in &mut self.groups {
                group.crls.push(crl.clone());
            }
        }
        Ok(self)
    }

    /// Adds a revocation list of these authorities in DER.
    #[must_use]
    pub fn with_crl_der(mut self, crl: &[u8]) -> Self {
        for group in &mut self.groups {
            group.crls.push(CertificateRevocationListDer::from(crl.to_vec()));
        }
        self
    }

    /// What these authorities have revoked is not known: none of their certificates is good.
    #[must_use]
    pub fn with_unknown_revocations(mut self) -> Self {
        for group in &mut self.groups {
            group.is_unknown = true;
        }
        self
    }

    /// These and those authorities, each with its own lists.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.groups.extend(others.groups);
        self
    }

    fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.roots.is_empty())
    }

    /// Everything that decides, for the hash of the profile.
    pub(super) fn fingerprint(&self) -> impl Iterator<Item = &[u8]> {
        self.groups.iter().flat_map(|group| {
            let unknown: &[u8] = if group.is_unknown { b"unknown" } else { b"" };
            let roots = group.roots.iter().map(AsRef::as_ref);
            roots.chain(group.crls.iter().map(AsRef::as_ref)).chain([unknown])
        })
    }

    fn judges(&self) -> Result<Vec<Judge>, Error> {
        if self.is_empty() {
            return Err(Error::Config("there are no client authorities".to_owned()));
        }
        self.groups.iter().map(Group::judge).collect()
    }
}

impl Group {
    fn judge(&self) -> Result<Judge, Error> {
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
        let verifier = builder
            .build()
            .map_err(|error| Error::Config(format!("client authorities: {error}")))?;
        Ok(Judge {
            verifier,
            is_unknown: self.is_unknown,
        })
    }
}

/// Verifies what one group of authorities has issued.
#[derive(Debug)]
struct Judge {
    verifier: Arc<dyn ClientCertVerifier>,
    is_unknown: bool,
}

impl Judge {
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.verifier.verify_client_cert(end_entity, intermediates, now)?;
        if self.is_unknown {
            return Err(CertificateError::UnknownRevocationStatus.into());
        }
        Ok(verified)
    }
}

/// The first that finds it good; else what is wrong with it to the one that knows its issuer.
fn judged(
    judges: &[Judge],
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<ClientCertVerified, rustls::Error> {
    let stranger = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    let mut worst = stranger.clone();
    for judge in judges {
        match judge.verify(end_entity, intermediates, now) {
            Ok(verified) => return Ok(verified),
            Err(error) if worst == stranger => worst = error,
            Err(_) => {}
        }
    }
    Err(worst)
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
        let judges = if roots.is_empty() && !must_verify {
            Vec::new()
        } else {
            roots.judges()?
        };
        let hints: Vec<DistinguishedName> = judges
            .iter()
            .flat_map(|judge| judge.verifier.root_hint_subjects().iter().cloned())
            .collect();
        let hints =
            Some(hints).filter(|hints| hints.iter().map(|name| name.as_ref().len()).sum::<usize>() <= MAX_HINTS);
        Ok(Some(Arc::new(Verifier {
            judges,
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
    /// None: whoever issued it does not matter.
    judges: Vec<Judge>,
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
        let (false, Some((end_entity, intermediates))) = (self.judges.is_empty(), chain.split_first()) else {
            return Err(rustls::Error::NoCertificatesPresented);
        };
        let result = judged(&self.judges, end_entity, intermediates, now);
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
        if self.must_verify {
            note_refusal(end_entity, judged(&self.judges, end_entity, intermediates, now))
        } else {
            Ok(ClientCertVerified::assertion())
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
