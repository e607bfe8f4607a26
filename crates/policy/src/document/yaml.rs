//! Text to tree: YAML 1.2 (hence JSON), one document, with limits, anchors, aliases and the merge key.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::node::{Content, Key, Node, Position, Style};

/// A document has at most so many bytes.
pub const MAX_BYTES: usize = 512 * 1024;
/// Lists and mappings stand in each other at most so deep.
const MAX_DEPTH: usize = 32;
/// So many nodes may come out of aliases.
const MAX_EXPANDED: usize = 10_000;

/// Why a text is no document: what, and where.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) message: String,
    /// Keys and indexes that lead to it; empty for the whole: what cannot be parsed has no tree.
    pub(crate) path: String,
    pub(crate) at: Position,
}

/// The tree of `text`; `None` for a text without any value.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Unreadable> {
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        open: HashSet::new(),
        expanded: 0,
        broken: false,
    };
    reader.document().map_err(|error| Unreadable {
        path: if reader.broken { String::new() } else { error.path },
        ..error
    })
}

struct Reader<'t, T: granit_parser::BorrowedInput<'t>> {
    text: &'t str,
    parser: Parser<'t, T>,
    anchors: HashMap<usize, Node>,
    /// Anchors whose node is not finished: an alias to one would contain itself.
    open: HashSet<usize>,
    expanded: usize,
    /// The text cannot be parsed at all.
    broken: bool,
}

fn position(span: &Span) -> Position {
    let at = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position {
        line: at(span.start.line()),
        column: at(span.start.col()).saturating_add(1),
    }
}

fn end(span: &Span) -> Position {
    let at = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position {
        line: at(span.end.line()),
        column: at(span.end.col()).saturating_add(1),
    }
}

fn wrong(message: impl Into<String>, at: Position) -> Unreadable {
    Unreadable {
        message: message.into(),
        path: String::new(),
        at,
    }
}

