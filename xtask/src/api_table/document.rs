//! Reads an OpenAPI document as far as commands need it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};

use super::names;

/// Deepest nesting of objects in a body that becomes flags.
const DEPTH: usize = 4;
/// Longest chain of `$ref`.
const REFERENCES: usize = 16;
const METHODS: &[&str] = &["get", "post", "patch", "put", "delete"];

#[derive(Debug)]
pub(super) struct Resource {
    pub(super) name: String,
    pub(super) aliases: &'static [&'static str],
    pub(super) group: &'static str,
    pub(super) operations: Vec<Operation>,
}

#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) verb: String,
    pub(super) about: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) positional: String,
    pub(super) flags: Vec<String>,
    pub(super) superset: String,
    pub(super) query: Vec<Field>,
    pub(super) body: Vec<Field>,
    pub(super) list: String,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    /// A name of `Form` in the table's own types.
    pub(super) form: &'static str,
    pub(super) required: bool,
    pub(super) addition: bool,
    pub(super) choices: Vec<String>,
    pub(super) about: String,
}

/// All resources by name, their operations in the order of the help.
pub(super) fn resources(document: &Value) -> Result<Vec<Resource>> {
    let paths = document
        .get("paths")
        .and_then(Value::as_object)
        .context("it has no paths")?;
    // Adit's own paths come last: where both have a verb, theirs is the superset.
    let mut sorted: Vec<_> = paths.iter().collect();
    sorted.sort_by_key(|(path, _)| (path.starts_with("/adit/"), path.as_str()));
    let mut found: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
    for (path, item) in sorted {
        for method in METHODS {
            let Some(described) = item.get(*method) else { continue };
            // What is found elsewhere is for browsers: a command shows a key, and has no cookie.
            if described.get("servers").is_some() {
                continue;
            }
            let (resource, operation) =
                operation(document, path, method, item, described).with_context(|| format!("{method} {path}"))?;
            let known = found.entry(resource).or_default();
            match known.iter_mut().find(|o| o.verb == operation.verb) {
                Some(same) if path.starts_with("/adit/") => extend(same, operation)?,
                Some(same) => bail!("{path}: {} is {} too", same.path, operation.verb),
                None => known.push(operation),
            }
        }
    }
    Ok(found
        .into_iter()
        .map(|(name, mut operations)| {
            operations.sort_by_key(|o| (names::rank(&o.verb), o.verb.clone()));
            Resource {
                aliases: names::aliases(&name),
                group: names::group(&name),
                name,
                operations,
            }
        })
        .collect())
}

/// The same verb of the same resource with Adit's additions.
fn extend(operation: &mut Operation, adit: Operation) -> Result<()> {
    if operation.path.starts_with("/adit/") || operation.method != adit.method {
        bail!("{} and {} have the same name", operation.path, adit.path);
    }
    operation.superset = adit.path;
    for field in adit.body {
        if !operation.body.iter().any(|f| f.name == field.name) {
            operation.body.push(Field {
                addition: true,
                ..field
            });
        }
    }
    Ok(())
}

fn operation(
    document: &Value,
    path: &str,
    method: &str,
    item: &Value,
    described: &Value,
) -> Result<(String, Operation)> {
    let method = method.to_ascii_uppercase();
    let list = if method == "GET" {
        list_key(document, item, described)?
    } else {
        String::new()
    };
    let (resource, verb) =
        names::of(&method, path, !list.is_empty()).ok_or_else(|| anyhow!("no rule gives it a name"))?;
    let text = |name: &str| described.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut query = Vec::new();
    for parameters in [item.get("parameters"), described.get("parameters")] {
        for parameter in parameters.and_then(Value::as_array).into_iter().flatten() {
            let parameter = resolved(document, parameter)?;
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            if parameter.get("in").and_then(Value::as_str) == Some("query") {
                let required = parameter.get("required") == Some(&Value::Bool(true));
                let schema = parameter.get("schema").unwrap_or(&Value::Null);
                let mut field = field(document, name, schema, required)?;
                if let Some(about) = parameter.get("description").and_then(Value::as_str) {
                    field.about = sentence(about);
                }
                query.push(field);
            }
        }
    }
    let parameters: Vec<String> = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(str::to_owned)
        .collect();
    let ends_with_one = path.ends_with('}') || !(method == "POST" && verb == "create");
    let (positional, flags) = match parameters.as_slice() {
        [one] if ends_with_one => (one.clone(), Vec::new()),
        _ => (String::new(), parameters.clone()),
    };
    let schema = described
        .get("requestBody")
        .map(|body| resolved(document, body))
        .transpose()?
        .and_then(|body| body.pointer("/content/application~1json/schema"));
    let mut body = Vec::new();
    if let Some(schema) = schema {
        fields(document, "", schema, true, DEPTH, &mut body)?;
        body.retain(|f| !parameters.contains(&f.name));
    }
    let about = [text("description"), text("summary")]
        .into_iter()
        .map(sentence)
        .find(|t| !t.is_empty())
        .unwrap_or_default();
    let id = text("operationId").to_owned();
    if id.is_empty() {
        bail!("it has no operationId");
    }
    Ok((
        resource,
        Operation {
            id,
            verb,
            about,
            method,
            path: path.to_owned(),
            positional,
            flags,
            superset: String::new(),
            query,
            body,
            list,
        },
    ))
}

