//! TLS certificates with their keys, which visitors of domains see.

use adit_names::code::ErrorCode;
use adit_names::host;
use adit_names::id::Prefix;
use serde_json::{Value, json};

use super::super::{Kind, Surface, claim_nothing, refer_to_nothing, show_as_stored};
use super::facts::{self, Facts};
use super::private_key::{self, MAX_KEY};
use super::{certificates, chain, time, unusable};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::secret::SecretForm;

/// Longest text of a chain in bytes.
pub const MAX_CHAIN: usize = 64 * 1024;
/// Most certificates of a chain.
pub const MAX_CERTIFICATES: usize = 10;
const FIELD: &str = "certificate_pem";

const NAMES: &[Field] = &[
    Field::shown("dns_names", Form::Texts(1000, 253), "Names that it is valid for."),
    Field::shown("ips", Form::Texts(1000, 64), "Addresses that it is valid for."),
];

/// TLS certificates.
pub static KIND: Kind = Kind {
    name: "tls_certificate",
    noun: "TLS certificate",
    operations: "TLSCertificates",
    prefix: Prefix::Certificate,
    path: "tls_certificates",
    list_key: "tls_certificates",
    schema: 1,
    permission: "tls_certificates",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Certificates with their keys, which visitors of your domains see.",
    fields: &[
        Field::description(Some(ErrorCode::NGROK_1914)),
        Field::metadata(Some(ErrorCode::NGROK_1915)),
        Field::once(FIELD, Form::Text(MAX_CHAIN), "The chain in PEM, the leaf first.")
            .required(Some(ErrorCode::NGROK_1922))
            .error(ErrorCode::NGROK_1921),
        Field::shown("subject_common_name", Form::Text(255), "Common name of its subject."),
        Field::shown(
            "subject_alternative_names",
            Form::Object(NAMES),
            "What it is valid for.",
        ),
        Field::shown(
            "issued_at",
            Form::Timestamp,
            "When it was obtained automatically; null if it was uploaded.",
        )
        .nullable(),
        Field::shown("not_before", Form::Timestamp, "When it begins to be valid."),
        Field::shown("not_after", Form::Timestamp, "When it ends to be valid."),
        Field::shown("key_usages", Form::Texts(9, 32), "What its key may do."),
        Field::shown("extended_key_usages", Form::Texts(16, 32), "What it may be used for."),
        Field::shown(
            "private_key_type",
            Form::Text(16),
            "Type of its key: rsa, ecdsa or ed25519.",
        ),
        Field::shown("issuer_common_name", Form::Text(255), "Common name of who issued it."),
        Field::shown("serial_number", Form::Text(64), "Its serial number, hexadecimal."),
        Field::shown("subject_organization", Form::Text(255), "Organisation of its subject."),
        Field::shown("subject_organizational_unit", Form::Text(255), "Unit of its subject."),
        Field::shown("subject_locality", Form::Text(255), "Place of its subject."),
        Field::shown("subject_province", Form::Text(255), "Province of its subject."),
        Field::shown("subject_country", Form::Text(255), "Country of its subject."),
        Field::once(
            "private_key_pem",
            Form::Text(MAX_KEY),
            "The key of the leaf in PEM; never shown.",
        )
        .required(Some(ErrorCode::NGROK_1901))
        .error(ErrorCode::NGROK_1921)
        .secret(SecretForm::Sealed)
        .hidden(),
    ],
    empty_update: None,
    complete,
    claims: claim_nothing,
    references: refer_to_nothing,
    show: show_as_stored,
};

fn complete(object: &mut Object, old: Option<&Object>, ctx: &Context) -> Vec<Problem> {
    if old.is_some() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let leaf = read_chain(object.text(FIELD), ctx, &mut found);
    let public_key = private_key::public_key(object.text("private_key_pem"));
    if let (Some(leaf), Ok(public_key)) = (&leaf, &public_key)
        && leaf.public_key != *public_key
    {
        found.push(Problem::new(ErrorCode::NGROK_1923, "private_key_pem"));
    }
    found.extend(public_key.err());
    if let Some(leaf) = leaf {
        describe(object, &leaf);
    }
    found
}

