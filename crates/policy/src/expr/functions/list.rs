//! Lists.

use std::collections::HashSet;

use super::super::scope::Scope;
use super::{MAX_LIST, MAX_TEXT, Outcome, integer, items, string};
use crate::value::Value;

pub(super) fn join(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let separator = match args.get(1) {
        Some(_) => string(args, 1)?,
        None => "",
    };
    let mut out = String::new();
    for (i, item) in items(args, 0)?.iter().enumerate() {
        let Value::Text(text) = item else {
            return Err(format!("only strings can be joined, not {}", super::kind(item)));
        };
        if i > 0 {
            out.push_str(separator);
        }
        out.push_str(text);
        if out.len() > MAX_TEXT {
            return Err("the string is too long".to_owned());
        }
    }
    Ok(Value::Text(out))
}

pub(super) fn range(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let end = integer(args, 0)?;
    if usize::try_from(end).map_or(end > 0, |end| end > MAX_LIST) {
        return Err(format!("a range has at most {MAX_LIST} elements"));
    }
    Ok(Value::List((0..end).map(Value::Int).collect()))
}

/// A text that equal scalars share, whatever their numeric type; `None` for what has to be compared.
fn scalar_key(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) => format!("s{text}"),
        Value::Bool(value) => format!("b{value}"),
        Value::Int(number) => format!("n{number}"),
        Value::Uint(number) => format!("n{number}"),
        Value::Null => "0".to_owned(),
        _ => return None,
    })
}

/// Equality as CEL has it: numbers compare across their types.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(a), Value::Uint(b)) | (Value::Uint(b), Value::Int(a)) => u64::try_from(*a) == Ok(*b),
        #[allow(clippy::cast_precision_loss)]
        (Value::Int(a), Value::Double(b)) | (Value::Double(b), Value::Int(a)) => (*a as f64).total_cmp(b).is_eq(),
        #[allow(clippy::cast_precision_loss)]
        (Value::Uint(a), Value::Double(b)) | (Value::Double(b), Value::Uint(a)) => (*a as f64).total_cmp(b).is_eq(),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.iter().any(|(other, found)| equal(key, other) && equal(value, found)))
        }
        (a, b) => a == b,
    }
}

/// Elements that may be compared with each other one by one.
const MAX_COMPARED: usize = 256;

pub(super) fn distinct(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let mut seen = HashSet::new();
    let mut compared: Vec<&Value> = Vec::new();
    let mut out = Vec::new();
    for item in items(args, 0)? {
        let new = match scalar_key(item) {
            Some(key) => seen.insert(key),
            None => {
                let new = !compared.iter().any(|known| equal(known, item));
                if new {
                    compared.push(item);
                }
                if compared.len() > MAX_COMPARED {
                    return Err("too many elements that are no scalars".to_owned());
                }
                new
            }
        };
        if new {
            out.push(item.clone());
        }
    }
    Ok(Value::List(out))
}

fn contains(list: &[Value], wanted: &Value) -> bool {
    list.iter().any(|item| equal(item, wanted))
}

fn small(args: &[Value]) -> Result<(&[Value], &[Value]), String> {
    let (a, b) = (items(args, 0)?, items(args, 1)?);
    if a.len().saturating_mul(b.len()) > 1_000_000 {
        return Err("the lists are too long".to_owned());
    }
    Ok((a, b))
}

pub(super) fn sets_contains(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let (a, b) = small(args)?;
    Ok(Value::Bool(b.iter().all(|item| contains(a, item))))
}

pub(super) fn sets_equivalent(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let (a, b) = small(args)?;
    Ok(Value::Bool(
        b.iter().all(|item| contains(a, item)) && a.iter().all(|item| contains(b, item)),
    ))
}

pub(super) fn sets_intersects(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let (a, b) = small(args)?;
    Ok(Value::Bool(b.iter().any(|item| contains(a, item))))
}
