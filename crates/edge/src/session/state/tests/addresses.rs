//! Which addresses a bind gets, and which options are refused.

use adit_names::code::ErrorCode;
use adit_protocol::message::{Bind, PatchTunnelState};
use serde_json::{Value, json};

use super::{NARROW_TOKEN, OTHER_TOKEN, TOKEN, World, assert_refused, bind_of, https, rebind, tcp};

fn with_opts(proto: &str, opts: &Value) -> Bind {
    bind_of(&json!({"Proto": proto, "Opts": opts, "Extra": {"Token": ""}}))
}

#[test]
fn what_is_asked_and_what_is_given() {
    let mut w = World::new();
    w.config.public_ports.https = 8_443;
    let agent = w.enter(TOKEN);
    for (proto, opts, given) in [
        (
            "https",
            json!({"Domain": "Rs.Adit.Example.Com"}),
            "https://rs.adit.example.com:8443",
        ),
        (
            "https",
            json!({"Subdomain": "shop"}),
            "https://shop.adit.example.com:8443",
        ),
        (
            "https",
            json!({"URL": "https://go.adit.example.com"}),
            "https://go.adit.example.com:8443",
        ),
        (
            "https",
            json!({"URL": "https://go2.adit.example.com:8443"}),
            "https://go2.adit.example.com:8443",
        ),
        (
            "http",
            json!({"URL": "http://go.adit.example.com"}),
            "http://go.adit.example.com",
        ),
        (
            "tls",
            json!({"URL": "tls://tls.adit.example.com"}),
            "tls://tls.adit.example.com:8443",
        ),
        ("https", json!({"Domain": "example.org"}), "https://example.org:8443"),
        (
            "https",
            json!({"Domain": "*.deep.example.org"}),
            "https://*.deep.example.org:8443",
        ),
        (
            "tcp",
            json!({"Addr": "tcp.adit.example.com:20007"}),
            "tcp://tcp.adit.example.com:20007",
        ),
        ("tcp", json!({"Addr": ":20008"}), "tcp://tcp.adit.example.com:20008"),
        (
            "tcp",
            json!({"URL": "tcp://db.example.org:20009", "Addr": ""}),
            "tcp://db.example.org:20009",
        ),
        ("https", json!({"Domain": "a.b.internal"}), "https://a.b.internal"),
        (
            "tcp",
            json!({"URL": "tcp://db.internal:5432"}),
            "tcp://db.internal:5432",
        ),
    ] {
        let answer = w
            .bind(&agent.connection, &with_opts(proto, &opts))
            .unwrap_or_else(|r| panic!("{opts}: {r}"));
        assert_eq!(answer.url, given);
        assert_eq!(answer.proto, proto);
        if proto == "tcp" {
            assert_eq!(answer.opts["Addr"], given.trim_start_matches("tcp://"));
        }
    }
    w.check();
}

