//! `GET /adit/me`: who the caller is, where he is a member, and what he may.

use adit_model::Object;
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use serde_json::{Value, json};

use crate::access::{Caller, Role, Tables};
use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::people::user::{OWN, change_self};
use crate::route_table::Answer;

/// Answers it.
pub(crate) fn get(call: &Call<'_>) -> Result<Reply, ApiError> {
    let caller = &call.caller;
    let tables = call.api.told.access.read();
    let (mut user, mut service_user) = (Value::Null, Value::Null);
    if let Some(id) = caller.principal {
        if id.prefix() == Prefix::User {
            user = self::user(call, &tables, id);
        } else {
            service_user = json!({
                "id": id.to_string(),
                "uri": call.api.uri(&format!("/adit/service_users/{id}")),
                "name": caller.subject,
            });
        }
    }
    Ok(Reply::Json(json!({
        "user": user,
        "service_user": service_user,
        "organization": organization(call, &tables, caller.organization),
        "organizations": organizations(call, &tables, caller),
        "roles": roles(call, caller),
        "permissions": caller.permissions(),
        "api_key": key(caller).map(|id| json!({
            "id": id.to_string(),
            "uri": call.api.uri(&format!("/adit/api_keys/{id}")),
        })),
        "session": caller.session.as_ref().map(|session| json!({
            "id": session.id.to_string(),
            "uri": call.api.uri(&format!("/adit/sessions/{}", session.id)),
            "csrf": session.csrf,
            "verified_at": adit_model::timestamp::timestamp(session.kept.verified_at, true),
            "expires_at": adit_model::timestamp::timestamp(session.expires_at, true),
        })),
        "uri": call.api.uri("/adit/me"),
    })))
}

/// The key that he showed, if it was one.
fn key(caller: &Caller) -> Option<Id> {
    caller.credential.filter(|id| id.prefix() == Prefix::ApiKey)
}

/// `PATCH /adit/me`: name and language of a user.
pub(crate) fn update<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let fields = call.fields()?;
        if let Some(field) = fields.keys().find(|field| !OWN.contains(&field.as_str())) {
            let error = ApiError::new(ErrorCode::NGROK_214, &[("field", field)]);
            return Err(error.detail("field", field.as_str()).detail("supported", OWN.join(" ")));
        }
        match call.caller.principal.filter(|id| id.prefix() == Prefix::User) {
            Some(id) => change_self(call, id, &fields).await?,
            None => return Err(call.caller.lacks("service_users:update")),
        }
        get(call)
    })
}

fn user(call: &Call<'_>, tables: &Tables, id: Id) -> Value {
    let user = tables.user(&id);
    let text = |field: &str| user.map_or("", |u| u.object.text(field)).to_owned();
    json!({
        "id": id.to_string(),
        "uri": call.api.uri(&format!("/adit/users/{id}")),
        "email": text("email"),
        "name": text("name"),
        "locale": text("locale"),
        "mfa": user.map_or(Value::Null, |user| crate::login::mfa(&user.object)),
    })
}

fn organization(call: &Call<'_>, tables: &Tables, id: Id) -> Value {
    let organization = tables.organization(&id);
    json!({
        "id": id.to_string(),
        "uri": call.api.uri("/adit/organization"),
        "name": organization.map_or("", |o| o.object.text("name")),
        "operators": organization.is_some_and(|o| o.circumstances.operators),
    })
}

/// All organisations that he is in; a service user is in one.
fn organizations(call: &Call<'_>, tables: &Tables, caller: &Caller) -> Vec<Value> {
    let mut ids: Vec<Id> = caller.principal.map_or_else(Vec::new, |user| {
        tables.memberships_of(user).map(|p| p.organization).collect()
    });
    if ids.is_empty() {
        ids.push(caller.organization);
    }
    ids.sort_unstable();
    ids.into_iter().map(|id| organization(call, tables, id)).collect()
}

fn roles(call: &Call<'_>, caller: &Caller) -> Vec<Value> {
    let shown = |role: &Role| {
        let (id, name, selector) = match role {
            Role::BuiltIn(name) => ((*name).to_owned(), *name, ""),
            Role::Custom(role) => (
                role.id.to_string(),
                role.name.as_str(),
                role.selector.as_ref().map_or("", |s| s.text()),
            ),
        };
        json!({"id": id, "name": name, "selector": selector, "uri": call.api.uri(&format!("/adit/roles/{id}"))})
    };
    caller.rights.roles.iter().map(shown).collect()
}

/// `GET /self`, as older command lines ask it.
pub(crate) fn self_(call: &Call<'_>) -> Result<Reply, ApiError> {
    let caller = &call.caller;
    let tables = call.api.told.access.read();
    let organization = tables.organization(&caller.organization);
    let object = organization.map(|o| &*o.object);
    let text = |field: &str| object.map_or("", |o| o.text(field));
    let flag = |field: &str| object.is_some_and(|o| o.flag(field));
    let enforce_sso = match text("enforce_sso") {
        "" => "off",
        set => set,
    };
    let user = caller.principal.map_or(
        Value::Null,
        |id| json!({"id": id.to_string(), "uri": "", "email": caller.subject}),
    );
    Ok(Reply::Json(json!({
        "api_key": key(caller).map(|id| json!({
            "id": id.to_string(),
            "uri": call.api.uri(&format!("/api_keys/{id}")),
        })),
        "account": {
            "id": caller.organization.to_string(),
            "name": text("name"),
            "created_at": object.map_or_else(String::new, created_at),
            "suspended": flag("suspended"),
            "enforce_sso": enforce_sso,
            "min_api_version": 2,
            "min_agent_version": object.and_then(|o| o.body.get("min_agent_version")).cloned().unwrap_or_else(|| json!({})),
            "user_mfa_required": flag("user_mfa_required"),
            "traffic_full_capture": flag("traffic_full_capture"),
        },
        "user": user,
        "uri": call.api.uri("/self"),
    })))
}

fn created_at(object: &Object) -> String {
    adit_model::timestamp::timestamp(object.created_at, false)
}
