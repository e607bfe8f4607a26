//! Signing in with a password, and getting one (control plane 3.2).

use std::net::Ipv4Addr;

use adit_store::log::EntriesPage;
use serde_json::{Value, json};

use crate::browser::{Browser, PASSWORD, change_session, give_password, signed_in, token_of};
use crate::place::{Answer, Place, place, request};

/// An answer without what is another one each time.
fn shape(answer: &Answer) -> (u16, String) {
    let id = answer.json["details"]["operation_id"].as_str().unwrap_or("-");
    (answer.status.as_u16(), answer.text.replace(id, "op"))
}

#[tokio::test]
async fn a_password_becomes_a_session() {
    let place = place().await;
    give_password(&place, &place.ours.key, &place.ours.user.to_string(), PASSWORD).await;
    let mut browser = Browser::at(1);
    let answer = browser.sign_in(&place, "  A1@Example.com ", PASSWORD).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json["next"]),
        (200, &json!("done")),
        "{}",
        answer.text
    );
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-adit-session="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=2591999; Secure; HttpOnly; SameSite=Lax")
            || cookie.ends_with("; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let me = browser.ask(&place, "GET", "/adit/me", Value::Null).await;
    assert_eq!(me.json["user"]["email"], "a1@example.com", "{}", me.text);
    assert_eq!(
        (&me.json["api_key"], &me.json["session"]["csrf"]),
        (&Value::Null, &json!(browser.csrf))
    );
    // What he does is told from what keys do.
    let made = browser
        .ask(&place, "POST", "/ip_policies", json!({"description": "x"}))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let entries = place.ask("GET", "/adit/audit?limit=1", Value::Null).await;
    let entry = &entries.json["entries"][0];
    assert_eq!(
        (&entry["event_type"], &entry["source"]),
        (&json!("ip_policy_created.v0"), &json!("Dashboard"))
    );
    assert_eq!(entry["credential_id"], me.json["session"]["id"]);
    // The secret is nowhere: neither in what is kept nor in the log.
    let secret = browser.cookie.rsplit('.').next().unwrap();
    let kept = place.store.work().list("session", None, "", 10).await.unwrap();
    assert!(!format!("{kept:?}").contains(secret));
    let page = EntriesPage {
        organization: Some(place.ours.id),
        limit: 100,
        ..EntriesPage::default()
    };
    let log = place.store.entries(&page).await.unwrap();
    let texts = format!("{log:?}");
    assert!(texts.contains("dashboard_login.v0") && !texts.contains(secret) && !texts.contains(PASSWORD));
}

