//! Lists of certificates that an authority has taken back (RFC 5280, section 5).
//!
//! They are read as those read them who verify certificates by them, with the same library and the same algorithms: one that
//! is good here must not fail in every handshake.

use webpki::{ALL_VERIFICATION_ALGS, OwnedCertRevocationList};
use x509_parser::asn1_rs::Any;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate, X509Version};

use super::pem;

/// Largest list in bytes, as PEM or DER.
pub const MAX_LIST: usize = 10 * 1024 * 1024;
const LABEL: &str = "X509 CRL";

/// A list that its authority has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// As DER.
    pub der: Vec<u8>,
    /// Seconds since the Unix epoch at which it was made: of two lists the later one counts.
    pub this_update: i64,
    /// Seconds since the Unix epoch until when it is the newest.
    pub next_update: i64,
}

/// Reads a list of the authority with this certificate, as PEM or DER.
///
/// # Errors
/// It is none, or not that authority's; the text says why.
pub fn read(ca_pem: &str, list: &[u8]) -> Result<List, String> {
    if list.len() > MAX_LIST {
        return Err("it is larger than 10 MiB".to_owned());
    }
    let der = match std::str::from_utf8(list)
        .ok()
        .filter(|text| text.contains("-----BEGIN "))
    {
        None => list.to_vec(),
        Some(text) => {
            let blocks = pem::blocks(text).map_err(|error| error.to_string())?;
            match blocks.as_slice() {
                [block] if block.label == LABEL => block.der.to_vec(),
                [block] => {
                    return Err(format!(
                        "it is a block {:?}, and not {LABEL:?}",
                        super::shown(&block.label)
                    ));
                }
                _ => return Err("it has several blocks".to_owned()),
            }
        }
    };
    let (this_update, next_update) = {
        let (rest, parsed) = CertificateRevocationList::from_der(&der).map_err(|error| error.to_string())?;
        if !rest.is_empty() {
            return Err("there is something behind the list".to_owned());
        }
        let authority = pem::blocks(ca_pem).map_err(|error| error.to_string())?;
        let authority = authority.first().ok_or("the authority has no certificate")?;
        let (_, authority) = X509Certificate::from_der(&authority.der).map_err(|error| error.to_string())?;
        if parsed.issuer().as_raw() != authority.subject().as_raw() {
            return Err("it is the list of another authority".to_owned());
        }
        signed(&der, authority.public_key().raw)?;
        // Without one nobody could tell whether it is still the newest; whoever verifies by it demands it as well.
        let next_update = parsed
            .next_update()
            .ok_or("it does not say when the next one comes: give a list with nextUpdate")?;
        let has_extensions = parsed.version() == Some(X509Version::V2) && !parsed.extensions().is_empty();
        if !has_extensions {
            return Err("its version is 1: give one of version 2 (`crl_extensions` of openssl ca)".to_owned());
        }
        (parsed.last_update().timestamp(), next_update.timestamp())
    };
    OwnedCertRevocationList::from_der(&der).map_err(|error| unusable(&error))?;
    Ok(List {
        der,
        this_update,
        next_update,
    })
}

/// Whether the authority with this key (a SubjectPublicKeyInfo in DER) has signed the list, in a way that is good enough.
fn signed(list: &[u8], key: &[u8]) -> Result<(), String> {
    let (_, list) = Any::from_der(list).map_err(|error| error.to_string())?;
    let (behind, _) = Any::from_der(list.data).map_err(|error| error.to_string())?;
    let content = list.data.strip_suffix(behind).unwrap_or_default();
    let (behind, algorithm) = Any::from_der(behind).map_err(|error| error.to_string())?;
    let (_, signature) = Any::from_der(behind).map_err(|error| error.to_string())?;
    let (_, key) = Any::from_der(key).map_err(|error| error.to_string())?;
    let (behind, key_algorithm) = Any::from_der(key.data).map_err(|error| error.to_string())?;
    let (_, key) = Any::from_der(behind).map_err(|error| error.to_string())?;
    // In front of the bits stands how many of the last byte are none.
    let (Some((0, signature)), Some((0, key))) = (signature.data.split_first(), key.data.split_first()) else {
        return Err("its signature is not whole bytes".to_owned());
    };
    let mut fitting = ALL_VERIFICATION_ALGS
        .iter()
        .filter(|known| known.signature_alg_id().as_ref() == algorithm.data)
        .filter(|known| known.public_key_alg_id().as_ref() == key_algorithm.data)
        .peekable();
    if fitting.peek().is_none() {
        return Err("its signature's kind is not accepted: sign with SHA-256, SHA-384 or SHA-512".to_owned());
    }
    if fitting.any(|known| known.verify_signature(key, content, signature).is_ok()) {
        Ok(())
    } else {
        Err("its signature is not the authority's, or is one of an RSA key below 2048 bits".to_owned())
    }
}

/// Why nobody can verify certificates by a list, and what to give instead; short, since answers cut long texts.
fn unusable(error: &webpki::Error) -> String {
    use webpki::Error as E;
    let text = match error {
        E::UnsupportedDeltaCrl => "it has deltaCRLIndicator: give the complete list",
        E::UnsupportedIndirectCrl => "it has indirectCRL: give the list of this one alone",
        E::UnsupportedRevocationReasonsPartitioning => "it has onlySomeReasons: give the list with all reasons",
        E::UnsupportedCrlIssuingDistributionPoint => {
            "its issuingDistributionPoint has no full name: give a list without it"
        }
        E::UnsupportedCriticalExtension => "it has a critical extension that is not known: give a list without it",
        other => return format!("no certificate can be verified by it: {other}"),
    };
    text.to_owned()
}
