//! A case about a policy: its layers compiled, its exchanges driven and compared.

use std::sync::Arc;

use super::drive::Driver;
use super::effects::{Calls, Surroundings};
use super::hop::{Hop, Layer};
use super::seen::incoming;
use super::world::World;
use super::{Options, Outcome, expect, texts};
use crate::document::Node;
use crate::state::State;
use crate::subject::{Actions, Owner, Subject};

/// The endpoint of a case: its guardrails from the outermost in, then its own policy.
pub(super) fn hop(case: &Node, world: &World, text: &str) -> Result<Hop, String> {
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
        layers.push(Layer {
            prefix: format!("guardrails[{i}]."),
            guardrail: true,
            ..Layer::own(Some(compile(text, Owner::Guardrail)?))
        });
    }
    layers.push(Layer::own(Some(compile(text, world.subject.owner)?)));
    Ok(Hop {
        facts: world.endpoint.clone(),
        layers,
        cloud: world.subject.owner == Owner::Cloud,
        internal: world.subject.internal,
    })
}

/// A case about a policy.
pub(super) fn policy(
    case: &Node,
    world: &World,
    text: &str,
    options: Options<'_>,
    goes_on: &dyn Fn() -> bool,
) -> Result<(Outcome, Vec<String>), String> {
    let first = Arc::new(hop(case, world, text)?);
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
            first: first.clone(),
            surroundings: Surroundings {
                case,
                calls: &calls,
                around: None,
            },
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
