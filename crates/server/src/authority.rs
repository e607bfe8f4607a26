//! The local certificate authority: made at first start, mints a leaf for every name that is asked for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use adit_tls::{Identity, Resolver};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// Life of the authority.
const CA_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Life of a leaf: below what browsers accept of any certificate.
const LEAF_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// A leaf is minted anew when less than this is left.
const LEAF_RENEW: Duration = Duration::from_secs(30 * 24 * 3600);
/// Clocks of clients may be behind.
const BACKDATE: Duration = Duration::from_secs(24 * 3600);
/// Most leafs kept.
const LEAFS: usize = 1024;

/// What may go wrong with an authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Key or certificate cannot be made or read.
    #[error("certificate authority: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A minted leaf cannot be used.
    #[error("certificate authority: {0}")]
    Tls(#[from] adit_tls::Error),
}

/// Certificate and key of an authority as they are stored.
#[derive(Clone)]
pub struct AuthorityPem {
    /// The certificate, for clients to trust.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl std::fmt::Debug for AuthorityPem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorityPem").finish_non_exhaustive()
    }
}

impl AuthorityPem {
    /// Makes a new authority (ECDSA P-256).
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate(name: &str) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = distinguished_name(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        valid(&mut params, CA_LIFE);
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CommonName, common_name);
    dn
}

fn valid(params: &mut CertificateParams, life: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - BACKDATE).into();
    params.not_after = (now + life).into();
}

struct Leaf {
    identity: Identity,
    renew_at: SystemTime,
}

/// Gives certificates by name. Names directly below the base domain share one wildcard, so that a visitor who
/// asks for names that nobody has costs one look-up.
pub struct LocalAuthority {
    issuer: Issuer<'static, KeyPair>,
    base_domain: String,
    addresses: Vec<IpAddr>,
    leafs: Mutex<HashMap<String, Leaf>>,
}

impl std::fmt::Debug for LocalAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalAuthority")
            .field("base_domain", &self.base_domain)
            .finish_non_exhaustive()
    }
}

impl LocalAuthority {
    /// An authority for `base_domain` that can also be reached by `addresses`.
    ///
    /// # Errors
    /// When the stored certificate or key cannot be read.
    pub fn new(pem: &AuthorityPem, base_domain: &str, addresses: Vec<IpAddr>) -> Result<Self, AuthorityError> {
        let key = KeyPair::from_pem(&pem.key)?;
        Ok(Self {
            issuer: Issuer::from_ca_cert_pem(&pem.certificate, key)?,
            base_domain: base_domain.to_owned(),
            addresses,
            leafs: Mutex::new(HashMap::new()),
        })
    }

    /// The leaf for a name; minted when it is not there or about to end.
    ///
    /// # Errors
    /// When minting fails.
    pub fn leaf(&self, server_name: Option<&str>) -> Result<Identity, AuthorityError> {
        let key = self.key_of(server_name);
        let now = SystemTime::now();
        {
            let leafs = self.leafs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(l) = leafs.get(&key)
                && l.renew_at > now
            {
                return Ok(l.identity.clone());
            }
        }
        let identity = self.mint(&key)?;
        let mut leafs = self.leafs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if leafs.len() >= LEAFS {
            leafs.clear();
        }
        leafs.insert(
            key,
            Leaf {
                identity: identity.clone(),
                renew_at: now + LEAF_LIFE - LEAF_RENEW,
            },
        );
        Ok(identity)
    }

    /// The name that a leaf is kept under: `*` for all names one label below the base domain, the base domain
    /// for clients that name nothing.
    fn key_of(&self, server_name: Option<&str>) -> String {
        let Some(name) = server_name else {
            return self.base_domain.clone();
        };
        match name
            .strip_suffix(self.base_domain.as_str())
            .and_then(|r| r.strip_suffix('.'))
        {
            Some(label) if !label.contains('.') => "*".to_owned(),
            _ => name.to_owned(),
        }
    }

    fn mint(&self, key: &str) -> Result<Identity, AuthorityError> {
        let names: Vec<String> = if key == "*" {
            vec![format!("*.{}", self.base_domain), self.base_domain.clone()]
        } else if key == self.base_domain {
            vec![
                self.base_domain.clone(),
                format!("*.{}", self.base_domain),
                "localhost".to_owned(),
            ]
        } else {
            vec![key.to_owned()]
        };
        let mut params = CertificateParams::new(names.clone())?;
        if key == self.base_domain {
            params
                .subject_alt_names
                .extend(self.addresses.iter().map(|a| SanType::IpAddress(*a)));
        }
        params.distinguished_name = distinguished_name(names.first().map_or("", String::as_str));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        valid(&mut params, LEAF_LIFE);
        let leaf_key = KeyPair::generate()?;
        let leaf = params.signed_by(&leaf_key, &self.issuer)?;
        Ok(Identity::from_der(vec![leaf.der().to_vec()], leaf_key.serialize_der())?)
    }
}

impl Resolver for LocalAuthority {
    fn identity(&self, server_name: Option<&str>) -> Option<Identity> {
        match self.leaf(server_name) {
            Ok(identity) => Some(identity),
            Err(e) => {
                tracing::error!(error = %e, name = server_name, "no certificate could be made");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> LocalAuthority {
        let pem = AuthorityPem::generate("Adit test").unwrap();
        LocalAuthority::new(&pem, "adit.localhost", vec!["127.0.0.1".parse().unwrap()]).unwrap()
    }

    #[test]
    fn names_below_the_base_domain_share_one_leaf_whatever_is_asked() {
        let a = authority();
        for i in 0..50 {
            a.leaf(Some(&format!("n{i}.adit.localhost"))).unwrap();
        }
        assert_eq!(a.leafs.lock().unwrap().len(), 1);
        a.leaf(Some("a.b.adit.localhost")).unwrap();
        a.leaf(Some("app.example.com")).unwrap();
        a.leaf(None).unwrap();
        assert_eq!(a.leafs.lock().unwrap().len(), 4);
    }

    #[test]
    fn a_leaf_names_what_was_asked_and_is_signed_by_the_authority() {
        use x509_parser::pem::parse_x509_pem;
        use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
        let pem = AuthorityPem::generate("Adit test").unwrap();
        let a = LocalAuthority::new(&pem, "adit.localhost", vec!["127.0.0.1".parse().unwrap()]).unwrap();
        let ca_der = parse_x509_pem(pem.certificate.as_bytes()).unwrap().1.contents;
        let (_, ca) = X509Certificate::from_der(&ca_der).unwrap();
        assert!(ca.is_ca());
        for (asked, san) in [
            (Some("app.example.com"), "app.example.com"),
            (Some("x.adit.localhost"), "*.adit.localhost"),
            (None, "localhost"),
        ] {
            let identity = a.leaf(asked).unwrap();
            let der = identity.chain().next().unwrap().to_vec();
            let (_, leaf) = X509Certificate::from_der(&der).unwrap();
            leaf.verify_signature(Some(ca.public_key())).unwrap();
            let names = leaf.subject_alternative_name().unwrap().unwrap();
            assert!(
                names
                    .value
                    .general_names
                    .iter()
                    .any(|n| matches!(n, GeneralName::DNSName(d) if *d == san)),
                "{asked:?}"
            );
        }
    }
}
