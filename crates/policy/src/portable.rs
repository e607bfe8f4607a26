//! What of a document only Adit understands (traffic policy 6.5): actions, fields and values that are marked so in the rows
//! of the actions, keys of rules, and names of expressions.

use adit_names::endpoint_url::Scheme;
use serde_json::{Value as Json, json};

use crate::action::schema::{self, Field, Kind, Own};
use crate::action::{self, ALIASES};
use crate::document::{Content, Node, Path, Phase, Position, is_legacy, legacy_phase, parse};

/// Most places that are told.
const MOST: usize = 50;

/// Names of expressions that are Adit's own, with all that is below them.
pub(crate) const NAMES: &[&str] = &[
    "conn.transport",
    "endpoint.name",
    "endpoint.metadata",
    "endpoint.type",
    "endpoint.agent_id",
    "organization",
    "req.id",
    "req.body",
    "res.origin",
    "res.ts.header_received",
    "actions.adit",
];

/// Functions likewise.
pub(crate) const FUNCTIONS: &[&str] = &[
    "hmac.sha1",
    "hmac.sha256",
    "hmac.sha512",
    "isInternalIp",
    "regexEscape",
    "now",
    "uuid",
    "cookie.parse",
];

/// One place that is understood by Adit only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AditOnly {
    /// As in [`crate::Fault::path`].
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What stands there.
    pub message: String,
}

impl AditOnly {
    /// As the API and commands show it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({"path": self.path, "line": self.line, "column": self.column, "message": self.message})
    }
}

/// The places of a document that checks.
pub(crate) fn adit_only(text: &str, scheme: Scheme) -> Vec<AditOnly> {
    let Ok(Some(root)) = parse(text) else {
        return Vec::new();
    };
    let mut finder = Finder {
        legacy: is_legacy(&root),
        found: Vec::new(),
    };
    for (key, rules) in root.map().unwrap_or_default() {
        let named = Phase::ALL.into_iter().find(|phase| phase.name() == key.text);
        let Some(phase) = named.or_else(|| legacy_phase(&key.text, scheme)) else {
            continue;
        };
        let path = Path::ROOT.key(&key.text);
        if scheme == Scheme::Udp {
            finder.add(&path, key.at, "policies of udp endpoints");
        }
        for (at, rule) in rules.list().unwrap_or_default().iter().enumerate() {
            finder.rule(&path.index(at), phase, rule);
        }
    }
    finder.found
}

struct Finder {
    legacy: bool,
    found: Vec<AditOnly>,
}

impl Finder {
    fn add(&mut self, path: &Path<'_>, at: Position, message: impl Into<String>) {
        if self.found.len() < MOST {
            self.found.push(AditOnly {
                path: path.to_string(),
                line: at.line,
                column: at.column,
                message: message.into(),
            });
        }
    }

    fn rule(&mut self, path: &Path<'_>, phase: Phase, rule: &Node) {
        for (key, value) in rule.map().unwrap_or_default() {
            let name = self.name(&key.text);
            let path = path.key(&key.text);
            match name.as_str() {
                "id" | "dry_run" | "on_expression_error" => {
                    self.add(&path, key.at, format!("the key `{name}` of rules"))
                }
                "expressions" => {
                    for (at, expression) in value.list().unwrap_or_default().iter().enumerate() {
                        self.names(&path.index(at), expression.at, expression.text().unwrap_or_default());
                    }
                }
                "actions" => {
                    for (at, action) in value.list().unwrap_or_default().iter().enumerate() {
                        self.action(&path.index(at), phase, action);
                    }
                }
                _ => {}
            }
        }
    }

    /// Keys of old documents are written in any case.
    fn name(&self, key: &str) -> String {
        if self.legacy {
            key.to_ascii_lowercase()
        } else {
            key.to_owned()
        }
    }

