//! Owners of API keys and credentials (control plane 2.5).

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use serde_json::Value;

use crate::field::{Field, Form};
use crate::kind::reference_of;
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};

/// `owner_id`, also by e-mail or SCIM user id: whoever makes the object looks them up and gives the owner beside the
/// body.
pub(super) const OWNER_ID: Field = Field::once(
    "owner_id",
    Form::Text(255),
    "Who owns it: a user or service user, by id or e-mail; you if nothing is given.",
)
.nullable();
pub(super) const OWNER_EMAIL: Field = Field::once(
    "owner_email",
    Form::Text(255),
    "Old form of owner_id: an e-mail address.",
)
.legacy();
pub(super) const SCIM_USER_ID: Field =
    Field::once("scim_user_id", Form::Text(255), "Old form of owner_id: a SCIM user id.").legacy();

/// Sets `owner_id` to the owner of the object. `fixed` is the refusal of another owner in a change.
pub(super) fn settle(object: &mut Object, old: Option<&Object>, fixed: ErrorCode, found: &mut Vec<Problem>) {
    let given: Vec<_> = ["owner_id", "owner_email", "scim_user_id"]
        .into_iter()
        .filter(|field| !object.text(field).is_empty())
        .collect();
    if let Some(old) = old {
        let email_given = given.iter().any(|field| *field != "owner_id");
        if email_given || object.text("owner_id") != old.text("owner_id") {
            found.push(Problem::new(fixed, "owner_id"));
        }
        return;
    }
    if let [_, second, ..] = given.as_slice() {
        found.push(Problem::new(ErrorCode::NGROK_631, *second));
    }
    let owner = object.owner.map_or(Value::Null, |id| id.to_string().into());
    object.body.insert("owner_id".to_owned(), owner);
}

/// A service user takes what it owns along. Users are not objects of one organisation: what they own goes with their
/// membership.
pub(super) fn reference(object: &Object) -> Option<Reference> {
    let is_ours = object.owner.is_some_and(|id| id.prefix() == Prefix::ServiceUser);
    reference_of(object, "owner_id", OnDelete::Cascade, ErrorCode::NGROK_634).filter(|_| is_ours)
}
