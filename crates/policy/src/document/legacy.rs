//! Documents of the older form: `inbound` and `outbound`, and capitalised names in expressions (traffic policy 1.1).

use adit_names::endpoint_url::Scheme;

use super::Phase;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Inbound,
    Outbound,
}

/// Is `key` one of the old names of a phase?
pub(super) fn direction(key: &str) -> Option<Direction> {
    if key.eq_ignore_ascii_case("inbound") {
        Some(Direction::Inbound)
    } else if key.eq_ignore_ascii_case("outbound") {
        Some(Direction::Outbound)
    } else {
        None
    }
}

impl Direction {
    /// The phase it means; outside of HTTP nothing goes out by phases.
    pub(super) fn phase(self, scheme: Scheme) -> Option<Phase> {
        let http = matches!(scheme, Scheme::Http | Scheme::Https);
        match self {
            Self::Inbound if http => Some(Phase::HttpRequest),
            Self::Inbound => Some(Phase::TcpConnect),
            Self::Outbound if http => Some(Phase::HttpResponse),
            Self::Outbound => None,
        }
    }
}

const NAMES: [(&str, &str); 9] = [
    ("req.Method", "req.method"),
    ("req.URL", "req.url"),
    ("req.Host", "req.host"),
    ("req.ClientTLS", "conn.tls.client"),
    ("res.StatusCode", "res.status_code"),
    ("res.ContentLength", "res.content_length"),
    ("req.ContentLength", "req.content_length"),
    ("conn.ClientIP", "conn.client_ip"),
    ("conn.Geo.CountryCode", "conn.geo.country_code"),
];

/// An expression with its old names replaced. What is unknown stays and is refused by the compiler.
pub(crate) fn expression(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '\'' || c == '"' {
            let end = quoted(rest);
            out.push_str(rest.get(..end).unwrap_or(rest));
            rest = rest.get(end..).unwrap_or_default();
        } else if c.is_ascii_alphabetic() || c == '_' {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
                .unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            name(word, &mut rest, &mut out);
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    out
}

fn name(word: &str, rest: &mut &str, out: &mut String) {
    if let Some(message) = ["req.Headers", "res.Headers"].iter().find(|old| **old == word) {
        out.push_str(&message.to_ascii_lowercase());
        // The key, too: names of headers were written in any case.
        if let Some(inside) = rest.strip_prefix('[')
            && inside.starts_with(['\'', '"'])
        {
            let end = quoted(inside);
            out.push('[');
            out.push_str(&inside.get(..end).unwrap_or(inside).to_ascii_lowercase());
            *rest = inside.get(end..).unwrap_or_default();
        }
        return;
    }
    let hit = NAMES.iter().find_map(|(old, new)| match word.strip_prefix(old) {
        Some(tail) if tail.is_empty() || tail.starts_with('.') => Some((old, new, tail)),
        _ => None,
    });
    let Some((old, new, tail)) = hit else {
        out.push_str(word);
        return;
    };
    if *old == "res.StatusCode" && tail.is_empty() && compared_with_text(rest) {
        out.push_str("string(res.status_code)");
    } else {
        out.push_str(new);
        out.push_str(tail);
    }
}

fn compared_with_text(rest: &str) -> bool {
    let rest = rest.trim_start();
    ["==", "!=", "<=", ">=", "<", ">", "in"]
        .iter()
        .find_map(|operator| rest.strip_prefix(operator))
        .is_some_and(|operand| {
            operand
                .trim_start()
                .trim_start_matches('[')
                .trim_start()
                .starts_with(['\'', '"'])
        })
}

/// Length of the string literal that `text` begins with.
fn quoted(text: &str) -> usize {
    let mut chars = text.char_indices();
    let Some((_, quote)) = chars.next() else { return 0 };
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn old_names_become_new_ones_outside_of_strings() {
        assert_eq!(expression("req.Method == 'req.Method'"), "req.method == 'req.Method'");
        assert_eq!(
            expression("res.StatusCode == '200'"),
            "string(res.status_code) == '200'"
        );
        assert_eq!(expression("res.StatusCode >= 200"), "res.status_code >= 200");
        assert_eq!(expression("'x' in req.Headers['X-A']"), "'x' in req.headers['x-a']");
        assert_eq!(expression("req.MethodX == 1"), "req.MethodX == 1");
    }
}
