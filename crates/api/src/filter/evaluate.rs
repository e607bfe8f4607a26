//! Whether a condition holds for one object.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::expression::{Comparison, Condition, Field, Operand, TextFunction};
use super::field::FieldForm;
use super::time;

/// A value while it is compared.
#[derive(Clone, Copy, Debug)]
enum Seen<'v> {
    Null,
    Flag(bool),
    Number(f64),
    Text(&'v str),
    Time(i64),
    List(&'v [Value]),
    Map(&'v Map<String, Value>),
}

pub(super) fn holds(condition: &Condition, object: &Value, now: i64) -> bool {
    let see = |operand| see(operand, object, now);
    match condition {
        Condition::Any(parts) => parts.iter().any(|part| holds(part, object, now)),
        Condition::All(parts) => parts.iter().all(|part| holds(part, object, now)),
        Condition::Not(part) => !holds(part, object, now),
        Condition::Compare(left, how, right) => compare(see(left), *how, see(right)),
        Condition::OneOf(what, values) => values.iter().any(|value| equal(see(what), see(value))),
        Condition::Member(what, list) => match (see(what), see(list)) {
            (Seen::Text(text), Seen::List(items)) => items.iter().any(|item| item.as_str() == Some(text)),
            (Seen::Text(text), Seen::Map(map)) => map.contains_key(text),
            _ => false,
        },
        Condition::Text(function, text, part) => match (see(text), see(part)) {
            (Seen::Text(text), Seen::Text(part)) => match function {
                TextFunction::StartsWith => text.starts_with(part),
                TextFunction::Contains => text.contains(part),
                TextFunction::EndsWith => text.ends_with(part),
            },
            _ => false,
        },
        Condition::True(operand) => matches!(see(operand), Seen::Flag(true)),
    }
}

fn see<'v>(operand: &'v Operand, object: &'v Value, now: i64) -> Seen<'v> {
    match operand {
        Operand::Null => Seen::Null,
        Operand::Flag(flag) => Seen::Flag(*flag),
        Operand::Number(number) => Seen::Number(*number),
        Operand::Text(text) => Seen::Text(text),
        Operand::Time(at) => Seen::Time(*at),
        Operand::Now(offset) => Seen::Time(now.saturating_add(*offset)),
        Operand::Field(field) => read(field, object),
        Operand::Size(field) => {
            let size = match read(field, object) {
                Seen::Text(text) => text.chars().count(),
                Seen::List(list) => list.len(),
                Seen::Map(map) => map.len(),
                _ => return Seen::Null,
            };
            Seen::Number(u32::try_from(size).map_or_else(|_| f64::from(u32::MAX), f64::from))
        }
    }
}

fn read<'v>(field: &Field, object: &'v Value) -> Seen<'v> {
    let mut at = object;
    for segment in &field.path {
        match at.get(segment) {
            Some(next) => at = next,
            None => return Seen::Null,
        }
    }
    match at {
        Value::Null => Seen::Null,
        Value::Bool(flag) => Seen::Flag(*flag),
        Value::Number(number) => number.as_f64().map_or(Seen::Null, Seen::Number),
        Value::String(text) if field.form == FieldForm::Time => time::micros(text).map_or(Seen::Null, Seen::Time),
        Value::String(text) => Seen::Text(text),
        Value::Array(items) => Seen::List(items),
        Value::Object(map) => match map.get("id") {
            Some(Value::String(id)) if field.form == FieldForm::Reference => Seen::Text(id),
            _ => Seen::Map(map),
        },
    }
}

fn compare(left: Seen<'_>, how: Comparison, right: Seen<'_>) -> bool {
    match how {
        Comparison::Equal => equal(left, right),
        Comparison::NotEqual => !equal(left, right),
        Comparison::Less => order(left, right).is_some_and(Ordering::is_lt),
        Comparison::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
        Comparison::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
        Comparison::Greater => order(left, right).is_some_and(Ordering::is_gt),
    }
}

#[expect(clippy::float_cmp, reason = "numbers of JSON are equal or not")]
fn equal(left: Seen<'_>, right: Seen<'_>) -> bool {
    match (left, right) {
        (Seen::Null, Seen::Null) => true,
        (Seen::Flag(a), Seen::Flag(b)) => a == b,
        (Seen::Number(a), Seen::Number(b)) => a == b,
        (Seen::Text(a), Seen::Text(b)) => a == b,
        (Seen::Time(a), Seen::Time(b)) => a == b,
        (Seen::List(a), Seen::List(b)) => a == b,
        (Seen::Map(a), Seen::Map(b)) => a == b,
        (Seen::List(list), Seen::Null) | (Seen::Null, Seen::List(list)) => list.is_empty(),
        (Seen::Map(map), Seen::Null) | (Seen::Null, Seen::Map(map)) => map.is_empty(),
        (Seen::List(list), Seen::Text("")) | (Seen::Text(""), Seen::List(list)) => list.is_empty(),
        (Seen::List(list), Seen::Text(text)) | (Seen::Text(text), Seen::List(list)) => {
            list.iter().any(|item| item.as_str() == Some(text))
        }
        _ => false,
    }
}

fn order(left: Seen<'_>, right: Seen<'_>) -> Option<Ordering> {
    match (left, right) {
        (Seen::Number(a), Seen::Number(b)) => a.partial_cmp(&b),
        (Seen::Text(a), Seen::Text(b)) => Some(a.cmp(b)),
        (Seen::Time(a), Seen::Time(b)) => Some(a.cmp(&b)),
        _ => None,
    }
}
