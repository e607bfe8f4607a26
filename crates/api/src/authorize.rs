//! The one place that decides who may do what (control plane 3.4). Today a key may all, or what it was limited to;
//! roles of its owner are asked here as well once there are owners.

use adit_names::code::ErrorCode;

use crate::authenticate::{ApiKey, Permissions};
use crate::error::ApiError;

/// Whether `key` may do `operation`, which needs `permission`.
///
/// # Errors
/// 403 `ERR_ADIT_2008` with the permission in its details.
pub(crate) fn authorize(key: &ApiKey, operation: &'static str, permission: &'static str) -> Result<(), ApiError> {
    match &key.permissions {
        Permissions::All => Ok(()),
        Permissions::Only(these) if these.contains(permission) => Ok(()),
        Permissions::Only(_) => {
            tracing::debug!(key = key.id, operation, permission, "not allowed");
            Err(ApiError::new(ErrorCode::ADIT_2008, &[("permission", permission)]).detail("permission", permission))
        }
    }
}
