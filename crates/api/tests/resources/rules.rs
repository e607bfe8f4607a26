//! Rules that concern several objects, or what is live beside what is stored.

use adit_store::log::EntriesPage;
use serde_json::{Value, json};

use crate::agents::{online, online_of};
use crate::place::{Place, place};

/// A policy that answers every request.
const DENY: &str = "on_http_request:\n  - actions:\n      - type: deny\n";

/// A key of a new service user whose role has these permissions.
async fn key_with(place: &Place, permissions: &[&str], selector: &str) -> String {
    let role = json!({"name": permissions.join(" "), "permissions": permissions, "selector": selector});
    let role = place.make("/adit/roles", role).await;
    let body = json!({"name": role["name"], "role_ids": [role["id"]]});
    let user = place.make("/adit/service_users", body).await;
    let key = place.make("/api_keys", json!({"owner_id": user["id"]})).await;
    key["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_default_authtoken_is_reset_and_not_deleted() {
    let place = place().await;
    let first = place.ask("POST", "/adit/me/authtoken/reset", json!({})).await;
    let one = format!("/credentials/{}", first.id());
    let refused = place.ask("DELETE", &one, Value::Null).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (400, "ERR_NGROK_601"),
        "{}",
        refused.text
    );
    let second = place.ask("POST", "/adit/me/authtoken/reset", json!({})).await;
    assert_eq!(second.status, 201);
    assert_eq!(place.ask("GET", &one, Value::Null).await.status, 404);
    // Both have the same owner as any that is made without naming one.
    let other = place.make("/credentials", json!({})).await;
    assert_eq!(
        (&second.json["owner_id"], &other["owner_id"]),
        (&json!(place.ours.user.to_string()), &second.json["owner_id"])
    );
    let plain = format!("/credentials/{}", other["id"].as_str().unwrap());
    assert_eq!(place.ask("DELETE", &plain, Value::Null).await.status, 204);
}

