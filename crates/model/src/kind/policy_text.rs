//! What is checked of the text of a traffic policy wherever an object has one, and what such a text names. What the
//! language says of it (phases, actions, expressions) is asked of the crate `policy` by whoever writes.

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use serde_json::Value;

use crate::problem::Problem;

/// Longest policy in bytes.
pub const MAX_POLICY: usize = 512 * 1024;
/// Most mappings, lists and values of a policy, aliases counted as what they stand for.
const MAX_NODES: usize = 50_000;

fn read(text: &str) -> Result<Value, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: MAX_NODES },
    };
    serde_saphyr::from_str_with_options(text, options)
}

/// A policy is a mapping, as YAML or as JSON; `field` holds it.
pub(super) fn check(field: &'static str, text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new(ErrorCode::NGROK_18011, field));
    }
    let refuse = |error: String| Problem::new(ErrorCode::NGROK_2236, field).value("error", error);
    match read(text) {
        Ok(Value::Object(_)) => Ok(()),
        Ok(_) => Err(refuse("it is no mapping".to_owned())),
        Err(error) => {
            let location = error.location();
            let problem = refuse(first_line(&error.to_string()));
            Err(match location {
                Some(at) => problem
                    .detail("line", at.line().to_string())
                    .detail("column", at.column().to_string()),
                None => problem,
            })
        }
    }
}

/// Rules of a policy, all phases together; 0 if it cannot be read.
pub(super) fn rule_count(text: &str) -> usize {
    let Ok(Value::Object(phases)) = read(text) else {
        return 0;
    };
    phases.values().filter_map(Value::as_array).map(Vec::len).sum()
}

/// IP policies that a policy names, each once, in their order: the ids in its lists `ip_policies`.
pub(super) fn ip_policies(text: &str) -> Vec<Id> {
    ids(text, "ip_policies", Prefix::IpPolicy)
}

/// Certificate authorities that a policy names by id, likewise.
pub(super) fn authorities(text: &str) -> Vec<Id> {
    ids(text, "mutual_tls_certificate_authorities", Prefix::CertificateAuthority)
}

/// The ids of a kind in lists of this name.
fn ids(text: &str, list: &str, prefix: Prefix) -> Vec<Id> {
    let mut found = Vec::new();
    // Of the document and not its text: names may be written with escapes.
    if let Ok(policy) = read(text) {
        collect(&policy, (list, prefix), false, &mut found);
    }
    found
}

fn collect(value: &Value, wanted: (&str, Prefix), is_list: bool, found: &mut Vec<Id>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| collect(value, wanted, name == wanted.0, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, wanted, is_list, found)),
        Value::String(text) if is_list => {
            let id = Id::parse_as(wanted.1, text).ok();
            found.extend(id.filter(|id| !found.contains(id)));
        }
        _ => {}
    }
}

/// Errors of the parser show the text around the place below their first line: it may hold secrets.
fn first_line(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
