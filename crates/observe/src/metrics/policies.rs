//! What policies did, counted by the observer's thread from the outcomes: nothing of it is counted on the road (edge 11.3).

use std::collections::BTreeMap;

use super::cell::HistogramValue;
use super::text::{Text, pair};
use crate::log::policy::is_refusal;
use crate::outcome::policy::{Policies, PolicyFact};
use crate::record::Finished;

/// Names of the phases, by their numbers.
const PHASES: [&str; 4] = [
    "on_tcp_connect",
    "on_http_request",
    "on_http_response",
    "on_event_stream_message",
];
/// What stands in the place of an action where none ended a phase.
const NONE: &str = "none";

/// A phase and an action.
type Key = (&'static str, &'static str);

/// The counters. There are as many as phases and actions, so they are bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyMetrics {
    actions: Vec<&'static str>,
    evaluations: BTreeMap<Key, u64>,
    denied: BTreeMap<Key, u64>,
    seconds: BTreeMap<Key, HistogramValue>,
}

impl PolicyMetrics {
    /// For actions of these numbers.
    pub(crate) fn new(actions: Vec<&'static str>) -> Self {
        Self {
            actions,
            ..Self::default()
        }
    }

    /// Counts a finished exchange or connection.
    pub(crate) fn count(&mut self, finished: &Finished<'_>) {
        match finished {
            Finished::Request(outcome) => {
                let time = &outcome.timings;
                self.policies(
                    outcome.policies,
                    &[
                        (&["on_tcp_connect", "on_http_request"], time.policy_request_us),
                        (&["on_http_response"], time.policy_response_us),
                    ],
                );
            }
            Finished::Connection(outcome) => {
                let time = outcome.timings.policy_us;
                self.policies(outcome.policies, &[(&["on_tcp_connect"], time)]);
            }
        }
    }

    /// Counts what actions did, and how long these phases took together; the last of them gives the name.
    fn policies(&mut self, policies: Policies<'_>, times: &[(&[&'static str], u64)]) {
        for (code, times) in policies.ran() {
            let phase = PHASES.get(usize::from(code >> 6)).copied();
            let action = self.actions.get(usize::from(code & 0x3f)).copied();
            if let Some(key) = phase.zip(action) {
                *self.evaluations.entry(key).or_default() += u64::from(times);
            }
        }
        let mut ended: BTreeMap<&'static str, &'static str> = BTreeMap::new();
        for fact in policies.facts() {
            let PolicyFact::Verdict(verdict) = fact else { continue };
            let Some(phase) = PHASES.into_iter().find(|phase| *phase == verdict.phase) else {
                continue;
            };
            // What is refused by a rule as such, or for what an endpoint lacks, is no action's.
            let known = self.actions.iter().copied().find(|action| *action == verdict.action);
            let action = known.unwrap_or(NONE);
            if is_refusal(&verdict) {
                *self.denied.entry((phase, action)).or_default() += 1;
            }
            if !verdict.ended.is_empty() || is_refusal(&verdict) {
                ended.insert(phase, action);
            }
        }
        for (phases, micros) in times {
            if let Some(phase) = phases.last().filter(|_| *micros > 0) {
                let by = phases.iter().rev().find_map(|phase| ended.get(phase));
                let key = (*phase, by.copied().unwrap_or(NONE));
                self.seconds.entry(key).or_default().observe(*micros);
            }
        }
    }

    pub(super) fn write(&self, text: &mut Text<'_>) {
        for (name, help, counts) in [
            (
                "adit_policy_evaluations",
                "Actions of policies that ran, by phase; not those in dry run.",
                &self.evaluations,
            ),
            (
                "adit_policy_denied",
                "Exchanges and connections that policies refused, by what refused.",
                &self.denied,
            ),
        ] {
            text.head_counter(name, help);
            for (key, count) in counts {
                text.sample(name, "_total", &labels(*key), count);
            }
        }
        let name = "adit_policy_seconds";
        let help = "How long the policies of a phase took in an exchange without what they waited for, by the action that ended it.";
        text.head(name, "histogram", help);
        for (key, value) in &self.seconds {
            text.histogram(name, &labels(*key), value);
        }
    }
}

fn labels((phase, action): Key) -> String {
    let mut labels = String::new();
    pair("phase", phase, &mut labels);
    pair("action", action, &mut labels);
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::text::Format;
    use crate::outcome::connection::{ConnectionOutcome, ConnectionTimings};
    use crate::outcome::policy::{PolicyFacts, PolicyVerdict};
    use crate::outcome::request::{RequestOutcome, Timings};

    #[test]
    fn outcomes_are_counted_by_phase_and_action() {
        let mut metrics = PolicyMetrics::new(vec!["log", "deny"]);
        let mut facts = PolicyFacts::default();
        facts.ran(1 << 6, 3);
        facts.ran((2 << 6) | 1, 1);
        // Numbers of nothing that is known.
        facts.ran(0x3f, 9);
        facts.verdict(&PolicyVerdict {
            phase: "on_http_response",
            action: "deny",
            verdict: "deny",
            ended: "deny",
            ..PolicyVerdict::default()
        });
        let facts = facts.finished();
        for _ in 0..2 {
            metrics.count(&Finished::Request(RequestOutcome {
                policies: facts.view(),
                timings: Timings {
                    policy_request_us: 60,
                    policy_response_us: 7,
                    ..Timings::default()
                },
                ..RequestOutcome::default()
            }));
        }
        let mut required = PolicyFacts::default();
        required.verdict(&PolicyVerdict {
            phase: "on_tcp_connect",
            verdict: "deny",
            ended: "deny",
            guardrail: "gr_1",
            ..PolicyVerdict::default()
        });
        metrics.count(&Finished::Connection(ConnectionOutcome {
            policies: required.finished().view(),
            timings: ConnectionTimings {
                policy_us: 1,
                ..ConnectionTimings::default()
            },
            ..ConnectionOutcome::default()
        }));
        let mut text = Text::new(Format::Prometheus, &[]);
        metrics.write(&mut text);
        let text = text.finish();
        let lines: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.contains("_bucket{"))
            .collect();
        assert_eq!(
            lines,
            [
                r#"adit_policy_evaluations_total{phase="on_http_request",action="log"} 6"#,
                r#"adit_policy_evaluations_total{phase="on_http_response",action="deny"} 2"#,
                r#"adit_policy_denied_total{phase="on_http_response",action="deny"} 2"#,
                r#"adit_policy_denied_total{phase="on_tcp_connect",action="none"} 1"#,
                r#"adit_policy_seconds_sum{phase="on_http_request",action="none"} 0.000120"#,
                r#"adit_policy_seconds_count{phase="on_http_request",action="none"} 2"#,
                r#"adit_policy_seconds_sum{phase="on_http_response",action="deny"} 0.000014"#,
                r#"adit_policy_seconds_count{phase="on_http_response",action="deny"} 2"#,
                r#"adit_policy_seconds_sum{phase="on_tcp_connect",action="none"} 0.000001"#,
                r#"adit_policy_seconds_count{phase="on_tcp_connect",action="none"} 1"#,
            ]
        );
        assert!(text.contains(r#"adit_policy_seconds_bucket{phase="on_http_request",action="none",le="0.00005"} 0"#));
    }
}
