//! `GET` of one object.

use super::special;
use crate::answer::Full;
use crate::authorize::permission;
use crate::call::Call;
use crate::people::used;
use crate::route_table::Answer;

/// The object that the path names.
pub(crate) fn get<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let subject = call.subject()?;
        let object = match call.found(subject).await {
            Ok(object) => object,
            Err(error) => return special::live(call, subject).unwrap_or(Err(error)),
        };
        let read = permission(subject.resource(), "read");
        if !call.caller.covers(read, &object, || call.show_all(subject, &object)) {
            return Err(call.missing(subject));
        }
        let mut json = call.show(subject, &object);
        if subject.additions {
            used::show(call, &object, &mut json).await?;
        }
        Ok(Full::json(http::StatusCode::OK, json).revision(object.revision).into())
    })
}