    fn action(&mut self, path: &Path<'_>, phase: Phase, node: &Node) {
        let parts = node.map().unwrap_or_default();
        let part = |wanted: &str| parts.iter().find(|(key, _)| self.name(&key.text) == wanted);
        let Some((key, kind)) = part("type") else { return };
        let name = kind.text().unwrap_or_default();
        let Some((spec, _)) = action::find(name) else { return };
        let type_path = path.key(&key.text);
        let config = part("config").cloned();
        if spec.own.action {
            self.add(&type_path, kind.at, format!("the action `{name}`"));
            return;
        }
        if ALIASES
            .iter()
            .any(|(alias, _, deprecated)| *alias == name && *deprecated)
        {
            self.add(&type_path, kind.at, format!("the name `{name}`"));
        }
        let bit = match phase {
            Phase::TcpConnect => schema::T,
            Phase::HttpRequest => schema::Q,
            Phase::HttpResponse => schema::S,
            Phase::EventStreamMessage => schema::E,
        };
        if spec.own.phases & bit != 0 {
            self.add(&type_path, kind.at, format!("`{name}` in {phase}"));
        }
        if let Some((key, config)) = config {
            let path = path.key(&key.text);
            self.fields(&path, spec.fields, &spec.own, &config);
            self.forms(&path, spec.name, &config);
        }
    }

    fn fields(&mut self, path: &Path<'_>, fields: &[Field], own: &Own, node: &Node) {
        for (key, value) in node.map().unwrap_or_default() {
            let path = path.key(&key.text);
            let Some(field) = fields.iter().find(|field| field.name == key.text) else {
                continue;
            };
            if field.own {
                self.add(&path, key.at, format!("the field `{}`", field.name));
                continue;
            }
            let single = std::slice::from_ref(value);
            for entry in value.list().unwrap_or(single) {
                let text = entry.scalar_text().unwrap_or_default();
                if own.values.contains(&(field.name, text)) {
                    self.add(&path, entry.at, format!("the value `{text}` of `{}`", field.name));
                }
            }
            let inner = match field.kind {
                Kind::Record(inner) => Some(inner),
                Kind::List(list) => match list.of {
                    Kind::Record(inner) => Some(inner),
                    _ => None,
                },
                _ => None,
            };
            match inner {
                Some(inner) => {
                    for entry in value.list().unwrap_or(single) {
                        self.fields(&path, inner, &Own::NOTHING, entry);
                    }
                }
                None => self.texts(&path, matches!(field.kind, Kind::Cel(_)), value),
            }
        }
    }

    /// Ways to write a value that are taken beside those of the documentation.
    fn forms(&mut self, path: &Path<'_>, action: &str, config: &Node) {
        let lists: &[&str] = match action {
            "basic-auth" => &["credentials"],
            "restrict-ips" => &["allow", "deny"],
            "remove-headers" => &["headers"],
            _ => &[],
        };
        for name in lists {
            let entries = config.get(name).and_then(Node::list).unwrap_or_default();
            for (at, entry) in entries.iter().enumerate() {
                let text = entry.scalar_text();
                let is_own = match action {
                    "basic-auth" => text.is_none(),
                    "restrict-ips" => text.is_some_and(|text| !text.contains(['/', '$'])),
                    _ => text.is_some_and(|text| text.ends_with('*')),
                };
                if is_own {
                    let what = match action {
                        "basic-auth" => "credentials as a mapping",
                        "restrict-ips" => "an address without a length",
                        _ => "a name with `*`",
                    };
                    self.add(&path.key(name).index(at), entry.at, what);
                }
            }
        }
        if action == "custom-response" {
            for (key, value) in config.get("headers").and_then(Node::map).unwrap_or_default() {
                if value.list().is_some() {
                    self.add(
                        &path.key("headers").key(&key.text),
                        value.at,
                        "several values of a header",
                    );
                }
            }
        }
    }

    /// What the expressions in a value name; `whole`: the text is one.
    fn texts(&mut self, path: &Path<'_>, whole: bool, node: &Node) {
        match &node.content {
            Content::Text(text, _) if whole => self.names(path, node.at, text),
            Content::Text(text, _) => {
                for part in interpolated(text) {
                    self.names(path, node.at, part);
                }
            }
            Content::List(list) => list.iter().for_each(|entry| self.texts(path, whole, entry)),
            Content::Map(map) => map.iter().for_each(|(_, value)| self.texts(path, whole, value)),
            Content::Null | Content::Bool(..) | Content::Int(..) | Content::Float(..) => {}
        }
    }

    fn names(&mut self, path: &Path<'_>, at: Position, text: &str) {
        for name in own_names(text) {
            self.add(path, at, format!("`{name}`"));
        }
    }
}

