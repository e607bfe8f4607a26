//! Conditions that an index can answer.

use super::expression::{Comparison, Condition, Field, Operand};
use super::field::FieldForm;
use super::time;

/// A condition on one field that every match fulfils.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexTerm {
    /// Path of the field, a reference without `.id`.
    pub field: String,
    /// How.
    pub op: IndexOp,
    /// With what.
    pub value: IndexValue,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexOp {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
    /// Equal to one of a list.
    OneOf,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexValue {
    /// Text, ids included; never empty.
    Text(String),
    /// Several of them, for [`IndexOp::OneOf`].
    Texts(Vec<String>),
    /// True or false, for [`IndexOp::Equal`].
    Flag(bool),
    /// Microseconds since 1970. Answers show some times in whole seconds, so that bounds are those of the second:
    /// only [`IndexOp::GreaterOrEqual`] and [`IndexOp::Less`].
    Time(i64),
}

pub(super) fn of(condition: &Condition, now: i64) -> Vec<IndexTerm> {
    let mut found = Vec::new();
    collect(condition, now, &mut found);
    found
}

fn collect(condition: &Condition, now: i64, found: &mut Vec<IndexTerm>) {
    match condition {
        Condition::All(parts) => parts.iter().for_each(|part| collect(part, now, found)),
        Condition::True(Operand::Field(field)) => flag(field, true, found),
        Condition::Not(part) => {
            if let Condition::True(Operand::Field(field)) = part.as_ref()
                // What is not true may be absent too; described flags never are.
                && field.form == FieldForm::Flag
            {
                flag(field, false, found);
            }
        }
        Condition::Compare(Operand::Field(field), how, value) => comparison(field, *how, value, now, found),
        Condition::Compare(value, how, Operand::Field(field)) => comparison(field, how.turned(), value, now, found),
        Condition::OneOf(Operand::Field(field), values) if is_text(field) => {
            let texts: Option<Vec<_>> = values.iter().map(text).collect();
            if let Some(texts) = texts {
                found.push(IndexTerm {
                    field: name(field),
                    op: IndexOp::OneOf,
                    value: IndexValue::Texts(texts),
                });
            }
        }
        _ => {}
    }
}

fn flag(field: &Field, value: bool, found: &mut Vec<IndexTerm>) {
    found.push(IndexTerm {
        field: name(field),
        op: IndexOp::Equal,
        value: IndexValue::Flag(value),
    });
}

fn comparison(field: &Field, how: Comparison, value: &Operand, now: i64, found: &mut Vec<IndexTerm>) {
    let mut push = |op, value| {
        found.push(IndexTerm {
            field: name(field),
            op,
            value,
        });
    };
    let at = match value {
        Operand::Time(at) => Some(*at),
        Operand::Now(offset) => Some(now.saturating_add(*offset)),
        _ => None,
    };
    if let (Some(at), FieldForm::Time) = (at, field.form) {
        if matches!(
            how,
            Comparison::Greater | Comparison::GreaterOrEqual | Comparison::Equal
        ) {
            push(IndexOp::GreaterOrEqual, IndexValue::Time(time::whole_second(at)));
        }
        if matches!(how, Comparison::Less | Comparison::LessOrEqual | Comparison::Equal) {
            push(IndexOp::Less, IndexValue::Time(time::next_second(at)));
        }
        return;
    }
    if let (Operand::Flag(flag), FieldForm::Flag, Comparison::Equal) = (value, field.form, how) {
        push(IndexOp::Equal, IndexValue::Flag(*flag));
    }
    if let (Some(text), true) = (text(value), is_text(field)) {
        let op = match how {
            Comparison::Equal => IndexOp::Equal,
            // Columns are collated as the database likes, except ids.
            _ if field.form != FieldForm::Id => return,
            Comparison::Less => IndexOp::Less,
            Comparison::LessOrEqual => IndexOp::LessOrEqual,
            Comparison::GreaterOrEqual => IndexOp::GreaterOrEqual,
            Comparison::Greater => IndexOp::Greater,
            Comparison::NotEqual => return,
        };
        push(op, IndexValue::Text(text));
    }
}

fn is_text(field: &Field) -> bool {
    matches!(field.form, FieldForm::Text | FieldForm::Id | FieldForm::Reference)
}

/// A text that is not empty: an index may hold nothing where an answer shows "".
fn text(value: &Operand) -> Option<String> {
    match value {
        Operand::Text(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// `principal` and `principal.id` are one.
fn name(field: &Field) -> String {
    let name = field.name();
    name.strip_suffix(".id").map(str::to_owned).unwrap_or(name)
}
