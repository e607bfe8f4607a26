//! Case files: policies with what is expected of them, run by the same engine as the edge's, with a virtual clock and
//! without sockets (traffic policy 9).

mod drive;
mod expect;
mod world;

use crate::document::{Node, parse};
use crate::subject::{Actions, References, Subject};

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Passed,
    /// Not as expected: each difference.
    Failed(Vec<String>),
    /// Not run: the engine lacks these features (`waf`, `discovery`).
    Lacks(Vec<String>),
    /// Not run: the policy has actions that this build does not execute.
    NotBuilt(Vec<String>),
}

/// One case and what became of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its id.
    pub id: String,
    /// Tagged `unverified`: reported apart.
    pub unverified: bool,
    /// What became of it.
    pub outcome: Outcome,
}

/// Runs the cases of a file whose id `select` takes.
///
/// # Errors
/// What is wrong with the file.
pub fn run(text: &str, select: impl Fn(&str) -> bool) -> Result<Vec<Case>, String> {
    let root = parse(text)
        .map_err(|error| format!("line {}: {}", error.at.line, error.message))?
        .ok_or("the file is empty")?;
    if root.get("version").and_then(Node::scalar_text) != Some("1") {
        return Err("version must be 1".to_owned());
    }
    let cases = root.get("cases").and_then(Node::list).ok_or("cases must be a list")?;
    let mut out = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for node in cases {
        let id = node.get("id").and_then(Node::text).unwrap_or_default();
        let fine = !id.is_empty()
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/_-".contains(&b));
        if !fine || !seen.insert(id) {
            return Err(format!(
                "line {}: the id {id:?} is malformed or not unique",
                node.at.line
            ));
        }
        known(node, KEYS).map_err(|key| format!("{id}: unknown key {key:?}"))?;
        if let Some(expect) = node.get("expect") {
            known(expect, expect::KEYS).map_err(|key| format!("{id}: unknown expectation {key:?}"))?;
        }
        if select(id) {
            let unverified = texts(node.get("tags")).iter().any(|tag| tag == "unverified");
            out.push(Case {
                id: id.to_owned(),
                unverified,
                outcome: one(node).unwrap_or_else(|problem| Outcome::Failed(vec![problem])),
            });
        }
    }
    Ok(out)
}

const KEYS: &[&str] = &[
    "id",
    "doc",
    "tags",
    "requires",
    "policy",
    "policy_file",
    "expr",
    "template",
    "phase",
    "endpoint",
    "now",
    "conn",
    "request",
    "upstream",
    "internal",
    "outbound",
    "secrets",
    "ip_policies",
    "identity",
    "guardrails",
    "steps",
    "value",
    "error",
    "expect",
];

fn known(node: &Node, keys: &[&str]) -> Result<(), String> {
    match node
        .map()
        .unwrap_or_default()
        .iter()
        .find(|(key, _)| !keys.contains(&key.text.as_str()))
    {
        Some((key, _)) => Err(key.text.clone()),
        None => Ok(()),
    }
}

fn texts(node: Option<&Node>) -> Vec<String> {
    node.and_then(Node::list)
        .unwrap_or_default()
        .iter()
        .filter_map(|node| node.scalar_text().map(str::to_owned))
        .collect()
}

fn one(case: &Node) -> Result<Outcome, String> {
    let world = world::World::read(case)?;
    if case.get("expr").is_some() || case.get("template").is_some() {
        return drive::expression(case, &world);
    }
    let text = case
        .get("policy")
        .and_then(Node::text)
        .ok_or("a case needs policy, expr or template")?;
    let subject = Subject {
        actions: Actions::Language,
        references: Some(&world as &dyn References),
        ..world.subject
    };
    let checked = crate::check(text, subject);
    let expected = case.get("expect");
    if let Some(errors) = expected.and_then(|expect| expect.get("errors")) {
        // Discovery is asked where a policy is stored, not by this crate.
        if texts_of(errors, "code").iter().any(|code| code == "ERR_NGROK_2227") {
            return Ok(Outcome::Lacks(vec!["discovery".to_owned()]));
        }
        let faults = checked.err().unwrap_or_default();
        return Ok(expect::outcome(expect::faults(errors, &faults)));
    }
    let checked = match checked {
        Ok(checked) => checked,
        Err(faults) => return Ok(Outcome::Failed(faults.iter().map(ToString::to_string).collect())),
    };
    if let Some(expect) = expected
        && expect.get("valid").is_some()
    {
        return Ok(expect::outcome(expect::warnings(
            expect.get("warnings"),
            &checked.warnings,
        )));
    }
    let missing = requires(case);
    if !missing.is_empty() {
        return Ok(Outcome::Lacks(missing));
    }
    let mut not_built = Vec::new();
    for text in std::iter::once(text.to_owned()).chain(texts(case.get("guardrails"))) {
        not_built.extend(actions(&text).into_iter().filter(|name| !crate::is_built(name)));
    }
    if text.contains("dry_run: true") {
        not_built.push("dry_run".to_owned());
    }
    if !not_built.is_empty() {
        not_built.sort();
        not_built.dedup();
        return Ok(Outcome::NotBuilt(not_built));
    }
    drive::policy(case, &world, text)
}

fn requires(case: &Node) -> Vec<String> {
    texts(case.get("requires"))
}

fn texts_of(list: &Node, key: &str) -> Vec<String> {
    list.list()
        .unwrap_or_default()
        .iter()
        .filter_map(|node| node.get(key).and_then(Node::scalar_text).map(str::to_owned))
        .collect()
}

/// Names of the actions of a document.
fn actions(text: &str) -> Vec<String> {
    fn walk(node: &Node, out: &mut Vec<String>) {
        for (key, value) in node.map().unwrap_or_default() {
            if key.text.eq_ignore_ascii_case("actions") {
                for action in value.list().unwrap_or_default() {
                    let kind = action
                        .map()
                        .unwrap_or_default()
                        .iter()
                        .find(|(key, _)| key.text.eq_ignore_ascii_case("type"));
                    out.extend(kind.and_then(|(_, kind)| kind.text().map(str::to_owned)));
                }
            }
            for rule in value.list().unwrap_or_default() {
                walk(rule, out);
            }
        }
    }
    let mut out = Vec::new();
    if let Ok(Some(root)) = parse(text) {
        walk(&root, &mut out);
    }
    out
}
