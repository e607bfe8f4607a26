//! The audit log for those who may read it (control plane 5.3): lists, single entries, whole exports, signed heads.
//! Nothing here can change or delete an entry.

mod export;
mod heads;
mod list;

use adit_names::code::ErrorCode;
use adit_store::log::{AuditKey, Entry};
use jiff::Timestamp;

use crate::call::Call;
use crate::error::ApiError;

pub(crate) use export::export;
pub(crate) use heads::{heads, keys};
pub(crate) use list::{get, list};

impl Call<'_> {
    /// The time that a parameter names, in microseconds since the Unix epoch.
    ///
    /// # Errors
    /// 241.
    fn time(&self, parameter: &'static str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.query.one(parameter) else {
            return Ok(None);
        };
        match text.parse::<Timestamp>() {
            Ok(at) => Ok(Some(at.as_microsecond())),
            Err(_) => {
                let values = [("field", parameter), ("value", text)];
                Err(ApiError::new(ErrorCode::NGROK_241, &values).detail("field", parameter))
            }
        }
    }

    /// Whether the caller's right to read the log reaches an entry: all of his organisation, or his own.
    fn sees(&self, entry: &Entry) -> bool {
        let reach = self.caller.reach(READ);
        let author = entry.principal_id.as_deref().and_then(|id| id.parse().ok());
        reach.covers(self.caller.principal, author, "audit", || entry.to_json())
    }

    /// The key that signs heads and exports.
    fn audit_key(&self) -> Result<&AuditKey, ApiError> {
        let key = self.api.audit_key.as_deref();
        key.ok_or_else(|| ApiError::unavailable("this node has no key to sign with"))
    }
}

/// The permission to read it.
const READ: &str = "audit:read";
