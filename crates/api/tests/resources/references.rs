//! What refers to something: that it is not there, and that it is another organisation's, is the same answer; what
//! happens to it when the other goes.

use serde_json::{Value, json};

use crate::kinds;
use crate::place::{Answer, Place, place};

const NOBODYS: &str = "0ujtsYcgvSTl8PAuAdqWYSMnLOv";
/// A body that refers to an id.
type Make = Box<dyn Fn(&str) -> Value>;

const POLICY: &str = "on_http_request:\n  - actions:\n      - type: deny\n";

/// An answer with an id taken out that was asked about, and what is new each time.
fn without(answer: &Answer, id: &str) -> Value {
    let mut json = answer.json.clone();
    json["details"]["operation_id"].take();
    serde_json::from_str(&json.to_string().replace(id, "the id")).unwrap()
}

/// Something of this kind that is another organisation's.
async fn theirs(place: &Place, kind: &str) -> String {
    let kind = adit_model::catalogue::by_name(kind).unwrap();
    let body = match kind.name {
        "user" => return place.theirs.user.to_string(),
        name => kinds::body(place, name, 0).await,
    };
    let made = place.ask_as(&place.theirs.key, "POST", &kinds::path(kind), body).await;
    assert_eq!(made.status, 201, "{}: {}", kind.name, made.text);
    made.id().to_owned()
}

#[tokio::test]
async fn what_is_missing_and_what_is_foreign_is_one_answer() {
    let place = place().await;
    let one = |field: &'static str, more: Value| {
        move |id: &str| {
            let mut body = more.clone();
            body[field] = id.into();
            body
        }
    };
    let list = |field: &'static str, more: Value| {
        move |id: &str| {
            let mut body = more.clone();
            body[field] = json!([id]);
            body
        }
    };
    let ingress = || json!({"domain": "connect.example.net"});
    // Where, the field, what it refers to, a body for an id, and the number where ngrok has one.
    let all: Vec<(&str, &str, &str, Make, &str)> = vec![
        (
            "/ip_policy_rules",
            "ip_policy_id",
            "ip_policy",
            Box::new(one("ip_policy_id", json!({"cidr": "10.0.0.0/8", "action": "allow"}))),
            "ERR_NGROK_1414",
        ),
        (
            "/ip_restrictions",
            "ip_policy_ids",
            "ip_policy",
            Box::new(list("ip_policy_ids", json!({"type": "endpoints"}))),
            "ERR_NGROK_1801",
        ),
        (
            "/reserved_domains",
            "certificate_id",
            "tls_certificate",
            Box::new(one("certificate_id", json!({"domain": "a.example.com"}))),
            "ERR_NGROK_1965",
        ),
        (
            "/vault_secrets",
            "vault_id",
            "vault",
            Box::new(one("vault_id", json!({"name": "a", "value": "v"}))),
            "ERR_NGROK_24006",
        ),
        (
            "/adit/credentials",
            "ip_policy_ids",
            "ip_policy",
            Box::new(list("ip_policy_ids", json!({}))),
            "",
        ),
        (
            "/adit/credentials",
            "ingress_ids",
            "agent_ingress",
            Box::new(list("ingress_ids", json!({}))),
            "",
        ),
        (
            "/adit/api_keys",
            "ip_policy_ids",
            "ip_policy",
            Box::new(list("ip_policy_ids", json!({}))),
            "",
        ),
        (
            "/adit/agent_ingresses",
            "ip_policies",
            "ip_policy",
            Box::new(list("ip_policies", ingress())),
            "",
        ),
        (
            "/adit/agent_ingresses",
            "client_ca_ids",
            "certificate_authority",
            Box::new(list("client_ca_ids", ingress())),
            "",
        ),
        (
            "/adit/agent_ingresses",
            "certificate_id",
            "tls_certificate",
            Box::new(one("certificate_id", ingress())),
            "",
        ),
        (
            "/adit/agent_ingresses",
            "allowed",
            "credential",
            Box::new(list("allowed", ingress())),
            "",
        ),
        (
            "/adit/service_users",
            "role_ids",
            "role",
            Box::new(list("role_ids", json!({"name": "robot"}))),
            "",
        ),
        (
            "/adit/invitations",
            "role_ids",
            "role",
            Box::new(list("role_ids", json!({"email": "eva@example.com"}))),
            "",
        ),
    ];
    let mut foreign_ids = std::collections::HashMap::new();
    for (path, field, kind, body, number) in &all {
        if !foreign_ids.contains_key(kind) {
            foreign_ids.insert(*kind, theirs(&place, kind).await);
        }
        let foreign = &foreign_ids[kind];
        let (prefix, _) = foreign.split_once('_').unwrap();
        let missing = format!("{prefix}_{NOBODYS}");
        let before = place.position();
        let of_missing = place.ask("POST", path, body(&missing)).await;
        let of_foreign = place.ask("POST", path, body(foreign)).await;
        let what = format!("{path} {field}: {} {}", of_missing.text, of_foreign.text);
        // A vault is asked for like something at a path.
        let status = if *number == "ERR_NGROK_24006" { 404 } else { 400 };
        assert_eq!(of_missing.status, status, "{what}");
        assert_eq!(without(&of_missing, &missing), without(&of_foreign, foreign), "{what}");
        if !number.is_empty() {
            assert_eq!(of_missing.code(), *number, "{what}");
        }
        // Another kind, and no id at all, are refused before anything is looked up.
        for wrong in [format!("op_{NOBODYS}"), "nonsense".to_owned()] {
            let refused = place.ask("POST", path, body(&wrong)).await;
            let named = refused.json["details"]["field"].as_str().unwrap_or_default();
            assert_eq!(refused.status, 400, "{path} {field} {wrong}: {}", refused.text);
            assert!(named.starts_with(field), "{path} {field} {wrong}: {}", refused.text);
        }
        assert_eq!(place.position(), before, "{what}");
    }
}

