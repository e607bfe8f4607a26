//! What policies decided, in the one line of an exchange or a connection: who refused it, what was logged, what each rule
//! did, and no secret.

use serde_json::{Value, json};

use super::{endpoint, file, get, governed, make, until, url};
use crate::api;
use crate::harness::message::ok;
use crate::harness::{Agent, Directory, Server, Service, Upstream, Visitor, eventually};

/// A server that writes its log as JSON, with these variables.
fn logging(variables: &[(&str, &str)]) -> Server {
    let directory = Directory::new();
    let mut command = directory.dev_on_free_ports();
    command.args(["--access-log", "json"]).envs(variables.iter().copied());
    Server::started(directory, &mut command)
}

/// The lines of exchanges with this path, or of connections of this endpoint, when there are so many.
fn lines(server: &Server, of: &str, count: usize) -> Vec<Value> {
    eventually("its lines", || {
        let text = server.process.stdout();
        let lines = text.lines().filter(|line| line.starts_with('{'));
        let mut lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.retain(|line| {
            line["event_type"] == "http_request_complete.v0" || line["event_type"] == "tcp_connection_closed.v0"
        });
        let objects = lines.into_iter().map(|mut line| line["object"].take());
        let its: Vec<Value> = objects
            .filter(|o| o["http"]["request"]["url"]["path"] == of || o["endpoint"]["url"] == of)
            .collect();
        (its.len() >= count).then_some(its)
    })
}

/// The verdicts of a line, without how long they took, which each must say.
#[track_caller]
fn timeless(line: &Value) -> Value {
    let mut verdicts = line["policy"]["verdicts"].clone();
    for verdict in verdicts.as_array_mut().unwrap() {
        let us = verdict.as_object_mut().unwrap().remove("us");
        assert!(us.is_some_and(|us| us.as_u64() > Some(0)), "{line}");
    }
    verdicts
}

const POLICY: &str = r#"
on_http_request:
  - name: office only
    id: office
    expressions: ["req.url.path.startsWith('/office')"]
    actions:
      - type: restrict-ips
        config: { allow: [192.0.2.0/24] }
  - name: known people
    expressions: ["req.url.path == '/people'"]
    actions:
      - type: basic-auth
        config: { credentials: ["anna:longenough1"] }
  - expressions: ["req.url.path == '/gone'"]
    actions: [{ type: close-connection }]
  - name: rehearsal
    dry_run: true
    expressions: ["req.url.path == '/rehearsed'"]
    actions: [{ type: deny }]
  - expressions: ["req.url.path == '/rehearsed'", "req.headers['x-none'][0] == 'a'"]
    actions: [{ type: deny }]
  - expressions: ["req.url.path == '/logged'"]
    actions:
      - type: log
        config: { metadata: { who: "${conn.client_ip}", n: 1, cookie: "${req.headers['cookie'][0]}" } }
on_http_response:
  - expressions: ["req.url.path == '/logged'"]
    actions:
      - type: log
        config: { metadata: { status: "${res.status_code}" } }
"#;

