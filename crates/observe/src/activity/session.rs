//! Facts of an agent's session, as `agent_session_start.v0` and its kin carry them.

use std::net::IpAddr;
use std::time::SystemTime;

use crate::label::AgentClient;

/// An agent's session; made once at its login. Empty texts are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSession {
    /// Session (`ts_…`).
    pub id: String,
    /// Organisation (`ac_…`).
    pub organization_id: String,
    /// Credential it logged in with (`cr_…`).
    pub credential_id: String,
    /// Address the agent came from.
    pub agent_ip: Option<IpAddr>,
    /// Our address it came to.
    pub ingress_server_ip: Option<IpAddr>,
    /// Name it connected to.
    pub ingress_hostname: String,
    /// User agent it named.
    pub user_agent: String,
    /// Metadata it named.
    pub metadata: String,
    /// Operating system it named.
    pub os: String,
    /// Architecture it named.
    pub arch: String,
    /// Name of its host, if it told.
    pub hostname: String,
    /// Version it named.
    pub agent_version: String,
    /// Library it is built with.
    pub client_type: AgentClient,
    /// When it logged in.
    pub started_at: SystemTime,
}

impl Default for AgentSession {
    /// An unknown session from the epoch; for filling in.
    fn default() -> Self {
        Self {
            id: String::new(),
            organization_id: String::new(),
            credential_id: String::new(),
            agent_ip: None,
            ingress_server_ip: None,
            ingress_hostname: String::new(),
            user_agent: String::new(),
            metadata: String::new(),
            os: String::new(),
            arch: String::new(),
            hostname: String::new(),
            agent_version: String::new(),
            client_type: AgentClient::Other,
            started_at: SystemTime::UNIX_EPOCH,
        }
    }
}

/// What changed in a session that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// A further leg logged in; how many there are now.
    LegAdded {
        /// Legs connected now.
        legs: u32,
    },
    /// A leg was lost; how many are left (0: its endpoints wait in the resume window).
    LegLost {
        /// Legs connected now.
        legs: u32,
    },
    /// A session without legs came back.
    Resumed {
        /// Legs connected now.
        legs: u32,
    },
}

impl SessionChange {
    /// Short name of the change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LegAdded { .. } => "leg_added",
            Self::LegLost { .. } => "leg_lost",
            Self::Resumed { .. } => "resumed",
        }
    }

    /// Legs connected now.
    #[must_use]
    pub const fn legs(self) -> u32 {
        match self {
            Self::LegAdded { legs } | Self::LegLost { legs } | Self::Resumed { legs } => legs,
        }
    }
}
