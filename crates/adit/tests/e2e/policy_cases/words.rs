//! Expressions and templates: each is a rule of an endpoint, whose answer is its value.

use std::sync::{Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use serde_json::{Value, json};

use super::case::Case;
use super::compare::same;
use super::work::{of, request};
use super::world::{Place, World};

/// Expressions in one policy: as many rules as an edge evaluates without looking at its clock, so that a busy machine is not
/// taken for a policy that is too slow.
const RULES: usize = 64;

/// What a rule answers for an expression: the value in a list, and whether its type is the expected one.
fn body(case: &Case) -> String {
    let whole = &case.whole;
    if let Some(template) = whole["template"].as_str() {
        return template.to_owned();
    }
    let text = expression(case);
    if whole.get("error").is_some() {
        return format!("${{{text}}}");
    }
    match kind(&whole["value"]) {
        Some(kind) => format!("${{json.encode([{text}])}} ${{type({text}) == {kind}}}"),
        None => format!("${{json.encode([{text}])}} true"),
    }
}

/// The text of an expression; YAML may have read it as something else.
fn expression(case: &Case) -> String {
    let expr = &case.whole["expr"];
    expr.as_str().map_or_else(|| expr.to_string(), str::to_owned)
}

/// The type of an expected value, where the language has a name for it.
fn kind(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Null => "null_type",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "double",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(map) => match map.keys().next().map(String::as_str) {
            Some("bytes") if map.len() == 1 => "bytes",
            Some("uint") if map.len() == 1 => "uint",
            Some("timestamp" | "duration") if map.len() == 1 => return None,
            _ => "map",
        },
    })
}

/// An expected value as JSON shows it.
fn shown(value: &Value) -> Value {
    match value {
        Value::Array(all) => all.iter().map(shown).collect(),
        Value::Object(map) if map.len() == 1 => {
            let (name, inside) = map.iter().next().unwrap();
            let text = inside.as_str().unwrap_or_default();
            match name.as_str() {
                "bytes" => {
                    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
                    String::from_utf8(bytes).map_or_else(|_| inside.clone(), Value::from)
                }
                "uint" => inside.clone(),
                "timestamp" => inside.clone(),
                "duration" => inside.clone(),
                _ => Value::Object(map.iter().map(|(k, v)| (k.clone(), shown(v))).collect()),
            }
        }
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), shown(v))).collect()),
        other => other.clone(),
    }
}

/// Whether it is about a response.
fn is_of_response(case: &Case) -> bool {
    case.whole["phase"].as_str() == Some("on_http_response")
}

/// Runs cases; what is wrong, by their ids.
pub(super) fn run(world: &World, cases: &[&Case]) -> Vec<(String, Vec<String>)> {
    let (responses, requests): (Vec<&Case>, Vec<&Case>) = cases.iter().copied().partition(|case| is_of_response(case));
    let mut out = Vec::new();
    let groups = requests.chunks(RULES).map(|group| ("on_http_request", group));
    let groups = groups.chain(responses.chunks(RULES).map(|group| ("on_http_response", group)));
    for (phase, group) in groups {
        out.extend(group_of(world, phase, group));
    }
    out
}

/// The host of all of them, as cases write it.
const HOST: &str = "app.example.com";

fn group_of(world: &World, phase: &str, group: &[&Case]) -> Vec<(String, Vec<String>)> {
    let rules = group.iter().enumerate().map(|(at, case)| {
        json!({
            "expressions": [format!("getReqHeader('x-word') == ['{at}']")],
            "actions": [{"type": "custom-response", "config": {"body": own(&body(case), case), "headers": {"content-type": "text/plain"}}}],
        })
    });
    let policy = json!({phase: rules.collect::<Vec<_>>()}).to_string();
    let mut whole = group[0].clone();
    HOST.clone_into(&mut whole.host);
    whole.whole = json!({"policy": policy});
    let ran = world.at_shared(&whole, |place| group_at(world, group, place));
    ran.unwrap_or_else(|why| vec![(format!("expressions in {phase}"), vec![why])])
}

fn group_at(world: &World, group: &[&Case], place: &Place) -> Vec<(String, Vec<String>)> {
    let out = Mutex::new(Vec::new());
    let queue = Mutex::new(group.iter().enumerate());
    let turns = Mutex::new(());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((at, case)) = next else { return };
                    let found = if is_of_response(case) {
                        // What the service answers is the case's: one after the other.
                        let _turn = turns.lock().unwrap_or_else(PoisonError::into_inner);
                        place.upstream.plan(&case.turns[0].upstream);
                        ask(world, case, at)
                    } else {
                        ask(world, case, at)
                    };
                    let wrong = found.into_iter().collect();
                    out.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((case.id.clone(), wrong));
                }
            });
        }
    });
    out.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A text with the host of all in the place of the case's own.
fn own(text: &str, case: &Case) -> String {
    text.replace(&case.host, HOST)
}

/// What is wrong with a case.
fn ask(world: &World, case: &Case, at: usize) -> Option<String> {
    let turn = &case.turns[0];
    let text = serde_json::to_string(&turn.request).unwrap();
    let mut turn = turn.clone();
    turn.request = serde_json::from_str(&own(&text, case)).unwrap();
    let mut visitor = match world.visitor(HOST, &turn.conn) {
        Ok(visitor) => visitor,
        Err(e) => return Some(e.to_string()),
    };
    let request = request(&turn, HOST, &format!("x-word: {at}\r\n"));
    let answer = match visitor.try_send(request).ok().map(|()| visitor.try_receive(of(&turn))) {
        Some(Ok(answer)) => answer,
        other => return Some(format!("no answer: {other:?}")),
    };
    let whole: Value = serde_json::from_str(&own(&case.whole.to_string(), case)).unwrap();
    if whole.get("error").is_some() {
        let is_error = answer.status() == 500 && answer.code() == "ERR_NGROK_3900";
        return (!is_error).then(|| format!("no error: {answer:?}"));
    }
    let text = answer.text();
    if whole.get("template").is_some() {
        let expected = whole["value"].as_str().unwrap_or_default();
        return (answer.status() != 200 || text != expected).then(|| format!("expected {expected:?}, got {answer:?}"));
    }
    let fits = text.rsplit_once(' ').is_some_and(|(found, typed)| {
        let found: Value = serde_json::from_str(found).unwrap_or_default();
        typed == "true" && same(&Value::Array(vec![shown(&whole["value"])]), &found)
    });
    (answer.status() != 200 || !fits).then(|| format!("expected {}, got {answer:?}", whole["value"]))
}
