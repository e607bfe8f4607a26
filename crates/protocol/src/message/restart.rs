//! `Restart`: a remote command (agent protocol 3.5, 5.7).

use serde::{Deserialize, Serialize};

/// Restarts the agent. From the server, stream type 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Restart {}

/// Answer to [`Restart`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RestartResp {
    /// Why not; `None` or empty on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
