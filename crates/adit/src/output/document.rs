//! Objects on stdout: JSON, lines, YAML, CSV, ids, tables.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::{Map, Value};

/// What `--output` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    /// A table on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Columns for people.
    Table,
    /// The same with all columns, uncut.
    Wide,
    /// The answer as it came.
    Json,
    /// One object a line.
    Jsonl,
    /// YAML.
    Yaml,
    /// Comma-separated values with a header.
    Csv,
    /// Ids only.
    Id,
}

impl Output {
    /// What `auto` means here.
    pub(crate) fn settled(self, terminal: bool) -> Self {
        match (self, terminal) {
            (Self::Auto, true) => Self::Table,
            (Self::Auto, false) => Self::Json,
            (other, _) => other,
        }
    }
}

/// How tables and CSV look.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// Only these, in this order; all that fit if empty.
    pub(crate) columns: Vec<String>,
    pub(crate) headers: bool,
    /// Columns of the terminal; none on a pipe.
    pub(crate) width: Option<usize>,
    pub(crate) now: jiff::Timestamp,
}

/// Fields that say little or much: not in a table unless asked for.
const ASIDE: &[&str] = &[
    "uri",
    "metadata",
    "region",
    "public_url",
    "hostport",
    "proto",
    "scheme",
    "host",
    "port",
];
/// Longest cell of a table that is cut to the terminal.
const CELL: usize = 48;

/// JSON as a person can read it.
pub(crate) fn json(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// The ids of objects.
pub(crate) fn ids(objects: &[Value]) -> String {
    let ids = objects.iter().filter_map(|o| o.get("id").and_then(Value::as_str));
    ids.fold(String::new(), |text, id| text + id + "\n")
}

/// One object a line.
pub(crate) fn lines(objects: &[Value]) -> String {
    objects.iter().fold(String::new(), |mut text, object| {
        let _ = writeln!(text, "{object}");
        text
    })
}

/// Comma-separated values (RFC 4180) of all fields, nested ones by their path.
pub(crate) fn csv(objects: &[Value], look: &Look) -> String {
    let rows: Vec<Vec<(String, String)>> = objects.iter().map(flat).collect();
    let columns = columns_of(&rows, &look.columns);
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        for (n, cell) in cells.enumerate() {
            if n > 0 {
                text.push(',');
            }
            if cell.contains([',', '"', '\n', '\r']) {
                let _ = write!(text, "\"{}\"", cell.replace('"', "\"\""));
            } else {
                text.push_str(cell);
            }
        }
        text.push_str("\r\n");
    };
    if look.headers {
        line(&mut columns.iter().map(String::as_str));
    }
    for row in &rows {
        line(&mut columns.iter().map(|c| cell(row, c)));
    }
    text
}

/// A table: columns that fit if it is for a terminal, all of them if `wide`.
pub(crate) fn table(objects: &[Value], look: &Look, wide: bool) -> String {
    let rows: Vec<Vec<(String, String)>> = objects.iter().map(flat).collect();
    let mut columns = columns_of(&rows, &look.columns);
    if look.columns.is_empty() && !wide {
        columns.retain(|c| !ASIDE.contains(&c.as_str()) && !c.ends_with(".uri"));
        // What is empty everywhere says nothing.
        columns.retain(|c| rows.iter().any(|row| !cell(row, c).is_empty()));
    }
    let shown: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|c| readable(c, cell(row, c), look, wide)).collect())
        .collect();
    let heads: Vec<String> = columns
        .iter()
        .map(|c| c.to_ascii_uppercase().replace('_', " "))
        .collect();
    let widest = |n: usize| {
        let cells = shown.iter().filter_map(|row| row.get(n)).map(|t| t.chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(n, head)| widest(n).max(if look.headers { head.chars().count() } else { 0 }))
        .collect();
    // Columns that the terminal has no place for are left out; the first is always there.
    let mut fit = columns.len();
    if let (Some(width), true, false) = (look.width, look.columns.is_empty(), wide) {
        let mut used = 0;
        fit = widths
            .iter()
            .take_while(|w| {
                used += **w + 2;
                used <= width + 2
            })
            .count()
            .max(1);
    }
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        let mut out = String::new();
        for (cell, width) in cells.iter().zip(&widths).take(fit) {
            let _ = write!(out, "{cell:<width$}  ");
        }
        text.push_str(out.trim_end());
        text.push('\n');
    };
    if look.headers && !objects.is_empty() {
        line(&heads);
    }
    shown.iter().for_each(|row| line(row));
    text
}

