//! Cloud endpoints, their URLs, bindings, policies and claims; pools.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use adit_model::kind::endpoint::{self, claim_key, cloud_endpoint};
use adit_model::kind::endpoint_pool::{self, Sticky, Strategy};
use adit_model::{Scope, draft};
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use common::*;
use serde_json::{Value, json};

fn with(url: &str, more: Value) -> Result<adit_model::Prepared, adit_model::Problems> {
    let mut body = json!({"url": url, "traffic_policy": "{}"});
    for (name, value) in map(more) {
        body[name] = value;
    }
    create_as("endpoint", true, body)
}

#[test]
fn urls_are_whole_and_become_canonical() {
    for (given, kept, binding) in [
        ("https://app.adit.example.com", "https://app.adit.example.com", "public"),
        (
            "HTTPS://APP.adit.example.com:443",
            "https://app.adit.example.com",
            "public",
        ),
        (
            "http://app.adit.example.com:80",
            "http://app.adit.example.com",
            "public",
        ),
        ("tls://app.example.org", "tls://app.example.org", "public"),
        ("https://*.example.org", "https://*.example.org", "public"),
        (
            "tcp://tcp.adit.example.com:20007",
            "tcp://tcp.adit.example.com:20007",
            "public",
        ),
        (
            "https://bücher.example.org",
            "https://xn--bcher-kva.example.org",
            "public",
        ),
        ("https://foo.internal", "https://foo.internal", "internal"),
        ("http://a.b.internal:9000", "http://a.b.internal:9000", "internal"),
        ("tcp://db.internal:5432", "tcp://db.internal:5432", "internal"),
    ] {
        let prepared = with(given, json!({})).unwrap_or_else(|e| panic!("{given}: {e:?}"));
        assert_eq!(prepared.object.body["url"], kept, "{given}");
        assert_eq!(prepared.object.body["bindings"], json!([binding]), "{given}");
    }
    for (given, code) in [
        ("", 18001),
        ("app.adit.example.com", 18022),
        ("ftp://app.adit.example.com", 18022),
        ("https://", 249),
        ("https://:443", 249),
        ("https://app", 249),
        ("https://app.nosuchtld", 249),
        ("https://app.adit.example.com/path", 249),
        ("https://app.adit.example.com?x", 249),
        ("https://a:b@app.adit.example.com", 249),
        ("https://10.0.0.1", 249),
        ("https://a_b.example.org", 249),
        ("https://app.adit.example.com:9000", 18023),
        ("http://app.adit.example.com:443", 18023),
        ("https://app.adit.example.com:99999", 18003),
        ("https://app.adit.example.com:x", 18003),
        ("tcp://tcp.adit.example.com", 18003),
        ("tcp://", 249),
        ("tcp://db.internal", 18003),
        ("https://a.b.c.d.e.f.internal", 249),
    ] {
        assert_eq!(blamed(with(given, json!({}))), [format!("url {code}")], "{given}");
    }
    let long = format!("https://{}.example.org", "a".repeat(2048));
    assert_eq!(blamed(with(&long, json!({}))), ["url 249"]);
    assert_eq!(
        blamed(create("endpoint", json!({}))),
        ["url 18001", "traffic_policy 18011"]
    );
}

#[test]
fn there_is_one_binding_and_it_fits_the_host() {
    let public = "https://app.adit.example.com";
    let bound = |url: &str, bindings: Value| with(url, json!({"bindings": bindings}));
    assert!(bound(public, json!(["public"])).is_ok());
    assert!(bound(public, json!(["Public"])).is_ok());
    assert!(bound("https://foo.internal", json!(["internal"])).is_ok());
    assert!(bound("http://service.namespace", json!(["kubernetes"])).is_ok());
    assert_eq!(blamed(bound(public, json!(["moon"]))), ["bindings[0] 15005"]);
    assert_eq!(
        blamed(bound(public, json!(["public", "public"]))),
        ["bindings[1] 15006"]
    );
    assert_eq!(blamed(bound(public, json!(["public", "internal"]))), ["bindings 18007"]);
    assert_eq!(blamed(bound(public, json!(["internal"]))), ["bindings 18007"]);
    assert_eq!(
        blamed(bound("https://foo.internal", json!(["public"]))),
        ["bindings 18007"]
    );
    assert_eq!(blamed(bound("http://a.b.c", json!(["kubernetes"]))), ["bindings 18007"]);
    assert_eq!(blamed(bound(public, json!("public"))), ["bindings 215"]);
}

