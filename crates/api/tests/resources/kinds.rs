//! Each kind: made with little and with much, shown with all described fields, changed, listed, deleted.

use adit_model::{Field, Form, Kind, Surface, catalogue};
use adit_names::id::Id;
use serde_json::{Value, json};

use crate::place::{Place, URL, place};

/// What to send to make one of a kind; `n` makes it another one.
pub(crate) async fn body(place: &Place, kind: &str, n: usize) -> Value {
    match kind {
        "api_key" | "credential" | "ip_policy" | "reserved_addr" => json!({"description": format!("d{n}")}),
        "ip_policy_rule" => {
            let policy = place.make("/ip_policies", json!({})).await;
            json!({"cidr": "10.0.0.0/8", "action": "allow", "ip_policy_id": policy["id"]})
        }
        "ip_restriction" => {
            let policy = place.make("/ip_policies", json!({})).await;
            let all = ["dashboard", "agent", "endpoints", "api"];
            json!({"type": all[n % 4], "ip_policy_ids": [policy["id"]]})
        }
        "service_user" => json!({"name": format!("robot-{n}")}),
        "reserved_domain" => json!({"domain": format!("d{n}.adit.example.com")}),
        "endpoint" => json!({
            "url": format!("https://e{n}.adit.example.com:8443"),
            "type": "cloud",
            "traffic_policy": "on_http_request:\n  - actions:\n      - type: custom-response\n        config:\n          status_code: 200\n",
        }),
        "tls_certificate" => {
            let (certificate, key) = certificate("a.example.com");
            json!({"certificate_pem": certificate, "private_key_pem": key})
        }
        "certificate_authority" => json!({"ca_pem": authority()}),
        "agent_ingress" => json!({"domain": format!("connect{n}.example.net")}),
        "vault" => json!({"name": format!("vault-{n}")}),
        "secret" => {
            let vault = place.make("/vaults", json!({"name": format!("of-secret-{n}")})).await;
            json!({"name": "password", "value": "marker-of-a-secret", "vault_id": vault["id"]})
        }
        "role" => json!({"name": format!("role-{n}"), "permissions": ["ip_policies:read"]}),
        "invitation" => json!({"email": format!("b{n}@example.com"), "role_ids": ["viewer"]}),
        "endpoint_pool" => json!({"url": format!("https://pool{n}.adit.example.com:8443")}),
        "guardrail" => json!({"name": format!("rail-{n}"), "policy": "on_http_request: [{actions: [{type: deny}]}]"}),
        other => panic!("no body for {other}"),
    }
}

/// A certificate for this name that signs itself, and its key.
fn certificate(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn authority() -> String {
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().pem()
}

/// The kinds whose operations are those that all have.
pub(crate) fn common() -> impl Iterator<Item = &'static Kind> {
    let others = ["organization", "user", "member"];
    catalogue::KINDS
        .iter()
        .copied()
        .filter(move |kind| !others.contains(&kind.name) && kind.operations_allowed.contains('C'))
}

/// Where a kind is made and listed.
pub(crate) fn path(kind: &Kind) -> String {
    let below = if kind.surface == Surface::Adit { "/adit" } else { "" };
    format!("{below}/{}", kind.path)
}

/// A change that an object of [`body`] takes: field and value.
pub(crate) fn change(kind: &Kind, n: usize) -> (&'static str, Value) {
    let has_metadata = kind.fields.iter().any(|f| f.name == "metadata");
    match kind.name {
        "invitation" => ("role_ids", json!(["auditor"])),
        "endpoint_pool" => ("slow_start", json!(20)),
        _ if has_metadata => ("metadata", json!("{\"a\": \"ü\"}")),
        _ => ("name", json!(format!("renamed-{n}"))),
    }
}

/// Checks that an answer has exactly the described fields, with values of their types.
fn check(kind: &Kind, additions: bool, json: &Value) {
    let object = json.as_object().unwrap();
    let is_shown = |f: &&Field| !f.hidden && !f.legacy && (additions || !f.addition);
    let mut names: Vec<&str> = kind.fields.iter().filter(is_shown).map(|f| f.name).collect();
    names.extend(["id", "uri", "created_at"]);
    for name in object.keys() {
        assert!(names.contains(&name.as_str()), "{}: {name} is not described", kind.name);
    }
    for name in &names {
        assert!(object.contains_key(*name), "{}: {name} is missing in {json}", kind.name);
    }
    for field in kind.fields.iter().filter(is_shown) {
        let value = &object[field.name];
        if value.is_null() {
            assert!(field.nullable, "{}.{} is null", kind.name, field.name);
            continue;
        }
        let fits = match field.form {
            Form::Text(_) | Form::Choice(_) | Form::Id(_) | Form::Timestamp => value.is_string(),
            Form::Flag => value.is_boolean(),
            Form::Integer(..) => value.is_i64() || value.is_u64(),
            Form::Ids(..) | Form::Texts(..) | Form::Objects(..) => value.is_array(),
            Form::Map(_) | Form::Object(_) => value.is_object(),
            Form::Any => true,
        };
        assert!(fits, "{}.{} is {value}", kind.name, field.name);
    }
    let prefix = if kind.surface == Surface::Adit { "/adit" } else { "" };
    let uri = format!("{URL}{prefix}/{}/{}", kind.path, object["id"].as_str().unwrap());
    assert_eq!(object["uri"], uri, "{}", kind.name);
}

