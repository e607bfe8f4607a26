//! One exchange, told rule by rule (traffic policy 6.2); always by the second tier.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::asked::Asked;
use super::drive::{Driver, Outgoing, Ran};
use super::effects::{Calls, Surroundings};
use super::hop::{Around, Hop, Layer};
use super::seen::incoming;
use super::told::{Answered, Explanation, Forwarded, Told, ToldAction, ToldEffect, ToldLayer, ToldRule};
use super::world::World;
use super::{Options, policy};
use crate::compile::Rule;
use crate::document::{Node, Phase, legacy_phase, parse};
use crate::redact::Redaction;
use crate::state::State;
use crate::value::Value;
use crate::verdict::{Verdict, VerdictOutcome};
use crate::view::Tables;

/// Bytes of a body that are told.
const BODY: usize = 4096;

/// How a guardrail is told that is not of those who are told.
const FOREIGN: &str = "only what came of its rules is told, and what they ask others for is not performed";

/// Tells what a policy does with a request or connection, rule by rule. What it asks for and `around` does not have is told
/// not to be performed, and the action that asked is given a failure.
///
/// # Errors
/// What is wrong with the request or the policy.
pub fn explain(asked: &Asked, around: &Around<'_>) -> Result<Explanation, String> {
    let case = asked.case()?.to_string();
    let case = parse(&case)
        .map_err(|error| format!("line {}: {}", error.at.line, error.message))?
        .ok_or("the request is empty")?;
    let world = World::read(&case)?.believing(around.names.clone());
    let first = match (&around.live, &asked.policy) {
        (Some(live), _) => live.first(),
        (None, Some(text)) => Arc::new(policy::hop(&case, &world, text)?),
        (None, None) => return Err("there is no policy".to_owned()),
    };
    let (state, calls) = (State::default(), Calls::default());
    let driver = Driver {
        case: &case,
        step: None,
        world: &world,
        connection: world.connection_of(&case, None)?,
        incoming: incoming(&case, None, &world),
        state: &state,
        now: world.now,
        first,
        surroundings: Surroundings {
            case: &case,
            calls: &calls,
            around: Some(around),
        },
        options: Options {
            cel: true,
            trace: true,
            inspector: around.inspector,
        },
    };
    let out = driver.exchange()?;
    if let Some(lacks) = out.lacks {
        return Err(format!("this needs {lacks}, which is not there"));
    }
    let telling = Telling {
        text: asked.policy.as_deref(),
        world: &world,
        effects: calls.told(),
        out: &out,
    };
    Ok(telling.explanation())
}

/// What an explanation is made of.
struct Telling<'a> {
    /// The text of the first endpoint's own policy, if that is what was asked about.
    text: Option<&'a str>,
    world: &'a World,
    effects: Vec<ToldEffect>,
    out: &'a Outgoing,
}