#[tokio::test]
async fn whether_an_account_exists_is_not_said() {
    let place = place().await;
    give_password(&place, &place.ours.key, &place.ours.user.to_string(), PASSWORD).await;
    let made = place.make(
        "/adit/users",
        json!({"email": "idle@example.com", "name": "I", "role_ids": ["viewer"]}),
    );
    let idle = made.await["id"].as_str().unwrap().to_owned();
    give_password(&place, &place.ours.key, &idle, PASSWORD).await;
    let path = format!("/adit/users/{idle}");
    assert_eq!(place.ask("PATCH", &path, json!({"active": false})).await.status, 200);
    let mut shapes = Vec::new();
    for (n, (email, password)) in [
        ("a1@example.com", "wrong horse battery"),
        ("nobody@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("idle@example.com", PASSWORD),
        // Has no password.
        ("a2@example.com", PASSWORD),
    ]
    .into_iter()
    .enumerate()
    {
        let mut browser = Browser::at(u8::try_from(n).unwrap());
        let answer = browser.sign_in(&place, email, password).await;
        assert_eq!(answer.header("set-cookie"), "");
        shapes.push(shape(&answer));
    }
    assert!(
        shapes.iter().all(|s| *s == shapes[0] && s.1.contains("ERR_NGROK_4100")),
        "{shapes:?}"
    );
    let ways = async |email: &str| {
        Browser::at(9)
            .ask(&place, "POST", "/adit/sessions", json!({"email": email}))
            .await
    };
    assert_eq!(
        shape(&ways("a1@example.com").await),
        shape(&ways("nobody@example.com").await)
    );
    assert_eq!(
        ways("a1@example.com").await.json,
        json!({"next": "password", "ways": ["password"]})
    );
}

#[tokio::test]
async fn who_fails_often_waits() {
    let place = place().await;
    give_password(&place, &place.ours.key, &place.ours.user.to_string(), PASSWORD).await;
    // An account, known or not, from many addresses.
    for email in ["a1@example.com", "nobody@example.com"] {
        for n in 0..11 {
            let answer = Browser::at(n).sign_in(&place, email, "wrong horse battery").await;
            let code = if n < 10 { "ERR_NGROK_4100" } else { "ERR_NGROK_1227" };
            assert_eq!(answer.code(), code, "{email} {n}");
        }
        let answer = Browser::at(99).sign_in(&place, email, PASSWORD).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (429, "ERR_NGROK_1227"),
            "{email}"
        );
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    // An address, with many accounts.
    for n in 0..31 {
        let mut browser = Browser::at(200);
        let answer = browser.sign_in(&place, &format!("{n}@example.com"), PASSWORD).await;
        let code = if n < 30 { "ERR_NGROK_4100" } else { "ERR_NGROK_1227" };
        assert_eq!(answer.code(), code, "{n}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_sign_in() {
    let place = place().await;
    for (body, code) in [
        (json!({}), "ERR_NGROK_215"),
        (json!({"email": 5}), "ERR_NGROK_215"),
        (json!({"email": "a1@example.com", "password": ["x"]}), "ERR_NGROK_215"),
        (json!({"email": "a1@example.com", "pass": "x"}), "ERR_NGROK_214"),
        (json!([]), "ERR_NGROK_215"),
    ] {
        let answer = Browser::at(1).ask(&place, "POST", "/adit/sessions", body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, code), "{body}");
    }
}

#[tokio::test]
async fn keys_and_cookies_do_not_mix() {
    let place = place().await;
    let browser = signed_in(&place).await;
    // The API's host reads no cookie, and nobody signs in there.
    let mut asked = request("", "GET", "/adit/me", &Value::Null);
    asked.headers_mut().remove("authorization");
    asked.headers_mut().insert("cookie", browser.cookie.parse().unwrap());
    assert_eq!(place.send(asked).await.code(), "ERR_NGROK_200");
    let body = json!({"email": "a1@example.com", "password": PASSWORD});
    let answer = place.ask("POST", "/adit/sessions", body).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (404, "ERR_ADIT_2003"));
    // The dashboard's takes no key, and has nothing but `/api`.
    let mut asked = Browser::at(1).request("GET", "/adit/me", &Value::Null);
    let bearer = format!("Bearer {}", place.ours.key);
    asked.headers_mut().insert("authorization", bearer.parse().unwrap());
    assert_eq!(place.send(asked).await.code(), "ERR_ADIT_2101");
    for path in ["/adit/me", "/apiadit/me", "/api", "/"] {
        let mut asked = browser.request("GET", "/adit/me", &Value::Null);
        *asked.uri_mut() = path.parse().unwrap();
        assert_eq!(place.send(asked).await.code(), "ERR_ADIT_2003", "{path}");
    }
    // Pages of other origins may read nothing there.
    let mut asked = browser.request("GET", "/adit/me", &Value::Null);
    asked
        .headers_mut()
        .insert("origin", "https://evil.example".parse().unwrap());
    let answer = place.send(asked).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("access-control-allow-origin")),
        (200, "")
    );
    let mut asked = browser.request("OPTIONS", "/adit/me", &Value::Null);
    asked
        .headers_mut()
        .insert("access-control-request-method", "PATCH".parse().unwrap());
    let answer = place.send(asked).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("access-control-allow-origin")),
        (405, "")
    );
}

