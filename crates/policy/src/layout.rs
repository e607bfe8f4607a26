//! The canonical layout of a document: block style, two columns a level, keys in their order, comments where they were.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::document::{Content, Key, Node, Position, parse};

/// Keys of rules and actions come in this order, others behind them as they were written.
const RULE: [&str; 6] = ["name", "id", "dry_run", "on_expression_error", "expressions", "actions"];
const ACTION: [&str; 2] = ["type", "config"];

/// Why a document is not laid out anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unformatted {
    /// It is no document.
    #[error("line {0}: {1}")]
    Unreadable(u32, String),
    /// Something of it would be lost: anchors, merge keys, or comments in places that the layout does not have.
    #[error("{0} would be lost")]
    Loss(&'static str),
}

/// The document in canonical layout.
///
/// # Errors
/// It cannot be read, or something that was written would be lost.
pub fn format(text: &str) -> Result<String, Unformatted> {
    let read = |text: &str| parse(text).map_err(|error| Unformatted::Unreadable(error.at.line, error.message));
    let Some(root) = read(text)? else {
        return if comments(text, &[]).is_empty() {
            Ok("{}\n".to_owned())
        } else {
            Err(Unformatted::Loss("a comment"))
        };
    };
    let mut scalars = Vec::new();
    let mut places = Vec::new();
    collect(&root, &mut scalars, &mut places);
    let found = comments(text, &scalars);
    let count = found.len();
    let mut layout = Layout::default();
    layout.take(found, &mut places);
    layout.document(&root);
    let out = layout.out;
    // Comments are found by looking at the text, so it is looked at again.
    let again = read(&out)?;
    let same = again.as_ref().is_some_and(|again| equal(&root, again));
    if !same {
        return Err(Unformatted::Loss("a value"));
    }
    let mut scalars = Vec::new();
    collect(again.as_ref().unwrap_or(&root), &mut scalars, &mut Vec::new());
    if comments(&out, &scalars).len() != count {
        return Err(Unformatted::Loss("a comment"));
    }
    if has_anchors(text, &scalars_of(&root)) {
        return Err(Unformatted::Loss("an anchor"));
    }
    Ok(out)
}

/// The same for a tree that stands in no text.
pub(crate) fn layout(root: &Node) -> String {
    let mut layout = Layout::default();
    layout.document(root);
    layout.out
}

/// A comment, from its `#` on.
#[derive(Debug)]
struct Comment {
    at: Position,
    text: String,
    /// It has a line of its own.
    alone: bool,
}

fn scalars_of(root: &Node) -> Vec<(Position, Position)> {
    let mut scalars = Vec::new();
    collect(root, &mut scalars, &mut Vec::new());
    scalars
}

/// Where scalars stand, from their begin to their end, and where keys and entries begin.
fn collect(node: &Node, scalars: &mut Vec<(Position, Position)>, places: &mut Vec<Position>) {
    match &node.content {
        Content::Map(map) => {
            for (key, value) in map {
                places.push(key.at);
                collect(value, scalars, places);
            }
        }
        Content::List(list) => {
            for entry in list {
                places.push(entry.at);
                collect(entry, scalars, places);
            }
        }
        _ => scalars.push((node.at, node.end)),
    }
}

/// The comments of a text: `#` at the begin of a line or behind a space, outside of scalars and quoted keys.
fn comments(text: &str, scalars: &[(Position, Position)]) -> Vec<Comment> {
    let mut out = Vec::new();
    let mut quote = None;
    for (number, line) in text.lines().enumerate() {
        let line_number = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let mut before = None;
        let mut alone = true;
        for (at, c) in line.chars().enumerate() {
            let place = Position {
                line: line_number,
                column: u32::try_from(at + 1).unwrap_or(u32::MAX),
            };
            let inside = scalars
                .iter()
                .any(|(begin, end)| *begin <= place && place < *end && !is_header(text, *begin, place));
            if inside {
                (before, alone, quote) = (Some(c), false, None);
                continue;
            }
            match (quote, c) {
                (Some(open), c) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '#') if before.is_none_or(char::is_whitespace) => {
                    out.push(Comment {
                        at: place,
                        text: line.chars().skip(at).collect::<String>().trim_end().to_owned(),
                        alone,
                    });
                    break;
                }
                (None, _) => {}
            }
            before = Some(c);
            alone &= c.is_whitespace();
        }
        // A key is on one line.
        quote = None;
    }
    out
}

