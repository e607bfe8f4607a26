//! How deep an expression is, before it is parsed: the parser and whoever walks its tree go down one call a level, and a
//! text of a few kilobytes could otherwise take a whole stack.

use super::template::string;

/// Brackets, operators and selections that may stand in or on each other.
const MAX: usize = 96;

/// What was opened and is not closed.
#[derive(Default, Clone, Copy)]
struct Level {
    /// Selections, calls, indexes and operators in a row.
    chain: usize,
    /// Conditions in a row; they nest to the right.
    conditions: usize,
}

/// The deepest place of `text`, or the offset where it gets too deep.
pub(super) fn depth(text: &str) -> Result<usize, usize> {
    let mut deepest = 0;
    let mut levels = vec![Level::default()];
    // Of all levels below the last.
    let mut below = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && let Some(c) = rest.chars().next()
    {
        let here = at;
        at += c.len_utf8();
        match c {
            '\'' | '"' => {
                let raw = text.get(..here).is_some_and(|before| before.ends_with(['r', 'R']));
                // One that does not end is the parser's to refuse.
                match string(rest, c, raw) {
                    Some(length) => at = here + length,
                    None => break,
                }
                continue;
            }
            '/' if rest.starts_with("//") => {
                at = here + rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '(' | '[' | '{' => {
                let level = levels.last().copied().unwrap_or_default();
                below += level.chain + level.conditions + 1;
                levels.push(Level::default());
            }
            ')' | ']' | '}' => {
                if levels.len() > 1 {
                    levels.pop();
                    if let Some(level) = levels.last_mut() {
                        below -= level.chain + level.conditions + 1;
                        level.chain += 1;
                    }
                }
            }
            _ => {
                let Some(level) = levels.last_mut() else { break };
                match c {
                    ',' => *level = Level::default(),
                    '&' | '|' | ':' => level.chain = 0,
                    '?' => {
                        level.chain = 0;
                        level.conditions += 1;
                    }
                    '.' | '!' | '-' | '+' | '*' | '/' | '%' | '<' | '>' | '=' => level.chain += 1,
                    _ => {}
                }
            }
        }
        let level = levels.last().copied().unwrap_or_default();
        let now = below + level.chain + level.conditions;
        if now > MAX {
            return Err(here);
        }
        deepest = deepest.max(now);
    }
    Ok(deepest)
}

#[cfg(test)]
mod tests {
    use super::depth;

    #[test]
    fn depth_is_what_stands_in_or_on_each_other() {
        for text in [
            "((((1))))".to_owned(),
            ["req.url.path == '/x'"; 100].join(" || "),
            format!("[{}]", ["a.b.c"; 500].join(", ")),
            format!("'{}' == r'{}'", "(".repeat(500), "[".repeat(500)),
        ] {
            assert!(depth(&text).is_ok_and(|depth| depth < 12), "{text}");
        }
        for text in [
            "(".repeat(200),
            "a".to_owned() + &".a".repeat(200),
            "1".to_owned() + &" + 1".repeat(200),
            "!".repeat(200),
            "a ? b : ".repeat(200),
            "in [x".repeat(100),
        ] {
            assert!(depth(&text).is_err(), "{text}");
        }
    }
}
