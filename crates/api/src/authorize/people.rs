//! Whom somebody may let in, change or send away, and which roles he may give (control plane 3.1, 3.5).

use std::sync::Arc;

use adit_model::Object;
use adit_names::code::ErrorCode;
use adit_names::id::Id;

use super::matrix::Matrix;
use super::write::Wish;
use crate::access::{Access, Caller, DEFAULT, Person, Rights, RoleRef, Selector, Tables};
use crate::error::ApiError;
use crate::filter::FilterError;

/// Whether a member, service user, user, invitation or role may be made (`current` is none), changed, or deleted
/// (`next` is none).
///
/// # Errors
/// 6602 for the last administrator; 6615 for roles above one's own rights, 6616 for people above them;
/// `ERR_ADIT_2108` for roles that are built in, 2109 and 2110 for roles and permissions that do not exist.
pub(crate) fn change(wish: &Wish<'_>, current: Option<&Object>, next: Option<&Object>) -> Result<(), ApiError> {
    let Some(object) = next.or(current) else {
        return Ok(());
    };
    match object.kind.as_str() {
        "member" | "service_user" => {
            let tables = wish.access.read();
            not_above(wish, &tables, object)?;
            if object.kind == "member" && current.is_none() {
                user_of(&tables, object)?;
            }
            if let Some(next) = next.filter(|next| gives_roles(current, next)) {
                give(wish, &tables, next)?;
            }
            last_administrator(wish, &tables, current, next)
        }
        "user" => {
            let tables = wish.access.read();
            not_above(wish, &tables, object)?;
            if current.is_some() && next.is_some() {
                not_elsewhere(wish.caller, &tables, object.id)?;
            }
            if current.is_some() && next.is_some_and(|next| !is_active(next)) {
                return someone_remains(&tables, object.id, None);
            }
            Ok(())
        }
        "invitation" => match next.filter(|next| gives_roles(current, next)) {
            Some(next) => may_give(wish, next),
            None => Ok(()),
        },
        "role" => role(wish, next),
        "organization" => organization(wish, current, next),
        _ => Ok(()),
    }
}

/// Whether a user may be sent away from an organisation, or from all of them.
///
/// # Errors
/// 6602, 6616.
pub(crate) fn may_send_away(wish: &Wish<'_>, user: &Object, from: Option<Id>) -> Result<(), ApiError> {
    let tables = wish.access.read();
    not_above(wish, &tables, user)?;
    someone_remains(&tables, user.id, from)
}

/// Whether a caller may give a user of his organisation a new password: his account may open more than this
/// organisation, and whoever has his password has his rights.
///
/// # Errors
/// 6616.
pub(crate) fn may_reset(access: &Access, caller: &Caller, user: Id) -> Result<(), ApiError> {
    may_reset_in(access, caller, user)?;
    not_elsewhere(caller, &access.read(), user)
}

/// Whether a caller may end a session of a user in his organisation.
///
/// # Errors
/// 6616.
pub(crate) fn may_reset_in(access: &Access, caller: &Caller, user: Id) -> Result<(), ApiError> {
    let tables = access.read();
    not_above_person(caller, &tables, tables.person(caller.organization, user))
}

/// What goes along when somebody leaves an organisation: the keys and authtokens that he has there.
pub(crate) fn along(wish: &Wish<'_>, going: &Object) -> Vec<Id> {
    if going.kind != "member" {
        return Vec::new();
    }
    let tables = wish.access.read();
    let person = tables.person_by_id(going.id);
    person.map_or_else(Vec::new, |p| tables.owned_by(p.organization, p.principal))
}

/// Nobody changes who has more rights than himself.
fn not_above(wish: &Wish<'_>, tables: &Tables, object: &Object) -> Result<(), ApiError> {
    let person = match object.kind.as_str() {
        "user" => tables.person(wish.caller.organization, object.id),
        _ => tables.person_by_id(object.id),
    };
    not_above_person(wish.caller, tables, person)
}

fn not_above_person(caller: &Caller, tables: &Tables, person: Option<&Arc<Person>>) -> Result<(), ApiError> {
    let more = person.and_then(|person| caller.rights.lacks_of(&tables.rights(person)));
    match more {
        Some(more) => {
            let error = ApiError::new(ErrorCode::NGROK_6616, &[("permission", more)]);
            Err(error.detail("permission", more))
        }
        None => Ok(()),
    }
}

/// A membership is somebody's.
fn user_of(tables: &Tables, membership: &Object) -> Result<(), ApiError> {
    let text = membership.text("user_id");
    match membership.reference("user_id").and_then(|id| tables.user(&id)) {
        Some(_) => Ok(()),
        None => Err(ApiError::new(ErrorCode::NGROK_634, &[("owner", text)]).detail("field", "user_id")),
    }
}

/// Who is a member elsewhere as well is changed by himself or by operators: his address opens more than this
/// organisation.
fn not_elsewhere(caller: &Caller, tables: &Tables, user: Id) -> Result<(), ApiError> {
    let elsewhere = tables
        .memberships_of(user)
        .any(|p| p.organization != caller.organization);
    if !elsewhere || caller.principal == Some(user) || !caller.reach("organizations:manage").is_nothing() {
        return Ok(());
    }
    let needed = "organizations:manage";
    Err(ApiError::new(ErrorCode::NGROK_6616, &[("permission", needed)]).detail("permission", needed))
}

