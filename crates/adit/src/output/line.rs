//! One line of the agent's output, in the forms a pipe, a log collector or a person wants
//! (agent protocol 8.7). The texts are a contract: scripts and wrappers match on them.

use std::borrow::Cow;
use std::fmt::Write as _;

use clap::ValueEnum;

/// How much a line matters, in ngrok's spellings, which third-party parsers know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Level {
    /// Only what ends the program.
    #[value(alias = "critical")]
    Crit,
    /// Refusals and failures that need somebody.
    #[value(alias = "eror")]
    Error,
    /// What may need somebody.
    #[value(alias = "warning")]
    Warn,
    /// What happens.
    Info,
    /// Everything.
    #[value(alias = "dbug")]
    Debug,
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Crit => "crit",
            Self::Error => "eror",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "dbug",
        }
    }

    /// A letter, and the colour it has on a terminal.
    fn letter(self) -> (char, &'static str) {
        match self {
            Self::Crit => ('C', "\x1b[31m"),
            Self::Error => ('E', "\x1b[31m"),
            Self::Warn => ('W', "\x1b[33m"),
            Self::Info => ('I', "\x1b[32m"),
            Self::Debug => ('D', "\x1b[2m"),
        }
    }
}

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `message key=value …`: the default.
    Plain,
    /// `t=… lvl=… msg=… key=value …`
    Logfmt,
    /// One object a line with the same keys.
    Json,
    /// Time, a letter, the message, `key=value …`, with colours if wanted.
    Term {
        /// Colours are wanted.
        colour: bool,
    },
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) message: &'static str,
    /// What it is about: `session`, `endpoints`.
    pub(crate) object: &'static str,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Line {
    pub(crate) fn new(level: Level, object: &'static str, message: &'static str) -> Self {
        Self {
            level,
            message,
            object,
            fields: Vec::new(),
        }
    }

    pub(crate) fn field(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((key, value.into()));
        self
    }

    /// The same, left out if empty.
    pub(crate) fn known(self, key: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if value.is_empty() { self } else { self.field(key, value) }
    }

    /// The line without its end.
    pub(crate) fn render(&self, form: Form, now: jiff::Timestamp) -> String {
        let mut out = String::with_capacity(128);
        match form {
            Form::Plain => {
                out.push_str(self.message);
                self.pairs(&mut out);
            }
            Form::Logfmt => {
                let _ = write!(
                    out,
                    "t={} lvl={} msg={} obj={}",
                    stamp(now),
                    self.level.word(),
                    quoted(self.message),
                    self.object
                );
                self.pairs(&mut out);
            }
            Form::Json => {
                let mut object = serde_json::Map::new();
                let fixed = [
                    ("t", stamp(now)),
                    ("lvl", self.level.word().to_owned()),
                    ("msg", self.message.to_owned()),
                    ("obj", self.object.to_owned()),
                ];
                for (key, value) in fixed
                    .into_iter()
                    .chain(self.fields.iter().map(|(key, value)| (*key, value.clone())))
                {
                    object.insert(key.to_owned(), value.into());
                }
                out.push_str(&serde_json::Value::Object(object).to_string());
            }
            Form::Term { colour } => {
                let (letter, code) = self.level.letter();
                let (on, dim, off) = if colour {
                    (code, "\x1b[2m", "\x1b[0m")
                } else {
                    ("", "", "")
                };
                let _ = write!(
                    out,
                    "{dim}{}{off} {on}{letter}{off} {:<24}",
                    now.strftime("%H:%M:%S"),
                    self.message
                );
                for (key, value) in &self.fields {
                    let _ = write!(out, " {dim}{key}={off}{}", quoted(value));
                }
            }
        }
        out
    }

    fn pairs(&self, out: &mut String) {
        for (key, value) in &self.fields {
            let _ = write!(out, " {key}={}", quoted(value));
        }
    }
}

fn stamp(now: jiff::Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// A value in logfmt: quoted if it is empty or holds a space, a quote, `=` or control characters.
fn quoted(value: &str) -> Cow<'_, str> {
    let plain = !value.is_empty()
        && value
            .chars()
            .all(|c| c > ' ' && c != '"' && c != '=' && c != '\\' && !c.is_control());
    // A URL with a query is the one value with `=` that everybody expects bare.
    if plain
        || (value.starts_with("http")
            && value
                .chars()
                .all(|c| c > ' ' && c != '"' && c != '\\' && !c.is_control()))
    {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Line {
        Line::new(Level::Info, "endpoints", "started endpoint")
            .field("name", "web")
            .field("url", "https://app.example.com")
            .field("upstream", "http://localhost:8080")
    }

    fn at() -> jiff::Timestamp {
        "2026-11-24T15:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_stable_line() {
        assert_eq!(
            started().render(Form::Plain, at()),
            "started endpoint name=web url=https://app.example.com upstream=http://localhost:8080"
        );
    }

    #[test]
    fn logfmt_json_and_term() {
        assert_eq!(
            started().render(Form::Logfmt, at()),
            "t=2026-11-24T15:00:00+0000 lvl=info msg=\"started endpoint\" obj=endpoints name=web url=https://app.example.com upstream=http://localhost:8080"
        );
        assert_eq!(
            started().render(Form::Json, at()),
            r#"{"t":"2026-11-24T15:00:00+0000","lvl":"info","msg":"started endpoint","obj":"endpoints","name":"web","url":"https://app.example.com","upstream":"http://localhost:8080"}"#
        );
        assert_eq!(
            started().render(Form::Term { colour: false }, at()),
            "15:00:00 I started endpoint         name=web url=https://app.example.com upstream=http://localhost:8080"
        );
    }

    #[test]
    fn values_from_outside_cannot_forge_a_line() {
        let line = Line::new(Level::Warn, "session", "session lost").field("cause", "a\nstarted endpoint \"x\"");
        assert_eq!(
            line.render(Form::Plain, at()),
            "session lost cause=\"a\\nstarted endpoint \\\"x\\\"\""
        );
    }
}
