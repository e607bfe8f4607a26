//! The kinds, one file each.

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value};

use crate::claim::Claim;
use crate::context::Context;
use crate::field::Field;
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::Reference;

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
    pub fn reference(&self, path: &str, id: &Id) -> Value {
        serde_json::json!({ "id": id.to_string(), "uri": format!("{}/{path}/{id}", self.url) })
    }
}
