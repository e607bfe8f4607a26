//! A case about one expression or template.

use super::seen::{Seen, Sight, answers, incoming};
use super::world::World;
use super::{Options, Outcome, expect};
use crate::document::{Node, Phase};
use crate::expr::{Budget, Failure, Overlay, Program, Scope, Template};
use crate::state::State;
use crate::value::Value;

/// A case about one expression or template.
pub(super) fn expression(case: &Node, world: &World, options: Options<'_>) -> Result<Outcome, String> {
    let name = case.get("phase").and_then(Node::text).unwrap_or("on_http_request");
    let phase = Phase::ALL
        .into_iter()
        .find(|phase| phase.name() == name)
        .ok_or("unknown phase")?;
    let (kind, text) = match (case.get("expr"), case.get("template")) {
        (Some(node), _) => ("expr", node.scalar_text().unwrap_or_default()),
        (None, Some(node)) => ("template", node.scalar_text().unwrap_or_default()),
        (None, None) => return Err("no expression".to_owned()),
    };
    let compiled = if kind == "expr" {
        Program::compile(text, phase, &[]).map(|(program, _)| Ok(program))
    } else {
        Template::compile(text, phase, &[]).map(|(template, _)| Err(template))
    };
    let refused = case.get("expect").is_some_and(|expect| expect.get("errors").is_some());
    let compiled = match compiled {
        Ok(_) if refused => return Ok(Outcome::Failed(vec!["it was not refused".to_owned()])),
        Err(_) if refused => return Ok(Outcome::Passed),
        Ok(compiled) => compiled,
        Err(problems) => {
            return Ok(Outcome::Failed(vec![format!(
                "refused: {}",
                problems
                    .first()
                    .map(|problem| problem.message.as_str())
                    .unwrap_or_default()
            )]));
        }
    };
    let incoming = incoming(case, None, world);
    let answer = answers(case, None);
    let state = State::default();
    let view = Seen::new(
        world,
        &world.connection,
        &incoming,
        &state,
        world.now,
        phase,
        answer.first(),
        &Sight::of(world),
    );
    let scope = Scope {
        view: &view.get(),
        overlay: &Overlay::default(),
        vars: &[],
        results: &[],
        extra: &[],
        bodies: None,
        facts: None,
        budget: &Budget::default(),
        draws: 0.into(),
    };
    let result = match &compiled {
        Ok(program) => program.evaluate_in(&scope, options.cel),
        Err(template) => template.render(&scope, 1 << 20).map(Value::Text),
    };
    let wrong = match (result, case.get("value"), case.get("error").is_some()) {
        (Ok(value), Some(expected), _) => expect::same("value", &super::world::value(expected), &value),
        (Err(_), _, true) => None,
        (Ok(value), _, true) => Some(format!("expected an error, got {value:?}")),
        (Err(Failure::Error(message)), ..) => Some(format!("error: {message}")),
        (Err(Failure::Budget), ..) => Some("error: elements used up".to_owned()),
        (Ok(_), None, false) => Some("the case expects nothing".to_owned()),
    };
    Ok(expect::outcome(wrong.into_iter().collect()))
}