#[tokio::test]
async fn each_kind_lives_and_dies() {
    let place = place().await;
    for (n, kind) in common().enumerate() {
        let below = if kind.surface == Surface::Adit { "/adit" } else { "" };
        let path = path(kind);
        let body = body(&place, kind.name, n).await;
        let made = place.ask("POST", &path, body.clone()).await;
        assert_eq!(made.status, 201, "{}: {}", kind.name, made.text);
        assert_eq!(made.header("etag"), "\"1\"", "{}", kind.name);
        let position: u64 = made.header("adit-position").parse().unwrap();
        assert!(position > 0);
        check(kind, below == "/adit", &made.json);
        let one = format!("{path}/{}", made.id());

        // What was made is what is shown, but for secrets.
        let shown = place.ask("GET", &one, Value::Null).await;
        let mut expected = made.json.clone();
        for once in ["token", "link"] {
            if let Some(secret) = expected.get_mut(once) {
                assert!(secret.is_string(), "{}", kind.name);
                *secret = Value::Null;
            }
        }
        assert_eq!((shown.status.as_u16(), &shown.json), (200, &expected), "{}", kind.name);
        for (field, value) in body.as_object().unwrap() {
            let described = kind.fields.iter().find(|f| f.name == field).unwrap();
            if described.hidden || described.secret.is_some() {
                assert!(!shown.text.contains("marker"), "{}", kind.name);
            } else {
                assert_eq!(shown.json[field], *value, "{}.{field}", kind.name);
            }
        }
        let more = place
            .ask("GET", &format!("/adit/{}/{}", kind.path, made.id()), Value::Null)
            .await;
        assert_eq!(more.status, 200, "{}", more.text);
        check(kind, true, &more.json);

        // Nothing given, null and the id again change nothing.
        let before = place.position();
        let nulls = json!({"description": null, "metadata": null, "id": made.id()});
        let has = |name: &str| kind.fields.iter().any(|f| f.name == name);
        let nulls = if has("metadata") {
            nulls
        } else {
            json!({"id": made.id()})
        };
        let nothing = place.ask("PATCH", &one, nulls).await;
        match kind.empty_update {
            Some(code) => assert_eq!(nothing.code(), code.as_str(), "{}", kind.name),
            None => assert_eq!(
                (nothing.status.as_u16(), &nothing.json),
                (200, &expected),
                "{}",
                kind.name
            ),
        }
        let other = place
            .ask("PATCH", &one, json!({"id": "ipp_0ujtsYcgvSTl8PAuAdqWYSMnLOv"}))
            .await;
        assert_eq!(other.code(), "ERR_NGROK_215", "{}: {}", kind.name, other.text);
        assert_eq!(place.position(), before, "{}", kind.name);

        // A change shows, counts, and is the only one.
        let (field, value) = change(kind, n);
        let changed = place.ask("PATCH", &one, json!({field: value})).await;
        assert_eq!(changed.status, 200, "{}: {}", kind.name, changed.text);
        assert_eq!(changed.json[field], value);
        assert_eq!(changed.header("etag"), "\"2\"");
        check(kind, below == "/adit", &changed.json);
        let same = place.ask("PATCH", &one, json!({field: value})).await;
        assert_eq!((same.status.as_u16(), same.header("etag")), (200, "\"2\""));

        // It is in the list, and nobody else's.
        let list = place.ask("GET", &path, Value::Null).await;
        let objects = list.json[kind.list_key].as_array().unwrap();
        let ids: Vec<_> = objects.iter().map(|o| o["id"].as_str().unwrap()).collect();
        assert!(ids.contains(&made.id()), "{}", kind.name);
        // Roles that are built in have names in place of ids and come last.
        let ids: Vec<_> = ids.into_iter().filter(|id| id.parse::<Id>().is_ok()).collect();
        assert!(ids.is_sorted_by(|a, b| a > b), "{}: {ids:?}", kind.name);
        assert_eq!(list.json["uri"], format!("{URL}{path}"));
        assert_eq!(list.json["next_page_uri"], Value::Null);
        for object in objects.iter().filter(|o| ids.contains(&o["id"].as_str().unwrap())) {
            check(kind, below == "/adit", object);
        }
        let foreign = place.theirs.key.clone();
        for (method, body) in [("GET", Value::Null), ("PATCH", json!({})), ("DELETE", Value::Null)] {
            let refused = place.ask_as(&foreign, method, &one, body).await;
            assert_eq!(
                (refused.status.as_u16(), refused.code()),
                (404, "ERR_ADIT_2001"),
                "{method} {one}"
            );
        }

        // It goes once.
        let gone = place.ask("DELETE", &one, Value::Null).await;
        assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""), "{}", kind.name);
        assert!(!gone.header("adit-position").is_empty());
        for method in ["GET", "DELETE"] {
            let missing = place.ask(method, &one, Value::Null).await;
            assert_eq!((missing.status.as_u16(), missing.code()), (404, "ERR_ADIT_2001"));
        }
    }
}

