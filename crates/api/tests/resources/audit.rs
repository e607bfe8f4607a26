//! The audit log as the API shows it.

use adit_store::log::{Entry, Verifier, is_signed, jcs};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::kinds;
use crate::place::{URL, place};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn each_change_is_an_entry_and_pages_lead_through_all() {
    let place = place().await;
    let made = place.make("/ip_policies", json!({"description": "office"})).await;
    let one = format!("/ip_policies/{}", made["id"].as_str().unwrap());
    place.ask("PATCH", &one, json!({"description": "offices"})).await;
    place.ask("PATCH", &one, json!({"description": "offices"})).await;
    place.ask("DELETE", &one, Value::Null).await;
    let about = format!("/adit/audit?object={}", made["id"].as_str().unwrap());
    let list = place.ask("GET", &about, Value::Null).await;
    let entries = list.json["entries"].as_array().unwrap();
    let types: Vec<_> = entries.iter().map(|e| e["event_type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["ip_policy_deleted.v0", "ip_policy_updated.v0", "ip_policy_created.v0"],
        "{}",
        list.text
    );
    let updated = &entries[1];
    assert_eq!(updated["before"]["description"], "office");
    assert_eq!(updated["after"]["description"], "offices");
    assert_eq!(updated["principal_id"], place.ours.user.to_string());
    assert_eq!(updated["ip"], "192.0.2.1");
    let single = format!("/adit/audit/{}", updated["event_id"].as_str().unwrap());
    assert_eq!(place.ask("GET", &single, Value::Null).await.json, *updated);
    let theirs = place.theirs.key.clone();
    assert_eq!(place.ask_as(&theirs, "GET", &single, Value::Null).await.status, 404);
    assert_eq!(
        place.ask_as(&theirs, "GET", &about, Value::Null).await.json["entries"],
        json!([])
    );

    let whole = place.ask("GET", "/adit/audit", Value::Null).await;
    let whole: Vec<_> = whole.json["entries"].as_array().unwrap().clone();
    let mut seen = Vec::new();
    let mut path = "/adit/audit?limit=2".to_owned();
    loop {
        let page = place.ask("GET", &path, Value::Null).await;
        seen.extend(page.json["entries"].as_array().unwrap().iter().cloned());
        match page.json["next_page_uri"].as_str() {
            Some(next) => path = next.strip_prefix(URL).unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, whole);
    let filtered = "/adit/audit?filter=obj.event_type%3D%3D%22ip_policy_updated.v0%22";
    let filtered = place.ask("GET", filtered, Value::Null).await;
    assert_eq!(filtered.json["entries"], json!([updated]));
    let future = place
        .ask("GET", "/adit/audit?from=2999-01-01T00:00:00Z", Value::Null)
        .await;
    assert_eq!(future.json["entries"], json!([]));
    for (query, code) in [
        ("from=yesterday", "ERR_NGROK_241"),
        ("filter=obj.x", "ERR_NGROK_250"),
        ("before_id=ak_0ujtsYcgvSTl8PAuAdqWYSMnLOv", "ERR_NGROK_227"),
        ("before_id=ev_0ujtsYcgvSTl8PAuAdqWYSMnLOv", "ERR_ADIT_2301"),
    ] {
        let refused = place.ask("GET", &format!("/adit/audit?{query}"), Value::Null).await;
        assert_eq!(refused.code(), code, "{query}: {}", refused.text);
    }
}

/// What is exported verifies without the server, and ends with a line that is signed.
#[tokio::test]
async fn an_export_verifies_elsewhere() {
    let place = place().await;
    for n in 0..300 {
        place
            .make("/ip_policies", json!({"metadata": n.to_string().repeat(300)}))
            .await;
    }
    let keys = place.ask("GET", "/adit/audit/keys", Value::Null).await;
    let public = keys.json["keys"][0]["public_key"].as_str().unwrap();
    let public = BASE64_STANDARD.decode(public).unwrap();
    let export = place.ask("GET", "/adit/audit/export", Value::Null).await;
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    let mut lines = lines(&export.text);
    let manifest = lines.pop().unwrap()["manifest"].clone();
    assert_eq!(manifest["count"], lines.len());
    let mut verifier = Verifier::new();
    for line in &lines {
        verifier.entry(&Entry::from_json(line).unwrap()).unwrap();
    }
    assert_eq!(verifier.finish().unwrap().entries, lines.len() as u64);
    let mut rest = manifest.clone();
    let signature = rest.as_object_mut().unwrap().remove("signature").unwrap();
    let signature = BASE64_STANDARD.decode(signature.as_str().unwrap()).unwrap();
    let mut signed = String::new();
    jcs::write(&rest, &mut signed);
    assert!(is_signed(&public, signed.as_bytes(), &signature));
    let ours = place.ours.id.to_string();
    assert!(lines.iter().all(|line| line["organization_id"] == ours));

    // The export is recorded, in itself as well; verifying is not.
    let exported = |text: &str| text.matches("\"audit_exported.v0\"").count();
    assert_eq!(exported(&export.text), 1);
    for _ in 0..2 {
        let again = place.ask("GET", "/adit/audit/export?verify=true", Value::Null).await;
        assert_eq!(exported(&again.text), 1);
    }

    let csv = place.ask("GET", "/adit/audit/export?format=csv", Value::Null).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.text.starts_with("position,") || csv.text.contains("event_id"));
    assert!(csv.text.trim_end().lines().last().unwrap().starts_with("#{"));
    let wrong = place.ask("GET", "/adit/audit/export?format=xml", Value::Null).await;
    assert_eq!(wrong.code(), "ERR_NGROK_215");
}

#[tokio::test]
async fn signed_heads_are_ones_own() {
    let place = place().await;
    place.make("/ip_policies", json!({})).await;
    let signed = place.store.checkpoint_now(&place.audit_key).await.unwrap();
    assert!(signed.len() >= 2, "both organisations have a chain");
    let heads = place.ask("GET", "/adit/audit/heads", Value::Null).await;
    let heads = lines(&heads.text);
    let ours = place.ours.id.to_string();
    assert!(!heads.is_empty());
    assert!(heads.iter().all(|head| head["organization_id"] == ours));
    let later = place
        .ask("GET", "/adit/audit/heads?since=2999-01-01T00:00:00Z", Value::Null)
        .await;
    assert_eq!((later.status.as_u16(), later.text.as_str()), (200, ""));
}

/// Kinds whose events have another name than they.
const RENAMED: &[(&str, &str)] = &[
    ("credential", "tunnel_credential"),
    ("endpoint", "cloud_endpoint"),
    ("reserved_addr", "tcp_address"),
    ("reserved_domain", "domain"),
];

/// Each kind made, changed and deleted: three entries, which say who did it in which request, and what was there before
/// and after; no secret.
#[tokio::test]
async fn each_change_of_each_kind_is_an_entry() {
    let place = place().await;
    for (n, kind) in kinds::common().enumerate() {
        let path = kinds::path(kind);
        let body = kinds::body(&place, kind.name, n).await;
        let made = place.ask("POST", &path, body.clone()).await;
        let one = format!("{path}/{}", made.id());
        let (field, value) = kinds::change(kind, n);
        let changed = place.ask("PATCH", &one, json!({field: value})).await;
        let gone = place.ask("DELETE", &one, Value::Null).await;
        assert_eq!(gone.status, 204, "{}: {}", kind.name, gone.text);
        let about = format!("/adit/audit?object={}", made.id());
        let list = place.ask("GET", &about, Value::Null).await;
        let entries = list.json["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 3, "{}: {}", kind.name, list.text);
        let renamed = RENAMED.iter().find(|(name, _)| *name == kind.name);
        let name = renamed.map_or(kind.name, |(_, name)| name);
        for (entry, verb, answer) in [
            (&entries[0], "deleted", &gone),
            (&entries[1], "updated", &changed),
            (&entries[2], "created", &made),
        ] {
            assert_eq!(entry["event_type"], format!("{name}_{verb}.v0"));
            assert_eq!(entry["operation_id"], answer.header("ngrok-operation-id"), "{entry}");
            assert_eq!(entry["principal_id"], place.ours.user.to_string());
            assert_eq!(entry["object_id"], made.id());
        }
        let [deleted, updated, created] = [0, 1, 2].map(|at| &entries[at]);
        assert_eq!((&created["before"], &deleted["after"]), (&Value::Null, &Value::Null));
        assert_eq!(created["after"], updated["before"], "{}", kind.name);
        assert_eq!(updated["after"], deleted["before"], "{}", kind.name);
        assert_ne!(updated["before"][field], value);
        assert_eq!(updated["after"][field], value);
        for (field, value) in body.as_object().unwrap() {
            let described = kind.fields.iter().find(|f| f.name == field).unwrap();
            let kept = &created["after"][field];
            if described.secret.is_some() {
                assert!(
                    kept.as_str().is_some_and(|mark| mark.starts_with("sha256:")),
                    "{}: {kept}",
                    kind.name
                );
            } else {
                assert_eq!(kept, value, "{}.{field}", kind.name);
            }
        }
        if let Some((_, second)) = made.json["token"].as_str().and_then(|token| token.split_once('_')) {
            assert!(!list.text.contains(second), "{}", kind.name);
        }
        assert!(!list.text.contains("marker-of-a-secret") && !list.text.contains("PRIVATE KEY"));
    }
}
