//! Case files: policies with what is expected of them, run by the same engine as the edge's, with a virtual clock and
//! without sockets (traffic policy 9).

mod answers;
mod asked;
mod back;
mod decided;
mod drive;
mod effects;
mod expect;
mod explain;
mod expression;
mod hop;
mod operands;
mod policy;
mod report;
mod seen;
mod snapshot;
mod text;
mod told;
mod world;

use crate::document::{Node, parse};
use crate::inspector::Inspector;
use crate::subject::{Actions, References, Subject};
use crate::verdict::{Verdict, VerdictOutcome};

pub use asked::Asked;
pub use decided::{Decided, decide};
pub use explain::explain;
pub use hop::{Around, Hop, Layer, Live, Outside, Unmet};
pub(crate) use operands::operands;
pub use report::{Counting, Counts};
pub use snapshot::{Updated, update};
pub use text::explanation_text;
pub use told::{Answered, Explanation, Forwarded, ToldAction, ToldEffect, ToldLayer, ToldRule};

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Passed,
    /// Not as expected: each difference.
    Failed(Vec<String>),
    /// Not run: the runner lacks these features (`waf`, `discovery`, `identity`).
    Lacks(Vec<String>),
}

/// How cases are run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'i> {
    /// Every expression by the second tier.
    pub cel: bool,
    /// Rules and actions are traced.
    pub trace: bool,
    /// The web application firewall; without one the cases that ask it are not run.
    pub inspector: Option<&'i dyn Inspector>,
}

/// One case and what became of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its id.
    pub id: String,
    /// Tagged `unverified`: reported apart.
    pub unverified: bool,
    /// What it is about.
    pub doc: String,
    /// What became of it.
    pub outcome: Outcome,
    /// With [`Options::trace`]: what rules and actions did, a line each.
    pub trace: Vec<String>,
}

/// Runs the cases of a file whose id `select` takes; it is asked again before each step of a case, which ends if it is
/// not taken any more. `read` gives the text of a `policy_file`, a path beside the file.
///
/// # Errors
/// What is wrong with the file.
pub fn run(
    text: &str,
    options: Options<'_>,
    select: impl Fn(&str) -> bool,
    read: impl Fn(&str) -> Result<String, String>,
) -> Result<Vec<Case>, String> {
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
            let (outcome, trace) = one(node, options, &read, &|| select(id))
                .unwrap_or_else(|problem| (Outcome::Failed(vec![problem]), Vec::new()));
            out.push(Case {
                id: id.to_owned(),
                unverified,
                doc: node.get("doc").and_then(Node::text).unwrap_or_default().to_owned(),
                outcome,
                trace,
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

type Ran = (Outcome, Vec<String>);

fn one(
    case: &Node,
    options: Options<'_>,
    read: &dyn Fn(&str) -> Result<String, String>,
    goes_on: &dyn Fn() -> bool,
) -> Result<Ran, String> {
    let silent = |outcome| Ok((outcome, Vec::new()));
    let world = world::World::read(case)?;
    if case.get("expr").is_some() || case.get("template").is_some() {
        return silent(expression::expression(case, &world, options)?);
    }
    let text = match (
        case.get("policy").and_then(Node::text),
        case.get("policy_file").and_then(Node::text),
    ) {
        (Some(text), None) => text.to_owned(),
        (None, Some(path)) => read(path)?,
        _ => return Err("a case needs one of policy, policy_file, expr and template".to_owned()),
    };
    let subject = Subject {
        actions: Actions::Language,
        references: Some(&world as &dyn References),
        ..world.subject
    };
    let checked = crate::check(&text, subject);
    let expected = case.get("expect");
    if let Some(errors) = expected.and_then(|expect| expect.get("errors")) {
        // Discovery is asked where a policy is stored, not by this crate.
        if texts_of(errors, "code").iter().any(|code| code == "ERR_NGROK_2227") {
            return silent(Outcome::Lacks(vec!["discovery".to_owned()]));
        }
        let faults = checked.err().unwrap_or_default();
        return silent(expect::outcome(expect::faults(errors, &faults)));
    }
    let checked = match checked {
        Ok(checked) => checked,
        Err(faults) => {
            return silent(Outcome::Failed(faults.iter().map(ToString::to_string).collect()));
        }
    };
    if let Some(expect) = expected
        && expect.get("valid").is_some()
    {
        let wrong = expect::warnings(expect.get("warnings"), &checked.warnings);
        return silent(expect::outcome(wrong));
    }
    policy::policy(case, &world, &text, options, goes_on)
}

/// A trace as lines.
#[must_use]
pub fn trace_lines(verdicts: &[Verdict]) -> Vec<String> {
    let line = |verdict: &Verdict| {
        let mut out = format!("{}: {}", verdict.path, verdict.outcome.name());
        if !verdict.action.is_empty() {
            out.push_str(&format!(" ({})", verdict.action));
        }
        match &verdict.outcome {
            VerdictOutcome::NotMatched { text, .. } => out.push_str(&format!(" `{text}`")),
            VerdictOutcome::Error(message) => out.push_str(&format!(" {message}")),
            _ => {}
        }
        for (name, value) in &verdict.values {
            out.push_str(&format!(", {name} = {}", value.to_json()));
        }
        out
    };
    verdicts.iter().map(line).collect()
}

fn texts_of(list: &Node, key: &str) -> Vec<String> {
    list.list()
        .unwrap_or_default()
        .iter()
        .filter_map(|node| node.get(key).and_then(Node::scalar_text).map(str::to_owned))
        .collect()
}