/// One object for a person: a field a line.
pub(crate) fn sheet(object: &Value, look: &Look) -> String {
    let fields = flat(object);
    let kept = |name: &str| look.columns.is_empty() || look.columns.iter().any(|c| c == name);
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in fields.iter().filter(|(name, _)| kept(name)) {
        let value = safe(value).replace('\n', &format!("\n{:width$}  ", ""));
        let _ = writeln!(text, "{}", format!("{name:<width$}  {value}").trim_end());
    }
    text
}

/// YAML in blocks; texts that could be something else are quoted.
pub(crate) fn yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let _ = write!(text, "{pad}{}:", scalar(key));
                below(value, indent + 2, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut inner = String::new();
                block(item, indent + 2, &mut inner);
                // The first line stands behind the dash.
                let _ = write!(text, "{pad}- {}", inner.trim_start_matches(' '));
            }
        }
        other => {
            let _ = writeln!(text, "{pad}{}", leaf(other));
        }
    }
}

fn below(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            block(value, indent, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(value, indent, text);
        }
        other => {
            let _ = writeln!(text, " {}", leaf(other));
        }
    }
}

fn leaf(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        // `{}`, `[]`, null, numbers, true and false are the same in both.
        other => other.to_string(),
    }
}

fn scalar(text: &str) -> String {
    let first = text.chars().next();
    let plain = first.is_some_and(|c| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./@".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word));
    // A text of JSON is one of YAML.
    if plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// Scalars of an object by their path; a list of texts is one cell, what is deeper is JSON.
fn flat(object: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    match object {
        Value::Object(map) => level(map, "", &mut found),
        other => found.push(("value".to_owned(), text_of(other))),
    }
    found
}

fn level(map: &Map<String, Value>, prefix: &str, found: &mut Vec<(String, String)>) {
    for (name, value) in map {
        let path = format!("{prefix}{name}");
        match value {
            Value::Object(inner) if !inner.is_empty() && prefix.len() < 128 => level(inner, &format!("{path}."), found),
            Value::Object(_) => found.push((path, String::new())),
            other => found.push((path, text_of(other))),
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let cells: Vec<_> = items
                .iter()
                .map(|item| match item.get("id").and_then(Value::as_str) {
                    Some(id) => id.to_owned(),
                    None => text_of(item),
                })
                .collect();
            cells.join(" ")
        }
        other => other.to_string(),
    }
}

fn columns_of(rows: &[Vec<(String, String)>], wanted: &[String]) -> Vec<String> {
    if !wanted.is_empty() {
        return wanted.to_vec();
    }
    let mut columns: Vec<String> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    // The id first; when it was made, last.
    columns.sort_by_key(|c| match c.as_str() {
        "id" => 0,
        "description" => 2,
        "created_at" | "updated_at" => 3,
        _ => 1,
    });
    columns
}

fn cell<'r>(row: &'r [(String, String)], column: &str) -> &'r str {
    let of = |name: &str| row.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    // A reference by its name is its id.
    of(column).or_else(|| of(&format!("{column}.id"))).unwrap_or_default()
}

fn readable(column: &str, value: &str, look: &Look, wide: bool) -> String {
    if wide {
        return safe(value).replace('\n', " ");
    }
    if column.ends_with("_at")
        && let Ok(then) = value.parse::<jiff::Timestamp>()
    {
        return ago(then, look.now);
    }
    let line = safe(value).replace('\n', " ");
    let whole = column == "id" || column.ends_with(".id") || line.chars().count() <= CELL;
    if whole || look.width.is_none() {
        return line;
    }
    let mut cut: String = line.chars().take(CELL - 1).collect();
    cut.push('…');
    cut
}

