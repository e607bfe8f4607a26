//! Every operation and every session that is none, or not good for it.

use std::net::IpAddr;

use adit_names::id::{Id, Prefix};
use serde_json::json;

use super::matrix::path;
use super::place::{PEER, Place, id};
use crate::authorize::matrix::{Matrix, ROLES};
use crate::login::cookie::Cookie;
use crate::login::session::{self, Session};
use crate::route_table::{Access, Route};
use crate::route_tree::ALL;

const DASHBOARD: &str = "https://dashboard.adit.example.com";

type Shown = Vec<(&'static str, String)>;

/// `name=value` of a cookie.
fn pair(cookie: &Cookie) -> String {
    let set = cookie.set(60).unwrap();
    set.to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// What a page of the dashboard shows.
fn whole(cookie: &Cookie) -> Shown {
    vec![
        ("cookie", pair(cookie)),
        ("adit-csrf", cookie.csrf()),
        ("origin", DASHBOARD.to_owned()),
        ("sec-fetch-site", "same-origin".to_owned()),
    ]
}

fn without(shown: &Shown, name: &str) -> Shown {
    shown.iter().filter(|(n, _)| *n != name).cloned().collect()
}

fn instead(shown: &Shown, name: &'static str, value: &str) -> Shown {
    let mut shown = without(shown, name);
    shown.push((name, value.to_owned()));
    shown
}

fn is_closed(route: &&&Route) -> bool {
    matches!(route.access, Access::Known | Access::With(_))
}

#[tokio::test]
async fn every_operation_and_session() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let admin = place.user(ours, &["admin"]).await;
    let (_, good) = place.session(ours, admin.id).await;
    let good_shown = whole(&good);
    let (ended, ended_cookie) = place.session(ours, admin.id).await;
    assert!(session::end(&place.store, &ended).await.unwrap());
    let wrong = Cookie::new(good.session, good.user).unwrap();
    let unknown = Cookie::new(id(Prefix::DashboardSession), admin.id).unwrap();
    let sleeping = place.user(ours, &["admin"]).await;
    let (_, asleep) = place.session(ours, sleeping.id).await;
    place.set(&sleeping.user, "active", json!(false)).await;
    let away = place.user(ours, &["admin"]).await;
    let (_, away_cookie) = place.session(ours, away.id).await;
    place.set(&away.membership, "active", json!(false)).await;
    let suspended = place.organization(json!({"name": "late", "suspended": true})).await.id;
    let late = place.user(suspended, &["admin"]).await;
    let (_, late_cookie) = place.session(suspended, late.id).await;
    let (_, never_here) = place.session(ours, late.id).await;
    let nobody = place.user(ours, &[]).await;
    let (_, without_roles) = place.session(ours, nobody.id).await;
    let sessions: Vec<(&str, Shown, u16, &str)> = vec![
        ("nothing", Vec::new(), 401, "ERR_ADIT_2101"),
        (
            "a key",
            vec![("authorization", format!("Bearer {}", admin.token))],
            401,
            "ERR_ADIT_2101",
        ),
        (
            "malformed",
            instead(&good_shown, "cookie", "__Host-adit-session=x"),
            401,
            "ERR_ADIT_2101",
        ),
        (
            "twice",
            instead(&good_shown, "cookie", &format!("{0}; {0}", pair(&good))),
            401,
            "ERR_ADIT_2101",
        ),
        ("another secret", whole(&wrong), 401, "ERR_ADIT_2101"),
        ("unknown", whole(&unknown), 401, "ERR_ADIT_2101"),
        ("ended", whole(&ended_cookie), 401, "ERR_ADIT_2101"),
        ("no member", whole(&never_here), 401, "ERR_ADIT_2101"),
        ("user not active", whole(&asleep), 403, "ERR_NGROK_636"),
        ("membership not active", whole(&away_cookie), 403, "ERR_NGROK_636"),
        ("organisation suspended", whole(&late_cookie), 403, "ERR_NGROK_205"),
        ("no roles", whole(&without_roles), 403, "ERR_NGROK_635"),
        (
            "another organisation",
            instead(&good_shown, "adit-organization", &suspended.to_string()),
            404,
            "ERR_ADIT_2001",
        ),
        (
            "no organisation",
            instead(&good_shown, "adit-organization", "x"),
            404,
            "ERR_ADIT_2001",
        ),
    ];
    let forged: Vec<(&str, Shown)> = vec![
        ("no token", without(&good_shown, "adit-csrf")),
        ("another's token", instead(&good_shown, "adit-csrf", &asleep.csrf())),
        ("another site", instead(&good_shown, "sec-fetch-site", "cross-site")),
        (
            "another origin",
            instead(&good_shown, "origin", "https://x.adit.example.com"),
        ),
        ("neither", without(&without(&good_shown, "origin"), "sec-fetch-site")),
    ];
    for (route, n) in ALL.iter().filter(is_closed).zip(0_u32..) {
        let (method, path) = (route.method.as_str(), path(route, "x"));
        // An address that fails often is refused for a while.
        let peer = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
        for (what, shown, status, code) in &sessions {
            let answer = place.browse(peer, shown, method, &path).await;
            let got = (answer.0, answer.1["error_code"].as_str());
            assert_eq!(got, (*status, Some(*code)), "{what}: {method} {path}");
        }
        for (what, shown) in forged.iter().filter(|_| method != "GET") {
            let answer = place.browse(peer, shown, method, &path).await;
            let got = (answer.0, answer.1["error_code"].as_str());
            assert_eq!(got, (403, Some("ERR_ADIT_2107")), "{what}: {method} {path}");
        }
    }
}

/// A session opens what its user's roles open, and nothing else: the same as a key of his. Only sessions themselves and
/// second factors are nothing for keys.
#[tokio::test]
async fn every_operation_and_role() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours", "operators": true})).await.id;
    // Somebody who stays, so that nobody is the last administrator.
    place.user(ours, &["admin"]).await;
    for role in ROLES {
        let person = place.user(ours, &[role]).await;
        let (_, cookie) = place.session(ours, person.id).await;
        let shown = whole(&cookie);
        for route in ALL
            .iter()
            .filter(is_closed)
            .filter(|r| !r.operation.starts_with("AditSessions"))
            .filter(|r| !r.path.ends_with("/totp") && !r.path.ends_with("/recovery_codes"))
        {
            let (method, path) = (route.method.as_str(), path(route, "x"));
            let by_session = place.browse(PEER, &shown, method, &path).await;
            let by_key = place.ask(&person.token, method, &path, json!({})).await;
            let code = |answer: &(u16, serde_json::Value)| (answer.0, answer.1["error_code"].clone());
            assert_eq!(code(&by_session), code(&by_key), "{role}: {method} {path}");
        }
    }
}

