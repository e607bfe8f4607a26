//! `Unbind` and `UnbindResp`: an endpoint is ended by its agent, on all legs (agent protocol 3.5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Presence;

/// Ends an endpoint. From the agent, stream type 2; may be sent twice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Unbind {
    /// Id of the bind.
    pub id: String,
    /// Go sends `null`.
    #[serde(skip_serializing_if = "Presence::is_absent")]
    pub extra: Presence<Value>,
}

/// Answer to [`Unbind`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UnbindResp {
    /// Why not; `None` or empty on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Not used.
    #[serde(skip_serializing_if = "Presence::is_absent")]
    pub extra: Presence<Value>,
}
