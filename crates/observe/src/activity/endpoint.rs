//! Facts of an endpoint and its changes of status, as `endpoint_online.v0` and its kin carry them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::label::{EndpointScheme, EndpointStatus, EndpointType};

/// An endpoint; made once when it is bound. Empty texts are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointFacts {
    /// Endpoint (`ep_…`).
    pub id: String,
    /// Organisation (`ac_…`).
    pub organization_id: String,
    /// URL.
    pub url: String,
    /// Scheme of the URL.
    pub scheme: EndpointScheme,
    /// Kind.
    pub kind: EndpointType,
    /// Name the agent gave it.
    pub name: String,
    /// Description the agent gave it.
    pub description: String,
    /// Metadata the agent gave it.
    pub metadata: String,
    /// Whether others may share the URL.
    pub pooling_enabled: bool,
    /// Address of the upstream as the agent named it.
    pub upstream_url: String,
    /// Protocol of the upstream (`http1`, `http2`).
    pub upstream_protocol: String,
    /// Session that offers it (`ts_…`).
    pub session_id: String,
    /// Credential of the session (`cr_…`).
    pub credential_id: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Address of the agent.
    pub remote_addr: Option<IpAddr>,
    /// When it was bound.
    pub created_at: SystemTime,
}

impl Default for EndpointFacts {
    /// An unknown `https` endpoint of an agent from the epoch; for filling in.
    fn default() -> Self {
        Self {
            id: String::new(),
            organization_id: String::new(),
            url: String::new(),
            scheme: EndpointScheme::Https,
            kind: EndpointType::Agent,
            name: String::new(),
            description: String::new(),
            metadata: String::new(),
            pooling_enabled: false,
            upstream_url: String::new(),
            upstream_protocol: String::new(),
            session_id: String::new(),
            credential_id: String::new(),
            agent_version: String::new(),
            remote_addr: None,
            created_at: SystemTime::UNIX_EPOCH,
        }
    }
}

/// Why an endpoint has its status: the reasons of edge 2.4 that can occur now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointReason {
    /// All is well.
    Ok,
    /// The agent's session was lost; it may come back.
    AgentLost,
    /// The agent closed it.
    AgentClosed,
    /// The agent or its node drains.
    AgentDraining,
    /// A heartbeat is overdue.
    HeartbeatLate,
    /// The credential was revoked.
    CredentialRevoked,
    /// An IP rule.
    IpRule,
    /// Stopped by an administrator.
    DisabledByAdmin,
    /// The upstream refused connections.
    UpstreamRefused,
    /// The upstream answered too late.
    UpstreamTimeout,
    /// TLS with the upstream failed.
    UpstreamTls,
    /// The upstream answered what is not its protocol.
    UpstreamInvalid,
}

impl EndpointReason {
    /// The reason as events and the API write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::AgentLost => "agent_lost",
            Self::AgentClosed => "agent_closed",
            Self::AgentDraining => "agent_draining",
            Self::HeartbeatLate => "heartbeat_late",
            Self::CredentialRevoked => "credential_revoked",
            Self::IpRule => "ip_rule",
            Self::DisabledByAdmin => "disabled_by_admin",
            Self::UpstreamRefused => "upstream_refused",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::UpstreamTls => "upstream_tls",
            Self::UpstreamInvalid => "upstream_invalid",
        }
    }
}

/// An endpoint changed its status. The gauge of endpoints follows `previous` and `status`, so every change
/// is to be told, beginning with `previous: None` and ending with `status: None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointTransition {
    /// The endpoint.
    pub endpoint: Arc<EndpointFacts>,
    /// Status before; `None` if it is new.
    pub previous: Option<EndpointStatus>,
    /// Status now; `None` if it is gone.
    pub status: Option<EndpointStatus>,
    /// Why.
    pub reason: EndpointReason,
    /// The reason in words (≤ 256 bytes, no secrets); empty if there is nothing to add.
    pub detail: String,
    /// Members of the URL's pool that are online now.
    pub members_online: u32,
}