/// The expressions in a template.
fn interpolated(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((_, inside)) = rest.split_once("${") {
        let (mut depth, mut at) = (0_usize, 0);
        while let Some(c) = inside.get(at..).and_then(|rest| rest.chars().next()) {
            match c {
                '\'' | '"' => {
                    at = inside.len() - behind_string(inside.get(at..).unwrap_or_default(), c).len();
                    continue;
                }
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
            at += c.len_utf8();
        }
        out.push(inside.get(..at).unwrap_or_default());
        rest = inside.get(at..).unwrap_or_default();
    }
    out
}

/// The names of an expression that are Adit's own, each once.
fn own_names(text: &str) -> Vec<&'static str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '\'' | '"')) {
        rest = rest.get(at..).unwrap_or_default();
        if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) {
            rest = behind_string(rest, quote);
            continue;
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let is_call = after.trim_start().starts_with('(');
        let is_it = |name: &&&str| {
            let below = word.strip_prefix(**name);
            below.is_some_and(|below| below.is_empty() || below.starts_with('.'))
        };
        let of_call = |name: &&&str| {
            let before = word.strip_suffix(**name);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        let found = if is_call {
            FUNCTIONS.iter().find(of_call).or_else(|| NAMES.iter().find(is_it))
        } else {
            NAMES.iter().find(is_it)
        };
        if let Some(name) = found
            && !out.contains(name)
        {
            out.push(*name);
        }
        rest = after;
    }
    out
}

fn behind_string(text: &str, quote: char) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return text.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;

    fn found(text: &str) -> Vec<String> {
        let subject = Subject {
            actions: crate::Actions::Language,
            ..Subject::agent(Scheme::Https)
        };
        crate::check(text, subject).unwrap_or_else(|faults| panic!("{faults:?}"));
        adit_only(text, Scheme::Https)
            .into_iter()
            .map(|found| format!("{}:{} {}: {}", found.line, found.column, found.path, found.message))
            .collect()
    }

    #[test]
    fn each_place_is_named() {
        let portable = "on_http_request: [{name: a, expressions: [\"req.method == 'req.id' && req.url.path != ''\"], actions: [{type: deny}, ]}]
on_http_response: [{actions: [{type: add-headers, config: {headers: {x: \"${res.status_code} now (req.id) ${'}${now()'}\"}}}]}]";
        assert_eq!(found(portable), Vec::<String>::new());
        let text = "on_http_request:
  - id: one
    expressions: [\"hmac.sha256('k', 'm') == '' || req.id != ''\"]
    actions:
      - type: cors
        config: {allow_origins: ['*']}
      - type: http-request
        config: {url: 'https://a.internal', method: HEAD, max_response_bytes: 10}
      - type: restrict-ips
        config: {allow: [10.0.0.1, 10.0.0.0/8]}
      - type: add-headers
        config: {headers: {x: 'a ${organization.id}'}}
on_http_response: [{actions: [{type: deny}]}]
";
        assert_eq!(
            found(text),
            [
                "2:5 on_http_request[0].id: the key `id` of rules",
                "3:19 on_http_request[0].expressions[0]: `hmac.sha256`",
                "3:19 on_http_request[0].expressions[0]: `req.id`",
                "5:15 on_http_request[0].actions[0].type: the action `cors`",
                "8:53 on_http_request[0].actions[1].config.method: the value `HEAD` of `method`",
                "8:59 on_http_request[0].actions[1].config.max_response_bytes: the field `max_response_bytes`",
                "10:26 on_http_request[0].actions[2].config.allow[0]: an address without a length",
                "12:31 on_http_request[0].actions[3].config.headers: `organization`",
                "13:38 on_http_response[0].actions[0].type: `deny` in on_http_response",
            ]
        );
    }

    /// A name that the language does not know would be looked for in vain.
    #[test]
    fn the_names_are_names_of_the_language() {
        for name in NAMES
            .iter()
            .filter(|name| !matches!(**name, "organization" | "actions.adit"))
        {
            let phase = if name.starts_with("res.") {
                "on_http_response"
            } else {
                "on_http_request"
            };
            let text = format!(
                "{phase}: [{{expressions: [\"string({name}) == ''\"], actions: [{{type: log, config: {{metadata: {{a: b}}}}}}]}}]"
            );
            assert!(!found(&text).is_empty(), "{name}");
        }
    }
}
