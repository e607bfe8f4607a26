//! From where the API may be used, and not locking oneself out (control plane 3.8).

use std::net::IpAddr;

use adit_names::id::Id;
use adit_store::log::{Chain, EntriesPage};
use serde_json::{Value, json};

use super::place::{PEER, Person, Place, token};

async fn place() -> (Place, Id, Person) {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let admin = place.user(ours, &["admin"]).await;
    (place, ours, admin)
}

fn code((status, json): (u16, Value)) -> (u16, String) {
    (status, json["error_code"].as_str().unwrap_or_default().to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn made(place: &Place, who: &Person, path: &str, body: Value) -> String {
    let (status, json) = place.ask(&who.token, "POST", path, body).await;
    assert_eq!(status, 201, "{json}");
    json["id"].as_str().unwrap().to_owned()
}

async fn policy(place: &Place, who: &Person, rules: &[(&str, &str)]) -> String {
    let policy = made(place, who, "/ip_policies", json!({})).await;
    for (cidr, action) in rules {
        let rule = json!({"ip_policy_id": policy, "cidr": cidr, "action": action});
        made(place, who, "/ip_policy_rules", rule).await;
    }
    policy
}

fn restriction(door: &str, enforced: bool, policies: &[&str]) -> Value {
    json!({"type": door, "enforced": enforced, "ip_policy_ids": policies})
}

#[tokio::test]
async fn a_restriction_turns_away_before_anything_else() {
    let (place, ours, admin) = place().await;
    let allowed = policy(&place, &admin, &[("192.0.2.0/24", "allow"), ("192.0.2.66/32", "deny")]).await;
    let id = made(
        &place,
        &admin,
        "/ip_restrictions",
        restriction("api", true, &[&allowed]),
    )
    .await;
    let outside: IpAddr = "198.51.100.1".parse().unwrap();
    let denied: IpAddr = "192.0.2.66".parse().unwrap();
    for peer in [outside, denied, "2001:db8::1".parse().unwrap()] {
        for path in ["/ip_policies", "/adit/me", "/tunnels/nonsense"] {
            let answer = place.ask_from(peer, &admin.token, "GET", path, Value::Null).await;
            assert_eq!(code(answer), is(403, "ERR_NGROK_220"), "{peer} {path}");
        }
    }
    // Also before an unreadable body, and for who is not active.
    let idle = place.user(ours, &["viewer"]).await;
    place.set(&idle.user, "active", json!(false)).await;
    assert_eq!(
        code(
            place
                .ask_from(outside, &idle.token, "GET", "/adit/me", Value::Null)
                .await
        )
        .1,
        "ERR_NGROK_220"
    );
    let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
    assert_eq!(
        place
            .ask_from(mapped, &admin.token, "GET", "/adit/me", Value::Null)
            .await
            .0,
        200
    );
    // Nothing of it concerns another organisation.
    let theirs = place.organization(json!({"name": "theirs"})).await.id;
    let other = place.user(theirs, &["admin"]).await;
    assert_eq!(
        place
            .ask_from(outside, &other.token, "GET", "/adit/me", Value::Null)
            .await
            .0,
        200
    );
    // Not enforced: let in, and recorded.
    let path = format!("/ip_restrictions/{id}");
    assert_eq!(
        place
            .ask(&admin.token, "PATCH", &path, json!({"enforced": false}))
            .await
            .0,
        200
    );
    assert_eq!(
        place
            .ask_from(outside, &admin.token, "GET", "/adit/me", Value::Null)
            .await
            .0,
        200
    );
    place.api.write_record().await;
    let types = recorded(&place, ours).await;
    for wanted in [
        "ip_restriction_denied.v0",
        "ip_restriction_warning.v0",
        "api_request_refused.v0",
    ] {
        assert!(types.iter().any(|t| t == wanted), "{wanted}: {types:?}");
    }
}

/// Types of all entries of an organisation's log.
async fn recorded(place: &Place, organization: Id) -> Vec<String> {
    let mut types = Vec::new();
    for chain in [Chain::Config, Chain::Live] {
        let page = EntriesPage {
            organization: Some(organization),
            chain: Some(chain),
            limit: 1_000,
            ..EntriesPage::default()
        };
        let entries = place.store.entries(&page).await.unwrap();
        types.extend(entries.into_iter().map(|entry| entry.event_type));
    }
    types
}

#[tokio::test]
async fn a_key_has_policies_of_its_own() {
    let (place, ours, admin) = place().await;
    let allowed = policy(&place, &admin, &[("203.0.113.0/24", "allow")]).await;
    let key = place.key(ours, admin.id, json!({"ip_policy_ids": [allowed]})).await;
    let from = async |peer: &str| {
        let peer: IpAddr = peer.parse().unwrap();
        code(
            place
                .ask_from(peer, &token(key.id), "GET", "/adit/me", Value::Null)
                .await,
        )
    };
    assert_eq!(from("203.0.113.5").await, is(200, ""));
    assert_eq!(from("192.0.2.1").await, is(403, "ERR_NGROK_220"));
}

/// Every order of making what would lock out is refused at the step that would; the same with `force` is done.
#[tokio::test]
async fn nobody_locks_himself_out() {
    let (place, _, admin) = place().await;
    for door in ["api", "dashboard"] {
        let elsewhere = policy(&place, &admin, &[("198.51.100.0/24", "allow")]).await;
        let here = policy(&place, &admin, &[("192.0.2.0/24", "allow")]).await;
        let ask = async |method: &str, path: &str, body: Value| place.ask(&admin.token, method, path, body).await;
        // The restriction last.
        let (status, json) = ask("POST", "/ip_restrictions", restriction(door, true, &[&elsewhere])).await;
        assert_eq!((status, &json["error_code"]), (409, &json!("ERR_ADIT_2010")), "{json}");
        assert_eq!(json["details"]["address"], PEER.to_string());
        assert_eq!(json["details"]["suggestion"], format!("{PEER}/32"));
        let empty = policy(&place, &admin, &[]).await;
        let refused = is(409, "ERR_ADIT_2010");
        assert_eq!(
            code(ask("POST", "/ip_restrictions", restriction(door, true, &[&empty])).await),
            refused
        );
        // Enforced later.
        let id = made(
            &place,
            &admin,
            "/ip_restrictions",
            restriction(door, false, &[&elsewhere]),
        )
        .await;
        let path = format!("/ip_restrictions/{id}");
        assert_eq!(code(ask("PATCH", &path, json!({"enforced": true})).await), refused);
        let both = json!({"enforced": true, "ip_policy_ids": [elsewhere, here]});
        assert_eq!(ask("PATCH", &path, both).await.0, 200);
        // Another list of policies.
        assert_eq!(
            code(ask("PATCH", &path, json!({"ip_policy_ids": [elsewhere]})).await),
            refused
        );
        // A rule that denies, and one that moves away.
        let deny = json!({"ip_policy_id": elsewhere, "cidr": "192.0.2.1/32", "action": "deny"});
        assert_eq!(code(ask("POST", "/ip_policy_rules", deny.clone()).await), refused);
        let dry = ask("POST", "/ip_policy_rules?dry_run=true", deny).await;
        assert_eq!(code(dry), refused);
        let rules = ask("GET", "/ip_policy_rules?limit=100", Value::Null).await.1;
        let rules = rules["ip_policy_rules"].as_array().unwrap().clone();
        let of_here = |r: &&Value| r["ip_policy"]["id"] == here.as_str();
        let rule = rules.iter().find(of_here).unwrap()["id"].as_str().unwrap();
        let rule = format!("/ip_policy_rules/{rule}");
        assert_eq!(
            code(ask("PATCH", &rule, json!({"cidr": "203.0.113.0/24"})).await),
            refused
        );
        // The last rule that lets in stays, with or without force.
        assert_eq!(code(ask("DELETE", &rule, Value::Null).await), is(400, "ERR_NGROK_1419"));
        assert_eq!(
            code(ask("DELETE", &format!("{rule}?force=true"), Value::Null).await),
            is(400, "ERR_NGROK_1419")
        );
        let second = json!({"ip_policy_id": here, "cidr": "203.0.113.0/24", "action": "allow"});
        made(&place, &admin, "/ip_policy_rules", second).await;
        assert_eq!(code(ask("DELETE", &rule, Value::Null).await), refused);
        assert_eq!(
            code(ask("DELETE", &format!("/ip_policies/{here}"), Value::Null).await),
            is(400, "ERR_NGROK_1420")
        );
        // Whoever insists is out.
        assert_eq!(ask("DELETE", &format!("{rule}?force=true"), Value::Null).await.0, 204);
        let after = code(ask("GET", "/adit/me", Value::Null).await);
        match door {
            "api" => {
                assert_eq!(after, is(403, "ERR_NGROK_220"));
                let inside: IpAddr = "198.51.100.9".parse().unwrap();
                let removed = place.ask_from(inside, &admin.token, "DELETE", &path, Value::Null).await;
                assert_eq!(removed.0, 204);
            }
            _ => assert_eq!(after, is(200, "")),
        }
    }
}
