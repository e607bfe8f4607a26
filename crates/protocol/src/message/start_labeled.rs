//! `StartTunnelWithLabel`: an endpoint found by labels, from the time of edges (agent protocol 3.5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Starts a labelled endpoint. From the agent, stream type 7.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct StartTunnelWithLabel {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// Where the agent forwards to; display only.
    pub forwards_to: String,
    /// What the edge speaks on the stream.
    pub forwards_proto: String,
    /// The user's metadata.
    pub metadata: String,
}

/// Answer to [`StartTunnelWithLabel`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct StartTunnelWithLabelResp {
    /// Id of the bind; clients adopt a new one.
    pub id: String,
    /// Why not; `None` or empty on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