/// Where a list has its objects: the array beside `next_page_uri`; `*` if its answer is not described.
fn list_key(document: &Value, item: &Value, described: &Value) -> Result<String> {
    let pages = [item, described]
        .iter()
        .filter_map(|place| place.get("parameters")?.as_array())
        .flatten()
        .any(|parameter| parameter.get("name").and_then(Value::as_str) == Some("before_id"));
    let otherwise = if pages { "*" } else { "" };
    let Some(schema) = described.pointer("/responses/200/content/application~1json/schema") else {
        return Ok(otherwise.to_owned());
    };
    let schema = resolved(document, schema)?;
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Ok(otherwise.to_owned());
    };
    if !properties.contains_key("next_page_uri") {
        return Ok(otherwise.to_owned());
    }
    let array = properties.iter().find(|(_, schema)| has_type(schema, "array"));
    Ok(array.map_or("*", |(name, _)| name).to_owned())
}

/// The fields of an object, nested ones by their path.
fn fields(
    document: &Value,
    prefix: &str,
    schema: &Value,
    within_required: bool,
    depth: usize,
    found: &mut Vec<Field>,
) -> Result<()> {
    let schema = plain(document, schema)?;
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Ok(());
    };
    for (name, property) in properties {
        if property.get("readOnly") == Some(&Value::Bool(true)) {
            continue;
        }
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        let needed = within_required && required.contains(&name.as_str());
        let inner = plain(document, property)?;
        if depth > 1
            && inner
                .get("properties")
                .and_then(Value::as_object)
                .is_some_and(|p| !p.is_empty())
        {
            fields(document, &path, inner, false, depth - 1, found)?;
        } else {
            let mut one = field(document, &path, property, needed)?;
            if let Some(about) = property.get("description").and_then(Value::as_str) {
                one.about = sentence(about);
            }
            found.push(one);
        }
    }
    Ok(())
}

fn field(document: &Value, name: &str, schema: &Value, required: bool) -> Result<Field> {
    let schema = plain(document, schema)?;
    let form = if has_type(schema, "array") {
        let items = plain(document, schema.get("items").unwrap_or(&Value::Null))?;
        if has_type(items, "string") {
            "Texts"
        } else if has_type(items, "integer") {
            "Integers"
        } else {
            "Objects"
        }
    } else if has_type(schema, "string") {
        "Text"
    } else if has_type(schema, "boolean") {
        "Flag"
    } else if has_type(schema, "integer") {
        "Integer"
    } else if has_type(schema, "number") {
        "Number"
    } else if schema
        .get("additionalProperties")
        .is_some_and(|p| has_type(p, "string"))
    {
        "Map"
    } else {
        "Json"
    };
    let choices = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    Ok(Field {
        name: name.to_owned(),
        form,
        required,
        addition: false,
        choices: choices.filter_map(Value::as_str).map(str::to_owned).collect(),
        about: sentence(schema.get("description").and_then(Value::as_str).unwrap_or_default()),
    })
}

fn has_type(schema: &Value, wanted: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => name == wanted,
        Some(Value::Array(names)) => names.iter().any(|name| name == wanted),
        _ => false,
    }
}

/// The schema behind references, and behind a choice between it and null.
fn plain<'d>(document: &'d Value, schema: &'d Value) -> Result<&'d Value> {
    let schema = resolved(document, schema)?;
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(options) = schema.get(choice).and_then(Value::as_array) {
            let mut left = options.iter().filter(|o| !has_type(o, "null"));
            if let (Some(one), None) = (left.next(), left.next()) {
                return resolved(document, one);
            }
        }
    }
    Ok(schema)
}

fn resolved<'d>(document: &'d Value, mut value: &'d Value) -> Result<&'d Value> {
    for _ in 0..REFERENCES {
        let Some(reference) = value.as_object().and_then(|m: &Map<String, Value>| m.get("$ref")) else {
            return Ok(value);
        };
        let reference = reference.as_str().unwrap_or_default();
        value = reference
            .strip_prefix('#')
            .and_then(|pointer| document.pointer(pointer))
            .ok_or_else(|| anyhow!("{reference} leads nowhere"))?;
    }
    bail!("a circle of references");
}

/// The first sentence, without its full stop, on one line.
fn sentence(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line
        .match_indices(". ")
        .map(|(at, _)| at)
        .find(|at| {
            !["e.g", "i.e", "etc"]
                .iter()
                .any(|short| line.get(..*at).is_some_and(|l| l.ends_with(short)))
        })
        .unwrap_or(line.len());
    line.get(..end).unwrap_or_default().trim_end_matches('.').to_owned()
}
