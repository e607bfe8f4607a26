//! `cargo xtask api-table`: the commands of `adit api` from the API's own description.
//!
//! `crates/api/openapi.json` says what there is; `crates/adit/src/command/api/table.rs` is what comes out, committed.
//! A test fails if the one does not follow from the other.

mod document;
mod names;
mod write;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Options of `cargo xtask api-table`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Change nothing; fail if the table is not current
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    let (path, wanted) = generated(workspace)?;
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    if current == wanted {
        println!("{} is current", path.display());
        return Ok(());
    }
    if args.check {
        bail!("{} is not current: cargo xtask api-table", path.display());
    }
    std::fs::write(&path, wanted).with_context(|| format!("writing {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// Where the table lies, and what shall stand there.
fn generated(workspace: &Workspace) -> Result<(PathBuf, String)> {
    let root = workspace.root();
    let source = root.join("crates/api/openapi.json");
    let text = std::fs::read_to_string(&source).with_context(|| format!("reading {}", source.display()))?;
    let document = serde_json::from_str(&text).with_context(|| format!("reading {}", source.display()))?;
    let resources = document::resources(&document).with_context(|| source.display().to_string())?;
    Ok((
        root.join("crates/adit/src/command/api/table.rs"),
        write::table(&resources),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_is_current() {
        let (path, wanted) = generated(&Workspace::find().unwrap()).unwrap();
        let current = std::fs::read_to_string(&path).unwrap();
        assert!(current == wanted, "{}: cargo xtask api-table", path.display());
    }

    fn sample() -> serde_json::Value {
        let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}});
        let object = json!({"type": "object", "properties": {"id": {"type": "string"}}});
        json!({
            "openapi": "3.1.0",
            "paths": {
                "/reserved_domains": {
                    "post": {
                        "operationId": "ReservedDomainsCreate", "summary": "Create",
                        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                        "responses": {"201": {"content": {"application/json": {"schema": object}}}},
                    },
                    "get": {
                        "operationId": "ReservedDomainsList", "description": "All of them. Newest first.",
                        "parameters": [
                            {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                            {"name": "id", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                            {"name": "Ngrok-Version", "in": "header", "schema": {"type": "string"}},
                        ],
                        "responses": {"200": {"content": {"application/json": {"schema": {"properties": {
                            "reserved_domains": {"type": "array", "items": {"type": "object"}},
                            "uri": {"type": "string"}, "next_page_uri": {"type": ["string", "null"]},
                        }}}}}},
                    },
                },
                "/reserved_domains/{id}": {
                    "parameters": [id],
                    "get": {"operationId": "ReservedDomainsGet", "responses": {}},
                    "patch": {
                        "operationId": "ReservedDomainsUpdate",
                        "requestBody": {"content": {"application/json": {"schema": {"properties": {
                            "id": {"type": "string"}, "description": {"type": ["string", "null"]},
                        }}}}},
                        "responses": {},
                    },
                    "delete": {"operationId": "ReservedDomainsDelete", "responses": {}},
                },
                "/reserved_domains/{id}/certificate": {
                    "delete": {"operationId": "ReservedDomainsDeleteCertificate", "parameters": [id], "responses": {}},
                },
                "/adit/reserved_domains/{id}": {
                    "patch": {
                        "operationId": "AditReservedDomainsUpdate", "parameters": [id],
                        "requestBody": {"content": {"application/json": {"schema": {"properties": {
                            "description": {"type": "string"}, "hsts": {"type": "boolean", "description": "Send HSTS."},
                        }}}}},
                        "responses": {},
                    },
                },
                "/vaults/{id}/secrets": {"get": {"operationId": "VaultsSecrets", "parameters": [id], "responses": {}}},
                "/tunnel_sessions/{id}/stop": {"post": {"operationId": "Stop", "parameters": [id], "responses": {}}},
                "/adit/organization": {"get": {"operationId": "AditOrganization", "responses": {}}},
                "/tunnels": {"get": {"operationId": "T", "parameters": [{"name": "before_id", "in": "query"}], "responses": {}}},
                "/adit/openapi.json": {"get": {"operationId": "O", "responses": {}}},
                "/": {"get": {"operationId": "Root", "responses": {}}},
            },
            "components": {"schemas": {
                "New": {
                    "type": "object", "required": ["domain"],
                    "properties": {
                        "domain": {"type": "string", "description": "The name."},
                        "region": {"type": "string", "enum": ["", "eu"]},
                        "count": {"type": "integer"},
                        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                        "resolves_to": {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}},
                        "certificate_management_policy": {"anyOf": [
                            {"$ref": "#/components/schemas/Policy"}, {"type": "null"},
                        ]},
                    },
                },
                "Entry": {"type": "object", "properties": {"value": {"type": "string"}}},
                "Policy": {"type": "object", "required": ["authority"], "properties": {
                    "authority": {"type": "string"}, "extra": {},
                }},
            }},
        })
    }

    #[test]
    fn a_document_becomes_commands() {
        let found = document::resources(&sample()).unwrap();
        let lines: Vec<_> = found
            .iter()
            .flat_map(|r| r.operations.iter().map(move |o| (r, o)))
            .map(|(r, o)| {
                let place = format!(
                    "{}{}{}",
                    o.path,
                    if o.superset.is_empty() { "" } else { " + " },
                    o.superset
                );
                format!(
                    "{} {} {} = {} {place} {}",
                    r.name, o.verb, o.positional, o.method, o.list
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                "openapi get  = GET /adit/openapi.json ",
                "organization get  = GET /adit/organization ",
                "reserved-domains create  = POST /reserved_domains ",
                "reserved-domains list  = GET /reserved_domains reserved_domains",
                "reserved-domains get id = GET /reserved_domains/{id} ",
                "reserved-domains update id = PATCH /reserved_domains/{id} + /adit/reserved_domains/{id} ",
                "reserved-domains delete id = DELETE /reserved_domains/{id} ",
                "reserved-domains delete-certificate id = DELETE /reserved_domains/{id}/certificate ",
                "root get  = GET / ",
                "tunnel-sessions stop id = POST /tunnel_sessions/{id}/stop ",
                "tunnels list  = GET /tunnels *",
                "vaults get-secrets-by-vault id = GET /vaults/{id}/secrets ",
            ]
        );
        let domains = found.iter().find(|r| r.name == "reserved-domains").unwrap();
        assert_eq!(domains.aliases, ["domains"]);
        let fields = |verb: &str| {
            let operation = domains.operations.iter().find(|o| o.verb == verb).unwrap();
            let all = operation.query.iter().chain(&operation.body);
            all.map(|f| {
                let marks = [(f.required, "!"), (f.addition, "+")];
                let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, m)| *m).collect();
                format!("{}{marks} {} {}", f.name, f.form, f.choices.join("|"))
            })
            .collect::<Vec<_>>()
        };
        assert_eq!(fields("list"), ["limit Integer ", "id Texts "]);
        assert_eq!(
            fields("create"),
            [
                "domain! Text ",
                "region Text |eu",
                "count Integer ",
                "labels Map ",
                "resolves_to Objects ",
                "certificate_management_policy.authority Text ",
                "certificate_management_policy.extra Json ",
            ]
        );
        assert_eq!(fields("update"), ["description Text ", "hsts+ Flag "]);
        let text = write::table(&found);
        assert!(
            text.contains(r#"Operation { verb: "list", about: "All of them","#),
            "{text}"
        );
    }

    #[test]
    fn what_has_no_name_is_said() {
        for path in ["/edges/https/{id}/mutual_tls", "/{id}"] {
            let document = json!({"paths": {path: {"put": {"operationId": "X", "responses": {}}}}});
            let error = format!("{:#}", document::resources(&document).unwrap_err());
            assert!(error.contains(path), "{error}");
        }
    }
}
