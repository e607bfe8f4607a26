//! The parts of an expression that `&&` and `||` join: what a person looks at who asks why it is not true.

/// Most parts that are told.
const MOST: usize = 16;

/// The parts of an expression, from left to right, each before its own parts; none if it has no parts.
pub(crate) fn operands(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    collect(text, &mut out);
    out.truncate(MOST);
    out
}

fn collect<'t>(text: &'t str, out: &mut Vec<&'t str>) {
    let text = bare(text);
    let parts = ["||", "&&"].map(|operator| split(text, operator));
    let Some(parts) = parts.into_iter().flatten().find(|parts| parts.len() > 1) else {
        return;
    };
    for part in parts {
        if out.len() >= MOST {
            return;
        }
        out.push(part.trim());
        collect(part, out);
    }
}

/// Without brackets around the whole.
fn bare(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        if split(inner, "\0").is_none() {
            break;
        }
        text = inner.trim();
    }
    text
}

/// The text split where the operator stands outside of brackets and strings. `None`: brackets or strings do not close, or
/// it is a choice (`a ? b : c`), whose parts say nothing by themselves.
fn split<'t>(text: &'t str, operator: &str) -> Option<Vec<&'t str>> {
    let bytes = text.as_bytes();
    let (mut out, mut from, mut at, mut depth) = (Vec::new(), 0, 0, 0_usize);
    let mut quote = None;
    while let Some(byte) = bytes.get(at).copied() {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth = depth.checked_sub(1)?,
            // `[?0]` and `.?` are look-ups.
            (None, b'?') if depth == 0 && !bytes.get(at.wrapping_sub(1)).is_some_and(|b| b".[".contains(b)) => {
                return None;
            }
            (None, _)
                if depth == 0
                    && bytes
                        .get(at..)
                        .is_some_and(|rest| rest.starts_with(operator.as_bytes())) =>
            {
                out.push(text.get(from..at)?);
                at += operator.len();
                from = at;
                continue;
            }
            (None, _) => {}
        }
        at += 1;
    }
    out.push(text.get(from..)?);
    (depth == 0 && quote.is_none()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_outside_of_brackets_and_strings() {
        for (text, expected) in [
            ("a", &[][..]),
            ("a && b", &["a", "b"]),
            ("(a && b)", &["a", "b"]),
            ("a && b || c", &["a && b", "a", "b", "c"]),
            (
                "f('&&', \"||\") && (x || y)",
                &["f('&&', \"||\")", "(x || y)", "x", "y"],
            ),
            ("'it\\'s && ' == a || b", &["'it\\'s && ' == a", "b"]),
            ("a ? b && c : d || e", &[]),
            ("(a) && (b)", &["(a)", "(b)"]),
            ("a && (b", &[]),
            ("m[?'x'].orValue('') == '' && b", &["m[?'x'].orValue('') == ''", "b"]),
        ] {
            assert_eq!(operands(text), expected, "{text}");
        }
        assert_eq!(operands(&vec!["é"; 100].join("&&")).len(), MOST);
    }
}
