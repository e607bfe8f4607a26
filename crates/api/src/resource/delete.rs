//! `DELETE` of one object, and what goes with it (control plane 1.7).

use adit_store::Change;
use http::StatusCode;

use super::{check_schema, special};
use crate::authorize::people;
use crate::call::Call;
use crate::conditional;
use crate::route_table::Answer;

/// Deletes the object that the path names.
pub(crate) fn delete<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let subject = call.subject()?;
        let current = match call.found(subject).await {
            Ok(current) => current,
            Err(error) => return Err(special::of_an_agent(call, subject).unwrap_or(error)),
        };
        let wanted = conditional::wanted(&call.headers)?;
        wanted.check(current.revision)?;
        check_schema(subject, &current)?;
        let shown = |object: &_| call.show_all(subject, object);
        let wish = call.wish(subject, &shown);
        wish.delete(&current)?;
        special::before_delete(call, &current).await?;
        let along = people::along(&wish, &current).into_iter();
        let mut changes: Vec<Change> = along.map(|id| Change::Delete { id, only: None }).collect();
        changes.push(Change::Delete {
            id: current.id,
            only: wanted.only(),
        });
        let written = call.write(subject, current.id, changes).await?;
        let answer = call.changed(subject, StatusCode::NO_CONTENT, None, written.position);
        Ok(answer.await.into())
    })
}
