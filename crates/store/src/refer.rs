//! References between objects, and what the deletion of one does to others.

use adit_model::{OnDelete, Reference};
use adit_names::code::ErrorCode;
use adit_names::id::Id;
use serde_json::{Map, Value};

use crate::sql::{Arg, Row, SqlError};

/// A row of `refs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ref {
    pub(crate) field: String,
    pub(crate) to: Id,
    pub(crate) on_delete: OnDelete,
}

impl From<&Reference> for Ref {
    fn from(reference: &Reference) -> Self {
        Self {
            field: reference.field.to_owned(),
            to: reference.to,
            on_delete: reference.on_delete,
        }
    }
}

const DETACH: &str = "detach";
const CASCADE: &str = "cascade";

/// Reads a row of `from_id, field, to_id, on_delete`.
pub(crate) fn read(row: &Row) -> Result<(Id, Ref), SqlError> {
    let on_delete = match row.text(3)?.as_str() {
        DETACH => OnDelete::Detach,
        CASCADE => OnDelete::Cascade,
        code => OnDelete::Restrict(
            ErrorCode::lookup(code)
                .ok_or_else(|| SqlError::Decode(format!("on_delete {code} of a reference").into()))?,
        ),
    };
    let reference = Ref {
        field: row.text(1)?,
        to: row.parse(2)?,
        on_delete,
    };
    Ok((row.parse(0)?, reference))
}

/// Appends the values of a row to those of a statement.
pub(crate) fn write(from: Id, reference: &Ref, args: &mut Vec<Arg>) {
    args.extend([
        Arg::from(from.to_string()),
        Arg::from(reference.field.as_str()),
        Arg::from(reference.to.to_string()),
        Arg::from(match reference.on_delete {
            OnDelete::Restrict(code) => code.as_str(),
            OnDelete::Detach => DETACH,
            OnDelete::Cascade => CASCADE,
        }),
    ]);
}

/// Takes an id out of a field of a body: text becomes null, a list loses it. Dots lead into inner objects.
pub(crate) fn detach(body: &mut Map<String, Value>, field: &str, id: &str) {
    let (name, rest) = match field.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (field, None),
    };
    let Some(value) = body.get_mut(name) else { return };
    match (value, rest) {
        (Value::Object(inner), Some(rest)) => detach(inner, rest, id),
        (Value::Array(list), None) => list.retain(|item| item.as_str() != Some(id)),
        (value, None) if value.as_str() == Some(id) => *value = Value::Null,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detaching() {
        let value = serde_json::json!({"a": "x", "b": ["y", "x"], "c": {"d": "x"}, "e": "z"});
        let Value::Object(mut body) = value else {
            panic!("an object")
        };
        for field in ["a", "b", "c.d", "e", "none"] {
            detach(&mut body, field, "x");
        }
        let wanted = serde_json::json!({"a": null, "b": ["y"], "c": {"d": null}, "e": "z"});
        assert_eq!(Value::Object(body), wanted);
    }
}
