//! `SrvInfo`: which region is this? Allowed before the login (agent protocol 3.5).

use serde::{Deserialize, Serialize};

/// Asks about the server. From the agent, stream type 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SrvInfo {}

/// Answer to [`SrvInfo`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SrvInfoResp {
    /// Region of the node.
    pub region: String,
}