#[tokio::test]
async fn what_a_policy_names_has_to_be_readable() {
    let place = place().await;
    let policy = place.make("/ip_policies", json!({})).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let vault = place.make("/vaults", json!({"name": "hooks"})).await;
    place
        .make(
            "/vault_secrets",
            json!({"vault_id": vault["id"], "name": "github", "value": "x"}),
        )
        .await;
    let key = key_with(&place, &["endpoints:read", "endpoints:write"], "").await;
    let restricts = |id: &str| {
        format!(
            "on_http_request:\n  - actions:\n      - type: restrict-ips\n        config:\n          ip_policies: [{id}]\n  \
             - actions:\n      - type: deny\n"
        )
    };
    let secret = "on_http_request:\n  - actions:\n      - type: add-headers\n        config:\n          headers:\n            \
                  x-key: \"${secrets.get('hooks', 'github')}\"\n      - type: deny\n";
    // However it is written.
    let spaced = secret.replace("secrets.get('hooks'", "secrets . get ( r'hooks' ");
    let escaped = secret.replace("${secrets", "${\\u0073ecrets");
    let plain = DENY;
    let body = |text: &str| json!({"url": "https://named.adit.example.com", "type": "cloud", "traffic_policy": text});
    for (text, permission) in [
        (&*restricts(&policy), "ip_policies:read"),
        (secret, "vault_secrets:read"),
        (&*spaced, "vault_secrets:read"),
        (&*escaped, "vault_secrets:read"),
    ] {
        let refused = place.ask_as(&key, "POST", "/endpoints", body(text)).await;
        let got = (
            refused.status.as_u16(),
            refused.code(),
            refused.json["details"]["permission"].as_str(),
        );
        assert_eq!(got, (403, "ERR_ADIT_2008", Some(permission)), "{}", refused.text);
    }
    let made = place.ask_as(&key, "POST", "/endpoints", body(plain)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let one = format!("/endpoints/{}", made.id());
    let change = json!({"traffic_policy": restricts(&policy)});
    assert_eq!(
        place.ask_as(&key, "PATCH", &one, change.clone()).await.code(),
        "ERR_ADIT_2008"
    );
    // Who may read them may name them; and what is named stays.
    assert_eq!(place.ask("PATCH", &one, change).await.status, 200);
    let path = format!("/ip_policies/{policy}");
    let used = place.ask("DELETE", &path, Value::Null).await;
    assert_eq!(
        (used.code(), used.json["details"]["referenced_by"].as_str()),
        ("ERR_ADIT_2011", Some(made.id()))
    );
    // Without touching the policy, the rest may be changed.
    assert_eq!(
        place
            .ask_as(&key, "PATCH", &one, json!({"description": "x"}))
            .await
            .status,
        200
    );
    assert_eq!(
        place.ask("PATCH", &one, json!({"traffic_policy": plain})).await.status,
        200
    );
    assert_eq!(place.ask("DELETE", &path, Value::Null).await.status, 204);
    // What is not there, or another organisation's, is the same.
    let theirs = place.ask_as(&place.theirs.key, "POST", "/ip_policies", json!({})).await;
    for id in [policy.as_str(), theirs.id()] {
        let missing = place.ask("PATCH", &one, json!({"traffic_policy": restricts(id)})).await;
        assert_eq!(
            (missing.status.as_u16(), missing.code()),
            (400, "ERR_NGROK_2216"),
            "{}",
            missing.text
        );
    }
}

#[tokio::test]
async fn a_user_is_made_whole_or_not_at_all() {
    let place = place().await;
    let before = place.position();
    for body in [
        json!({"email": "a1@example.com", "name": "X", "role_ids": ["viewer"]}),
        json!({"email": "x@example.com", "name": "X", "role_ids": ["nonsense"]}),
        json!({"email": "x@example.com", "role_ids": ["viewer"]}),
    ] {
        let refused = place.ask("POST", "/adit/users", body).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
    }
    let tried = place
        .ask(
            "POST",
            "/adit/users?dry_run=true",
            json!({"email": "x@example.com", "name": "X"}),
        )
        .await;
    assert_eq!(
        (tried.status.as_u16(), place.position()),
        (201, before),
        "{}",
        tried.text
    );
    let made = place
        .make(
            "/adit/users",
            json!({"email": "x@example.com", "name": "X", "role_ids": ["viewer"]}),
        )
        .await;
    assert_eq!(place.position(), before + 2);
    let members = place.ask("GET", "/adit/members", Value::Null).await;
    let of = |m: &&Value| m["user"]["id"] == made["id"];
    assert_eq!(members.json["members"].as_array().unwrap().iter().filter(of).count(), 1);
}

#[tokio::test]
async fn an_organisation_goes_at_once() {
    let place = place().await;
    for path in ["/ip_policies", "/credentials", "/vaults"] {
        let body = if path == "/vaults" {
            json!({"name": "v"})
        } else {
            json!({})
        };
        assert_eq!(place.ask_as(&place.theirs.key, "POST", path, body).await.status, 201);
    }
    let one = format!("/adit/organizations/{}?confirm=org-2", place.theirs.id);
    let before = place.position();
    let tried = place.ask("DELETE", &format!("{one}&dry_run=true"), Value::Null).await;
    assert_eq!(
        (tried.status.as_u16(), place.position()),
        (204, before),
        "{}",
        tried.text
    );
    let gone = place.ask("DELETE", &one, Value::Null).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    // Its user, membership, key, three more, itself: an entry each, and none of anything else.
    assert_eq!(place.position(), before + 7);
    assert_eq!(
        place
            .ask_as(&place.theirs.key, "GET", "/adit/me", Value::Null)
            .await
            .code(),
        "ERR_NGROK_203"
    );
    let page = EntriesPage {
        organization: Some(place.theirs.id),
        limit: 1,
        ..EntriesPage::default()
    };
    let last = &place.store.entries(&page).await.unwrap()[0];
    assert_eq!(last.event_type, "organization_deleted.v0");
}

#[tokio::test]
async fn urls_are_asked_for_in_any_spelling() {
    let place = place().await;
    let body = json!({"url": "https://shop.adit.example.com", "type": "cloud", "traffic_policy": DENY});
    let made = place.make("/endpoints", body).await;
    for url in [
        made["url"].as_str().unwrap(),
        "https://shop.adit.example.com",
        "HTTPS://Shop.Adit.Example.COM",
        "https://shop.adit.example.com:8443",
    ] {
        let path = format!("/endpoints?url={url}&url=https://another.adit.example.com");
        let found = place.ask("GET", &path, Value::Null).await;
        let found: Vec<_> = found.json["endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["id"].clone())
            .collect();
        assert_eq!(found, [made["id"].clone()], "{url}");
    }
    for url in [
        "https://sho.adit.example.com",
        "http://shop.adit.example.com",
        "nonsense",
    ] {
        let found = place.ask("GET", &format!("/endpoints?url={url}"), Value::Null).await;
        assert_eq!(found.json["endpoints"], json!([]), "{url}");
    }
}

#[tokio::test]
async fn a_name_in_use_by_others_is_not_reserved() {
    let place = place().await;
    online_of(&place, place.theirs.id, "live", "cr_1", "");
    online(&place, "ours", "cr_1");
    let reserve = async |domain: &str| {
        let answer = place.ask("POST", "/reserved_domains", json!({"domain": domain})).await;
        (answer.status.as_u16(), answer.code().to_owned())
    };
    assert_eq!(
        reserve("live.adit.example.com").await,
        (400, "ERR_NGROK_430".to_owned())
    );
    assert_eq!(reserve("ours.adit.example.com").await.0, 201);
    assert_eq!(reserve("free.adit.example.com").await.0, 201);
    let theirs = place.ask_as(
        &place.theirs.key,
        "POST",
        "/reserved_domains",
        json!({"domain": "live.adit.example.com"}),
    );
    assert_eq!(theirs.await.status, 201);
}

#[tokio::test]
async fn roles_select_what_is_live() {
    let place = place().await;
    for (name, metadata) in [("a", "ci"), ("b", "production")] {
        online_of(&place, place.ours.id, name, "cr_1", metadata);
    }
    let key = key_with(&place, &["tunnels:read"], "obj.public_url.startsWith(\"https://a.\")").await;
    let seen = place.ask_as(&key, "GET", "/tunnels", Value::Null).await;
    let urls: Vec<_> = seen.json["tunnels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["public_url"].clone())
        .collect();
    assert_eq!(urls, ["https://a.adit.example.com:8443"], "{}", seen.text);
    let all = place.ask("GET", "/tunnels", Value::Null).await;
    for tunnel in all.json["tunnels"].as_array().unwrap() {
        let status = place
            .ask_as(
                &key,
                "GET",
                &format!("/tunnels/{}", tunnel["id"].as_str().unwrap()),
                Value::Null,
            )
            .await
            .status;
        assert_eq!(status == 200, tunnel["public_url"] == urls[0], "{status}");
    }
    let body = json!({"name": "x", "permissions": ["tunnels:read"], "selector": "obj.ip == \"192.0.2.1\""});
    assert_eq!(place.ask("POST", "/adit/roles", body).await.code(), "ERR_NGROK_250");
    let body = json!({"name": "x", "permissions": ["tunnel_sessions:read"], "selector": "obj.ip == \"192.0.2.1\""});
    assert_eq!(place.ask("POST", "/adit/roles", body).await.status, 201);
}

#[tokio::test]
async fn an_export_is_recorded_before_it_begins() {
    let place = place().await;
    let exported = place
        .ask(
            "GET",
            "/adit/audit/export?format=ndjson&to=2000-01-01T00:00:00Z",
            Value::Null,
        )
        .await;
    assert_eq!(exported.status, 200, "{}", exported.text);
    let last = place.ask("GET", "/adit/audit?limit=1", Value::Null).await;
    let entry = &last.json["entries"][0];
    assert_eq!(entry["event_type"], "audit_exported.v0", "{}", last.text);
    assert_eq!(
        entry["after"],
        json!({"format": "ndjson", "from": null, "to": "2000-01-01T00:00:00Z"})
    );
    let refused = place.ask("GET", "/adit/audit/export?format=xml", Value::Null).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        place.ask("GET", "/adit/audit?limit=1", Value::Null).await.json["entries"][0],
        *entry
    );
}

/// The node does not follow: the change is made and said to be, after five seconds, and the node is named.
#[tokio::test]
async fn who_waits_is_told_which_node_is_behind() {
    let place = place().await;
    place.follower.abort();
    let begun = std::time::Instant::now();
    let made = place.ask("POST", "/ip_policies?wait=applied", json!({})).await;
    assert_eq!(
        (made.status.as_u16(), made.header("adit-pending-nodes")),
        (201, "node-1"),
        "{}",
        made.text
    );
    assert!(begun.elapsed() >= std::time::Duration::from_secs(5));
    let read = place
        .ask("GET", &format!("/ip_policies/{}", made.id()), Value::Null)
        .await;
    assert_eq!(read.status, 200);
    // Who does not ask is not told, and does not wait.
    let made = place.ask("POST", "/ip_policies", json!({})).await;
    assert_eq!((made.status.as_u16(), made.header("adit-pending-nodes")), (201, ""));
}
