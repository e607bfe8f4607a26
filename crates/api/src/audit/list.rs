//! `GET /adit/audit` and `GET /adit/audit/{event_id}`.

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::log::{EntriesPage, Entry, account};

use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::filter::{FieldForm, Filter, FilterField};
use crate::fresh::now_micros;
use crate::page::{Page, list_json};
use crate::route_table::Answer;

/// Entries that one request looks at; a page may be shorter then, and the next one goes on.
const SCANNED: usize = 10_000;
/// Entries that are read at once where not each is wanted.
const BATCH: usize = 500;
/// What is kept in the URI of the next page.
const KEPT: &[&str] = &["filter", "object", "actor", "from", "to"];

/// Entries of the caller's organisation, newest first.
pub(crate) fn list<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let asked = Page::of(&call.query, Prefix::Event, "log entry")?;
        let filter = call.query.one("filter").map(parse).transpose()?;
        let (object, actor) = (call.query.one("object"), call.query.one("actor"));
        let by_id = actor.filter(|a| a.parse::<Id>().is_ok());
        let mut page = EntriesPage {
            organization: Some(call.caller.organization),
            before: before(call, asked.before_id()).await?,
            object_id: object.map(str::to_owned),
            principal_id: by_id.map(str::to_owned),
            from: call.time("from")?,
            to: call.time("to")?,
            limit: BATCH,
            ..EntriesPage::default()
        };
        let now = now_micros();
        let wanted = |entry: &Entry| {
            let by = by_id.is_some() || actor.is_none_or(|a| entry.subject.as_deref() == Some(a));
            by && call.sees(entry) && filter.as_ref().is_none_or(|f| f.matches(&entry.to_json(), now))
        };
        let mut found: Vec<Entry> = Vec::new();
        let mut scanned = 0;
        let next_from = loop {
            let read = call.api.stored()?.store.entries(&page).await?;
            let is_last = read.len() < page.limit;
            scanned += read.len();
            let last = read.last().map(|e| (e.position, e.event_id.clone()));
            page.before = last.as_ref().map(|(position, _)| *position);
            found.extend(read.into_iter().filter(wanted));
            if found.len() > asked.limit() {
                found.truncate(asked.limit());
                break found.last().map(|entry| entry.event_id.clone());
            }
            if is_last {
                break None;
            }
            if scanned >= SCANNED {
                break last.map(|(_, event_id)| event_id);
            }
        };
        let kept: Vec<(&str, &str)> = KEPT
            .iter()
            .filter_map(|name| Some((*name, call.query.one(name)?)))
            .collect();
        let next = next_from.map(|last| call.api.uri(&format!("/adit/audit{}", asked.next(&last, &kept))));
        let entries = found.iter().map(Entry::to_json).collect();
        let uri = call.api.uri(&call.target);
        Ok(Reply::Json(list_json("entries", entries, uri, next)))
    })
}

/// One entry.
pub(crate) fn get<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let id = call.value("event_id");
        let found = call.api.stored()?.store.entry(id).await?;
        let organization = account::text(call.caller.organization);
        let is_ours = |entry: &Entry| entry.organization_id == organization && call.sees(entry);
        match found.filter(is_ours) {
            Some(entry) => Ok(Reply::Json(entry.to_json())),
            None => Err(ApiError::new(
                ErrorCode::ADIT_2001,
                &[("kind", "log entry"), ("id", id)],
            )),
        }
    })
}

/// The position of the entry that a page ends before.
async fn before(call: &Call<'_>, id: Option<Id>) -> Result<Option<u64>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    let text = id.to_string();
    match call.api.stored()?.store.entry(&text).await? {
        Some(entry) => Ok(Some(entry.position)),
        None => Err(ApiError::new(ErrorCode::ADIT_2301, &[]).detail("field", "before_id")),
    }
}

fn parse(text: &str) -> Result<Filter, ApiError> {
    let fields = [
        ("event_id", FieldForm::Id),
        ("event_type", FieldForm::Text),
        ("at", FieldForm::Time),
        ("principal_id", FieldForm::Id),
        ("subject", FieldForm::Text),
        ("source", FieldForm::Text),
        ("credential_id", FieldForm::Id),
        ("ip", FieldForm::Text),
        ("user_agent", FieldForm::Text),
        ("operation_id", FieldForm::Id),
        ("node", FieldForm::Text),
        ("object_kind", FieldForm::Text),
        ("object_id", FieldForm::Id),
        ("revision", FieldForm::Number),
        ("chain", FieldForm::Text),
        ("seq", FieldForm::Number),
    ];
    let fields = fields.map(|(name, form)| FilterField::new(name, form));
    Ok(Filter::parse(text, &fields)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_can_be_filtered_by_their_fields() {
        let by = |text: &str| parse(text).map(|_| ()).map_err(|e| e.code());
        assert_eq!(by("obj.event_type == \"ip_policy_created.v0\" && obj.seq > 3"), Ok(()));
        assert_eq!(by("obj.at > timestamp(\"2026-11-24T15:00:00Z\")"), Ok(()));
        assert_eq!(by("obj.nothing == 1"), Err(ErrorCode::NGROK_250));
    }
}
