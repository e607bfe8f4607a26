//! Old documents written anew: `inbound`, `outbound`, capitalised keys and names of expressions (traffic policy 1.1).

use std::fmt::Write as _;

use crate::document::{Content, Node, Phase, is_legacy, legacy_expression, legacy_phase, parse};
use crate::fault::Fault;
use crate::subject::Subject;

/// The document in the form of today, as YAML; comments are not kept. One that is new already comes back in canonical
/// layout.
///
/// # Errors
/// What is wrong with it: only what checks is converted.
pub fn convert(text: &str, subject: Subject<'_>) -> Result<String, Vec<Fault>> {
    crate::check(text, subject)?;
    let Ok(Some(root)) = parse(text) else {
        return Ok("{}\n".to_owned());
    };
    let legacy = is_legacy(&root);
    let mut out = String::new();
    for (key, rules) in root.map().unwrap_or_default() {
        let phase = Phase::ALL.into_iter().find(|phase| phase.name() == key.text);
        let Some(phase) = phase.or_else(|| legacy_phase(&key.text, subject.scheme)) else {
            continue;
        };
        let list = rules.list().unwrap_or_default();
        if list.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{phase}:");
        for rule in list {
            emit_rule(rule, legacy, &mut out);
        }
    }
    if out.is_empty() {
        out.push_str("{}\n");
    }
    Ok(out)
}

fn emit_rule(rule: &Node, legacy: bool, out: &mut String) {
    let mut first = true;
    let mut lead = |out: &mut String| {
        out.push_str(if std::mem::take(&mut first) { "  - " } else { "    " });
    };
    for (key, value) in rule.map().unwrap_or_default() {
        let name = if legacy {
            key.text.to_ascii_lowercase()
        } else {
            key.text.clone()
        };
        if matches!(value.content, Content::Null) {
            continue;
        }
        lead(out);
        match name.as_str() {
            "expressions" => {
                out.push_str("expressions:\n");
                for expression in value.list().unwrap_or_default() {
                    let text = expression.scalar_text().unwrap_or_default();
                    let text = if legacy {
                        legacy_expression(text)
                    } else {
                        text.to_owned()
                    };
                    let _ = writeln!(out, "      - {}", quoted(&text));
                }
            }
            "actions" => {
                out.push_str("actions:\n");
                for action in value.list().unwrap_or_default() {
                    emit_action(action, legacy, out);
                }
            }
            name => {
                let _ = write!(out, "{}:", scalar_key(name));
                emit(value, 4, out);
            }
        }
    }
}

fn emit_action(action: &Node, legacy: bool, out: &mut String) {
    let part = |wanted: &str| {
        let mut keys = action.map().unwrap_or_default().iter();
        let found = keys.find(|(key, _)| key.text == wanted || (legacy && key.text.eq_ignore_ascii_case(wanted)));
        found.map(|(_, value)| value)
    };
    let kind = part("type").and_then(Node::text).unwrap_or_default();
    let _ = writeln!(out, "      - type: {}", quoted(kind));
    if let Some(config) = part("config")
        && !matches!(config.content, Content::Null)
    {
        out.push_str("        config:");
        emit(config, 8, out);
    }
}

/// A value behind its key, with what ends the line.
fn emit(node: &Node, indent: usize, out: &mut String) {
    let space = " ".repeat(indent + 2);
    match &node.content {
        Content::Map(map) if !map.is_empty() => {
            out.push('\n');
            for (key, value) in map {
                let _ = write!(out, "{space}{}:", scalar_key(&key.text));
                emit(value, indent + 2, out);
            }
        }
        Content::List(list) if !list.is_empty() => {
            out.push('\n');
            for item in list {
                match &item.content {
                    Content::Map(map) if !map.is_empty() => {
                        let mut lead = format!("{space}- ");
                        for (key, value) in map {
                            let _ = write!(out, "{lead}{}:", scalar_key(&key.text));
                            emit(value, indent + 4, out);
                            lead = format!("{space}  ");
                        }
                    }
                    _ => {
                        let _ = write!(out, "{space}-");
                        emit(item, indent + 2, out);
                    }
                }
            }
        }
        Content::Map(_) => out.push_str(" {}\n"),
        Content::List(_) => out.push_str(" []\n"),
        Content::Null => out.push_str(" null\n"),
        Content::Text(text, _) => {
            let _ = writeln!(out, " {}", quoted(text));
        }
        Content::Bool(..) | Content::Int(..) | Content::Float(..) => {
            let _ = writeln!(out, " {}", node.scalar_text().unwrap_or_default());
        }
    }
}

/// Can a text stand without quotes and still be a string?
fn is_plain(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let rest = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    first && rest && !word
}

/// JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

fn scalar_key(text: &str) -> String {
    quoted(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adit_names::endpoint_url::Scheme;

    #[test]
    fn old_documents_become_new_ones_that_check() {
        let old = r#"{"Inbound":[{"Name":"no writes","Expressions":["req.Method == 'PUT'"],"Actions":[{"Type":"deny","Config":{"status_code":405}}]}],
            "outbound":[{"expressions":["res.StatusCode == '200'"],"actions":[{"type":"add-headers","config":{"headers":{"x-a":"yes","x-b":"${req.url}"}}}]}]}"#;
        let subject = Subject::agent(Scheme::Https);
        let new = convert(old, subject).unwrap();
        assert_eq!(
            new,
            "on_http_request:\n  - name: \"no writes\"\n    expressions:\n      - \"req.method == 'PUT'\"\n    actions:\n      - type: deny\n        config:\n          status_code: 405\non_http_response:\n  - expressions:\n      - \"string(res.status_code) == '200'\"\n    actions:\n      - type: add-headers\n        config:\n          headers:\n            x-a: \"yes\"\n            x-b: \"${req.url}\"\n"
        );
        assert_eq!(convert(&new, subject).unwrap(), new, "canonical");
        assert!(crate::compile(&new, subject).is_ok());
        assert!(convert("inbound: [{}]", subject).is_err());
        assert_eq!(convert("", subject).unwrap(), "{}\n");
    }
}
