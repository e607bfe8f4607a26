//! `GET /adit/guardrails/{id}/affected` and `POST /adit/guardrails/preview`: the endpoints that a guardrail is about now,
//! what of them lacks what it requires, and what it would have refused while it is in dry run (traffic policy 6.1, 6.4).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adit_cluster::{Member, Rehearsed};
use adit_model::kind::endpoint;
use adit_model::timestamp::{self, timestamp};
use adit_model::{Object, catalogue, draft};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_names::id::Id;
use adit_policy::{Actions, Policy, Requirement, Subject as PolicySubject};
use adit_store::Page;
use serde_json::{Value, json};

use super::required::{Covers, everywhere, requirements};
use super::{guardrail, named};
use crate::answer::Reply;
use crate::authorize::permission;
use crate::call::Call;
use crate::error::ApiError;
use crate::fresh::{new_id, now_micros};
use crate::resource::{Subject, routes};
use crate::route_table::Answer;
use crate::{live, policy};

/// Most endpoints that are shown.
const MOST: usize = 1_000;
/// Most endpoints that are looked at, of agents and of the cloud each.
const LOOKED: usize = 20_000;
/// Stored ones that are read at once.
const BATCH: usize = 500;
/// Bytes of policies that are held for that.
const HELD: usize = 16 * 1024 * 1024;
/// How long looking may take: policies are compiled where something is required of them.
const TIME: Duration = Duration::from_secs(5);

/// What a guardrail is about.
pub(crate) fn affected<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let guardrail = call.found(subject("guardrail")?).await?;
        let since = since(call)?;
        let about = About::of(call, &guardrail).await?;
        let last = call.api.told.directory.rehearsals().of(&guardrail.id.to_string());
        let (mut shown, is_shown) = about.endpoints(call, last.as_ref().map(|last| &*last.host)).await?;
        shown["would_refuse"] = would_refuse(last.as_ref(), is_shown, since);
        Ok(Reply::Json(shown))
    })
}

/// What one would be about, were it made.
pub(crate) fn preview<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let subject = subject("guardrail")?;
        let mut body = call.fields()?;
        body.entry("name").or_insert_with(|| "preview".into());
        let id = new_id(subject.kind.prefix)?;
        let prepared = draft::create(subject.kind, subject.additions, &body, id, None, &call.context())?;
        named::check(call, &prepared, "policy").await?;
        guardrail::check(call, &prepared.object).await?;
        let about = About::of(call, &prepared.object).await?;
        let (mut shown, _) = about.endpoints(call, None).await?;
        shown["would_refuse"] = Value::Null;
        Ok(Reply::Json(shown))
    })
}

/// A kind below `/adit/`.
fn subject(kind: &str) -> Result<&'static Subject, ApiError> {
    let known = catalogue::by_name(kind).and_then(routes::adit);
    known.ok_or_else(|| ApiError::internal("a kind is missing"))
}

/// From when on refusals are counted: `24h`, `90m`, `7d`, or a time.
///
/// # Errors
/// 241.
fn since(call: &Call<'_>) -> Result<Option<SystemTime>, ApiError> {
    let Some(text) = call.query.one("since") else {
        return Ok(None);
    };
    let wrong = || {
        let values = [("field", "since"), ("value", text)];
        ApiError::new(ErrorCode::NGROK_241, &values).detail("field", "since")
    };
    let seconds = |unit: &str| match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        _ => None,
    };
    let ago = text
        .char_indices()
        .next_back()
        .and_then(|(at, _)| text.split_at_checked(at));
    let ago = ago.and_then(|(number, unit)| number.parse::<u64>().ok()?.checked_mul(seconds(unit)?));
    let at = match ago {
        Some(ago) => SystemTime::now().checked_sub(Duration::from_secs(ago)),
        None => timestamp::micros(text).and_then(|at| {
            let at = Duration::from_micros(u64::try_from(at).ok()?);
            UNIX_EPOCH.checked_add(at)
        }),
    };
    at.map(Some).ok_or_else(wrong)
}

/// `is_shown`: the caller may read the endpoint that it was about last; else neither the host nor what it met is named.
fn would_refuse(all: Option<&Rehearsed>, is_shown: bool, since: Option<SystemTime>) -> Value {
    let Some(all) = all else {
        return json!({"count": 0, "since": null, "last": null});
    };
    let (count, began) = match since {
        Some(since) => all.since(since),
        None => (all.count, all.since),
    };
    let (host, rule) = (is_shown.then_some(&all.host), is_shown.then_some(&all.rule));
    let last = json!({ "at": time(all.at), "host": host, "rule": rule, "would": all.would });
    json!({
        "count": count,
        "since": time(began),
        "last": if count > 0 { last } else { Value::Null },
    })
}

fn time(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    timestamp(i64::try_from(since).unwrap_or(i64::MAX), true)
}

/// An endpoint that may be one of them.
struct Candidate {
    id: String,
    url: EndpointUrl,
    organization: Id,
    /// The caller may read it.
    shown: bool,
    of: Of,
}

/// Whose it is, with its own policy.
enum Of {
    Agent(Arc<Member>),
    /// As it is written.
    Cloud(Box<str>),
}

/// A guardrail, read once for all endpoints.
struct About {
    covers: Covers,
    requires: Vec<Requirement>,
    everywhere: bool,
    /// Whose endpoints; none: everybody's.
    organization: Option<Id>,
    now: i64,
}

impl About {
    async fn of(call: &Call<'_>, guardrail: &Object) -> Result<Self, ApiError> {
        Ok(Self {
            covers: Covers::read(guardrail),
            requires: requirements(guardrail),
            everywhere: everywhere(call, guardrail.organization).await?.contains(&guardrail.id),
            organization: (!guardrail.flag("installation")).then_some(guardrail.organization),
            now: now_micros(),
        })
    }

