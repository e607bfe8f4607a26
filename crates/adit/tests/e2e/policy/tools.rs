//! The tools for policies, asked of a server: what happens to a request at an endpoint that is live.

use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};

use super::{endpoint, file, get, make, until, url};
use crate::api;
use crate::harness::message::{ok, response};
use crate::harness::{Agent, Directory, Process, Server, Service, Upstream, Visitor, eventually};

/// A server whose policies may ask this machine, and nothing else of what is not public.
fn allowing() -> Server {
    let directory = Directory::new();
    let mut command = directory.dev_on_free_ports();
    command.env("ADIT_SERVER__OUTBOUND__ALLOW", r#"["127.0.0.1"]"#);
    Server::started(directory, &mut command)
}

/// `adit policy …` against the API of a server.
#[track_caller]
fn tool(server: &Server, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(crate::harness::server::ADIT);
    command
        .arg("policy")
        .args(arguments)
        .env_clear()
        .env("HOME", server.directory())
        .env("ADIT_API_URL", server.info.text("api_url"))
        .env("ADIT_API_KEY", server.info.text("api_key"))
        .env("ADIT_CONNECT_CA", &server.info.ca_file);
    let ended = Process::start(&mut command).ended();
    (ended.code(), ended.stdout, ended.stderr)
}

#[track_caller]
fn explain(server: &Server, body: &Value) -> Value {
    let (status, explained) = api::post(server, "/adit/policy/explain", &body.to_string());
    assert_eq!(status, 200, "{explained}");
    explained
}

fn rules(explained: &Value) -> Vec<(String, String)> {
    let rules = explained["rules"].as_array().unwrap().iter();
    let of = |rule: &Value, name: &str| rule[name].as_str().unwrap().to_owned();
    rules.map(|rule| (of(rule, "path"), of(rule, "outcome"))).collect()
}

#[test]
fn a_live_endpoint_is_explained_from_its_guardrails_to_the_agent_behind_it() {
    let server = Server::start();
    let rail = json!({"name": "no bad ones", "scope": {"organization": true}, "mode": "enforce",
        "policy": "on_http_request: [{expressions: [\"hasReqHeader('x-bad')\"], actions: [{type: deny, config: {status_code: 451}}]}]"});
    let rail = make(&server, "/adit/guardrails?wait=applied", &rail);
    let rail = rail["id"].as_str().unwrap();
    let service = Service::start(|request| ok(request.target()));
    let inner = file("on_http_response: [{actions: [{type: add-headers, config: {headers: {x-inner: yes}}}]}]");
    let agent = Agent::http(&server, service.address())
        .url("https://explained.internal")
        .args(["--traffic-policy-file", inner.path().to_str().unwrap()])
        .start();
    let front = server.host("explained");
    let forward =
        "on_http_request: [{actions: [{type: forward-internal, config: {url: \"https://explained.internal\"}}]}]";
    let cloud = endpoint(&server, &url(&server, &front), forward);
    let mut visitor = Visitor::tls(&server, &front);
    let passed = until("in force", || get(&mut visitor, &front, "/a"), |m| m.text() == "/a");
    assert_eq!(passed.get("x-inner"), Some("yes"));

    let request = format!("GET {}/a", url(&server, &front));
    let id = cloud.path.rsplit('/').next().unwrap().to_owned();
    for named in [id.clone(), url(&server, &front)] {
        let body = json!({"endpoint": named, "request": {"url": format!("{}/a", url(&server, &front))}});
        let explained = explain(&server, &body);
        let told = rules(&explained);
        let told: Vec<_> = told
            .iter()
            .map(|(path, outcome)| (path.as_str(), outcome.as_str()))
            .collect();
        let guardrail = format!("{rail}.on_http_request[0]");
        assert_eq!(
            told,
            [
                (guardrail.as_str(), "not_matched"),
                ("on_http_request[0]", "matched"),
                (guardrail.as_str(), "not_matched"),
                ("on_http_response[0]", "matched"),
            ],
            "{explained:#}"
        );
        assert_eq!(explained["forwarded_to"], "https://explained.internal:443");
        assert_eq!(explained["layers"][0]["guardrail"], rail);
        assert!(explained["response"]["headers"].to_string().contains("x-inner"));
    }
    // As a person asks it.
    let (code, out, error) = tool(
        &server,
        &["explain", "--endpoint", &id, "--request", &request, "-H", "X-Bad: 1"],
    );
    assert_eq!(code, 0, "{error}");
    assert!(
        out.contains(&format!("# guardrail {rail} \"no bad ones\" around")),
        "{out}"
    );
    assert!(
        out.contains("on_http_request[0]: skipped: the chain ended before it"),
        "{out}"
    );
    assert!(out.contains("<- 451") && !out.contains("-> "), "{out}");
    // The agent's own, by its URL; a candidate in its place, with what the organisation's guardrails say to it.
    let request = json!({"url": "https://explained.internal/"});
    let explained = explain(
        &server,
        &json!({"endpoint": "https://explained.internal", "request": request}),
    );
    assert_eq!(
        rules(&explained).last().unwrap().0,
        "on_http_response[0]",
        "{explained:#}"
    );
    let candidate = "on_http_request: [{actions: [{type: deny}]}]";
    let body = json!({"endpoint": "https://explained.internal", "traffic_policy": candidate, "request": request});
    assert_eq!(explain(&server, &body)["response"]["status"], 403);
    let body = json!({"endpoint": "https://explained.internal", "traffic_policy": "on_tcp_connect: [{actions: [{type: deny}]}]", "request": request});
    let (status, refused) = api::post(&server, "/adit/policy/explain", &body.to_string());
    assert_eq!(
        (status, &refused["error_code"]),
        (400, &json!("ERR_NGROK_215")),
        "{refused}"
    );
    assert!(refused["msg"].as_str().unwrap().contains("on_tcp_connect"), "{refused}");
    // What is not there any more is told to be missing.
    agent.stop();
    let body = json!({"endpoint": id, "request": {"url": format!("{}/a", url(&server, &front))}});
    eventually("the agent is gone", || {
        let explained = explain(&server, &body);
        let effect = &explained["rules"][1]["actions"][0]["effects"][0];
        (effect["error"]["code"] == "ERR_NGROK_3200").then_some(())
    });
}

#[test]
fn effects_are_performed_by_the_server_with_secrets_that_are_not_told() {
    let server = allowing();
    let vault = make(&server, "/vaults", &json!({"name": "keys"}));
    let secret = json!({"vault_id": vault["id"], "name": "k", "value": "hush-hush-hush"});
    make(&server, "/vault_secrets?wait=applied", &secret);
    let service = Service::start(|request| match request.get("x-key") {
        Some("hush-hush-hush") => response("200 OK", "X-Plan: gold\r\n", b"for hush-hush-hush"),
        _ => response("403 Forbidden", "", b"no"),
    });
    let policy = format!(
        "on_http_request:\n  - actions:\n      - {{type: http-request, config: {{url: \"http://{}/p\", headers: {{x-key: \"${{secrets.get('keys', 'k')}}\"}}}}}}\n      - type: ext-auth\n        config: {{url: 'http://169.254.169.254/latest/meta-data'}}\n",
        service.address()
    );
    let request = json!({"url": "https://app.example.com/"});
    let mut body = json!({"traffic_policy": policy, "request": request});
    let without = explain(&server, &body);
    let effects = |explained: &Value, action: usize| explained["rules"][0]["actions"][action]["effects"][0].clone();
    assert_eq!(effects(&without, 0)["performed"], false, "{without:#}");
    assert!(service.seen().is_empty(), "nobody was asked");
    body["effects"] = json!(true);
    let with = explain(&server, &body);
    let first = effects(&with, 0);
    assert_eq!(
        (&first["performed"], &first["answer"]["status"]),
        (&json!(true), &json!(200)),
        "{with:#}"
    );
    assert_eq!(first["asked"]["headers"]["x-key"], json!(["***"]));
    assert_eq!(first["answer"]["body"], "for ***");
    assert!(!with.to_string().contains("hush"), "{with}");
    assert_eq!(service.seen().len(), 1);
    // The guard stands as it does on the road.
    let second = effects(&with, 1);
    assert_eq!(
        (&second["performed"], &second["error"]["code"]),
        (&json!(true), &json!("ERR_ADIT_5203")),
        "{with:#}"
    );
    assert_eq!(with["response"]["status"], 503, "what cannot be asked lets nobody pass");
    // A server that does not allow this machine asks nobody here.
    let closed = Server::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let policy = format!(
        "on_http_request: [{{actions: [{{type: http-request, config: {{url: 'http://{}/'}}}}]}}]",
        listener.local_addr().unwrap()
    );
    let refused = explain(
        &closed,
        &json!({"traffic_policy": policy, "effects": true, "request": request}),
    );
    assert_eq!(effects(&refused, 0)["error"]["code"], "ERR_ADIT_5203", "{refused:#}");
    assert!(listener.accept().is_err(), "it was asked");
}

/// A connection that is bytes to the server has rules as well.
#[test]
fn a_live_connection_is_explained() {
    let server = Server::start();
    let policy = file("on_tcp_connect: [{actions: [{type: restrict-ips, config: {allow: [192.0.2.0/24]}}]}]");
    let upstream = Upstream::bind();
    let agent = Agent::tcp(&server, upstream.address())
        .args(["--traffic-policy-file", policy.path().to_str().unwrap()])
        .start();
    let of = |ip: &str| {
        let request = json!({"url": agent.url, "client": {"ip": ip}});
        explain(&server, &json!({"endpoint": agent.url, "request": request}))
    };
    let (inside, outside) = (of("192.0.2.9"), of("198.51.100.9"));
    assert_eq!(
        (&inside["closed"], &outside["closed"]),
        (&json!(false), &json!(true)),
        "{inside:#} {outside:#}"
    );
    assert!(inside["forwarded"]["host"].is_string() && outside["forwarded"].is_null());
}

/// What is referred to is known to the server alone.
#[test]
fn a_policy_is_checked_against_the_server() {
    let server = Server::shared("policy");
    let policy = file(
        "on_http_request: [{actions: [{type: restrict-ips, config: {ip_policies: [ipp_2abcdefghijklmnopqrstuvwxyz]}}]}]",
    );
    let path = policy.path().to_str().unwrap();
    let (code, out, error) = tool(server, &["check", path]);
    assert_eq!((code, out.as_str()), (0, "0 errors, 0 warnings\n"), "{error}");
    let (code, out, error) = tool(server, &["check", "--server", path]);
    assert_eq!(code, 1, "{out}{error}");
    assert!(out.contains(":1:74: ERR_NGROK_2216") && out.contains("fix: "), "{out}");
}

/// Cases that ask the firewall are run where there is one, and counted as skipped where there is none; what an action asks
/// it is told likewise.
#[test]
fn the_firewall_of_the_server_answers_cases_and_explanations() {
    let server = Server::shared("policy");
    let policy = "on_http_request: [{actions: [{type: owasp-crs-request}]}]";
    let attack = "https://app.example.com/?q=1%27%20OR%20%271%27%3D%271";
    let cases = format!(
        "version: 1\ncases:\n- id: attack\n  policy: \"{policy}\"\n  request: {{url: \"{attack}\", headers: {{user-agent: x, accept: y}}}}\n  expect: {{response: {{status: 403}}}}\n"
    );
    let (status, ran) = api::post(server, "/adit/policy/test", &json!({"cases": cases}).to_string());
    assert_eq!(status, 200, "{ran}");
    let headers = json!({"user-agent": "x", "accept": "y"});
    let body = json!({"traffic_policy": policy, "request": {"url": attack, "headers": headers}});
    let effect = explain(server, &body)["rules"][0]["actions"][0]["effects"][0].clone();
    if cfg!(feature = "waf") {
        assert_eq!((&ran["passed"], &ran["skipped"]), (&json!(1), &json!({})), "{ran}");
        assert!(
            effect["performed"] == true && effect["answer"]["score"].as_u64() >= Some(5),
            "{effect}"
        );
    } else {
        assert_eq!(
            (&ran["passed"], &ran["skipped"]),
            (&json!(0), &json!({"waf": 1})),
            "{ran}"
        );
        assert_eq!(
            (&effect["performed"], &effect["kind"]),
            (&json!(false), &json!("firewall")),
            "{effect}"
        );
    }
}

/// Who asks about an endpoint before its first visitor leaves nothing behind that the visitor would see.
#[test]
fn what_policies_see_of_an_endpoint_is_not_changed_by_looking_at_it() {
    let server = Server::start();
    let policy =
        "on_http_response: [{actions: [{type: add-headers, config: {headers: {x-org: 'of ${organization.name}'}}}]}]";
    let site = super::governed(&server, "looked-at", policy, |_| ok("x"));
    let explained = explain(
        &server,
        &json!({"endpoint": site.agent.url, "request": {"url": format!("{}/", site.agent.url)}}),
    );
    let told = explained["response"]["headers"].as_array().unwrap().iter();
    let told: Vec<_> = told
        .filter(|header| header[0] == "x-org")
        .map(|header| header[1].as_str().unwrap())
        .collect();
    let answer = site.get("/");
    assert_eq!(told, [answer.get("x-org").unwrap()], "{explained:#}");
    assert_ne!(told, ["of "], "the organisation has a name");
}
