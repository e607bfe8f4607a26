//! The document: text, tree, and its outer form down to the configuration of each action (traffic policy 1.1, 1.2).

mod legacy;
mod node;
mod yaml;

use std::collections::HashSet;
use std::fmt;

use adit_names::code::ErrorCode;

pub(crate) use legacy::expression as legacy_expression;
pub use node::Position;
pub(crate) use node::{Content, Key, Node, Path, Style};
pub use yaml::MAX_BYTES;
pub(crate) use yaml::parse;

use crate::fault::{Findings, nearest, suggest};
use crate::subject::{Owner, Subject};

/// Rules of a document.
const MAX_RULES: usize = 256;
/// Actions of a document.
const MAX_ACTIONS: usize = 1024;
/// Actions, and expressions, of a rule.
const MAX_PER_RULE: usize = 32;
/// Bytes of an expression.
const MAX_EXPRESSION: usize = 4096;

/// When a rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// `on_tcp_connect`: once for a connection and plan.
    TcpConnect,
    /// `on_http_request`: for each request, its head complete, its body not read.
    HttpRequest,
    /// `on_http_response`: for each final response.
    HttpResponse,
    /// `on_event_stream_message`: for each message of a `text/event-stream` response.
    EventStreamMessage,
}

impl Phase {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 4] = [
        Self::TcpConnect,
        Self::HttpRequest,
        Self::HttpResponse,
        Self::EventStreamMessage,
    ];

    /// Its key in a document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TcpConnect => "on_tcp_connect",
            Self::HttpRequest => "on_http_request",
            Self::HttpResponse => "on_http_response",
            Self::EventStreamMessage => "on_event_stream_message",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Is it written with the old names of phases?
pub(crate) fn is_legacy(root: &Node) -> bool {
    root.map()
        .unwrap_or_default()
        .iter()
        .any(|(key, _)| legacy::direction(&key.text).is_some())
}

/// The phase that an old name means.
pub(crate) fn legacy_phase(key: &str, scheme: adit_names::endpoint_url::Scheme) -> Option<Phase> {
    legacy::direction(key)?.phase(scheme)
}

/// A document whose outer form is right.
#[derive(Debug)]
pub(crate) struct Document {
    /// `enabled: false`: kept, not run.
    pub(crate) enabled: bool,
    /// Written with `inbound` and `outbound`: names of expressions are mapped.
    pub(crate) legacy: bool,
    pub(crate) phases: Vec<PhaseRules>,
}

#[derive(Debug)]
pub(crate) struct PhaseRules {
    pub(crate) phase: Phase,
    /// Its key as written.
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) at: Position,
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) dry_run: bool,
    /// `on_expression_error: skip`: an expression that fails is no match, also in a guardrail.
    pub(crate) skips_errors: bool,
    /// What is no string was reported and left out; the number is its place in the list.
    pub(crate) expressions: Vec<(usize, Node)>,
    pub(crate) actions: Vec<Action>,
}

#[derive(Debug)]
pub(crate) struct Action {
    /// Its place in the list.
    pub(crate) index: usize,
    pub(crate) at: Position,
    pub(crate) kind: Node,
    pub(crate) config: Option<Node>,
}