#[tokio::test]
async fn a_link_is_good_once_and_the_newest_only() {
    let place = place().await;
    let user = place.ours.user.to_string();
    let path = format!("/adit/users/{user}/reset_password");
    let link = async || token_of(&place.ask("POST", &path, Value::Null).await.json["link"]);
    let (first, second) = (link().await, link().await);
    let set = async |token: &str, password: &str| {
        let body = json!({"token": token, "password": password});
        Browser::at(1).ask(&place, "POST", "/adit/password_reset", body).await
    };
    assert_eq!(set(&first, PASSWORD).await.code(), "ERR_ADIT_2104");
    // A bad password does not use it up.
    for (password, code) in [
        ("short", "ERR_NGROK_4011"),
        ("123qweasdzxc", "ERR_ADIT_2111"),
        (&*"x".repeat(1_025), "ERR_NGROK_4020"),
    ] {
        assert_eq!(set(&second, password).await.code(), code);
    }
    assert_eq!(set(&second, PASSWORD).await.status, 204);
    for token in [&*second, "", "nonsense", &"x".repeat(500)] {
        let answer = set(token, "another horse battery").await;
        assert!(
            answer.status.is_client_error() && answer.code() != "ERR_NGROK_4011",
            "{}",
            answer.text
        );
    }
    assert_eq!(
        Browser::at(1).sign_in(&place, "a1@example.com", PASSWORD).await.status,
        200
    );
    // One that is past its time.
    let third = link().await;
    let work = place.store.work();
    for mut item in work.list("once", None, "", 10).await.unwrap() {
        item.expires_at = Some(1);
        work.put("once", &item).await.unwrap();
    }
    assert_eq!(set(&third, "another horse battery").await.code(), "ERR_ADIT_2104");
    // A new password ends all sessions.
    let mut browser = Browser::at(1);
    browser.sign_in(&place, "a1@example.com", PASSWORD).await;
    give_password(&place, &place.ours.key, &user, "another horse battery").await;
    assert_eq!(
        browser.ask(&place, "GET", "/adit/me", Value::Null).await.code(),
        "ERR_ADIT_2101"
    );
}

#[tokio::test]
async fn of_two_links_made_at_once_one_is_good() {
    let place = place().await;
    let user = place.ours.user.to_string();
    let path = format!("/adit/users/{user}/reset_password");
    for _ in 0..5 {
        let link = async || token_of(&place.ask("POST", &path, Value::Null).await.json["link"]);
        let (a, b) = tokio::join!(link(), link());
        let mut good = 0;
        for token in [a, b] {
            let body = json!({"token": token, "password": PASSWORD});
            let answer = Browser::at(1).ask(&place, "POST", "/adit/password_reset", body).await;
            good += usize::from(answer.status == 204);
        }
        assert_eq!(good, 1);
    }
}

#[tokio::test]
async fn a_link_ends_when_its_user_joins_others() {
    let place = place().await;
    let body = json!({"email": "j@example.com", "name": "J", "role_ids": ["viewer"]});
    let user = place.make("/adit/users", body).await["id"].clone();
    let path = format!("/adit/users/{}/reset_password", user.as_str().unwrap());
    let token = token_of(&place.ask("POST", &path, Value::Null).await.json["link"]);
    let body = json!({"user_id": user, "role_ids": ["viewer"]});
    let member = place.ask_as(&place.theirs.key, "POST", "/adit/members", body).await;
    assert_eq!(member.status, 201, "{}", member.text);
    let set = async |token: &str| {
        let body = json!({"token": token, "password": PASSWORD});
        let answer = Browser::at(1).ask(&place, "POST", "/adit/password_reset", body).await;
        (answer.status.as_u16(), answer.code().to_owned())
    };
    assert_eq!(set(&token).await, (403, "ERR_ADIT_2104".to_owned()));
    // Who may make one now knows of both.
    let token = token_of(&place.ask("POST", &path, Value::Null).await.json["link"]);
    assert_eq!(set(&token).await.0, 204);
}

