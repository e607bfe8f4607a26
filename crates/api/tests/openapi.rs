//! The committed description of the API is what the code makes, and differs from that of ngrok's clients only where a
//! reason is given.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// Set to anything, the test writes the document in place of comparing it: `cargo xtask openapi` does.
const WRITE: &str = "ADIT_WRITE_OPENAPI";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_committed_document_is_the_one_that_the_code_makes() {
    let made = format!("{:#}\n", adit_api::openapi::document());
    let path = here("openapi.json");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    let line = made.lines().zip(committed.lines()).position(|(a, b)| a != b);
    assert!(
        made == committed,
        "crates/api/openapi.json differs from line {:?} on: run `cargo xtask openapi`",
        line.map(|n| n + 1)
    );
}

/// Every reference leads somewhere, and each operation has a name of its own.
#[test]
fn the_document_is_whole() {
    let document = adit_api::openapi::document();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut names = BTreeSet::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} twice");
            assert_ne!(operation["tags"][0], "other", "{name} is not described");
        }
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            references.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|v| collect(v, references));
        }
        Value::Array(items) => items.iter().for_each(|v| collect(v, references)),
        _ => {}
    }
}

/// Why something of ngrok's description is not as it is there.
#[derive(Deserialize)]
struct Deviations {
    operations: Vec<MissingOperations>,
    #[serde(default)]
    parameters: Vec<OfOperation>,
    fields: Vec<OfSchema>,
}

#[derive(Deserialize)]
struct MissingOperations {
    names: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
struct OfOperation {
    operation: String,
    names: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
struct OfSchema {
    schemas: Vec<String>,
    names: Vec<String>,
    reason: String,
}

/// The parts of ngrok's description that are compared.
#[derive(Deserialize)]
struct Theirs {
    paths: BTreeMap<String, BTreeMap<String, Operation>>,
    components: Components,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    operation_id: String,
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    name: Option<String>,
    r#in: Option<String>,
}

#[derive(Deserialize)]
struct Components {
    schemas: BTreeMap<String, Schema>,
}

#[derive(Deserialize)]
struct Schema {
    #[serde(default)]
    properties: BTreeMap<String, serde::de::IgnoredAny>,
}

#[test]
fn what_differs_from_the_description_of_ngroks_clients_has_a_reason() {
    let path = here("../../../shared/spec/ngrok-openapi.yaml");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let theirs: Theirs = serde_saphyr::from_str(&text).unwrap();
    let deviations: Deviations =
        toml::from_str(&std::fs::read_to_string(here("openapi-deviations.toml")).unwrap()).unwrap();
    let ours = adit_api::openapi::document();
    let mut complaints = Vec::new();
    let mut reasons = BTreeMap::new();
    for (what, names, reason) in deviations
        .operations
        .iter()
        .map(|d| (String::new(), &d.names, &d.reason))
        .chain(
            deviations
                .parameters
                .iter()
                .map(|d| (d.operation.clone(), &d.names, &d.reason)),
        )
        .chain(deviations.fields.iter().flat_map(|d| {
            d.schemas
                .iter()
                .map(move |schema| (schema.clone(), &d.names, &d.reason))
        }))
    {
        assert!(reason.len() > 20, "{what} {names:?} has no reason");
        for name in names {
            reasons.insert(format!("{what}.{name}"), false);
        }
    }
    let mut differs = |what: &str, name: &str, how: String| match reasons.get_mut(&format!("{what}.{name}")) {
        Some(used) => *used = true,
        None => complaints.push(format!("{what}.{name}: {how}")),
    };

    let mut count = 0;
    for (path, methods) in &theirs.paths {
        // Edges and backends are one group: cloud endpoints have replaced them.
        if path.starts_with("/edges/") || path.starts_with("/backends/") {
            continue;
        }
        for (method, operation) in methods {
            count += 1;
            let name = &operation.operation_id;
            let Some(own) = ours["paths"].get(path).and_then(|p| p.get(method)) else {
                differs("", name, format!("{method} {path} is missing"));
                continue;
            };
            if own["operationId"] != **name {
                differs("", name, format!("{method} {path} is called {}", own["operationId"]));
            }
            let known: Vec<&str> = own["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|p| p["name"].as_str())
                .collect();
            for parameter in &operation.parameters {
                if let (Some(asked), Some("query")) = (&parameter.name, parameter.r#in.as_deref())
                    && !known.contains(&asked.as_str())
                {
                    differs(name, asked, "the parameter is missing".to_owned());
                }
            }
        }
    }
    assert_eq!(count, 134);

    let schemas = ours["components"]["schemas"].as_object().unwrap();
    let mut compared = 0;
    for (name, schema) in &theirs.components.schemas {
        let Some(own) = schemas.get(name) else { continue };
        compared += 1;
        let own = own["properties"].as_object().unwrap();
        for field in schema.properties.keys().filter(|f| !own.contains_key(*f)) {
            differs(name, field, "the field is missing".to_owned());
        }
        for field in own.keys().filter(|f| !schema.properties.contains_key(*f)) {
            differs(name, field, "the field is not theirs".to_owned());
        }
    }
    assert!(compared > 40, "{compared} schemas have the same name");
    let unused = reasons
        .iter()
        .filter(|(_, used)| !**used)
        .map(|(name, _)| format!("{name}: does not differ"));
    complaints.extend(unused);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
