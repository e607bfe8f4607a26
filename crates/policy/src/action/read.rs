//! A configuration read by its schema: values with their types, templates compiled, everything wrong reported.

use std::time::Duration;

use adit_names::code::ErrorCode;

use super::config::{Config, Item, Setting, Tree};
use super::schema::{Field, Kind, List};
use crate::document::{Content, Node, Path, Phase};
use crate::expr::{Extra, Notes, Problem, Program, Template, functions};
use crate::fault::{Findings, suggest};
use crate::subject::Subject;
use crate::value::Value;

/// What reading needs to know.
pub(crate) struct Reader<'r, 's> {
    pub(crate) phase: Phase,
    pub(crate) subject: &'r Subject<'s>,
    pub(crate) legacy: bool,
    /// Something that was read looks at the request's body.
    pub(crate) sees_body: bool,
    /// Something that was read looks at results of actions.
    pub(crate) reads_results: bool,
    /// Something that was read is only known after the handshake.
    pub(crate) after_handshake: bool,
    pub(crate) findings: &'r mut Findings,
}

impl Reader<'_, '_> {
    pub(crate) fn wrong(
        &mut self,
        code: ErrorCode,
        path: &Path<'_>,
        node: &Node,
        message: impl Into<String>,
        fix: &str,
    ) {
        self.findings.of(code, path, node, message, fix);
    }

    fn wrong_type(&mut self, path: &Path<'_>, node: &Node, wanted: &str) {
        let fix = if wanted == "a string" && node.scalar_text().is_some() {
            "quote it"
        } else {
            "correct its type"
        };
        let message = format!("this must be {wanted}, not {}", node.kind());
        self.wrong(ErrorCode::NGROK_2203, path, node, message, fix);
    }

    /// Reads the fields of `node` (nothing counts as no fields).
    pub(crate) fn record(&mut self, fields: &'static [Field], path: &Path<'_>, node: &Node) -> Config {
        let mut config = Config::default();
        let given = node.map().unwrap_or_default();
        for (key, value) in given {
            let path = path.key(&key.text);
            let field = fields
                .iter()
                .find(|field| field.name == key.text || (self.legacy && field.name.eq_ignore_ascii_case(&key.text)));
            let Some(field) = field else {
                let known = fields.iter().map(|field| field.name);
                self.findings.fault(
                    ErrorCode::NGROK_2203,
                    &path,
                    key.at,
                    format!("unknown field `{}`", key.text),
                    suggest(&key.text, known),
                );
                continue;
            };
            if matches!(value.content, Content::Null) && !matches!(field.kind, Kind::Tree) {
                continue;
            }
            if let Some(setting) = self.value(field.kind, &path, value) {
                if field.secret && has_literal(&setting) {
                    self.findings.warn(
                        "literal_secret",
                        &path,
                        value.at,
                        "a secret is written in the text: use ${secrets.get('vault', 'name')}",
                    );
                }
                config.fields.push((field.name, Item { setting }));
            } else {
                // It was wrong, which was said; it is not missing.
                config.fields.push((
                    field.name,
                    Item {
                        setting: Setting::Tree(Tree::Value(Value::Null)),
                    },
                ));
            }
        }
        for field in fields {
            if field.required && config.get(field.name).is_none() {
                self.findings.fault(
                    ErrorCode::NGROK_2234,
                    &path.key(field.name),
                    node.at,
                    format!("the field `{}` is missing", field.name),
                    "add it",
                );
            }
        }
        config
    }

