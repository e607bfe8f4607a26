//! Tunnel sessions: agents that are connected.

use std::sync::Arc;

use adit_cluster::{OnlineSession, SessionFacts};
use adit_names::id::Prefix;
use serde_json::{Value, json};

use super::{Kind, found, offered, reference, timestamp};
use crate::Api;
use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::filter::FieldForm;

/// The transport as real answers name it, whatever carries the session.
const TRANSPORT: &str = "ngrok/2";

pub(crate) struct TunnelSessions;

impl Kind for TunnelSessions {
    const NAME: &'static str = "tunnel session";
    const KIND: &'static str = "tunnel_session";
    const PATH: &'static str = "tunnel_sessions";
    const PREFIX: Prefix = Prefix::Session;
    const FILTERED: &'static [(&'static str, FieldForm)] = &[
        ("id", FieldForm::Id),
        ("agent_version", FieldForm::Text),
        ("credential", FieldForm::Reference),
        ("ip", FieldForm::Text),
        ("metadata", FieldForm::Text),
        ("os", FieldForm::Text),
        ("region", FieldForm::Text),
        ("started_at", FieldForm::Time),
        ("transport", FieldForm::Text),
    ];
    type Found = Arc<OnlineSession>;

    fn all(api: &Api, organization: &str) -> Vec<(String, Self::Found)> {
        let sessions = api.told.directory.sessions().into_iter();
        sessions
            .filter(|s| s.facts.organization == organization)
            .map(|s| (s.facts.id.clone(), s))
            .collect()
    }

    fn find(api: &Api, organization: &str, id: &str) -> Option<Self::Found> {
        let session = api.told.directory.session(id)?;
        (session.facts.organization == organization).then_some(session)
    }

    fn session(found: &Self::Found) -> &SessionFacts {
        &found.facts
    }

    fn show(api: &Api, id: &str, session: &Self::Found) -> Value {
        let facts = &session.facts;
        json!({
            "agent_version": agent_version(&facts.user_agent, &facts.agent_version),
            "credential": reference(api, "credentials", &facts.credential),
            "id": id,
            "ip": facts.addr.ip().to_string(),
            "metadata": facts.metadata,
            "os": facts.os,
            "region": api.told.region,
            "started_at": timestamp(facts.started),
            "transport": TRANSPORT,
            "uri": api.uri(&format!("/{}/{id}", Self::PATH)),
        })
    }
}

/// `GET /adit/tunnel_sessions/{id}`: the same and all else that is known.
pub(crate) fn details(call: &Call<'_>) -> Result<Reply, ApiError> {
    let session = found::<TunnelSessions>(call)?;
    let facts = &session.facts;
    let legs: Vec<Value> = session
        .legs
        .iter()
        .map(|leg| {
            json!({
                "number": leg.number,
                "transport": "tls",
                "rtt_us": leg.rtt().map(|r| u64::try_from(r.as_micros()).unwrap_or(u64::MAX)),
                "streams_open": leg.open_streams(),
            })
        })
        .collect();
    let mut endpoints: Vec<String> = offered(call.api, &call.organization)
        .filter(|(_, m)| m.session.id == facts.id)
        .map(|(_, m)| super::as_kind(&m.endpoint_id, Prefix::Endpoint))
        .collect();
    endpoints.sort_unstable();
    let endpoints: Vec<Value> = endpoints
        .iter()
        .map(|id| reference(call.api, "endpoints", id))
        .collect();
    let mut json = TunnelSessions::show(call.api, &call.id, &session);
    let more = json!({
        "hostname": facts.hostname,
        "arch": facts.arch,
        "client_type": facts.client_type,
        "user_agent": products(&facts.user_agent),
        "node": call.api.told.node,
        "legs": legs,
        "heartbeat": {"interval_ms": u64::try_from(facts.heartbeat_interval.as_millis()).unwrap_or(u64::MAX)},
        "commands": {
            "stop": supported(facts.remote.stop.as_deref()),
            "restart": supported(facts.remote.restart.as_deref()),
            "update": supported(facts.remote.update.as_deref()),
        },
        "endpoints": endpoints,
    });
    if let (Some(json), Value::Object(more)) = (json.as_object_mut(), more) {
        json.extend(more);
    }
    Ok(Reply::Json(json))
}

/// Whether an agent takes a command, and why not.
fn supported(reason: Option<&str>) -> Value {
    match reason {
        Some("") => json!({"supported": true, "reason": ""}),
        Some(reason) => json!({"supported": false, "reason": reason}),
        None => json!({"supported": false, "reason": "it is too old"}),
    }
}

/// The products of a user agent, each with its comments: `app/1.2 (test)`, `ngrok-go/2.4.0`.
fn products(user_agent: &str) -> Vec<&str> {
    let mut products = Vec::new();
    let (mut start, mut depth) = (0, 0_u32);
    for (at, c) in user_agent.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && !user_agent.get(at + 1..).is_some_and(|rest| rest.starts_with('(')) => {
                products.push(user_agent.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    products.push(user_agent.get(start..).unwrap_or_default());
    products.retain(|p| !p.trim().is_empty());
    products
}

/// The version of the first product; what the login said if it has none.
fn agent_version<'a>(user_agent: &'a str, version: &'a str) -> &'a str {
    let first = user_agent.split(' ').next().unwrap_or_default();
    first
        .split_once('/')
        .map(|(_, version)| version)
        .filter(|v| !v.is_empty())
        .unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_keep_their_comments() {
        assert_eq!(
            products("app/1.2 (a test (nested) here) ngrok-go/2.4.0 lib"),
            ["app/1.2 (a test (nested) here)", "ngrok-go/2.4.0", "lib"]
        );
        assert_eq!(products("app/1 (never closed and on"), ["app/1 (never closed and on"]);
        assert!(products("").is_empty());
    }

    #[test]
    fn the_version_is_that_of_the_first_product() {
        assert_eq!(agent_version("app/1.2 ngrok-go/2.4.0", "3"), "1.2");
        assert_eq!(agent_version("app", "3"), "3");
    }
}
