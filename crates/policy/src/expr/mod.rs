//! Expressions and templates: the CEL profile of the language (traffic policy 2, 3).

mod cel;
pub(crate) mod env;
pub(crate) mod functions;
mod native;
mod nesting;
mod parse;
pub(crate) mod results;
mod rewrite;
pub(crate) mod scope;
mod template;
mod user_agent;

use std::sync::Arc;

use ::cel::common::ast::{Expr, IdedExpr, LiteralValue, SourceInfo};
use regex::Regex;

pub(crate) use cel::Failure;
pub(crate) use rewrite::{Extra, MAX_COST, Notes, Problem};
pub(crate) use scope::{Budget, Overlay, Results, Scope};
pub(crate) use template::{Segment, Template};

use crate::document::Phase;
use crate::value::Value;

/// A compiled expression.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    expr: IdedExpr,
    regexes: Vec<Regex>,
    depth: usize,
    /// As written.
    pub(crate) text: Arc<str>,
    /// What it reads, with what gives the values.
    parts: Arc<[(String, IdedExpr)]>,
    /// The first tier, where it can do it.
    predicate: Option<Arc<native::Pred>>,
    direct: Option<Arc<native::Direct>>,
}

impl Program {
    /// Compiles `text` for a phase; `extra` are names that only this place has.
    pub(crate) fn compile(text: &str, phase: Phase, extra: Extra) -> Result<(Self, Notes), Vec<Problem>> {
        let mut rewritten = match rewritten_at_once(text, phase, extra) {
            Some(rewritten) => rewritten,
            None => {
                let (expr, source) = parse::parse(text)?;
                rewrite::rewrite(text, expr, &source, phase, extra)?
            }
        };
        let predicate = native::recognise(&rewritten.expr, &rewritten.regexes).map(Arc::new);
        let direct = native::direct(&rewritten.expr).map(Arc::new);
        Ok((
            Self {
                predicate,
                direct,
                expr: rewritten.expr,
                regexes: rewritten.regexes,
                depth: rewritten.depth,
                text: text.into(),
                parts: std::mem::take(&mut rewritten.notes.parts).into(),
            },
            rewritten.notes,
        ))
    }

    /// The values of what it reads; what holds credentials is not told.
    pub(crate) fn reads(&self, scope: &Scope<'_>) -> Vec<(String, Value)> {
        const HIDDEN: [&str; 7] = [
            "secret",
            "authorization",
            "cookie",
            "api-key",
            "api_key",
            "token",
            "password",
        ];
        self.parts
            .iter()
            .map(|(label, expr)| {
                let plain = label.to_ascii_lowercase();
                let value = if HIDDEN.iter().any(|word| plain.contains(word)) {
                    Value::from("***")
                } else {
                    match cel::evaluate(expr, &self.regexes, scope) {
                        Ok(value) => value,
                        Err(Failure::Error(message)) => Value::Text(format!("error: {message}")),
                        Err(Failure::Budget) => Value::from("error: the phase has used up its elements"),
                    }
                };
                (label.clone(), value)
            })
            .collect()
    }

    /// Its value now.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        self.evaluate_in(scope, false)
    }

    /// Its value; `cel`: by the second tier, whatever the first could do.
    pub(crate) fn evaluate_in(&self, scope: &Scope<'_>, cel: bool) -> Result<Value, Failure> {
        if !cel
            && !scope.budget.exhausted()
            && let Some(value) = self.direct.as_ref().and_then(|direct| direct.value(scope))
        {
            return Ok(value);
        }
        let evaluate = || cel::evaluate(&self.expr, &self.regexes, scope);
        if self.depth <= parse::DEEP {
            return evaluate();
        }
        parse::on_deep_stack(evaluate).unwrap_or_else(|| Err(Failure::Error("there is no thread for it".to_owned())))
    }

    /// Is it true now? Anything but a bool is a failure.
    pub(crate) fn is_true(&self, scope: &Scope<'_>) -> Result<bool, Failure> {
        self.is_true_in(scope, false)
    }

    /// The same; `cel` as in [`Program::evaluate_in`].
    pub(crate) fn is_true_in(&self, scope: &Scope<'_>, cel: bool) -> Result<bool, Failure> {
        if !cel
            && !scope.budget.exhausted()
            && let Some(value) = self.predicate.as_ref().and_then(|predicate| predicate.holds(scope))
        {
            return Ok(value);
        }
        match self.evaluate_in(scope, cel)? {
            Value::Bool(value) => Ok(value),
            _ => Err(Failure::Error("an expression must give a bool".to_owned())),
        }
    }

    /// What the first tier alone says; `None`: it is not of that tier, or an error, which only the second one tells.
    pub(crate) fn at_a_glance(&self, scope: &Scope<'_>) -> Option<bool> {
        self.predicate.as_ref()?.holds(scope)
    }

    /// Is it of the first tier?
    #[cfg(test)]
    fn is_native(&self) -> bool {
        self.predicate.is_some()
    }

    /// The literal that the whole expression is, if it is one.
    pub(crate) fn literal(&self) -> Option<bool> {
        match &self.expr.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => Some(*value.inner()),
            _ => None,
        }
    }
}

/// An ordinary expression, by the quick parser. It knows no places: what there is to complain of is put into words by the
/// other one.
fn rewritten_at_once(text: &str, phase: Phase, extra: Extra) -> Option<rewrite::Rewritten> {
    let expr = parse::quickly(text)?;
    rewrite::rewrite(text, expr, &SourceInfo::default(), phase, extra).ok()
}

/// For the fuzzer: both parsers make the same of a text.
pub(crate) fn parsers_agree(text: &str) {
    parse::agree(text);
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
