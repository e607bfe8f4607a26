//! Which fields of a kind stand in the columns `f1` to `f8` of `objects`, so that lists can be filtered by them.
//!
//! A field that is not here is filtered row by row. The order of a kind's fields is what old rows were written with: a
//! new one goes to the end, and needs a migration that fills its column. `f1` and `f2` have an index.

use adit_model::Object;
use serde_json::Value;

/// Columns there are.
pub(crate) const COLUMNS: usize = 8;

const FIELDS: &[(&str, &[&str])] = &[
    ("agent_ingress", &["domain"]),
    (
        "certificate_authority",
        &["subject_common_name", "not_before", "not_after"],
    ),
    ("credential", &["acl"]),
    (
        "endpoint",
        &["url", "scheme", "binding", "type", "pooling_enabled", "name"],
    ),
    ("endpoint_pool", &["url", "name"]),
    ("guardrail", &["name", "mode"]),
    ("invitation", &["email", "state"]),
    ("ip_policy_rule", &["ip_policy_id", "cidr", "action"]),
    ("ip_restriction", &["type", "enforced"]),
    ("member", &["user_id", "active"]),
    ("organization", &["name", "suspended"]),
    ("reserved_addr", &["addr", "region"]),
    (
        "reserved_domain",
        &["domain", "region", "certificate_id", "cname_target"],
    ),
    ("role", &["name"]),
    ("secret", &["vault_id", "name"]),
    ("service_user", &["name", "active"]),
    (
        "tls_certificate",
        &["subject_common_name", "not_before", "not_after", "serial_number"],
    ),
    ("user", &["email", "name", "active"]),
    ("vault", &["name"]),
];

/// Fields of a kind that have a column, in the order of the columns.
pub(crate) fn fields(kind: &str) -> &'static [&'static str] {
    FIELDS
        .iter()
        .find(|(name, _)| *name == kind)
        .map_or(&[], |(_, fields)| fields)
}

/// What stands in the columns. Longer texts than PostgreSQL can index are cut, which a filter has to know.
pub(crate) fn values(object: &Object) -> [Option<String>; COLUMNS] {
    let mut out = [const { None }; COLUMNS];
    for (slot, field) in out.iter_mut().zip(fields(&object.kind)) {
        *slot = object.body.get(*field).and_then(text);
    }
    out
}

/// Longest text in a column, in bytes: a row of a PostgreSQL index holds some 2,700.
pub(crate) const LONGEST: usize = 1_024;

fn text(value: &Value) -> Option<String> {
    let mut text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    if text.len() > LONGEST {
        text.truncate(
            (0..=LONGEST)
                .rev()
                .find(|end| text.is_char_boundary(*end))
                .unwrap_or_default(),
        );
    }
    Some(text)
}
