//! What the one outcome of a request or connection says of the policies that it has passed (edge 11.1, traffic policy
//! 6.3): verdicts, decisions of actions, what failed, and what was logged. Secrets do not leave.

use adit_observe::{Decided, PolicyFacts, PolicyVerdict};
use adit_policy::{Exchange, Redaction, Trace, Value, Verdict, VerdictOutcome};
use adit_snapshot::{EdgeConfig, PolicyTrace};

use super::chain::Chain;
use super::tables::OfOrganization;
use crate::node::Node;

/// Of so many exchanges one is told in full with `policy.trace: sampled`.
const SAMPLE: u64 = 100;

/// How much is written down of an exchange that begins now.
pub(super) fn trace(config: &EdgeConfig) -> Trace {
    match config.policy_trace {
        PolicyTrace::All => Trace::Rules,
        PolicyTrace::Sampled if crate::forward::random().is_multiple_of(SAMPLE) => Trace::Rules,
        PolicyTrace::Sampled | PolicyTrace::Denied => Trace::Decisions,
    }
}

impl Chain {
    /// What is to be told; empty if no policy has anything to say.
    pub(super) fn told(&self, node: &Node) -> PolicyFacts {
        let exchange = &self.exchange;
        let mut out = PolicyFacts::default();
        for (code, times) in exchange.ran().counts() {
            out.ran(code, times);
        }
        if let Some(violation) = &self.violated {
            out.refused_by(violation.guardrail());
        }
        decisions(exchange, &mut out);
        let is_silent = exchange.verdicts().is_empty() && exchange.errors().is_empty() && exchange.logs().is_empty();
        if is_silent {
            return out.finished();
        }
        let config = node.config.load();
        let own = self
            .hops
            .iter()
            .filter_map(|hop| Some((hop.policy()?, &*hop.facts().organization_id)));
        let plans = self.plans.iter().flatten();
        let guardrails = plans.flat_map(|plan| &plan.guardrails);
        let guardrails = guardrails.filter_map(|g| Some((g.policy.as_ref()?, &*g.organization)));
        let layers: Vec<_> = own
            .chain(guardrails)
            .map(|(policy, organization)| {
                let config = &*config;
                (policy, OfOrganization { config, organization })
            })
            .collect();
        let mut redaction = Redaction::default();
        for (policy, tables) in &layers {
            redaction.hide(policy, tables);
        }
        for verdict in exchange.verdicts() {
            told(verdict, &redaction, &mut out);
        }
        for error in exchange.errors() {
            out.error(&error.path, &redaction.text(&error.message));
        }
        for entry in exchange.logs() {
            out.log(&redaction.value(entry).to_string());
        }
        out.logs_dropped(exchange.logs_dropped().into());
        out.finished()
    }
}

/// What kinds of actions have decided, by their results.
fn decisions(exchange: &Exchange, out: &mut PolicyFacts) {
    let text = |name: &str| match exchange.result(name) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let truth = |name: &str| match exchange.result(name) {
        Some(Value::Bool(truth)) => Some(*truth),
        _ => None,
    };
    let allowed = |truth: bool| if truth { "allow" } else { "block" };
    if let Some(action) = text("ngrok.restrict_ips.action") {
        out.decision(Decided::IpPolicy, allowed(action == "allow"), "");
    }
    if let Some(authorized) = truth("ngrok.basic_auth.credentials.authorized") {
        let who = text("ngrok.basic_auth.credentials.username").unwrap_or_default();
        out.decision(Decided::BasicAuth, allowed(authorized), who);
    }
    if let Some(state) = text("ngrok.circuit_breaker.state") {
        let is_refused = exchange
            .verdicts()
            .iter()
            .any(|v| v.action == "circuit-breaker" && matches!(v.outcome, VerdictOutcome::Ended(_)));
        let decision = match (is_refused, state) {
            (true, _) => "block",
            (false, "open") => "allow_while_open",
            (false, _) => "allow",
        };
        out.decision(Decided::CircuitBreaker, decision, "");
    }
    if let Some(verified) = truth("ngrok.verify_webhook.verified") {
        out.decision(Decided::WebhookVerification, allowed(verified), "");
    }
    if let Some(algorithm) = text("ngrok.compress.negotiated_algorithm") {
        let algorithm = if algorithm.is_empty() { "none" } else { algorithm };
        out.decision(Decided::Compression, algorithm, "");
    }
}

/// `gr_….on_http_request[2].actions[0]`: the guardrail that it is of, the phase, and the place of the rule.
pub(super) fn place(path: &str) -> (&str, &str, &str) {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let is_guardrail = first.starts_with("gr_") && !rest.is_empty();
    let guardrail = if is_guardrail { first } else { "" };
    let own = if is_guardrail || first == "options" { rest } else { path };
    let rule = own.split('.').next().unwrap_or(own);
    let at = rule.find('[').unwrap_or(rule.len());
    let (phase, rule) = rule.split_at(at);
    (guardrail, phase, rule)
}

fn told(verdict: &Verdict, redaction: &Redaction<'_>, out: &mut PolicyFacts) {
    let said = match &verdict.outcome {
        // The rule's actions say it.
        VerdictOutcome::Matched => return,
        VerdictOutcome::NotMatched { .. } => "not_matched",
        VerdictOutcome::Error(_) => "error",
        VerdictOutcome::Next => "allow",
        VerdictOutcome::Ended("deny" | "close") => "deny",
        VerdictOutcome::Ended(_) => "allow",
        VerdictOutcome::Would(would) => would,
    };
    let (guardrail, phase, rule) = place(&verdict.path);
    let mut values = serde_json::Map::new();
    if let VerdictOutcome::NotMatched { text, .. } = &verdict.outcome {
        values.insert("expression".to_owned(), redaction.text(text).into());
    }
    for (name, value) in &verdict.values {
        values.insert(redaction.text(name), redaction.named(name, value));
    }
    let values = if values.is_empty() {
        String::new()
    } else {
        serde_json::Value::Object(values).to_string()
    };
    out.verdict(&PolicyVerdict {
        phase,
        rule: if verdict.name.is_empty() { rule } else { &verdict.name },
        id: verdict.id.as_deref().unwrap_or_default(),
        action: verdict.action,
        verdict: said,
        ended: match verdict.outcome {
            VerdictOutcome::Ended(ended) => ended,
            _ => "",
        },
        guardrail,
        us: verdict.us,
        values: &values,
    });
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn paths_say_where_a_rule_stands() {
        for (path, found) in [
            ("on_http_request[2]", ("", "on_http_request", "[2]")),
            ("on_tcp_connect[0].actions[1]", ("", "on_tcp_connect", "[0]")),
            ("options.on_http_response[1]", ("", "on_http_response", "[1]")),
            (
                "gr_2ipc2RzvYSNMpGXR9ZhjtzvZDMF.on_http_request[3].actions[0]",
                ("gr_2ipc2RzvYSNMpGXR9ZhjtzvZDMF", "on_http_request", "[3]"),
            ),
            ("", ("", "", "")),
        ] {
            assert_eq!(place(path), found, "{path}");
        }
    }
}
