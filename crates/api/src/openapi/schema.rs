//! JSON schemas of kinds, from the descriptors of their fields.

use adit_model::{Field, Form, Writable};
use serde_json::{Map, Value, json};

use super::words::one_of;
use crate::people;
use crate::resource::{Subject, is_reference};

/// Schemas by name.
pub(super) type Schemas = Map<String, Value>;

/// Fields that are shown as a list of references.
const REFERENCE_LISTS: &[&str] = &["backends", "ip_policies", "roles"];

/// What several schemas use.
pub(super) fn common() -> Schemas {
    let error = json!({
        "type": "object",
        "description": "Why a request was not answered as asked.",
        "required": ["error_code", "status_code", "msg", "details"],
        "properties": {
            "error_code": {"type": "string", "description": "Its number: ERR_NGROK_… or ERR_ADIT_…."},
            "status_code": {"type": "integer", "description": "The HTTP status."},
            "msg": {"type": "string", "description": "What happened and what to do."},
            "details": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "operation_id always; field, supported, limit, referenced_by and others where they apply.",
            },
        },
    });
    let reference = json!({
        "type": "object",
        "description": "Another object.",
        "required": ["id", "uri"],
        "properties": {
            "id": {"type": "string", "description": "Its id."},
            "uri": {"type": "string", "description": "Where it is."},
        },
    });
    let mut schemas = Map::new();
    schemas.insert("Error".to_owned(), error);
    schemas.insert("Ref".to_owned(), reference);
    schemas
}

/// A reference to a schema of the document.
pub(super) fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The name of the schemas of a kind at one path.
pub(super) fn name(subject: &Subject) -> String {
    let one = one_of(subject.operations);
    if subject.additions { format!("Adit{one}") } else { one }
}

/// Puts in how an object of the kind is shown; returns its schema's name.
pub(super) fn shown(subject: &Subject, schemas: &mut Schemas) -> String {
    let name = name(subject);
    if schemas.contains_key(&name) {
        return name;
    }
    let mut properties = Map::new();
    let id = format!("Its id, {}_….", subject.prefix.as_str());
    properties.insert("id".to_owned(), json!({"type": "string", "description": id}));
    properties.insert(
        "uri".to_owned(),
        json!({"type": "string", "description": "Where it is."}),
    );
    properties.insert(
        "created_at".to_owned(),
        json!({"type": "string", "format": "date-time", "description": "When it was made."}),
    );
    let is_shown = |field: &&Field| !field.hidden && (subject.additions || !field.addition);
    for field in subject.kind.fields.iter().filter(is_shown) {
        properties.insert(field.name.to_owned(), property(field, false));
    }
    if subject.kind.name == "endpoint"
        && let Some(kind) = properties.get_mut("type")
    {
        // Those of agents are made by their binds, and shown in the same list.
        kind["enum"] = json!(["cloud", "agent"]);
    }
    let required: Vec<String> = properties.keys().cloned().collect();
    for field in people::shown_once(subject.kind.name) {
        properties.insert(field.name.to_owned(), property(field, false));
    }
    let schema = json!({
        "type": "object",
        "description": subject.kind.about,
        "required": required,
        "properties": properties,
    });
    schemas.insert(name.clone(), schema);
    name
}

/// Puts in a page of a list; returns its schema's name.
pub(super) fn list(of: &str, key: &str, schemas: &mut Schemas) -> String {
    let name = format!("{of}List");
    let schema = json!({
        "type": "object",
        "required": [key, "uri", "next_page_uri"],
        "properties": {
            key: {"type": "array", "items": named(of), "description": "The objects of this page, newest first."},
            "uri": {"type": "string", "description": "This page."},
            "next_page_uri": {"type": ["string", "null"], "description": "The page behind it; null for the last one."},
        },
    });
    schemas.insert(name.clone(), schema);
    name
}

