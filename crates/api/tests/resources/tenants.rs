//! Organisations beside each other: how a new one gets its first administrator, and what it sees of the others.

use serde_json::{Value, json};

use crate::browser::{Browser, PASSWORD, token_of};
use crate::place::{place, request};

#[tokio::test]
async fn a_new_organization_has_an_administrator_who_sees_it_alone() {
    let place = place().await;
    let policy = place.make("/ip_policies", json!({})).await;
    let body = json!({"name": "north", "admin_email": "Chief@North.example.com"});
    let made = place.ask("POST", "/adit/organizations", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let organization = made.json["id"].as_str().unwrap();
    let token = token_of(&made.json["invitation_link"]);
    // The link is shown once.
    let path = format!("/adit/organizations/{organization}");
    let again = place.ask("GET", &path, Value::Null).await;
    assert_eq!(again.json.get("invitation_link"), None);

    let mut browser = Browser::at(1);
    let body = json!({"token": token, "password": PASSWORD, "name": "Chief"});
    let answer = browser.ask(&place, "POST", "/adit/invitations/accept", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let me = browser.ask(&place, "GET", "/adit/me", Value::Null).await;
    assert_eq!(me.json["organization"]["id"], organization);
    assert_eq!(me.json["roles"][0]["name"], "admin");
    assert_eq!(me.json["user"]["email"], "chief@north.example.com");

    let key = browser.ask(&place, "POST", "/api_keys", json!({})).await;
    assert_eq!(key.status, 201, "{}", key.text);
    let key = key.json["token"].as_str().unwrap();
    let theirs = place.ask_as(key, "POST", "/ip_policies", json!({})).await;
    assert_eq!(theirs.status, 201, "{}", theirs.text);
    let listed = place.ask_as(key, "GET", "/ip_policies", Value::Null).await;
    assert_eq!(listed.json["ip_policies"].as_array().unwrap().len(), 1);
    for method in ["GET", "PATCH", "DELETE"] {
        let path = format!("/ip_policies/{}", policy["id"].as_str().unwrap());
        let body = if method == "PATCH" {
            json!({"description": "x"})
        } else {
            Value::Null
        };
        let answer = place.ask_as(key, method, &path, body).await;
        assert_eq!(answer.status, 404, "{method} {}", answer.text);
    }
    // To manage organisations is the operators' business.
    let answer = place.ask_as(key, "GET", "/adit/organizations", Value::Null).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
}

#[tokio::test]
async fn a_wrong_address_makes_no_organization() {
    let place = place().await;
    let before = place.position();
    let body = json!({"name": "north", "admin_email": "nobody"});
    let refused = place.ask("POST", "/adit/organizations", body).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert_eq!(refused.json["details"]["field"], "admin_email");
    assert_eq!(place.position(), before);
}

#[tokio::test]
async fn users_and_organizations_are_made_once_for_one_key() {
    let place = place().await;
    for (path, body) in [
        (
            "/adit/users",
            json!({"email": "new@example.com", "name": "New", "role_ids": ["developer"]}),
        ),
        (
            "/adit/organizations",
            json!({"name": "north", "admin_email": "a@north.example.com"}),
        ),
    ] {
        let ask = async || {
            let mut request = request(&place.ours.key, "POST", path, &body);
            request.headers_mut().insert("idempotency-key", path.parse().unwrap());
            place.send(request).await
        };
        let (first, second) = (ask().await, ask().await);
        assert_eq!(first.status, 201, "{}", first.text);
        assert_eq!(second.status, 201, "{}", second.text);
        assert_eq!(first.json["id"], second.json["id"], "{}", second.text);
        assert_eq!(second.json.get("invitation_link").and_then(Value::as_str), None);
    }
}
