//! The type of a stream: its first four bytes, big-endian (agent protocol 2.4, 3.1).

/// Bytes of the type word.
pub const TYPE_LEN: usize = 4;

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamType {
    /// Login of a session or leg. From the agent.
    Auth,
    /// Start an endpoint. From the agent.
    Bind,
    /// End an endpoint. From the agent.
    Unbind,
    /// A visitor's connection. From the server.
    Proxy,
    /// Restart the agent. From the server.
    Restart,
    /// Stop the agent. From the server.
    Stop,
    /// Update the agent. From the server.
    Update,
    /// Start a labelled endpoint. From the agent.
    StartTunnelWithLabel,
    /// Ask about the server; allowed before the login. From the agent.
    SrvInfo,
    /// An endpoint was ended by the server; never answered. From the server.
    StopTunnel,
    /// Change an endpoint in place. From the agent.
    PatchTunnelState,
    /// Adit's control messages, only after negotiation. From the agent.
    AditControl,
    /// Heartbeat. From both.
    Heartbeat,
    /// Anything else.
    Unknown(u32),
}

impl StreamType {
    /// From the number.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Auth,
            1 => Self::Bind,
            2 => Self::Unbind,
            3 => Self::Proxy,
            4 => Self::Restart,
            5 => Self::Stop,
            6 => Self::Update,
            7 => Self::StartTunnelWithLabel,
            8 => Self::SrvInfo,
            9 => Self::StopTunnel,
            10 => Self::PatchTunnelState,
            16 => Self::AditControl,
            0xFFFF_FFFF => Self::Heartbeat,
            other => Self::Unknown(other),
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Auth => 0,
            Self::Bind => 1,
            Self::Unbind => 2,
            Self::Proxy => 3,
            Self::Restart => 4,
            Self::Stop => 5,
            Self::Update => 6,
            Self::StartTunnelWithLabel => 7,
            Self::SrvInfo => 8,
            Self::StopTunnel => 9,
            Self::PatchTunnelState => 10,
            Self::AditControl => 16,
            Self::Heartbeat => 0xFFFF_FFFF,
            Self::Unknown(other) => other,
        }
    }

    /// The four bytes a stream of this type starts with.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; TYPE_LEN] {
        self.number().to_be_bytes()
    }

    /// The type at the start of a stream's bytes; `None` until four have arrived.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes
            .first_chunk::<TYPE_LEN>()
            .map(|word| Self::from_number(u32::from_be_bytes(*word)))
    }

    /// The name of its message.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "Auth",
            Self::Bind => "Bind",
            Self::Unbind => "Unbind",
            Self::Proxy => "Proxy",
            Self::Restart => "Restart",
            Self::Stop => "Stop",
            Self::Update => "Update",
            Self::StartTunnelWithLabel => "StartTunnelWithLabel",
            Self::SrvInfo => "SrvInfo",
            Self::StopTunnel => "StopTunnel",
            Self::PatchTunnelState => "PatchTunnelState",
            Self::AditControl => "AditControl",
            Self::Heartbeat => "Heartbeat",
            Self::Unknown(_) => "unknown",
        }
    }

    /// May an agent open a stream of this type?
    #[must_use]
    pub const fn opened_by_agent(self) -> bool {
        matches!(
            self,
            Self::Auth
                | Self::Bind
                | Self::Unbind
                | Self::StartTunnelWithLabel
                | Self::SrvInfo
                | Self::PatchTunnelState
                | Self::AditControl
                | Self::Heartbeat
        )
    }

    /// May the server open a stream of this type?
    #[must_use]
    pub const fn opened_by_server(self) -> bool {
        matches!(
            self,
            Self::Proxy
                | Self::Restart
                | Self::Stop
                | Self::Update
                | Self::StopTunnel
                | Self::AditControl
                | Self::Heartbeat
        )
    }

    /// May it come before the login?
    #[must_use]
    pub const fn before_login(self) -> bool {
        matches!(self, Self::Auth | Self::SrvInfo | Self::Heartbeat)
    }
}