#[test]
fn the_line_says_who_refused_and_what_was_logged() {
    let server = logging(&[]);
    let site = governed(&server, "verdicts", POLICY, |_| ok("in"));
    let ask = |target: &str, more: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", site.host);
        let mut visitor = site.visitor();
        visitor.send(request);
        visitor.try_receive(crate::harness::Of::Get).map(|m| m.status())
    };
    let line = |path: &str| lines(&server, path, 1).pop().unwrap();

    assert_eq!(ask("/office/x", ""), Ok(403));
    let refused = line("/office/x");
    assert_eq!(
        (&refused["outcome"], &refused["error_code"]),
        (&json!("refused_policy"), &json!("ERR_NGROK_3203")),
        "{refused}"
    );
    let verdict = json!({
        "phase": "on_http_request", "rule": "office only", "id": "office",
        "action": "restrict-ips", "verdict": "deny", "ended": "deny",
    });
    assert_eq!(timeless(&refused), json!([verdict]), "{refused}");
    assert_eq!(refused["ip_policy"], json!({"decision": "block"}));

    // longenough1, and something else.
    assert_eq!(
        ask("/people", "Authorization: Basic YW5uYTpsb25nZW5vdWdoMQ==\r\n"),
        Ok(200)
    );
    assert_eq!(ask("/people", "Authorization: Basic YW5uYTpub3RoaW5n\r\n"), Ok(401));
    let people = lines(&server, "/people", 2);
    assert_eq!(
        people[0]["basic_auth"],
        json!({"decision": "allow", "username": "anna"})
    );
    assert_eq!(people[0]["policy"]["verdicts"], Value::Null, "{}", people[0]);
    assert_eq!(people[1]["basic_auth"]["decision"], "block");
    assert_eq!(people[1]["policy"]["verdicts"][0]["rule"], "known people");

    assert!(ask("/gone", "").is_err());
    let gone = line("/gone");
    assert_eq!(
        (&gone["outcome"], &gone["policy"]["verdicts"][0]["ended"]),
        (&json!("refused_policy"), &json!("close")),
        "{gone}"
    );
    assert_eq!(gone["policy"]["verdicts"][0]["rule"], "[2]", "a rule without a name");

    assert_eq!(ask("/rehearsed", ""), Ok(200));
    let rehearsed = line("/rehearsed");
    assert_eq!(
        rehearsed["policy"]["verdicts"][0]["verdict"], "would_deny",
        "{rehearsed}"
    );
    assert_eq!(
        rehearsed["policy"]["errors"][0]["path"],
        "on_http_request[4].expressions[1]"
    );

    assert_eq!(ask("/logged", "Cookie: s3cret=1\r\n"), Ok(200));
    let logged = line("/logged");
    let logs = json!([
        {"metadata": {"who": "127.0.0.1", "n": 1, "cookie": "***"}},
        {"metadata": {"status": 200}},
    ]);
    assert_eq!(logged["traffic_policy"]["logs"], logs, "{logged}");
    for phase in ["policy_request_us", "policy_response_us"] {
        assert!(logged["timing"][phase].as_u64().is_some_and(|us| us > 0), "{logged}");
    }
    assert!(!server.process.stdout().contains("longenough1") && !server.process.stdout().contains("s3cret"));

    // An exchange without a policy says nothing of any.
    let plain = Service::start(|_| ok("plain"));
    let agent = Agent::http(&server, plain.address()).start();
    let host = agent
        .url
        .split_once("://")
        .unwrap()
        .1
        .split(':')
        .next()
        .unwrap()
        .to_owned();
    let answer = get(&mut Visitor::tls(&server, &host), &host, "/plain");
    assert_eq!(answer.status(), 200);
    let line = line("/plain");
    for field in ["policy", "traffic_policy", "ip_policy", "basic_auth"] {
        assert_eq!(line[field], Value::Null, "{line}");
    }
    assert_eq!(line["timing"]["policy_request_us"], 0, "{line}");

    // Counted by what ran and what refused, once each.
    let counted = [
        r#"adit_policy_evaluations_total{phase="on_http_request",action="restrict-ips"} 1"#,
        r#"adit_policy_evaluations_total{phase="on_http_request",action="basic-auth"} 2"#,
        r#"adit_policy_evaluations_total{phase="on_http_request",action="log"} 1"#,
        r#"adit_policy_evaluations_total{phase="on_http_response",action="log"} 1"#,
        r#"adit_policy_denied_total{phase="on_http_request",action="restrict-ips"} 1"#,
        r#"adit_policy_denied_total{phase="on_http_request",action="close-connection"} 1"#,
        r#"adit_policy_seconds_count{phase="on_http_request",action="restrict-ips"} 1"#,
        r#"adit_policy_seconds_count{phase="on_http_request",action="none"} 3"#,
        r#"adit_policy_seconds_count{phase="on_http_response",action="none"} 3"#,
    ];
    eventually("the metrics", || {
        let metrics = server.admin("/metrics").text();
        counted
            .iter()
            .all(|line| metrics.lines().any(|l| l == *line))
            .then_some(())
    });
}

#[test]
fn connections_say_it_too() {
    let server = logging(&[]);
    let policy = file(
        "on_tcp_connect:\n  - name: remember\n    actions: [{type: log, config: {metadata: {from: \"${conn.client_ip}\"}}}]\n  - name: nobody\n    actions: [{type: deny}]\n",
    );
    let service = Service::start(|_| ok("in"));
    let agent = Agent::tcp(&server, service.address())
        .args(["--traffic-policy-file", policy.path().to_str().unwrap()])
        .start();
    let mut visitor = Visitor::plain(format!("127.0.0.1:{}", agent.port()).parse().unwrap());
    assert!(visitor.rest_or_alert().is_empty());
    let line = lines(&server, &agent.url, 1).pop().unwrap();
    assert_eq!(line["outcome"], "refused_policy", "{line}");
    assert_eq!(
        line["traffic_policy"]["logs"],
        json!([{"metadata": {"from": "127.0.0.1"}}])
    );
    assert_eq!(
        timeless(&line),
        json!([{"phase": "on_tcp_connect", "rule": "nobody", "action": "deny", "verdict": "deny", "ended": "close"}]),
        "{line}"
    );
}