#[test]
fn policies_are_mappings_and_kept_byte_for_byte() {
    let crlf = "# comment \r\non_http_request:\r\n  - actions:\r\n      - type: deny  \r\n\r\n";
    for text in [crlf, "{\"on_http_request\": []}", "on_http_request: []", "{}"] {
        let prepared = with("https://app.adit.example.com", json!({"traffic_policy": text})).unwrap();
        assert_eq!(prepared.object.body["traffic_policy"], text);
    }
    for (text, code) in [
        ("", 18011),
        (" \n", 18011),
        ("text", 2236),
        ("[]", 2236),
        ("7", 2236),
        ("a: [", 2236),
    ] {
        let result = with("https://app.adit.example.com", json!({"traffic_policy": text}));
        assert_eq!(blamed(result), [format!("traffic_policy {code}")], "{text:?}");
    }
    let result = with(
        "https://app.adit.example.com",
        json!({"traffic_policy": "a: 1\nb: [\n"}),
    );
    let problem = result.unwrap_err().0.remove(0);
    assert!(problem.details.iter().any(|(name, _)| *name == "line"), "{problem:?}");
    let long = format!("a: {}", "x".repeat(endpoint::MAX_POLICY));
    let result = with("https://app.adit.example.com", json!({"traffic_policy": long}));
    assert_eq!(blamed(result), ["traffic_policy 2236"]);
    // Aliases that would grow without end cost nothing but an error.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let list = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{list}]\n"));
    }
    let result = with("https://app.adit.example.com", json!({"traffic_policy": bomb}));
    assert_eq!(blamed(result), ["traffic_policy 2236"]);
}

#[test]
fn the_url_stays_and_the_rest_can_change() {
    let object = object("endpoint");
    assert!(
        update(&object, json!({"url": "https://APP.adit.example.com:443"}))
            .unwrap()
            .is_none()
    );
    assert_eq!(
        blamed(update(&object, json!({"url": "http://app.adit.example.com"}))),
        ["url 18005"]
    );
    assert_eq!(
        blamed(update(&object, json!({"url": "https://b.adit.example.com"}))),
        ["url 2017"]
    );
    assert_eq!(blamed(update(&object, json!({"url": "nonsense://x"}))), ["url 18022"]);
    assert_eq!(
        blamed(update(&object, json!({"bindings": ["internal"]}))),
        ["bindings 18007"]
    );
    assert!(update(&object, json!({"bindings": []})).unwrap().is_none());
    assert_eq!(blamed(update(&object, json!({}))), [" 18004"]);
    assert_eq!(blamed(update(&object, json!({"type": "edge"}))), ["type 248"]);
    assert_eq!(
        blamed(update(&object, json!({"traffic_policy": ""}))),
        ["traffic_policy 18011"]
    );
    assert_eq!(
        blamed(update(&object, json!({"description": "x".repeat(256)}))),
        ["description 18012"]
    );
    assert_eq!(
        blamed(update(&object, json!({"metadata": "x".repeat(4097)}))),
        ["metadata 18013"]
    );
    let next = update(
        &object,
        json!({"traffic_policy": "{ }", "weight": 0, "pooling_enabled": true}),
    )
    .unwrap()
    .unwrap();
    assert_ne!(next.object.body["policy_hash"], object.body["policy_hash"]);
    assert_eq!(next.object.body["weight"], 0);
    // What the server's ports are meanwhile does not matter to a description.
    let mut elsewhere = ctx();
    elsewhere.base_domain = "other.example.net".to_owned();
    elsewhere.private_suffixes.clear();
    let patch = map(json!({"description": "new"}));
    let next = draft::update(kind("endpoint"), true, &object, &patch, &[], &elsewhere).unwrap();
    assert!(next.is_some());
}