/// Is it the line of `|` or `>`, which may have a comment?
fn is_header(text: &str, begin: Position, place: Position) -> bool {
    let line = usize::try_from(begin.line).unwrap_or(0).saturating_sub(1);
    let column = usize::try_from(begin.column).unwrap_or(0).saturating_sub(1);
    begin.line == place.line
        && text
            .lines()
            .nth(line)
            .and_then(|line| line.chars().nth(column))
            .is_some_and(|c| matches!(c, '|' | '>'))
}

/// Does the text name parts of itself? Laid out anew they would be copies.
fn has_anchors(text: &str, scalars: &[(Position, Position)]) -> bool {
    let mut quote = None;
    for (number, line) in text.lines().enumerate() {
        let line_number = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let mut before = ' ';
        for (at, c) in line.chars().enumerate() {
            let place = Position {
                line: line_number,
                column: u32::try_from(at + 1).unwrap_or(u32::MAX),
            };
            if scalars.iter().any(|(begin, end)| *begin < place && place < *end) {
                before = 'x';
                continue;
            }
            match (quote, c) {
                (Some(open), c) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '#') if before.is_whitespace() => break,
                (None, '&' | '*') if before.is_whitespace() || matches!(before, '[' | '{' | ',') => return true,
                (None, _) => {}
            }
            before = c;
        }
        quote = None;
    }
    false
}

/// Equal but for the order of keys and how things were written; what a tag or `null` said is compared by its kind.
fn equal(a: &Node, b: &Node) -> bool {
    match (&a.content, &b.content) {
        (Content::Map(a), Content::Map(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| {
                    let other = b.iter().find(|(other, _)| other.text == key.text);
                    other.is_some_and(|(_, other)| equal(value, other))
                })
        }
        (Content::List(a), Content::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Content::Text(a, _), Content::Text(b, _)) => a == b,
        (Content::Null, Content::Null) => true,
        (Content::Bool(a, _), Content::Bool(b, _)) => a == b,
        (Content::Int(a, x), Content::Int(b, y)) => a == b && x == y,
        (Content::Float(_, a), Content::Float(_, b)) => a == b,
        _ => false,
    }
}

#[derive(Default)]
struct Layout {
    out: String,
    /// Comments before a place, by the place.
    before: BTreeMap<Position, Vec<String>>,
    /// Comments at the end of its line.
    behind: BTreeMap<Position, String>,
    /// Those behind everything.
    last: Vec<String>,
}

impl Layout {
    /// Gives each comment its place: the first key or entry that begins on its line, else the next one.
    fn take(&mut self, comments: Vec<Comment>, places: &mut Vec<Position>) {
        places.sort_unstable();
        places.dedup();
        for comment in comments {
            let at = comment.at;
            let on_line = places.iter().find(|place| place.line == at.line && **place < at);
            match on_line {
                Some(place) if !comment.alone && !self.behind.contains_key(place) => {
                    self.behind.insert(*place, comment.text);
                }
                _ => match places.iter().find(|place| **place > at) {
                    Some(place) => self.before.entry(*place).or_default().push(comment.text),
                    None => self.last.push(comment.text),
                },
            }
        }
    }