/// Puts in what can be given to make (`Create`) or change (`Update`) an object; returns its schema's name.
pub(super) fn given(subject: &Subject, to_make: bool, schemas: &mut Schemas) -> String {
    let name = format!("{}{}", name(subject), if to_make { "Create" } else { "Update" });
    let is_given = |field: &&Field| {
        let now = match field.writable {
            Writable::Never => false,
            Writable::Create => to_make,
            Writable::Always => true,
        };
        now && !field.legacy && (subject.additions || !field.addition)
    };
    let beside = if to_make {
        people::made_with(subject.kind.name)
    } else {
        &[]
    };
    let fields: Vec<&Field> = subject.kind.fields.iter().chain(beside).filter(is_given).collect();
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), property(field, true)))
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    let required: Vec<_> = fields
        .iter()
        .filter(|f| to_make && f.required)
        .map(|f| f.name)
        .collect();
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schemas.insert(name.clone(), schema);
    name
}

/// One field. In bodies null is the same as nothing, so nothing is said of it there.
pub(super) fn property(field: &Field, in_body: bool) -> Value {
    let mut schema = match field.form {
        Form::Any if is_reference(field) => return reference(field),
        Form::Any if REFERENCE_LISTS.contains(&field.name) => json!({"type": "array", "items": named("Ref")}),
        form => of_form(form, in_body),
    };
    let Some(object) = schema.as_object_mut() else {
        return schema;
    };
    if field.nullable && !in_body {
        let or_null = match object.get("type") {
            Some(Value::String(kind)) => Some(json!([kind, "null"])),
            _ => None,
        };
        object.extend(or_null.map(|types| ("type".to_owned(), types)));
    }
    object.insert("description".to_owned(), field.about.into());
    if in_body && let Ok(default) = serde_json::from_str::<Value>(field.default) {
        object.insert("default".to_owned(), default);
    }
    if field.secret.is_some() && in_body {
        object.insert("writeOnly".to_owned(), true.into());
        object.insert("format".to_owned(), "password".into());
    }
    if field.addition {
        object.insert("x-adit-addition".to_owned(), true.into());
    }
    schema
}

fn reference(field: &Field) -> Value {
    let mut schema = Map::new();
    if field.nullable {
        schema.insert("oneOf".to_owned(), json!([named("Ref"), {"type": "null"}]));
    } else {
        schema.insert("$ref".to_owned(), "#/components/schemas/Ref".into());
    }
    schema.insert("description".to_owned(), field.about.into());
    if field.addition {
        schema.insert("x-adit-addition".to_owned(), true.into());
    }
    Value::Object(schema)
}

fn of_form(form: Form, in_body: bool) -> Value {
    let ids = |prefixes: &[adit_names::id::Prefix]| {
        let texts: Vec<_> = prefixes.iter().map(|p| p.as_str()).collect();
        json!({"type": "string", "x-adit-id": texts})
    };
    match form {
        Form::Text(most) => json!({"type": "string", "x-adit-max-bytes": most}),
        Form::Choice(texts) => json!({"type": "string", "enum": texts}),
        Form::Flag => json!({"type": "boolean"}),
        Form::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Form::Id(prefixes) => ids(prefixes),
        Form::Ids(prefixes, most) => json!({"type": "array", "items": ids(prefixes), "maxItems": most}),
        Form::Texts(count, most) => json!({
            "type": "array",
            "items": {"type": "string", "x-adit-max-bytes": most},
            "maxItems": count,
        }),
        Form::Map(most) => json!({
            "type": "object",
            "additionalProperties": {"type": "string"},
            "maxProperties": most,
        }),
        Form::Timestamp => json!({"type": "string", "format": "date-time"}),
        Form::Object(fields) => object(fields, in_body),
        Form::Objects(fields, most) => json!({"type": "array", "items": object(fields, in_body), "maxItems": most}),
        Form::Any => json!({}),
    }
}

fn object(fields: &[Field], in_body: bool) -> Value {
    let is_there = |field: &&Field| {
        !field.legacy
            && if in_body {
                field.writable != Writable::Never
            } else {
                !field.hidden
            }
    };
    let fields: Vec<&Field> = fields.iter().filter(is_there).collect();
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), property(field, in_body)))
        .collect();
    let is_required = |field: &&&Field| if in_body { field.required } else { true };
    let required: Vec<_> = fields.iter().filter(is_required).map(|f| f.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}