/// What is dangerous is refused to a session whose user has not shown his password lately, whoever he is.
#[tokio::test]
async fn every_dangerous_operation_and_an_old_session() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours", "operators": true})).await.id;
    let admin = place.user(ours, &["admin"]).await;
    let (session, cookie) = place.session(ours, admin.id).await;
    grow_old(&place, ours, &session).await;
    let mut dangerous = 0;
    for route in ALL.iter() {
        let Access::With(permission) = route.access else {
            continue;
        };
        let path = path(route, "x");
        let (status, json) = place.browse(PEER, &whole(&cookie), route.method.as_str(), &path).await;
        let is_refused = (status, json["error_code"].as_str()) == (401, Some("ERR_ADIT_2015"));
        let needs = Matrix::get().needs_recent(permission) && route.method != "GET";
        assert_eq!(is_refused, needs, "{} {path}: {json}", route.method);
        dangerous += usize::from(needs);
    }
    assert!(dangerous > 12, "{dangerous}");
}

async fn grow_old(place: &Place, organization: Id, session: &Session) {
    let work = place.store.work();
    let mut items = work.list("session", Some(organization), "", 10).await.unwrap();
    items.retain(|item| item.key.ends_with(&session.id.to_string()));
    items[0].body["verified_at"] = (session.kept.verified_at - 601_000_000).into();
    work.put("session", &items[0]).await.unwrap();
}