#[tokio::test]
async fn who_may_make_links() {
    let place = place().await;
    let users = [("m@example.com", "team-manager"), ("v@example.com", "viewer")];
    let mut keys = Vec::new();
    for (email, role) in users {
        let body = json!({"email": email, "name": "X", "role_ids": [role]});
        let user = place.make("/adit/users", body).await["id"].clone();
        keys.push((
            user.clone(),
            place.make("/api_keys", json!({"owner_id": user})).await["token"].clone(),
        ));
    }
    let reset = async |key: &Value, user: &str| {
        let path = format!("/adit/users/{user}/reset_password");
        let answer = place.ask_as(key.as_str().unwrap(), "POST", &path, Value::Null).await;
        (answer.status.as_u16(), answer.code().to_owned())
    };
    let [(_, manager), (viewer, viewers)] = keys.as_slice() else {
        panic!()
    };
    let ours = place.ours.user.to_string();
    let theirs = place.theirs.user.to_string();
    assert_eq!(reset(viewers, &ours).await, (403, "ERR_ADIT_2008".to_owned()));
    // Nobody gets at the rights of who has more.
    assert_eq!(reset(manager, &ours).await, (403, "ERR_NGROK_6616".to_owned()));
    assert_eq!(
        reset(&json!(place.ours.key), &theirs).await,
        (404, "ERR_ADIT_2001".to_owned())
    );
    assert_eq!(reset(&json!(place.ours.key), viewer.as_str().unwrap()).await.0, 201);
    // Who is a member elsewhere as well is for operators: ours are, theirs are not.
    let body = json!({"user_id": place.ours.user.to_string(), "role_ids": ["viewer"]});
    let member = place.ask_as(&place.theirs.key, "POST", "/adit/members", body).await;
    assert_eq!(member.status, 201, "{}", member.text);
    assert_eq!(
        reset(&json!(place.theirs.key), &ours).await,
        (403, "ERR_NGROK_6616".to_owned())
    );
}

#[tokio::test]
async fn the_first_administrator_sets_up_once() {
    let place = place().await;
    adit_api::login::set_up_with(&place.store, "first-link", place.ours.user)
        .await
        .unwrap();
    let mut browser = Browser::at(1);
    let set = async |browser: &mut Browser, token: &str| {
        let path = format!("/adit/setup/{token}");
        browser.ask(&place, "POST", &path, json!({"password": PASSWORD})).await
    };
    assert_eq!(set(&mut browser, "another").await.status, 404);
    let answer = set(&mut browser, "first-link").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json["next"]),
        (200, &json!("done")),
        "{}",
        answer.text
    );
    assert_eq!(browser.ask(&place, "GET", "/adit/me", Value::Null).await.status, 200);
    assert_eq!(set(&mut Browser::at(2), "first-link").await.status, 404);
    assert_eq!(
        Browser::at(2).sign_in(&place, "a1@example.com", PASSWORD).await.status,
        200
    );
}

async fn invite(place: &Place, email: &str) -> (String, String) {
    let made = place
        .make("/adit/invitations", json!({"email": email, "role_ids": ["developer"]}))
        .await;
    (made["id"].as_str().unwrap().to_owned(), token_of(&made["link"]))
}