#[test]
fn what_nobody_gets() {
    let mut w = World::new();
    let agent = w.enter(TOKEN);
    for (proto, opts, code) in [
        ("https", json!({"Domain": "1.21 gigawatts"}), ErrorCode::NGROK_326),
        ("https", json!({"Domain": "tls.x"}), ErrorCode::NGROK_331),
        ("https", json!({"Domain": "app.example.net"}), ErrorCode::NGROK_319),
        ("https", json!({"Domain": "a.b.adit.example.com"}), ErrorCode::NGROK_354),
        ("https", json!({"Domain": "*.adit.example.com"}), ErrorCode::NGROK_318),
        ("https", json!({"Domain": "*.example.net"}), ErrorCode::NGROK_318),
        (
            "https",
            json!({"Domain": "connect.adit.example.com"}),
            ErrorCode::NGROK_320,
        ),
        ("http", json!({"Domain": "api.adit.example.com"}), ErrorCode::NGROK_320),
        ("https", json!({"Domain": "adit.example.com"}), ErrorCode::NGROK_320),
        ("tls", json!({"Domain": "tcp.adit.example.com"}), ErrorCode::NGROK_320),
        (
            "https",
            json!({"Domain": "a.example.org", "Hostname": "b.example.org"}),
            ErrorCode::NGROK_9021,
        ),
        ("https", json!({"URL": "http://a.example.org"}), ErrorCode::NGROK_9036),
        (
            "https",
            json!({"URL": "https://a.example.org/path"}),
            ErrorCode::NGROK_9037,
        ),
        (
            "https",
            json!({"URL": "https://a.example.org:9000"}),
            ErrorCode::NGROK_9035,
        ),
        ("tcp", json!({"Addr": "1.tcp.x:1234"}), ErrorCode::NGROK_331),
        ("tcp", json!({"Addr": "tcp.example.net:20001"}), ErrorCode::NGROK_309),
        ("tcp", json!({"Addr": "tcp.adit.example.com:9"}), ErrorCode::NGROK_307),
        ("udp", json!({}), ErrorCode::ADIT_1205),
        ("ssh", json!({}), ErrorCode::NGROK_332),
    ] {
        let refusal = assert_refused(w.bind(&agent.connection, &with_opts(proto, &opts)), code);
        assert!(!refusal.text().contains('{'), "no template is left open: {refusal}");
    }
    let mut bind = https("");
    bind.extra.bindings = adit_protocol::message::Presence::Value(vec!["internal".to_owned()]);
    assert_refused(w.bind(&agent.connection, &bind), ErrorCode::NGROK_9028);
    bind.extra.bindings = adit_protocol::message::Presence::Value(vec!["public".to_owned(), "Public".to_owned()]);
    assert_refused(w.bind(&agent.connection, &bind), ErrorCode::NGROK_15006);
    w.check();
    assert_eq!(w.sessions.counts().endpoints, 0);
}

#[test]
fn fields_that_are_wrong() {
    let mut w = World::new();
    let agent = w.enter(TOKEN);
    let mut refused = |change: &dyn Fn(&mut Bind), code| {
        let mut bind = https("app.adit.example.com");
        change(&mut bind);
        assert_refused(w.bind(&agent.connection, &bind), code);
    };
    refused(&|b| b.id = "a b".to_owned(), ErrorCode::NGROK_301);
    refused(&|b| b.id = "x".repeat(65), ErrorCode::NGROK_301);
    refused(&|b| b.forwards_proto = "http3".to_owned(), ErrorCode::NGROK_15003);
    refused(&|b| b.forwards_to = "x".repeat(2_049), ErrorCode::NGROK_301);
    refused(&|b| b.extra.metadata = "x".repeat(4_097), ErrorCode::NGROK_100);
    refused(&|b| b.extra.name = Some("x".repeat(129)), ErrorCode::NGROK_301);
    refused(&|b| b.extra.description = Some("x".repeat(256)), ErrorCode::NGROK_301);
    refused(&|b| b.extra.ip_policy_ref = "ipp_1".to_owned(), ErrorCode::NGROK_341);
    refused(&|b| b.opts["ProxyProto"] = json!(3), ErrorCode::NGROK_301);
    refused(&|b| b.opts["Domain"] = json!(7), ErrorCode::NGROK_301);
    let mut foreign_token = https("");
    foreign_token.id = "tn_1".to_owned();
    foreign_token.extra.token = "tok-tn_0002".to_owned();
    assert_refused(w.bind(&agent.connection, &foreign_token), ErrorCode::NGROK_335);
    foreign_token.opts["Domain"] = "app.adit.example.com".into();
    w.bind(&agent.connection, &foreign_token).unwrap();
    w.config.max_endpoints = 1;
    assert_refused(w.bind(&agent.connection, &https("")), ErrorCode::NGROK_324);
    w.bind(&agent.connection, &foreign_token).unwrap();
}

