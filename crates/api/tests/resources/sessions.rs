//! Sessions of the dashboard: how long they last, who ends them, and what they may (control plane 3.2).

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::browser::{Browser, DASHBOARD, PASSWORD, change_session, give_password, signed_in};
use crate::place::place;

/// A header that a request has in place of its own, or has not.
type Header<'a> = (&'a str, Option<&'a str>);

const HOUR: i64 = 3_600 * 1_000_000;

#[tokio::test]
async fn it_ends_unused_and_at_the_latest() {
    let place = place().await;
    let mut browser = signed_in(&place).await;
    change_session(&place, |session| {
        let at = |name: &str| session.body[name].as_i64().unwrap();
        assert_eq!(session.expires_at.unwrap() - at("seen_at"), 12 * HOUR);
        // Unused for nearly twelve hours.
        session.body["seen_at"] = (at("seen_at") - 12 * HOUR + 1_000_000).into();
        session.expires_at = Some(session.expires_at.unwrap() - 12 * HOUR + 30_000_000);
    })
    .await;
    assert_eq!(browser.ask(&place, "GET", "/adit/me", Value::Null).await.status, 200);
    change_session(&place, |session| {
        // It was used, so it begins anew; but not beyond thirty days.
        let seen = session.body["seen_at"].as_i64().unwrap();
        assert_eq!(session.expires_at.unwrap() - seen, 12 * HOUR);
        session.body["created_at"] = (seen - 30 * 24 * HOUR + HOUR).into();
        session.body["seen_at"] = (seen - HOUR / 2).into();
    })
    .await;
    assert_eq!(browser.ask(&place, "GET", "/adit/me", Value::Null).await.status, 200);
    change_session(&place, |session| {
        let created = session.body["created_at"].as_i64().unwrap();
        assert_eq!(session.expires_at.unwrap() - created, 30 * 24 * HOUR);
        session.expires_at = Some(1);
    })
    .await;
    assert_eq!(
        browser.ask(&place, "GET", "/adit/me", Value::Null).await.code(),
        "ERR_ADIT_2101"
    );
}

#[tokio::test]
async fn requests_of_other_sites_change_nothing() {
    let place = place().await;
    let browser = signed_in(&place).await;
    let mut other = Browser::at(2);
    other.sign_in(&place, "a1@example.com", PASSWORD).await;
    let before = place.position();
    let cases: [(&str, &[Header<'_>]); 8] = [
        ("no token", &[("adit-csrf", None)]),
        ("another session's token", &[("adit-csrf", Some(&other.csrf))]),
        ("no word of where from", &[("origin", None), ("sec-fetch-site", None)]),
        ("another site", &[("sec-fetch-site", Some("cross-site"))]),
        ("a neighbour", &[("sec-fetch-site", Some("same-site"))]),
        (
            "another origin",
            &[("origin", Some("https://evil.adit.example.com:8443"))],
        ),
        ("no origin", &[("origin", Some("null"))]),
        (
            "another port",
            &[
                ("origin", Some("https://dashboard.adit.example.com")),
                ("sec-fetch-site", None),
            ],
        ),
    ];
    for (what, changes) in cases {
        for (method, path) in [
            ("POST", "/ip_policies"),
            ("DELETE", "/adit/sessions/current"),
            ("PATCH", "/adit/me"),
        ] {
            let mut asked = browser.request(method, path, &json!({}));
            for (name, value) in changes {
                let name: http::HeaderName = name.parse().unwrap();
                asked.headers_mut().remove(&name);
                if let Some(value) = value {
                    asked.headers_mut().insert(name, value.parse().unwrap());
                }
            }
            let answer = place.send(asked).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code()),
                (403, "ERR_ADIT_2107"),
                "{what}: {method} {path}"
            );
        }
    }
    assert_eq!(place.position(), before);
    // Nor does another site sign somebody in.
    let mut asked = Browser::at(3).request("POST", "/adit/sessions", &json!({"email": "a1@example.com"}));
    asked
        .headers_mut()
        .insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(place.send(asked).await.code(), "ERR_ADIT_2107");
    // Older browsers say only the origin.
    let mut asked = browser.request("POST", "/ip_policies", &json!({}));
    asked.headers_mut().remove("sec-fetch-site");
    asked.headers_mut().insert("origin", DASHBOARD.parse().unwrap());
    assert_eq!(place.send(asked).await.status, 201);
}