/// What is refused writes nothing, whatever is wrong.
#[tokio::test]
async fn wrong_types_are_refused_with_their_field() {
    let place = place().await;
    for (n, kind) in common().enumerate() {
        let below = if kind.surface == Surface::Adit { "/adit" } else { "" };
        let path = path(kind);
        let good = body(&place, kind.name, n).await;
        let before = place.position();
        for field in kind
            .fields
            .iter()
            .filter(|f| f.writable != adit_model::Writable::Never && !f.legacy && (below == "/adit" || !f.addition))
        {
            for wrong in [json!(7.5), json!(true), json!([[1]]), json!({"no": 1})] {
                let fits = match field.form {
                    Form::Flag => wrong.is_boolean(),
                    Form::Map(_) => false,
                    _ => false,
                };
                if fits {
                    continue;
                }
                let mut body = good.clone();
                body[field.name] = wrong.clone();
                let refused = place.ask("POST", &path, body).await;
                assert_eq!(
                    refused.status, 400,
                    "{}.{} {wrong}: {}",
                    kind.name, field.name, refused.text
                );
                let named = refused.json["details"]["field"].as_str().unwrap_or_default();
                assert!(
                    named.starts_with(field.name),
                    "{}.{} {wrong}: {}",
                    kind.name,
                    field.name,
                    refused.text
                );
            }
        }
        let mut unknown = good.clone();
        unknown["no_such_field"] = json!(1);
        let refused = place.ask("POST", &path, unknown).await;
        assert_eq!(refused.code(), "ERR_NGROK_214", "{}", refused.text);
        assert!(refused.json["details"]["supported"].is_string());
        assert_eq!(place.position(), before, "{}", kind.name);
    }
}

/// The same answer as if it were done, but nothing is.
#[tokio::test]
async fn a_dry_run_answers_and_leaves_nothing() {
    let place = place().await;
    for (n, kind) in common().enumerate() {
        let path = path(kind);
        let body = body(&place, kind.name, n).await;
        let before = place.position();
        for _ in 0..2 {
            let dry = place.ask("POST", &format!("{path}?dry_run=true"), body.clone()).await;
            assert_eq!(dry.status, 201, "{}: {}", kind.name, dry.text);
            assert_eq!(dry.header("adit-dry-run"), "true");
            assert_eq!(dry.header("adit-position"), "");
            let missing = place.ask("GET", &format!("{path}/{}", dry.id()), Value::Null).await;
            assert_eq!(missing.status, 404);
        }
        assert_eq!(place.position(), before, "{}", kind.name);
        let made = place.make(&path, body).await;
        let one = format!("{path}/{}", made["id"].as_str().unwrap());
        let before = place.position();
        let (field, value) = change(kind, n);
        let dry = place
            .ask("PATCH", &format!("{one}?dry_run=true"), json!({field: value}))
            .await;
        assert_eq!(
            (dry.status.as_u16(), dry.header("adit-dry-run")),
            (200, "true"),
            "{}",
            dry.text
        );
        let dry = place.ask("DELETE", &format!("{one}?dry_run=true"), Value::Null).await;
        assert_eq!(
            (dry.status.as_u16(), dry.header("adit-dry-run")),
            (204, "true"),
            "{}",
            dry.text
        );
        let there = place.ask("GET", &one, Value::Null).await;
        assert_eq!((there.status.as_u16(), there.header("etag")), (200, "\"1\""));
        assert_eq!(place.position(), before, "{}", kind.name);
    }
}