impl<'t, T: granit_parser::BorrowedInput<'t>> Reader<'t, T> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Unreadable> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                self.broken = true;
                let at = error.marker();
                let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                Err(wrong(
                    error.info(),
                    Position {
                        line: number(at.line()),
                        column: number(at.col()).saturating_add(1),
                    },
                ))
            }
            None => Err(wrong("the document ends too early", Position::START)),
        }
    }

    fn document(&mut self) -> Result<Option<Node>, Unreadable> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(wrong("there may be only one document", position(&span)));
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, &span, 0)?),
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Node, Unreadable> {
        let at = position(span);
        if depth > MAX_DEPTH {
            return Err(wrong(format!("it is nested more than {MAX_DEPTH} levels deep"), at));
        }
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let node = Node {
                    content: self.scalar(&value, style, tag.as_deref(), span)?,
                    at,
                    end: end(span),
                };
                if anchor != 0 {
                    self.anchors.insert(anchor, node.clone());
                }
                Ok(node)
            }
            Event::SequenceStart(_, anchor, tag) => {
                core_tag(tag.as_deref(), "seq", at)?;
                self.open.insert(anchor);
                let mut list = Vec::new();
                let ended = loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break end(&span);
                    }
                    let index = list.len();
                    list.push(
                        self.node(event, &span, depth + 1)
                            .map_err(|e| below(e, &format!("[{index}]")))?,
                    );
                };
                self.close(anchor, Content::List(list), at, ended)
            }
            Event::MappingStart(_, anchor, tag) => {
                core_tag(tag.as_deref(), "map", at)?;
                self.open.insert(anchor);
                let (map, ended) = self.mapping(depth)?;
                self.close(anchor, Content::Map(map), at, ended)
            }
            Event::Alias(anchor) => {
                if self.open.contains(&anchor) {
                    return Err(wrong("an alias stands inside of what it names", at));
                }
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(wrong("an alias names nothing", at));
                };
                let (nodes, deep) = measure(node);
                self.expanded = self.expanded.saturating_add(nodes);
                if self.expanded > MAX_EXPANDED {
                    return Err(wrong(
                        format!("its aliases expand to more than {MAX_EXPANDED} values"),
                        at,
                    ));
                }
                if depth + deep > MAX_DEPTH {
                    return Err(wrong(format!("it is nested more than {MAX_DEPTH} levels deep"), at));
                }
                Ok(node.clone())
            }
            _ => Err(wrong("a value is missing", at)),
        }
    }

    fn close(&mut self, anchor: usize, content: Content, at: Position, end: Position) -> Result<Node, Unreadable> {
        let node = Node { content, at, end };
        self.open.remove(&anchor);
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn mapping(&mut self, depth: usize) -> Result<(Vec<(Key, Node)>, Position), Unreadable> {
        let mut map: Vec<(Key, Node)> = Vec::new();
        let mut seen = HashSet::new();
        let mut merged: Vec<(Key, Node)> = Vec::new();
        let ended = loop {
            let (event, span) = self.next()?;
            let at = position(&span);
            let (text, merges) = match &event {
                Event::MappingEnd => break end(&span),
                Event::Scalar(value, style, ..) => (
                    value.clone().into_owned(),
                    *style == ScalarStyle::Plain && value == "<<",
                ),
                Event::Alias(anchor) => match self.anchors.get(anchor).and_then(Node::scalar_text) {
                    Some(text) => (text.to_owned(), false),
                    None => return Err(wrong("a key must be a string", at)),
                },
                _ => return Err(wrong("a key must be a string", at)),
            };
            if let Event::Scalar(value, _, anchor, _) = &event
                && *anchor != 0
            {
                let key = Node {
                    content: Content::Text(value.clone().into_owned(), Style::Opaque),
                    at,
                    end: at,
                };
                self.anchors.insert(*anchor, key);
            }
            let (event, span) = self.next()?;
            let value = self.node(event, &span, depth + 1).map_err(|e| below(e, &text))?;
            if merges {
                merge(value, &mut merged)?;
                continue;
            }
            if !seen.insert(text.clone()) {
                return Err(below(wrong(format!("the key {text:?} stands there twice"), at), &text));
            }
            map.push((Key { text, at }, value));
        };
        // What is written wins over what is merged, and the first merged over later ones.
        for (key, value) in merged {
            if seen.insert(key.text.clone()) {
                map.push((key, value));
            }
        }
        Ok((map, ended))
    }

    fn scalar(&self, value: &str, style: ScalarStyle, tag: Option<&Tag>, span: &Span) -> Result<Content, Unreadable> {
        let at = position(span);
        let as_string = match tag {
            None => style != ScalarStyle::Plain,
            Some(tag) if tag.is_yaml_core_schema() => tag.suffix() == "str",
            // "!" alone: not to be resolved.
            Some(tag) if tag.suffix().is_empty() || tag.suffix() == "!" => true,
            Some(_) => return Err(wrong("tags are not allowed", at)),
        };
        if !as_string && let Some(plain) = resolve(value) {
            return Ok(plain);
        }
        let one_line = span.start.line() == span.end.line();
        let style = match style {
            ScalarStyle::Plain if one_line => Style::Plain,
            ScalarStyle::SingleQuoted if one_line => Style::Single,
            ScalarStyle::DoubleQuoted if one_line && !self.raw(span).contains('\\') => Style::Double,
            ScalarStyle::Literal => self.literal(value, span),
            _ => Style::Opaque,
        };
        Ok(Content::Text(value.to_owned(), style))
    }

    fn raw(&self, span: &Span) -> &'t str {
        match (span.start.byte_offset(), span.end.byte_offset()) {
            (Some(from), Some(to)) => self.text.get(from..to).unwrap_or_default(),
            // Unknown is treated as escaped: only the beginning is told then.
            _ => "\\",
        }
    }

    /// A literal block begins where its first line does, which is looked at: blank lines may stand before it.
    fn literal(&self, value: &str, span: &Span) -> Style {
        let first = value.lines().next().unwrap_or_default();
        let line = self
            .text
            .lines()
            .nth(span.start.line().saturating_sub(1))
            .unwrap_or_default();
        match line.strip_suffix(first) {
            Some(before) if !first.is_empty() && before.len() == span.start.col() => Style::Literal,
            _ => Style::Opaque,
        }
    }
}

fn below(mut error: Unreadable, step: &str) -> Unreadable {
    error.path = match error.path.as_str() {
        "" => step.to_owned(),
        rest if rest.starts_with('[') => format!("{step}{rest}"),
        rest => format!("{step}.{rest}"),
    };
    error
}

fn core_tag(tag: Option<&Tag>, wanted: &str, at: Position) -> Result<(), Unreadable> {
    match tag {
        None => Ok(()),
        Some(tag) if tag.is_yaml_core_schema_tag(wanted) => Ok(()),
        Some(_) => Err(wrong("tags are not allowed", at)),
    }
}

fn merge(value: Node, into: &mut Vec<(Key, Node)>) -> Result<(), Unreadable> {
    match value.content {
        Content::Map(map) => into.extend(map),
        Content::List(list) if list.iter().all(|node| node.map().is_some()) => {
            for node in list {
                merge(node, into)?;
            }
        }
        _ => return Err(wrong("<< merges a mapping, or a list of them", value.at)),
    }
    Ok(())
}