/// What the leaf says, if it can be read; whatever is wrong with the chain.
fn read_chain(text: &str, ctx: &Context, found: &mut Vec<Problem>) -> Option<Facts> {
    let ders = match certificates(text, FIELD) {
        Ok(ders) => ders,
        Err(problem) => {
            found.push(problem);
            return None;
        }
    };
    if ders.len() > MAX_CERTIFICATES {
        found.push(unusable(FIELD, format!("there are more than {MAX_CERTIFICATES}")));
        return None;
    }
    let mut chain = Vec::new();
    let mut facts = Vec::new();
    for (at, der) in ders.iter().enumerate() {
        let parsed = facts::parse(der).and_then(|certificate| Ok((Facts::new(&certificate)?, certificate)));
        match parsed {
            Ok((fact, certificate)) => {
                facts.push(fact);
                chain.push(certificate);
            }
            Err(error) => {
                found.push(unusable(FIELD, format!("certificate {}: {error}", at + 1)));
                return None;
            }
        }
    }
    match chain::check(&chain, &facts) {
        Ok(()) => {
            let now = ctx.now.div_euclid(1_000_000);
            let complaints = facts.first().map(|leaf| leaf.complaints(now)).unwrap_or_default();
            found.extend(complaints.into_iter().map(|error| unusable(FIELD, error)));
        }
        // What stands first is then perhaps not the leaf.
        Err(problem) => found.push(problem),
    }
    let is_ordered = found.iter().all(|problem| problem.code != ErrorCode::NGROK_1926);
    facts.into_iter().next().filter(|_| is_ordered)
}

fn describe(object: &mut Object, leaf: &Facts) {
    let mut put = |name: &str, value: Value| {
        object.body.insert(name.to_owned(), value);
    };
    let subject = &leaf.subject;
    put("subject_common_name", subject.common_name.as_str().into());
    put(
        "subject_alternative_names",
        json!({ "dns_names": leaf.dns_names, "ips": leaf.ips }),
    );
    put("issued_at", Value::Null);
    put("not_before", time(leaf.not_before).into());
    put("not_after", time(leaf.not_after).into());
    put("key_usages", leaf.key_usages.clone().into());
    put("extended_key_usages", leaf.extended_key_usages.clone().into());
    put("private_key_type", leaf.key_type.into());
    put("issuer_common_name", leaf.issuer_common_name.as_str().into());
    put("serial_number", leaf.serial_number.as_str().into());
    put("subject_organization", subject.organization.as_str().into());
    put(
        "subject_organizational_unit",
        subject.organizational_unit.as_str().into(),
    );
    put("subject_locality", subject.locality.as_str().into());
    put("subject_province", subject.province.as_str().into());
    put("subject_country", subject.country.as_str().into());
}

/// Names that a certificate is valid for.
pub fn names(certificate: &Object) -> impl Iterator<Item = &str> {
    let names = certificate
        .body
        .get("subject_alternative_names")
        .and_then(|names| names.get("dns_names"));
    let list = names.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// Does a certificate cover this domain (canonical)? A wildcard domain must stand in it literally; a wildcard in it
/// covers one label (RFC 6125 section 6.4.3). Otherwise attaching it is refused with `ERR_ADIT_2019`.
#[must_use]
pub fn covers(certificate: &Object, domain: &str) -> bool {
    let above = domain.split_once('.').map_or("", |(_, above)| above);
    let is_wildcard = domain.starts_with("*.");
    names(certificate).any(|name| {
        let name = name.to_ascii_lowercase();
        name == domain
            || !is_wildcard
                && name
                    .strip_prefix("*.")
                    .is_some_and(|base| base == above && host::is_below(domain, base))
    })
}
