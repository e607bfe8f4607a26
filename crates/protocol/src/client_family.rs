//! Who is the agent, and which limits does the server keep toward it (agent protocol 2.7)?
//!
//! The families differ in what kills them: the Rust family dies at its 513th stream and stops
//! reading when 64 streams wait to be accepted; Go refuses beyond 128. The server limits itself.

use crate::message::Auth;

/// The library that an agent is built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientFamily {
    /// The Rust crate `ngrok`, and what is built on it (PyPI, npm).
    Rust,
    /// `golang.ngrok.com/ngrok`.
    Go,
    /// Adit's own agent, with negotiation.
    Adit,
    /// Anything else: treated as carefully as the Rust family.
    Unknown,
}

/// Limits that the server keeps toward an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Streams open at once, of all types, that the server has opened.
    pub max_outbound: u32,
    /// Of these, how many may not have been accepted yet.
    pub max_unaccepted: u32,
    /// May windows grow beyond what was consumed? The Rust family clamps them at 256 KiB, so that
    /// extra credit would be lost.
    pub grow: bool,
}

impl ClientFamily {
    /// From the login: the last product in the user agent that is known. Comments do not count.
    #[must_use]
    pub fn from_auth(auth: &Auth) -> Self {
        let mut family = Self::Unknown;
        let mut comment = 0_usize;
        for word in auth.extra.user_agent.split_ascii_whitespace() {
            let opens = word.matches('(').count();
            let closes = word.matches(')').count();
            if comment == 0 && opens == 0 {
                family = match word.split_once('/') {
                    Some(("ngrok-rust", _)) => Self::Rust,
                    Some(("ngrok-go", _)) => Self::Go,
                    Some(("adit-agent", _)) if auth.extra.adit.is_some() => Self::Adit,
                    _ => family,
                };
            }
            comment = (comment + opens).saturating_sub(closes);
        }
        family
    }

    /// The limits. `granted_streams` is the number that was negotiated with Adit's own agent
    /// ([`crate::capability::Grant::max_streams`]); others ignore it.
    #[must_use]
    pub fn limits(self, granted_streams: Option<u32>) -> Limits {
        match self {
            Self::Rust | Self::Unknown => Limits {
                max_outbound: 448,
                max_unaccepted: 48,
                grow: false,
            },
            Self::Go => Limits {
                max_outbound: 4096,
                max_unaccepted: 100,
                grow: true,
            },
            Self::Adit => Limits {
                max_outbound: granted_streams.unwrap_or(16_384),
                max_unaccepted: 1024,
                grow: true,
            },
        }
    }
}
