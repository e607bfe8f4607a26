//! What differs between two documents, rule by rule; and, over the cases of a file, in what they decide (traffic policy
//! 6.2).

use serde_json::{Map, Value as Json, json};

use crate::convert::convert;
use crate::document::{Content, Node, Phase, parse};
use crate::fault::Fault;
use crate::subject::Subject;

/// One difference between the rules of two documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// `added`, `removed`, `changed`, `moved`
    pub kind: &'static str,
    /// Where the rule stands in the first document.
    pub first: Option<String>,
    /// Where it stands in the second.
    pub second: Option<String>,
    /// Its name, else its id.
    pub name: String,
    /// Fields that are not the same: path below the rule, before, after.
    pub fields: Vec<(String, Option<Json>, Option<Json>)>,
}

impl Difference {
    /// As commands show it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let field = |(path, before, after): &(String, Option<Json>, Option<Json>)| json!({"path": path, "before": before, "after": after});
        json!({
            "kind": self.kind, "first": self.first, "second": self.second, "name": self.name,
            "fields": self.fields.iter().map(field).collect::<Vec<_>>(),
        })
    }
}

/// A rule, and where it stands.
struct Placed {
    path: String,
    name: String,
    body: Json,
}

/// The differences between two documents, each in the form of today. A rule is the same one if it has the same id, else the
/// same name, else the same content.
///
/// # Errors
/// What is wrong with the first, or the second.
pub fn differences(first: &str, second: &str, subject: Subject<'_>) -> Result<Vec<Difference>, (usize, Vec<Fault>)> {
    let read = |which: usize, text: &str| convert(text, subject).map_err(|faults| (which, faults));
    let (first, second) = (read(0, first)?, read(1, second)?);
    let (first, second) = (rules(&first), rules(&second));
    let mut out = Vec::new();
    for phase in Phase::ALL {
        let of = |rules: &[(Phase, Vec<Placed>)]| rules.iter().position(|(known, _)| *known == phase);
        let nothing = Vec::new();
        let a = of(&first)
            .and_then(|at| first.get(at))
            .map_or(&nothing, |(_, rules)| rules);
        let b = of(&second)
            .and_then(|at| second.get(at))
            .map_or(&nothing, |(_, rules)| rules);
        phase_differences(a, b, &mut out);
    }
    Ok(out)
}

fn rules(text: &str) -> Vec<(Phase, Vec<Placed>)> {
    let Ok(Some(root)) = parse(text) else { return Vec::new() };
    let mut out = Vec::new();
    for (key, list) in root.map().unwrap_or_default() {
        let Some(phase) = Phase::ALL.into_iter().find(|phase| phase.name() == key.text) else {
            continue;
        };
        let place = |(at, node): (usize, &Node)| {
            let label = ["name", "id"].into_iter().find_map(|key| node.get(key)?.text());
            Placed {
                path: format!("{phase}[{at}]"),
                name: label.unwrap_or_default().to_owned(),
                body: as_json(node),
            }
        };
        out.push((
            phase,
            list.list().unwrap_or_default().iter().enumerate().map(place).collect(),
        ));
    }
    out
}

fn as_json(node: &Node) -> Json {
    match &node.content {
        Content::Null => Json::Null,
        Content::Bool(value, _) => Json::Bool(*value),
        Content::Int(value, _) => json!(value),
        Content::Float(value, text) => serde_json::Number::from_f64(*value).map_or_else(|| json!(text), Json::Number),
        Content::Text(text, _) => json!(text),
        Content::List(list) => list.iter().map(as_json).collect(),
        Content::Map(map) => {
            let fields: Map<String, Json> = map
                .iter()
                .map(|(key, value)| (key.text.clone(), as_json(value)))
                .collect();
            Json::Object(fields)
        }
    }
}

fn phase_differences(a: &[Placed], b: &[Placed], out: &mut Vec<Difference>) {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let mut pair = |same: &dyn Fn(&Placed, &Placed) -> bool| {
        for (i, one) in a.iter().enumerate() {
            if pairs.iter().any(|(known, _)| *known == i) {
                continue;
            }
            let free = |j: &usize| pairs.iter().all(|(_, known)| known != j);
            let found = (0..b.len())
                .filter(free)
                .find(|j| b.get(*j).is_some_and(|other| same(one, other)));
            if let Some(j) = found {
                pairs.push((i, j));
            }
        }
    };
    let of = |rule: &Placed, key: &str| rule.body.get(key).and_then(Json::as_str).map(str::to_owned);
    for key in ["id", "name"] {
        pair(&|one, other| of(one, key).is_some_and(|text| !text.is_empty() && of(other, key) == Some(text)));
    }
    pair(&|one, other| one.body == other.body);
    // What is left at the same place between the same neighbours was changed.
    let is_unnamed = |rule: &Placed| rule.name.is_empty();
    pair(&|one, other| {
        let (i, j) = (index(&one.path), index(&other.path));
        is_unnamed(one) && is_unnamed(other) && i == j
    });
    pairs.sort_unstable();
    let kept = longest_run(&pairs);
    for (i, one) in a.iter().enumerate() {
        let Some((_, j)) = pairs.iter().find(|(known, _)| *known == i) else {
            out.push(Difference {
                kind: "removed",
                first: Some(one.path.clone()),
                second: None,
                name: one.name.clone(),
                fields: Vec::new(),
            });
            continue;
        };
        let Some(other) = b.get(*j) else { continue };
        let mut fields = Vec::new();
        compare(String::new(), Some(&one.body), Some(&other.body), &mut fields);
        let is_moved = !kept.contains(&i);
        if is_moved || !fields.is_empty() {
            out.push(Difference {
                kind: if is_moved { "moved" } else { "changed" },
                first: Some(one.path.clone()),
                second: Some(other.path.clone()),
                name: one.name.clone(),
                fields,
            });
        }
    }
    for (j, other) in b.iter().enumerate() {
        if pairs.iter().all(|(_, known)| *known != j) {
            out.push(Difference {
                kind: "added",
                first: None,
                second: Some(other.path.clone()),
                name: other.name.clone(),
                fields: Vec::new(),
            });
        }
    }
}