#[tokio::test]
async fn an_invitation_makes_a_user_and_a_member_at_once() {
    let place = place().await;
    let (id, token) = invite(&place, "new@example.com").await;
    // The link is shown once.
    assert_eq!(
        place
            .ask("GET", &format!("/adit/invitations/{id}"), Value::Null)
            .await
            .json["link"],
        Value::Null
    );
    let accept = async |browser: &mut Browser, token: &str, password: &str| {
        let body = json!({"token": token, "password": password, "name": "New"});
        browser.ask(&place, "POST", "/adit/invitations/accept", body).await
    };
    let mut browser = Browser::at(1);
    for wrong in [
        token.replace('.', "_"),
        format!("{token}x"),
        token.split_at(27).0.to_owned(),
    ] {
        assert_eq!(
            accept(&mut browser, &wrong, PASSWORD).await.code(),
            "ERR_ADIT_2104",
            "{wrong}"
        );
    }
    let before = place.position();
    assert_eq!(accept(&mut browser, &token, "short").await.code(), "ERR_NGROK_4011");
    assert_eq!(place.position(), before);
    let answer = accept(&mut browser, &token, PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let me = browser.ask(&place, "GET", "/adit/me", Value::Null).await;
    assert_eq!(
        (&me.json["user"]["name"], &me.json["roles"][0]["name"]),
        (&json!("New"), &json!("developer"))
    );
    assert_eq!(
        place
            .ask("GET", &format!("/adit/invitations/{id}"), Value::Null)
            .await
            .json["state"],
        "accepted"
    );
    assert_eq!(
        accept(&mut Browser::at(2), &token, PASSWORD).await.code(),
        "ERR_ADIT_2104"
    );
    assert_eq!(
        Browser::at(2).sign_in(&place, "new@example.com", PASSWORD).await.status,
        200
    );
}

#[tokio::test]
async fn who_is_a_user_already_shows_his_password() {
    let place = place().await;
    give_password(&place, &place.theirs.key, &place.theirs.user.to_string(), PASSWORD).await;
    let (_, token) = invite(&place, "a2@example.com").await;
    let accept = async |password: &str| {
        let body = json!({"token": token, "password": password});
        Browser::at(1)
            .ask(&place, "POST", "/adit/invitations/accept", body)
            .await
    };
    assert_eq!(accept("wrong horse battery").await.code(), "ERR_NGROK_4100");
    assert_eq!(accept(PASSWORD).await.status, 200);
    let mut browser = Browser::at(2);
    browser.sign_in(&place, "a2@example.com", PASSWORD).await;
    let me = browser.ask(&place, "GET", "/adit/me", Value::Null).await;
    assert_eq!(me.json["organizations"].as_array().unwrap().len(), 2, "{}", me.text);
    // He is in one of them, and says so if he means the other.
    for (organization, status) in [(place.ours.id, 200), (place.theirs.id, 200)] {
        let mut asked = browser.request("GET", "/adit/me", &Value::Null);
        asked
            .headers_mut()
            .insert("adit-organization", organization.to_string().parse().unwrap());
        let answer = place.send(asked).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json["organization"]["id"], organization.to_string());
    }
    let mut asked = signed_in(&place).await.request("GET", "/adit/me", &Value::Null);
    asked
        .headers_mut()
        .insert("adit-organization", place.theirs.id.to_string().parse().unwrap());
    assert_eq!(place.send(asked).await.status, 404);
}

#[tokio::test]
async fn invitations_end() {
    let place = place().await;
    let body = json!({"email": "late@example.com", "role_ids": ["viewer"], "expires_at": "2020-01-01T00:00:00Z"});
    let late = token_of(&place.make("/adit/invitations", body).await["link"]);
    let (id, gone) = invite(&place, "gone@example.com").await;
    place
        .ask("DELETE", &format!("/adit/invitations/{id}"), Value::Null)
        .await;
    for token in [late, gone] {
        let body = json!({"token": token, "password": PASSWORD});
        let answer = Browser::at(1)
            .ask(&place, "POST", "/adit/invitations/accept", body)
            .await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "ERR_ADIT_2104"));
    }
}