    fn document(&mut self, root: &Node) {
        let map = root.map().unwrap_or_default();
        if map.is_empty() {
            self.out.push_str("{}\n");
        }
        for (key, rules) in map {
            self.lead(key.at, 0);
            let _ = write!(self.out, "{}:", quoted(&key.text));
            match rules.list() {
                Some(list) if !list.is_empty() => {
                    self.line_end(key.at);
                    for rule in list {
                        self.entry(rule, 2, &RULE);
                    }
                }
                _ => self.value(rules, 0, key.at),
            }
        }
        for comment in std::mem::take(&mut self.last) {
            let _ = writeln!(self.out, "{comment}");
        }
    }

    /// The comments before a place, each on a line.
    fn lead(&mut self, at: Position, indent: usize) {
        for comment in self.before.remove(&at).unwrap_or_default() {
            let _ = writeln!(self.out, "{:indent$}{comment}", "");
        }
    }

    fn line_end(&mut self, at: Position) {
        if let Some(comment) = self.behind.remove(&at) {
            let _ = write!(self.out, " {comment}");
        }
        self.out.push('\n');
    }

    /// An entry of a list. `order`: how the keys of a mapping come.
    fn entry(&mut self, node: &Node, indent: usize, order: &[&str]) {
        self.lead(node.at, indent);
        match &node.content {
            Content::Map(map) if !map.is_empty() => {
                let mut keys: Vec<&(Key, Node)> = map.iter().collect();
                let rank = |key: &Key| order.iter().position(|known| *known == key.text).unwrap_or(order.len());
                keys.sort_by_key(|(key, _)| rank(key));
                // What stood at the begin of the entry stays there, whichever key comes first now.
                if let Some((first, _)) = keys.first().filter(|(first, _)| first.at != node.at) {
                    if let Some(comment) = self.behind.remove(&node.at) {
                        let _ = writeln!(self.out, "{:indent$}{comment}", "");
                    }
                    self.lead(first.at, indent);
                }
                for (number, (key, value)) in keys.into_iter().enumerate() {
                    if number == 0 {
                        let _ = write!(self.out, "{:indent$}- ", "");
                    } else {
                        self.lead(key.at, indent + 2);
                        let _ = write!(self.out, "{:1$}", "", indent + 2);
                    }
                    let _ = write!(self.out, "{}:", quoted(&key.text));
                    let inner: &[&str] = if order == RULE && key.text == "actions" {
                        &ACTION
                    } else {
                        &[]
                    };
                    match value.list().filter(|list| !inner.is_empty() && !list.is_empty()) {
                        Some(list) => {
                            self.line_end(key.at);
                            for entry in list {
                                self.entry(entry, indent + 4, inner);
                            }
                        }
                        None => self.value(value, indent + 2, key.at),
                    }
                }
            }
            _ => {
                let _ = write!(self.out, "{:indent$}-", "");
                self.value(node, indent, node.at);
            }
        }
    }

    /// A value behind its key or dash, with what ends the line; `at` is the place of the key or dash.
    fn value(&mut self, node: &Node, indent: usize, at: Position) {
        match &node.content {
            Content::Map(map) if !map.is_empty() => {
                self.line_end(at);
                for (key, value) in map {
                    self.lead(key.at, indent + 2);
                    let _ = write!(self.out, "{:1$}", "", indent + 2);
                    let _ = write!(self.out, "{}:", quoted(&key.text));
                    self.value(value, indent + 2, key.at);
                }
            }
            Content::List(list) if !list.is_empty() => {
                self.line_end(at);
                for entry in list {
                    self.entry(entry, indent + 2, &[]);
                }
            }
            Content::Text(text, _) if is_block(text) => {
                self.out.push_str(if text.ends_with('\n') { " |" } else { " |-" });
                self.line_end(at);
                for line in text.lines() {
                    let _ = match line {
                        "" => writeln!(self.out),
                        line => writeln!(self.out, "{:1$}{line}", "", indent + 2),
                    };
                }
            }
            other => {
                let scalar = match other {
                    Content::Map(_) => "{}".to_owned(),
                    Content::List(_) => "[]".to_owned(),
                    Content::Null => "null".to_owned(),
                    Content::Text(text, _) => quoted(text),
                    Content::Bool(..) | Content::Int(..) | Content::Float(..) => {
                        node.scalar_text().unwrap_or_default().to_owned()
                    }
                };
                let _ = write!(self.out, " {scalar}");
                self.line_end(at);
            }
        }
    }
}