#[tokio::test]
async fn they_are_listed_and_ended() {
    let place = place().await;
    let mut here = signed_in(&place).await;
    let mut there = Browser::at(2);
    there.sign_in(&place, "a1@example.com", PASSWORD).await;
    let list = here.ask(&place, "GET", "/adit/sessions", Value::Null).await;
    let sessions = list.json["sessions"].as_array().unwrap().clone();
    let current: Vec<_> = sessions.iter().map(|s| s["current"].as_bool().unwrap()).collect();
    assert_eq!((sessions.len(), current), (2, vec![false, true]), "{}", list.text);
    assert_eq!(
        (&sessions[0]["ip"], &sessions[0]["user_agent"]),
        (&json!("198.51.100.2"), &json!("Firefox"))
    );
    // The same by a key of the same user.
    let by_key = place.ask("GET", "/adit/sessions", Value::Null).await;
    assert_eq!(by_key.json["sessions"].as_array().unwrap().len(), 2);
    // Another organisation's are not there.
    let path = format!("/adit/sessions/{}", sessions[0]["id"].as_str().unwrap());
    let foreign = place.ask_as(&place.theirs.key, "DELETE", &path, Value::Null).await;
    assert_eq!((foreign.status.as_u16(), foreign.code()), (404, "ERR_ADIT_2001"));
    let of_user = format!("/adit/sessions?user_id={}", place.ours.user);
    let foreign = place.ask_as(&place.theirs.key, "GET", &of_user, Value::Null).await;
    assert_eq!(foreign.status, 404);
    assert_eq!(here.ask(&place, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(
        there.ask(&place, "GET", "/adit/me", Value::Null).await.code(),
        "ERR_ADIT_2101"
    );
    assert_eq!(here.ask(&place, "DELETE", &path, Value::Null).await.status, 404);
    // Signing out takes the cookie away, and what it was is worth nothing.
    let old = here.clone();
    let out = here.ask(&place, "DELETE", "/adit/sessions/current", Value::Null).await;
    assert_eq!(out.status, 204);
    assert!(
        out.header("set-cookie")
            .starts_with("__Host-adit-session=; Path=/; Max-Age=0")
    );
    assert_eq!(
        old.clone().ask(&place, "GET", "/adit/me", Value::Null).await.code(),
        "ERR_ADIT_2101"
    );
}

#[tokio::test]
async fn who_manages_members_ends_theirs_but_not_of_who_is_above() {
    let place = place().await;
    let mut admin = signed_in(&place).await;
    let body = json!({"email": "m@example.com", "name": "M", "role_ids": ["team-manager"]});
    let manager = place.make("/adit/users", body).await["id"].as_str().unwrap().to_owned();
    give_password(&place, &place.ours.key, &manager, PASSWORD).await;
    let mut browser = Browser::at(2);
    assert_eq!(browser.sign_in(&place, "m@example.com", PASSWORD).await.status, 200);
    let of = |user: &str| format!("/adit/sessions?user_id={user}");
    let admins = browser
        .ask(&place, "GET", &of(&place.ours.user.to_string()), Value::Null)
        .await;
    let path = format!("/adit/sessions/{}", admins.json["sessions"][0]["id"].as_str().unwrap());
    assert_eq!(
        browser.ask(&place, "DELETE", &path, Value::Null).await.code(),
        "ERR_NGROK_6616"
    );
    let theirs = admin.ask(&place, "GET", &of(&manager), Value::Null).await;
    let path = format!("/adit/sessions/{}", theirs.json["sessions"][0]["id"].as_str().unwrap());
    assert_eq!(admin.ask(&place, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(
        browser.ask(&place, "GET", "/adit/me", Value::Null).await.code(),
        "ERR_ADIT_2101"
    );
}

#[tokio::test]
async fn a_user_has_fifty_at_most() {
    let place = place().await;
    let mut first = signed_in(&place).await;
    for n in 0..50 {
        let mut browser = Browser::at(n);
        assert_eq!(
            browser.sign_in(&place, "a1@example.com", PASSWORD).await.status,
            200,
            "{n}"
        );
    }
    let list = place.ask("GET", "/adit/sessions", Value::Null).await;
    assert_eq!(list.json["sessions"].as_array().unwrap().len(), 50);
    assert_eq!(
        first.ask(&place, "GET", "/adit/me", Value::Null).await.code(),
        "ERR_ADIT_2101"
    );
}

#[tokio::test]
async fn other_rights_mean_another_cookie() {
    let place = place().await;
    let body = json!({"email": "d@example.com", "name": "D", "role_ids": ["developer"]});
    let user = place.make("/adit/users", body).await["id"].as_str().unwrap().to_owned();
    give_password(&place, &place.ours.key, &user, PASSWORD).await;
    let mut browser = Browser::at(1);
    browser.sign_in(&place, "d@example.com", PASSWORD).await;
    let members = place.ask("GET", "/adit/members", Value::Null).await;
    let is_his = |m: &&Value| m["user"]["id"] == json!(user);
    let member = members.json["members"].as_array().unwrap().iter().find(is_his).unwrap()["id"].clone();
    let path = format!("/adit/members/{}", member.as_str().unwrap());
    let before = browser.clone();
    assert_eq!(
        place.ask("PATCH", &path, json!({"role_ids": ["viewer"]})).await.status,
        200
    );
    let answer = browser.ask(&place, "POST", "/ip_policies", json!({})).await;
    // The rights are those of now, whatever the cookie.
    assert_eq!(answer.code(), "ERR_ADIT_2008");
    assert_ne!((&browser.cookie, &browser.csrf), (&before.cookie, &before.csrf));
    let me = async |browser: &Browser| browser.clone().ask(&place, "GET", "/adit/me", Value::Null).await;
    assert_eq!(me(&browser).await.header("set-cookie"), "");
    // Requests that were on their way are still answered, for some seconds.
    assert_eq!(me(&before).await.status, 200);
    change_session(&place, |session| session.body["replaced"][1] = 1.into()).await;
    assert_eq!(me(&before).await.code(), "ERR_ADIT_2101");
    assert_eq!(me(&browser).await.status, 200);
    // No membership, no session.
    assert_eq!(place.ask("PATCH", &path, json!({"active": false})).await.status, 200);
    assert_eq!(me(&browser).await.code(), "ERR_NGROK_636");
    assert_eq!(place.ask("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(me(&browser).await.code(), "ERR_ADIT_2101");
}

#[tokio::test]
async fn what_is_dangerous_needs_a_password_of_now() {
    let place = place().await;
    let mut browser = signed_in(&place).await;
    let other = place
        .make(
            "/adit/users",
            json!({"email": "o@example.com", "name": "O", "role_ids": ["viewer"]}),
        )
        .await;
    let policy = place.make("/ip_policies", json!({})).await["id"].clone();
    let dangerous = [
        (
            "POST",
            "/adit/roles".to_owned(),
            json!({"name": "r", "permissions": ["vaults:read"]}),
        ),
        (
            "POST",
            "/ip_restrictions".to_owned(),
            json!({"type": "agent", "ip_policy_ids": [policy]}),
        ),
        ("POST", "/api_keys".to_owned(), json!({"owner_id": other["id"]})),
        ("POST", "/ip_policies?force=true".to_owned(), json!({})),
        ("PATCH", "/adit/organization".to_owned(), json!({"name": "other"})),
        (
            "POST",
            format!("/adit/users/{}/reset_password", other["id"].as_str().unwrap()),
            json!({}),
        ),
    ];
    change_session(&place, |session| {
        let verified = session.body["verified_at"].as_i64().unwrap();
        session.body["verified_at"] = (verified - 601_000_000).into();
    })
    .await;
    let before = place.position();
    let mut codes = HashSet::new();
    for (method, path, body) in &dangerous {
        let answer = browser.ask(&place, method, path, body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (401, "ERR_ADIT_2015"),
            "{method} {path}"
        );
        codes.insert(answer.json["details"]["methods"].to_string());
    }
    assert_eq!(
        (place.position(), codes),
        (before, HashSet::from(["\"password\"".to_owned()]))
    );
    // What is not goes on, also reading of the same.
    assert_eq!(browser.ask(&place, "POST", "/ip_policies", json!({})).await.status, 201);
    assert_eq!(browser.ask(&place, "GET", "/adit/roles", Value::Null).await.status, 200);
    let verify = json!({"password": "wrong horse battery"});
    assert_eq!(
        browser.ask(&place, "POST", "/adit/me/verify", verify).await.code(),
        "ERR_NGROK_4100"
    );
    assert_eq!(browser.ask(&place, "GET", "/adit/roles", Value::Null).await.status, 200);
    let verify = json!({"password": PASSWORD});
    assert_eq!(browser.ask(&place, "POST", "/adit/me/verify", verify).await.status, 200);
    for (method, path, body) in dangerous {
        let answer = browser.ask(&place, method, &path, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
    }
}
