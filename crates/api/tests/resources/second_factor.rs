//! Second factors: authenticators and recovery codes (control plane 3.2).

use std::time::SystemTime;

use adit_store::log::EntriesPage;
use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::browser::{Browser, PASSWORD, change_session, give_password, signed_in, token_of};
use crate::place::{Answer, Place, place};

const EMAIL: &str = "a1@example.com";
const TOTP: &str = "/adit/me/totp";
const CODES: &str = "/adit/me/recovery_codes";

/// The step of this moment.
fn step() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    now.as_secs() / 30
}

/// What an authenticator shows, from the URL alone.
struct Authenticator(hmac::Key);

impl Authenticator {
    fn of(url: &str) -> Self {
        let secret = url.split_once("?secret=").unwrap().1.split('&').next().unwrap();
        let mut bits = String::new();
        for letter in secret.chars() {
            let five = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
            bits.push_str(&format!("{five:05b}"));
        }
        let bytes: Vec<u8> = (0..bits.len() / 8)
            .map(|n| u8::from_str_radix(&bits[n * 8..n * 8 + 8], 2).unwrap())
            .collect();
        assert_eq!(bytes.len(), 20);
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes))
    }

    fn code(&self, step: u64) -> String {
        let tag = hmac::sign(&self.0, &step.to_be_bytes());
        let offset = usize::from(tag.as_ref()[19] & 0xf);
        let number = u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().unwrap());
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }

    /// A code of no step that is near.
    fn wrong(&self, step: u64) -> String {
        let near: Vec<String> = (step - 2..step + 5).map(|step| self.code(step)).collect();
        let all = (0..).map(|n| format!("{n:06}"));
        all.into_iter().find(|code| !near.contains(code)).unwrap()
    }
}

fn codes(answer: &Answer) -> Vec<String> {
    serde_json::from_value(answer.json["recovery_codes"].clone()).unwrap()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status.as_u16(), &answer.json["error_code"]),
        (status, &json!(code)),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("set-cookie"), "");
}

/// Our administrator, signed in, with an authenticator that was confirmed with the code of `step`; recovery codes.
async fn enrolled(place: &Place, step: u64) -> (Browser, Authenticator, Vec<String>) {
    let mut browser = signed_in(place).await;
    let asked = browser.ask(place, "POST", TOTP, json!({})).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let authenticator = Authenticator::of(asked.json["otpauth_url"].as_str().unwrap());
    let confirm = json!({"code": authenticator.code(step)});
    let confirmed = browser.ask(place, "POST", TOTP, confirm).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    let codes = codes(&confirmed);
    (browser, authenticator, codes)
}

/// A sign-in of our administrator from the n-th address, with his password and this.
async fn sign_in(place: &Place, n: u8, field: &str, code: &str) -> Answer {
    let body = json!({"email": EMAIL, "password": PASSWORD, field: code});
    Browser::at(n).ask(place, "POST", "/adit/sessions", body).await
}

async fn mfa(place: &Place) -> Value {
    let user = place
        .ask("GET", &format!("/adit/users/{}", place.ours.user), Value::Null)
        .await;
    user.json["mfa"].clone()
}

#[tokio::test]
async fn an_authenticator_is_set_up_in_two_steps() {
    let place = place().await;
    let step = step();
    let mut browser = signed_in(&place).await;
    let mut other = Browser::at(2);
    assert_eq!(other.sign_in(&place, EMAIL, PASSWORD).await.status, 200);
    // Nothing was asked for yet.
    refused(
        &browser.ask(&place, "POST", TOTP, json!({"code": "000000"})).await,
        400,
        "ERR_ADIT_2112",
    );
    let asked = browser.ask(&place, "POST", TOTP, json!({})).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let secret = asked.json["secret"].as_str().unwrap().to_owned();
    let url = asked.json["otpauth_url"].as_str().unwrap();
    assert_eq!(
        url,
        format!(
            "otpauth://totp/adit.example.com:a1%40example.com?secret={secret}&issuer=adit.example.com\
             &algorithm=SHA1&digits=6&period=30"
        )
    );
    let authenticator = Authenticator::of(url);
    let wrong = json!({"code": authenticator.wrong(step)});
    refused(&browser.ask(&place, "POST", TOTP, wrong).await, 401, "ERR_NGROK_17001");
    let none = json!({"totp": false, "passkeys": [], "recovery_codes_left": 0});
    assert_eq!(mfa(&place).await, none);
    assert_eq!(sign_in(&place, 3, "password", PASSWORD).await.json["next"], "done");
    let confirm = json!({"code": authenticator.code(step)});
    let confirmed = browser.ask(&place, "POST", TOTP, confirm.clone()).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    let mut shown = codes(&confirmed);
    let all = json!({"totp": true, "passkeys": [], "recovery_codes_left": 10});
    assert_eq!(mfa(&place).await, all);
    let me = browser.ask(&place, "GET", "/adit/me", Value::Null).await;
    assert_eq!(me.json["user"]["mfa"], all, "{}", me.text);
    refused(&browser.ask(&place, "POST", TOTP, confirm).await, 400, "ERR_ADIT_2112");
    // Who came in without it does not stay.
    let gone = other.ask(&place, "GET", "/adit/me", Value::Null).await;
    refused(&gone, 401, "ERR_ADIT_2101");
    // The code that confirmed it was used.
    let replayed = sign_in(&place, 4, "totp", &authenticator.code(step)).await;
    refused(&replayed, 401, "ERR_NGROK_17001");
    // Neither in what is kept nor in the log.
    let page = EntriesPage {
        organization: None,
        limit: 1_000,
        ..EntriesPage::default()
    };
    let log = format!("{:?}", place.store.entries(&page).await.unwrap());
    let user = format!("{:?}", place.store.get(place.ours.user).await.unwrap());
    assert!(user.contains("recovery_codes_left") && log.contains("user_updated.v0"));
    for text in [&secret].into_iter().chain(&shown) {
        assert!(!log.contains(text.as_str()) && !user.contains(text.as_str()));
    }
    shown.sort_unstable();
    shown.dedup();
    assert_eq!(shown.len(), 10);
}

