//! Every field that can be changed is changed by itself, and every field that cannot is refused.

use adit_model::{Field, Form, Kind, Writable};
use serde_json::{Value, json};

use crate::kinds;
use crate::place::{Place, place};

const NOBODYS: &str = "0ujtsYcgvSTl8PAuAdqWYSMnLOv";

/// Another value for a field that can be changed.
async fn value(place: &Place, kind: &str, field: &str) -> Value {
    match (kind, field) {
        ("ip_restriction", "ip_policy_ids") => json!([place.make("/ip_policies", json!({})).await["id"]]),
        ("agent_ingress", "certificate_management_policy") => {
            json!({"authority": "zerossl", "private_key_type": "ecdsa"})
        }
        ("reserved_domain", "certificate_management_policy") => {
            json!({"authority": "zerossl", "private_key_type": "rsa"})
        }
        // An own certificate and a policy exclude each other.
        ("reserved_domain", "certificate_id") => json!(""),
        ("reserved_domain", "resolves_to") => json!([{"value": "global"}]),
        ("credential", "acl") => json!(["bind:*.example.com", "bind:a.example.com"]),
        ("ip_policy_rule", "cidr") => json!("192.0.2.0/24"),
        ("endpoint", "traffic_policy") => json!("# another\non_http_request:\n  - actions:\n      - type: deny\n"),
        ("endpoint", "bindings") => json!(["public"]),
        ("service_user", "active") => json!(false),
        (_, "enforced" | "pooling_enabled") => json!(true),
        (_, "description") => json!("another description"),
        (_, "metadata") => json!("{\"another\": [1, \"\u{fc}\"]}"),
        (_, "name") => json!("another-name"),
        (_, "value") => json!("another value"),
        other => panic!("no value for {other:?}"),
    }
}

/// A value of the right type that an object surely does not have.
fn other(field: &Field, now: &Value) -> Value {
    match field.form {
        Form::Choice(choices) => {
            // Nothing given is nothing changed.
            let another = choices
                .iter()
                .copied()
                .find(|choice| !choice.is_empty() && now.as_str() != Some(choice));
            another.unwrap_or("nothing").into()
        }
        Form::Id(prefixes) => format!("{}_{NOBODYS}", prefixes[0].as_str()).into(),
        Form::Text(_) => "other.example.net".into(),
        Form::Flag => (*now != json!(true)).into(),
        _ => panic!("{} is of another form", field.name),
    }
}

fn given(kind: &Kind, writable: Writable) -> impl Iterator<Item = &Field> {
    let is_it = move |f: &&Field| f.writable == writable && !f.legacy && !f.addition;
    kind.fields.iter().filter(is_it)
}

#[tokio::test]
async fn each_field_is_changed_by_itself_or_not_at_all() {
    let place = place().await;
    let mut changes = 0;
    for (n, kind) in kinds::common().enumerate() {
        let path = kinds::path(kind);
        // Below `/adit` all fields are additions; they are changed in the tests of the model.
        if path.starts_with("/adit") {
            continue;
        }
        let mut body = kinds::body(&place, kind.name, n).await;
        if kind.name == "ip_restriction" {
            // Enforced it shuts out nobody who asks here.
            body["type"] = json!("endpoints");
        }
        if kind.name == "reserved_domain" {
            // Names below the base domain have certificates already.
            body["domain"] = json!("shop.example.net");
        }
        let made = place.make(&path, body).await;
        let one = format!("{path}/{}", made["id"].as_str().unwrap());
        let mut before = place.ask("GET", &one, Value::Null).await.json;
        // A URL may be given with a change, but it is the name of the endpoint.
        for field in given(kind, Writable::Always).filter(|f| (kind.name, f.name) != ("endpoint", "url")) {
            let value = value(&place, kind.name, field.name).await;
            let changed = place.ask("PATCH", &one, json!({field.name: value})).await;
            assert_eq!(changed.status, 200, "{}.{}: {}", kind.name, field.name, changed.text);
            let shown = if field.name == "ip_policy_ids" {
                "ip_policies"
            } else {
                field.name
            };
            match &changed.json[shown] {
                Value::Array(refs) if shown != field.name => assert_eq!(json!([refs[0]["id"]]), value),
                now if field.hidden => assert!(now.is_null(), "{}.{}", kind.name, field.name),
                now => assert_eq!(*now, value, "{}.{}", kind.name, field.name),
            }
            for (name, now) in changed.json.as_object().unwrap() {
                let status = shown.replace("_policy", "_status");
                let follows = [shown, "updated_at", status.as_str()].contains(&name.as_str());
                assert!(
                    follows || *now == before[name],
                    "{}.{} changed {name}: {now}",
                    kind.name,
                    field.name
                );
            }
            let read = place.ask("GET", &one, Value::Null).await;
            assert_eq!(read.json, changed.json, "{}.{}", kind.name, field.name);
            before = read.json;
            changes += 1;
        }
        let position = place.position();
        for field in given(kind, Writable::Create) {
            let patch = json!({field.name: other(field, &before[field.name])});
            let refused = place.ask("PATCH", &one, patch).await;
            assert_eq!(refused.status, 400, "{}.{}: {}", kind.name, field.name, refused.text);
            let named = refused.json["details"]["field"].as_str().unwrap_or_default();
            assert_eq!(named, field.name, "{}: {}", kind.name, refused.text);
        }
        assert_eq!(place.position(), position, "{}", kind.name);
        assert_eq!(place.ask("GET", &one, Value::Null).await.json, before);
    }
    assert!(changes > 35, "{changes}");
}
