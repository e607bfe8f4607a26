//! Rules of IP policies (control plane 2.8, edge 6.1).

use std::net::IpAddr;

use adit_names::cidr::Cidr;
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value};

use super::{Kind, Surface, View, is_changed, reference_of};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};
use crate::timestamp;

/// Rules of IP policies.
pub static KIND: Kind = Kind {
    name: "ip_policy_rule",
    noun: "IP policy rule",
    operations: "IPPolicyRules",
    prefix: Prefix::IpPolicyRule,
    path: "ip_policy_rules",
    list_key: "ip_policy_rules",
    schema: 1,
    permission: "ip_policy_rules",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Ranges of addresses that an IP policy allows or denies.",
    fields: &[
        Field::description(Some(ErrorCode::NGROK_1421)),
        Field::metadata(None),
        Field::set(
            "cidr",
            Form::Text(128),
            "The range, as 203.0.113.0/24 or 2001:db8::/32.",
        )
        .required(Some(ErrorCode::NGROK_1406))
        .error(ErrorCode::NGROK_1406),
        Field::shown("ip_policy", Form::Any, "The IP policy that the rule belongs to."),
        Field::once(
            "ip_policy_id",
            Form::Id(&[Prefix::IpPolicy]),
            "The IP policy that the rule belongs to.",
        )
        .required(Some(ErrorCode::NGROK_1414))
        .error(ErrorCode::NGROK_1414)
        .hidden(),
        Field::once(
            "action",
            Form::Choice(&["allow", "deny"]),
            "What happens to addresses of the range.",
        )
        .required(Some(ErrorCode::NGROK_1422))
        .error(ErrorCode::NGROK_1422),
        Field::set("expires_at", Form::Timestamp, "When the rule ends; null if never.")
            .nullable()
            .addition(),
    ],
    empty_update: Some(ErrorCode::NGROK_1401),
    complete,
    claims,
    references,
    show,
};

fn complete(object: &mut Object, old: Option<&Object>, _: &Context) -> Vec<Problem> {
    if !is_changed(object, old, "cidr") {
        return Vec::new();
    }
    match canonical_cidr(object.text("cidr")) {
        Ok(cidr) => {
            object.body.insert("cidr".to_owned(), cidr.to_string().into());
            Vec::new()
        }
        Err(problem) => vec![problem],
    }
}

/// Reads a range strictly: with a mask (1413), without bits behind it (1409).
fn canonical_cidr(text: &str) -> Result<Cidr, Problem> {
    let refuse = |code: ErrorCode, suggestion: Option<String>| {
        let problem = Problem::new(code, "cidr").shown("value", text);
        match suggestion {
            Some(suggestion) => problem
                .value("suggestion", suggestion.clone())
                .detail("suggestion", suggestion),
            None => problem,
        }
    };
    let text = text.trim_ascii();
    let cidr: Cidr = text.parse().map_err(|_| refuse(ErrorCode::NGROK_1406, None))?;
    let Some((address, _)) = text.split_once('/') else {
        return Err(refuse(ErrorCode::NGROK_1413, Some(cidr.to_string())));
    };
    let address: IpAddr = address.parse().map_err(|_| refuse(ErrorCode::NGROK_1406, None))?;
    // A range of mapped addresses is kept as the IPv4 range that it means.
    let address = if cidr.network().is_ipv4() {
        address.to_canonical()
    } else {
        address
    };
    if address == cidr.network() {
        Ok(cidr)
    } else {
        Err(refuse(ErrorCode::NGROK_1409, Some(cidr.to_string())))
    }
}

fn claims(object: &Object) -> Vec<Claim> {
    let cidr = object.text("cidr");
    vec![Claim {
        class: "iprule",
        key: format!("{} {cidr}", object.text("ip_policy_id")),
        scope: Scope::Exact,
        taken: ErrorCode::NGROK_1408,
        foreign: ErrorCode::NGROK_1408,
    }]
}

fn references(object: &Object) -> Vec<Reference> {
    reference_of(object, "ip_policy_id", OnDelete::Cascade, ErrorCode::NGROK_1414)
        .into_iter()
        .collect()
}

fn show(object: &Object, out: &mut Map<String, Value>, view: &View<'_>) {
    if let Some(policy) = object.reference("ip_policy_id") {
        out.insert("ip_policy".to_owned(), view.link(&policy));
    }
}

/// A rule as it is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The policy that it belongs to.
    pub policy: Id,
    /// The range.
    pub cidr: Cidr,
    /// Whether addresses of the range are allowed or denied.
    pub allow: bool,
    /// Microseconds since the Unix epoch from which on it is void.
    pub expires_at: Option<i64>,
}

/// A rule as it is applied; `None` if it cannot be read, as one that a newer version wrote.
#[must_use]
pub fn rule(object: &Object) -> Option<Rule> {
    Some(Rule {
        policy: object.reference("ip_policy_id")?,
        cidr: object.text("cidr").parse().ok()?,
        allow: match object.text("action") {
            "allow" => true,
            "deny" => false,
            _ => return None,
        },
        expires_at: timestamp::micros(object.text("expires_at")),
    })
}