/// The entry of the log of this type about this object; there must be no second.
fn entry(server: &Server, event_type: &str, of: &str) -> Value {
    eventually(event_type, || {
        let list = api::get(server, &format!("/adit/audit?object={of}"));
        let all = list["entries"].as_array().cloned().unwrap_or_default();
        let mut its = all.into_iter().filter(|entry| entry["event_type"] == event_type);
        let first = its.next()?;
        assert!(its.next().is_none(), "{list}");
        Some(first)
    })
}

/// Who was refused by a guardrail is told with its id: in the line, and to the organisation whose endpoint it is.
#[test]
fn a_guardrail_that_refuses_is_named() {
    let server = logging(&[]);
    let site = governed(&server, "railed", "on_http_request: []", |_| ok("in"));
    let upstream = Upstream::bind();
    let tcp = Agent::tcp(&server, upstream.address()).start();
    let rail = |name: &str, scope: Value, policy: &str, more: Value| {
        let mut body = json!({"name": name, "scope": scope, "policy": policy, "mode": "enforce"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = make(&server, "/adit/guardrails?wait=applied", &body);
        made["id"].as_str().unwrap().to_owned()
    };
    let http = |names: Value| json!({"domains": names, "protocols": ["https"]});
    let passes = rail(
        "passes",
        http(json!([site.host])),
        "on_http_request: [{name: told, actions: [{type: log, config: {metadata: {a: 1}}}]}]",
        json!({}),
    );
    let refuses = rail(
        "refuses",
        http(json!([site.host])),
        "on_http_request: [{name: no debugging, expressions: [\"hasReqHeader('x-debug')\"], actions: [{type: deny, config: {status_code: 451}}]}]",
        json!({"priority": 200}),
    );
    let ask = |target: &str, more: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", site.host);
        site.visitor().ask(request).status()
    };
    assert_eq!(ask("/in", ""), 200);
    let line = |path: &str| lines(&server, path, 1).pop().unwrap();
    assert_eq!(
        line("/in")["guardrail_id"],
        Value::Null,
        "whom one lets pass is not refused"
    );
    for _ in 0..3 {
        assert_eq!(ask("/debugged", "X-Debug: 1\r\n"), 451);
    }
    let refused = lines(&server, "/debugged", 3).pop().unwrap();
    assert_eq!(refused["guardrail_id"], refuses, "{refused}");
    let verdict = &refused["policy"]["verdicts"][0];
    assert_eq!(
        (&verdict["guardrail"], &verdict["guardrail_id"], &verdict["rule"]),
        (&json!(true), &json!(refuses), &json!("no debugging")),
        "{refused}"
    );
    let told = entry(&server, "guardrail_violation.v0", &refuses);
    let organization = api::get(&server, "/adit/organization")["id"].clone();
    let after = &told["after"];
    assert_eq!(
        (&told["organization_id"], &after["guardrail_id"], &after["rule"]),
        (&organization, &json!(refuses), &json!("no debugging")),
        "{told}"
    );
    assert_eq!(after["endpoint"], url(&server, &site.host), "{told}");
    assert_eq!(after["remote_addr"], "127.0.0.1", "{told}");
    let requests = lines(&server, "/debugged", 3);
    assert!(
        requests.iter().any(|line| line["request_id"] == after["example"]),
        "{told}"
    );

    // What an endpoint lacks.
    let requires = rail(
        "requires",
        http(json!([site.host])),
        "{}",
        json!({"require": [{"has_action": "basic-auth"}], "grace": 0}),
    );
    assert_eq!(ask("/lacking", ""), 503);
    let lacking = line("/lacking");
    assert_eq!(lacking["guardrail_id"], requires, "{lacking}");
    let verdicts = lacking["policy"]["verdicts"].as_array().unwrap();
    let verdict = verdicts.last().unwrap();
    assert_eq!(
        (&verdict["rule"], &verdict["verdict"], &verdict["guardrail_id"]),
        (&json!("require"), &json!("deny"), &json!(requires)),
        "{lacking}"
    );
    assert_eq!(
        verdict["values"]["requirement"], "an action basic-auth is missing",
        "{lacking}"
    );

    // A connection.
    let networks = rail(
        "networks",
        json!({"organization": true, "protocols": ["tcp"]}),
        "on_tcp_connect: [{actions: [{type: restrict-ips, config: {allow: [192.0.2.0/24]}}]}]",
        json!({}),
    );
    let address = format!("127.0.0.1:{}", tcp.port()).parse().unwrap();
    assert!(Visitor::plain(address).rest_or_alert().is_empty());
    let line = lines(&server, &tcp.url, 1).pop().unwrap();
    assert_eq!(
        (&line["outcome"], &line["guardrail_id"]),
        (&json!("refused_policy"), &json!(networks)),
        "{line}"
    );
    let told = entry(&server, "guardrail_violation.v0", &networks);
    assert_eq!(
        (&told["after"]["rule"], &told["after"]["listener"]),
        (&json!("[0]"), &json!("tcp")),
        "{told}"
    );
    drop(passes);

    // An exception that ends.
    let until = |seconds: u64| {
        let at = std::time::SystemTime::now() + std::time::Duration::from_secs(seconds);
        let at = at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        jiff::Timestamp::from_second(i64::try_from(at).unwrap())
            .unwrap()
            .to_string()
    };
    let exceptions = json!([
        {"endpoint_url": url(&server, &site.host), "rule_id": "soon", "reason": "moving", "expires_at": until(1)},
        {"endpoint_url": url(&server, &site.host), "rule_id": "later", "reason": "moving", "expires_at": until(3600)},
    ]);
    let expiring = rail(
        "expiring",
        http(json!(["elsewhere.example.com"])),
        "{}",
        json!({"exceptions": exceptions}),
    );
    let told = entry(&server, "guardrail_exception_expired.v0", &expiring);
    assert_eq!(
        (&told["after"]["rule_id"], &told["after"]["expires_at"]),
        (&json!("soon"), &exceptions[0]["expires_at"]),
        "{told}"
    );
}

/// With `policy.trace: all` each rule is told, with what it read, and no secret.
#[test]
fn a_full_trace_has_every_rule_and_no_secret() {
    let server = logging(&[("ADIT_SERVER__POLICY__TRACE", "all")]);
    let vault = make(&server, "/vaults", &json!({"name": "traced"}));
    let secret = json!({"name": "key", "value": "hush-hush-hush", "vault_id": vault["id"]});
    make(&server, "/vault_secrets", &secret);
    let host = server.host("traced");
    let policy = r#"
on_http_request:
  - name: other
    expressions: ["req.method == 'GET'", "req.url.path == '/other'"]
    actions: [{ type: deny }]
  - name: keep
    actions:
      - type: set-vars
        config: { vars: [{ kept: "${secrets.get('traced', 'key')}" }] }
      - type: log
        config: { metadata: { kept: "a ${vars.kept} b" } }
  - name: authorized
    expressions: ["vars.kept == 'something'"]
    actions: [{ type: deny }]
  - name: answer
    actions: [{ type: custom-response, config: { body: here } }]
"#;
    endpoint(&server, &url(&server, &host), policy);
    let mut visitor = Visitor::tls(&server, &host);
    until("in force", || get(&mut visitor, &host, "/there"), |m| m.status() == 200);
    // Before it there may be lines of when it was not in force.
    let line = &eventually("the line of the answer", || {
        let lines = lines(&server, "/there", 1);
        let status = |line: &Value| line["http"]["response"]["status_code"] == 200;
        lines.into_iter().rfind(status)
    });
    let verdicts = line["policy"]["verdicts"].as_array().unwrap();
    let told: Vec<_> = verdicts
        .iter()
        .map(|v| [&v["rule"], &v["action"], &v["verdict"]].map(|t| t.as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            ["other", "", "not_matched"],
            ["keep", "set-vars", "allow"],
            ["keep", "log", "allow"],
            ["authorized", "", "not_matched"],
            ["answer", "custom-response", "allow"],
        ],
        "{line}"
    );
    // Each took some time of its own, and all together no more than the phase.
    let us = |verdict: &Value| verdict["us"].as_u64().unwrap_or_default();
    assert!(verdicts.iter().all(|verdict| us(verdict) > 0), "{line}");
    let phase = line["timing"]["policy_request_us"].as_u64().unwrap();
    let all: u64 = verdicts.iter().map(us).sum();
    assert!(all <= phase + verdicts.len() as u64, "{line}");
    let other = &verdicts[0]["values"];
    assert_eq!(
        (&other["expression"], &other["req.url.path"]),
        (&json!("req.url.path == '/other'"), &json!("/there")),
        "{other}"
    );
    assert_eq!(verdicts[4]["ended"], "respond");
    assert_eq!(
        line["traffic_policy"]["logs"],
        json!([{"metadata": {"kept": "a *** b"}}])
    );
    assert!(!server.process.stdout().contains("hush-hush"), "{line}");
}
