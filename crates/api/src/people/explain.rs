//! `POST /adit/authorize`: whether somebody may do an operation, and by which roles.

use std::collections::HashSet;
use std::sync::Arc;

use adit_model::{Object, catalogue};
use adit_names::code::ErrorCode;
use adit_names::id::Id;
use serde_json::{Map, Value, json};

use crate::access::{Caller, Rights, Role, owner_of};
use crate::answer::Reply;
use crate::authorize::permission;
use crate::call::Call;
use crate::error::ApiError;
use crate::people::scope;
use crate::route_table::{Access, Answer};
use crate::route_tree::ALL;

/// Fields of the body.
const FIELDS: [&str; 3] = ["operation", "object", "as"];

/// What was asked.
struct Question {
    /// None where every key will do.
    permission: Option<&'static str>,
    /// Id of the object; empty if none was given.
    object: String,
    /// Whose rights they are.
    principal: Option<Id>,
    rights: Rights,
    only: Option<Arc<HashSet<&'static str>>>,
}

/// Answers it: `{operation, object?, as?}` → `{allowed, permission, by}`. `as` names a member or service user of the
/// caller's organisation, for whoever may read members. Without `object`, `allowed` says whether the operation is open
/// at all.
pub(crate) fn post<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let question = question(call)?;
        let object = match question.object.as_str() {
            "" => None,
            id => Some(object(call, id).await?),
        };
        let Some(permission) = question.permission else {
            return Ok(Reply::Json(json!({"allowed": true, "permission": null, "by": []})));
        };
        let by = match &question.only {
            Some(only) if !only.contains(permission) => Vec::new(),
            _ => by(call, &question, permission, object.as_ref()),
        };
        let answer = json!({"allowed": !by.is_empty(), "permission": permission, "by": by});
        Ok(Reply::Json(answer))
    })
}

fn question(call: &Call<'_>) -> Result<Question, ApiError> {
    let Some(Value::Object(body)) = &call.body else {
        return Err(wrong("operation", "the body has to name an operation"));
    };
    if let Some(unknown) = body.keys().find(|k| !FIELDS.contains(&k.as_str())) {
        let error = ApiError::new(ErrorCode::NGROK_214, &[("field", unknown)]);
        let error = error.detail("field", unknown.chars().take(64).collect::<String>());
        return Err(error.detail("supported", FIELDS.join(" ")));
    }
    let operation = text(body, "operation")?;
    let route = ALL.iter().find(|route| route.operation == operation);
    let route = route.ok_or_else(|| wrong("operation", "there is no operation of this name"))?;
    let caller = &call.caller;
    let (principal, rights, only) = match text(body, "as")? {
        "" => (caller.principal, caller.rights.clone(), caller.only.clone()),
        who => {
            let (principal, rights) = other(caller, call, who)?;
            (Some(principal), rights, None)
        }
    };
    Ok(Question {
        permission: match route.access {
            Access::With(permission) => Some(permission),
            Access::Known | Access::Everybody | Access::Browser => None,
        },
        object: text(body, "object")?.to_owned(),
        principal,
        rights,
        only,
    })
}

/// Each role that gives the permission, and over what; with an object only those that are over it.
fn by(call: &Call<'_>, question: &Question, permission: &str, object: Option<&Object>) -> Vec<Value> {
    let mut by = Vec::new();
    for role in &question.rights.roles {
        let alone = Rights {
            roles: vec![role.clone()],
            circumstances: question.rights.circumstances,
        };
        let reach = alone.reach(permission);
        let covers = object.is_none_or(|object| {
            reach.covers(question.principal, owner_of(object), &object.kind, || {
                shown(call, object)
            })
        });
        if reach.is_nothing() || !covers {
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

/// The object, if the caller may read it.
async fn object(call: &Call<'_>, id: &str) -> Result<Object, ApiError> {
    let found = match id.parse::<Id>() {
        Ok(id) => call.api.stored()?.store.get(id).await?,
        Err(_) => None,
    };
    let reads = |object: &Object| {
        let resource = catalogue::by_name(&object.kind).map_or("", |kind| kind.permission);
        let read = permission(resource, "read");
        scope::sees(call.api, &call.caller, object) && call.caller.covers(read, object, || shown(call, object))
    };
    let missing = || ApiError::new(ErrorCode::ADIT_2001, &[("kind", "object"), ("id", id)]);
    found.filter(reads).ok_or_else(missing)
}

fn shown(call: &Call<'_>, object: &Object) -> Value {
    let kind = catalogue::by_name(&object.kind);
    kind.map_or(Value::Null, |kind| adit_model::show(kind, object, &call.full_view()))
}

fn other(caller: &Caller, call: &Call<'_>, who: &str) -> Result<(Id, Rights), ApiError> {
    caller.require("members:read")?;
    let tables = call.api.told.access.read();
    let person = match who.parse::<Id>() {
        Ok(id) => tables.person(caller.organization, id),
        Err(_) => tables.member_by_email(caller.organization, who),
    };
    let missing = || ApiError::new(ErrorCode::NGROK_634, &[("owner", who)]).detail("field", "as");
    let person = person.ok_or_else(missing)?;
    let rights = if tables.is_active(person) {
        tables.rights(person)
    } else {
        Rights::default()
    };
    Ok((person.principal, rights))
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
