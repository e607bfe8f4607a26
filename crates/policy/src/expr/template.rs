//! `${…}` inside of strings (traffic policy 2.3).

use super::{Extra, Failure, Notes, Problem, Program, Scope};
use crate::document::Phase;
use crate::value::Value;

/// A string with expressions in it.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
pub(crate) enum Segment {
    Text(String),
    Program(Box<Program>),
}

/// Where the expression that begins at `text` ends: the offset of its `}`.
fn end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let c = rest.chars().next()?;
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            '\'' | '"' => {
                let raw = at > 0 && text.get(..at).is_some_and(|before| before.ends_with(['r', 'R']));
                at += string(rest, c, raw)?;
                continue;
            }
            _ => {}
        }
        at += c.len_utf8();
    }
    None
}

/// Length of the string literal at the start of `text`, triple quotes included; `None`: it has no end.
pub(super) fn string(text: &str, quote: char, raw: bool) -> Option<usize> {
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let mark = if text.starts_with(&triple) {
        triple.as_str()
    } else {
        text.get(..1)?
    };
    let mut at = mark.len();
    loop {
        let rest = text.get(at..)?;
        if rest.starts_with(mark) {
            return Some(at + mark.len());
        }
        let mut chars = rest.chars();
        let c = chars.next()?;
        at += c.len_utf8();
        if c == '\\' && !raw {
            at += chars.next()?.len_utf8();
        }
    }
}

impl Template {
    /// A string without expressions.
    pub(crate) fn literal(text: &str) -> Self {
        Self {
            segments: vec![Segment::Text(text.to_owned())],
        }
    }

    /// Compiles a string; offsets of problems are those of the string.
    pub(crate) fn compile(text: &str, phase: Phase, extra: Extra) -> Result<(Self, Notes), Vec<Problem>> {
        let mut segments = Vec::new();
        let mut notes = Notes::default();
        let mut problems = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            if rest.starts_with("$${") {
                plain.push_str("${");
                at += 3;
                continue;
            }
            let Some(inside) = rest.strip_prefix("${") else {
                let first = rest.chars().next().map_or(1, char::len_utf8);
                let after = rest.get(first..).unwrap_or_default();
                let next = after.find('$').map_or(rest.len(), |n| n + first);
                plain.push_str(rest.get(..next).unwrap_or(rest));
                at += next;
                continue;
            };
            let Some(length) = end(inside) else {
                problems.push(Problem {
                    code: None,
                    offset: at,
                    message: "`${` is not closed".to_owned(),
                    fix: "close it with `}`, or write `$${` for the text itself".to_owned(),
                });
                break;
            };
            let source = inside.get(..length).unwrap_or_default();
            match Program::compile(source, phase, extra) {
                Ok((program, noted)) => {
                    if !plain.is_empty() {
                        segments.push(Segment::Text(std::mem::take(&mut plain)));
                    }
                    segments.push(Segment::Program(Box::new(program)));
                    notes.merge(noted, at + 2);
                }
                Err(found) => problems.extend(found.into_iter().map(|problem| Problem {
                    offset: problem.offset + at + 2,
                    ..problem
                })),
            }
            at += 2 + length + 1;
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        if !plain.is_empty() || segments.is_empty() {
            segments.push(Segment::Text(plain));
        }
        Ok((Self { segments }, notes))
    }

    /// Is it text without expressions?
    pub(crate) fn as_literal(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [Segment::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Is it exactly one expression?
    pub(crate) fn as_program(&self) -> Option<&Program> {
        match self.segments.as_slice() {
            [Segment::Program(program)] => Some(program),
            _ => None,
        }
    }

    /// The text now, at most `limit` bytes of it.
    pub(crate) fn render(&self, scope: &Scope<'_>, limit: usize) -> Result<String, Failure> {
        let mut out = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Program(program) => out.push_str(&program.evaluate(scope)?.to_text()),
            }
            if out.len() > limit {
                return Err(Failure::Error(format!("the result has more than {limit} bytes")));
            }
        }
        Ok(out)
    }

    /// The value now: exactly one expression keeps its type, everything else is a string.
    pub(crate) fn value(&self, scope: &Scope<'_>, limit: usize) -> Result<Value, Failure> {
        match self.as_program() {
            Some(program) => program.evaluate(scope),
            None => self.render(scope, limit).map(Value::Text),
        }
    }
}

impl Notes {
    /// Adds what another expression is about, which stands `offset` bytes further on.
    pub(crate) fn merge(&mut self, other: Self, offset: usize) {
        self.deprecated.extend(other.deprecated);
        self.secrets.extend(
            other
                .secrets
                .into_iter()
                .map(|(vault, name, at)| (vault, name, at + offset)),
        );
        self.bare_index |= other.bare_index;
        self.tests_presence |= other.tests_presence;
        self.varies |= other.varies;
        self.after_handshake |= other.after_handshake;
        self.path |= other.path;
        self.body |= other.body;
        self.results |= other.results;
        self.cost = self.cost.max(other.cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Vec<String> {
        let (template, _) = Template::compile(text, Phase::HttpRequest, &[]).unwrap();
        template
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Text(text) => format!("text {text}"),
                Segment::Program(_) => "program".to_owned(),
            })
            .collect()
    }

    #[test]
    fn braces_and_quotes_inside_of_expressions_end_nothing() {
        assert_eq!(shape("a $1 ${{'}': 1}['}']} b"), ["text a $1 ", "program", "text  b"]);
        assert_eq!(shape("$${x}"), ["text ${x}"]);
        assert_eq!(shape(r#"${"\"}"}${r'\'}"#), ["program", "program"]);
        assert_eq!(shape("${'''}'''}"), ["program"]);
        assert_eq!(shape(""), ["text "]);
    }

    #[test]
    fn problems_stand_where_they_are() {
        let problems = Template::compile("é ${req.metod}", Phase::HttpRequest, &[]).unwrap_err();
        assert_eq!(problems[0].offset, 5);
        let problems = Template::compile("x ${req.method", Phase::HttpRequest, &[]).unwrap_err();
        assert_eq!(problems[0].offset, 2);
    }
}
