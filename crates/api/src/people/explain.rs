//! `POST /adit/authorize`: whether somebody may do an operation, and by which roles.

use adit_names::code::ErrorCode;
use adit_names::id::Id;
use serde_json::{Map, Value, json};

use crate::access::{Caller, Rights, Role};
use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::route_table::Access;
use crate::route_tree::ALL;

/// Fields of the body.
const FIELDS: [&str; 3] = ["operation", "object", "as"];

/// Answers it: `{operation, object?, as?}` → `{allowed, permission, by}`. `as` names a member or service user of the
/// caller's organisation, for whoever may read members. Without `object`, `allowed` says whether the operation is open
/// at all.
pub(crate) fn post(call: &Call<'_>) -> Result<Reply, ApiError> {
    let body = match &call.body {
        Some(Value::Object(body)) => body,
        _ => return Err(wrong("operation", "the body has to name an operation")),
    };
    if let Some(unknown) = body.keys().find(|k| !FIELDS.contains(&k.as_str())) {
        let error = ApiError::new(ErrorCode::NGROK_214, &[("field", unknown)]);
        return Err(error
            .detail("field", unknown.as_str())
            .detail("supported", FIELDS.join(" ")));
    }
    let operation = text(body, "operation")?;
    let route = ALL.iter().find(|route| route.operation == operation);
    let route = route.ok_or_else(|| wrong("operation", "there is no operation of this name"))?;
    let (rights, only) = match text(body, "as")? {
        "" => (call.caller.rights.clone(), call.caller.only.clone()),
        who => (other(&call.caller, call, who)?, None),
    };
    let Access::With(permission) = route.access else {
        return Ok(Reply::Json(json!({"allowed": true, "permission": null, "by": []})));
    };
    let by: Vec<Value> = if only.is_some_and(|only| !only.contains(permission)) {
        Vec::new()
    } else {
        by(&rights, permission)
    };
    Ok(Reply::Json(
        json!({"allowed": !by.is_empty(), "permission": permission, "by": by}),
    ))
}

/// Each role that gives the permission, and over what.
fn by(rights: &Rights, permission: &str) -> Vec<Value> {
    let mut by = Vec::new();
    for role in &rights.roles {
        let alone = Rights {
            roles: vec![role.clone()],
            circumstances: rights.circumstances,
        };
        let reach = alone.reach(permission);
        if reach.is_nothing() {
            continue;
        }
        let (name, selector) = match role {
            Role::BuiltIn(name) => (*name, ""),
            Role::Custom(role) => (role.name.as_str(), role.selector.as_ref().map_or("", |s| s.text())),
        };
        let only_own = !reach.all && reach.own;
        by.push(json!({"role": name, "selector": selector, "only_own": only_own}));
    }
    by
}

fn other(caller: &Caller, call: &Call<'_>, who: &str) -> Result<Rights, ApiError> {
    caller.require("members:read")?;
    let tables = call.api.told.access.read();
    let person = match who.parse::<Id>() {
        Ok(id) => tables.person(caller.organization, id),
        Err(_) => tables.member_by_email(caller.organization, who),
    };
    let person = person.ok_or_else(|| ApiError::new(ErrorCode::NGROK_634, &[("owner", who)]).detail("field", "as"))?;
    Ok(if tables.is_active(person) {
        tables.rights(person)
    } else {
        Rights::default()
    })
}

fn text<'b>(body: &'b Map<String, Value>, field: &str) -> Result<&'b str, ApiError> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(wrong(field, "it is not a string")),
    }
}

fn wrong(field: &str, error: &str) -> ApiError {
    ApiError::new(ErrorCode::NGROK_215, &[("field", field), ("error", error)]).detail("field", field)
}
