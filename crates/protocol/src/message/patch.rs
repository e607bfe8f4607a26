//! `PatchTunnelState`: an endpoint is changed in place (agent protocol 3.5).

use serde::{Deserialize, Serialize};

/// Changes an endpoint, all or nothing. From the agent, stream type 10. `None` leaves a field as it
/// is, an empty text clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PatchTunnelState {
    /// `TunnelID` of the bind's answer; the bind id is taken as well.
    pub tunnel_id: String,
    /// Name of the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// May other endpoints share the URL?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling_enabled: Option<bool>,
    /// The traffic policy as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_policy: Option<String>,
}

/// Answer to [`PatchTunnelState`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PatchTunnelStateResp {
    /// Empty on success, and then sent too.
    pub error: String,
}
