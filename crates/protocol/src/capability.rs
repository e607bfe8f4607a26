//! What Adit's own agent and server agree on, in `Auth.Extra.Adit` and `AuthResp.Extra.Adit` (agent
//! protocol 9.1). A client that does not ask never sees any of it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Version of the exchange; grows only when a meaning changes.
pub const VERSION: u32 = 1;

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident $bit:literal $text:literal;)*) => {
        /// One thing that both sides must know to use it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Capability { $($(#[$doc])* $name = $bit,)* }

        impl Capability {
            /// All that this build knows.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

capabilities! {
    /// Control stream, type 16.
    Control 1 "control";
    /// Drain notices.
    Drain 2 "drain";
    /// Health reports of upstreams.
    Health 4 "health";
    /// Probes through the agent's loop.
    Probe 8 "probe";
    /// Reasons of failed streams.
    StreamError 16 "stream_error";
    /// UDP endpoints.
    Udp 32 "udp";
    /// Larger initial windows.
    Window 64 "window";
    /// Notices for people.
    Notice 128 "notice";
    /// Updates by command.
    RemoteUpdate 256 "remote_update";
}

/// A set of capabilities. Unknown names are dropped when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(u32);

impl Capabilities {
    /// None.
    pub const NONE: Self = Self(0);

    /// All of these.
    #[must_use]
    pub fn of(list: &[Capability]) -> Self {
        Self(list.iter().fold(0, |bits, one| bits | *one as u32))
    }

    /// Is it in the set?
    #[must_use]
    pub const fn has(self, one: Capability) -> bool {
        self.0 & one as u32 != 0
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Serialize for Capabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            Capability::ALL
                .iter()
                .filter(|one| self.has(**one))
                .map(|one| one.as_str()),
        )
    }
}

impl<'de> Deserialize<'de> for Capabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let known = Capability::ALL
            .iter()
            .filter(|one| names.iter().any(|name| name == one.as_str()));
        Ok(Self(known.fold(0, |bits, one| bits | *one as u32)))
    }
}

/// What the agent asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Offer {
    /// [`VERSION`] of the agent.
    pub v: u32,
    /// What it knows.
    pub caps: Capabilities,
    /// 128 random bits in hex, new per process: tells a returning process from a second one.
    pub instance: String,
    /// Legs wanted.
    pub legs: u32,
    /// Transports it can use: `tls`, `quic`, `websocket`.
    pub transports: Vec<String>,
    /// Initial window of streams that the server opens, in bytes.
    pub window: u32,
    /// Streams at once.
    pub max_streams: u32,
    /// Largest frame it wants to receive, in bytes.
    pub max_frame: u32,
}

/// What the server grants: never more than was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Grant {
    /// The lower of both versions.
    pub v: u32,
    /// What is active.
    pub caps: Capabilities,
    /// As in the offer.
    pub instance: String,
    /// Legs.
    pub legs: Legs,
    /// Transports that may be used.
    pub transports: Vec<String>,
    /// Initial window in bytes.
    pub window: u32,
    /// Streams at once.
    pub max_streams: u32,
    /// Largest frame in bytes.
    pub max_frame: u32,
    /// Name of the node.
    pub node: String,
    /// Bytes by which all windows of the session may grow together.
    pub session_budget: u64,
    /// How long the endpoints stay reserved after a loss, in milliseconds.
    pub resume_window_ms: u64,
}

/// Further connections of the session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Legs {
    /// At most so many.
    pub max: u32,
    /// Where to.
    pub addresses: Vec<LegAddress>,
}

/// One place a leg may go to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LegAddress {
    /// `tls`, `quic` or `websocket`.
    pub transport: String,
    /// `host:port`.
    pub addr: String,
    /// Name of the node.
    pub node: String,
}

/// What the server is ready to grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerOffer {
    /// What it knows and has enabled.
    pub caps: Capabilities,
    /// Transports it listens on.
    pub transports: Vec<String>,
    /// Legs, at most.
    pub max_legs: u32,
    /// Where further legs may go.
    pub addresses: Vec<LegAddress>,
    /// Initial window in bytes, at most.
    pub window: u32,
    /// Streams at once, at most.
    pub max_streams: u32,
    /// Largest frame in bytes that it sends.
    pub max_frame: u32,
    /// Name of the node.
    pub node: String,
    /// See [`Grant::session_budget`].
    pub session_budget: u64,
    /// See [`Grant::resume_window_ms`].
    pub resume_window_ms: u64,
}

/// Smallest window and frame that are granted: what every implementation of muxado assumes, and one
/// that still carries a record.
const MIN_WINDOW: u32 = 0x4_0000;
const MIN_FRAME: u32 = 4096;

impl Offer {
    /// The intersection of what the agent asks for and what the server is ready to give. Zero asks
    /// for nothing in particular and gets the server's number.
    #[must_use]
    pub fn negotiate(&self, server: &ServerOffer) -> Grant {
        let lower = |asked: u32, ready: u32| if asked == 0 { ready } else { asked.min(ready) };
        Grant {
            v: lower(self.v, VERSION),
            caps: self.caps.and(server.caps),
            instance: self.instance.clone(),
            legs: Legs {
                max: lower(self.legs, server.max_legs),
                addresses: server.addresses.clone(),
            },
            transports: self
                .transports
                .iter()
                .filter(|one| server.transports.contains(one))
                .cloned()
                .collect(),
            window: lower(self.window, server.window).max(MIN_WINDOW),
            max_streams: lower(self.max_streams, server.max_streams).max(1),
            max_frame: lower(self.max_frame, server.max_frame).max(MIN_FRAME),
            node: server.node.clone(),
            session_budget: server.session_budget,
            resume_window_ms: server.resume_window_ms,
        }
    }
}
