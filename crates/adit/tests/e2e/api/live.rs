//! Sessions, endpoints and tunnels of a running agent.

use http::Method;
use serde_json::{Value, json};

use super::{HOST, endpoint, get, text};
use crate::harness::message::ok;
use crate::harness::{H2, Server, Site, eventually};

/// The fields that ngrok's description has, which its clients read one by one.
const ENDPOINT: &[&str] = &[
    "id",
    "region",
    "created_at",
    "updated_at",
    "public_url",
    "proto",
    "scheme",
    "hostport",
    "host",
    "port",
    "type",
    "metadata",
    "description",
    "domain",
    "tcp_addr",
    "tunnel",
    "edge",
    "upstream_url",
    "upstream_protocol",
    "url",
    "principal",
    "traffic_policy",
    "bindings",
    "tunnel_session",
    "uri",
    "name",
    "pooling_enabled",
];
const TUNNEL: &[&str] = &[
    "id",
    "public_url",
    "started_at",
    "metadata",
    "proto",
    "region",
    "tunnel_session",
    "endpoint",
    "labels",
    "backends",
    "forwards_to",
];
const SESSION: &[&str] = &[
    "agent_version",
    "credential",
    "id",
    "ip",
    "metadata",
    "os",
    "region",
    "started_at",
    "transport",
    "uri",
];

#[track_caller]
fn has_exactly(json: &Value, fields: &[&str]) {
    let names: std::collections::BTreeSet<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, fields.iter().copied().collect(), "{json}");
}

#[test]
fn what_an_agent_offers_is_seen_and_leads_from_one_to_the_other() {
    let server = Server::start();
    let api = server.info.text("api_url").to_owned();
    let flags = [
        "--name",
        "web",
        "--metadata",
        "own text",
        "--description",
        "said",
        "--pooling-enabled",
    ];
    let site = Site::answering(&server, "seen-by-api", &flags, |_| ok("x"));
    let endpoint = endpoint(&server, &site.agent.url);
    has_exactly(&endpoint, ENDPOINT);
    let port = server.info.https.port();
    for (field, value) in [
        ("url", json!(site.agent.url)),
        ("public_url", json!(site.agent.url)),
        ("proto", json!("https")),
        ("host", json!("seen-by-api.adit.localhost")),
        ("port", json!(port)),
        ("hostport", json!(format!("seen-by-api.adit.localhost:{port}"))),
        ("type", json!("agent")),
        ("name", json!("web")),
        ("metadata", json!("own text")),
        ("description", json!("said")),
        ("bindings", json!(["public"])),
        ("pooling_enabled", json!(true)),
        ("traffic_policy", json!("")),
        ("domain", Value::Null),
        ("edge", Value::Null),
    ] {
        assert_eq!(endpoint[field], value, "{field}");
    }
    let path = |uri: &str| {
        uri.strip_prefix(&api)
            .unwrap_or_else(|| panic!("{uri} is not below {api}"))
            .to_owned()
    };
    assert_eq!(get(&server, &path(text(&endpoint, "/uri"))), endpoint);

    let tunnel = get(&server, &path(text(&endpoint, "/tunnel/uri")));
    has_exactly(&tunnel, TUNNEL);
    assert_eq!(tunnel["endpoint"]["id"], endpoint["id"]);
    assert_eq!(tunnel["forwards_to"], endpoint["upstream_url"]);
    assert!(text(&tunnel, "/forwards_to").contains(&site.upstream.address().port().to_string()));

    let session = get(&server, &path(text(&endpoint, "/tunnel_session/uri")));
    has_exactly(&session, SESSION);
    assert_eq!(session["ip"], "127.0.0.1");
    assert_eq!(session["transport"], "ngrok/2");
    assert_eq!(session["agent_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(tunnel["tunnel_session"]["id"], session["id"]);
    let more = get(&server, &format!("/adit/tunnel_sessions/{}", text(&session, "/id")));
    assert_eq!(more["endpoints"][0]["id"], endpoint["id"]);
    assert_eq!(more["legs"].as_array().unwrap().len(), 1);
    assert_eq!(get(&server, "/tunnel_sessions")["tunnel_sessions"], json!([session]));

    // What ends is gone from all of them.
    assert_eq!(site.agent.stop().code(), 0);
    for kind in ["endpoints", "tunnels", "tunnel_sessions"] {
        eventually("nothing is live", || {
            (get(&server, &format!("/{kind}"))[kind] == json!([])).then_some(())
        });
    }
}

#[test]
fn a_page_leads_to_the_next() {
    let server = Server::start();
    let sites: Vec<_> = (0..3)
        .map(|i| Site::answering(&server, &format!("page-{i}"), &[], |_| ok("x")))
        .collect();
    let api = server.info.text("api_url").to_owned();
    let (mut path, mut urls) = ("/endpoints?limit=2".to_owned(), Vec::new());
    loop {
        let page = get(&server, &path);
        assert_eq!(page["uri"], format!("{api}{path}"));
        urls.extend(
            page["endpoints"]
                .as_array()
                .unwrap()
                .iter()
                .map(|e| text(e, "/url").to_owned()),
        );
        match page["next_page_uri"].as_str() {
            Some(next) => path = next.strip_prefix(&api).unwrap().to_owned(),
            None => break,
        }
    }
    urls.sort();
    let mut offered: Vec<_> = sites.iter().map(|s| s.agent.url.clone()).collect();
    offered.sort();
    assert_eq!(urls, offered);
}

#[test]
fn http2_is_spoken_and_many_ask_at_once() {
    let server = Server::shared("api");
    let key = server.info.text("api_key");
    let mut h2 = H2::connect(server, HOST);
    let asked: Vec<_> = (0..40)
        .map(|_| {
            let request = h2
                .to(Method::GET, "/tunnels")
                .header("authorization", format!("Bearer {key}"))
                .header("ngrok-version", "2")
                .body(())
                .unwrap();
            h2.begin(request, true).0
        })
        .collect();
    for answer in asked {
        let answer = h2.wait("an answer", answer).unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().contains_key("ngrok-operation-id"));
    }
}
