//! Lists of certificates that an authority has taken back (RFC 5280, section 5).

use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

use super::pem;

/// Largest list in bytes, as PEM or DER.
pub const MAX_LIST: usize = 10 * 1024 * 1024;
const LABEL: &str = "X509 CRL";

/// A list that its authority has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// As DER.
    pub der: Vec<u8>,
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
    let next_update = {
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
        parsed
            .verify_signature(authority.public_key())
            .map_err(|_| "its signature is not the authority's".to_owned())?;
        // Without one nobody could tell whether it is still the newest; whoever verifies by it demands it as well.
        parsed
            .next_update()
            .ok_or("it does not say when the next one comes")?
            .timestamp()
    };
    Ok(List { der, next_update })
}
