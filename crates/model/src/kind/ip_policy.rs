//! IP policies: named sets of rules (control plane 2.8).

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;

use super::{Kind, Surface, claim_nothing, refer_to_nothing, show_as_stored};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;

/// IP policies.
pub static KIND: Kind = Kind {
    name: "ip_policy",
    noun: "IP policy",
    operations: "IPPolicies",
    prefix: Prefix::IpPolicy,
    path: "ip_policies",
    list_key: "ip_policies",
    schema: 1,
    permission: "ip_policies",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Sets of rules that say which addresses are allowed.",
    fields: &[
        Field::description(None),
        Field::metadata(None),
        Field::set("action", Form::Text(64), "Refused: each rule has its action.").legacy(),
    ],
    empty_update: Some(ErrorCode::NGROK_1400),
    complete,
    claims: claim_nothing,
    references: refer_to_nothing,
    show: show_as_stored,
};

fn complete(object: &mut Object, _: Option<&Object>, _: &Context) -> Vec<Problem> {
    if object.text("action").is_empty() {
        return Vec::new();
    }
    vec![Problem::new(ErrorCode::NGROK_1423, "action")]
}
