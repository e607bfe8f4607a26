//! What answers show of a certificate, and what is checked of it.

use std::net::IpAddr;

use x509_parser::prelude::{ExtendedKeyUsage, FromDer as _, GeneralName, KeyUsage, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

/// OIDs of signatures that are no longer trusted: MD2, MD5 and SHA-1 with RSA, SHA-1 with DSA and ECDSA.
const WEAK: &[&str] = &[
    "1.2.840.113549.1.1.2",
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.2.840.10040.4.3",
    "1.2.840.10045.4.1",
];

/// What a certificate says.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) subject: Name,
    pub(super) issuer_common_name: String,
    pub(super) dns_names: Vec<String>,
    pub(super) ips: Vec<String>,
    /// Seconds since the Unix epoch.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    /// Names as Go writes them.
    pub(super) key_usages: Vec<&'static str>,
    pub(super) extended_key_usages: Vec<&'static str>,
    /// `rsa`, `ecdsa`, `ed25519`.
    pub(super) key_type: &'static str,
    /// Lower hexadecimal digits.
    pub(super) serial_number: String,
    /// The bits of its public key.
    pub(super) public_key: Vec<u8>,
    pub(super) is_authority: bool,
    is_version_3: bool,
    is_weak: bool,
    is_serial_positive: bool,
}

/// Parts of a subject; the first value of each.
#[derive(Debug, Default)]
pub(super) struct Name {
    pub(super) common_name: String,
    pub(super) organization: String,
    pub(super) organizational_unit: String,
    pub(super) locality: String,
    pub(super) province: String,
    pub(super) country: String,
}

impl Name {
    fn new(name: &X509Name<'_>) -> Self {
        let mut out = Self::default();
        for attribute in name.iter_attributes() {
            let place = match attribute.attr_type().to_id_string().as_str() {
                "2.5.4.3" => &mut out.common_name,
                "2.5.4.10" => &mut out.organization,
                "2.5.4.11" => &mut out.organizational_unit,
                "2.5.4.7" => &mut out.locality,
                "2.5.4.8" => &mut out.province,
                "2.5.4.6" => &mut out.country,
                _ => continue,
            };
            if place.is_empty() {
                attribute.as_str().unwrap_or_default().clone_into(place);
            }
        }
        out
    }
}

/// Reads one certificate.
pub(super) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err("there is something behind the certificate".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Facts {
    pub(super) fn new(certificate: &X509Certificate<'_>) -> Result<Self, String> {
        let read = |error: x509_parser::error::X509Error| error.to_string();
        let (mut dns_names, mut ips) = (Vec::new(), Vec::new());
        if let Some(names) = certificate.subject_alternative_name().map_err(read)? {
            for name in &names.value.general_names {
                match name {
                    GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
                    GeneralName::IPAddress(bytes) => ips.extend(ip(bytes).map(|ip| ip.to_string())),
                    _ => {}
                }
            }
        }
        let usage = certificate.key_usage().map_err(read)?.map(|usage| usage.value);
        let extended = certificate.extended_key_usage().map_err(read)?.map(|usage| usage.value);
        let basic = certificate.basic_constraints().map_err(read)?;
        let serial = certificate.raw_serial();
        Ok(Self {
            subject: Name::new(certificate.subject()),
            issuer_common_name: Name::new(certificate.issuer()).common_name,
            dns_names,
            ips,
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            key_usages: usage.map(usages).unwrap_or_default(),
            extended_key_usages: extended.map(extended_usages).unwrap_or_default(),
            key_type: key_type(certificate),
            serial_number: hexadecimal(serial),
            public_key: certificate.public_key().subject_public_key.data.to_vec(),
            is_authority: basic.is_some_and(|basic| basic.value.ca),
            is_version_3: certificate.version().0 == 2,
            is_weak: WEAK.contains(&certificate.signature_algorithm.algorithm.to_id_string().as_str()),
            is_serial_positive: serial.first().is_some_and(|first| first & 0x80 == 0)
                && serial.iter().any(|byte| *byte != 0),
        })
    }

    /// What visitors would not accept of a server's certificate (edge 4.6). `now`: seconds since the Unix epoch.
    pub(super) fn complaints(&self, now: i64) -> Vec<&'static str> {
        let is_for_servers = |usage: &&str| matches!(*usage, "ServerAuth" | "Any");
        let extended = &self.extended_key_usages;
        let rules = [
            (self.is_version_3, "it is not of version 3"),
            (!self.is_authority, "it is that of a certificate authority"),
            (self.not_after > now, "it has expired"),
            (
                !self.dns_names.is_empty() || !self.ips.is_empty(),
                "it has no subject alternative names",
            ),
            (
                extended.is_empty() || extended.iter().any(is_for_servers),
                "its extended key usage does not allow servers",
            ),
            (
                self.key_usages.is_empty() || self.key_usages.contains(&"DigitalSignature"),
                "its key usage does not allow digital signatures",
            ),
            (!self.is_weak, "its signature uses SHA-1 or MD5"),
            (self.is_serial_positive, "its serial number is not positive"),
            (
                !self.key_type.is_empty(),
                "its key is neither RSA nor ECDSA nor Ed25519",
            ),
        ];
        rules
            .iter()
            .filter(|(holds, _)| !holds)
            .map(|(_, text)| *text)
            .collect()
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

fn hexadecimal(serial: &[u8]) -> String {
    let text: String = serial.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = text.trim_start_matches('0');
    if text.is_empty() {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

fn key_type(certificate: &X509Certificate<'_>) -> &'static str {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(_)) => "rsa",
        Ok(PublicKey::EC(_)) => "ecdsa",
        _ if certificate.public_key().algorithm.algorithm.to_id_string() == "1.3.101.112" => "ed25519",
        _ => "",
    }
}

fn usages(usage: &KeyUsage) -> Vec<&'static str> {
    let all = [
        (usage.digital_signature(), "DigitalSignature"),
        (usage.non_repudiation(), "ContentCommitment"),
        (usage.key_encipherment(), "KeyEncipherment"),
        (usage.data_encipherment(), "DataEncipherment"),
        (usage.key_agreement(), "KeyAgreement"),
        (usage.key_cert_sign(), "CertSign"),
        (usage.crl_sign(), "CRLSign"),
        (usage.encipher_only(), "EncipherOnly"),
        (usage.decipher_only(), "DecipherOnly"),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect()
}

fn extended_usages(usage: &ExtendedKeyUsage<'_>) -> Vec<&'static str> {
    let all = [
        (usage.any, "Any"),
        (usage.server_auth, "ServerAuth"),
        (usage.client_auth, "ClientAuth"),
        (usage.code_signing, "CodeSigning"),
        (usage.email_protection, "EmailProtection"),
        (usage.time_stamping, "TimeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect()
}
