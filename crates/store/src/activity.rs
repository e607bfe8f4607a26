//! Activity: what agents and endpoints do. Nodes number and spool it themselves, so that no session waits for the
//! database; from there it comes in batches into the `live` chains (control plane 4.7, 5.1).

use adit_names::id::Id;
use serde_json::Value;

use crate::error::StoreError;
use crate::log::Origin;
use crate::sql::Arg;
use crate::sql::statements as s;
use crate::store::Store;
use crate::write::{Actor, WriteError};

/// Most of one batch.
pub const MOST: usize = 256;

/// Class of the rows of `work` that say how far each spool was taken.
pub(crate) const CLASS: &str = "activity";

/// One of them.
#[derive(Clone, Debug)]
pub struct Activity {
    /// Whose.
    pub organization: Id,
    /// `ev_…`, given by the node that saw it.
    pub event_id: Id,
    /// `endpoint_online.v0`.
    pub event_type: String,
    /// When it happened, microseconds since the Unix epoch.
    pub at: i64,
    /// Who did it.
    pub actor: Actor,
    /// Kind and id of what it concerns.
    pub object: Option<(String, String)>,
    /// What is recorded.
    pub after: Value,
    /// Where it was seen first.
    pub origin: Origin,
}

/// Name of a spool.
pub(crate) fn spool(origin: &Origin) -> String {
    format!("{}/{}", origin.node, origin.generation)
}

impl Store {
    /// Takes activities over, in the order of their numbers; those that were taken already are passed over. Answers
    /// with the position of the last.
    ///
    /// # Errors
    /// Nothing was taken. More than [`MOST`] at once are [`WriteError::Unavailable`].
    pub async fn record(&self, activities: Vec<Activity>) -> Result<u64, WriteError> {
        if activities.len() > MOST {
            return Err(WriteError::Unavailable(format!("more than {MOST} activities at once")));
        }
        self.inner.gate.record(activities).await.map(|written| written.position)
    }

    /// Up to which number a spool was taken.
    ///
    /// # Errors
    /// The database is away, or the row cannot be read.
    pub async fn recorded(&self, node: &str, generation: u64) -> Result<u64, StoreError> {
        let key = format!("{node}/{generation}");
        let mut conn = self.conn().await?;
        let row = conn
            .row(&s::WORK_POSITION, vec![Arg::from(CLASS), Arg::from(key)])
            .await?;
        Ok(row.map(|row| row.count(0)).transpose()?.unwrap_or_default())
    }
}
