//! An activity as the `object` of its event.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::endpoint::EndpointTransition;
use super::refusal::RefusalSummary;
use super::session::AgentSession;
use super::{Activity, ActivityEvent};
use crate::label::{EndpointStatus, RefusalKind};
use crate::log::timestamp;

impl ActivityEvent {
    /// The event's `object`, with the names of fields that events have everywhere.
    #[must_use]
    pub fn object(&self) -> Value {
        let mut object = match &self.activity {
            Activity::SessionStarted(session) => {
                let mut object = agent_session(session);
                object["error"] = json!("");
                object["stopped_at"] = Value::Null;
                object
            }
            Activity::SessionUpdated(session, change) => {
                let mut object = agent_session(session);
                object["legs"] = json!(change.legs());
                object["changes"] = json!([{ "field": "legs", "change": change.as_str() }]);
                object
            }
            Activity::SessionStopped(session, end) => {
                let mut object = agent_session(session);
                object["stopped_at"] = json!(timestamp(end.stopped_at));
                object["error"] = json!(end.error);
                object["stop_code"] = json!(end.stop_code.as_str());
                object["bytes_in"] = json!(end.bytes_in);
                object["bytes_out"] = json!(end.bytes_out);
                object["endpoints"] = json!(end.endpoints);
                object
            }
            Activity::Endpoint(change) => endpoint(change, &timestamp(self.at)),
            Activity::Refused(summary) => refused(summary),
        };
        object["node"] = json!(&*self.node);
        object
    }
}

fn agent_session(session: &AgentSession) -> Value {
    json!({
        "session": { "id": session.id },
        "organization_id": session.organization_id,
        "credential": { "id": session.credential_id },
        "agent_ip": session.agent_ip.map(|ip| ip.to_canonical()),
        "ingress_server_ip": session.ingress_server_ip.map(|ip| ip.to_canonical()),
        "ingress_hostname": session.ingress_hostname,
        "user_agent": session.user_agent,
        "metadata": session.metadata,
        "os": session.os,
        "arch": session.arch,
        "transport": "muxado",
        "hostname": session.hostname,
        "client_type": session.client_type.as_str(),
        "agent_version": session.agent_version,
        "started_at": timestamp(session.started_at),
        "expires_at": null,
    })
}

fn endpoint(change: &EndpointTransition, since: &str) -> Value {
    let facts = &*change.endpoint;
    json!({
        "id": facts.id,
        "organization_id": facts.organization_id,
        "url": facts.url,
        "proto": facts.scheme.as_str(),
        "type": facts.kind.as_str(),
        "name": facts.name,
        "description": facts.description,
        "metadata": facts.metadata,
        "pooling_enabled": facts.pooling_enabled,
        "upstream_url": facts.upstream_url,
        "upstream_protocol": facts.upstream_protocol,
        "session_id": facts.session_id,
        "credential_id": facts.credential_id,
        "agent_version": facts.agent_version,
        "remote_addr": facts.remote_addr.map(|ip| ip.to_canonical()),
        "created_at": timestamp(facts.created_at),
        "status": change.status.map_or("offline", EndpointStatus::as_str),
        "previous_status": change.previous.map_or("offline", EndpointStatus::as_str),
        "reason": change.reason.as_str(),
        "detail": change.detail,
        "since": since,
        "members_online": change.members_online,
    })
}

fn refused(summary: &RefusalSummary) -> Value {
    let mut object = json!({
        "kind": summary.kind.as_str(),
        "reason": summary.reason.as_str(),
        "count": summary.count,
        "since": timestamp(summary.since),
        "prefix": summary.prefix.map(prefix),
        "remote_addr": summary.example_ip.to_canonical(),
        "listener": summary.example_listener.as_str(),
    });
    let rule = match summary.kind {
        RefusalKind::Login => "credential_id",
        RefusalKind::IpRestriction | RefusalKind::IpRestrictionWarning => {
            object["type"] = json!("agent");
            "restriction"
        }
        _ => "rule",
    };
    for (name, text) in [
        ("error_code", &summary.error_code),
        (rule, &summary.rule),
        ("guardrail_id", &summary.guardrail),
        ("endpoint", &summary.endpoint),
        ("example", &summary.example),
    ] {
        if !text.is_empty() {
            object[name] = json!(text);
        }
    }
    if let Some(certificate) = &summary.certificate {
        object["reason"] = json!(certificate.reason);
        object["certificate"] = json!({"subject": certificate.subject, "serial": certificate.serial});
    }
    object
}

/// A prefix with its length, as it was merged by.
fn prefix(address: IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 24 } else { 48 })
}
