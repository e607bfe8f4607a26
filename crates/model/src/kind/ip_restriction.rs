//! IP restrictions of an organisation (control plane 2.8, edge 6.3).

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value};

use super::{Kind, Surface, View, complete_nothing, references_of};
use crate::claim::{Claim, Scope};
use crate::field::{Field, Form};
use crate::object::Object;
use crate::reference::{OnDelete, Reference};

/// Most policies of a restriction.
pub const MAX_POLICIES: usize = 10;

/// IP restrictions.
pub static KIND: Kind = Kind {
    name: "ip_restriction",
    noun: "IP restriction",
    operations: "IPRestrictions",
    prefix: Prefix::IpRestriction,
    path: "ip_restrictions",
    list_key: "ip_restrictions",
    schema: 1,
    permission: "ip_restrictions",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "From which addresses dashboard, API, agents and endpoints of the organisation can be reached.",
    fields: &[
        Field::description(None),
        Field::metadata(None),
        Field::set(
            "enforced",
            Form::Flag,
            "Whether other addresses are refused; otherwise they are only recorded.",
        ),
        Field::once(
            "type",
            Form::Choice(&["dashboard", "api", "agent", "endpoints"]),
            "What is restricted.",
        )
        .required(Some(ErrorCode::NGROK_1803))
        .error(ErrorCode::NGROK_1803),
        Field::shown("ip_policies", Form::Any, "The IP policies that say who is let in."),
        Field::set(
            "ip_policy_ids",
            Form::Ids(&[Prefix::IpPolicy], MAX_POLICIES),
            "The IP policies that say who is let in.",
        )
        .required(Some(ErrorCode::NGROK_1804))
        .error(ErrorCode::NGROK_1800)
        .hidden(),
    ],
    empty_update: None,
    complete: complete_nothing,
    claims,
    references,
    show,
};

fn claims(object: &Object) -> Vec<Claim> {
    vec![Claim {
        class: "restriction",
        key: format!("{} {}", object.organization, object.text("type")),
        scope: Scope::Exact,
        taken: ErrorCode::NGROK_1802,
        foreign: ErrorCode::NGROK_1802,
    }]
}

fn references(object: &Object) -> Vec<Reference> {
    let restrict = OnDelete::Restrict(ErrorCode::NGROK_1420);
    references_of(object, "ip_policy_ids", restrict, ErrorCode::NGROK_1801).collect()
}

fn show(object: &Object, out: &mut Map<String, Value>, view: &View<'_>) {
    let policies = object.texts("ip_policy_ids").filter_map(|text| text.parse().ok());
    let links = policies.map(|id: Id| view.link(&id)).collect();
    out.insert("ip_policies".to_owned(), Value::Array(links));
}

/// What a restriction is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The dashboard.
    Dashboard,
    /// This API.
    Api,
    /// Logins of agents.
    Agent,
    /// Visitors of all endpoints.
    Endpoints,
}

/// A restriction as it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// What it is about.
    pub target: Target,
    /// Whether it refuses, or only records.
    pub enforced: bool,
    /// Its policies.
    pub policies: Vec<Id>,
}

/// A restriction as it is applied; `None` if it cannot be read, as one that a newer version wrote.
#[must_use]
pub fn restriction(object: &Object) -> Option<Restriction> {
    let target = match object.text("type") {
        "dashboard" => Target::Dashboard,
        "api" => Target::Api,
        "agent" => Target::Agent,
        "endpoints" => Target::Endpoints,
        _ => return None,
    };
    let policies: Result<Vec<Id>, _> = object.texts("ip_policy_ids").map(str::parse).collect();
    Some(Restriction {
        target,
        enforced: object.flag("enforced"),
        policies: policies.ok()?,
    })
}
