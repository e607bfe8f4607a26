//! Roles: an organisation's own, and those that are built in, which are listed behind them and cannot be changed.

use adit_names::code::ErrorCode;
use serde_json::{Value, json};

use crate::answer::Reply;
use crate::authorize::matrix::{Extent, Matrix, ROLES};
use crate::call::Call;
use crate::error::ApiError;
use crate::resource;
use crate::route_table::Answer;

/// `GET /adit/roles`.
pub(super) fn list<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let mut reply = resource::list::list(call).await?;
        // They stand on the last page, and in no filtered list: they have no ids to be found by.
        if let Reply::Json(Value::Object(page)) = &mut reply
            && page.get("next_page_uri").is_some_and(Value::is_null)
            && call.query.one("filter").is_none()
            && let Some(Value::Array(roles)) = page.get_mut("roles")
        {
            roles.extend(ROLES.iter().map(|name| built_in(call, name)));
        }
        Ok(reply)
    })
}

/// `GET /adit/roles/{id}`.
pub(super) fn get<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        match ROLES.iter().find(|name| **name == call.id) {
            Some(name) => Ok(Reply::Json(built_in(call, name))),
            None => resource::get::get(call).await,
        }
    })
}

/// `PATCH /adit/roles/{id}`.
pub(super) fn update<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        refuse_built_in(call)?;
        resource::update::update(call).await
    })
}

/// `DELETE /adit/roles/{id}`.
pub(super) fn delete<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        refuse_built_in(call)?;
        resource::delete::delete(call).await
    })
}

fn refuse_built_in(call: &Call<'_>) -> Result<(), ApiError> {
    if ROLES.contains(&call.id.as_str()) {
        return Err(ApiError::new(ErrorCode::ADIT_2108, &[("role", &call.id)]));
    }
    Ok(())
}

/// How a role that is built in looks. Its id is its name.
fn built_in(call: &Call<'_>, name: &str) -> Value {
    let matrix = Matrix::get();
    let circumstances = call.caller.rights.circumstances;
    let has = |p: &&str| matrix.extent(name, p, circumstances) != Extent::Nothing;
    let permissions: Vec<_> = matrix.permissions().into_iter().filter(has).collect();
    json!({
        "id": name,
        "uri": call.api.uri(&format!("/adit/roles/{name}")),
        "created_at": "0001-01-01T00:00:00Z",
        "name": name,
        "description": "",
        "permissions": permissions,
        "selector": "",
    })
}
