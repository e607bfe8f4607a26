//! Strings.

use regex::RegexBuilder;

use super::super::scope::Scope;
use super::{MAX_LIST, Outcome, integer, made, string};
use crate::value::Value;

/// Longest pattern that is not a literal.
const MAX_PATTERN: usize = 1024;

/// A pattern compiled, within the size that a policy may use for one.
pub(crate) fn pattern(text: &str) -> Result<regex::Regex, String> {
    RegexBuilder::new(text)
        .size_limit(1 << 20)
        .dfa_size_limit(1 << 20)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the pattern is too large when compiled".to_owned(),
            error => error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
        })
}

/// The same over bytes, for bodies.
pub(crate) fn bytes_pattern(text: &str) -> Result<regex::bytes::Regex, String> {
    pattern(text)?;
    regex::bytes::RegexBuilder::new(text)
        .size_limit(1 << 20)
        .dfa_size_limit(1 << 20)
        .build()
        .map_err(|error| error.to_string())
}

pub(super) fn matches(scope: &Scope<'_>, args: &[Value]) -> Outcome {
    let (text, source) = (string(args, 0)?, string(args, 1)?);
    if source.len() > MAX_PATTERN {
        return Err(format!("a pattern that is no literal has at most {MAX_PATTERN} bytes"));
    }
    scope.view.state.patterns.is_match(source, text).map(Value::Bool)
}

pub(super) fn split(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let text = string(args, 0)?;
    let limit = match args.get(2) {
        Some(_) => integer(args, 2)?,
        None => -1,
    };
    let most = usize::try_from(limit).unwrap_or(MAX_LIST + 1);
    let parts: Vec<Value> = match args.get(1) {
        None => text.split_whitespace().take(most).map(Value::from).collect(),
        Some(_) => match string(args, 1)? {
            "" => text.chars().take(most).map(|c| Value::Text(c.to_string())).collect(),
            separator => text.split(separator).take(most).map(Value::from).collect(),
        },
    };
    if parts.len() > MAX_LIST {
        return Err("the list is too long".to_owned());
    }
    Ok(Value::List(parts))
}

pub(super) fn replace(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let (text, from, to) = (string(args, 0)?, string(args, 1)?, string(args, 2)?);
    let most = match args.get(3) {
        Some(_) => usize::try_from(integer(args, 3)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    // Before it is made: what is replaced may be nothing, and by something long.
    let hits = text.matches(from).count().min(most);
    if hits.saturating_mul(to.len()).saturating_add(text.len()) > super::MAX_TEXT {
        return Err("the string is too long".to_owned());
    }
    made(text.replacen(from, to, most))
}

pub(super) fn lower(_: &Scope<'_>, args: &[Value]) -> Outcome {
    // Go's simple mapping for the one letter where the two differ.
    made(string(args, 0)?.replace('\u{130}', "i").to_lowercase())
}

pub(super) fn upper(_: &Scope<'_>, args: &[Value]) -> Outcome {
    made(string(args, 0)?.to_uppercase())
}

pub(super) fn regex_escape(_: &Scope<'_>, args: &[Value]) -> Outcome {
    made(regex::escape(string(args, 0)?))
}