impl Telling<'_> {
    fn explanation(&self) -> Explanation {
        let out = self.out;
        let mut redaction = Redaction::default();
        for layer in out.hops.iter().flat_map(|hop| &hop.layers) {
            if let Some(policy) = &layer.policy {
                redaction.hide(policy, layer.tables.as_deref().map_or(self.world as &dyn Tables, |t| t));
            }
        }
        let told = Told { redaction: &redaction };
        let mut cost: BTreeMap<Phase, u32> = BTreeMap::new();
        for ran in &out.runs {
            *cost.entry(ran.phase).or_default() += ran.used;
        }
        Explanation {
            layers: self.layers(),
            rules: self.rules(&told),
            forwarded: out.forwarded.as_ref().map(|(host, request)| Forwarded {
                method: request.method.clone(),
                target: told.text(&request.url),
                host: told.text(host),
                fields: told.fields(&request.fields),
                body: told.body(&request.body, BODY),
                connection: !self.world.subject.is_http(),
            }),
            forwarded_to: out.forwarded_to.as_deref().map(|url| told.text(url)),
            response: out.response.as_ref().map(|answer| Answered {
                status: answer.status,
                fields: told.fields(&answer.fields),
                body: told.body(&answer.body, BODY),
            }),
            closed: out.closed || out.alert,
            vars: out
                .vars
                .iter()
                .map(|(name, value)| (name.clone(), told.named(name, value)))
                .collect(),
            logs: self.logs().map(|entry| told.value(entry)).collect(),
            errors: self
                .errors()
                .map(|(path, message)| (path, told.text(&message)))
                .collect(),
            cost: cost.into_iter().map(|(phase, used)| (phase.name(), used)).collect(),
            notes: self.notes(),
        }
    }

    /// The layer that has run.
    fn layer_of(&self, ran: &Ran) -> Option<&Layer> {
        self.out.hops.get(ran.hop)?.layers.get(ran.layer)
    }

    /// What was logged by those whose words are told.
    fn logs(&self) -> impl Iterator<Item = &Value> {
        let all = self.out.exchange.logs();
        let runs = self.out.runs.iter();
        let told = runs.filter(|ran| self.layer_of(ran).is_some_and(|layer| !layer.foreign));
        told.flat_map(|ran| all.get(ran.logs.clone()).unwrap_or_default())
    }

    /// What failed; of those whose words are not told only where.
    fn errors(&self) -> impl Iterator<Item = (String, String)> {
        let layers = self.out.hops.iter().flat_map(|hop| &hop.layers);
        let foreign: Vec<&str> = layers.filter(|l| l.foreign).map(|l| l.prefix.as_str()).collect();
        self.out.exchange.errors().iter().map(move |error| {
            let is_foreign = foreign.iter().any(|prefix| error.path.starts_with(prefix));
            let message = if is_foreign { "it failed" } else { &error.message };
            (error.path.clone(), message.to_owned())
        })
    }

    /// What guardrails require in vain, whose rules are not told, and what was believed.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (at, hop) in self.out.hops.iter().enumerate() {
            for (number, layer) in hop.layers.iter().enumerate() {
                let id = layer.prefix.trim_end_matches('.');
                let foreign = format!("{id} is not your organisation's: {FOREIGN}");
                if layer.foreign && !notes.contains(&foreign) {
                    notes.push(foreign);
                }
                if let Some(unmet) = layer.unmet.as_ref().filter(|_| self.out.is_about(at, number)) {
                    let since = if unmet.in_force {
                        "is refused"
                    } else {
                        "will be refused"
                    };
                    let (url, what) = (&hop.facts.url, &unmet.what);
                    notes.push(format!("{id} requires of {url}: {what}; what comes to it {since}"));
                }
            }
        }
        notes.extend(self.world.believed());
        notes
    }

    fn layers(&self) -> Vec<ToldLayer> {
        let hops = self.out.hops.iter();
        let of_hop = |hop: &Arc<Hop>| {
            let tell = |layer: &Layer| ToldLayer {
                endpoint: hop.facts.url.clone(),
                endpoint_id: hop.facts.id.clone(),
                guardrail: layer.guardrail.then(|| layer.prefix.trim_end_matches('.').to_owned()),
                name: layer.name.clone(),
                dry_run: layer.dry_run,
                broken: layer.policy.is_none(),
            };
            hop.layers.iter().map(tell).collect::<Vec<_>>()
        };
        hops.flat_map(of_hop).collect()
    }

    /// The rules of all layers in the order in which they are met: those of the request on the way in, those of the
    /// response on the way back.
    fn rules(&self, told: &Told<'_>) -> Vec<ToldRule> {
        let mut places = Vec::new();
        for (at, hop) in self.out.hops.iter().enumerate() {
            places.extend((0..hop.layers.len()).map(|layer| (at, layer)));
        }
        let number = |place: (usize, usize)| places.iter().position(|known| *known == place).unwrap_or_default();
        let mut rules = Vec::new();
        for place in &places {
            for phase in [Phase::TcpConnect, Phase::HttpRequest] {
                self.rules_at(*place, number(*place), phase, told, &mut rules);
            }
        }
        for phase in [Phase::HttpResponse, Phase::EventStreamMessage] {
            for place in places.iter().rev() {
                self.rules_at(*place, number(*place), phase, told, &mut rules);
            }
        }
        rules
    }

    fn rules_at(
        &self,
        (at, number): (usize, usize),
        layer_number: usize,
        phase: Phase,
        told: &Told<'_>,
        rules: &mut Vec<ToldRule>,
    ) {
        let layer = self.out.hops.get(at).and_then(|hop| hop.layers.get(number));
        let Some((layer, policy)) = layer.and_then(|layer| Some((layer, layer.policy.as_ref()?))) else {
            return;
        };
        let runs = self.out.runs.iter();
        let runs: Vec<_> = runs
            .filter(|ran| (ran.hop, ran.layer, ran.phase) == (at, number, phase))
            .collect();
        let begin = rules.len();
        let mut each = |ran: Option<&Ran>| {
            for rule in policy.rules(phase) {
                rules.push(self.rule(layer, layer_number, rule, ran, told));
            }
        };
        if runs.is_empty() {
            each(None);
        }
        for ran in runs {
            each(Some(ran));
        }
        if at == 0 && !layer.guardrail {
            self.add_dropped(phase, layer_number, begin, rules);
        }
    }

    /// Rules that no request can match are no part of what runs.
    fn add_dropped(&self, phase: Phase, layer: usize, begin: usize, rules: &mut Vec<ToldRule>) {
        let Some(Ok(Some(root))) = self.text.map(parse) else {
            return;
        };
        for (key, list) in root.map().unwrap_or_default() {
            let is_it = key.text == phase.name() || legacy_phase(&key.text, self.world.subject.scheme) == Some(phase);
            for (at, node) in list.list().filter(|_| is_it).unwrap_or_default().iter().enumerate() {
                let path = format!("{}[{at}]", key.text);
                if rules.iter().skip(begin).any(|rule| rule.path == path) {
                    continue;
                }
                let rule = ToldRule {
                    why: "one of its expressions is never true",
                    name: node.get("name").and_then(Node::text).unwrap_or_default().to_owned(),
                    ..ToldRule::new(layer, &path, "not_matched")
                };
                let place = usize::min(begin + at, rules.len());
                rules.insert(place, rule);
            }
        }
    }

    fn rule(&self, layer: &Layer, number: usize, rule: &Rule, ran: Option<&Ran>, told: &Told<'_>) -> ToldRule {
        let path = format!("{}{}", layer.prefix, rule.path);
        let mut out = ToldRule {
            id: rule.id.clone(),
            name: rule.name.clone(),
            ..ToldRule::new(number, &path, "skipped")
        };
        let Some(ran) = ran else {
            out.why = "the chain ended before it";
            return out;
        };
        if ran.passed_by {
            out.why = "the guardrail is not about this endpoint and connection";
            return out;
        }
        let verdicts = self
            .out
            .exchange
            .verdicts()
            .get(ran.verdicts.clone())
            .unwrap_or_default();
        let of_rule = |verdict: &&Verdict| verdict.path == path && verdict.action.is_empty();
        for verdict in verdicts.iter().filter(of_rule) {
            match &verdict.outcome {
                VerdictOutcome::NotMatched { expression, text } => {
                    out.outcome = "not_matched";
                    out.expression = Some((*expression, text.clone()));
                }
                VerdictOutcome::Error(message) => {
                    out.outcome = "error";
                    out.message = told.text(message);
                }
                VerdictOutcome::Would(would) => out.would = Some(would),
                VerdictOutcome::Matched | VerdictOutcome::Next | VerdictOutcome::Ended(_) => out.outcome = "matched",
            }
            let values = verdict.values.iter();
            out.values
                .extend(values.map(|(name, value)| (told.text(name), told.named(name, value))));
        }
        if out.outcome == "skipped" {
            let is_exempt = rule.id.as_ref().is_some_and(|id| layer.except.contains(id));
            out.why = if is_exempt {
                "the guardrail excepts this endpoint from it"
            } else {
                "a rule before it ended the chain"
            };
            return out;
        }
        if layer.foreign {
            out.expression = None;
            out.values.clear();
            out.message.clear();
            return out;
        }
        if out.outcome == "matched" {
            let effects = self.effects.get(ran.effects.clone()).unwrap_or_default();
            let actions = rule.actions.iter();
            out.actions = actions
                .map(|action| {
                    let path = format!("{}{}", layer.prefix, action.path);
                    action_told(&path, action.name, verdicts, effects, told)
                })
                .collect();
        }
        out
    }
}

fn action_told(
    path: &str,
    name: &'static str,
    verdicts: &[Verdict],
    effects: &[ToldEffect],
    told: &Told<'_>,
) -> ToldAction {
    let mut out = ToldAction {
        path: path.to_owned(),
        name,
        outcome: "skipped",
        message: String::new(),
        config: Vec::new(),
        effects: effects
            .iter()
            .filter(|effect| effect.path == path)
            .map(|effect| told.effect(effect))
            .collect(),
        results: Vec::new(),
    };
    for verdict in verdicts
        .iter()
        .filter(|verdict| verdict.path == path && verdict.action == name)
    {
        out.outcome = verdict.outcome.name();
        if let VerdictOutcome::Error(message) = &verdict.outcome {
            out.message = told.text(message);
        }
        for (name, value) in &verdict.values {
            let shown: Json = told.named(name, value);
            match name.strip_prefix("config.") {
                Some(field) => out.config.push((field.to_owned(), shown)),
                None => out.results.push((name.clone(), shown)),
            }
        }
    }
    out
}
