//! Users, members, roles, organisations, and who one is.

use adit_names::id::{Id, Prefix};
use serde_json::{Value, json};

use super::place::{Person, Place, id, token};

type Answer = (u16, String, Value);

async fn ask(place: &Place, who: &str, method: &str, path: &str, body: Value) -> Answer {
    let (status, json) = place.ask(who, method, path, body).await;
    let code = json["error_code"].as_str().unwrap_or_default().to_owned();
    (status, code, json)
}

fn refused((got, got_code, json): Answer, status: u16, code: &str) {
    assert_eq!((got, got_code), (status, code.to_owned()), "{json}");
}

fn done(answer: Answer, status: u16) -> Value {
    assert_eq!(answer.0, status, "{}", answer.2);
    answer.2
}

async fn place() -> (Place, Id, Person) {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let admin = place.user(ours, &["admin"]).await;
    (place, ours, admin)
}

#[tokio::test]
async fn a_user_comes_and_goes_with_what_is_his() {
    let (place, ours, admin) = place().await;
    let body = json!({"email": "New@Example.com", "name": "New", "role_ids": ["developer"]});
    let user = done(
        ask(&place, &admin.token, "POST", "/adit/users", body.clone()).await,
        201,
    );
    assert_eq!(user["email"], "new@example.com");
    refused(
        ask(&place, &admin.token, "POST", "/adit/users", body).await,
        400,
        "ERR_NGROK_4101",
    );
    let one = format!("/adit/users/{}", user["id"].as_str().unwrap());
    let list = done(
        ask(&place, &admin.token, "GET", "/adit/users?limit=1", Value::Null).await,
        200,
    );
    assert_eq!(list["users"][0]["id"], user["id"]);
    let next = list["next_page_uri"].as_str().unwrap();
    let next = next.strip_prefix("https://api.adit.example.com").unwrap();
    let list = done(ask(&place, &admin.token, "GET", next, Value::Null).await, 200);
    assert_eq!(list["users"][0]["id"], admin.id.to_string());
    assert_eq!(list["next_page_uri"], Value::Null);
    let changed = done(
        ask(&place, &admin.token, "PATCH", &one, json!({"name": "Newer"})).await,
        200,
    );
    assert_eq!(changed["name"], "Newer");
    // What he owns in the organisation goes along.
    let owner: Id = user["id"].as_str().unwrap().parse().unwrap();
    let key = place.key(ours, owner, json!({})).await;
    let authtoken = place.put(ours, "credential", Some(owner), json!({})).await;
    assert_eq!(
        place.ask(&token(key.id), "GET", "/ip_policies", Value::Null).await.0,
        200
    );
    done(ask(&place, &admin.token, "DELETE", &one, Value::Null).await, 204);
    refused(
        ask(&place, &token(key.id), "GET", "/ip_policies", Value::Null).await,
        401,
        "ERR_NGROK_203",
    );
    assert_eq!(place.store.get(key.id).await.unwrap(), None);
    assert_eq!(place.store.get(authtoken.id).await.unwrap(), None);
    refused(
        ask(&place, &admin.token, "GET", &one, Value::Null).await,
        404,
        "ERR_ADIT_2001",
    );
    assert!(place.store.get(owner).await.unwrap().is_some(), "he is a user still");
    let member = json!({"user_id": owner.to_string(), "role_ids": ["viewer"]});
    done(
        ask(&place, &admin.token, "POST", "/adit/members", member.clone()).await,
        201,
    );
    refused(
        ask(&place, &admin.token, "POST", "/adit/members", member).await,
        400,
        "ERR_NGROK_6601",
    );
    let nobody = json!({"user_id": id(Prefix::User).to_string()});
    refused(
        ask(&place, &admin.token, "POST", "/adit/members", nobody).await,
        400,
        "ERR_NGROK_634",
    );
}