#[tokio::test]
async fn a_sign_in_asks_for_a_code_that_is_good_once() {
    let place = place().await;
    let step = step();
    let (_, authenticator, codes) = enrolled(&place, step).await;
    let asked = Browser::at(2).sign_in(&place, EMAIL, PASSWORD).await;
    assert_eq!(
        (asked.status.as_u16(), asked.header("set-cookie"), &asked.json),
        (200, "", &json!({"next": "totp", "ways": ["totp", "recovery_code"]}))
    );
    let wrong = authenticator.wrong(step);
    refused(&sign_in(&place, 2, "totp", &wrong).await, 401, "ERR_NGROK_17001");
    // A right code without the password says nothing.
    let next = authenticator.code(step + 1);
    let body = json!({"email": EMAIL, "password": "wrong horse battery", "totp": next});
    let unknown = Browser::at(2).ask(&place, "POST", "/adit/sessions", body).await;
    refused(&unknown, 401, "ERR_NGROK_4100");
    let done = sign_in(&place, 2, "totp", &next).await;
    assert_eq!((done.status.as_u16(), &done.json["next"]), (200, &json!("done")));
    assert!(done.header("set-cookie").starts_with("__Host-adit-session="));
    refused(&sign_in(&place, 3, "totp", &next).await, 401, "ERR_NGROK_17001");

    refused(
        &sign_in(&place, 3, "recovery_code", "aaaa-bbbb-cccc-dddd").await,
        401,
        "ERR_NGROK_17003",
    );
    let done = sign_in(&place, 3, "recovery_code", &codes[3].to_uppercase()).await;
    assert_eq!(done.json["next"], "done", "{}", done.text);
    refused(
        &sign_in(&place, 3, "recovery_code", &codes[3]).await,
        401,
        "ERR_NGROK_17003",
    );
    assert_eq!(mfa(&place).await["recovery_codes_left"], 9);
    // Of many at once one comes in.
    let at_once = (10..14).map(|n| sign_in(&place, n, "recovery_code", &codes[4]));
    let answers = futures_of(at_once).await;
    let came_in = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(came_in, 1, "{answers:?}");
    assert_eq!(mfa(&place).await["recovery_codes_left"], 8);
}

/// All of them at once.
async fn futures_of<F: Future<Output = Answer>>(all: impl Iterator<Item = F>) -> Vec<Answer> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    answers
}

#[tokio::test]
async fn who_guesses_codes_waits_though_he_knows_the_password() {
    let place = place().await;
    let step = step();
    let (_, authenticator, codes) = enrolled(&place, step).await;
    let wrong = authenticator.wrong(step);
    for n in 0..10 {
        let answer = sign_in(&place, 10 + n, "totp", &wrong).await;
        refused(&answer, 401, "ERR_NGROK_17001");
    }
    // Right ones wait as well, of both kinds.
    let right = authenticator.code(step + 1);
    refused(&sign_in(&place, 30, "totp", &right).await, 429, "ERR_NGROK_1227");
    let answer = sign_in(&place, 31, "recovery_code", &codes[0]).await;
    refused(&answer, 429, "ERR_NGROK_1227");
}

