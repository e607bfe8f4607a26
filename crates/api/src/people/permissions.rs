//! `GET /adit/permissions`: all permissions, which roles have them, and which operations they open.

use serde_json::{Map, Value, json};

use crate::answer::Reply;
use crate::authorize::matrix::{Extent, Matrix, ROLES};
use crate::call::Call;
use crate::error::ApiError;
use crate::route_table::Access;
use crate::route_tree::ALL;

/// Answers it: one page, since there are as many as the program has.
pub(crate) fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let matrix = Matrix::get();
    let circumstances = call.caller.rights.circumstances;
    let of = |permission: &str| -> Value {
        let opens = |access: Access| matches!(access, Access::With(p) if p == permission);
        let operations: Vec<_> = ALL.iter().filter(|r| opens(r.access)).map(|r| r.operation).collect();
        let mut roles = Map::new();
        for role in ROLES {
            match matrix.extent(role, permission, circumstances) {
                Extent::Nothing => {}
                Extent::Own => drop(roles.insert(role.to_owned(), "own".into())),
                Extent::All => drop(roles.insert(role.to_owned(), "all".into())),
            }
        }
        json!({"permission": permission, "operations": operations, "roles": roles})
    };
    let applies = |p: &&str| matrix.applies(p, circumstances);
    let all: Vec<Value> = matrix.permissions().into_iter().filter(applies).map(of).collect();
    Ok(Reply::Json(json!({
        "permissions": all,
        "uri": call.api.uri(&call.target),
        "next_page_uri": null,
    })))
}