/// Reads `text`; what is wrong goes to `findings`, what could be read comes back.
pub(crate) fn read(text: &str, subject: &Subject<'_>, findings: &mut Findings) -> Document {
    let mut document = Document {
        enabled: true,
        legacy: false,
        phases: Vec::new(),
    };
    let unreadable = ErrorCode::NGROK_2236;
    if text.len() > MAX_BYTES {
        findings.fault(
            ErrorCode::ADIT_2202,
            &Path::ROOT,
            Position::START,
            format!("the document has {} bytes, the limit is {MAX_BYTES}", text.len()),
            "make it smaller",
        );
        return document;
    }
    let root = match parse(text) {
        Ok(Some(root)) => root,
        Ok(None) => return document,
        Err(error) => {
            findings.push(crate::Fault {
                code: unreadable,
                path: error.path,
                line: error.at.line,
                column: error.at.column,
                end_column: None,
                message: error.message,
                fix: "correct the YAML or JSON".to_owned(),
            });
            return document;
        }
    };
    let phases = match &root.content {
        Content::Null => return document,
        Content::Map(map) => map,
        _ => {
            findings.of(
                unreadable,
                &Path::ROOT,
                &root,
                format!("a policy is a mapping of phases to rules, not {}", root.kind()),
                "begin with a phase such as on_http_request:",
            );
            return document;
        }
    };
    document.legacy = phases.iter().any(|(key, _)| legacy::direction(&key.text).is_some());
    let mut counts = Counts::default();
    for (key, value) in phases {
        let path = Path::ROOT.key(&key.text);
        let known = Phase::ALL.into_iter().find(|phase| phase.name() == key.text);
        let phase = match (known, legacy::direction(&key.text)) {
            (Some(phase), _) => phase,
            (None, Some(direction)) => {
                let outbound_rules = value.list().is_some_and(|rules| !rules.is_empty());
                match direction.phase(subject.scheme) {
                    Some(phase) => phase,
                    None if outbound_rules => {
                        findings.fault(
                            ErrorCode::NGROK_2230,
                            &path,
                            key.at,
                            format!("{} endpoints have no outbound phase", subject.scheme),
                            "remove it",
                        );
                        continue;
                    }
                    None => continue,
                }
            }
            (None, None) if key.text == "enabled" && document.legacy => {
                match value.content {
                    Content::Bool(enabled, _) => document.enabled = enabled,
                    _ => wrong_type(findings, &path, value, "a bool"),
                }
                continue;
            }
            (None, None) => {
                let names = Phase::ALL.map(Phase::name);
                findings.fault(
                    ErrorCode::NGROK_2230,
                    &path,
                    key.at,
                    format!("unknown phase `{}`", key.text),
                    suggest(&key.text, names),
                );
                continue;
            }
        };
        if document.phases.iter().any(|other| other.phase == phase) || (known.is_none() && has(phases, phase)) {
            findings.fault(
                unreadable,
                &path,
                key.at,
                format!("`{}` is another name of `{phase}`, which is there too", key.text),
                "keep one of them",
            );
            continue;
        }
        if phase != Phase::TcpConnect && !subject.is_http() {
            findings.fault(
                ErrorCode::NGROK_2230,
                &path,
                key.at,
                format!("{} endpoints have no phase `{phase}`", subject.scheme),
                "use on_tcp_connect",
            );
            continue;
        }
        if phase == Phase::TcpConnect && subject.is_http() && subject.internal {
            findings.fault(
                ErrorCode::NGROK_2262,
                &path,
                key.at,
                "internal http and https endpoints have no phase `on_tcp_connect`",
                "use on_http_request",
            );
            continue;
        }
        let rules = rules(value, &path, subject, document.legacy, &mut counts, findings);
        document.phases.push(PhaseRules {
            phase,
            key: key.text.clone(),
            at: key.at,
            rules,
        });
    }
    document.phases.sort_by_key(|phase| phase.phase);
    document
}

fn has(phases: &[(Key, Node)], phase: Phase) -> bool {
    phases.iter().any(|(key, _)| key.text == phase.name())
}

#[derive(Default)]
struct Counts {
    rules: usize,
    actions: usize,
    ids: HashSet<String>,
}

fn wrong_type(findings: &mut Findings, path: &Path<'_>, node: &Node, wanted: &str) {
    findings.of(
        ErrorCode::NGROK_2236,
        path,
        node,
        format!("this must be {wanted}, not {}", node.kind()),
        if wanted == "a string" && node.scalar_text().is_some() {
            "quote it".to_owned()
        } else {
            format!("write {wanted}")
        },
    );
}