#[test]
fn claims_keep_urls_apart() {
    let claims = |url: &str, pooled: bool| with(url, json!({"pooling_enabled": pooled})).unwrap().claims;
    let url = claims("https://app.adit.example.com", false);
    assert_eq!(
        (url[0].class, url[0].key.as_str()),
        ("url", "public sni app.adit.example.com:443")
    );
    assert_eq!(
        (url[0].taken, url[0].foreign),
        (ErrorCode::NGROK_18009, ErrorCode::NGROK_18006)
    );
    // A tls endpoint owns the same.
    assert_eq!(claims("tls://app.adit.example.com", false)[0].key, url[0].key);
    // Against other organisations the name itself.
    assert_eq!(url[1].class, "name");
    assert!(url[1].key.starts_with("com.example.adit.app.#"));
    let Scope::Subtree { root, .. } = &url[1].scope else {
        panic!("{url:?}")
    };
    assert_eq!(root, "com.example.adit.app.");
    // With pooling each has a key of its own.
    assert_ne!(claims("https://app.adit.example.com", true)[0].key, url[0].key);
    let tcp = claims("tcp://tcp.adit.example.com:20007", false);
    assert_eq!(tcp.len(), 1);
    assert_eq!(tcp[0].key, "public tcp 20007");
    let internal = claims("https://foo.internal", false);
    assert_eq!(internal.len(), 1);
    assert!(internal[0].key.contains(&id(Prefix::Account, 1).to_string()));
    let url = endpoint::url(&object("endpoint")).unwrap();
    assert_eq!(
        claim_key(&url, id(Prefix::Account, 1)),
        "public sni app.adit.example.com:443"
    );
}

#[test]
fn an_endpoint_stands_on_a_reservation() {
    let mut prepared = with("https://app.example.org", json!({})).unwrap();
    assert!(prepared.references.is_empty());
    let domain = id(Prefix::ReservedDomain, 3);
    endpoint::attach(&mut prepared, Some(domain), None);
    assert_eq!(prepared.references[0].to, domain);
    assert_eq!(prepared.references[0].missing, ErrorCode::NGROK_18006);
    let object = stored(prepared);
    let answer = shown(&object, false);
    assert_eq!(
        answer["domain"],
        json!({"id": domain.to_string(), "uri": format!("https://api.example.com/reserved_domains/{domain}")})
    );
    assert_eq!(
        answer["principal"],
        json!({"id": id(Prefix::User, 2).to_string(), "uri": ""})
    );
    assert_eq!(answer["type"], "cloud");
    assert_eq!(answer["hostport"], "app.example.org:443");
    assert_eq!(answer["port"], 443);
    assert_eq!(answer["public_url"], "https://app.example.org");
    for null in ["tcp_addr", "tunnel", "edge", "tunnel_session"] {
        assert_eq!(answer[null], Value::Null);
    }
    // A change does not lose it.
    let next = update(&object, json!({"description": "x"})).unwrap().unwrap();
    assert_eq!(next.references[0].to, domain);
    let endpoint = cloud_endpoint(&object).unwrap();
    assert_eq!(
        (endpoint.weight, endpoint.enabled, endpoint.pooling),
        (100, true, false)
    );
    assert_eq!((endpoint.policy, endpoint.domain), ("{}", Some(domain)));
}

#[test]
fn pools_have_settings_at_their_url() {
    let object = object("endpoint_pool");
    let settings = endpoint_pool::settings(&object).unwrap();
    assert_eq!(
        (settings.strategy.clone(), settings.sticky.clone()),
        (Strategy::Random, Sticky::Off)
    );
    assert_eq!((settings.prefer_local, settings.slow_start), (true, 10));
    assert_eq!(settings.number("ejection", "failures"), Some(5));
    assert_eq!(settings.number("ejection", "max"), Some(300));
    let next = update(
        &object,
        json!({"strategy": "least_busy", "sticky": "header:X-User", "slow_start": 0}),
    );
    let next = stored(next.unwrap().unwrap());
    let settings = endpoint_pool::settings(&next).unwrap();
    assert_eq!(settings.strategy, Strategy::LeastBusy);
    assert_eq!(settings.sticky, Sticky::Header("X-User"));
    for (patch, field) in [
        (json!({"strategy": "fastest"}), "strategy"),
        (json!({"strategy": "hash: "}), "strategy"),
        (json!({"strategy": "hash:req.headers['x'][0]"}), "strategy"),
        (json!({"sticky": "header:"}), "sticky"),
        (json!({"sticky": "header:a b"}), "sticky"),
        (json!({"slow_start": 3601}), "slow_start"),
        (json!({"ejection": {"max_percent": 101}}), "ejection.max_percent"),
        (json!({"health_check": {}}), "health_check.type"),
        (
            json!({"health_check": {"type": "http", "path": "health"}}),
            "health_check.path",
        ),
        (
            json!({"health_check": {"type": "http", "path": "/a b"}}),
            "health_check.path",
        ),
        (
            json!({"health_check": {"type": "http", "expect_first": 400}}),
            "health_check.expect_first",
        ),
        (json!({"url": "https://b.adit.example.com"}), "url"),
    ] {
        assert_eq!(blamed(update(&object, patch)), [format!("{field} 215")]);
    }
    assert_eq!(
        blamed(create_as("endpoint_pool", true, json!({"url": "app"}))),
        ["url 249"]
    );
    let checked = stored(
        update(&object, json!({"health_check": {"type": "http"}}))
            .unwrap()
            .unwrap(),
    );
    let settings = endpoint_pool::settings(&checked).unwrap();
    assert_eq!(settings.health_check(), Some(endpoint_pool::Check::Http("/")));
    assert_eq!(settings.number("health_check", "down"), Some(3));
    // Whom there is no HTTP to speak with, and no name to ask for.
    for url in ["tls://t.adit.example.com", "https://*.adit.example.com"] {
        let with = |kind: &str| json!({"url": url, "health_check": {"type": kind}});
        let refused = blamed(create_as("endpoint_pool", true, with("http")));
        assert_eq!(refused, ["health_check.type 215"], "{url}");
        let settings = made("endpoint_pool", with("tcp"));
        let settings = endpoint_pool::settings(&settings).unwrap();
        assert_eq!(settings.health_check(), Some(endpoint_pool::Check::Tcp));
    }
    let internal = made("endpoint_pool", json!({"url": "https://foo.internal"}));
    assert_eq!(internal.body["binding"], "internal");
}

