//! When a key or authtoken was last used, a user last signed in, for who looks at it with all its fields (control plane 2.5).

use adit_model::{Object, timestamp::timestamp};
use serde_json::Value;

use crate::access::USED;
use crate::call::Call;
use crate::error::ApiError;

/// Puts it in.
///
/// # Errors
/// The store is away.
pub(crate) async fn show(call: &Call<'_>, object: &Object, shown: &mut Value) -> Result<(), ApiError> {
    let at_field = match object.kind.as_str() {
        "api_key" | "credential" => "last_used_at",
        "user" => "last_login_at",
        _ => return Ok(()),
    };
    let Some(shown) = shown.as_object_mut() else {
        return Ok(());
    };
    let work = call.api.stored()?.store.work();
    let Some(used) = work.get(USED, &object.id.to_string()).await? else {
        return Ok(());
    };
    if let Some(at) = used.body.get("at").and_then(Value::as_i64) {
        shown.insert(at_field.to_owned(), timestamp(at, true).into());
    }
    if let Some(ip) = used.body.get("ip").filter(|_| at_field == "last_used_at") {
        shown.insert("last_ip".to_owned(), ip.clone());
    }
    Ok(())
}
