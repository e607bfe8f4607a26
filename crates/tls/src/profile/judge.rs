//! Who says whether a client's certificate is good: one judge for each group of authorities, which all know every list of
//! revoked certificates.
//!
//! A certificate can have several paths: a policy may name a root and the authority below it that issued the certificate.
//! What one path says about revocation counts whatever another one says, and whichever certificates the client sends along.

use std::sync::Arc;

use rustls::{CertRevocationListError, CertificateError, DistinguishedName, OtherError, RootCertStore};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, KeyUsage, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy,
};

use super::suites::provider;
use crate::error::Error;

/// Verifies what one group of authorities has issued.
#[derive(Debug)]
pub(super) struct Judge {
    roots: RootCertStore,
    /// The group's own lists first: the first one with the issuer's name is asked.
    lists: Vec<Arc<CertRevocationList<'static>>>,
    /// Authorities of other groups, which may stand between a certificate and these roots.
    between: Vec<CertificateDer<'static>>,
    /// What these authorities have revoked is not known.
    is_unknown: bool,
}

impl Judge {
    pub(super) fn new(
        roots: &[CertificateDer<'static>],
        own: impl Iterator<Item = Arc<CertRevocationList<'static>>>,
        is_unknown: bool,
    ) -> Result<Self, Error> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store
                .add(root.clone())
                .map_err(|error| Error::Config(format!("client authority: {error}")))?;
        }
        Ok(Self {
            roots: store,
            lists: own.collect(),
            between: Vec::new(),
            is_unknown,
        })
    }

    /// Tells it of another group. A list under the name of one of its own roots stays away: that is another key's, as
    /// after a change of keys, and would be taken for this one's.
    pub(super) fn hear(
        &mut self,
        roots: &[CertificateDer<'static>],
        lists: impl Iterator<Item = Arc<CertRevocationList<'static>>>,
    ) {
        self.between.extend_from_slice(roots);
        let names = &self.roots.roots;
        let is_own = |list: &CertRevocationList<'_>| names.iter().any(|root| root.subject.as_ref() == list.issuer());
        self.lists.extend(lists.filter(|list| !is_own(list)));
    }

    /// The names of its authorities.
    pub(super) fn subjects(&self) -> Vec<DistinguishedName> {
        self.roots.subjects()
    }

    fn verify(&self, shown: &Shown<'_>) -> Result<(), webpki::Error> {
        let lists: Vec<&CertRevocationList<'_>> = self.lists.iter().map(AsRef::as_ref).collect();
        let revocation = RevocationOptionsBuilder::new(&lists).ok();
        // Of authorities without a list nothing is known to be revoked.
        let revocation = revocation.map(|builder| builder.with_status_policy(UnknownStatusPolicy::Allow).build());
        if !self.is_unknown {
            return self.path(shown, revocation);
        }
        self.path(shown, None)?;
        match self.path(shown, revocation) {
            Err(error @ webpki::Error::CertRevoked) => Err(error),
            _ => Err(webpki::Error::UnknownRevocationStatus),
        }
    }

    fn path(&self, shown: &Shown<'_>, revocation: Option<RevocationOptions<'_>>) -> Result<(), webpki::Error> {
        let between = shown.intermediates.iter().chain(&self.between);
        let between: Vec<CertificateDer<'_>> = between.map(|der| CertificateDer::from(der.as_ref())).collect();
        EndEntityCert::try_from(shown.end_entity)?
            .verify_for_usage(
                provider().signature_verification_algorithms.all,
                &self.roots.roots,
                &between,
                shown.now,
                KeyUsage::client_auth(),
                revocation,
                None,
            )
            .map(|_| ())
    }
}

/// What a client shows, and when.
pub(super) struct Shown<'a> {
    pub(super) end_entity: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    pub(super) now: UnixTime,
}

/// Good if one finds it good and none of them knows that it was revoked, or has to know and does not; else what is wrong
/// with it to the one that knows its issuer.
pub(super) fn judged(judges: &[Judge], shown: &Shown<'_>) -> Result<(), rustls::Error> {
    let mut is_good = false;
    let mut is_unknown = false;
    let mut worst = webpki::Error::UnknownIssuer;
    for judge in judges {
        match judge.verify(shown) {
            Ok(()) => is_good = true,
            Err(webpki::Error::CertRevoked) => return Err(CertificateError::Revoked.into()),
            Err(webpki::Error::UnknownRevocationStatus) => is_unknown = true,
            Err(error) if worst == webpki::Error::UnknownIssuer => worst = error,
            Err(_) => {}
        }
    }
    if is_unknown {
        Err(CertificateError::UnknownRevocationStatus.into())
    } else if is_good {
        Ok(())
    } else {
        Err(named(worst))
    }
}

/// rustls' name for what is wrong, by which the alert is chosen.
fn named(error: webpki::Error) -> rustls::Error {
    use webpki::Error as E;
    match error {
        E::BadDer | E::BadDerTime | E::TrailingData(_) => CertificateError::BadEncoding.into(),
        E::CertNotValidYet { time, not_before } => CertificateError::NotValidYetContext { time, not_before }.into(),
        E::CertExpired { time, not_after } => CertificateError::ExpiredContext { time, not_after }.into(),
        E::InvalidCertValidity => CertificateError::Expired.into(),
        E::UnknownIssuer => CertificateError::UnknownIssuer.into(),
        E::InvalidSignatureForPublicKey => CertificateError::BadSignature.into(),
        E::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose.into(),
        E::UnsupportedSignatureAlgorithmContext(context) => CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: context.signature_algorithm_id,
            supported_algorithms: context.supported_algorithms,
        }
        .into(),
        E::IssuerNotCrlSigner => CertRevocationListError::IssuerInvalidForCrl.into(),
        E::InvalidCrlSignatureForPublicKey => CertRevocationListError::BadSignature.into(),
        other => CertificateError::Other(OtherError(Arc::new(other))).into(),
    }
}
