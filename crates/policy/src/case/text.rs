//! An explanation for people, from its form as JSON: a command has it from here or from a server.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// The explanation as text.
#[must_use]
pub fn explanation_text(explanation: &Json) -> String {
    let mut out = String::new();
    for note in list(explanation, "notes") {
        let _ = writeln!(out, "note: {}", clean(note.as_str().unwrap_or_default()));
    }
    let layers = list(explanation, "layers");
    let mut layer = None;
    for rule in list(explanation, "rules") {
        let number = rule.get("layer").and_then(Json::as_u64);
        if layer != number && layers.len() > 1 {
            let found = number.and_then(|number| layers.get(usize::try_from(number).ok()?));
            write_layer(found.unwrap_or(&Json::Null), &mut out);
        }
        layer = number;
        write_rule(rule, &mut out);
    }
    for layer in layers.iter().filter(|layer| flag(layer, "broken")) {
        let whose = layer.get("guardrail").and_then(Json::as_str).unwrap_or("the endpoint");
        let _ = writeln!(out, "the policy of {} cannot be run: nobody passes", clean(whose));
    }
    for error in list(explanation, "errors") {
        let _ = writeln!(out, "error at {}: {}", text(error, "path"), text(error, "message"));
    }
    for (name, value) in fields(explanation, "vars") {
        let _ = writeln!(out, "vars.{name} = {value}");
    }
    for entry in list(explanation, "logs") {
        let _ = writeln!(out, "log {entry}");
    }
    let cost = explanation.get("cost").unwrap_or(&Json::Null);
    for (phase, used) in fields(cost, "elements").filter(|(_, used)| used.as_u64() != Some(0)) {
        let limit = cost.get("limit").unwrap_or(&Json::Null);
        let _ = writeln!(out, "cost of {phase}: {used} of {limit} elements");
    }
    write_end(explanation, &mut out);
    out
}

fn list<'j>(json: &'j Json, name: &str) -> &'j [Json] {
    json.get(name).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn fields<'j>(json: &'j Json, name: &str) -> impl Iterator<Item = (String, &'j Json)> {
    let map = json.get(name).and_then(Json::as_object);
    map.into_iter().flatten().map(|(name, value)| (clean(name), value))
}

fn flag(json: &Json, name: &str) -> bool {
    json.get(name).and_then(Json::as_bool) == Some(true)
}

fn text(json: &Json, name: &str) -> String {
    clean(json.get(name).and_then(Json::as_str).unwrap_or_default())
}

/// What a request brings does not command a terminal.
fn clean(text: &str) -> String {
    text.replace(|c: char| c.is_control(), "\u{fffd}")
}

fn words(json: &Json, name: &str) -> String {
    text(json, name).replace('_', " ")
}

/// Whose the rules are that follow.
fn write_layer(layer: &Json, out: &mut String) {
    let mode = if flag(layer, "dry_run") { ", dry run" } else { "" };
    let endpoint = text(layer, "endpoint");
    let _ = match layer.get("guardrail").and_then(Json::as_str) {
        Some(id) => writeln!(
            out,
            "# guardrail {} {:?}{mode} around {endpoint}",
            clean(id),
            text(layer, "name")
        ),
        None => writeln!(out, "# {endpoint} {}", text(layer, "endpoint_id")),
    };
}

fn write_rule(rule: &Json, out: &mut String) {
    let _ = write!(out, "{}", text(rule, "path"));
    let name = text(rule, "name");
    if !name.is_empty() {
        let _ = write!(out, " {name:?}");
    }
    let _ = write!(out, ": {}", words(rule, "outcome"));
    if let Some(expression) = rule.get("expression").filter(|expression| !expression.is_null()) {
        let _ = write!(out, ": `{}`", text(expression, "text"));
    }
    for more in [text(rule, "why"), text(rule, "message")] {
        if !more.is_empty() {
            let _ = write!(out, ": {more}");
        }
    }
    let would = words(rule, "would");
    if !would.is_empty() {
        let _ = write!(out, ", {would}");
    }
    out.push('\n');
    for (name, value) in fields(rule, "values") {
        let _ = writeln!(out, "    {name} = {value}");
    }
    for action in list(rule, "actions") {
        let _ = write!(out, "    {}: {}", text(action, "type"), words(action, "outcome"));
        let message = text(action, "message");
        if !message.is_empty() {
            let _ = write!(out, ": {message}");
        }
        out.push('\n');
        for (name, value) in fields(action, "config") {
            let _ = writeln!(out, "        {name}: {value}");
        }
        for effect in list(action, "effects") {
            let _ = writeln!(out, "        {}", effect_text(effect));
        }
        for (name, value) in fields(action, "results") {
            let _ = writeln!(out, "        actions.{name} = {value}");
        }
    }
}

fn effect_text(effect: &Json) -> String {
    let nothing = Json::Null;
    let part = |name: &str| effect.get(name).unwrap_or(&nothing);
    let (asked, answer, error) = (part("asked"), part("answer"), part("error"));
    let what = match text(effect, "kind").as_str() {
        "request" | "key_set" => format!("asks {} {}", text(asked, "method"), text(asked, "url")),
        "internal_endpoint" => format!("goes on to {}", text(asked, "url")),
        "session" => format!("asks for a session of {}", text(asked, "action")),
        _ => "asks the web application firewall".to_owned(),
    };
    if !error.is_null() {
        return format!("{what}: {} ({})", text(error, "message"), text(error, "code"));
    }
    match answer.get("status") {
        Some(status) => {
            let time = answer.get("time_ms").unwrap_or(&nothing);
            format!("{what}: {status} from {} in {time} ms", text(answer, "resolved_ip"))
        }
        None if !answer.is_null() => format!("{what}: {answer}"),
        None if flag(effect, "performed") => what,
        None => format!("{what}, which is taken to be there"),
    }
}

fn write_end(explanation: &Json, out: &mut String) {
    let to = match text(explanation, "forwarded_to") {
        to if to.is_empty() => "the service".to_owned(),
        to => to,
    };
    if let Some(request) = explanation.get("forwarded").filter(|request| !request.is_null()) {
        let (method, url, host) = (text(request, "method"), text(request, "url"), text(request, "host"));
        let _ = if method.is_empty() {
            writeln!(out, "-> {to}: the connection")
        } else {
            writeln!(out, "-> {to}: {method} {url} (host {host})")
        };
        write_headers(request, out);
    }
    if flag(explanation, "closed") {
        out.push_str("<- the connection is closed\n");
    }
    if let Some(response) = explanation.get("response").filter(|response| !response.is_null()) {
        let _ = writeln!(out, "<- {}", response.get("status").unwrap_or(&Json::Null));
        write_headers(response, out);
    }
}

fn write_headers(message: &Json, out: &mut String) {
    for header in list(message, "headers") {
        let part = |at: usize| clean(header.get(at).and_then(Json::as_str).unwrap_or_default());
        let _ = writeln!(out, "   {}: {}", part(0), part(1));
    }
}
