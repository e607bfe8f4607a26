//! Control messages on a stream of type 16 (agent protocol 9.2): `u32` big-endian length, then a
//! JSON object whose field `t` says what it is. Unknown ones are ignored.

use serde::{Deserialize, Serialize};

use crate::capability::LegAddress;
use crate::message::Error;

/// Largest message in bytes, without its length.
pub const MAX_LEN: usize = 65_536;
/// Messages a second and stream beyond which the session is ended.
pub const MAX_PER_SECOND: u32 = 100;

/// One control message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ControlMessage {
    /// From the server, every 10 s and on suspicion: is the agent's loop alive?
    Probe {
        /// Number, to be sent back.
        n: u64,
    },
    /// From the agent, within 5 s.
    ProbeOk {
        /// Number of the probe.
        n: u64,
        /// The state of every endpoint's upstream.
        #[serde(default)]
        ep: Vec<UpstreamState>,
    },
    /// From the agent, at each change.
    Health {
        /// What changed.
        #[serde(default)]
        ep: Vec<UpstreamHealth>,
    },
    /// From the server: the endpoint's status as others see it.
    BindState {
        /// Id of the bind.
        id: String,
        /// Status, for example `online`.
        status: String,
        /// Reason.
        #[serde(default)]
        reason: String,
        /// Detail, at most 256 bytes.
        #[serde(default)]
        detail: String,
    },
    /// From the server: open a leg elsewhere, rebind, then say `drained`.
    Drain {
        /// Milliseconds until the old leg is closed.
        deadline_ms: u64,
        /// Where to.
        #[serde(default)]
        addresses: Vec<LegAddress>,
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// From the agent: the old leg may end.
    Drained,
    /// From the agent: it is about to stop.
    Leave {
        /// Milliseconds until it does.
        deadline_ms: u64,
    },
    /// From the server: change number or places of legs.
    Legs {
        /// Where to.
        #[serde(default)]
        addresses: Vec<LegAddress>,
        /// How many.
        want: u32,
    },
    /// From the agent, before it ends or resets the stream: why.
    StreamError {
        /// Id of the stream.
        sid: u64,
        /// What failed.
        class: StreamErrorClass,
        /// The upstream's address.
        #[serde(default)]
        addr: String,
        /// The error in words.
        #[serde(default)]
        err: String,
    },
    /// From the server: for people, shown once.
    Notice {
        /// `info`, `warn`, `error`.
        level: String,
        /// Code, or empty.
        #[serde(default)]
        code: String,
        /// At most 500 bytes.
        text: String,
        /// Where to read more, or empty.
        #[serde(default)]
        url: String,
    },
    /// From the server: new grants; those absent stay.
    Limits {
        /// See [`crate::capability::Grant::window`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<u32>,
        /// See [`crate::capability::Grant::max_streams`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_streams: Option<u32>,
        /// See [`crate::capability::Grant::max_frame`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_frame: Option<u32>,
        /// See [`crate::capability::Grant::session_budget`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_budget: Option<u64>,
        /// See [`crate::capability::Grant::resume_window_ms`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume_window_ms: Option<u64>,
    },
    /// From both: why the connection closes now.
    Goodbye {
        /// Code, or empty.
        #[serde(default)]
        code: String,
        /// In words.
        #[serde(default)]
        text: String,
    },
    /// Something newer; to be ignored.
    #[serde(other)]
    Unknown,
}

/// The state of one endpoint's upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamState {
    /// Id of the bind.
    pub id: String,
    /// The last dial.
    pub up: Upstream,
    /// Milliseconds since the Unix epoch of the last dial.
    #[serde(default)]
    pub at: u64,
    /// The error in words, at most 200 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub err: String,
}

/// How a dial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upstream {
    /// It answered.
    Ok,
    /// It refused.
    Refused,
    /// It did not answer in time.
    Timeout,
    /// TLS failed.
    Tls,
    /// Not tried yet, or something newer.
    #[serde(other)]
    Unknown,
}

/// A change of an endpoint's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamHealth {
    /// Id of the bind.
    pub id: String,
    /// Up or down.
    pub state: Health,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Milliseconds since the Unix epoch.
    #[serde(default)]
    pub since: u64,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It serves.
    Up,
    /// It does not.
    Down,
}

/// Why a stream failed at the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamErrorClass {
    /// No connection to the upstream.
    Dial,
    /// No TLS with the upstream.
    Tls,
    /// The upstream reset the connection.
    Reset,
    /// The upstream did not answer in time.
    Timeout,
    /// The agent did not want it.
    RefusedByAgent,
    /// Something newer.
    #[serde(other)]
    Unknown,
}

impl ControlMessage {
    /// Appends length and JSON to `out`.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; `out` is unchanged then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let json = serde_json::to_vec(self).map_err(|error| Error::Syntax(error.to_string().into()))?;
        let len = u32::try_from(json.len())
            .ok()
            .filter(|_| json.len() <= MAX_LEN)
            .ok_or(Error::TooLarge)?;
        out.reserve(4 + json.len());
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&json);
        Ok(())
    }

    /// Reads one message from the start of `bytes`: it and how many bytes it took, or `None` if more
    /// are needed. A message of a known kind with wrong fields is an error, one of an unknown kind
    /// is [`ControlMessage::Unknown`].
    ///
    /// # Errors
    /// [`Error::TooLarge`] from the length alone, [`Error::Syntax`].
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > MAX_LEN {
            return Err(Error::TooLarge);
        }
        let Some(json) = rest.get(..length) else {
            return Ok(None);
        };
        let message = serde_json::from_slice(json).map_err(|error| Error::Syntax(error.to_string().into()))?;
        Ok(Some((message, 4 + length)))
    }
}
