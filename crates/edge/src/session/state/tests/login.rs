//! Who may log in, and what the answer says.

use std::time::Duration;

use adit_names::code::ErrorCode;
use serde_json::{Value, json};

use super::{NARROW_TOKEN, OTHER_TOKEN, TOKEN, World, again, assert_refused, auth, auth_json, auth_of, https, leg};

#[track_caller]
fn refused_with(change: impl FnOnce(&mut Value), code: ErrorCode) -> String {
    let mut w = World::new();
    let mut json = auth_json(TOKEN);
    change(&mut json);
    let refusal = assert_refused(w.login(&auth_of(&json)), code);
    w.check_empty();
    refusal.text().to_owned()
}

fn with_token(token: &str) -> impl FnOnce(&mut Value) {
    let token = token.to_owned();
    move |json| json["Extra"]["AuthToken"] = token.into()
}

#[test]
fn each_kind_of_wrong_token_has_its_code_and_none_is_shown_whole() {
    refused_with(with_token(""), ErrorCode::NGROK_4018);
    for malformed in [
        "BAD",
        "2fWHmaP1sGrGoClCTr3KEvTxDPP",
        "a_b",
        "2fWHmaP1sGrGoClCTr3KEvTxDPP_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
    ] {
        refused_with(with_token(malformed), ErrorCode::NGROK_105);
    }
    refused_with(
        with_token("2abcdefghijklmnopqrstuvwxyz_1234567890abcdefghijk"),
        ErrorCode::NGROK_106,
    );
    let unknown = TOKEN.replace('8', "9");
    let text = refused_with(with_token(&unknown), ErrorCode::NGROK_107);
    assert!(text.contains("2fWH…") && !text.contains(&unknown[..8]), "{text}");
}

#[test]
fn a_revoked_credential_is_refused_with_300_also_with_a_good_cookie() {
    let mut w = World::new();
    let accepted = w.enter(TOKEN);
    let mut revoked = super::credential("cr_1", "ac_1", TOKEN, &[]);
    revoked.revoked = true;
    w.config = w.config.clone().with_credentials([revoked]);
    assert_refused(w.login(&again(TOKEN, &accepted)), ErrorCode::NGROK_300);
}

#[test]
fn versions_heartbeats_and_texts_are_bounded() {
    refused_with(|j| j["Version"] = json!(["4", "9"]), ErrorCode::NGROK_811);
    refused_with(|j| j["Version"] = json!([]), ErrorCode::NGROK_811);
    refused_with(
        |j| j["Extra"]["HeartbeatInterval"] = json!(999_999_999),
        ErrorCode::NGROK_111,
    );
    refused_with(|j| j["Extra"]["HeartbeatInterval"] = json!(-1), ErrorCode::NGROK_111);
    refused_with(|j| j["Extra"]["HeartbeatTolerance"] = json!(1), ErrorCode::NGROK_112);
    refused_with(
        |j| j["Extra"]["Metadata"] = "x".repeat(4_097).into(),
        ErrorCode::NGROK_100,
    );
    refused_with(
        |j| j["Extra"]["UserAgent"] = "x".repeat(1_025).into(),
        ErrorCode::NGROK_124,
    );
    refused_with(|j| j["Extra"]["UserAgent"] = "a\nb".into(), ErrorCode::NGROK_124);
    let mut w = World::new();
    let mut json = auth_json(TOKEN);
    json["Version"] = json!(["7", "2"]);
    json["Extra"]["HeartbeatInterval"] = json!(7_200_000_000_000_u64);
    json["Extra"]["Metadata"] = "x".repeat(4_096).into();
    let accepted = w.login(&auth_of(&json)).unwrap();
    assert_eq!(accepted.response.version, "2");
    assert_eq!(accepted.facts.heartbeat_interval, Duration::from_secs(3_600));
}

#[test]
fn several_addresses_are_offered_with_the_one_in_use_first() {
    let mut w = World::new();
    let (own, other) = ("connect.adit.example.com:443", "other.example.net:443");
    w.config.connect_addresses = vec![other.to_owned(), own.to_owned()];
    let answer = serde_json::to_value(&w.enter(TOKEN).response).unwrap();
    assert_eq!(
        answer["Extra"]["ConnectAddresses"],
        json!([{"Region": "local", "ServerAddr": own}, {"Region": "local", "ServerAddr": other}])
    );
    w.config.connect_addresses.truncate(1);
    assert!(
        w.enter(TOKEN).response.extra.connect_addresses.is_none(),
        "one is no choice"
    );
}

