//! Certificate authorities of visitors' and agents' certificates.

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use serde_json::Value;

use super::super::{Kind, Surface, claim_nothing, refer_to_nothing, show_as_stored};
use super::facts::{self, Facts};
use super::{certificates, revoked, time, unusable};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;

/// Longest text in bytes.
pub const MAX_PEM: usize = 256 * 1024;
/// Longest list of revoked certificates that stands in the object; larger ones are fetched.
pub const MAX_CRL: usize = 512 * 1024;
const FIELD: &str = "ca_pem";
const CRL: &str = "crl_pem";
const CRL_URL: &str = "crl_url";

/// Certificate authorities.
pub static KIND: Kind = Kind {
    name: "certificate_authority",
    noun: "certificate authority",
    operations: "CertificateAuthorities",
    prefix: Prefix::CertificateAuthority,
    path: "certificate_authorities",
    list_key: "certificate_authorities",
    schema: 1,
    permission: "certificate_authorities",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Authorities whose certificates visitors or agents show.",
    fields: &[
        Field::description(Some(ErrorCode::NGROK_1916)),
        Field::metadata(Some(ErrorCode::NGROK_1917)),
        Field::once(FIELD, Form::Text(MAX_PEM), "The authority's certificate in PEM.")
            .required(Some(ErrorCode::NGROK_1919))
            .error(ErrorCode::NGROK_1921),
        Field::shown("subject_common_name", Form::Text(255), "Common name of its subject."),
        Field::shown("not_before", Form::Timestamp, "When it begins to be valid."),
        Field::shown("not_after", Form::Timestamp, "When it ends to be valid."),
        Field::shown("key_usages", Form::Texts(9, 32), "What its key may do."),
        Field::shown("extended_key_usages", Form::Texts(16, 32), "What it may be used for."),
        Field::set(
            CRL,
            Form::Text(MAX_CRL),
            "Its list of revoked certificates in PEM; if one was fetched from a URL as well, the newer one counts.",
        )
        .addition(),
        Field::set(
            CRL_URL,
            Form::Text(2048),
            "Where its list of revoked certificates is, as DER or PEM of at most 10 MiB; fetched every hour.",
        )
        .addition(),
        Field::set(
            "crl_stale",
            Form::Choice(&["deny", "allow"]),
            "What a list is worth that cannot be had, or whose next one is a week late: deny lets in nobody whom the \
             authority vouches for, allow goes on with what is known.",
        )
        .default("\"deny\"")
        .addition(),
    ],
    empty_update: None,
    complete,
    claims: claim_nothing,
    references: refer_to_nothing,
    show: show_as_stored,
};

fn complete(object: &mut Object, old: Option<&Object>, _: &Context) -> Vec<Problem> {
    let mut found = Vec::new();
    if old.is_none() {
        match read(object.text(FIELD)) {
            Ok(facts) => describe(object, &facts),
            Err(problem) => return vec![problem],
        }
    }
    let list = object.text(CRL);
    if !list.is_empty()
        && let Err(error) = revoked::read(object.text(FIELD), list.as_bytes())
    {
        found.push(Problem::wrong(CRL, format!("a CRL of this authority in PEM: {error}")));
    }
    let url = object.text(CRL_URL);
    if !url.is_empty() && !is_url(url) {
        found.push(Problem::wrong(CRL_URL, "http:// or https://, a host and a path"));
    }
    found
}

/// Whether it has the form of a URL that can be asked; where it may lead is decided when it is.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    authority.is_some_and(|authority| !authority.is_empty() && !authority.contains('@'))
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

fn read(text: &str) -> Result<Facts, Problem> {
    let ders = certificates(text, FIELD)?;
    let mut all = Vec::new();
    for der in &ders {
        let facts = facts::parse(der).and_then(|certificate| Facts::new(&certificate));
        all.push(facts.map_err(|error| unusable(FIELD, error))?);
    }
    if all.len() > 1 {
        let names: Vec<_> = all.iter().map(|facts| facts.subject.common_name.as_str()).collect();
        return Err(Problem::new(ErrorCode::NGROK_1912, FIELD)
            .value("size", all.len().to_string())
            .shown("names", &names.join(", ")));
    }
    match all.pop() {
        Some(facts) if facts.is_authority => Ok(facts),
        _ => Err(Problem::new(ErrorCode::NGROK_1913, FIELD)),
    }
}

fn describe(object: &mut Object, facts: &Facts) {
    let mut put = |name: &str, value: Value| {
        object.body.insert(name.to_owned(), value);
    };
    put("subject_common_name", facts.subject.common_name.as_str().into());
    put("not_before", time(facts.not_before).into());
    put("not_after", time(facts.not_after).into());
    put("key_usages", facts.key_usages.clone().into());
    put("extended_key_usages", facts.extended_key_usages.clone().into());
}