/// Each behaviour at a deletion: refused, gone along, let go of.
#[tokio::test]
async fn what_refers_to_something_stops_its_deletion_or_follows_it() {
    let place = place().await;
    let path = |path: &str, made: &Value| format!("{path}/{}", made["id"].as_str().unwrap());
    let status = async |one: &str| place.ask("GET", one, Value::Null).await.status.as_u16();
    // A vault with secrets, and a domain and an address that endpoints stand on, stay.
    let vault = place.make("/vaults", json!({"name": "v"})).await;
    let secret = json!({"name": "s", "value": "v", "vault_id": vault["id"]});
    let secret = place.make("/vault_secrets", secret).await;
    let domain = place
        .make("/reserved_domains", json!({"domain": "shop.example.net"}))
        .await;
    let cloud = |url: &str| json!({"url": url, "type": "cloud", "traffic_policy": POLICY});
    let of_domain = place.make("/endpoints", cloud("https://shop.example.net:8443")).await;
    let address = place.make("/reserved_addrs", json!({})).await;
    let url = format!("tcp://{}", address["addr"].as_str().unwrap());
    let mut of_address = cloud(&url);
    of_address["traffic_policy"] = POLICY.replace("on_http_request", "on_tcp_connect").into();
    let of_address = place.make("/endpoints", of_address).await;
    for (one, referrer, number) in [
        (
            path("/vaults", &vault),
            path("/vault_secrets", &secret),
            "ERR_NGROK_23003",
        ),
        (
            path("/reserved_domains", &domain),
            path("/endpoints", &of_domain),
            "ERR_NGROK_446",
        ),
        (
            path("/reserved_addrs", &address),
            path("/endpoints", &of_address),
            "ERR_ADIT_2011",
        ),
    ] {
        let refused = place.ask("DELETE", &one, Value::Null).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (400, number),
            "{}",
            refused.text
        );
        let by = refused.json["details"]["referenced_by"].as_str().unwrap();
        assert!(referrer.ends_with(by) && by.len() > 27, "{referrer}: {}", refused.text);
        assert_eq!(place.ask("DELETE", &referrer, Value::Null).await.status, 204);
        let gone = place.ask("DELETE", &one, Value::Null).await;
        assert_eq!(gone.status, 204, "{}", gone.text);
    }
    // Rules go with their policy, keys and authtokens with the service user that owns them.
    let policy = place.make("/ip_policies", json!({})).await;
    let rule = json!({"ip_policy_id": policy["id"], "cidr": "10.0.0.0/8", "action": "deny"});
    let rule = path("/ip_policy_rules", &place.make("/ip_policy_rules", rule).await);
    let robot = place.make("/service_users", json!({"name": "robot"})).await;
    let owned = json!({"owner_id": robot["id"]});
    let key = place.make("/api_keys", owned.clone()).await;
    let token = key["token"].as_str().unwrap();
    assert_eq!(place.ask_as(token, "GET", "/adit/me", Value::Null).await.status, 200);
    let authtoken = path("/credentials", &place.make("/credentials", owned).await);
    let before = place.position();
    for (one, along, entries) in [
        (path("/ip_policies", &policy), vec![rule], 2),
        (
            path("/service_users", &robot),
            vec![path("/api_keys", &key), authtoken.clone()],
            3,
        ),
    ] {
        let start = place.position();
        assert_eq!(place.ask("DELETE", &one, Value::Null).await.status, 204);
        for along in along {
            assert_eq!(status(&along).await, 404, "{along}");
        }
        assert_eq!(place.position() - start, entries, "an entry for each: {one}");
    }
    assert!(place.position() > before);
    let refused = place.ask_as(token, "GET", "/adit/me", Value::Null).await;
    assert_eq!(refused.code(), "ERR_NGROK_203");
    // An ingress lets go of an authtoken that is no more.
    let credential = place.make("/credentials", json!({})).await;
    let ingress = json!({"domain": "connect.example.net", "allowed": [credential["id"]]});
    let ingress = path(
        "/adit/agent_ingresses",
        &place.make("/adit/agent_ingresses", ingress).await,
    );
    let one = path("/credentials", &credential);
    assert_eq!(place.ask("DELETE", &one, Value::Null).await.status, 204);
    let left = place.ask("GET", &ingress, Value::Null).await;
    assert_eq!(
        (&left.json["allowed"], left.header("etag")),
        (&json!([]), "\"2\""),
        "{}",
        left.text
    );
}