#[tokio::test]
async fn second_factors_are_changed_by_who_has_shown_one_lately() {
    let place = place().await;
    let step = step();
    let (mut browser, authenticator, old) = enrolled(&place, step).await;
    // Keys have none.
    for (method, path) in [("POST", TOTP), ("DELETE", TOTP), ("POST", CODES), ("DELETE", CODES)] {
        let answer = place.ask(method, path, if method == "POST" { json!({}) } else { Value::Null });
        refused(&answer.await, 403, "ERR_ADIT_2008");
    }
    change_session(&place, |session| session.body["verified_at"] = json!(0)).await;
    for (method, path) in [("POST", TOTP), ("DELETE", TOTP), ("POST", CODES), ("DELETE", CODES)] {
        let body = if method == "POST" { json!({}) } else { Value::Null };
        let answer = browser.ask(&place, method, path, body).await;
        refused(&answer, 401, "ERR_ADIT_2015");
    }
    let wrong = json!({"totp": authenticator.wrong(step)});
    let answer = browser.ask(&place, "POST", "/adit/me/verify", wrong).await;
    refused(&answer, 401, "ERR_NGROK_17001");
    let right = json!({"totp": authenticator.code(step + 1)});
    assert_eq!(browser.ask(&place, "POST", "/adit/me/verify", right).await.status, 200);

    let made = browser.ask(&place, "POST", CODES, Value::Null).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let new = codes(&made);
    refused(
        &sign_in(&place, 5, "recovery_code", &old[0]).await,
        401,
        "ERR_NGROK_17003",
    );
    assert_eq!(sign_in(&place, 5, "recovery_code", &new[0]).await.status, 200);
    assert_eq!(browser.ask(&place, "DELETE", CODES, Value::Null).await.status, 204);
    let answer = browser.ask(&place, "DELETE", CODES, Value::Null).await;
    refused(&answer, 401, "ERR_NGROK_17002");
    refused(
        &sign_in(&place, 5, "recovery_code", &new[1]).await,
        401,
        "ERR_NGROK_17002",
    );
    let asked = Browser::at(5).sign_in(&place, EMAIL, PASSWORD).await;
    assert_eq!(asked.json, json!({"next": "totp", "ways": ["totp"]}));

    assert_eq!(browser.ask(&place, "DELETE", TOTP, Value::Null).await.status, 204);
    refused(
        &browser.ask(&place, "DELETE", TOTP, Value::Null).await,
        404,
        "ERR_ADIT_2001",
    );
    refused(
        &browser.ask(&place, "POST", CODES, Value::Null).await,
        404,
        "ERR_ADIT_2001",
    );
    assert_eq!(
        Browser::at(6).sign_in(&place, EMAIL, PASSWORD).await.json["next"],
        "done"
    );
    assert_eq!(mfa(&place).await["totp"], false);
}

#[tokio::test]
async fn an_organisation_may_ask_for_a_second_factor() {
    let place = place().await;
    let mut browser = signed_in(&place).await;
    let asks = json!({"user_mfa_required": true});
    let changed = place.ask("PATCH", "/adit/organization", asks).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let answer = browser.ask(&place, "GET", "/ip_policies", Value::Null).await;
    refused(&answer, 403, "ERR_ADIT_2113");
    // Keys are no people, and he may get one.
    assert_eq!(place.ask("GET", "/ip_policies", Value::Null).await.status, 200);
    assert_eq!(browser.ask(&place, "GET", "/adit/me", Value::Null).await.status, 200);
    let asked = browser.ask(&place, "POST", TOTP, json!({})).await;
    let authenticator = Authenticator::of(asked.json["otpauth_url"].as_str().unwrap());
    let answer = browser.ask(&place, "GET", "/ip_policies", Value::Null).await;
    refused(&answer, 403, "ERR_ADIT_2113");
    let confirm = json!({"code": authenticator.code(step())});
    assert_eq!(browser.ask(&place, "POST", TOTP, confirm).await.status, 200);
    let answer = browser.ask(&place, "GET", "/ip_policies", Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn an_invitation_does_not_lead_past_it() {
    let place = place().await;
    let step = step();
    let (_, authenticator, _) = enrolled(&place, step).await;
    let body = json!({"email": EMAIL, "role_ids": ["viewer"]});
    let made = place.ask_as(&place.theirs.key, "POST", "/adit/invitations", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let token = token_of(&made.json["link"]);
    let accept = async |more: Value| {
        let mut body = json!({"token": token, "password": PASSWORD});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let path = "/adit/invitations/accept";
        Browser::at(7).ask(&place, "POST", path, body).await
    };
    let asked = accept(json!({})).await;
    assert_eq!(
        (&asked.json["next"], asked.header("set-cookie")),
        (&json!("totp"), ""),
        "{}",
        asked.text
    );
    let wrong = accept(json!({"totp": authenticator.wrong(step)})).await;
    refused(&wrong, 401, "ERR_NGROK_17001");
    let done = accept(json!({"totp": authenticator.code(step + 1)})).await;
    assert_eq!(
        (done.status.as_u16(), &done.json["next"]),
        (200, &json!("done")),
        "{}",
        done.text
    );
    // A new password by a link leaves it as it is.
    give_password(&place, &place.ours.key, &place.ours.user.to_string(), PASSWORD).await;
    assert_eq!(
        Browser::at(8).sign_in(&place, EMAIL, PASSWORD).await.json["next"],
        "totp"
    );
}
