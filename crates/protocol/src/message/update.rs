//! `Update`: a remote command (agent protocol 3.5, 5.7).

use serde::{Deserialize, Serialize};

/// Updates the agent. From the server, stream type 6.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Update {
    /// The version wanted; empty: the latest.
    pub version: String,
    /// Also over a change of the major version.
    pub permit_major_version: bool,
}

/// Answer to [`Update`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UpdateResp {
    /// Why not; `None` or empty on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
