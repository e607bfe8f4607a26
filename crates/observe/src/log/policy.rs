//! What lines say of traffic policies: verdicts, log entries and decisions under the names of events (edge 11.1, control
//! plane 4.5).

use serde::Serialize;
use serde_json::Value;

use crate::outcome::policy::{Decided, Policies, PolicyFact, PolicyVerdict};

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_empty(text: &str) -> bool {
    text.is_empty()
}

/// Fields of an event; nothing of it is there where no policy had anything to say.
#[derive(Default, Serialize)]
pub(super) struct OfPolicies<'a> {
    #[serde(skip_serializing_if = "is_empty")]
    guardrail_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_policy: Option<Decision<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    basic_auth: Option<Decision<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    circuit_breaker: Option<Decision<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_verification: Option<Decision<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<Compression<'a>>,
    #[serde(skip_serializing_if = "Logs::is_empty")]
    traffic_policy: Logs,
    #[serde(skip_serializing_if = "Trace::is_empty")]
    policy: Trace<'a>,
}

#[derive(Serialize)]
struct Decision<'a> {
    decision: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    username: &'a str,
}

#[derive(Serialize)]
struct Compression<'a> {
    algorithm: &'a str,
}

#[derive(Default, Serialize)]
struct Logs {
    logs: Vec<Entry>,
    #[serde(skip_serializing_if = "is_zero")]
    logs_dropped: u64,
}

impl Logs {
    fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.logs_dropped == 0
    }
}

#[derive(Serialize)]
struct Entry {
    metadata: Value,
}

#[derive(Default, Serialize)]
struct Trace<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verdicts: Vec<Verdict<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Error<'a>>,
}

impl Trace<'_> {
    fn is_empty(&self) -> bool {
        self.verdicts.is_empty() && self.errors.is_empty()
    }
}

#[derive(Serialize)]
struct Verdict<'a> {
    phase: &'a str,
    rule: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    id: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    action: &'a str,
    verdict: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    ended: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    guardrail: bool,
    #[serde(skip_serializing_if = "is_empty")]
    guardrail_id: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Value>,
}

#[derive(Serialize)]
struct Error<'a> {
    path: &'a str,
    message: &'a str,
}

impl<'a> OfPolicies<'a> {
    pub(super) fn new(policies: Policies<'a>) -> Self {
        let mut out = Self::default();
        for fact in policies.facts() {
            match fact {
                PolicyFact::Verdict(verdict) => out.policy.verdicts.push(Verdict {
                    phase: verdict.phase,
                    rule: verdict.rule,
                    id: verdict.id,
                    action: verdict.action,
                    verdict: verdict.verdict,
                    ended: verdict.ended,
                    guardrail: !verdict.guardrail.is_empty(),
                    guardrail_id: verdict.guardrail,
                    us: verdict.us,
                    values: serde_json::from_str(verdict.values).ok(),
                }),
                PolicyFact::Decision { by, decision, who } => {
                    let made = || {
                        Some(Decision {
                            decision,
                            username: who,
                        })
                    };
                    match by {
                        Decided::IpPolicy => out.ip_policy = made(),
                        Decided::BasicAuth => out.basic_auth = made(),
                        Decided::CircuitBreaker => out.circuit_breaker = made(),
                        Decided::WebhookVerification => out.webhook_verification = made(),
                        Decided::Compression => out.compression = Some(Compression { algorithm: decision }),
                    }
                }
                PolicyFact::Error { path, message } => out.policy.errors.push(Error { path, message }),
                PolicyFact::Log(metadata) => {
                    // It was written as JSON; what cannot be read is not there.
                    if let Ok(metadata) = serde_json::from_str(metadata) {
                        out.traffic_policy.logs.push(Entry { metadata });
                    }
                }
                PolicyFact::LogsDropped(count) => out.traffic_policy.logs_dropped = count,
                PolicyFact::RefusedBy(guardrail) => out.guardrail_id = guardrail,
            }
        }
        out
    }
}

/// An expression that failed is no match, but in a guardrail.
pub(crate) fn is_refusal(verdict: &PolicyVerdict<'_>) -> bool {
    match verdict.verdict {
        "deny" => true,
        "error" => !verdict.guardrail.is_empty() || !verdict.action.is_empty(),
        _ => false,
    }
}

/// What refused, in a few words for people: the rule and the action; `None` if nothing did.
pub(super) fn refused_by<'a>(policies: Policies<'a>) -> Option<(&'a str, &'a str)> {
    policies.facts().find_map(|fact| match fact {
        PolicyFact::Verdict(verdict) if is_refusal(&verdict) => Some((verdict.rule, verdict.action)),
        _ => None,
    })
}
