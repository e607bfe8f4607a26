//! A case about a policy: its layers compiled, its exchanges driven and compared, or told.

use std::sync::Arc;

use super::drive::Driver;
use super::effects::{Calls, Surroundings};
use super::seen::incoming;
use super::world::World;
use super::{Explanation, Forwarded, Options, Outcome, expect, texts};
use crate::compile::Policy;
use crate::document::Node;
use crate::state::State;
use crate::subject::{Actions, Owner, Subject};

type Layers = Vec<(String, Arc<Policy>)>;

/// Guardrails from the outermost in, then the own policy; each with the prefix of its paths.
fn layers(case: &Node, world: &World, text: &str) -> Result<Layers, String> {
    let compile = |text: &str, owner| {
        let subject = Subject {
            owner,
            references: Some(world),
            actions: Actions::BuiltWithWaf,
            ..world.subject
        };
        crate::compile(text, subject)
            .map(Arc::new)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    let mut layers = Vec::new();
    for (i, text) in texts(case.get("guardrails")).iter().enumerate() {
        layers.push((format!("guardrails[{i}]."), compile(text, Owner::Guardrail)?));
    }
    layers.push((String::new(), compile(text, world.subject.owner)?));
    Ok(layers)
}

/// One exchange of a case, told.
pub(super) fn explain(case: &Node, world: &World, text: &str) -> Result<Explanation, String> {
    let layers = layers(case, world, text)?;
    let (state, calls) = (State::default(), Calls::default());
    let driver = Driver {
        case,
        step: None,
        world,
        connection: world.connection_of(case, None)?,
        incoming: incoming(case, None, world),
        state: &state,
        now: world.now,
        layers: &layers,
        surroundings: Surroundings { case, calls: &calls },
        options: Options {
            cel: true,
            trace: true,
            ..Options::default()
        },
    };
    let out = driver.exchange()?;
    if let Some(lacks) = out.lacks {
        return Err(format!(
            "this needs {lacks}, which a tool without a server does not have"
        ));
    }
    let texts = |fields: Vec<(String, Vec<u8>)>| -> Vec<(String, String)> {
        let decode = |(name, value): (String, Vec<u8>)| (name, crate::expr::scope::decode(&value));
        fields.into_iter().map(decode).collect()
    };
    Ok(Explanation {
        verdicts: out.exchange.verdicts().to_vec(),
        forwarded: out.forwarded.map(|(host, request)| Forwarded {
            method: request.method,
            target: request.url,
            host,
            fields: texts(request.fields),
        }),
        forwarded_to: out.forwarded_to,
        response: out.response.map(|answer| (answer.status, texts(answer.fields))),
        closed: out.closed || out.alert,
        vars: out.vars,
        logs: out.exchange.logs().to_vec(),
        errors: out.exchange.errors().to_vec(),
        cost: out.exchange.used,
    })
}

/// A case about a policy.
pub(super) fn policy(
    case: &Node,
    world: &World,
    text: &str,
    options: Options,
    goes_on: &dyn Fn() -> bool,
) -> Result<(Outcome, Vec<String>), String> {
    let layers = layers(case, world, text)?;
    let state = State::default();
    let calls = Calls::default();
    let mut wrong = Vec::new();
    let mut trace = Vec::new();
    let steps: Vec<Option<&Node>> = match case.get("steps").and_then(Node::list) {
        Some(steps) => steps.iter().map(Some).collect(),
        None => vec![None],
    };
    for (i, step) in steps.into_iter().enumerate() {
        if !goes_on() {
            return Err(format!("stopped before step {i}"));
        }
        let at: f64 = step
            .and_then(|step| step.get("at"))
            .and_then(Node::scalar_text)
            .and_then(|t| t.parse().ok())
            .unwrap_or(0.0);
        #[allow(clippy::cast_possible_truncation)]
        let now = world.now + (at * 1e6) as i64;
        let driver = Driver {
            case,
            step,
            world,
            connection: world.connection_of(case, step)?,
            incoming: incoming(case, step, world),
            state: &state,
            now,
            layers: &layers,
            surroundings: Surroundings { case, calls: &calls },
            options,
        };
        let out = driver.exchange()?;
        if let Some(lacks) = out.lacks {
            return Ok((Outcome::Lacks(vec![lacks]), Vec::new()));
        }
        let expected = step.unwrap_or(case).get("expect").ok_or("the case expects nothing")?;
        let found = expect::all(expected, &out);
        trace.extend(super::trace_lines(out.exchange.verdicts()));
        wrong.extend(match step {
            Some(_) => found.into_iter().map(|text| format!("step {i}: {text}")).collect(),
            None => found,
        });
    }
    Ok((expect::outcome(wrong), trace))
}