/// Number of nodes and levels.
fn measure(node: &Node) -> (usize, usize) {
    let children: Vec<&Node> = match &node.content {
        Content::List(list) => list.iter().collect(),
        Content::Map(map) => map.iter().map(|(_, value)| value).collect(),
        _ => return (1, 0),
    };
    children.into_iter().map(measure).fold((1, 1), |(n, deep), (m, below)| {
        (usize::saturating_add(n, m), deep.max(below + 1))
    })
}

/// The core schema of YAML 1.2: what a plain scalar means, if it is not a string.
fn resolve(text: &str) -> Option<Content> {
    let keep = || text.to_owned();
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Content::Null),
        "true" | "True" | "TRUE" => return Some(Content::Bool(true, keep())),
        "false" | "False" | "FALSE" => return Some(Content::Bool(false, keep())),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Content::Float(f64::INFINITY, keep())),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Content::Float(f64::NEG_INFINITY, keep())),
        ".nan" | ".NaN" | ".NAN" => return Some(Content::Float(f64::NAN, keep())),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(|n| Content::Int(n, keep()));
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(|n| Content::Int(n, keep()));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let starts = unsigned.as_bytes().first()?;
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return Some(match text.parse() {
            Ok(n) => Content::Int(n, keep()),
            Err(_) => Content::Float(text.parse().ok()?, keep()),
        });
    }
    let numeric = unsigned
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if numeric && (starts.is_ascii_digit() || (*starts == b'.' && unsigned.len() > 1)) {
        return text.parse().ok().map(|n| Content::Float(n, keep()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        parse(text).unwrap().unwrap()
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let root = tree("a: 1\nb:\n  - 'it''s'\n  - \"x\"\n  - |\n    one\n    two\n");
        let b = root.get("b").unwrap().list().unwrap();
        assert_eq!(b[0].at, Position { line: 3, column: 5 });
        assert_eq!(b[0].inside(3), Position { line: 3, column: 10 });
        assert_eq!(b[1].inside(0), Position { line: 4, column: 6 });
        assert_eq!(b[2].inside(4), Position { line: 7, column: 5 });
        assert_eq!(b[2].inside(0), Position { line: 6, column: 5 });
        assert_eq!(root.map().unwrap()[1].0.at, Position { line: 2, column: 1 });
    }

    #[test]
    fn columns_count_characters() {
        let root = tree("é: ü=x");
        assert_eq!(root.map().unwrap()[0].1.at, Position { line: 1, column: 4 });
        assert_eq!(root.map().unwrap()[0].1.inside(3), Position { line: 1, column: 6 });
    }

    #[test]
    fn scalars_are_those_of_yaml_1_2() {
        let root = tree("[yes, on, ~, 0x10, 0o10, 1.5, .5, 1e3, '1', 007, -3, 1.2.3, 2026-01-01]");
        let kinds: Vec<_> = root.list().unwrap().iter().map(Node::kind).collect();
        assert_eq!(
            kinds,
            [
                "a string", "a string", "nothing", "a number", "a number", "a number", "a number", "a number",
                "a string", "a number", "a number", "a string", "a string"
            ]
        );
    }

    #[test]
    fn aliases_and_merges_work_within_their_limit() {
        let root = tree("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: *x\n");
        assert_eq!(root.get("b").unwrap().get("q").unwrap().scalar_text(), Some("3"));
        assert_eq!(root.get("b").unwrap().get("p").unwrap().scalar_text(), Some("1"));
        assert_eq!(root.get("c").unwrap().get("q").unwrap().scalar_text(), Some("2"));
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..8 {
            let items = vec![format!("*a{}", i - 1); 10].join(",");
            bomb += &format!("a{i}: &a{i} [{items}]\n");
        }
        assert!(parse(&bomb).unwrap_err().message.contains("expand"));
    }

    #[test]
    fn what_is_not_allowed_is_said() {
        for (text, part) in [
            ("a: 1\na: 2", "twice"),
            ("a: !foo 1", "tags"),
            ("? [1]\n: 2", "key must be"),
            ("--- 1\n--- 2\n", "only one document"),
            ("a: &x [*x]", ""),
            ("a: [", ""),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.message.contains(part), "{text}: {}", error.message);
        }
        let deep = "[".repeat(40) + &"]".repeat(40);
        assert!(parse(&deep).unwrap_err().message.contains("nested"));
        assert!(parse("").unwrap().is_none());
        assert!(parse("# nothing\n").unwrap().is_none());
        assert_eq!(parse("x:\n  y: {k: 1, k: 2}").unwrap_err().path, "x.y.k");
    }
}
