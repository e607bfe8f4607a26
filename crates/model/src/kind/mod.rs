//! The kinds, one file each.

pub mod agent_ingress;
pub mod api_key;
pub mod certificate;
mod certificate_policy;
pub mod credential;
pub mod endpoint;
pub mod endpoint_pool;
pub mod guardrail;
pub mod invitation;
pub mod ip_policy;
pub mod ip_policy_rule;
pub mod ip_restriction;
pub mod member;
pub mod organization;
mod owner;
mod policy_text;
pub mod reserved_addr;
pub mod reserved_domain;
pub mod role;
pub mod secret;
pub mod service_user;
pub mod user;
pub mod vault;

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value};

use crate::claim::Claim;
use crate::context::Context;
use crate::field::Field;
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};

/// Everything about one kind of resource.
#[derive(Debug)]
pub struct Kind {
    /// In the log and in events: `ip_policy_rule`.
    pub name: &'static str,
    /// In sentences: `IP policy rule`.
    pub noun: &'static str,
    /// Of its operations' names: `IPPolicyRules` in `IPPolicyRulesCreate`.
    pub operations: &'static str,
    /// Of its ids.
    pub prefix: Prefix,
    /// Its path without slashes: `ip_policy_rules`.
    pub path: &'static str,
    /// Key of its lists.
    pub list_key: &'static str,
    /// Raised when the meaning of stored bodies changes; a node does not write what is newer than it knows.
    pub schema: u32,
    /// Resource name of its permissions: `ip_policies` in `ip_policies:update`.
    pub permission: &'static str,
    /// Where it can be found.
    pub surface: Surface,
    /// Whether it can be made, changed, deleted through the API.
    pub operations_allowed: &'static str,
    /// One sentence for documents and `--help`.
    pub about: &'static str,
    /// Its fields beside `id`, `uri`, `created_at`; `description` and `metadata` are in it where it has them.
    pub fields: &'static [Field],
    /// The refusal of an update that gives nothing, if that is one.
    pub empty_update: Option<ErrorCode>,
    /// Makes values canonical, sets what follows from others, and checks what concerns several fields. `old` is the
    /// object before a change.
    pub complete: fn(&mut Object, old: Option<&Object>, &Context) -> Vec<Problem>,
    /// What it claims.
    pub claims: fn(&Object) -> Vec<Claim>,
    /// What it refers to.
    pub references: fn(&Object) -> Vec<Reference>,
    /// Changes the fields of an answer from how they are stored to how they are shown (references become
    /// `{"id", "uri"}`, what follows from the configuration is added).
    pub show: fn(&Object, &mut Map<String, Value>, &View<'_>),
}

/// Where a kind can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// At the path that ngrok's clients know; with Adit's additions below `/adit/`.
    Ngrok,
    /// Only below `/adit/`.
    Adit,
}

/// How an answer is made.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What URIs begin with: `https://api.example.com`.
    pub url: &'a str,
    /// With Adit's additions.
    pub additions: bool,
    /// Base domain of the installation, canonical.
    pub base_domain: &'a str,
}

impl View<'_> {
    /// `{"id", "uri"}` of another object; its uri is empty for users and service users, as with ngrok, unless
    /// additions are asked for.
    #[must_use]
    pub fn reference(&self, path: &str, id: &Id) -> Value {
        let is_person = matches!(id.prefix(), Prefix::User | Prefix::ServiceUser | Prefix::Bot);
        let uri = match (is_person, self.additions) {
            (true, false) => String::new(),
            (true, true) => format!("{}/adit/{path}/{id}", self.url),
            (false, _) => format!("{}/{path}/{id}", self.url),
        };
        serde_json::json!({ "id": id.to_string(), "uri": uri })
    }

    /// As [`View::reference`], with the path of the id's kind.
    #[must_use]
    pub fn link(&self, id: &Id) -> Value {
        self.reference(path_of(id), id)
    }

    /// The URI of an object of this kind. Bot users are service users at another path.
    #[must_use]
    pub fn uri(&self, kind: &Kind, id: &Id) -> String {
        let path = if id.prefix() == Prefix::Bot {
            "bot_users"
        } else {
            kind.path
        };
        match kind.surface {
            Surface::Ngrok => format!("{}/{path}/{id}", self.url),
            Surface::Adit => format!("{}/adit/{path}/{id}", self.url),
        }
    }
}

/// The path of the kind with this id's prefix; of kinds that are not stored, too.
fn path_of(id: &Id) -> &'static str {
    match id.prefix() {
        Prefix::Bot => "bot_users",
        Prefix::Session => "tunnel_sessions",
        Prefix::Tunnel => "tunnels",
        prefix => crate::catalogue::by_prefix(prefix).map_or("", |kind| kind.path),
    }
}

/// Of kinds that set and check nothing beyond their fields.
pub(crate) fn complete_nothing(_: &mut Object, _: Option<&Object>, _: &Context) -> Vec<Problem> {
    Vec::new()
}

/// Of kinds without claims.
pub(crate) fn claim_nothing(_: &Object) -> Vec<Claim> {
    Vec::new()
}

/// Of kinds without references.
pub(crate) fn refer_to_nothing(_: &Object) -> Vec<Reference> {
    Vec::new()
}

/// Of kinds that are shown as they are stored.
pub(crate) fn show_as_stored(_: &Object, _: &mut Map<String, Value>, _: &View<'_>) {}

/// Is the field new, or another than before the change?
pub(crate) fn is_changed(object: &Object, old: Option<&Object>, field: &str) -> bool {
    old.is_none_or(|old| old.body.get(field) != object.body.get(field))
}

/// References from a list of ids.
pub(crate) fn references_of(
    object: &Object,
    field: &'static str,
    on_delete: OnDelete,
    missing: ErrorCode,
) -> impl Iterator<Item = Reference> {
    object
        .texts(field)
        .filter_map(|text| text.parse().ok())
        .map(move |to| Reference {
            field,
            to,
            on_delete,
            missing,
        })
}

/// The reference of a field that may be empty.
pub(crate) fn reference_of(
    object: &Object,
    field: &'static str,
    on_delete: OnDelete,
    missing: ErrorCode,
) -> Option<Reference> {
    object.reference(field).map(|to| Reference {
        field,
        to,
        on_delete,
        missing,
    })
}

/// Names of the roles that are built in (control plane 3.5).
pub const BUILT_IN_ROLES: &[&str] = &[
    "admin",
    "security",
    "developer",
    "viewer",
    "auditor",
    "team-manager",
    "team-inviter",
    "agent",
];

/// Roles are given by id, built-in ones by name.
pub(crate) fn check_role_ids(object: &Object) -> Vec<Problem> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for (at, role) in object.texts("role_ids").enumerate() {
        let path = format!("role_ids[{at}]");
        if !BUILT_IN_ROLES.contains(&role) && Id::parse_as(Prefix::Role, role).is_err() {
            let supported = BUILT_IN_ROLES.join(", ");
            let problem = Problem::wrong(path, format!("it must be the id of a role or one of {supported}"));
            found.push(problem.detail("supported", supported));
        } else if seen.contains(&role) {
            found.push(Problem::wrong(path, "the same role stands in the list twice"));
        }
        seen.push(role);
    }
    found
}
