//! Client certificates: whether they are asked for, and what happens without a good one.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use webpki::{CertRevocationList, OwnedCertRevocationList};

use super::judge::{Judge, Shown, judged};
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
    lists: Vec<List>,
    /// Their lists are not known.
    is_unknown: bool,
}

/// A list as it is asked, shared by all profiles.
#[derive(Debug, Clone)]
struct List {
    read: Arc<CertRevocationList<'static>>,
    digest: [u8; 32],
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
    /// [`Error::Config`] if one is malformed, or of a kind by which nobody can verify.
    pub fn with_crls_pem(mut self, pem: &[u8]) -> Result<Self, Error> {
        for crl in CertificateRevocationListDer::pem_slice_iter(pem) {
            self = self.with_crl_der(&crl.map_err(super::config)?)?;
        }
        Ok(self)
    }

    /// Adds a revocation list of these authorities in DER.
    ///
    /// # Errors
    /// [`Error::Config`] if it is malformed, or of a kind by which nobody can verify.
    pub fn with_crl_der(self, crl: &[u8]) -> Result<Self, Error> {
        let read = OwnedCertRevocationList::from_der(crl)
            .map_err(|error| Error::Config(format!("list of revoked certificates: {error}")))?;
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, crl).as_ref());
        Ok(self.with_crl(&Arc::new(read.into()), sum))
    }

    /// Adds a revocation list of these authorities that was read before; `digest` is what tells it from others.
    #[must_use]
    pub fn with_crl(mut self, crl: &Arc<CertRevocationList<'static>>, digest: [u8; 32]) -> Self {
        for group in &mut self.groups {
            let read = crl.clone();
            group.lists.push(List { read, digest });
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
            let lists = group.lists.iter().map(|list| list.digest.as_slice());
            roots.chain(lists).chain([unknown])
        })
    }

    fn judges(&self) -> Result<Vec<Judge>, Error> {
        if self.is_empty() {
            return Err(Error::Config("there are no client authorities".to_owned()));
        }
        let each = self.groups.iter().enumerate();
        each.map(|(at, group)| {
            let mut judge = Judge::new(&group.roots, group.read(), group.is_unknown)?;
            for (_, other) in self.groups.iter().enumerate().filter(|(other, _)| *other != at) {
                judge.hear(&other.roots, other.read());
            }
            Ok(judge)
        })
        .collect()
    }
}

impl Group {
    fn read(&self) -> impl Iterator<Item = Arc<CertRevocationList<'static>>> {
        self.lists.iter().map(|list| list.read.clone())
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
        let judges = if roots.is_empty() && !must_verify {
            Vec::new()
        } else {
            roots.judges()?
        };
        let hints: Vec<DistinguishedName> = judges.iter().flat_map(Judge::subjects).collect();
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
        let shown = Shown {
            end_entity,
            intermediates,
            now,
        };
        note_refusal(end_entity, judged(&self.judges, &shown))
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
            let shown = Shown {
                end_entity,
                intermediates,
                now,
            };
            note_refusal(end_entity, judged(&self.judges, &shown))?;
        }
        Ok(ClientCertVerified::assertion())
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