fn index(path: &str) -> &str {
    path.rsplit_once('[').map_or("", |(_, index)| index)
}

/// The first halves of the longest run of pairs whose order is the same on both sides: the others were moved.
fn longest_run(pairs: &[(usize, usize)]) -> Vec<usize> {
    // Length of the longest run that ends at each pair, and the pair before it. There are at most 256 rules.
    let mut best: Vec<(usize, Option<usize>)> = Vec::with_capacity(pairs.len());
    for (at, (_, second)) in pairs.iter().enumerate() {
        let before = (0..at).filter(|i| pairs.get(*i).is_some_and(|(_, earlier)| earlier < second));
        let before = before.max_by_key(|i| (best.get(*i).map_or(0, |(length, _)| *length), usize::MAX - i));
        let length = before.and_then(|i| best.get(i)).map_or(0, |(length, _)| *length) + 1;
        best.push((length, before));
    }
    let mut at = (0..best.len()).max_by_key(|i| (best.get(*i).map_or(0, |(length, _)| *length), usize::MAX - i));
    let mut out = Vec::new();
    while let Some(i) = at {
        out.extend(pairs.get(i).map(|(first, _)| *first));
        at = best.get(i).and_then(|(_, before)| *before);
    }
    out
}

/// Leaves that are not the same.
fn compare(path: String, a: Option<&Json>, b: Option<&Json>, out: &mut Vec<(String, Option<Json>, Option<Json>)>) {
    match (a, b) {
        (Some(Json::Object(x)), Some(Json::Object(y))) => {
            let mut keys: Vec<&String> = x.keys().chain(y.keys().filter(|key| !x.contains_key(*key))).collect();
            keys.dedup();
            for key in keys {
                let below = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(below, x.get(key), y.get(key), out);
            }
        }
        (Some(Json::Array(x)), Some(Json::Array(y))) => {
            for at in 0..x.len().max(y.len()) {
                compare(format!("{path}[{at}]"), x.get(at), y.get(at), out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push((path, a.cloned(), b.cloned())),
    }
}

#[cfg(test)]
mod tests {
    use adit_names::endpoint_url::Scheme;

    use super::*;

    fn kinds(first: &str, second: &str) -> Vec<String> {
        let found = differences(first, second, Subject::agent(Scheme::Https)).unwrap();
        let show = |d: &Difference| {
            let fields: Vec<_> = d.fields.iter().map(|(path, ..)| path.as_str()).collect();
            format!(
                "{} {} {} {}",
                d.kind,
                d.first.as_deref().unwrap_or("-"),
                d.second.as_deref().unwrap_or("-"),
                fields.join(" ")
            )
        };
        found.iter().map(|d| show(d).trim_end().to_owned()).collect()
    }

    #[test]
    fn rules_are_followed_by_what_they_are_called() {
        let rule = |name: &str, status: u16| {
            format!("{{name: {name}, actions: [{{type: deny, config: {{status_code: {status}}}}}]}}")
        };
        let document = |rules: &[String]| format!("on_http_request: [{}]", rules.join(", "));
        let (a, b, c) = (rule("a", 401), rule("b", 402), rule("c", 403));
        let first = document(&[a.clone(), b.clone(), c.clone()]);
        assert_eq!(kinds(&first, &first), Vec::<String>::new());
        assert_eq!(
            kinds(&first, &document(&[a.clone(), c.clone()])),
            ["removed on_http_request[1] -"]
        );
        assert_eq!(
            kinds(&first, &document(&[c.clone(), a.clone(), b])),
            ["moved on_http_request[2] on_http_request[0]"]
        );
        let more = document(&[a, rule("b", 451), rule("d", 404), c]);
        assert_eq!(
            kinds(&first, &more),
            [
                "changed on_http_request[1] on_http_request[1] actions[0].config.status_code",
                "added - on_http_request[2]"
            ]
        );
        // Without names it is the place.
        let unnamed = |status: u16| {
            format!("on_http_request: [{{actions: [{{type: deny, config: {{status_code: {status}}}}}]}}]")
        };
        assert_eq!(
            kinds(&unnamed(401), &unnamed(402)),
            ["changed on_http_request[0] on_http_request[0] actions[0].config.status_code"]
        );
        // An old document that says the same.
        let old = r#"{"inbound": [{"actions": [{"type": "deny", "config": {"status_code": 401}}]}]}"#;
        assert_eq!(kinds(old, &unnamed(401)), Vec::<String>::new());
        let wrong = differences("{}", "on_http_request: [{}]", Subject::agent(Scheme::Https)).unwrap_err();
        assert_eq!((wrong.0, wrong.1.len()), (1, 1));
    }
}