    /// The answer but for what it would have refused, and whether the endpoints that have the name `host` may be read. What
    /// takes time is done beside the control thread.
    async fn endpoints(self, call: &Call<'_>, host: Option<&str>) -> Result<(Value, bool), ApiError> {
        let mut candidates = Vec::new();
        let mut is_truncated = self.live(call, &mut candidates);
        is_truncated |= self.stored(call, &mut candidates).await?;
        let is_shown = !is_truncated && host.is_some_and(|host| may_name(host, &candidates));
        let names = names(call, &candidates).await?;
        let looked = policy::beside(call, move || {
            let until = Instant::now() + TIME;
            let (mut rows, mut hidden) = (Vec::new(), 0_u64);
            for candidate in &candidates {
                if rows.len() >= MOST || Instant::now() >= until {
                    is_truncated = true;
                    break;
                }
                let name = names.get(&candidate.organization).map_or("", String::as_str);
                if !self.is_about(&candidate.url, candidate.organization, name) {
                    continue;
                }
                if candidate.shown {
                    rows.push(self.row(candidate));
                } else {
                    hidden += 1;
                }
            }
            json!({ "endpoints": rows, "hidden": hidden, "truncated": is_truncated })
        });
        Ok((looked.await?, is_shown))
    }

    fn may_be_about(&self, organization: Id) -> bool {
        self.organization.is_none_or(|own| own == organization)
    }

    fn is_about(&self, url: &EndpointUrl, organization: Id, name: &str) -> bool {
        self.everywhere || self.covers.covers(url, (organization, name), self.now)
    }

    fn row(&self, candidate: &Candidate) -> Value {
        let compiled;
        let (kind, policy) = match &candidate.of {
            Of::Agent(member) => ("agent", member.options.policy.as_ref().map(|p| &*p.policy)),
            Of::Cloud(_) if self.requires.is_empty() => ("cloud", None),
            Of::Cloud(text) => {
                compiled = compile(text, &candidate.url);
                ("cloud", compiled.as_ref())
            }
        };
        let unmet = self.requires.iter().find(|required| !required.is_met_by(policy));
        json!({
            "id": candidate.id,
            "url": candidate.url.to_string(),
            "type": kind,
            "unmet": unmet.map(ToString::to_string),
        })
    }

    /// Those that agents offer; true if there are more than are looked at.
    fn live(&self, call: &Call<'_>, out: &mut Vec<Candidate>) -> bool {
        for pool in call.api.told.directory.pools() {
            let Ok(organization) = pool.organization().parse() else {
                continue;
            };
            if !self.may_be_about(organization) {
                continue;
            }
            for member in pool.members().iter().filter(|member| member.is_connected()) {
                if out.len() >= LOOKED {
                    return true;
                }
                out.push(Candidate {
                    id: live::endpoint_id(&member.endpoint_id),
                    url: pool.url().clone(),
                    organization,
                    shown: live::may_read_endpoint(call, &pool, member),
                    of: Of::Agent(member.clone()),
                });
            }
        }
        false
    }

    /// Those of the cloud; true if there are more than are looked at.
    async fn stored(&self, call: &Call<'_>, out: &mut Vec<Candidate>) -> Result<bool, ApiError> {
        let kind = subject("endpoint")?;
        let read = permission(kind.resource(), "read");
        let mut page = Page {
            kind: "endpoint",
            organization: self.organization,
            before: None,
            limit: BATCH,
            terms: Vec::new(),
        };
        let (mut looked, mut held) = (0, 0);
        loop {
            let objects = call.api.stored()?.store.page(&page).await?;
            let is_last = objects.len() < BATCH;
            page.before = objects.last().map(|object| object.id);
            looked += objects.len();
            for object in objects {
                let Some(url) = endpoint::url(&object) else { continue };
                // Nothing is compiled for nothing.
                let policy = if self.requires.is_empty() {
                    ""
                } else {
                    object.text("traffic_policy")
                };
                held += policy.len();
                let is_ours = object.organization == call.caller.organization;
                out.push(Candidate {
                    id: object.id.to_string(),
                    url,
                    organization: object.organization,
                    shown: is_ours && call.caller.covers(read, &object, || call.show_all(kind, &object)),
                    of: Of::Cloud(policy.into()),
                });
            }
            if is_last {
                return Ok(false);
            }
            if looked >= LOOKED || held >= HELD {
                return Ok(true);
            }
        }
    }
}

/// May all endpoints of this name be read, and is there one? Several organisations may have internal ones of one name.
fn may_name(host: &str, candidates: &[Candidate]) -> bool {
    let named = candidates.iter().filter(|candidate| candidate.url.host().covers(host));
    let mut named = named.peekable();
    named.peek().is_some() && named.all(|candidate| candidate.shown)
}

/// The names of the organisations that these are of.
async fn names(call: &Call<'_>, candidates: &[Candidate]) -> Result<HashMap<Id, String>, ApiError> {
    let ids: BTreeSet<Id> = candidates.iter().map(|candidate| candidate.organization).collect();
    let ids: Vec<Id> = ids.into_iter().collect();
    let mut names = HashMap::new();
    for ids in ids.chunks(BATCH) {
        let objects = call.api.stored()?.store.get_many(ids).await?;
        names.extend(
            objects
                .into_iter()
                .map(|object| (object.id, object.text("name").to_owned())),
        );
    }
    Ok(names)
}

fn compile(text: &str, url: &EndpointUrl) -> Option<Policy> {
    let subject = PolicySubject {
        internal: url.binding() == Binding::Internal,
        actions: Actions::Edge,
        ..PolicySubject::cloud(url.scheme())
    };
    adit_policy::compile(text, subject).ok()
}
