//! Two who want one name; pools; changes in place; what is ended from here.

use std::time::Duration;

use adit_cluster::Class;
use adit_names::code::ErrorCode;
use adit_protocol::message::{PatchTunnelState, StartTunnelWithLabel, Unbind};

use super::{NARROW_TOKEN, OTHER_TOKEN, TOKEN, World, again, assert_refused, credential, events, https, pooled, tcp};

#[test]
fn the_second_gets_the_conflict_and_the_name_within_the_window_after_the_first_fell_silent() {
    let mut w = World::new();
    let (first, second) = (w.enter(TOKEN), w.enter(TOKEN));
    let stranger = w.enter(OTHER_TOKEN);
    let bind = https("app.adit.example.com");
    w.bind(&first.connection, &bind).unwrap();
    let own = assert_refused(w.bind(&second.connection, &bind), ErrorCode::NGROK_334);
    assert!(own.text().contains("https://app.adit.example.com"), "{own}");
    assert!(
        own.text().contains(&first.response.client_id) && own.text().contains("192.0.2.7"),
        "{own}"
    );
    let foreign = assert_refused(w.bind(&stranger.connection, &bind), ErrorCode::NGROK_334);
    assert!(
        !foreign.text().contains("ts_"),
        "nothing of another organisation: {foreign}"
    );
    let mut tls = https("app.adit.example.com");
    tls.proto = "tls".to_owned();
    assert_refused(w.bind(&second.connection, &tls), ErrorCode::NGROK_334);
    assert!(w.is_online("app.adit.example.com"), "the first is not disturbed");
    w.lose(&first.connection);
    w.advance(Duration::from_secs(29));
    assert_refused(w.bind(&second.connection, &bind), ErrorCode::NGROK_334);
    w.advance(Duration::from_secs(1));
    w.bind(&second.connection, &bind).unwrap();
    w.check();
    // Who comes back too late meets the same refusal.
    let back = w.login(&again(TOKEN, &first)).unwrap();
    assert_refused(w.bind(&back.connection, &bind), ErrorCode::NGROK_334);
    w.check();
}

#[test]
fn plain_http_is_another_name_than_https() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    w.bind(&first.connection, &https("app.adit.example.com")).unwrap();
    let mut http = https("app.adit.example.com");
    http.proto = "http".to_owned();
    assert_eq!(
        w.bind(&first.connection, &http).unwrap().url,
        "http://app.adit.example.com"
    );
    assert!(w.directory.find(Class::Http, "app.adit.example.com").is_some());
    w.check();
}

#[test]
fn a_pool_is_joined_and_left_and_ends_with_its_last_member() {
    let mut w = World::new();
    let (first, second, stranger) = (w.enter(TOKEN), w.enter(TOKEN), w.enter(OTHER_TOKEN));
    let bind = pooled(https("app.adit.example.com"));
    let a = w.bind(&first.connection, &bind).unwrap();
    assert_refused(
        w.bind(&second.connection, &https("app.adit.example.com")),
        ErrorCode::NGROK_334,
    );
    assert_refused(w.bind(&stranger.connection, &bind), ErrorCode::NGROK_334);
    let b = w.bind(&second.connection, &bind).unwrap();
    // As the Kubernetes operator does it: the new one first, in the same session, then the old one goes.
    let c = w.bind(&first.connection, &bind).unwrap();
    assert_ne!(a.id, c.id);
    let pool = w.directory.find(Class::Sni, "app.adit.example.com").unwrap();
    assert_eq!(pool.members().len(), 3);
    w.check();
    let unbind = |id: &str| Unbind {
        id: id.to_owned(),
        ..Unbind::default()
    };
    w.sessions.unbind(&first.connection, &unbind(&a.id)).unwrap();
    assert_eq!(pool.members().len(), 2);
    w.lose(&second.connection);
    assert!(pool.is_online());
    w.advance(Duration::from_secs(30));
    assert_eq!(pool.members().len(), 1);
    w.sessions.unbind(&first.connection, &unbind(&c.id)).unwrap();
    assert!(pool.is_gone() && w.directory.is_empty());
    assert_eq!(b.url, a.url);
    w.check();
}

#[test]
fn a_patch_changes_all_or_nothing_and_keeps_the_endpoint_online() {
    let mut w = World::new();
    let (first, second) = (w.enter(TOKEN), w.enter(TOKEN));
    let bind = pooled(https("app.adit.example.com"));
    let answer = w.bind(&first.connection, &bind).unwrap();
    let patch = PatchTunnelState {
        tunnel_id: answer.extra.tunnel_id.clone(),
        name: Some("renamed".to_owned()),
        metadata: Some("m".to_owned()),
        ..PatchTunnelState::default()
    };
    w.patch(&first.connection, &patch).unwrap();
    let pool = w.directory.find(Class::Sni, "app.adit.example.com").unwrap();
    let options = || pool.members()[0].options.clone();
    assert_eq!(
        (options().name, options().metadata, options().pooled),
        ("renamed".to_owned(), "m".to_owned(), true)
    );
    assert!(pool.is_online());
    let refused = |p: PatchTunnelState| PatchTunnelState {
        name: Some("x".to_owned()),
        ..p
    };
    let policy = refused(PatchTunnelState {
        traffic_policy: Some("on_http_request: [1]".to_owned()),
        ..patch.clone()
    });
    assert_refused(w.patch(&first.connection, &policy), ErrorCode::NGROK_9026);
    let long = refused(PatchTunnelState {
        metadata: Some("x".repeat(4_097)),
        ..patch.clone()
    });
    assert_refused(w.patch(&first.connection, &long), ErrorCode::NGROK_100);
    let foreign = w.patch(&second.connection, &patch);
    assert_refused(foreign, ErrorCode::NGROK_333);
    w.bind(&second.connection, &bind).unwrap();
    let alone = refused(PatchTunnelState {
        pooling_enabled: Some(false),
        ..patch
    });
    assert_refused(w.patch(&first.connection, &alone), ErrorCode::NGROK_334);
    assert_eq!(pool.members().iter().filter(|m| m.options.name == "renamed").count(), 1);
    // By the bind id too, and alone again it may be turned off; then nobody joins.
    w.lose(&second.connection);
    w.advance(Duration::from_secs(30));
    let by_bind_id = PatchTunnelState {
        tunnel_id: answer.id,
        pooling_enabled: Some(false),
        ..PatchTunnelState::default()
    };
    w.patch(&first.connection, &by_bind_id).unwrap();
    let third = w.enter(TOKEN);
    assert_refused(w.bind(&third.connection, &bind), ErrorCode::NGROK_334);
    w.check();
}