/// What only operators set.
const OPERATORS: [&str; 3] = ["suspended", "suspended_reason", "limits"];

/// An organisation's administrators do not lift the limits that its operators have set.
fn organization(wish: &Wish<'_>, current: Option<&Object>, next: Option<&Object>) -> Result<(), ApiError> {
    let Some((current, next)) = current.zip(next) else {
        return Ok(());
    };
    let is_changed = |field: &&str| current.body.get(*field) != next.body.get(*field);
    let needed = "organizations:manage";
    if OPERATORS.iter().any(is_changed) && wish.caller.reach(needed).is_nothing() {
        return Err(wish.caller.lacks(needed));
    }
    Ok(())
}

fn gives_roles(current: Option<&Object>, next: &Object) -> bool {
    current.is_none_or(|current| !current.texts("role_ids").eq(next.texts("role_ids")))
}

/// Whether the caller may give the roles that a new membership has.
///
/// # Errors
/// 6615, `ERR_ADIT_2109`.
pub(crate) fn may_give(wish: &Wish<'_>, next: &Object) -> Result<(), ApiError> {
    give(wish, &wish.access.read(), next)
}

/// Nobody gives what he has not.
fn give(wish: &Wish<'_>, tables: &Tables, next: &Object) -> Result<(), ApiError> {
    let caller = wish.caller;
    let mut named: Vec<&str> = next.texts("role_ids").collect();
    if named.is_empty() && next.kind == "service_user" {
        named.push(DEFAULT);
    }
    for text in named {
        let unknown = || ApiError::new(ErrorCode::ADIT_2109, &[("role", text)]).detail("field", "role_ids");
        let role = [RoleRef::of(text).ok_or_else(unknown)?];
        let roles: Vec<_> = tables.roles(caller.organization, &role).collect();
        if roles.is_empty() {
            return Err(unknown());
        }
        let given = Rights {
            roles,
            circumstances: caller.rights.circumstances,
        };
        let mut permissions = given.permissions().into_iter();
        not_more(permissions.find(|p| !caller.reach(p).includes(&given.reach(p))))?;
    }
    Ok(())
}

fn not_more(more: Option<&'static str>) -> Result<(), ApiError> {
    match more {
        Some(more) => {
            let error = ApiError::new(ErrorCode::NGROK_6615, &[("permission", more)]);
            Err(error.detail("permission", more))
        }
        None => Ok(()),
    }
}

/// A role of the organisation's own.
fn role(wish: &Wish<'_>, next: Option<&Object>) -> Result<(), ApiError> {
    let Some(next) = next else { return Ok(()) };
    let matrix = Matrix::get();
    for (at, text) in next.texts("permissions").enumerate() {
        let known = crate::access::permissions([text].into_iter());
        if known.is_empty() {
            let error = ApiError::new(ErrorCode::ADIT_2110, &[("permission", text)]);
            return Err(error.detail("field", format!("permissions[{at}]")));
        }
        let applies = |p: &&str| matrix.applies(p, wish.caller.rights.circumstances);
        let more = known.into_iter().filter(applies).find(|p| !wish.caller.reach(p).all);
        not_more(more)?;
    }
    let selector = next.text("selector");
    if selector.is_empty() {
        return Ok(());
    }
    let given = crate::access::permissions(next.texts("permissions"));
    let is_one = |resource: &str| {
        given
            .iter()
            .any(|p| p.split_once(':').is_some_and(|(r, _)| r == resource))
    };
    Selector::check(selector, is_one)
        .map_err(|error| ApiError::new(FilterError::CODE, &[("error", &error.to_string())]).detail("field", "selector"))
}

/// An organisation keeps an administrator.
fn last_administrator(
    wish: &Wish<'_>,
    tables: &Tables,
    current: Option<&Object>,
    next: Option<&Object>,
) -> Result<(), ApiError> {
    let is_admin = |object: &Object| is_active(object) && object.texts("role_ids").any(is_admin_role);
    let Some(current) = current.filter(|c| c.kind == "member" && is_admin(c)) else {
        return Ok(());
    };
    if next.is_some_and(is_admin) {
        return Ok(());
    }
    let others = administrators(tables, wish.caller.organization);
    if others.into_iter().any(|membership| membership != current.id) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::NGROK_6602, &[]))
}

/// An organisation of a user, or all of them, keep an administrator without him.
fn someone_remains(tables: &Tables, user: Id, organization: Option<Id>) -> Result<(), ApiError> {
    let concerned = tables.memberships_of(user);
    for membership in concerned.filter(|p| organization.is_none_or(|id| p.organization == id)) {
        let administrators = administrators(tables, membership.organization);
        let own = membership.membership;
        if !administrators.is_empty() && administrators.iter().all(|id| Some(*id) == own) {
            return Err(ApiError::new(ErrorCode::NGROK_6602, &[]));
        }
    }
    Ok(())
}

/// Memberships of those who administer an organisation and can.
fn administrators(tables: &Tables, organization: Id) -> Vec<Id> {
    tables
        .people_of(organization)
        .filter(|p| tables.is_active(p) && p.roles.iter().any(RoleRef::is_admin))
        .filter_map(|p| p.membership)
        .collect()
}

fn is_admin_role(text: &str) -> bool {
    RoleRef::of(text).is_some_and(|role| role.is_admin())
}

fn is_active(object: &Object) -> bool {
    object.body.get("active").and_then(serde_json::Value::as_bool) != Some(false)
}
