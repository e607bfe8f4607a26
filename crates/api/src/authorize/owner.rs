//! Whose keys and authtokens somebody may make or change (control plane 2.5, 3.6).

use std::collections::HashSet;

use adit_model::Object;
use adit_names::code::ErrorCode;
use adit_names::id::Id;
use serde_json::{Map, Value};

use super::matrix::Matrix;
use super::write::Wish;
use crate::access::{Access, Caller, Rights, same};
use crate::error::ApiError;

/// Kinds whose owner decides what they are good for.
const OWNED: &[&str] = &["api_key", "credential", "ssh_credential"];

/// Fields that decide what a key is good for. Others may be changed for anybody's.
const STRENGTH: &[&str] = &[
    "permissions",
    "expires_at",
    "disabled",
    "ip_policy_ids",
    "acl",
    "ingress_ids",
];

/// Whether this may be made for its owner.
///
/// # Errors
/// 630 for another's without `members:manage`; 634 unknown, 636 inactive owner; `ERR_ADIT_2008` if the owner has
/// rights that the caller has not, or the key more than its own; 635 if the owner cannot write what the key shall.
pub(crate) fn create(wish: &Wish<'_>, next: &Object) -> Result<(), ApiError> {
    if !OWNED.contains(&next.kind.as_str()) {
        return Ok(());
    }
    let caller = wish.caller;
    let Some(owner) = next.owner.or(caller.principal) else {
        return Err(caller.lacks("members:manage"));
    };
    let rights = may_for(wish, owner)?;
    within_key(wish, next)?;
    if next.kind == "api_key" {
        let asked = crate::access::permissions(next.texts("permissions"));
        if asked.iter().any(|p| is_write(p)) && !can_write(&rights) {
            return Err(ApiError::new(ErrorCode::NGROK_635, &[]));
        }
        if let Some(more) = asked.iter().find(|p| rights.reach(p).is_nothing()) {
            return Err(caller.lacks(more));
        }
    }
    Ok(())
}

/// Who shall own what a body makes: its `owner_id` (an id or e-mail address), `owner_email` or `scim_user_id`, else the
/// caller.
///
/// # Errors
/// 630 for another's without `members:manage`, 634 if there is no such member or service user.
pub(crate) fn of_body(access: &Access, caller: &Caller, body: &Map<String, Value>) -> Result<Option<Id>, ApiError> {
    let fields = ["owner_id", "owner_email", "scim_user_id"].into_iter();
    let text = fields.filter_map(|f| body.get(f)?.as_str()).find(|t| !t.is_empty());
    let Some(text) = text else {
        return Ok(caller.principal);
    };
    let tables = access.read();
    let person = match text.parse::<Id>() {
        Ok(id) => tables.person(caller.organization, id),
        Err(_) => tables.member_by_email(caller.organization, text),
    };
    if let Some(person) = person {
        return Ok(Some(person.principal));
    }
    let code = if caller.reach("members:manage").is_nothing() {
        ErrorCode::NGROK_630
    } else {
        ErrorCode::NGROK_634
    };
    Err(ApiError::new(code, &[("owner", text)]).detail("field", "owner_id"))
}

/// Whether this may be changed.
///
/// # Errors
/// As [`create`], if the change concerns what it is good for.
pub(crate) fn update(wish: &Wish<'_>, current: &Object, next: &Object) -> Result<(), ApiError> {
    let same = |field: &&&str| current.body.get(**field) == next.body.get(**field);
    if !OWNED.contains(&next.kind.as_str()) || STRENGTH.iter().all(|field| same(&field)) {
        return Ok(());
    }
    create(wish, next)
}

/// The rights of an owner, if the caller may make something for him.
fn may_for(wish: &Wish<'_>, owner: Id) -> Result<Rights, ApiError> {
    let caller = wish.caller;
    if caller.principal.is_some_and(|own| same(own, owner)) {
        return Ok(caller.rights.clone());
    }
    let refused = |code| {
        let text = owner.to_string();
        ApiError::new(code, &[("owner", &text)]).detail("field", "owner_id")
    };
    if caller.reach("members:manage").is_nothing() {
        return Err(refused(ErrorCode::NGROK_630).detail("permission", "members:manage"));
    }
    caller.is_recent()?;
    let tables = wish.access.read();
    let person = tables.person(caller.organization, owner);
    let person = person.ok_or_else(|| refused(ErrorCode::NGROK_634))?;
    if !tables.is_active(person) {
        return Err(refused(ErrorCode::NGROK_636));
    }
    let rights = tables.rights(person);
    match caller.rights.lacks_of(&rights) {
        Some(more) => Err(caller.lacks(more)),
        None => Ok(rights),
    }
}

/// A limited key makes no key that may more.
fn within_key(wish: &Wish<'_>, next: &Object) -> Result<(), ApiError> {
    let (Some(own), "api_key") = (&wish.caller.only, next.kind.as_str()) else {
        return Ok(());
    };
    let asked: HashSet<&str> = crate::access::permissions(next.texts("permissions"));
    let more = if next.texts("permissions").next().is_none() {
        // Without a limit it may all that its owner may.
        Matrix::get().permissions().into_iter().find(|p| !own.contains(p))
    } else {
        asked.into_iter().find(|p| !own.contains(p))
    };
    match more {
        Some(more) => Err(wish.caller.lacks(more)),
        None => Ok(()),
    }
}

/// Whether who has a permission can change something by it.
fn is_write(permission: &str) -> bool {
    let verb = permission.rsplit(':').next().unwrap_or_default();
    ["create", "update", "delete", "manage", "control", "invite"].contains(&verb)
}

/// Whether somebody may change anything beside what is his own.
fn can_write(rights: &Rights) -> bool {
    let all = Matrix::get().permissions().into_iter();
    all.filter(|p| is_write(p)).any(|p| {
        let reach = rights.reach(p);
        reach.all || !reach.selected.is_empty()
    })
}