#[test]
fn labelled_endpoints_are_refused() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let refused = w
        .sessions
        .start_labeled(&first.connection, &StartTunnelWithLabel::default());
    assert_refused(refused, ErrorCode::NGROK_358);
}

#[test]
fn a_revoked_credential_ends_its_sessions_and_only_those() {
    let mut w = World::new();
    let (first, other) = (w.enter(TOKEN), w.enter(OTHER_TOKEN));
    let lost = w.enter(TOKEN);
    w.bind(&first.connection, &https("a.adit.example.com")).unwrap();
    w.bind(&first.connection, &tcp("")).unwrap();
    w.bind(&lost.connection, &https("b.adit.example.com")).unwrap();
    w.bind(&other.connection, &https("c.adit.example.com")).unwrap();
    w.lose(&lost.connection);
    assert!(w.sessions.enforce(&w.config, w.now).is_empty(), "nothing changed");
    events(&mut w.sessions);
    let mut revoked = credential("cr_1", "ac_1", TOKEN, &[]);
    revoked.revoked = true;
    w.config = w
        .config
        .clone()
        .with_credentials([revoked, credential("cr_2", "ac_2", OTHER_TOKEN, &[])]);
    let ended = w.sessions.enforce(&w.config, w.now);
    assert_eq!(ended.len(), 2);
    let with_leg = ended.iter().find(|e| e.leg.is_some()).unwrap();
    assert_eq!((with_leg.stops.len(), with_leg.close.len()), (2, 1));
    assert!(with_leg.stops.iter().all(|s| s.error_code == "ERR_ADIT_1212"));
    assert!(with_leg.text.ends_with("ERR_NGROK_300"));
    assert!(w.is_online("c.adit.example.com") && !w.is_online("a.adit.example.com"));
    assert_eq!(w.sessions.counts().sessions, 1);
    assert_eq!(
        events(&mut w.sessions)
            .iter()
            .filter(|e| *e == "stopped revoked")
            .count(),
        2
    );
    w.check();
    // The end of the connection comes later and finds nothing.
    w.lose(&first.connection);
    w.check();
}

#[test]
fn an_acl_that_became_narrower_ends_what_it_no_longer_allows() {
    let mut w = World::new();
    let first = w.enter(NARROW_TOKEN);
    w.bind(&first.connection, &https("mine.adit.example.com")).unwrap();
    let kept = w.bind(&first.connection, &https("a.team.example.org")).unwrap();
    w.config =
        w.config
            .clone()
            .with_credentials([credential("cr_3", "ac_1", NARROW_TOKEN, &["bind:*.team.example.org"])]);
    let ended = w.sessions.enforce(&w.config, w.now);
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].stops[0].error_code, "ERR_NGROK_316");
    assert!(ended[0].close.is_empty());
    assert!(!w.is_online("mine.adit.example.com") && w.is_online("a.team.example.org"));
    assert_eq!(
        w.sessions.session(&first.response.client_id).unwrap().endpoints,
        [kept.extra.tunnel_id]
    );
    w.check();
}

#[test]
fn an_endpoint_or_a_session_is_stopped_by_its_id() {
    let mut w = World::new();
    let first = w.enter(TOKEN);
    let a = w.bind(&first.connection, &https("a.adit.example.com")).unwrap();
    w.bind(&first.connection, &https("b.adit.example.com")).unwrap();
    assert!(
        w.sessions
            .stop_endpoint("tn_unknown", ErrorCode::ADIT_1210, "why")
            .is_none()
    );
    let ended = w
        .sessions
        .stop_endpoint(&a.extra.tunnel_id, ErrorCode::ADIT_1210, "why")
        .unwrap();
    assert_eq!(
        (ended.stops[0].id.as_str(), ended.stops[0].message.as_str()),
        (a.id.as_str(), "why")
    );
    assert!(!w.is_online("a.adit.example.com") && w.is_online("b.adit.example.com"));
    w.check();
    let ended = w
        .sessions
        .stop_session(&first.response.client_id, ErrorCode::ADIT_1210, "why", w.now.wall)
        .unwrap();
    assert_eq!((ended.stops.len(), ended.close.len()), (1, 1));
    w.check_empty();
}