#[test]
fn the_answer_names_the_session_twice_and_says_nothing_of_additions_unasked() {
    let mut w = World::new();
    let accepted = w.enter(TOKEN);
    let r = &accepted.response;
    assert!(r.client_id.starts_with("ts_") && r.client_id == r.extra.agent_session_id);
    assert_eq!(
        (
            r.extra.region.as_str(),
            r.extra.plan_name.as_str(),
            r.extra.session_duration
        ),
        ("local", "self-hosted", 0)
    );
    assert_eq!(r.extra.account_name, "Organisation ac_1");
    assert!(r.extra.cookie.len() <= 512 && r.extra.adit.is_none() && r.extra.connect_addresses.is_none());
    assert_eq!(accepted.facts.arch, "amd64");
    assert_eq!(accepted.facts.remote.stop.as_deref(), Some(""));
    assert_eq!(accepted.facts.remote.restart, None);
}

#[test]
fn legs_need_their_session_and_have_a_limit() {
    let mut w = World::new();
    let mut lone = auth(TOKEN);
    lone.extra.leg_number = Some(1);
    assert_refused(w.login(&lone), ErrorCode::ADIT_1103);
    lone.extra.cookie = "cookie-ts_0001".to_owned();
    lone.client_id = "ts_0001".to_owned();
    assert_refused(w.login(&lone), ErrorCode::ADIT_1103);
    let first = w.enter(TOKEN);
    assert_refused(w.login(&leg(TOKEN, &first, 4)), ErrorCode::NGROK_9024);
    assert_refused(w.login(&leg(OTHER_TOKEN, &first, 1)), ErrorCode::ADIT_1103);
    let second = w.login(&leg(TOKEN, &first, 1)).unwrap();
    assert_eq!(second.response.client_id, first.response.client_id);
    assert_eq!(w.sessions.counts().legs, 2);
    w.check();
}

#[test]
fn adits_agent_gets_what_both_sides_know_and_its_process_is_recognised() {
    let mut w = World::new();
    let mut json = auth_json(TOKEN);
    json["Extra"]["UserAgent"] = "adit-agent/0.1.0".into();
    json["Extra"]["Adit"] = json!({
        "v": 1, "caps": ["control", "probe", "udp", "window", "unheard_of"], "instance": "0123456789abcdef",
        "legs": 2, "transports": ["tls", "quic"], "window": 1_048_576, "max_streams": 1_000, "max_frame": 65_536
    });
    let auth = auth_of(&json);
    let first = w.login(&auth).unwrap();
    let grant = serde_json::to_value(first.response.extra.adit.as_ref().unwrap()).unwrap();
    assert_eq!(grant["caps"], json!(["control", "probe", "window"]));
    // What the line of this leg carries in its round trip of 8 ms.
    assert_eq!(
        (&grant["max_streams"], &grant["window"]),
        (&json!(1_000), &json!(1_000_000))
    );
    assert_eq!(grant["transports"], json!(["tls"]));
    assert_eq!(grant["resume_window_ms"], json!(30_000));
    w.bind(&first.connection, &https("app.adit.example.com")).unwrap();
    // The same process without its cookie, while its old connection is still believed to live.
    let second = w.login(&auth).unwrap();
    assert_eq!(second.response.client_id, first.response.client_id);
    assert!(second.replaced.is_some());
    w.bind(&second.connection, &https("app.adit.example.com")).unwrap_err();
    json["Extra"]["Adit"]["instance"] = "another".into();
    let third = w.login(&auth_of(&json)).unwrap();
    assert_ne!(third.response.client_id, first.response.client_id);
    json["Extra"]["AuthToken"] = NARROW_TOKEN.into();
    json["Extra"]["Adit"]["instance"] = "0123456789abcdef".into();
    let fourth = w.login(&auth_of(&json)).unwrap();
    assert_ne!(
        fourth.response.client_id, first.response.client_id,
        "of another credential"
    );
    w.check();
}
