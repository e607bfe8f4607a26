//! How a client speaks: whom it trusts, versions, protocols, and its own certificate if any.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::suites::provider;
use super::{Version, check_alpn, config, versions};
use crate::certificate::note_refusal;
use crate::error::Error;
use crate::identity::{Identity, certificates_from_pem};

/// Whom a client trusts to vouch for servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Only the certificates of this PEM text.
    Pem(Vec<u8>),
    /// What the operating system trusts, by its own rules where it has some. Where there is no
    /// store at all (a bare container), the bundled roots.
    Platform,
    /// What the operating system trusts, and the certificates of this PEM text.
    PlatformAnd(Vec<u8>),
    /// The bundled roots, those of Mozilla.
    WebPki,
    /// Everybody. That the server holds the key of its certificate is still verified, but not
    /// whose it is.
    Insecure,
}

/// How a client speaks TLS. Sessions are resumed between connections of the same profile. Cloning
/// shares it.
#[derive(Clone)]
pub struct ClientProfile {
    config: Arc<ClientConfig>,
    verifies: bool,
}

impl ClientProfile {
    /// A profile with these roots, and otherwise the defaults: TLS 1.2 and 1.3, no ALPN, no
    /// certificate of its own.
    pub fn builder(roots: Roots) -> ClientProfileBuilder {
        ClientProfileBuilder {
            roots,
            alpn: Vec::new(),
            min: Version::Tls12,
            max: Version::Tls13,
            identity: None,
        }
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// Whether a server's certificate is verified at all.
    pub(crate) const fn verifies(&self) -> bool {
        self.verifies
    }
}

impl fmt::Debug for ClientProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientProfile").finish_non_exhaustive()
    }
}

/// Builds a [`ClientProfile`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ClientProfileBuilder {
    roots: Roots,
    alpn: Vec<Vec<u8>>,
    min: Version,
    max: Version,
    identity: Option<Identity>,
}

impl ClientProfileBuilder {
    /// Application protocols to offer, the preferred first. A server that selects none is
    /// accepted.
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: &[P]) -> Self {
        self.alpn = protocols.iter().map(|p| p.as_ref().to_vec()).collect();
        self
    }

    /// The lowest version accepted.
    pub const fn min_version(mut self, version: Version) -> Self {
        self.min = version;
        self
    }

    /// The highest version offered.
    pub const fn max_version(mut self, version: Version) -> Self {
        self.max = version;
        self
    }

    /// The certificate to present if the server asks for one.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// The profile. Reads the operating system's roots if they are wanted, which may take some
    /// milliseconds of file access.
    ///
    /// # Errors
    /// [`Error::Config`] if the versions are in the wrong order, an ALPN name is empty or too
    /// long, or a root is malformed.
    pub fn build(self) -> Result<ClientProfile, Error> {
        check_alpn(&self.alpn)?;
        let verifier = Arc::new(Noting(verifier(&self.roots)?));
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(self.min, self.max)?)
            .map_err(config)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut client = match self.identity.as_ref().and_then(Identity::first) {
            Some(key) => {
                let key = CertifiedKey::clone(&key);
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
            }
            None => builder.with_no_client_auth(),
        };
        client.alpn_protocols = self.alpn;
        client.enable_secret_extraction = true;
        Ok(ClientProfile {
            config: Arc::new(client),
            verifies: self.roots != Roots::Insecure,
        })
    }
}

fn verifier(roots: &Roots) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    match roots {
        Roots::Pem(pem) => webpki(certificates_from_pem(pem)?, false),
        Roots::WebPki => webpki(Vec::new(), true),
        Roots::Platform => platform(Vec::new()),
        Roots::PlatformAnd(pem) => platform(certificates_from_pem(pem)?),
        Roots::Insecure => Ok(Arc::new(Anybody)),
    }
}

fn platform(extra: Vec<CertificateDer<'static>>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let found = rustls_platform_verifier::Verifier::new_with_extra_roots(extra.iter().cloned(), provider());
    match found {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(_) => webpki(extra, true),
    }
}

fn webpki(roots: Vec<CertificateDer<'static>>, bundled: bool) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let mut store = RootCertStore::empty();
    // Bundles of distributions hold the odd certificate that cannot be used; one that can is enough.
    let wanted = roots.len();
    let (added, _) = store.add_parsable_certificates(roots);
    if wanted > 0 && added == 0 {
        return Err(Error::Config("none of the root certificates is usable".to_owned()));
    }
    if bundled {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider())
        .build()
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
        .map_err(config)
}

/// Notes whose certificate was refused, for the error message.
#[derive(Debug)]
struct Noting(Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let result = self
            .0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        note_refusal(end_entity, result)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Trusts every certificate, but not that its owner is speaking.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
