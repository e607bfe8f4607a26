//! Outcome of an agent's session: what `agent_session_stop.v0` adds to the facts of the session.

use std::time::SystemTime;

use crate::label::StopCode;

/// How an agent's session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOutcome {
    /// When it ended.
    pub stopped_at: SystemTime,
    /// Why.
    pub stop_code: StopCode,
    /// The reason in words (≤ 256 bytes, no secrets); empty if there is nothing to add.
    pub error: String,
    /// Bytes received from the agent over the whole session.
    pub bytes_in: u64,
    /// Bytes sent to the agent over the whole session.
    pub bytes_out: u64,
    /// Identifiers of the endpoints it had at its end.
    pub endpoints: Vec<String>,
}