/// A server on one machine: another port, a base domain of one label.
#[test]
fn urls_of_a_server_for_development() {
    let dev = adit_model::Context {
        base_domain: "localhost".to_owned(),
        private_suffixes: vec!["localhost".to_owned(), "test".to_owned()],
        https_port: 8443,
        http_port: 8080,
        ..ctx()
    };
    let make = |name: &str, body: Value| {
        let kind = kind(name);
        draft::create(kind, false, &map(body), id(kind.prefix, 4), None, &dev)
    };
    let endpoint = |url: &str| make("endpoint", json!({"url": url, "traffic_policy": "{}"}));
    for (given, kept) in [
        ("https://app.localhost", "https://app.localhost:8443"),
        ("https://app.localhost:443", "https://app.localhost:8443"),
        ("https://app.localhost:8443", "https://app.localhost:8443"),
        ("http://app.test", "http://app.test:8080"),
    ] {
        assert_eq!(endpoint(given).unwrap().object.body["url"], kept, "{given}");
    }
    assert_eq!(blamed(endpoint("https://app.localhost:9000")), ["url 18023"]);
    let object = stored(endpoint("https://app.localhost").unwrap());
    let patch = map(json!({"url": "https://app.localhost"}));
    assert!(
        draft::update(kind("endpoint"), false, &object, &patch, &[], &dev)
            .unwrap()
            .is_none()
    );
    let domain = |name: &str| make("reserved_domain", json!({"domain": name}));
    for name in ["app.localhost", "*.app.localhost", "shop.test", "*.shop.test"] {
        assert!(domain(name).is_ok(), "{name}");
    }
    for (name, code) in [
        ("localhost", 404),
        ("*.localhost", 404),
        ("api.localhost", 404),
        ("*.test", 416),
        ("test", 448),
    ] {
        assert_eq!(blamed(domain(name)), [format!("domain {code}")], "{name}");
    }
}

/// IP policies that a traffic policy names are referred to, secrets are found by name.
#[test]
fn what_a_policy_names() {
    let (one, two) = (id(Prefix::IpPolicy, 1).to_string(), id(Prefix::IpPolicy, 2).to_string());
    let text = format!(
        "on_http_request:\n- actions:\n  - type: restrict-ips\n    config: {{ip_policies: [{one}, {two}, {one}, nonsense]}}\n  \
         - type: log\n    config: {{metadata: {{x: {two}}}, other: \"ip_policies {one}\"}}\n"
    );
    let body = json!({"url": "https://a.adit.example.com", "type": "cloud", "traffic_policy": text});
    let made = made("endpoint", body);
    let named: Vec<_> = (kind("endpoint").references)(&made)
        .into_iter()
        .map(|r| r.to.to_string())
        .collect();
    assert_eq!(named, [one.as_str(), two.as_str()]);
    let text = format!(
        "{{\"on_http_request\": [{{\"actions\": [{{\"type\": \"restrict-ips\", \"config\": {{\"ip_p\\u006flicies\": [\"{one}\"]}}}}]}}]}}"
    );
    let body = json!({"url": "https://b.adit.example.com", "type": "cloud", "traffic_policy": text});
    let named = (kind("endpoint").references)(&self::made("endpoint", body));
    assert_eq!(named.len(), 1, "escapes hide nothing");
}