#[test]
fn options_that_are_wrong_or_that_nothing_enforces_are_refused_each_with_its_code() {
    let mut w = World::new();
    let agent = w.enter(TOKEN);
    for (key, value, code) in [
        ("Auth", json!("user:passwor"), ErrorCode::NGROK_360),
        ("Auth", json!(":password"), ErrorCode::NGROK_359),
        (
            "BasicAuth",
            json!({"credentials": [{"username": "u", "cleartext_password": "x".repeat(129)}]}),
            ErrorCode::NGROK_360,
        ),
        (
            "BasicAuth",
            json!({"credentials": [{"username": "u".repeat(129), "cleartext_password": "password"}]}),
            ErrorCode::NGROK_15008,
        ),
        (
            "BasicAuth",
            json!({"credentials": [{"username": "u", "hashed_password": "JDJhJDEw"}]}),
            ErrorCode::NGROK_359,
        ),
        ("OAuth", json!({"provider": "google"}), ErrorCode::NGROK_365),
        (
            "OAuth",
            json!({"provider": "google", "client_id": "i"}),
            ErrorCode::NGROK_383,
        ),
        (
            "OAuth",
            json!({"provider": "google", "client_secret": "s"}),
            ErrorCode::NGROK_384,
        ),
        (
            "OAuth",
            json!({"provider": "google", "scopes": ["x"]}),
            ErrorCode::NGROK_390,
        ),
        (
            "OAuth",
            json!({"provider": "google", "sealed_client_secret": "c2VhbGVk"}),
            ErrorCode::NGROK_301,
        ),
        ("OIDC", json!({"issuer_url": "https://issuer"}), ErrorCode::NGROK_385),
        (
            "OIDC",
            json!({"issuer_url": "https://issuer", "client_id": "i"}),
            ErrorCode::NGROK_386,
        ),
        (
            "OIDC",
            json!({"client_id": "i", "client_secret": "s"}),
            ErrorCode::NGROK_387,
        ),
        (
            "OIDC",
            json!({"issuer_url": "https://issuer", "client_id": "i", "client_secret": "s"}),
            ErrorCode::NGROK_385,
        ),
        ("WebhookVerification", json!({"secret": "s"}), ErrorCode::NGROK_363),
        (
            "WebhookVerification",
            json!({"provider": "twilio"}),
            ErrorCode::NGROK_15007,
        ),
        (
            "WebhookVerification",
            json!({"provider": "nobody", "secret": "s"}),
            ErrorCode::NGROK_364,
        ),
        ("CircuitBreaker", json!({"error_threshold": 1.5}), ErrorCode::NGROK_361),
        ("UserAgentFilter", json!({"deny": ["(bad"]}), ErrorCode::NGROK_9026),
        (
            "IPRestriction",
            json!({"deny_cidrs": ["10.0.0.0/8"]}),
            ErrorCode::NGROK_393,
        ),
        (
            "IPRestriction",
            json!({"allow_cidrs": ["10.0.0.0/33"]}),
            ErrorCode::NGROK_362,
        ),
        ("RequestHeaders", json!({"add": ["no colon"]}), ErrorCode::NGROK_370),
        ("RequestHeaders", json!({"add": ["host:a b"]}), ErrorCode::NGROK_374),
        ("RequestHeaders", json!({"add": ["x-a:1\n2"]}), ErrorCode::NGROK_374),
        ("RequestHeaders", json!({"add": ["a b:1"]}), ErrorCode::NGROK_372),
        (
            "RequestHeaders",
            json!({"add": ["x-a:1", "X-A:2"]}),
            ErrorCode::NGROK_375,
        ),
        (
            "RequestHeaders",
            json!({"add": ["content-length:1"]}),
            ErrorCode::NGROK_372,
        ),
        ("RequestHeaders", json!({"remove": ["host"]}), ErrorCode::NGROK_398),
        (
            "RequestHeaders",
            json!({"remove": ["x".repeat(257)]}),
            ErrorCode::NGROK_377,
        ),
        (
            "RequestHeaders",
            json!({"remove": vec!["x"; 1_001]}),
            ErrorCode::NGROK_376,
        ),
        ("ResponseHeaders", json!({"add": ["none"]}), ErrorCode::NGROK_371),
        ("ResponseHeaders", json!({"remove": ["a b"]}), ErrorCode::NGROK_373),
        (
            "ResponseHeaders",
            json!({"add": [format!("x:{}", "y".repeat(8_193))]}),
            ErrorCode::NGROK_378,
        ),
        (
            "MutualTLSCA",
            json!({"mutual_tls_ca": "Q0EtUEVN"}),
            ErrorCode::ADIT_1204,
        ),
        ("MutualTLSCA", json!({"mutual_tls_ca": "!"}), ErrorCode::ADIT_1204),
        (
            "TrafficPolicy",
            json!("{\"on_http_request\":[{\"actions\":[{\"type\":\"denied\"}]}]}"),
            ErrorCode::NGROK_9026,
        ),
        ("Policy", json!({"Inbound": [{"Name": "r"}]}), ErrorCode::NGROK_9026),
    ] {
        let mut bind = https("app.adit.example.com");
        bind.opts[key] = value;
        let refusal = assert_refused(w.bind(&agent.connection, &bind), code);
        assert!(
            !refusal.text().contains("c2VhbGVk") && !refusal.text().contains(":passwor"),
            "{refusal}"
        );
    }
    let mut empty = https("app.adit.example.com");
    for (key, value) in [
        ("BasicAuth", json!({"credentials": []})),
        ("IPRestriction", json!({})),
        ("RequestHeaders", json!({"add": ["host:localhost:8080"]})),
        ("ResponseHeaders", json!({})),
        ("UserAgentFilter", Value::Null),
        ("TrafficPolicy", json!("on_http_request: []")),
    ] {
        empty.opts[key] = value;
    }
    w.bind(&agent.connection, &empty).unwrap();
    let pool = w
        .directory
        .find(adit_cluster::Class::Sni, "app.adit.example.com")
        .unwrap();
    assert_eq!(pool.members()[0].options.host_header.as_deref(), Some("localhost:8080"));
    assert!(!pool.is_passthrough());
}

