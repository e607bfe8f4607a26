//! Old documents written anew: `inbound`, `outbound`, capitalised keys and names of expressions (traffic policy 1.1).

use adit_names::endpoint_url::Scheme;

use crate::document::{Content, Key, Node, Phase, Style, is_legacy, legacy_expression, legacy_phase, parse};
use crate::fault::Fault;
use crate::layout::layout;
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
    Ok(layout(&modern(&root, subject.scheme)))
}

/// The tree of an old document as that of a new one; a new one as it is, without what says nothing.
fn modern(root: &Node, scheme: Scheme) -> Node {
    let legacy = is_legacy(root);
    let mut phases = Vec::new();
    for (key, rules) in root.map().unwrap_or_default() {
        let phase = Phase::ALL.into_iter().find(|phase| phase.name() == key.text);
        let Some(phase) = phase.or_else(|| legacy_phase(&key.text, scheme)) else {
            continue;
        };
        let list = rules.list().unwrap_or_default();
        if !list.is_empty() {
            let rules = list.iter().map(|rule| modern_rule(rule, legacy)).collect();
            phases.push((named(key, phase.name()), with(root, Content::List(rules))));
        }
    }
    with(root, Content::Map(phases))
}

fn with(node: &Node, content: Content) -> Node {
    Node {
        content,
        ..node.clone()
    }
}

fn named(key: &Key, text: &str) -> Key {
    Key {
        text: text.to_owned(),
        at: key.at,
    }
}

fn modern_rule(rule: &Node, legacy: bool) -> Node {
    let mut out = Vec::new();
    for (key, value) in rule.map().unwrap_or_default() {
        let name = lower(&key.text, legacy);
        let value = match (name.as_str(), value.list()) {
            _ if matches!(value.content, Content::Null) => continue,
            ("expressions", Some(list)) if legacy => {
                let modern = |node: &Node| {
                    let text = legacy_expression(node.scalar_text().unwrap_or_default());
                    with(node, Content::Text(text, Style::Opaque))
                };
                with(value, Content::List(list.iter().map(modern).collect()))
            }
            ("actions", Some(list)) => with(
                value,
                Content::List(list.iter().map(|node| modern_action(node, legacy)).collect()),
            ),
            _ => value.clone(),
        };
        out.push((named(key, &name), value));
    }
    with(rule, Content::Map(out))
}

fn modern_action(action: &Node, legacy: bool) -> Node {
    let parts = action.map().unwrap_or_default().iter();
    let parts = parts.filter(|(_, value)| !matches!(value.content, Content::Null));
    let parts = parts.map(|(key, value)| (named(key, &lower(&key.text, legacy)), value.clone()));
    with(action, Content::Map(parts.collect()))
}

/// Keys of old documents are written in any case.
fn lower(key: &str, legacy: bool) -> String {
    if legacy {
        key.to_ascii_lowercase()
    } else {
        key.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