fn rules(
    value: &Node,
    path: &Path<'_>,
    subject: &Subject<'_>,
    legacy: bool,
    counts: &mut Counts,
    findings: &mut Findings,
) -> Vec<Rule> {
    let list = match &value.content {
        Content::Null => return Vec::new(),
        Content::List(list) => list,
        _ => {
            wrong_type(findings, path, value, "a list");
            return Vec::new();
        }
    };
    let mut out = Vec::new();
    for (i, node) in list.iter().enumerate() {
        let path = path.index(i);
        counts.rules += 1;
        if counts.rules == MAX_RULES + 1 {
            findings.of(
                ErrorCode::NGROK_2264,
                &path,
                node,
                format!("a document has at most {MAX_RULES} rules"),
                "remove rules, or join them",
            );
        }
        if counts.rules > MAX_RULES {
            break;
        }
        if let Some(rule) = rule(node, &path, subject, legacy, counts, findings) {
            out.push(rule);
        }
    }
    out
}

const RULE_KEYS: [&str; 6] = ["name", "id", "dry_run", "on_expression_error", "expressions", "actions"];

fn canonical(key: &str, known: &'static [&'static str], legacy: bool) -> Option<&'static str> {
    known
        .iter()
        .find(|name| **name == key || (legacy && name.eq_ignore_ascii_case(key)))
        .copied()
}

