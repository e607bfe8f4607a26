//! The answer to a change: positions, revisions, and waiting for nodes (control plane 1.6).

use std::time::Duration;

use adit_model::Object;
use http::StatusCode;
use serde_json::Value;

use super::Subject;
use crate::access::Access;
use crate::answer::Full;
use crate::call::Call;

/// How long `?wait=applied` waits.
const EVERYWHERE: Duration = Duration::from_secs(5);
/// How long a change of people or keys waits for the node that answers, so that a new key is good there at once and
/// a deleted one is not.
const HERE: Duration = Duration::from_secs(1);

impl Call<'_> {
    /// The answer to a change that is written at `position`; `object` is what it made, shown as `json`.
    pub(crate) async fn changed(
        &self,
        subject: &Subject,
        status: StatusCode,
        object: Option<(&Object, Value)>,
        position: u64,
    ) -> Full {
        let full = match object {
            Some((object, json)) => Full::json(status, json).revision(object.revision),
            None => Full::done(),
        };
        if self.is_set("dry_run") {
            return full.dry_run();
        }
        let full = full.position(position);
        let Ok(stored) = self.api.stored() else {
            return full;
        };
        let applied = &stored.applied;
        if self.query.one("wait") == Some("applied") {
            return full.pending(&applied.everywhere(position, EVERYWHERE).await);
        }
        if Access::KINDS.contains(&subject.kind.name) {
            self.here(position).await;
        }
        full
    }

    /// Waits until this node knows of a change of people or keys.
    pub(crate) async fn here(&self, position: u64) {
        let Ok(stored) = self.api.stored() else { return };
        if !stored.applied.here(position, HERE).await {
            tracing::warn!(position, "this node has not applied a change of people or keys");
        }
    }
}