/// What they come to is held by `session::policy`; here, that they stay when the policy beside them is changed.
#[test]
fn old_options_stay_when_the_policy_is_changed() {
    let mut w = World::new();
    let agent = w.enter(TOKEN);
    let mut bind = https("old.adit.example.com");
    bind.opts["Auth"] = json!("user:password");
    let bound = w.bind(&agent.connection, &bind).unwrap();
    let mut set = |text: &str| {
        let patch = PatchTunnelState {
            tunnel_id: bound.extra.tunnel_id.clone(),
            traffic_policy: Some(text.to_owned()),
            ..PatchTunnelState::default()
        };
        w.patch(&agent.connection, &patch).unwrap();
        let pool = w
            .directory
            .find(adit_cluster::Class::Sni, "old.adit.example.com")
            .unwrap();
        let policy = pool.members()[0].options.policy.clone().unwrap();
        (policy.text.to_string(), policy.policy.actions().to_vec())
    };
    let deny = "on_http_request: [{actions: [{type: deny}]}]";
    assert_eq!(set(deny), (deny.to_owned(), vec!["basic-auth", "deny"]));
    assert_eq!(set(""), (String::new(), vec!["basic-auth"]));
}

#[test]
fn tls_ends_where_the_bind_says() {
    let mut w = World::new();
    let agent = w.enter(TOKEN);
    let mut bind = |host: &str, termination: Value, edge: Value| {
        let opts = json!({"Domain": host, "TLSTermination": termination, "MutualTLSAtEdge": edge});
        w.bind(&agent.connection, &with_opts("tls", &opts))?;
        Ok(w.directory
            .find(adit_cluster::Class::Sni, host)
            .unwrap()
            .is_passthrough())
    };
    assert_eq!(bind("a.adit.example.com", Value::Null, Value::Null), Ok(true));
    assert_eq!(bind("b.adit.example.com", json!({}), Value::Null), Ok(false));
    let ca = json!({"mutual_tls_ca": "Q0E="});
    assert_refused(
        bind("c.adit.example.com", Value::Null, ca.clone()),
        ErrorCode::NGROK_9026,
    );
    assert_refused(bind("c.adit.example.com", json!({}), ca), ErrorCode::ADIT_1204);
    assert_refused(
        bind(
            "c.adit.example.com",
            json!({"cert": "Q0VSVA==", "key": "S0VZ"}),
            Value::Null,
        ),
        ErrorCode::ADIT_1204,
    );
    assert_refused(
        bind("c.adit.example.com", json!({"cert": "Q0VSVA=="}), Value::Null),
        ErrorCode::ADIT_1204,
    );
    assert_refused(
        bind("c.adit.example.com", json!({"sealed_key": "eA=="}), Value::Null),
        ErrorCode::NGROK_301,
    );
}

