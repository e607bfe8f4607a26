//! `GET` of a list: keyset pages, newest first, filtered (control plane 1.5).

use std::cmp::Reverse;

use adit_model::Object;
use adit_model::kind::endpoint::canonical_url;
use adit_names::id::Id;
use adit_store::{Page as StorePage, Term};
use serde_json::Value;

use super::{Subject, filtered};
use crate::access::owner_of;
use crate::answer::Reply;
use crate::authorize::permission;
use crate::call::Call;
use crate::error::ApiError;
use crate::filter::Filter;
use crate::fresh::now_micros;
use crate::live;
use crate::page::{Page, list_json};
use crate::people::scope;
use crate::route_table::Answer;

/// Rows that one request looks at; a page may be shorter then, and the next one goes on.
const SCANNED: usize = 10_000;
/// Rows that are read at once where not every row is wanted.
const BATCH: usize = 500;

/// The page that was asked for.
pub(crate) fn list<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let subject = call.subject()?;
        page(call, subject, Vec::new()).await
    })
}

/// A page of the objects that fulfil `terms`.
pub(super) async fn page(call: &Call<'_>, subject: &'static Subject, terms: Vec<Term>) -> Result<Reply, ApiError> {
    let asked = Page::of(&call.query, subject.prefix, subject.noun())?;
    let now = now_micros();
    let filter = match call.query.one("filter") {
        Some(text) => Some(filtered::parse(text, subject)?),
        None => None,
    };
    let mut select = Select::new(call, subject, filter, now);
    let mut terms = terms;
    if let Some(filter) = &select.filter {
        terms.extend(filtered::terms(filter, subject.kind, now));
    }
    let mut before = asked.before_id().map(|id| id.with_prefix(subject.kind.prefix));
    let mut rows: Vec<(Id, Value)> = Vec::new();
    let mut scanned = 0;
    let next_from = loop {
        // One more than fits tells whether there is another page.
        let wanted = asked.limit() + 1 - rows.len();
        let batch = if select.takes_all() { wanted } else { BATCH };
        let read = read(call, subject, before, batch, &terms).await?;
        let is_last = read.len() < batch;
        for row in read {
            scanned += 1;
            before = Some(row.id);
            if select.takes(&row) {
                rows.push((row.id, row.shown));
            }
            if rows.len() > asked.limit() {
                break;
            }
        }
        if rows.len() > asked.limit() {
            rows.truncate(asked.limit());
            break rows.last().map(|(id, _)| *id);
        }
        if is_last {
            break None;
        }
        if scanned >= SCANNED {
            break before;
        }
    };
    let kept: Vec<(&str, &str)> = ["filter", "id", "url"]
        .into_iter()
        .flat_map(|name| call.query.all(name).map(move |value| (name, value)))
        .collect();
    let path = call.target.split('?').next().unwrap_or_default().trim_end_matches('/');
    let path = format!("/{}", path.trim_start_matches('/'));
    let next = next_from.map(|last| {
        let last = subject.shown(last).to_string();
        call.api.uri(&format!("{path}{}", asked.next(&last, &kept)))
    });
    let objects = rows.into_iter().map(|(_, shown)| shown).collect();
    let uri = call.api.uri(&call.target);
    Ok(Reply::Json(list_json(subject.list_key, objects, uri, next)))
}

/// One object of a list.
pub(super) struct Row {
    pub(super) id: Id,
    pub(super) shown: Value,
    /// Whose it is.
    pub(super) owner: Option<Id>,
    /// How it looks with all its fields, where a role selects by them.
    all: Option<Value>,
}

/// The next rows, newest first: what is stored, and for endpoints what agents offer, under one order.
async fn read(
    call: &Call<'_>,
    subject: &Subject,
    before: Option<Id>,
    limit: usize,
    terms: &[Term],
) -> Result<Vec<Row>, ApiError> {
    let page = StorePage {
        kind: subject.kind.name,
        organization: Some(call.caller.organization),
        before,
        limit,
        terms: terms.to_vec(),
    };
    let stored = scope::page(call.api, &call.caller, page).await?;
    let reach = call.caller.reach(permission(subject.resource(), "read"));
    let selects = !reach.all && !reach.selected.is_empty();
    let row = |object: Object| Row {
        id: object.id,
        shown: call.show(subject, &object),
        owner: owner_of(&object),
        all: selects.then(|| call.show_all(subject, &object)),
    };
    let mut rows: Vec<Row> = stored.into_iter().map(row).collect();
    if subject.kind.name == "endpoint" {
        let live = live::rows(call, before, limit);
        rows.extend(live.into_iter().map(|(id, owner, shown)| Row {
            id,
            shown,
            owner,
            all: None,
        }));
        rows.sort_unstable_by_key(|row| Reverse(row.id));
        rows.truncate(limit);
    }
    Ok(rows)
}

/// The URLs that are asked for, as endpoints have theirs, in whatever spelling they are given.
fn urls(call: &Call<'_>) -> Vec<String> {
    let ctx = call.context();
    let canonical = |text: &str| canonical_url(text, &ctx).unwrap_or_else(|| text.to_owned());
    call.query.all("url").map(canonical).collect()
}

/// Which rows are wanted.
struct Select<'c> {
    call: &'c Call<'c>,
    permission: &'static str,
    kind: &'static str,
    sees_all: bool,
    filter: Option<Filter>,
    now: i64,
    /// Values of `id` and `url`, of which one has to fit, each where it is given.
    ids: Vec<&'c str>,
    urls: Vec<String>,
}

impl<'c> Select<'c> {
    fn new(call: &'c Call<'c>, subject: &Subject, filter: Option<Filter>, now: i64) -> Self {
        let permission = permission(subject.resource(), "read");
        Self {
            call,
            permission,
            kind: subject.kind.name,
            sees_all: call.caller.reach(permission).all,
            filter,
            now,
            ids: call.query.all("id").collect(),
            urls: urls(call),
        }
    }

    fn takes_all(&self) -> bool {
        self.sees_all && self.filter.is_none() && self.ids.is_empty() && self.urls.is_empty()
    }

    fn takes(&mut self, row: &Row) -> bool {
        let one_of = |asked: &[&str], name: &str| {
            asked.is_empty()
                || row
                    .shown
                    .get(name)
                    .and_then(Value::as_str)
                    .is_some_and(|v| asked.contains(&v))
        };
        let urls: Vec<&str> = self.urls.iter().map(String::as_str).collect();
        if !one_of(&self.ids, "id") || !one_of(&urls, "url") {
            return false;
        }
        let caller = &self.call.caller;
        let sees = || {
            let reach = caller.reach(self.permission);
            let all = || row.all.as_ref().unwrap_or(&row.shown).clone();
            reach.covers(caller.principal, row.owner, self.kind, all)
        };
        let filter = self.filter.as_ref();
        filter.is_none_or(|f| f.matches(&row.shown, self.now)) && (self.sees_all || sees())
    }
}