/// Can it stand as lines, `|`? Nothing of it may depend on spaces at the ends of lines.
fn is_block(text: &str) -> bool {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    text.contains('\n')
        && !lines.is_empty()
        && !lines.starts_with(['\n', ' ', '\t'])
        && !lines.ends_with('\n')
        && !text.contains(|c: char| {
            (c.is_control() && c != '\n') || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        })
        && lines.split('\n').all(|line| !line.ends_with(' '))
}

/// Can a text stand without quotes and still be a string?
fn is_plain(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let rest = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    first && rest && !word
}

/// Without quotes, else in double ones (JSON's strings are YAML's); in single ones where it has double ones itself.
fn quoted(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let escapes = text.contains(['"', '\\'])
        && !text.contains(|c: char| c.is_control() || matches!(c, '\'' | '\u{85}' | '\u{2028}' | '\u{2029}'));
    if escapes {
        format!("'{text}'")
    } else {
        serde_json::Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"# What this is for.

# Another line.
on_http_request: # the front
    # first
    - actions: [{config: {status_code: 403}, type: deny}] # nobody
      # named
      name: "no one"   # short
      expressions:
      - "req.url.path.matches('^/a # b')"   # a hash in a string
      # second of them
      - 'has(req.headers["x-a"])'
    - actions:
      - type: custom-response
        config:
          body: |  # text
            # not a comment
            line two

            end
          headers: {a: '1'}
# the way back
on_http_response: []
# the end
"#;

    const LAID_OUT: &str = r##"# What this is for.
# Another line.
on_http_request: # the front
  # first
  # nobody
  # named
  - name: "no one" # short
    expressions:
      - "req.url.path.matches('^/a # b')" # a hash in a string
      # second of them
      - 'has(req.headers["x-a"])'
    actions:
      - type: deny
        config:
          status_code: 403
  - actions:
      - type: custom-response
        config:
          body: | # text
            # not a comment
            line two

            end
          headers:
            a: "1"
# the way back
on_http_response: []
# the end
"##;

    #[test]
    fn layout_is_canonical_and_keeps_comments() {
        let out = format(WRITTEN).unwrap();
        assert_eq!(out, LAID_OUT);
        assert_eq!(format(&out).unwrap(), out, "twice is once");
        let json = r#"{"on_http_request":[{"actions":[{"type":"deny"}]}]}"#;
        assert_eq!(
            format(json).unwrap(),
            "on_http_request:\n  - actions:\n      - type: deny\n"
        );
        assert_eq!(format("").unwrap(), "{}\n");
    }

    #[test]
    fn what_would_be_lost_is_not_formatted() {
        for (text, lost) in [
            ("a: &x {b: 1}\nc: *x\n", Unformatted::Loss("an anchor")),
            ("# nothing but this\n", Unformatted::Loss("a comment")),
        ] {
            assert_eq!(format(text), Err(lost), "{text}");
        }
        assert!(matches!(format("a: [\n"), Err(Unformatted::Unreadable(..))));
    }

    /// Every policy of the cases is the same document afterwards.
    #[test]
    fn documents_stay_what_they_are() {
        let cases = include_str!("../tests/traffic-policy-cases.yaml");
        let root = parse(cases).unwrap().unwrap();
        let mut formatted = 0;
        for case in root.get("cases").and_then(Node::list).unwrap() {
            let Some(text) = case.get("policy").and_then(Node::text) else {
                continue;
            };
            if let Ok(out) = format(text) {
                formatted += 1;
                assert_eq!(format(&out).unwrap(), out, "{text}");
            }
        }
        assert!(formatted > 300, "{formatted}");
    }
}
