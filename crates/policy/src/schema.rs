//! A JSON Schema of the document for editors, made of the rows that the checker reads (traffic policy 6.2, 7.2).

use serde_json::{Map, Value as Json, json};

use crate::action::schema::{self, Field, Kind, List, Spec};
use crate::action::{ACTIONS, ALIASES};
use crate::document::Phase;

/// The committed text of [`schema`], as it is served to editors; a test holds both together.
pub const SCHEMA: &str = include_str!("../policy.schema.json");

/// The schema (draft 2020-12). What a field means beyond its form, only [`crate::check`] knows.
#[must_use]
pub fn schema() -> Json {
    let mut definitions = Map::new();
    for (spec, _) in ACTIONS {
        definitions.insert(format!("action-{}", spec.name), action(spec.name, spec));
    }
    for (alias, name, _) in ALIASES {
        if let Some((spec, _)) = ACTIONS.iter().find(|(spec, _)| spec.name == *name) {
            definitions.insert(format!("action-{alias}"), action(alias, spec));
        }
    }
    let mut phases = Map::new();
    for phase in Phase::ALL {
        let bit = match phase {
            Phase::TcpConnect => schema::T,
            Phase::HttpRequest => schema::Q,
            Phase::HttpResponse => schema::S,
            Phase::EventStreamMessage => schema::E,
        };
        let known = ACTIONS.iter().filter(|(spec, _)| spec.phases & bit != 0);
        let mut names: Vec<&str> = known.map(|(spec, _)| spec.name).collect();
        let aliases = ALIASES.iter().filter(|(_, name, _)| names.contains(name));
        let aliases: Vec<&str> = aliases.map(|(alias, ..)| *alias).collect();
        names.extend(aliases);
        let references: Vec<Json> = names
            .iter()
            .map(|name| json!({"$ref": format!("#/$defs/action-{name}")}))
            .collect();
        definitions.insert(
            format!("rule-{phase}"),
            json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["actions"],
                "properties": {
                    "name": {"type": "string", "maxLength": 256},
                    "id": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
                    "dry_run": {"type": "boolean", "default": false},
                    "on_expression_error": {"enum": ["refuse", "skip"]},
                    "expressions": {
                        "type": ["array", "null"],
                        "maxItems": 32,
                        "items": {"type": "string", "maxLength": 4096},
                    },
                    "actions": {"type": "array", "minItems": 1, "maxItems": 32, "items": {"oneOf": references}},
                },
            }),
        );
        phases.insert(
            phase.name().to_owned(),
            json!({
                "type": ["array", "null"],
                "maxItems": 256,
                "items": {"$ref": format!("#/$defs/rule-{phase}")},
            }),
        );
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Traffic Policy",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": phases,
        "$defs": definitions,
    })
}

fn action(name: &str, spec: &Spec) -> Json {
    let required = spec.fields.iter().any(|field| field.required);
    let mut out = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["type"],
        "properties": {
            "type": {"const": name},
            "config": record(spec.fields, spec.name == "deny"),
        },
    });
    if required && let Some(list) = out.get_mut("required").and_then(Json::as_array_mut) {
        list.push(json!("config"));
    }
    out
}

fn record(fields: &[Field], without_code: bool) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        // Of generated rules only.
        if without_code && field.name == "code" {
            continue;
        }
        properties.insert(field.name.to_owned(), kind(field.kind));
        if field.required {
            required.push(field.name);
        }
    }
    let mut out = json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !required.is_empty()
        && let Some(out) = out.as_object_mut()
    {
        out.insert("required".to_owned(), json!(required));
    }
    out
}

const DURATION: &str = "^(0|([0-9]+(\\.[0-9]+)?(us|µs|ms|s|m|h))+)$";

fn text(least: usize, most: usize) -> Json {
    let mut out = json!({"type": "string", "maxLength": most});
    if least > 0
        && let Some(out) = out.as_object_mut()
    {
        out.insert("minLength".to_owned(), json!(least));
    }
    out
}

fn kind(kind_of: Kind) -> Json {
    match kind_of {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::IntOf(allowed) => json!({"enum": allowed}),
        Kind::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
        Kind::Duration(..) => json!({"type": ["string", "integer"], "pattern": DURATION}),
        Kind::Text(least, most) | Kind::Template(least, most) => text(least, most),
        Kind::OneOf(allowed) => json!({"enum": allowed}),
        Kind::Cel(_) | Kind::Regex => text(0, 4096),
        Kind::Url => text(1, 8192),
        Kind::Cidr => text(1, 8192),
        Kind::Headers(least, lists) => {
            let value = json!({"type": ["string", "number", "boolean"]});
            let value = if lists {
                json!({"oneOf": [value, {"type": "array", "items": value}]})
            } else {
                value
            };
            json!({"type": "object", "minProperties": least, "maxProperties": 64, "additionalProperties": value})
        }
        Kind::List(rule) => list(rule),
        Kind::Record(fields) => record(fields, false),
        // What code checks: its form is told by the checker.
        Kind::Tree | Kind::Own(_) => json!(true),
    }
}

fn list(rule: &List) -> Json {
    let items = kind(rule.of);
    let mut out = json!({"type": "array", "minItems": rule.least, "maxItems": rule.most, "items": items});
    if rule.unique
        && let Some(out) = out.as_object_mut()
    {
        out.insert("uniqueItems".to_owned(), json!(true));
    }
    if rule.single {
        json!({"oneOf": [out, items]})
    } else {
        out
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_current() {
        let made = format!("{:#}\n", super::schema());
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/policy.schema.json");
        if std::env::var_os("ADIT_WRITE_SCHEMA").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(
            committed == made && super::SCHEMA == made,
            "policy.schema.json is old: ADIT_WRITE_SCHEMA=1 cargo test -p adit-policy schema"
        );
    }
}
