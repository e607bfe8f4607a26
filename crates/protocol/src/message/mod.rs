//! The messages of a session, one file each (agent protocol 3).
//!
//! Every message is a plain struct. [`Message::decode`] takes field names in any case and ignores
//! unknown ones; [`Message::encode`] sends exactly the documented spelling. A failure travels in the
//! answer's field `Error`, whose text [`adit_names::code::agent_error_text`] makes.

pub mod auth;
pub mod bind;
pub mod info;
pub mod opts;
pub mod patch;
mod presence;
pub mod restart;
pub mod start_labeled;
pub mod stop;
pub mod stop_tunnel;
pub mod unbind;
pub mod update;

use adit_names::ErrorCode;
use adit_names::code::agent_error_text;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use auth::{Auth, AuthExtra, AuthResp, AuthRespExtra, ConnectAddress, DeprecationWarning};
pub use bind::{Bind, BindExtra, BindResp, BindRespExtra};
pub use info::{SrvInfo, SrvInfoResp};
pub use opts::{HttpOpts, TcpOpts, TlsOpts, UdpOpts};
pub use patch::{PatchTunnelState, PatchTunnelStateResp};
pub use presence::Presence;
pub use restart::{Restart, RestartResp};
pub use start_labeled::{StartTunnelWithLabel, StartTunnelWithLabelResp};
pub use stop::{Stop, StopResp};
pub use stop_tunnel::StopTunnel;
pub use unbind::{Unbind, UnbindResp};
pub use update::{Update, UpdateResp};

use crate::json::{self, FieldError};
use crate::typed_stream::StreamType;

/// What is wrong with bytes that came from the other side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More bytes than this kind of message may have.
    #[error("the message is larger than {} bytes", json::MAX_SIZE)]
    TooLarge,
    /// Objects and arrays nested too deeply.
    #[error("the message is nested deeper than {} levels", json::MAX_DEPTH)]
    TooDeep,
    /// No JSON object, or not in UTF-8.
    #[error("{0}")]
    Syntax(Box<str>),
    /// A field of another type.
    #[error("{0}")]
    Field(FieldError),
    /// A length, address or word of a binary header that cannot be.
    #[error("{0}")]
    Header(&'static str),
}

impl Error {
    /// The code of this error in a message on a stream of this type (agent protocol 7).
    #[must_use]
    pub const fn code(&self, on: StreamType) -> ErrorCode {
        match (self, on) {
            (Self::TooLarge, _) => ErrorCode::NGROK_812,
            (_, StreamType::Auth) => ErrorCode::NGROK_109,
            (_, StreamType::Bind) => ErrorCode::NGROK_301,
            _ => ErrorCode::NGROK_801,
        }
    }

    /// The text of the field `Error` in the answer.
    #[must_use]
    pub fn answer_text(&self, on: StreamType) -> String {
        let code = self.code(on);
        let error = self.to_string();
        let max = json::MAX_SIZE.to_string();
        agent_error_text(
            code,
            &code.message(&[("error", &error), ("message", on.name()), ("max", &max)]),
        )
    }
}

/// A message of the session protocol.
pub trait Message: Serialize + DeserializeOwned {
    /// Its name, as in the tables of the protocol.
    const NAME: &'static str;

    /// Reads it from one JSON object.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::Field`].
    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        json::from_slice(bytes)
    }

    /// Its JSON, compact, without a trailing newline.
    fn encode(&self) -> Vec<u8> {
        // Messages have string keys and finite numbers only: writing them to memory cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

macro_rules! messages {
    ($($type:ident $name:literal;)*) => {$(
        impl Message for $type {
            const NAME: &'static str = $name;
        }
    )*};
}

messages! {
    Auth "Auth";
    AuthResp "AuthResp";
    Bind "Bind";
    BindResp "BindResp";
    Unbind "Unbind";
    UnbindResp "UnbindResp";
    StartTunnelWithLabel "StartTunnelWithLabel";
    StartTunnelWithLabelResp "StartTunnelWithLabelResp";
    PatchTunnelState "PatchTunnelState";
    PatchTunnelStateResp "PatchTunnelStateResp";
    SrvInfo "SrvInfo";
    SrvInfoResp "SrvInfoResp";
    Stop "Stop";
    StopResp "StopResp";
    Restart "Restart";
    RestartResp "RestartResp";
    Update "Update";
    UpdateResp "UpdateResp";
    StopTunnel "StopTunnel";
}

/// The answer to a request whose stream type is unknown or not allowed now: only the field `Error`.
#[must_use]
pub fn error_answer(code: ErrorCode, message: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct OnlyError {
        #[serde(rename = "Error")]
        error: String,
    }
    serde_json::to_vec(&OnlyError {
        error: agent_error_text(code, message),
    })
    .unwrap_or_default()
}
