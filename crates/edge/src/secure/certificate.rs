//! Certificates as policies see them (traffic policy 3.1) and as upstreams are told of a visitor's (edge 4.10).

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use adit_policy::Value;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer as _, GeneralName, X509Certificate, X509Name};

/// What is told of a certificate.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Fields under their names below `conn.tls.client` or `conn.tls.server`.
    pub(crate) fields: Arc<[(String, Value)]>,
    /// Its common name; empty without one.
    pub(crate) common_name: String,
    /// Its serial number in lower-case hexadecimal digits.
    pub(crate) serial_number: String,
    /// Fields of requests: names, and values that may stand in a head.
    pub(crate) headers: Vec<(&'static [u8], String)>,
    /// Those that are added with `tls_headers: full`.
    pub(crate) full_headers: Vec<(&'static [u8], String)>,
}

/// Reads a certificate. One that cannot be read has no fields but its bytes: the handshake has accepted it.
///
/// `verified`: of a visitor's, whether an authority that is asked for has issued it.
pub(crate) fn told(der: &[u8], verified: Option<bool>) -> Told {
    let mut fields = Vec::with_capacity(40);
    let mut put = |name: &str, value: Value| fields.push((name.to_owned(), value));
    put("pem", pem(der).into());
    put("fingerprint_sha256", hexadecimal(digest(&SHA256, der).as_ref()).into());
    if let Some(verified) = verified {
        put("verified", verified.into());
    }
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Told {
            fields: fields.into(),
            ..Told::default()
        };
    };
    let names = Names::of(&certificate);
    let common_name = name_fields("subject", certificate.subject(), &mut fields);
    name_fields("issuer", certificate.issuer(), &mut fields);
    let serial_number = serial(certificate.raw_serial());
    let mut put = |name: &str, value: Value| fields.push((name.to_owned(), value));
    put("san", names.text().into());
    put("san.dns_names", list(&names.dns));
    put("san.ip_addresses", list(&names.ips));
    put("san.email_addresses", list(&names.emails));
    put("san.uris", list(&names.uris));
    put("serial_number", serial_number.as_str().into());
    put("signature_algorithm", algorithm(&certificate).into());
    let validity = certificate.validity();
    put(
        "validity.not_before",
        Value::Timestamp(micros(validity.not_before.timestamp())),
    );
    put(
        "validity.not_after",
        Value::Timestamp(micros(validity.not_after.timestamp())),
    );
    let extensions = certificate.extensions().iter().map(|extension| {
        Value::record([
            ("id", Value::from(extension.oid.to_id_string())),
            ("critical", Value::Bool(extension.critical)),
            ("value", Value::Bytes(extension.value.to_vec())),
        ])
    });
    put("extensions", Value::List(extensions.collect()));
    let headers = [
        (&b"Ngrok-Mtls-Subject-Cn"[..], common_name.clone()),
        (b"Ngrok-Mtls-Subject-Alt-Name-Dns", names.dns.join(",")),
        (b"Ngrok-Mtls-Email-Addresses", names.emails.join(",")),
        (b"Ngrok-Mtls-Serial-Number", serial_number.clone()),
    ];
    let text = |name: &str| match fields.iter().find(|(known, _)| known == name) {
        Some((_, Value::Text(text))) => text.clone(),
        _ => String::new(),
    };
    let full_headers = [
        (&b"Adit-Mtls-Fingerprint-Sha256"[..], text("fingerprint_sha256")),
        (b"Adit-Mtls-Subject", text("subject")),
        (b"Adit-Mtls-Issuer", text("issuer")),
        (b"Adit-Mtls-Uris", names.uris.join(",")),
        // A byte sequence (RFC 9440, section 2.2).
        (
            b"Client-Cert",
            format!(":{}:", base64::engine::general_purpose::STANDARD.encode(der)),
        ),
    ];
    Told {
        headers: values(headers),
        full_headers: values(full_headers),
        fields: fields.into(),
        common_name,
        serial_number,
    }
}

/// Those that have a value which may stand in a head.
fn values<const N: usize>(headers: [(&'static [u8], String); N]) -> Vec<(&'static [u8], String)> {
    let headers = headers.into_iter().filter(|(_, value)| !value.is_empty());
    let headers = headers.filter_map(|(name, value)| Some((name, header_value(&value)?)));
    headers.collect()
}

fn micros(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000)
}

fn list(values: &[String]) -> Value {
    Value::List(values.iter().map(|value| Value::from(value.as_str())).collect())
}

/// A value for a head: what is not ASCII is written as RFC 8187 says. `None`: it would break the head.
fn header_value(value: &str) -> Option<String> {
    if value.contains(['\r', '\n', '\0']) {
        return None;
    }
    if value.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Some(value.to_owned());
    }
    let mut out = "UTF-8''".to_owned();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Some(out)
}

