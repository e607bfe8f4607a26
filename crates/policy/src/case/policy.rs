//! A case about a policy: its layers compiled, its exchanges driven and compared.

use std::sync::Arc;

use super::drive::{Driver, Outgoing};
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

/// Microseconds from the begin of a case to a step.
pub(super) fn after(step: Option<&Node>) -> i64 {
    let seconds = step.and_then(|step| step.get("at")).and_then(Node::scalar_text);
    let seconds: f64 = seconds.and_then(|text| text.parse().ok()).unwrap_or(0.0);
    #[allow(clippy::cast_possible_truncation)]
    let micros = (seconds * 1e6) as i64;
    micros
}

/// Is shown what came out of a step.
type Show<'s> = dyn FnMut(Option<&Node>, &Outgoing) -> Result<(), String> + 's;

/// Runs the exchanges of a case, one after the other on one engine, and shows what came out of each.
///
/// # Errors
/// What is wrong with the case, or what `show` says.
pub(super) fn each_exchange(
    case: &Node,
    world: &World,
    text: &str,
    options: Options<'_>,
    show: &mut Show<'_>,
) -> Result<(), String> {
    let first = Arc::new(hop(case, world, text)?);
    let (state, calls) = (State::default(), Calls::default());
    let steps: Vec<Option<&Node>> = match case.get("steps").and_then(Node::list) {
        Some(steps) => steps.iter().map(Some).collect(),
        None => vec![None],
    };
    for step in steps {
        let driver = Driver {
            case,
            step,
            world,
            connection: world.connection_of(case, step)?,
            incoming: incoming(case, step, world),
            state: &state,
            now: world.now + after(step),
            first: first.clone(),
            surroundings: Surroundings {
                case,
                calls: &calls,
                around: None,
            },
            options,
        };
        show(step, &driver.exchange()?)?;
    }
    Ok(())
}

/// A case about a policy.
pub(super) fn policy(
    case: &Node,
    world: &World,
    text: &str,
    options: Options<'_>,
    goes_on: &dyn Fn() -> bool,
) -> Result<(Outcome, Vec<String>), String> {
    let (mut wrong, mut trace, mut lacking) = (Vec::new(), Vec::new(), Vec::new());
    let mut number = 0;
    each_exchange(case, world, text, options, &mut |step, out| {
        if !goes_on() {
            return Err(format!("stopped behind step {number}"));
        }
        if let Some(lacks) = &out.lacks {
            lacking.push(lacks.clone());
        }
        let expected = step.unwrap_or(case).get("expect").ok_or("the case expects nothing")?;
        let found = expect::all(expected, out);
        trace.extend(super::trace_lines(out.exchange.verdicts()));
        wrong.extend(match step {
            Some(_) => found.into_iter().map(|text| format!("step {number}: {text}")).collect(),
            None => found,
        });
        number += 1;
        Ok(())
    })?;
    if let Some(lacks) = lacking.into_iter().next() {
        return Ok((Outcome::Lacks(vec![lacks]), Vec::new()));
    }
    Ok((expect::outcome(wrong), trace))
}
