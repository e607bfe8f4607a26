//! From text to a syntax tree, by one of two parsers of the crate `cel`: the quick one where nothing stands in the way, else
//! the one that knows places and has our macros.

use adit_names::code::ErrorCode;
use cel::common::ast::{Expr, IdedExpr, SourceInfo, operators};
use cel::parser::PrattParser;

use super::rewrite::Problem;
use super::{cel as profile, nesting};

/// Deeper expressions are parsed and run on a stack of their own: both take tens of kilobytes a level where nothing is
/// optimised, and hardly any real expression is that deep.
pub(super) const DEEP: usize = 12;
const DEEP_STACK: usize = 16 << 20;

pub(super) fn parse(text: &str) -> Result<(IdedExpr, SourceInfo), Vec<Problem>> {
    let limit = |offset, message: &str| {
        vec![Problem {
            code: Some(ErrorCode::ADIT_2202),
            offset,
            message: message.to_owned(),
            fix: "split it, for example with set-vars".to_owned(),
        }]
    };
    let depth = nesting::depth(text).map_err(|offset| {
        limit(
            offset,
            "the expression is nested too deeply, or too much stands in a row",
        )
    })?;
    let parse = || {
        profile::ENV
            .parser()
            .parse_with_source_info(text)
            .map_err(|errors| syntax(text, &errors))
    };
    if depth <= DEEP {
        return parse();
    }
    on_deep_stack(parse).unwrap_or_else(|| Err(limit(0, "the expression could not be parsed")))
}

/// Runs `f` on a large stack; `None` if there is none to be had.
pub(super) fn on_deep_stack<R: Send>(f: impl FnOnce() -> R + Send) -> Option<R> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(DEEP_STACK)
            .spawn_scoped(scope, f)
            .ok()?
            .join()
            .ok()
    })
}

/// The parser's complaints; the first says what matters, the rest mostly follows from it.
fn syntax(text: &str, errors: &cel::ParseErrors) -> Vec<Problem> {
    let first = errors.errors.first();
    let (line, column) = first.map_or((1, 0), |error| error.pos);
    let before: usize = text
        .split_inclusive('\n')
        .take(usize::try_from(line - 1).unwrap_or(0))
        .map(str::len)
        .sum();
    let inside = text
        .get(before..)
        .unwrap_or_default()
        .char_indices()
        .nth(usize::try_from(column).unwrap_or(0))
        .map_or(0, |(at, _)| at);
    vec![Problem {
        code: None,
        offset: (before + inside).min(text.len()),
        message: first.map_or_else(
            || "the expression cannot be parsed".to_owned(),
            |error| format!("the expression cannot be parsed: {}", error.msg),
        ),
        fix: "correct its syntax".to_owned(),
    }]
}

/// Names of macros. The quick parser expands those of the standard and knows none of ours.
const MACROS: [&str; 13] = [
    "has",
    "all",
    "exists",
    "exists_one",
    "existsOne",
    "map",
    "filter",
    "bind",
    "sortBy",
    "greatest",
    "least",
    "optMap",
    "optFlatMap",
];

/// The tree of an ordinary expression, thirty times quicker than [`parse`] and without the places of its nodes. `None`: it
/// has macros or secrets, whose places are needed, or is deep, or cannot be parsed.
pub(super) fn quickly(text: &str) -> Option<IdedExpr> {
    let is_shallow = nesting::depth(text).is_ok_and(|depth| depth <= DEEP);
    // In strings the two differ about line ends and escapes.
    let is_plain = text
        .bytes()
        .all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'\\' | b'`'));
    if !is_shallow || !is_plain || words(text).any(|word| word == "secrets" || MACROS.contains(&word)) {
        return None;
    }
    let expr = PrattParser::new().parse(text).ok()?;
    is_regular(&expr).then_some(expr)
}

/// The quick parser takes signs that stand before each other in a way the grammar has not: `-!a`.
fn is_regular(expr: &IdedExpr) -> bool {
    match &expr.expr {
        Expr::Call(call) => {
            let is_sign = |name: &str| matches!(name, operators::NEGATE | operators::LOGICAL_NOT);
            let mixes = |arg: &IdedExpr| match &arg.expr {
                Expr::Call(inner) => is_sign(&inner.func_name) && inner.func_name != call.func_name,
                Expr::Literal(_) => call.func_name == operators::LOGICAL_NOT,
                _ => false,
            };
            !(is_sign(&call.func_name) && call.args.iter().any(mixes))
                && call.target.as_deref().is_none_or(is_regular)
                && call.args.iter().all(is_regular)
        }
        Expr::Select(select) => is_regular(&select.operand),
        Expr::List(list) => list.elements.iter().all(is_regular),
        // Rare enough to be left to the other one.
        Expr::Map(_) | Expr::Struct(_) | Expr::Comprehension(_) => false,
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => true,
    }
}

/// Whatever could be a name, strings included.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

/// That the other parser takes what the quick one takes, and makes the same tree of it; numbers of nodes may differ.
pub(super) fn agree(text: &str) {
    let Some(quick) = quickly(text) else { return };
    let bare = |expr: &IdedExpr| {
        let shown = format!("{expr:?}");
        let parts = shown.split("id: ");
        parts
            .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned())
            .collect::<String>()
    };
    let slow = parse(text).map(|(expr, _)| bare(&expr));
    assert_eq!(
        Ok(bare(&quick)),
        slow.map_err(|problems| format!("{problems:?}")),
        "{text}"
    );
}
