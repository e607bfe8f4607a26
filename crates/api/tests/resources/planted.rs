//! Secrets with a mark that is looked for afterwards: in every answer, in the audit log and its exports, in what is
//! logged at the finest level, in all files of the store, and in a backup.

use std::fmt::{Debug, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use adit_api::Limits;
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::place::place_in;

/// Keeps all that is logged on this thread, of spans and events, with all fields.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Fails if one of the files in a folder has one of the marks.
fn look_into(folder: &Path, marks: &[String]) -> usize {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            seen += look_into(&path, marks);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        seen += bytes.len();
        for mark in marks {
            let is_there = bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
            assert!(!is_there, "{mark} stands in {}", path.display());
        }
    }
    seen
}

#[tokio::test]
async fn a_secret_is_nowhere_in_the_clear() {
    let log = Log::default();
    let _listening = tracing::subscriber::set_default(log.clone());
    let dir = tempfile::tempdir().unwrap();
    let place = place_in(dir.path(), Limits::default()).await;
    let pair = rcgen::generate_simple_self_signed(["a.example.net".to_owned()]).unwrap();
    let pem = pair.signing_key.serialize_pem();
    let mut marks = vec![
        "planted-value-4711".to_owned(),
        "planted-value-0815".to_owned(),
        "planted-in-a-wrong-place".to_owned(),
        pem.lines().nth(1).unwrap().to_owned(),
    ];
    let mut answers = Vec::new();

    let vault = place.make("/vaults", json!({"name": "v"})).await;
    let secret = json!({"name": "s", "value": marks[0], "vault_id": vault["id"]});
    let secret = place.ask("POST", "/vault_secrets", secret).await;
    let of_secret = format!("/vault_secrets/{}", secret.id());
    answers.push(secret.text);
    answers.push(place.ask("PATCH", &of_secret, json!({"value": marks[1]})).await.text);
    let certificate = json!({"certificate_pem": pair.cert.pem(), "private_key_pem": pem});
    let certificate = place.ask("POST", "/tls_certificates", certificate).await;
    let of_certificate = format!("/tls_certificates/{}", certificate.id());
    answers.push(certificate.text);
    // What cannot be written is repeated as little as what can.
    for (path, body) in [
        (
            "/vault_secrets",
            json!({"name": "t", "value": [marks[2]], "vault_id": vault["id"]}),
        ),
        (
            "/vault_secrets",
            json!({"name": "t", "value": marks[2].repeat(3_000), "vault_id": vault["id"]}),
        ),
        ("/vault_secrets", json!({"name": "t", "value": marks[2]})),
        (
            "/tls_certificates",
            json!({"certificate_pem": pair.cert.pem(), "private_key_pem": marks[2]}),
        ),
        ("/credentials", json!({"precomputed_token": marks[2]})),
    ] {
        let refused = place.ask("POST", path, body).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        answers.push(refused.text);
    }
    // Tokens are shown once; after that they are secrets like the others.
    let mut kept = vec![of_secret, of_certificate];
    for path in ["/api_keys", "/credentials"] {
        let made = place.make(path, json!({})).await;
        let (_, second) = made["token"].as_str().unwrap().split_once('_').unwrap();
        marks.push(second.to_owned());
        kept.push(format!("{path}/{}", made["id"].as_str().unwrap()));
        let own = place
            .ask_as(made["token"].as_str().unwrap(), "GET", "/adit/me", Value::Null)
            .await;
        answers.push(own.text);
        // As somebody who has it nearly right.
        let near = format!("{}x", made["token"].as_str().unwrap());
        answers.push(place.ask_as(&near, "GET", "/adit/me", Value::Null).await.text);
    }
    for one in &kept {
        let (list, _) = one.rsplit_once('/').unwrap();
        for path in [one.as_str(), list, &format!("/adit{one}")] {
            answers.push(place.ask("GET", path, Value::Null).await.text);
        }
        let described = if one.starts_with("/api_keys") {
            "description"
        } else {
            "metadata"
        };
        answers.push(place.ask("PATCH", one, json!({described: "changed"})).await.text);
    }
    for path in ["/adit/audit", "/adit/audit/export", "/adit/audit/export?format=csv"] {
        let answer = place.ask("GET", path, Value::Null).await;
        assert!(answer.text.contains("tls_certificate_created"), "{}", answer.text);
        answers.push(answer.text);
    }
    answers.push(place.ask("DELETE", &kept[0], Value::Null).await.text);
    for mark in &marks {
        let told = answers.iter().find(|text| text.contains(mark));
        assert_eq!(told, None, "{mark} was answered");
    }
    place.api.write_record().await;
    let backup = dir.path().join("adit.backup");
    place.store.backup(&backup, None).await.unwrap();
    assert!(look_into(dir.path(), &marks) > 100_000);
    place.store.close().await;
    look_into(dir.path(), &marks);
    tracing::trace!("the end");
    let logged = log.0.lock().unwrap().clone();
    assert!(logged.contains("the end"), "nobody listened");
    for mark in &marks {
        assert!(!logged.contains(mark), "{mark} was logged");
    }
}