    fn value(&mut self, kind: Kind, path: &Path<'_>, node: &Node) -> Option<Setting> {
        match kind {
            Kind::Bool => match node.content {
                Content::Bool(value, _) => Some(Setting::Bool(value)),
                _ => self.mistyped(path, node, "a bool"),
            },
            Kind::Int(least, most) => match node.content {
                Content::Int(value, _) if (least..=most).contains(&value) => Some(Setting::Int(value)),
                Content::Int(..) => {
                    let message = format!("the number must be from {least} to {most}");
                    self.wrong(ErrorCode::NGROK_2215, path, node, message, "use another");
                    None
                }
                _ => self.mistyped(path, node, "a whole number"),
            },
            Kind::IntOf(allowed) => match node.content {
                Content::Int(value, _) if allowed.contains(&value) => Some(Setting::Int(value)),
                Content::Int(..) => {
                    let allowed: Vec<_> = allowed.iter().map(i64::to_string).collect();
                    let message = format!("the number must be one of {}", allowed.join(", "));
                    self.wrong(ErrorCode::NGROK_2222, path, node, message, "use one of them");
                    None
                }
                _ => self.mistyped(path, node, "a whole number"),
            },
            Kind::Number(least, most) => {
                #[allow(clippy::cast_precision_loss)]
                let value = match node.content {
                    Content::Int(value, _) => value as f64,
                    Content::Float(value, _) => value,
                    _ => return self.mistyped(path, node, "a number"),
                };
                if (least..=most).contains(&value) {
                    return Some(Setting::Number(value));
                }
                let message = format!("the number must be from {least} to {most}");
                self.wrong(ErrorCode::NGROK_2215, path, node, message, "use another");
                None
            }
            Kind::Duration(least, most, step) => self.duration(path, node, least, most, step),
            Kind::Text(least, most) => {
                let text = self.text(path, node)?;
                self.length(path, node, text, least, most)?;
                if text.contains("${") {
                    self.findings.warn(
                        "not_interpolated",
                        path,
                        node.at,
                        "this field takes no expressions: ${ is plain text here",
                    );
                }
                Some(Setting::Text(Template::literal(text)))
            }
            Kind::Template(least, most) => {
                let text = self.text(path, node)?;
                self.length(path, node, text, least, most)?;
                self.template(path, node, text).map(Setting::Text)
            }
            Kind::OneOf(allowed) => {
                let text = self.text(path, node)?;
                if allowed.contains(&text) {
                    return Some(Setting::Text(Template::literal(text)));
                }
                let fix = suggest(text, allowed.iter().copied());
                let message = format!("`{text}` is not one of the allowed values: {}", allowed.join(", "));
                self.wrong(ErrorCode::NGROK_2222, path, node, message, &fix);
                None
            }
            Kind::Cel(extra) => {
                let text = self.text(path, node)?;
                let inner = text.strip_prefix("${").and_then(|inner| inner.strip_suffix('}'));
                let (source, skipped) = inner.map_or((text, 0), |inner| (inner, 2));
                let program = self.program(ErrorCode::NGROK_2224, path, node, source, skipped, extra)?;
                Some(Setting::Program(Box::new(program)))
            }
            Kind::Regex => {
                let text = self.text(path, node)?;
                self.length(path, node, text, 0, 4096)?;
                let template = self.template(path, node, text)?;
                if let Some(Err(error)) = template.as_literal().map(functions::compile_pattern) {
                    let message = format!("the regular expression cannot be used: {error}");
                    let fix = "the syntax is RE2, without look-around and back-references";
                    self.wrong(ErrorCode::NGROK_2261, path, node, message, fix);
                    return None;
                }
                Some(Setting::Text(template))
            }
            Kind::Url => {
                let text = self.text(path, node)?;
                self.length(path, node, text, 1, 8192)?;
                let template = self.template(path, node, text)?;
                if let Some(Err(error)) = template.as_literal().map(super::url_check::http) {
                    self.wrong(
                        ErrorCode::NGROK_2226,
                        path,
                        node,
                        error,
                        "write an absolute http or https URL",
                    );
                    return None;
                }
                Some(Setting::Text(template))
            }
            Kind::Cidr => {
                let text = self.text(path, node)?;
                let template = self.template(path, node, text)?;
                if let Some(Err((message, fix))) = template.as_literal().map(super::restrict_ips::range) {
                    self.wrong(ErrorCode::NGROK_2217, path, node, message, &fix);
                    return None;
                }
                Some(Setting::Text(template))
            }
            Kind::Headers(least, lists) => super::headers::read(self, path, node, least, lists),
            Kind::List(rule) => self.list(rule, path, node),
            Kind::Record(fields) => {
                if node.map().is_none() {
                    return self.mistyped(path, node, "a mapping");
                }
                let config = self.record(fields, path, node);
                Some(Setting::Map(
                    config
                        .fields
                        .into_iter()
                        .map(|(name, item)| (name.to_owned(), item))
                        .collect(),
                ))
            }
            Kind::Tree => self.tree(path, node, 0).map(Setting::Tree),
            Kind::Own(read) => read(self, path, node),
        }
    }

    fn mistyped(&mut self, path: &Path<'_>, node: &Node, wanted: &str) -> Option<Setting> {
        self.wrong_type(path, node, wanted);
        None
    }

    pub(crate) fn text<'n>(&mut self, path: &Path<'_>, node: &'n Node) -> Option<&'n str> {
        let text = node.text();
        if text.is_none() {
            self.wrong_type(path, node, "a string");
        }
        text
    }

