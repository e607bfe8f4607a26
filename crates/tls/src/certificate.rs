//! Certificates as people speak of them: the names in them, what is wrong with them, and the
//! verifiers' wrapper that remembers whose certificate was refused.
//!
//! rustls' errors say what is wrong, but not with whose certificate. A user behind a company's
//! inspecting proxy needs exactly that ("issued by Corporate Proxy CA"), so the wrapper notes
//! subject and issuer of a refused certificate; the handshake, which runs on the same thread
//! without a pause in between, picks them up.

use std::cell::Cell;
use std::fmt::Write as _;

use rustls::CertificateError;
use rustls_pki_types::CertificateDer;

use crate::error::{CertificateProblem, Error};

/// Longest name shown, in characters.
const MAX_NAME: usize = 120;

/// Subject and issuer of a certificate.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) subject: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) serial: Option<String>,
}

thread_local! {
    static REFUSED: Cell<Option<Names>> = const { Cell::new(None) };
}

/// Remembers whose certificate was refused, if `result` says so.
pub(crate) fn note_refusal<T>(
    end_entity: &CertificateDer<'_>,
    result: Result<T, rustls::Error>,
) -> Result<T, rustls::Error> {
    if result.is_err() {
        REFUSED.set(Some(names(end_entity)));
    }
    result
}

/// The error for a refused certificate.
pub(crate) fn refused(error: &CertificateError) -> Error {
    let Names {
        subject,
        issuer,
        serial,
    } = REFUSED.take().unwrap_or_default();
    Error::Certificate {
        problem: problem(error),
        subject,
        issuer,
        serial,
    }
}

fn problem(error: &CertificateError) -> CertificateProblem {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => CertificateProblem::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => CertificateProblem::NotYetValid,
        E::Revoked => CertificateProblem::Revoked,
        E::UnknownRevocationStatus | E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => {
            CertificateProblem::RevocationUnknown
        }
        E::UnknownIssuer => CertificateProblem::UnknownIssuer,
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => CertificateProblem::WrongPurpose,
        E::BadSignature => CertificateProblem::BadSignature,
        E::NotValidForName => CertificateProblem::WrongName {
            expected: "the requested name".to_owned(),
            presented: Vec::new(),
        },
        E::NotValidForNameContext { expected, presented } => CertificateProblem::WrongName {
            expected: expected.to_str().into_owned(),
            presented: presented.iter().map(|name| plain_name(name)).collect(),
        },
        other => CertificateProblem::Other(other.to_string()),
    }
}

/// `DnsName("example.com")` as rustls prints presented names, without the wrapping.
fn plain_name(name: &str) -> String {
    name.split('"').nth(1).unwrap_or(name).to_owned()
}

/// Subject and issuer of a certificate in DER; what cannot be read is left out.
pub(crate) fn names(certificate: &[u8]) -> Names {
    read_names(certificate).unwrap_or_default()
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
/// In the order of preference: common name, organisation, organisational unit.
const ATTRIBUTES: [&[u8]; 3] = [&[0x55, 4, 3], &[0x55, 4, 10], &[0x55, 4, 11]];

/// RFC 5280 section 4.1: version, serial number, signature, issuer, validity, subject.
fn read_names(certificate: &[u8]) -> Option<Names> {
    let (_, outer, _) = element(certificate)?;
    let (_, mut tbs, _) = element(outer)?;
    let (tag, _, rest) = element(tbs)?;
    if tag == 0xa0 {
        tbs = rest;
    }
    let (_, serial, rest) = element(tbs)?;
    let (_, _algorithm, rest) = element(rest)?;
    let (_, issuer, rest) = element(rest)?;
    let (_, _validity, rest) = element(rest)?;
    let (_, subject, _) = element(rest)?;
    Some(Names {
        subject: display_name(subject),
        issuer: display_name(issuer),
        serial: Some(digits(serial)),
    })
}

/// A serial number without leading zeros, of at most twenty bytes (RFC 5280, section 4.1.2.2).
fn digits(serial: &[u8]) -> String {
    let mut all = String::new();
    for byte in serial.iter().take(21) {
        // Writing to a string cannot fail.
        let _ = write!(all, "{byte:02x}");
    }
    let text = all.trim_start_matches('0');
    if text.is_empty() { "0" } else { text }.to_owned()
}

/// One element: tag, content, what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    let (len, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if bytes.len() > 4 {
            return None;
        }
        let len = bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        (len, rest)
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((tag, content, rest))
}

fn display_name(name: &[u8]) -> Option<String> {
    ATTRIBUTES.iter().find_map(|wanted| {
        let mut sets = name;
        while let Some((SET, mut set, rest)) = element(sets) {
            sets = rest;
            while let Some((SEQUENCE, attribute, rest)) = element(set) {
                set = rest;
                if let Some((OBJECT_ID, id, value)) = element(attribute)
                    && id == *wanted
                {
                    return text(value);
                }
            }
        }
        None
    })
}

fn text(value: &[u8]) -> Option<String> {
    const BMP_STRING: u8 = 30;
    let (tag, bytes, _) = element(value)?;
    let text = if tag == BMP_STRING {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |n, byte| n << 8 | u16::from(*byte)))
            .collect();
        String::from_utf16_lossy(&units)
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    };
    let shown: String = text.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_a_certificate() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(["leaf.example".to_owned()]).unwrap();
        params.serial_number = Some(0xbeef1_u64.into());
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::OrganizationName, "Leaf \u{7} Ltd");
        let mut ca = rcgen::CertificateParams::new([]).unwrap();
        ca.distinguished_name.push(rcgen::DnType::OrganizationName, "Corp");
        ca.distinguished_name
            .push(rcgen::DnType::CommonName, "Corporate Proxy CA");
        let issuer = rcgen::Issuer::new(ca, rcgen::KeyPair::generate().unwrap());
        let cert = params.signed_by(&key, &issuer).unwrap();
        assert_eq!(
            names(cert.der()),
            Names {
                subject: Some("Leaf  Ltd".to_owned()),
                issuer: Some("Corporate Proxy CA".to_owned()),
                serial: Some("beef1".to_owned()),
            }
        );
        for cut in 0..cert.der().len().min(200) {
            let _ = names(&cert.der()[..cut]);
        }
        assert_eq!(names(b"nonsense"), Names::default());
    }
}