#[tokio::test]
async fn a_user_that_cannot_become_a_member_is_not_made() {
    let (place, _, admin) = place().await;
    let body = json!({"email": "a@example.com", "name": "A", "role_ids": [id(Prefix::Role).to_string()]});
    refused(
        ask(&place, &admin.token, "POST", "/adit/users", body).await,
        400,
        "ERR_ADIT_2109",
    );
    assert_eq!(place.store.holder("email", "a@example.com").await.unwrap(), None);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let (place, ours, admin) = place().await;
    let membership = format!("/adit/members/{}", admin.membership.id);
    let user = format!("/adit/users/{}", admin.id);
    let attempts = [
        ("PATCH", &membership, json!({"role_ids": ["viewer"]})),
        ("PATCH", &membership, json!({"active": false})),
        ("DELETE", &membership, Value::Null),
        ("PATCH", &user, json!({"active": false})),
        ("DELETE", &user, Value::Null),
    ];
    for (method, path, body) in &attempts {
        refused(
            ask(&place, &admin.token, method, path, body.clone()).await,
            400,
            "ERR_NGROK_6602",
        );
    }
    // Who is not active is none.
    let second = place.user(ours, &["admin"]).await;
    place.set(&second.user, "active", json!(false)).await;
    let (method, path, body) = &attempts[0];
    refused(
        ask(&place, &admin.token, method, path, body.clone()).await,
        400,
        "ERR_NGROK_6602",
    );
    place.user(ours, &["admin"]).await;
    done(ask(&place, &admin.token, method, path, body.clone()).await, 200);
}

#[tokio::test]
async fn nobody_gives_or_takes_above_his_own_rights() {
    let (place, ours, admin) = place().await;
    let lead = place.user(ours, &["developer", "team-manager"]).await;
    let developer = place.user(ours, &["developer"]).await;
    let member = |person: &Person| format!("/adit/members/{}", person.membership.id);
    let roles = |roles: &[&str]| json!({ "role_ids": roles });
    done(
        ask(&place, &lead.token, "PATCH", &member(&developer), roles(&["viewer"])).await,
        200,
    );
    done(
        ask(&place, &lead.token, "PATCH", &member(&developer), roles(&["developer"])).await,
        200,
    );
    refused(
        ask(&place, &lead.token, "PATCH", &member(&developer), roles(&["admin"])).await,
        403,
        "ERR_NGROK_6615",
    );
    refused(
        ask(&place, &lead.token, "PATCH", &member(&lead), roles(&["admin"])).await,
        403,
        "ERR_NGROK_6615",
    );
    refused(
        ask(&place, &lead.token, "PATCH", &member(&admin), roles(&["viewer"])).await,
        403,
        "ERR_NGROK_6616",
    );
    refused(
        ask(&place, &lead.token, "DELETE", &member(&admin), Value::Null).await,
        403,
        "ERR_NGROK_6616",
    );
    let takeover = json!({"email": "mine@example.com"});
    let his = format!("/adit/users/{}", admin.id);
    refused(
        ask(&place, &lead.token, "PATCH", &his, takeover).await,
        403,
        "ERR_NGROK_6616",
    );
    let user = json!({"email": "x@example.com", "name": "X", "role_ids": ["security"]});
    refused(
        ask(&place, &lead.token, "POST", "/adit/users", user).await,
        403,
        "ERR_NGROK_6615",
    );
    // A service user without roles is a developer.
    let auditor = place.user(ours, &["auditor"]).await;
    refused(
        ask(&place, &auditor.token, "POST", "/service_users", json!({"name": "ci"})).await,
        403,
        "ERR_ADIT_2008",
    );
    done(
        ask(&place, &admin.token, "POST", "/service_users", json!({"name": "ci"})).await,
        201,
    );
}

#[tokio::test]
async fn who_is_a_member_elsewhere_is_changed_by_himself() {
    let (place, ours, admin) = place().await;
    let theirs = place.organization(json!({"name": "theirs"})).await.id;
    let guest = place.user(ours, &["viewer"]).await;
    let membership = json!({"user_id": guest.id.to_string(), "role_ids": ["admin"]});
    place.put(theirs, "member", None, membership).await;
    let his = format!("/adit/users/{}", guest.id);
    let takeover = json!({"email": "mine@example.com"});
    refused(
        ask(&place, &admin.token, "PATCH", &his, takeover).await,
        403,
        "ERR_NGROK_6616",
    );
    let me = done(
        ask(&place, &guest.token, "PATCH", "/adit/me", json!({"name": "Me"})).await,
        200,
    );
    assert_eq!(me["user"]["name"], "Me");
    assert_eq!(me["organizations"].as_array().unwrap().len(), 2);
    refused(
        ask(&place, &guest.token, "PATCH", "/adit/me", json!({"email": "a@b.c"})).await,
        400,
        "ERR_NGROK_214",
    );
    // Leaving one organisation leaves the other.
    done(ask(&place, &admin.token, "DELETE", &his, Value::Null).await, 204);
    let key = place.key(theirs, guest.id, json!({})).await;
    assert_eq!(place.ask(&token(key.id), "GET", "/adit/me", Value::Null).await.0, 200);
}