fn unknown_key(findings: &mut Findings, path: &Path<'_>, key: &Key, known: &'static [&'static str]) {
    findings.fault(
        ErrorCode::NGROK_2236,
        path,
        key.at,
        format!("unknown key `{}`", key.text),
        suggest(&key.text, known.iter().copied()),
    );
}

fn rule(
    node: &Node,
    path: &Path<'_>,
    subject: &Subject<'_>,
    legacy: bool,
    counts: &mut Counts,
    findings: &mut Findings,
) -> Option<Rule> {
    let Content::Map(map) = &node.content else {
        wrong_type(findings, path, node, "a mapping");
        return None;
    };
    let mut rule = Rule {
        at: node.at,
        name: String::new(),
        id: None,
        dry_run: false,
        skips_errors: false,
        expressions: Vec::new(),
        actions: Vec::new(),
    };
    let mut misread = false;
    let mut has_actions = false;
    for (key, value) in map {
        let path = path.key(&key.text);
        match canonical(&key.text, &RULE_KEYS, legacy) {
            Some("name") => match value.text() {
                Some(name) if name.len() <= 256 => name.clone_into(&mut rule.name),
                Some(_) => findings.of(
                    ErrorCode::NGROK_2221,
                    &path,
                    value,
                    "a name has at most 256 bytes",
                    "shorten it",
                ),
                None if matches!(value.content, Content::Null) => {}
                None => wrong_type(findings, &path, value, "a string"),
            },
            Some("id") => match value.text() {
                Some(id) if is_id(id) && counts.ids.insert(id.to_owned()) => rule.id = Some(id.to_owned()),
                Some(id) if is_id(id) => findings.of(
                    ErrorCode::NGROK_2231,
                    &path,
                    value,
                    format!("another rule has the id `{id}`"),
                    "give each rule its own",
                ),
                Some(_) => findings.of(
                    ErrorCode::NGROK_2236,
                    &path,
                    value,
                    "an id has 1 to 64 lower-case letters, digits and hyphens",
                    "correct it",
                ),
                None => wrong_type(findings, &path, value, "a string"),
            },
            Some("dry_run") => match value.content {
                Content::Bool(dry_run, _) => rule.dry_run = dry_run,
                _ => wrong_type(findings, &path, value, "a bool"),
            },
            Some("on_expression_error") => match value.text() {
                Some("skip") if subject.owner == Owner::Guardrail => rule.skips_errors = true,
                Some("refuse") if subject.owner == Owner::Guardrail => {}
                Some("skip" | "refuse") => findings.fault(
                    ErrorCode::NGROK_2236,
                    &path,
                    key.at,
                    "only rules of guardrails say what a failing expression does",
                    "remove it: elsewhere it is no match",
                ),
                _ => findings.of(
                    ErrorCode::NGROK_2222,
                    &path,
                    value,
                    "this is refuse or skip",
                    "use one of them",
                ),
            },
            Some("expressions") => rule.expressions = expressions(value, &path, findings),
            Some("actions") => {
                has_actions = true;
                match &value.content {
                    Content::List(list) => {
                        rule.actions = actions(list, &path, legacy, counts, findings);
                        misread = rule.actions.is_empty() && !list.is_empty();
                    }
                    Content::Null => {}
                    _ => {
                        misread = true;
                        wrong_type(findings, &path, value, "a list");
                    }
                }
            }
            _ => {
                // Not known: a rule key that was meant to be "actions" needs no second complaint.
                misread |= nearest(&key.text, ["actions"]).is_some();
                unknown_key(findings, &path, key, &RULE_KEYS);
            }
        }
    }
    if rule.actions.is_empty() && !misread {
        findings.of(
            ErrorCode::NGROK_2206,
            path,
            node,
            if has_actions {
                "the rule's list of actions is empty"
            } else {
                "the rule has no actions"
            },
            "give it at least one action",
        );
    }
    Some(rule)
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn expressions(value: &Node, path: &Path<'_>, findings: &mut Findings) -> Vec<(usize, Node)> {
    let list = match &value.content {
        Content::Null => return Vec::new(),
        Content::List(list) => list,
        _ => {
            wrong_type(findings, path, value, "a list of strings");
            return Vec::new();
        }
    };
    if list.len() > MAX_PER_RULE {
        findings.of(
            ErrorCode::NGROK_2265,
            path,
            value,
            format!("a rule has at most {MAX_PER_RULE} expressions"),
            "join them with &&, or split the rule",
        );
        return Vec::new();
    }
    let mut out = Vec::new();
    for (i, node) in list.iter().enumerate() {
        let path = path.index(i);
        match node.text() {
            Some(text) if text.len() <= MAX_EXPRESSION => out.push((i, node.clone())),
            Some(_) => findings.of(
                ErrorCode::ADIT_2202,
                &path,
                node,
                format!("an expression has at most {MAX_EXPRESSION} bytes"),
                "split it",
            ),
            None => wrong_type(findings, &path, node, "a string"),
        }
    }
    out
}

const ACTION_KEYS: [&str; 2] = ["type", "config"];

fn actions(list: &[Node], path: &Path<'_>, legacy: bool, counts: &mut Counts, findings: &mut Findings) -> Vec<Action> {
    let mut out = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let path = path.index(index);
        counts.actions += 1;
        let (code, limit) = if index >= MAX_PER_RULE {
            (
                ErrorCode::NGROK_2265,
                format!("a rule has at most {MAX_PER_RULE} actions"),
            )
        } else if counts.actions == MAX_ACTIONS + 1 {
            (
                ErrorCode::ADIT_2202,
                format!("a document has at most {MAX_ACTIONS} actions"),
            )
        } else {
            match action(node, index, &path, legacy, findings) {
                Some(action) if counts.actions <= MAX_ACTIONS => out.push(action),
                _ => {}
            }
            continue;
        };
        findings.of(code, &path, node, limit, "split the rule");
        break;
    }
    out
}

fn action(node: &Node, index: usize, path: &Path<'_>, legacy: bool, findings: &mut Findings) -> Option<Action> {
    let Content::Map(map) = &node.content else {
        wrong_type(findings, path, node, "a mapping");
        return None;
    };
    let (mut kind, mut config) = (None, None);
    for (key, value) in map {
        let path = path.key(&key.text);
        match canonical(&key.text, &ACTION_KEYS, legacy) {
            Some("type") if value.text().is_some() => kind = Some(value.clone()),
            Some("type") => {
                wrong_type(findings, &path, value, "a string");
                return None;
            }
            Some("config") => match value.content {
                Content::Map(_) => config = Some(value.clone()),
                Content::Null => {}
                _ => {
                    findings.of(
                        ErrorCode::NGROK_2203,
                        &path,
                        value,
                        format!("a configuration is a mapping, not {}", value.kind()),
                        "write the fields as name: value",
                    );
                    return None;
                }
            },
            _ => unknown_key(findings, &path, key, &ACTION_KEYS),
        }
    }
    let Some(kind) = kind else {
        findings.of(
            ErrorCode::NGROK_2236,
            &path.key("type"),
            node,
            "the action has no type",
            "name one, for example type: deny",
        );
        return None;
    };
    Some(Action {
        index,
        at: node.at,
        kind,
        config,
    })
}