/// Names beside the subject.
#[derive(Default)]
struct Names {
    dns: Vec<String>,
    ips: Vec<String>,
    emails: Vec<String>,
    uris: Vec<String>,
}

impl Names {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let mut out = Self::default();
        let found = certificate.subject_alternative_name().ok().flatten();
        for name in found.iter().flat_map(|found| &found.value.general_names) {
            match name {
                GeneralName::DNSName(name) => out.dns.push((*name).to_owned()),
                GeneralName::RFC822Name(name) => out.emails.push((*name).to_owned()),
                GeneralName::URI(name) => out.uris.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => out.ips.extend(ip(bytes).map(|ip| ip.to_string())),
                _ => {}
            }
        }
        out
    }

    /// As the documentation shows them.
    fn text(&self) -> String {
        let kinds = [
            ("DNS", &self.dns),
            ("IP Address", &self.ips),
            ("email", &self.emails),
            ("URI", &self.uris),
        ];
        let all = kinds
            .iter()
            .flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind}:{name}")));
        all.collect::<Vec<_>>().join(", ")
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

/// Parts of a name: their object ids, short names (RFC 2253), and names as fields.
const PARTS: [(&str, &str, &str); 10] = [
    ("2.5.4.3", "CN", "common_name"),
    ("2.5.4.6", "C", "country"),
    ("2.5.4.7", "L", "locality"),
    ("2.5.4.10", "O", "organization"),
    ("2.5.4.11", "OU", "organizational_unit"),
    ("2.5.4.17", "POSTALCODE", "postal_code"),
    ("2.5.4.8", "ST", "province"),
    ("2.5.4.9", "STREET", "street_address"),
    ("2.5.4.5", "SERIALNUMBER", ""),
    ("0.9.2342.19200300.100.1.25", "DC", ""),
];

/// Puts the text of a name and its parts; the common name.
fn name_fields(prefix: &str, name: &X509Name<'_>, fields: &mut Vec<(String, Value)>) -> String {
    let (mut common_name, mut parts) = (String::new(), [const { Vec::new() }; PARTS.len()]);
    let mut whole = Vec::new();
    // The last one stands first (RFC 2253, section 2.1).
    for set in name.iter_rdn().collect::<Vec<_>>().iter().rev() {
        let one = set.iter().map(|attribute| {
            let id = attribute.attr_type().to_id_string();
            let known = PARTS.iter().position(|(known, ..)| *known == id);
            let (short, value) = match known.and_then(|at| PARTS.get(at)) {
                Some((_, short, _)) => ((*short).to_owned(), escaped(&text(attribute))),
                None => (id, format!("#{}", hexadecimal(attribute.as_slice()))),
            };
            format!("{short}={value}")
        });
        whole.push(one.collect::<Vec<_>>().join("+"));
    }
    for attribute in name.iter_attributes() {
        let id = attribute.attr_type().to_id_string();
        if let Some(at) = PARTS.iter().position(|(known, ..)| *known == id)
            && let Some(values) = parts.get_mut(at)
        {
            values.push(text(attribute));
        }
    }
    for ((_, _, field), values) in PARTS.iter().zip(parts) {
        match *field {
            "" => {}
            "common_name" => {
                common_name = values.into_iter().next_back().unwrap_or_default();
                let value = Value::from(common_name.as_str());
                fields.push((format!("{prefix}.common_name"), value));
            }
            field => fields.push((format!("{prefix}.{field}"), list(&values))),
        }
    }
    fields.push((prefix.to_owned(), whole.join(",").into()));
    common_name
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> String {
    let plain = attribute.as_str().map(str::to_owned);
    plain.unwrap_or_else(|_| String::from_utf8_lossy(attribute.as_slice()).into_owned())
}

/// A value as it stands in the text of a name (RFC 2253, section 2.4).
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let is_special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (at == 0 && matches!(c, ' ' | '#'))
            || (at == last && c == ' ');
        if is_special {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn serial(bytes: &[u8]) -> String {
    let all = hexadecimal(bytes);
    let text = all.trim_start_matches('0');
    if text.is_empty() { "0" } else { text }.to_owned()
}

/// The signature's algorithm by the names that Go has for them.
fn algorithm(certificate: &X509Certificate<'_>) -> String {
    let algorithm = &certificate.signature_algorithm;
    let id = algorithm.algorithm.to_id_string();
    match id.as_str() {
        "1.2.840.113549.1.1.5" => "SHA1-RSA",
        "1.2.840.113549.1.1.11" => "SHA256-RSA",
        "1.2.840.113549.1.1.12" => "SHA384-RSA",
        "1.2.840.113549.1.1.13" => "SHA512-RSA",
        "1.2.840.113549.1.1.10" => return pss(algorithm),
        "1.2.840.10045.4.1" => "ECDSA-SHA1",
        "1.2.840.10045.4.3.2" => "ECDSA-SHA256",
        "1.2.840.10045.4.3.3" => "ECDSA-SHA384",
        "1.2.840.10045.4.3.4" => "ECDSA-SHA512",
        "1.3.101.112" => "Ed25519",
        _ => return id,
    }
    .to_owned()
}

/// RSASSA-PSS says its hash in its parameters.
fn pss(algorithm: &x509_parser::x509::AlgorithmIdentifier<'_>) -> String {
    use x509_parser::signature_algorithm::{RsaSsaPssParams, SignatureAlgorithm};
    let hash = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(params)) => {
            let params: RsaSsaPssParams<'_> = *params;
            params.hash_algorithm_oid().to_id_string()
        }
        _ => String::new(),
    };
    match hash.as_str() {
        "2.16.840.1.101.3.4.2.2" => "SHA384-RSAPSS",
        "2.16.840.1.101.3.4.2.3" => "SHA512-RSAPSS",
        _ => "SHA256-RSAPSS",
    }
    .to_owned()
}