#[tokio::test]
async fn two_who_use_an_invitation_at_once_are_one() {
    let place = place().await;
    let (_, token) = invite(&place, "twice@example.com").await;
    let body = json!({"token": token, "password": PASSWORD});
    let accept = || {
        let asked = Browser::at(1).request("POST", "/adit/invitations/accept", &body);
        place.send_from(Ipv4Addr::new(198, 51, 100, 1).into(), asked)
    };
    let (a, b) = tokio::join!(accept(), accept());
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200, "{} {}", a.text, b.text);
    assert!((400..500).contains(&statuses[1]), "{} {}", a.text, b.text);
    let users = place.ask("GET", "/adit/users", Value::Null).await;
    let is_he = |u: &&Value| u["email"] == "twice@example.com";
    assert_eq!(users.json["users"].as_array().unwrap().iter().filter(is_he).count(), 1);
}

#[tokio::test]
async fn another_password_ends_the_other_sessions() {
    let place = place().await;
    let mut here = signed_in(&place).await;
    let mut there = Browser::at(2);
    there.sign_in(&place, "a1@example.com", PASSWORD).await;
    let change = async |browser: &mut Browser, current: &str, new: &str| {
        let body = json!({"current_password": current, "password": new});
        browser.ask(&place, "POST", "/adit/me/password", body).await
    };
    let new = "another horse battery";
    assert_eq!(
        change(&mut here, "wrong horse battery", new).await.code(),
        "ERR_NGROK_4100"
    );
    assert_eq!(
        change(&mut here, PASSWORD, "1q2w3e4r5t6y").await.code(),
        "ERR_ADIT_2111"
    );
    let old = here.clone();
    assert_eq!(change(&mut here, PASSWORD, new).await.status, 200);
    let me = async |browser: &mut Browser| {
        browser
            .ask(&place, "GET", "/adit/me", Value::Null)
            .await
            .code()
            .to_owned()
    };
    assert_eq!(me(&mut here).await, "");
    assert_eq!(me(&mut there).await, "ERR_ADIT_2101");
    assert_eq!(me(&mut old.clone()).await, "ERR_ADIT_2101");
    assert_eq!(
        there.sign_in(&place, "a1@example.com", PASSWORD).await.code(),
        "ERR_NGROK_4100"
    );
    assert_eq!(there.sign_in(&place, "a1@example.com", new).await.status, 200);
}

#[tokio::test]
async fn no_session_comes_behind_another_password() {
    let place = place().await;
    signed_in(&place).await;
    let user = place.ours.user.to_string();
    let passwords = [PASSWORD, "another horse battery"];
    for round in 0..6 {
        let (old, new) = (passwords[round % 2], passwords[(round + 1) % 2]);
        let sign_in = async |n: u8| {
            let mut browser = Browser::at(n);
            browser.sign_in(&place, "a1@example.com", old).await;
            browser
        };
        let (_, mut a, mut b, mut c, mut d) = tokio::join!(
            give_password(&place, &place.ours.key, &user, new),
            sign_in(1),
            sign_in(2),
            sign_in(3),
            sign_in(4)
        );
        for browser in [&mut a, &mut b, &mut c, &mut d] {
            let me = browser.ask(&place, "GET", "/adit/me", Value::Null).await;
            assert_eq!(me.status, 401, "{}", me.text);
        }
    }
}

#[tokio::test]
async fn an_organisation_without_passwords() {
    let place = place().await;
    give_password(&place, &place.ours.key, &place.ours.user.to_string(), PASSWORD).await;
    let settings = json!({"settings": {"password_login": false}});
    assert_eq!(place.ask("PATCH", "/adit/organization", settings).await.status, 200);
    let answer = Browser::at(1).sign_in(&place, "a1@example.com", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "ERR_ADIT_2103"));
    let settings = json!({"settings": {"password_login": true, "sessions": {"idle": 60, "absolute": 3600}}});
    assert_eq!(place.ask("PATCH", "/adit/organization", settings).await.status, 200);
    let mut browser = signed_in(&place).await;
    assert_eq!(browser.ask(&place, "GET", "/adit/me", Value::Null).await.status, 200);
    change_session(&place, |session| {
        let seen = session.body["seen_at"].as_i64().unwrap();
        assert_eq!(session.expires_at.unwrap() - seen, 60_000_000);
    })
    .await;
}
