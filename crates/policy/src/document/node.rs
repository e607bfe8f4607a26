//! A document as a tree in which every key and value knows where it stands.

use std::fmt;

/// A place in the text as sent: both numbers begin at 1, columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl Position {
    /// The beginning of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// How a scalar was written; it decides whether a place inside it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes, on one line.
    Plain,
    /// `'…'` on one line.
    Single,
    /// `"…"` on one line, without escapes.
    Double,
    /// `|`: each line of the value is one of the text, all of them moved to the right as the first is.
    Literal,
    /// Folded, escaped or of several lines: only its beginning is told.
    Opaque,
}

/// One value.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) at: Position,
    pub(crate) end: Position,
}

/// A key of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) at: Position,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Null,
    Bool(bool, String),
    Int(i64, String),
    Float(f64, String),
    Text(String, Style),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Node {
    pub(crate) fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Bool(..) => "a bool",
            Content::Int(..) | Content::Float(..) => "a number",
            Content::Text(..) => "a string",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text, _) => Some(text),
            _ => None,
        }
    }

    /// A scalar as the text it was written as: what header values and metadata take.
    pub(crate) fn scalar_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text, _) | Content::Bool(_, text) | Content::Int(_, text) | Content::Float(_, text) => {
                Some(text)
            }
            Content::Null | Content::List(_) | Content::Map(_) => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Self]> {
        match &self.content {
            Content::List(list) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn map(&self) -> Option<&[(Key, Self)]> {
        match &self.content {
            Content::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.map()?
            .iter()
            .find(|(key, _)| key.text == name)
            .map(|(_, value)| value)
    }

    /// Where the byte `offset` of this string stands in the text.
    pub(crate) fn inside(&self, offset: usize) -> Position {
        let Content::Text(text, style) = &self.content else {
            return self.at;
        };
        let before = text.get(..offset.min(text.len())).unwrap_or_default();
        let columns = |text: &str| u32::try_from(text.chars().count()).unwrap_or(0);
        match style {
            Style::Plain => Position {
                line: self.at.line,
                column: self.at.column + columns(before),
            },
            Style::Single => Position {
                line: self.at.line,
                column: self.at.column + 1 + columns(before) + columns(&before.replace(|c| c != '\'', "")),
            },
            Style::Double => Position {
                line: self.at.line,
                column: self.at.column + 1 + columns(before),
            },
            Style::Literal => {
                let last = before.rsplit('\n').next().unwrap_or_default();
                let lines = u32::try_from(before.matches('\n').count()).unwrap_or(0);
                Position {
                    line: self.at.line + lines,
                    column: self.at.column + columns(last),
                }
            }
            Style::Opaque => self.at,
        }
    }
}

/// Where something stands in the tree, written only when somebody asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a> {
    above: Option<&'a Self>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(crate) const ROOT: Path<'static> = Path {
        above: None,
        step: Step::Key(""),
    };

    pub(crate) fn key<'b>(&'b self, key: &'b str) -> Path<'b>
    where
        'a: 'b,
    {
        Path {
            above: Some(self),
            step: Step::Key(key),
        }
    }

    pub(crate) fn index<'b>(&'b self, index: usize) -> Path<'b>
    where
        'a: 'b,
    {
        Path {
            above: Some(self),
            step: Step::Index(index),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(above) = self.above else { return Ok(()) };
        above.fmt(f)?;
        match self.step {
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => {
                let plain = !key.is_empty()
                    && key
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
                if !plain {
                    write!(f, "[{}]", serde_json::Value::from(key))
                } else if above.above.is_some() {
                    write!(f, ".{key}")
                } else {
                    f.write_str(key)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_the_specification_says() {
        let phase = Path::ROOT.key("on_http_request");
        let rule = phase.index(1);
        let headers = rule.key("headers");
        assert_eq!(headers.key("x-a").to_string(), "on_http_request[1].headers.x-a");
        assert_eq!(headers.key("x y").to_string(), "on_http_request[1].headers[\"x y\"]");
        assert_eq!(Path::ROOT.to_string(), "");
    }
}
