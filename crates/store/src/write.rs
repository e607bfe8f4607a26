//! What goes into the gate and what comes out of it.

use std::net::IpAddr;
use std::sync::Arc;

use adit_model::{Object, Prepared};
use adit_names::code::ErrorCode;
use adit_names::id::Id;
use serde_json::Value;

/// A change: all of its steps or none, in one savepoint.
#[derive(Clone, Debug)]
pub struct Write {
    /// Whose chain of the log it goes to, and whose objects it may touch. Users, who are the installation's, may be
    /// touched by all, and their changes go to the installation's chain.
    pub organization: Id,
    /// Who asks.
    pub actor: Actor,
    /// What is done, in this order.
    pub changes: Vec<Change>,
    /// Everything is checked, nothing is kept.
    pub dry_run: bool,
}

/// One step.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new object.
    Create(Prepared),
    /// An object as it shall be from now on. `next` was made from revision `seen`; where another change came between,
    /// `again` makes it anew from what there is now, unless `only_seen` (`If-Match`), which makes it
    /// [`WriteError::Stale`].
    Update {
        /// Revision that `next` was made from.
        seen: u64,
        /// What it shall be.
        next: Prepared,
        /// Makes it anew.
        again: Again,
        /// Refused if another change came between.
        only_seen: bool,
    },
    /// An object is no more, and with it what cascades; with an organisation all that belongs to it.
    Delete {
        /// Which.
        id: Id,
        /// Refused unless it has this revision.
        only: Option<u64>,
    },
    /// A security decision or another fact that is not a change of an object.
    Fact(Fact),
}

/// Makes an update anew from the object as it is now: `None` if nothing is left to change.
#[derive(Clone)]
pub struct Again(pub Arc<Remake>);

/// See [`Again`].
pub type Remake = dyn Fn(&Object) -> Result<Option<Prepared>, Refusal> + Send + Sync;

impl std::fmt::Debug for Again {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Again(…)")
    }
}

/// A refusal that is passed on to the caller as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its number.
    pub code: ErrorCode,
    /// The field to blame; may be empty.
    pub field: String,
    /// Values for the placeholders of its text.
    pub values: Vec<(&'static str, String)>,
    /// Further details.
    pub details: Vec<(&'static str, String)>,
}

/// A fact for the log that concerns no stored object, or one only by name.
#[derive(Clone, Debug)]
pub struct Fact {
    /// `agent_session_command.v0`.
    pub event_type: &'static str,
    /// Kind and id of what it concerns.
    pub object: Option<(String, String)>,
    /// What is recorded.
    pub after: Value,
}

/// Who asks, as the log records it (control plane 5.1).
#[derive(Clone, Debug)]
pub struct Actor {
    /// User or service user; none for the system.
    pub principal: Option<Id>,
    /// E-mail or name; `host:<user>` for commands on the machine; `system`.
    pub subject: String,
    /// Through what.
    pub source: Source,
    /// API key or authtoken (`ak_…`, `cr_…`).
    pub credential: Option<Id>,
    /// From where.
    pub ip: Option<IpAddr>,
    /// With what.
    pub user_agent: String,
    /// `op_…`.
    pub operation_id: String,
}

/// Through what somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The REST API.
    Api,
    /// The dashboard.
    Dashboard,
    /// An agent.
    Agent,
    /// A command on the machine itself.
    Host,
    /// The server itself.
    System,
}

/// What a change did.
#[derive(Clone, Debug)]
pub struct Written {
    /// Position of its last entry, or that of the log if nothing was to be written.
    pub position: u64,
    /// The objects of its creates and updates, in the order of the steps, with revisions and times.
    pub objects: Vec<Object>,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A claim, a reference, or the maker of an update refuses. `details` of a restricted deletion has
    /// `referenced_by`.
    #[error("refused: {}", .0.code.as_str())]
    Refused(Refusal),
    /// There is no such object in this organisation.
    #[error("no such object")]
    NotFound,
    /// It has another revision.
    #[error("the object has revision {current}")]
    Stale {
        /// The one it has.
        current: u64,
    },
    /// It was written by a newer version than this node.
    #[error("the object was written by a newer version")]
    Newer,
    /// The database is away, read-only or full.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The gate was not reached in time.
    #[error("too many changes are waiting")]
    Late,
}
