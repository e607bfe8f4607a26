//! The `filter` of lists (control plane 1.5): a small part of CEL over one object, `obj`.
//!
//! ```text
//! text ─▶ token ─▶ parse (fields and types are checked here) ─▶ expression ─┬▶ evaluate: one object, yes or no
//!                                                                           └▶ terms: what an index can answer
//! ```
//!
//! A filter is parsed once for a request. [`Filter::terms`] gives conditions that every match fulfils, for the
//! database; [`Filter::matches`] decides. Two things differ from CEL so that the documented examples mean something:
//! a list that is empty equals `null` and `""` (lists are never null in answers), and a list equals a text that is
//! in it. A comparison with a value that is not there is false, as is one of different types.
//!
//! Limits: [`MAX_BYTES`] bytes, [`MAX_TERMS`] terms, [`MAX_DEPTH`] levels.

mod evaluate;
mod expression;
mod field;
mod parse;
mod terms;
mod time;
mod token;

#[cfg(test)]
mod tests;

use adit_names::code::ErrorCode;
use serde_json::Value;

pub use field::{FieldForm, FilterField};
pub use terms::{IndexOp, IndexTerm, IndexValue};

/// Longest filter.
pub const MAX_BYTES: usize = 2048;
/// Most comparisons, memberships and function calls of a filter.
pub const MAX_TERMS: usize = 64;
/// Deepest nesting of parentheses and negations.
pub const MAX_DEPTH: usize = 16;

/// A filter that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    condition: expression::Condition,
}

/// Why a filter cannot be used; its code is [`FilterError::CODE`], with the text as `error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(String);

impl FilterError {
    /// `ERR_NGROK_250`.
    pub const CODE: ErrorCode = ErrorCode::NGROK_250;

    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl Filter {
    /// The filter that `text` writes, over objects with these fields.
    ///
    /// # Errors
    /// What cannot be read, a construct that is not part of the language (named), an unknown field, types that can
    /// never meet, and more than the limits.
    pub fn parse(text: &str, fields: &[FilterField]) -> Result<Self, FilterError> {
        if text.len() > MAX_BYTES {
            return Err(FilterError::new(format!(
                "it has {} bytes, {MAX_BYTES} are the limit",
                text.len()
            )));
        }
        let tokens = token::tokens(text)?;
        let condition = parse::condition(&tokens, fields)?;
        Ok(Self { condition })
    }

    /// Whether it selects an object, given as the API shows it. `now` is in microseconds since 1970.
    pub fn matches(&self, object: &Value, now: i64) -> bool {
        evaluate::holds(&self.condition, object, now)
    }

    /// Conditions that all matches fulfil: those on plain fields that stand in one conjunction at the top. Whoever
    /// can answer one from an index may leave out the rest unread; what is left must still [match](Self::matches).
    pub fn terms(&self, now: i64) -> Vec<IndexTerm> {
        terms::of(&self.condition, now)
    }
}
