//! A parser that accepts only what OpenMetrics 1.0 (and, where they differ, the Prometheus text format
//! 0.0.4) allows; and of that only what a catalogue of counters, gauges and histograms needs.

use std::collections::{BTreeMap, HashSet};

use adit_observe::Format;

/// The text, read: type of each family in order, and value of each series (`name{a="b"}`).
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) families: Vec<(String, String)>,
    pub(crate) series: BTreeMap<String, f64>,
}

impl Parsed {
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        self.series.get(series).copied()
    }
}

/// Reads the whole text or says which line is wrong.
pub(crate) fn parse(text: &str, format: Format) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let mut helps = HashSet::new();
    let mut family: Option<(String, String)> = None;
    let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    let body = match format {
        Format::OpenMetrics => text.strip_suffix("# EOF\n").ok_or("no end mark")?,
        Format::Prometheus => text,
    };
    if !body.ends_with('\n') || body.contains("\n\n") || body.contains('\r') {
        return Err("lines".to_owned());
    }
    for line in body.lines() {
        let fail = |what: &str| Err(format!("{what}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or("help")?;
            if !helps.insert(name.to_owned()) || help.is_empty() || help.contains(['\\', '"']) {
                return fail("help");
            }
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("type")?;
            if !helps.contains(name) || !["counter", "gauge", "histogram"].contains(&kind) {
                return fail("type");
            }
            if parsed.families.iter().any(|(known, _)| known == name) {
                return fail("family twice");
            }
            family = Some((name.to_owned(), kind.to_owned()));
            parsed.families.push((name.to_owned(), kind.to_owned()));
        } else {
            let Some((family, kind)) = &family else {
                return fail("sample without type");
            };
            let (name, labels, value) = sample(line)?;
            let suffix = name.strip_prefix(family.as_str()).ok_or("sample of another family")?;
            let wanted: &[&str] = match (kind.as_str(), format) {
                ("counter", Format::OpenMetrics) => &["_total"],
                ("histogram", _) => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            if !wanted.contains(&suffix) || (kind == "counter" && !name.ends_with("_total")) {
                return fail("suffix");
            }
            if kind != "gauge" && value < 0.0 {
                return fail("negative");
            }
            if suffix == "_bucket" {
                let Some((le, rest)) = labels.split_last() else {
                    return fail("no le");
                };
                if le.0 != "le" {
                    return fail("le is not last");
                }
                let bound = if le.1 == "+Inf" { f64::INFINITY } else { number(&le.1)? };
                buckets.entry(key(family, rest)).or_default().push((bound, value));
            }
            if suffix == "_count" {
                let buckets = buckets.get(&key(family, &labels)).ok_or("no buckets")?;
                if buckets.last() != Some(&(f64::INFINITY, value)) {
                    return fail("count is not the last bucket");
                }
                if !buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1) || buckets.len() != 23 {
                    return fail("buckets");
                }
            }
            if parsed.series.insert(key(name, &labels), value).is_some() {
                return fail("series twice");
            }
        }
    }
    Ok(parsed)
}

type Labels = Vec<(String, String)>;

fn key(name: &str, labels: &[(String, String)]) -> String {
    let labels: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    if labels.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{{{}}}", labels.join(","))
    }
}

fn number(text: &str) -> Result<f64, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte)) {
        return Err(format!("number {text}"));
    }
    text.parse().map_err(|error| format!("{error}: {text}"))
}

fn name(text: &str) -> Result<&str, String> {
    let ok = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(ok) {
        Ok(text)
    } else {
        Err(format!("name {text}"))
    }
}

/// `name{a="b",c="d"} value`.
fn sample(line: &str) -> Result<(&str, Labels, f64), String> {
    let at = line.find(['{', ' ']).ok_or("sample")?;
    let (sample_name, rest) = line.split_at(at);
    let mut labels = Labels::new();
    let value = if let Some(mut rest) = rest.strip_prefix('{') {
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("label")?;
            let mut value = String::new();
            let mut characters = after.chars();
            loop {
                match characters.next().ok_or("open quote")? {
                    '"' => break,
                    '\\' => match characters.next() {
                        Some('n') => value.push('\n'),
                        Some(c @ ('\\' | '"')) => value.push(c),
                        _ => return Err(format!("escape: {line}")),
                    },
                    character => value.push(character),
                }
            }
            if labels.iter().any(|(known, _)| known == label) {
                return Err(format!("label twice: {line}"));
            }
            labels.push((name(label)?.to_owned(), value));
            rest = characters.as_str();
            if let Some(next) = rest.strip_prefix(',') {
                rest = next;
            } else {
                break rest.strip_prefix("} ").ok_or("end of labels")?;
            }
        }
    } else {
        rest.strip_prefix(' ').ok_or("value")?
    };
    Ok((name(sample_name)?, labels, number(value)?))
}

#[test]
fn the_parser_is_strict() {
    let good = "# HELP a b\n# TYPE a gauge\na{x=\"1\"} 1\n# EOF\n";
    assert!(parse(good, Format::OpenMetrics).is_ok());
    for (from, to) in [
        ("# EOF\n", ""),
        ("# TYPE a gauge\n", ""),
        ("gauge", "counter"),
        ("a{x", "b{x"),
        ("\"1\"", "\"1"),
        ("} 1", "} one"),
        ("x=\"1\"", "x=\"\\q\""),
        ("x=\"1\"", "x=\"1\",x=\"2\""),
        ("# EOF", "a{x=\"1\"} 2\n# EOF"),
    ] {
        assert!(
            parse(&good.replace(from, to), Format::OpenMetrics).is_err(),
            "{from} -> {to}"
        );
    }
}
