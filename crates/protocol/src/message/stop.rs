//! `Stop`: a remote command (agent protocol 3.5, 5.7).

use serde::{Deserialize, Serialize};

/// Stops the agent. From the server, stream type 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stop {}

/// Answer to [`Stop`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct StopResp {
    /// Why not; `None` or empty on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