/// A value may hold anything; a terminal must not obey it.
fn safe(value: &str) -> String {
    value
        .chars()
        .map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c })
        .collect()
}

/// `3 m ago`, `in 2 d`.
fn ago(then: jiff::Timestamp, now: jiff::Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    let span = match seconds.unsigned_abs() {
        s @ 0..60 => format!("{s} s"),
        s @ 60..3_600 => format!("{} m", s / 60),
        s @ 3_600..86_400 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    };
    if seconds < 0 {
        format!("in {span}")
    } else {
        format!("{span} ago")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn objects() -> Vec<Value> {
        vec![
            json!({"id": "ipr_1", "uri": "https://x/ipr_1", "created_at": "2026-11-24T14:57:00Z", "description": "a, \"b\"\n\u{1b}[31m",
                "metadata": "", "cidr": "10.0.0.0/8", "ip_policy": {"id": "ipp_1", "uri": "https://x"}, "acl": ["bind:a", "bind:b"], "none": null}),
            json!({"id": "ipr_2", "uri": "https://x/ipr_2", "created_at": "2026-11-27T15:00:00Z", "description": "", "metadata": "m",
                "cidr": "::/0", "ip_policy": {"id": "ipp_1", "uri": "https://x"}, "acl": [], "none": null}),
        ]
    }

    fn look(columns: &[&str], width: Option<usize>) -> Look {
        Look {
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
            headers: true,
            width,
            now: "2026-11-24T15:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn tables() {
        assert_eq!(
            table(&objects(), &look(&[], Some(100)), false),
            "ID     CIDR        IP POLICY.ID  ACL            DESCRIPTION   CREATED AT\n\
             ipr_1  10.0.0.0/8  ipp_1         bind:a bind:b  a, \"b\" \u{fffd}[31m  3 m ago\n\
             ipr_2  ::/0        ipp_1                                      in 3 d\n"
        );
        assert_eq!(
            table(&objects(), &look(&[], Some(20)), false).lines().next(),
            Some("ID     CIDR")
        );
        assert_eq!(
            table(&objects(), &look(&["cidr", "ip_policy"], None), false),
            "CIDR        IP POLICY\n10.0.0.0/8  ipp_1\n::/0        ipp_1\n"
        );
        assert!(table(&objects(), &look(&[], Some(20)), true).contains("2026-11-27T15:00:00Z"));
        assert_eq!(table(&[], &look(&[], Some(20)), false), "");
    }

    #[test]
    fn for_programs() {
        assert_eq!(ids(&objects()), "ipr_1\nipr_2\n");
        assert_eq!(
            csv(&objects(), &look(&["id", "description", "acl"], None)),
            "id,description,acl\r\nipr_1,\"a, \"\"b\"\"\n\u{1b}[31m\",bind:a bind:b\r\nipr_2,,\r\n"
        );
        let text = lines(&objects());
        assert_eq!(text.lines().count(), 2);
        assert_eq!(
            serde_json::from_str::<Value>(text.lines().next().unwrap()).unwrap(),
            objects()[0]
        );
        assert_eq!(
            serde_json::from_str::<Value>(&json(&objects()[0])).unwrap(),
            objects()[0]
        );
    }

    #[test]
    fn yaml_says_the_same() {
        let value = json!({"list": objects(), "next": null, "empty": {}, "none": [], "yes": "no", "n": "1", "deep": {"a": [[1, 2], {"b": "x: y"}]},
            "pem": "-----BEGIN\nx\n", "flag": true, "odd key": -1.5});
        let text = yaml(&value);
        let back: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(back, value, "{text}");
    }

    #[test]
    fn a_sheet_has_a_line_for_each_field() {
        assert_eq!(
            sheet(
                &json!({"id": "a_1", "note": "x\ny", "ref": {"id": "b_1"}}),
                &look(&[], None)
            ),
            "id      a_1\nnote    x\n        y\nref.id  b_1\n"
        );
    }
}