#[test]
fn the_acl_of_a_credential_decides_after_the_address_is_known() {
    let mut w = World::new();
    let agent = w.enter(NARROW_TOKEN);
    w.bind(&agent.connection, &https("mine.adit.example.com")).unwrap();
    w.bind(&agent.connection, &https("a.b.team.example.org")).unwrap();
    let refusal = assert_refused(
        w.bind(&agent.connection, &https("yours.adit.example.com")),
        ErrorCode::NGROK_316,
    );
    assert!(refusal.text().contains("cr_3") && refusal.text().contains("yours.adit.example.com"));
    assert_refused(
        w.bind(&agent.connection, &https("team.example.org")),
        ErrorCode::NGROK_316,
    );
    assert_refused(w.bind(&agent.connection, &https("")), ErrorCode::NGROK_316);
    assert_refused(w.bind(&agent.connection, &tcp(":20005")), ErrorCode::NGROK_308);
    let (first, second) = (
        w.bind(&agent.connection, &tcp("")).unwrap(),
        w.bind(&agent.connection, &tcp("")).unwrap(),
    );
    assert_ne!(first.url, second.url);
    assert!(
        [&first, &second]
            .iter()
            .all(|r| r.url.ends_with(":20000") || r.url.ends_with(":20001"))
    );
    assert_refused(w.bind(&agent.connection, &tcp("")), ErrorCode::ADIT_1201);
    w.check();
    let only_names = super::credential("cr_3", "ac_1", NARROW_TOKEN, &["bind:*.team.example.org"]);
    w.config = w.config.clone().with_credentials([only_names]);
    let agent = w.enter(NARROW_TOKEN);
    assert_refused(w.bind(&agent.connection, &tcp("")), ErrorCode::NGROK_356);
}

#[test]
fn random_ports_are_free_ones_and_run_out() {
    let mut w = World::new();
    let agent = w.enter(TOKEN);
    w.ports.in_use.lock().unwrap().extend([20_003, 20_004]);
    let mut urls: Vec<_> = (0..8)
        .map(|_| w.bind(&agent.connection, &tcp("")).unwrap().url)
        .collect();
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 8);
    assert!(!urls.iter().any(|u| u.ends_with(":20003") || u.ends_with(":20004")));
    assert_refused(w.bind(&agent.connection, &tcp("")), ErrorCode::ADIT_1201);
    assert_refused(w.bind(&agent.connection, &tcp(":20003")), ErrorCode::ADIT_1201);
    w.check();
    w.config.tcp_ports = None;
    assert_refused(w.bind(&agent.connection, &tcp("")), ErrorCode::ADIT_1201);
}

#[test]
fn a_named_endpoint_gets_the_same_random_name_again_unless_somebody_has_it() {
    let mut w = World::new();
    let mut named = https("");
    named.extra.name = Some("web".to_owned());
    let agent = w.enter(TOKEN);
    let url = w.bind(&agent.connection, &named).unwrap().url;
    let second = w.enter(TOKEN);
    let other = w.bind(&second.connection, &named).unwrap().url;
    assert_ne!(url, other);
    let stranger = w.enter(OTHER_TOKEN);
    assert_ne!(w.bind(&stranger.connection, &named).unwrap().url, url);
    let mut w = w.restarted();
    let agent = w.enter(TOKEN);
    assert_eq!(w.bind(&agent.connection, &named).unwrap().url, url);
    w.config.stable_random = false;
    let again = w.restarted().enter(TOKEN);
    drop(again);
    let mut w = w.restarted();
    let agent = w.enter(TOKEN);
    assert_ne!(w.bind(&agent.connection, &named).unwrap().url, url);
}

#[test]
fn a_bind_cookie_gives_the_name_again_within_the_reclaim_time_to_its_organisation_only() {
    let mut w = World::new();
    let agent = w.enter(TOKEN);
    let first = https("");
    let answer = w.bind(&agent.connection, &first).unwrap();
    let mut only_cookie = rebind(&first, &answer);
    only_cookie.opts = first.opts.clone();
    let mut w = w.restarted();
    let agent = w.enter(TOKEN);
    let back = w.bind(&agent.connection, &only_cookie).unwrap();
    assert_eq!(back.url, answer.url);
    let mut w = w.restarted();
    let stranger = w.enter(OTHER_TOKEN);
    assert_ne!(w.bind(&stranger.connection, &only_cookie).unwrap().url, answer.url);
    let mut w = w.restarted();
    w.now.wall += std::time::Duration::from_secs(86_401);
    let agent = w.enter(TOKEN);
    assert_ne!(w.bind(&agent.connection, &only_cookie).unwrap().url, answer.url);
}