    pub(crate) fn length(&mut self, path: &Path<'_>, node: &Node, text: &str, least: usize, most: usize) -> Option<()> {
        let (code, message) = if text.is_empty() && least > 0 {
            (ErrorCode::NGROK_2223, "the text is empty".to_owned())
        } else if text.len() < least {
            (ErrorCode::NGROK_2237, format!("the text needs at least {least} bytes"))
        } else if text.len() > most {
            (ErrorCode::NGROK_2221, format!("the text has more than {most} bytes"))
        } else {
            return Some(());
        };
        self.wrong(code, path, node, message, "change its length");
        None
    }

    fn duration(&mut self, path: &Path<'_>, node: &Node, least: u64, most: u64, step: u64) -> Option<Setting> {
        let Some(text) = node.scalar_text() else {
            return self.mistyped(path, node, "a duration");
        };
        let readable = |millis: u64| {
            if millis.is_multiple_of(1000) {
                format!("{}s", millis / 1000)
            } else {
                format!("{millis}ms")
            }
        };
        let (code, message) = match parse_duration(text) {
            None => (
                ErrorCode::NGROK_2222,
                format!("`{text}` is not a duration such as 30s, 5m or 1h30m"),
            ),
            Some(millis) if millis > most => (
                ErrorCode::NGROK_2225,
                format!("the duration may be at most {}", readable(most)),
            ),
            Some(millis) if millis < least => (
                ErrorCode::NGROK_2222,
                format!("the duration must be at least {}", readable(least)),
            ),
            Some(millis) if step > 0 && !millis.is_multiple_of(step) => (
                ErrorCode::NGROK_2222,
                format!("the duration must be a multiple of {}", readable(step)),
            ),
            Some(millis) => return Some(Setting::Duration(Duration::from_millis(millis))),
        };
        self.wrong(code, path, node, message, "use another");
        None
    }

    fn list(&mut self, rule: &'static List, path: &Path<'_>, node: &Node) -> Option<Setting> {
        let Some(list) = node.list() else {
            if rule.single && node.map().is_some() {
                let setting = self.value(rule.of, path, node)?;
                return Some(Setting::List(vec![Item { setting }]));
            }
            return self.mistyped(path, node, "a list");
        };
        if list.len() < rule.least {
            self.wrong(
                ErrorCode::NGROK_2223,
                path,
                node,
                "the list is empty",
                "give at least one entry",
            );
            return None;
        }
        if list.len() > rule.most {
            let message = format!("the list has {} entries, the limit is {}", list.len(), rule.most);
            self.wrong(rule.too_many, path, node, message, "remove some");
            return None;
        }
        let mut out = Vec::with_capacity(list.len());
        for (i, entry) in list.iter().enumerate() {
            if let Some(setting) = self.value(rule.of, &path.index(i), entry) {
                out.push(Item { setting });
            }
        }
        if rule.unique {
            let texts: Vec<_> = list.iter().filter_map(Node::scalar_text).collect();
            let twice = texts
                .iter()
                .enumerate()
                .find(|(i, text)| texts.get(..*i).is_some_and(|before| before.contains(text)));
            if let Some((_, text)) = twice {
                let message = format!("`{text}` stands there twice");
                self.wrong(ErrorCode::NGROK_2231, path, node, message, "remove one");
                return None;
            }
        }
        Some(Setting::List(out))
    }

    /// Any value; strings are templates.
    pub(crate) fn tree(&mut self, path: &Path<'_>, node: &Node, depth: usize) -> Option<Tree> {
        if depth > 16 {
            self.wrong(
                ErrorCode::NGROK_2250,
                path,
                node,
                "values nest at most 16 levels",
                "flatten it",
            );
            return None;
        }
        Some(match &node.content {
            Content::Null => Tree::Value(Value::Null),
            Content::Bool(value, _) => Tree::Value(Value::Bool(*value)),
            Content::Int(value, _) => Tree::Value(Value::Int(*value)),
            Content::Float(value, _) => Tree::Value(Value::Double(*value)),
            Content::Text(text, _) => {
                self.length(path, node, text, 0, 8192)?;
                Tree::Template(self.template(path, node, text)?)
            }
            Content::List(list) => {
                let mut out = Vec::new();
                for (i, node) in list.iter().enumerate() {
                    out.push(self.tree(&path.index(i), node, depth + 1)?);
                }
                Tree::List(out)
            }
            Content::Map(map) => {
                let mut out = Vec::new();
                for (key, node) in map {
                    out.push((key.text.clone(), self.tree(&path.key(&key.text), node, depth + 1)?));
                }
                Tree::Map(out)
            }
        })
    }