/// The first administrator is made in one step with his organisation, hence as its object.
#[tokio::test]
async fn a_user_of_an_organisation_is_like_any_other() {
    let (place, ours, admin) = place().await;
    let first = place
        .put(ours, "user", None, json!({"email": "first@example.com", "name": "F"}))
        .await;
    let membership = json!({"user_id": first.id.to_string(), "role_ids": ["viewer"]});
    place.put(ours, "member", None, membership).await;
    let key = token(place.key(ours, first.id, json!({})).await.id);
    let path = format!("/adit/users/{}", first.id);
    let changed = done(
        ask(&place, &admin.token, "PATCH", &path, json!({"name": "Second"})).await,
        200,
    );
    assert_eq!(changed["name"], "Second");
    let me = done(
        ask(&place, &key, "PATCH", "/adit/me", json!({"name": "Third"})).await,
        200,
    );
    assert_eq!(me["user"]["name"], "Third");
}

#[tokio::test]
async fn roles_of_ones_own() {
    let (place, ours, admin) = place().await;
    let role = json!({"name": "names", "permissions": ["reserved_domains:write", "reserved_domains:read"],
        "selector": "obj.domain.endsWith(\".dev.example.net\")"});
    let role = done(ask(&place, &admin.token, "POST", "/adit/roles", role).await, 201);
    let role = role["id"].as_str().unwrap();
    let person = place.user(ours, &[role]).await;
    let domain = |name: &str| json!({"domain": name, "description": ""});
    let made = ask(
        &place,
        &person.token,
        "POST",
        "/reserved_domains",
        domain("a.dev.example.net"),
    )
    .await;
    let made = done(made, 201);
    let own = format!("/reserved_domains/{}", made["id"].as_str().unwrap());
    done(
        ask(&place, &person.token, "PATCH", &own, json!({"description": "x"})).await,
        200,
    );
    let outside = ask(
        &place,
        &person.token,
        "POST",
        "/reserved_domains",
        domain("a.example.org"),
    )
    .await;
    refused(outside, 403, "ERR_ADIT_2008");
    let other = ask(
        &place,
        &admin.token,
        "POST",
        "/reserved_domains",
        domain("b.example.org"),
    )
    .await;
    let other = done(other, 201);
    let other = format!("/reserved_domains/{}", other["id"].as_str().unwrap());
    for (method, body) in [
        ("GET", Value::Null),
        ("PATCH", json!({"description": "x"})),
        ("DELETE", Value::Null),
    ] {
        refused(
            ask(&place, &person.token, method, &other, body).await,
            404,
            "ERR_ADIT_2001",
        );
    }
    let list = done(
        ask(&place, &person.token, "GET", "/reserved_domains", Value::Null).await,
        200,
    );
    let ids: Vec<_> = list["reserved_domains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["id"].clone())
        .collect();
    assert_eq!(ids, [made["id"].clone()]);
    refused(
        ask(&place, &person.token, "GET", "/ip_policies", Value::Null).await,
        403,
        "ERR_ADIT_2008",
    );
    // Taken away, it is gone at once.
    done(
        ask(
            &place,
            &admin.token,
            "PATCH",
            &format!("/adit/roles/{role}"),
            json!({"permissions": ["vaults:read"], "selector": ""}),
        )
        .await,
        200,
    );
    refused(
        ask(&place, &person.token, "GET", "/reserved_domains", Value::Null).await,
        403,
        "ERR_ADIT_2008",
    );
}

/// A change that moves an object out of what the role selects is none that the role gives.
#[tokio::test]
async fn selectors_hold_before_and_after() {
    let (place, ours, admin) = place().await;
    let role = json!({"name": "denying", "permissions": ["ip_policies:write", "ip_policies:read"],
        "selector": "obj.description.startsWith(\"dev\")"});
    let role = done(ask(&place, &admin.token, "POST", "/adit/roles", role).await, 201);
    let person = place.user(ours, &[role["id"].as_str().unwrap()]).await;
    let made = ask(
        &place,
        &person.token,
        "POST",
        "/ip_policies",
        json!({"description": "dev one"}),
    )
    .await;
    let path = format!("/ip_policies/{}", done(made, 201)["id"].as_str().unwrap());
    done(
        ask(&place, &person.token, "PATCH", &path, json!({"description": "dev two"})).await,
        200,
    );
    let moved = ask(&place, &person.token, "PATCH", &path, json!({"description": "prod"})).await;
    refused(moved, 403, "ERR_ADIT_2008");
    let shown = done(ask(&place, &person.token, "GET", &path, Value::Null).await, 200);
    assert_eq!(shown["description"], "dev two");
    done(ask(&place, &person.token, "DELETE", &path, Value::Null).await, 204);
}

#[tokio::test]
async fn roles_that_cannot_be() {
    let (place, ours, admin) = place().await;
    let make = async |body: Value| ask(&place, &admin.token, "POST", "/adit/roles", body).await;
    let body =
        |permissions: &[&str], selector: &str| json!({"name": "r", "permissions": permissions, "selector": selector});
    refused(make(body(&["vaults:eat"], "")).await, 400, "ERR_ADIT_2110");
    refused(make(body(&["impersonate:x"], "")).await, 400, "ERR_ADIT_2110");
    refused(
        make(body(&["vaults:read"], "obj.nothing == 1")).await,
        400,
        "ERR_NGROK_250",
    );
    refused(make(json!({"name": "Admin"})).await, 400, "ERR_ADIT_2021");
    for method in ["PATCH", "DELETE"] {
        refused(
            ask(&place, &admin.token, method, "/adit/roles/viewer", json!({})).await,
            400,
            "ERR_ADIT_2108",
        );
    }
    let viewer = done(
        ask(&place, &admin.token, "GET", "/adit/roles/viewer", Value::Null).await,
        200,
    );
    assert!(
        viewer["permissions"]
            .as_array()
            .unwrap()
            .contains(&json!("vaults:read"))
    );
    let list = done(ask(&place, &admin.token, "GET", "/adit/roles", Value::Null).await, 200);
    assert_eq!(list["roles"].as_array().unwrap().len(), 8);
    // Whoever manages roles gives no more than he has.
    let manager = json!({"name": "manager", "permissions": ["roles:manage", "roles:read", "vaults:read"]});
    let manager = done(make(manager).await, 201);
    let person = place.user(ours, &[manager["id"].as_str().unwrap()]).await;
    let more = ask(
        &place,
        &person.token,
        "POST",
        "/adit/roles",
        body(&["vaults:create"], ""),
    )
    .await;
    refused(more, 403, "ERR_NGROK_6615");
    done(
        ask(&place, &person.token, "POST", "/adit/roles", body(&["vaults:read"], "")).await,
        201,
    );
}

#[tokio::test]
async fn organisations() {
    let (place, ours, admin) = place().await;
    let own = "/adit/organization";
    let changed = json!({"name": "Ours", "settings": {"strict_ownership": true}});
    let changed = done(ask(&place, &admin.token, "PATCH", own, changed).await, 200);
    assert_eq!(
        (&changed["name"], &changed["settings"]["strict_ownership"]),
        (&json!("Ours"), &json!(true))
    );
    for body in [json!({"suspended": true}), json!({"limits": {"domains": 1}})] {
        refused(
            ask(&place, &admin.token, "PATCH", own, body).await,
            403,
            "ERR_ADIT_2008",
        );
    }
    let viewer = place.user(ours, &["viewer"]).await;
    refused(
        ask(&place, &viewer.token, "GET", own, Value::Null).await,
        403,
        "ERR_ADIT_2008",
    );
    for (method, path) in [
        ("GET", "/adit/organizations".to_owned()),
        ("GET", format!("/adit/organizations/{ours}")),
    ] {
        refused(
            ask(&place, &admin.token, method, &path, Value::Null).await,
            403,
            "ERR_ADIT_2008",
        );
    }
    // The operators see all of them.
    let operators = place
        .organization(json!({"name": "operators", "operators": true}))
        .await
        .id;
    let operator = place.user(operators, &["admin"]).await;
    let list = done(
        ask(&place, &operator.token, "GET", "/adit/organizations", Value::Null).await,
        200,
    );
    assert_eq!(list["organizations"].as_array().unwrap().len(), 2);
    let one = format!("/adit/organizations/{ours}");
    done(
        ask(&place, &operator.token, "PATCH", &one, json!({"suspended": true})).await,
        200,
    );
    refused(
        ask(&place, &admin.token, "GET", "/adit/me", Value::Null).await,
        403,
        "ERR_NGROK_205",
    );
    done(
        ask(&place, &operator.token, "PATCH", &one, json!({"suspended": false})).await,
        200,
    );
    let policy = done(ask(&place, &admin.token, "POST", "/ip_policies", json!({})).await, 201);
    let made = done(
        ask(
            &place,
            &operator.token,
            "POST",
            "/adit/organizations",
            json!({"name": "new"}),
        )
        .await,
        201,
    );
    assert!(made["id"].as_str().unwrap().starts_with("ac_"));
    refused(
        ask(&place, &operator.token, "DELETE", &one, Value::Null).await,
        400,
        "ERR_NGROK_215",
    );
    done(
        ask(
            &place,
            &operator.token,
            "DELETE",
            &format!("{one}?confirm=Ours"),
            Value::Null,
        )
        .await,
        204,
    );
    let policy: Id = policy["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(place.store.get(policy).await.unwrap(), None);
    refused(
        ask(&place, &admin.token, "GET", "/adit/me", Value::Null).await,
        401,
        "ERR_NGROK_203",
    );
}

#[tokio::test]
async fn who_one_is_and_why_one_may() {
    let (place, ours, admin) = place().await;
    let me = done(ask(&place, &admin.token, "GET", "/adit/me", Value::Null).await, 200);
    assert_eq!(me["user"]["email"], admin.email);
    assert_eq!(me["organization"]["id"], ours.to_string());
    assert_eq!(me["api_key"]["id"], admin.key.id.to_string());
    assert!(me["permissions"].as_array().unwrap().contains(&json!("roles:manage")));
    let account = done(ask(&place, &admin.token, "GET", "/self", Value::Null).await, 200);
    assert_eq!(account["account"]["name"], "ours");
    let viewer = place.user(ours, &["viewer"]).await;
    let explain =
        async |who: &Person, body: Value| done(ask(&place, &who.token, "POST", "/adit/authorize", body).await, 200);
    let create = json!({"operation": "IpPoliciesCreate"});
    assert_eq!(explain(&admin, create.clone()).await["allowed"], true);
    let no = explain(&viewer, create.clone()).await;
    assert_eq!(
        (&no["allowed"], &no["permission"]),
        (&json!(false), &json!("ip_policies:create"))
    );
    let asked = json!({"operation": "IpPoliciesCreate", "as": viewer.email});
    assert_eq!(explain(&admin, asked).await["allowed"], false);
    // One's own key, and another's.
    let own = json!({"operation": "ApiKeysDelete", "object": viewer.key.id.to_string()});
    assert_eq!(
        explain(&viewer, own).await["by"],
        json!([{"role": "viewer", "selector": "", "only_own": true}])
    );
    let other = json!({"operation": "ApiKeysDelete", "object": admin.key.id.to_string()});
    assert_eq!(explain(&viewer, other).await["allowed"], false);
    let permissions = done(
        ask(&place, &viewer.token, "GET", "/adit/permissions", Value::Null).await,
        200,
    );
    let vaults = permissions["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["permission"] == "vaults:read");
    assert!(
        vaults.unwrap()["operations"]
            .as_array()
            .unwrap()
            .contains(&json!("VaultsList"))
    );
    assert_eq!(place.ask("", "GET", "/adit/version", Value::Null).await.0, 200);
}

#[tokio::test]
async fn the_default_authtoken_is_replaced_at_once() {
    let (place, _, admin) = place().await;
    let path = "/adit/me/authtoken";
    refused(
        ask(&place, &admin.token, "GET", path, Value::Null).await,
        404,
        "ERR_ADIT_2001",
    );
    let reset = async || {
        let made = ask(&place, &admin.token, "POST", "/adit/me/authtoken/reset", json!({})).await;
        done(made, 201)["token"].as_str().unwrap().to_owned()
    };
    let first = reset().await;
    refused(
        ask(&place, &first, "GET", path, Value::Null).await,
        401,
        "ERR_NGROK_207",
    );
    let second = reset().await;
    refused(
        ask(&place, &first, "GET", path, Value::Null).await,
        401,
        "ERR_NGROK_203",
    );
    refused(
        ask(&place, &second, "GET", path, Value::Null).await,
        401,
        "ERR_NGROK_207",
    );
    let shown = done(ask(&place, &admin.token, "GET", path, Value::Null).await, 200);
    assert_eq!(shown["token"], Value::Null);
    let (_, list) = place.ask(&admin.token, "GET", "/credentials", Value::Null).await;
    assert_eq!(list["credentials"].as_array().unwrap().len(), 1);
}