fn pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at_checked(64).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(change: impl FnOnce(&mut rcgen::CertificateParams)) -> Vec<u8> {
        use rcgen::{DnType, DnValue, SanType};
        let mut params = rcgen::CertificateParams::new(["a.example.com".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in [
            (DnType::CountryName, "DE"),
            (DnType::OrganizationName, "Example, Inc"),
            (DnType::CommonName, "dev 1"),
        ] {
            params
                .distinguished_name
                .push(kind, DnValue::Utf8String(value.to_owned()));
        }
        params
            .subject_alt_names
            .push(SanType::IpAddress(IpAddr::from([192, 0, 2, 1])));
        params
            .subject_alt_names
            .push(SanType::Rfc822Name("a@example.com".try_into().unwrap()));
        params
            .subject_alt_names
            .push(SanType::URI("spiffe://x/y".try_into().unwrap()));
        params.serial_number = Some(0x1234_u64.into());
        params.not_before = rcgen::date_time_ymd(2026, 1, 2);
        change(&mut params);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn everything_in_a_certificate_has_its_name() {
        let der = made(|_| {});
        let told = told(&der, Some(true));
        let field = |name: &str| {
            let found = told.fields.iter().find(|(known, _)| known == name);
            found.unwrap_or_else(|| panic!("no {name}")).1.to_text()
        };
        for (name, value) in [
            ("subject", "CN=dev 1,O=Example\\, Inc,C=DE"),
            ("issuer.common_name", "dev 1"),
            ("subject.organization", "[\"Example, Inc\"]"),
            ("subject.locality", "[]"),
            (
                "san",
                "DNS:a.example.com, IP Address:192.0.2.1, email:a@example.com, URI:spiffe://x/y",
            ),
            ("san.uris", "[\"spiffe://x/y\"]"),
            ("serial_number", "1234"),
            ("signature_algorithm", "ECDSA-SHA256"),
            ("validity.not_before", "2026-01-02T00:00:00Z"),
            ("verified", "true"),
        ] {
            assert_eq!(field(name), value, "{name}");
        }
        assert_eq!(field("fingerprint_sha256").len(), 64);
        assert!(field("pem").starts_with("-----BEGIN CERTIFICATE-----\nMII"));
        assert!(field("extensions").contains("2.5.29.17"));
        assert_eq!(
            told.headers,
            [
                (&b"Ngrok-Mtls-Subject-Cn"[..], "dev 1".to_owned()),
                (b"Ngrok-Mtls-Subject-Alt-Name-Dns", "a.example.com".to_owned()),
                (b"Ngrok-Mtls-Email-Addresses", "a@example.com".to_owned()),
                (b"Ngrok-Mtls-Serial-Number", "1234".to_owned()),
            ]
        );
    }

    #[test]
    fn values_in_heads_break_nothing() {
        assert_eq!(header_value("a b"), Some("a b".to_owned()));
        assert_eq!(header_value("é;"), Some("UTF-8''%C3%A9%3B".to_owned()));
        assert_eq!(header_value("a\r\nb: c"), None);
        assert_eq!(escaped(" #a,b "), "\\ #a\\,b\\ ");
        let nothing = told(b"nothing", None);
        assert!(nothing.headers.is_empty() && nothing.fields.len() == 2);
    }
}