    pub(crate) fn template(&mut self, path: &Path<'_>, node: &Node, text: &str) -> Option<Template> {
        match Template::compile(text, self.phase, &[]) {
            Ok((template, notes)) => {
                self.notes(path, node, &notes, 0)?;
                Some(template)
            }
            Err(problems) => {
                self.problems(ErrorCode::NGROK_2224, path, node, problems, 0);
                None
            }
        }
    }

    pub(crate) fn program(
        &mut self,
        code: ErrorCode,
        path: &Path<'_>,
        node: &Node,
        source: &str,
        skipped: usize,
        extra: Extra,
    ) -> Option<Program> {
        let mapped = if self.legacy {
            crate::document::legacy_expression(source)
        } else {
            source.to_owned()
        };
        match Program::compile(&mapped, self.phase, extra) {
            Ok((program, notes)) => {
                self.notes(path, node, &notes, skipped)?;
                if code == ErrorCode::NGROK_2200 && !notes.varies && mapped.trim() != "true" {
                    self.findings.warn(
                        "constant_expression",
                        path,
                        node.at,
                        "the expression always gives the same",
                    );
                }
                Some(program)
            }
            Err(problems) => {
                self.problems(code, path, node, problems, skipped);
                None
            }
        }
    }

    fn problems(&mut self, code: ErrorCode, path: &Path<'_>, node: &Node, problems: Vec<Problem>, skipped: usize) {
        // One fault an expression: what follows from it helps nobody.
        if let Some(problem) = problems.into_iter().next() {
            let at = node.inside(problem.offset + skipped);
            self.findings
                .fault(problem.code.unwrap_or(code), path, at, problem.message, problem.fix);
        }
    }

    fn notes(&mut self, path: &Path<'_>, node: &Node, notes: &Notes, skipped: usize) -> Option<()> {
        self.sees_body |= notes.body;
        self.reads_results |= notes.results;
        self.after_handshake |= notes.after_handshake;
        for (old, new) in &notes.deprecated {
            let message = format!("`{old}` is another name of `{new}`");
            self.findings.warn("deprecated_name", path, node.at, message);
        }
        if notes.bare_index && !notes.tests_presence {
            self.findings.warn(
                "header_lookup_without_default",
                path,
                node.at,
                "a missing header is an error here: test it with has(), or use getReqHeader()",
            );
        }
        let before_handshake = self.phase == Phase::TcpConnect && !self.subject.is_http();
        if notes.after_handshake && before_handshake {
            self.findings.warn(
                "tls_fact_before_handshake",
                path,
                node.at,
                "in this phase the handshake has not happened: the value is empty",
            );
        }
        let mut fine = Some(());
        self.findings.cost.add(path, notes.cost);
        for (vault, name, _) in &notes.secrets {
            self.findings.secret(vault, name);
        }
        if let Some(references) = self.subject.references {
            for (vault, name, offset) in &notes.secrets {
                if !references.has_secret(vault, name) {
                    self.findings.fault(
                        ErrorCode::ADIT_2201,
                        path,
                        node.inside(offset + skipped),
                        format!("there is no secret `{name}` in the vault `{vault}`"),
                        "create it, or correct the reference",
                    );
                    fine = None;
                }
            }
        }
        fine
    }
}

fn has_literal(setting: &Setting) -> bool {
    match setting {
        Setting::Text(template) => template.as_literal().is_some_and(|text| !text.is_empty()),
        Setting::List(list) => list.iter().any(|item| has_literal(&item.setting)),
        _ => false,
    }
}

/// Go's durations (`1h30m`, `500ms`, `1.5s`) in milliseconds, and bare `0`.
pub(crate) fn parse_duration(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut micros = 0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let unit = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        micros += number
            * match rest.get(..unit)? {
                "us" | "µs" => 1.0,
                "ms" => 1e3,
                "s" => 1e6,
                "m" => 6e7,
                "h" => 3.6e9,
                _ => return None,
            };
        rest = rest.get(unit..)?;
    }
    // Beyond that it is longer than any limit anyway.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (!text.is_empty()).then_some((micros.min(1e18) / 1e3) as u64)
}

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn durations_are_gos() {
        for (text, millis) in [
            ("30s", Some(30_000)),
            ("1h30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("1.5s", Some(1500)),
            ("0", Some(0)),
            ("", None),
            ("5", None),
            ("s", None),
            ("-5s", None),
            ("1d", None),
        ] {
            assert_eq!(parse_duration(text), millis, "{text}");
        }
    }
}
