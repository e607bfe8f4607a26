//! When a key or authtoken was last used, for who looks at it with all its fields (control plane 2.5).

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
    if !matches!(object.kind.as_str(), "api_key" | "credential") {
        return Ok(());
    }
    let work = call.api.stored()?.store.work();
    let Some(used) = work.get(USED, &object.id.to_string()).await? else {
        return Ok(());
    };
    if let Some(at) = used.body.get("at").and_then(Value::as_i64) {
        shown["last_used_at"] = timestamp(at, true).into();
    }
    if let Some(ip) = used.body.get("ip") {
        shown["last_ip"] = ip.clone();
    }
    Ok(())
}
