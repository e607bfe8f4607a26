//! A case about one expression or template.

use super::seen::{Seen, Sight, answers, incoming};
use super::world::World;
use super::{Options, Outcome, expect};
use crate::document::{Node, Phase};
use crate::expr::{Budget, Failure, Overlay, Program, Scope, Template};
use crate::state::State;
use crate::value::Value;

/// What an expression or template comes to.
enum Came {
    /// It is refused where it is written: why.
    Refused(String),
    Ran(Result<Value, Failure>),
}

fn run(case: &Node, world: &World, options: Options<'_>) -> Result<Came, String> {
    let name = case.get("phase").and_then(Node::text).unwrap_or("on_http_request");
    let phase = Phase::ALL
        .into_iter()
        .find(|phase| phase.name() == name)
        .ok_or("unknown phase")?;
    let compiled = match (case.get("expr"), case.get("template")) {
        (Some(node), _) => {
            let text = node.scalar_text().unwrap_or_default();
            Program::compile(text, phase, &[]).map(|(program, _)| Ok(program))
        }
        (None, Some(node)) => {
            let text = node.scalar_text().unwrap_or_default();
            Template::compile(text, phase, &[]).map(|(template, _)| Err(template))
        }
        (None, None) => return Err("no expression".to_owned()),
    };
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(problems) => {
            let message = problems.first().map(|problem| problem.message.clone());
            return Ok(Came::Refused(message.unwrap_or_default()));
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
    Ok(Came::Ran(match &compiled {
        Ok(program) => program.evaluate_in(&scope, options.cel),
        Err(template) => template.render(&scope, 1 << 20).map(Value::Text),
    }))
}

/// The value of a case's expression or template.
///
/// # Errors
/// It has none, or the case is wrong.
pub(super) fn value(case: &Node, world: &World, options: Options<'_>) -> Result<Value, String> {
    match run(case, world, options)? {
        Came::Refused(why) => Err(format!("it is refused: {why}")),
        Came::Ran(Ok(value)) => Ok(value),
        Came::Ran(Err(Failure::Error(message))) => Err(format!("it fails: {message}")),
        Came::Ran(Err(Failure::Budget)) => Err("it uses up the elements".to_owned()),
    }
}

/// A case about one expression or template.
pub(super) fn expression(case: &Node, world: &World, options: Options<'_>) -> Result<Outcome, String> {
    let refused = case.get("expect").is_some_and(|expect| expect.get("errors").is_some());
    let result = match run(case, world, options)? {
        Came::Refused(_) if refused => return Ok(Outcome::Passed),
        Came::Ran(_) if refused => return Ok(Outcome::Failed(vec!["it was not refused".to_owned()])),
        Came::Refused(why) => return Ok(Outcome::Failed(vec![format!("refused: {why}")])),
        Came::Ran(result) => result,
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
