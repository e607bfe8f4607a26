//! `PATCH`: what is not given stays (control plane 1.6).

use adit_store::Change;
use http::StatusCode;
use serde_json::{Map, Value};

use super::again::Patch;
use super::{Subject, check_schema, special};
use crate::answer::Full;
use crate::call::Call;
use crate::conditional::{self, Wanted};
use crate::error::ApiError;
use crate::route_table::Answer;

/// Most fields of `unset`.
const UNSET: usize = 64;

/// Changes the object that the path names as the body says.
pub(crate) fn update<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let subject = call.subject()?;
        let fields = call.fields()?;
        let unset = call.query.one("unset").unwrap_or_default();
        let unset = unset.split(',').map(str::trim).filter(|f| !f.is_empty());
        let unset = unset.take(UNSET).map(str::to_owned).collect();
        Ok(change(call, subject, fields, unset, StatusCode::OK).await?.into())
    })
}

/// Changes an object; `status` is that of the answer, which is without a body for 204.
pub(super) async fn change(
    call: &Call<'_>,
    subject: &'static Subject,
    fields: Map<String, Value>,
    unset: Vec<String>,
    status: StatusCode,
) -> Result<Full, ApiError> {
    let current = match call.found(subject).await {
        Ok(current) => current,
        Err(error) => return Err(special::of_an_agent(call, subject).unwrap_or(error)),
    };
    let wanted = conditional::wanted(&call.headers)?;
    wanted.check(current.revision)?;
    check_schema(subject, &current)?;
    let patch = Patch::new(call, subject, fields, unset);
    let seen = current.revision;
    let Some(next) = patch.apply(&current)? else {
        let full = match status {
            StatusCode::NO_CONTENT => Full::done(),
            _ => Full::json(status, call.show(subject, &current)).revision(seen),
        };
        return Ok(if call.is_set("dry_run") { full.dry_run() } else { full });
    };
    let along = special::along_update(call, subject, &current, &next).await?;
    let update = Change::Update {
        seen,
        next,
        again: patch.again(),
        only_seen: matches!(wanted, Wanted::Only(_)),
    };
    let mut changes = vec![update];
    changes.extend(along);
    let written = call.write(subject, current.id, changes).await;
    let written = written.map_err(|error| patch.refused().unwrap_or(error))?;
    let object = written.objects.first().unwrap_or(&current);
    let shown = (status != StatusCode::NO_CONTENT).then(|| (object, call.show(subject, object)));
    Ok(call.changed(subject, status, shown, written.position).await)
}
