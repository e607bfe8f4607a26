//! From an occurrence to an activity of the log, and its form in the spool: JSON.

use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use adit_names::id::{Id, Prefix};
use adit_observe::{Activity as Happened, ActivityEvent};
use adit_store::activity::Activity;
use adit_store::log::{Origin, account};
use adit_store::{Actor, Source};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the spool keeps of one occurrence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    organization: String,
    event_id: String,
    event_type: String,
    /// Microseconds since the Unix epoch.
    at: i64,
    credential: Option<String>,
    ip: Option<IpAddr>,
    user_agent: String,
    object: Option<(String, String)>,
    after: Value,
}

impl Kept {
    /// Keeps an occurrence; `None` for what is not recorded.
    pub(super) fn of(event: &ActivityEvent, random: [u8; 16]) -> Option<Self> {
        let since = event.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let mut kept = Self {
            organization: account::text(account::SYSTEM),
            event_id: Id::at_millis(Prefix::Event, millis, random).to_string(),
            event_type: event.activity.event_type()?.to_owned(),
            at: i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            credential: None,
            ip: None,
            user_agent: String::new(),
            object: None,
            after: event.object(),
        };
        match &event.activity {
            Happened::SessionStarted(session)
            | Happened::SessionUpdated(session, _)
            | Happened::SessionStopped(session, _) => {
                kept.organization.clone_from(&session.organization_id);
                kept.credential = Some(session.credential_id.clone());
                kept.ip = session.agent_ip;
                kept.user_agent.clone_from(&session.user_agent);
                kept.object = Some(("tunnel_session".to_owned(), session.id.clone()));
            }
            Happened::Endpoint(change) => {
                let endpoint = &change.endpoint;
                kept.organization.clone_from(&endpoint.organization_id);
                kept.credential = Some(endpoint.credential_id.clone());
                kept.ip = endpoint.remote_addr;
                kept.object = Some(("endpoint".to_owned(), endpoint.id.clone()));
            }
            // Who was refused belongs to no organisation that is known for sure; a restriction does, and an endpoint.
            Happened::Refused(summary) => {
                kept.ip = Some(summary.example_ip);
                if !summary.organization.is_empty() {
                    kept.organization = summary.organization.to_string();
                    kept.object = match (&summary.certificate, &*summary.guardrail) {
                        (Some(_), _) => None,
                        (None, "") => Some(("ip_restriction".to_owned(), summary.rule.to_string())),
                        (None, guardrail) => Some(("guardrail".to_owned(), guardrail.to_owned())),
                    };
                }
            }
        }
        Some(kept)
    }

    /// As the log takes it; `None` if it has no valid ids.
    pub(super) fn into_activity(self, origin: Origin) -> Option<Activity> {
        let agent = self.credential.is_some();
        Some(Activity {
            organization: account::parse(&self.organization)?,
            event_id: self.event_id.parse().ok()?,
            event_type: self.event_type,
            at: self.at,
            actor: Actor {
                principal: None,
                subject: if agent { "" } else { "system" }.to_owned(),
                source: if agent { Source::Agent } else { Source::System },
                credential: self.credential.and_then(|id| id.parse().ok()),
                ip: self.ip.map(|ip| ip.to_canonical()),
                user_agent: self.user_agent,
                operation_id: String::new(),
            },
            object: self.object,
            after: self.after,
            origin,
        })
    }
}
