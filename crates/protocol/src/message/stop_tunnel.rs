//! `StopTunnel`: the server has ended an endpoint (agent protocol 3.5).

use serde::{Deserialize, Serialize};

/// Tells the agent that an endpoint has ended. From the server, stream type 9; never answered, and
/// no `Unbind` follows. Every field is always sent, also if empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct StopTunnel {
    /// Id of the bind.
    pub id: String,
    /// Text for people.
    pub message: String,
    /// Code, or empty.
    pub error_code: String,
}
