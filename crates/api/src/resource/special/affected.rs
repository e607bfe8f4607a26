//! `GET /adit/guardrails/{id}/affected`: the endpoints that a guardrail is about now, what of them lacks what it requires,
//! and what it would have refused while it is in dry run (traffic policy 6.1, 6.4).

use std::time::{SystemTime, UNIX_EPOCH};

use adit_model::kind::endpoint;
use adit_model::timestamp::timestamp;
use adit_model::{Object, catalogue};
use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_names::id::Id;
use adit_policy::{Actions, Policy, Requirement, Subject};
use adit_store::Page;
use serde_json::{Value, json};

use super::required::{Covers, everywhere, requirements};
use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::resource::routes;
use crate::route_table::Answer;

/// Most endpoints that are shown, and stored ones that are looked at.
const MOST: usize = 1_000;

/// The answer.
pub(crate) fn affected<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let kind = catalogue::by_name("guardrail").and_then(routes::adit);
        let subject = kind.ok_or_else(|| ApiError::internal("a kind is missing"))?;
        let guardrail = call.found(subject).await?;
        let mut endpoints = Vec::new();
        let about = About::of(call, &guardrail).await?;
        about.live(call, &mut endpoints);
        about.stored(call, &mut endpoints).await?;
        let is_truncated = endpoints.len() > MOST;
        endpoints.truncate(MOST);
        let rehearsed = call.api.told.directory.rehearsals().of(&guardrail.id.to_string());
        let would_refuse = rehearsed.map(|all| {
            json!({
                "count": all.count,
                "since": time(all.since),
                "last": { "at": time(all.at), "host": all.host, "rule": all.rule, "would": all.would },
            })
        });
        Ok(Reply::Json(json!({
            "endpoints": endpoints,
            "truncated": is_truncated,
            "would_refuse": would_refuse.unwrap_or_else(|| json!({"count": 0, "since": null, "last": null})),
        })))
    })
}

fn time(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    timestamp(i64::try_from(since).unwrap_or(i64::MAX), true)
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
            now: crate::fresh::now_micros(),
        })
    }

    fn is_about(&self, url: &EndpointUrl, organization: Id) -> bool {
        self.organization.is_none_or(|own| own == organization)
            && (self.everywhere || self.covers.covers(url, organization, self.now))
    }

    fn row(&self, id: &str, url: &EndpointUrl, kind: &str, policy: Option<&Policy>) -> Value {
        let unmet = self.requires.iter().find(|required| !required.is_met_by(policy));
        json!({
            "id": id,
            "url": url.to_string(),
            "type": kind,
            "unmet": unmet.map(ToString::to_string),
        })
    }

    /// Those that agents offer.
    fn live(&self, call: &Call<'_>, out: &mut Vec<Value>) {
        for pool in call.api.told.directory.pools() {
            let Ok(organization) = pool.organization().parse() else {
                continue;
            };
            if !self.is_about(pool.url(), organization) {
                continue;
            }
            for member in pool.members().iter().filter(|member| member.is_connected()) {
                if out.len() > MOST {
                    return;
                }
                let policy = member.options.policy.as_ref().map(|p| &*p.policy);
                let id = crate::live::endpoint_id(&member.endpoint_id);
                out.push(self.row(&id, pool.url(), "agent", policy));
            }
        }
    }

    /// Those of the cloud.
    async fn stored(&self, call: &Call<'_>, out: &mut Vec<Value>) -> Result<(), ApiError> {
        let page = Page {
            kind: "endpoint",
            organization: self.organization,
            before: None,
            limit: MOST + 1,
            terms: Vec::new(),
        };
        for object in call.api.stored()?.store.page(&page).await? {
            let Some(url) = endpoint::url(&object) else { continue };
            if !self.is_about(&url, object.organization) {
                continue;
            }
            // Nothing is compiled for nothing.
            let policy = if self.requires.is_empty() {
                None
            } else {
                compiled(&object, &url)
            };
            out.push(self.row(&object.id.to_string(), &url, "cloud", policy.as_ref()));
        }
        Ok(())
    }
}

fn compiled(object: &Object, url: &EndpointUrl) -> Option<Policy> {
    let subject = Subject {
        internal: url.binding() == Binding::Internal,
        actions: Actions::Edge,
        ..Subject::cloud(url.scheme())
    };
    adit_policy::compile(object.text("traffic_policy"), subject).ok()
}
