//! From an object to an answer (control plane 1.3, 1.4).

use serde_json::{Map, Value};

use crate::field::{Field, Form};
use crate::kind::{Kind, View};
use crate::object::Object;
use crate::timestamp::{micros, timestamp};

/// An object as answers have it: every field that is described, whatever is stored; no secrets. Times have whole
/// seconds, with additions microseconds.
#[must_use]
pub fn show(kind: &Kind, object: &Object, view: &View<'_>) -> Value {
    let mut out = Map::new();
    out.insert("id".to_owned(), object.id.to_string().into());
    out.insert("uri".to_owned(), view.uri(kind, &object.id).into());
    out.insert(
        "created_at".to_owned(),
        timestamp(object.created_at, view.additions).into(),
    );
    let is_shown = |field: &&Field| !field.hidden && !field.legacy && (view.additions || !field.addition);
    for field in kind.fields.iter().filter(is_shown) {
        out.insert(field.name.to_owned(), value_of(field, object, view));
    }
    (kind.show)(object, &mut out, view);
    Value::Object(out)
}

fn value_of(field: &Field, object: &Object, view: &View<'_>) -> Value {
    if field.name == "updated_at" {
        return timestamp(object.updated_at, view.additions).into();
    }
    let stored = object
        .body
        .get(field.name)
        .filter(|value| field.secret.is_none() && (field.nullable || !value.is_null()));
    match (stored, field.form) {
        (None, _) => field.default_value(),
        (Some(Value::String(text)), Form::Timestamp) => match micros(text) {
            Some(time) => timestamp(time, view.additions).into(),
            None => Value::from(text.as_str()),
        },
        (Some(value), _) => value.clone(),
    }
}
