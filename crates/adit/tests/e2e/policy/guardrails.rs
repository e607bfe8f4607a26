//! Guardrails of the organisation: around every endpoint that they are about, whatever its own policy says.

use serde_json::{Value, json};

use super::{endpoint, file, get, make, scripted, until, url};
use crate::api;
use crate::harness::message::{ok, response};
use crate::harness::{Agent, End, H2, Of, Server, Service, Site, Upstream, Visitor, eventually};
use crate::listeners::hello::client_hello;

/// A guardrail that is in force when it is returned.
struct Rail<'s> {
    server: &'s Server,
    path: String,
}

impl<'s> Rail<'s> {
    #[track_caller]
    fn make(server: &'s Server, name: &str, scope: &Value, policy: &str, more: &Value) -> Self {
        let mut body = json!({"name": name, "scope": scope, "policy": policy, "mode": "enforce"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = make(server, "/adit/guardrails?wait=applied", &body);
        assert!(made["id"].as_str().unwrap().starts_with("gr_"), "{made}");
        Self {
            server,
            path: format!("/adit/guardrails/{}", made["id"].as_str().unwrap()),
        }
    }

    #[track_caller]
    fn set(&self, change: &Value) {
        let path = format!("{}?wait=applied", self.path);
        let (status, answer) = api::change(self.server, "PATCH", &path, &change.to_string());
        assert_eq!(status, 200, "{answer}");
    }

    #[track_caller]
    fn delete(self) {
        let path = format!("{}?wait=applied", self.path);
        let (status, answer) = api::change(self.server, "DELETE", &path, "");
        assert_eq!(status, 204, "{answer}");
    }
}

fn organization() -> Value {
    json!({"organization": true})
}

fn domains(names: &[&str]) -> Value {
    json!({"domains": names})
}

/// Refuses requests that have this field.
fn deny(field: &str, status: u16) -> String {
    format!(
        "on_http_request:\n  - id: no-{field}\n    expressions: [\"hasReqHeader('{field}')\"]\n    actions: [{{type: deny, config: {{status_code: {status}}}}}]\n"
    )
}

/// One `GET` with a field more.
#[track_caller]
fn get_with(visitor: &mut Visitor, host: &str, target: &str, field: &str) -> u16 {
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{field}: 1\r\n\r\n");
    visitor.ask(request).status()
}

const ANSWER: &str =
    "on_http_request:\n  - actions:\n      - type: custom-response\n        config: {status_code: 200, body: cloud}\n";

#[test]
fn they_stand_around_endpoints_of_agents_of_the_cloud_and_behind_both() {
    let server = Server::start();
    let rail = Rail::make(&server, "no bad ones", &organization(), &deny("x-bad", 451), &json!({}));
    // Whatever the agent's own policy says.
    let service = Service::start(|request| ok(request.target()));
    let allows =
        file("on_http_request:\n  - actions:\n      - type: remove-headers\n        config: {headers: [x-bad]}\n");
    let host = server.host("guarded");
    let _agent = Agent::http(&server, service.address())
        .url(&format!("https://{host}"))
        .args(["--traffic-policy-file", allows.path().to_str().unwrap()])
        .start();
    let mut visitor = Visitor::tls(&server, &host);
    assert_eq!(get(&mut visitor, &host, "/").status(), 200);
    assert_eq!(get_with(&mut visitor, &host, "/", "X-Bad"), 451);
    assert_eq!(
        get(&mut visitor, &host, "/again").text(),
        "/again",
        "the connection lives on"
    );
    let mut h2 = H2::connect(&server, &host);
    let request = h2.to(http::Method::GET, "/").header("x-bad", "1").body(()).unwrap();
    assert_eq!(h2.ask(request, b"").status.as_u16(), 451);

    let front = server.host("guarded-cloud");
    let cloud = endpoint(&server, &url(&server, &front), ANSWER);
    let mut at_front = Visitor::tls(&server, &front);
    until("in force", || get(&mut at_front, &front, "/"), |m| m.status() == 200);
    assert_eq!(get_with(&mut at_front, &front, "/", "x-bad"), 451);

    // What is forwarded to has guardrails of its own.
    let inner = Service::start(|request| ok(request.target()));
    let _inner = Agent::http(&server, inner.address())
        .url("https://guarded.internal")
        .start();
    let secret = "on_http_request:\n  - expressions: [\"req.url.path == '/secret'\"]\n    actions: [{type: deny, config: {status_code: 418}}]\non_http_response:\n  - actions: [{type: add-headers, config: {headers: {x-inner: \"yes\"}}}]\n";
    let behind = Rail::make(&server, "inner", &domains(&["guarded.internal"]), secret, &json!({}));
    cloud.set(
        &server,
        "on_http_request:\n  - actions: [{type: forward-internal, config: {url: \"https://guarded.internal\"}}]\n",
    );
    let passed = until("forwarded", || get(&mut at_front, &front, "/ok"), |m| m.text() == "/ok");
    assert_eq!(passed.get("x-inner"), Some("yes"));
    let refused = get(&mut at_front, &front, "/secret");
    assert_eq!((refused.status(), refused.get("x-inner")), (418, None), "{refused:?}");
    assert_eq!(
        get(&mut visitor, &host, "/secret").status(),
        200,
        "others are not touched"
    );

    behind.delete();
    assert_eq!(get(&mut at_front, &front, "/secret").status(), 200);
    rail.delete();
    assert_eq!(
        get_with(&mut visitor, &host, "/", "x-bad"),
        200,
        "on the connection that was there before"
    );
}

#[test]
fn they_speak_first_about_the_request_and_last_about_the_answer() {
    let server = Server::start();
    let outer = "on_http_request:\n  - actions:\n      - {type: add-headers, config: {headers: {x-order: organisation}}}\n      - {type: set-vars, config: {vars: [{mine: \"1\"}]}}\non_http_response:\n  - actions:\n      - {type: add-headers, config: {headers: {x-last: \"${res.headers['x-own'][0]} ${endpoint.type}\"}}}\n      - {type: remove-headers, config: {headers: [x-own]}}\n";
    let near = "on_http_request:\n  - actions: [{type: add-headers, config: {headers: {x-order: \"name ${req.headers['x-order'].join('+')} [${endpoint.type}${endpoint.id}]\"}}}]\non_http_response:\n  - actions: [{type: add-headers, config: {headers: {x-own: \"${res.headers['x-own'][0]} near\"}}}, {type: remove-headers, config: {headers: [x-mark]}}]\n";
    let host = server.host("order");
    // Made in the other order than they run.
    let _near = Rail::make(
        &server,
        "near",
        &domains(&[host.as_str()]),
        near,
        &json!({"priority": 1}),
    );
    let _outer = Rail::make(&server, "outer", &organization(), outer, &json!({"priority": 900}));
    let own = "on_http_request:\n  - expressions: [\"req.url.path == '/own'\"]\n    actions: [{type: custom-response, config: {status_code: 299, headers: {x-own: mine}, body: own}}]\n  - actions: [{type: add-headers, config: {headers: {x-seen: \"${size(req.headers['x-order'])} ${has(vars.mine)}\"}}}]\non_http_response:\n  - expressions: [\"req.url.path != '/own'\"]\n    actions: [{type: add-headers, config: {headers: {x-own: agent}}}]\n";
    let site = super::governed(&server, "order", own, |request| {
        response("200 OK", "X-Mark: 1\r\n", request.head_text().as_bytes())
    });
    assert_eq!(site.host, host);
    let mut visitor = site.visitor();
    let answer = get(&mut visitor, &host, "/");
    let seen = answer.text().to_ascii_lowercase();
    assert!(seen.contains("x-order: organisation\r\n"), "{seen}");
    assert!(
        seen.contains("x-order: name organisation []\r\n"),
        "of no member anything is known: {seen}"
    );
    assert!(
        seen.contains("x-seen: 2 false\r\n"),
        "the agent's policy comes behind both: {seen}"
    );
    assert_eq!(answer.get("x-mark"), None);
    // Its own policy, the near guardrail, the outer one: which has the last word.
    assert_eq!(answer.get("x-own"), None, "{answer:?}");
    assert_eq!(answer.get("x-last"), Some("agent agent"), "{answer:?}");
    let own = get(&mut visitor, &host, "/own");
    assert_eq!(
        (own.status(), own.get("x-last"), own.get("x-own")),
        (299, Some("mine agent"), None),
        "{own:?}"
    );
}

#[test]
fn a_dry_run_tells_and_lets_through_until_it_is_enforced() {
    let server = Server::start();
    let host = server.host("dry");
    let site = Site::answering(&server, "dry", &[], |_| ok("served"));
    let other = Site::answering(&server, "dry-other", &[], |_| ok("other"));
    let policy = format!(
        "{}on_http_response:\n  - actions: [{{type: add-headers, config: {{headers: {{x-rail: \"1\"}}}}}}]\n",
        deny("x-bad", 451)
    );
    let rail = Rail::make(
        &server,
        "dry",
        &domains(&[host.as_str()]),
        &policy,
        &json!({"mode": "dry_run"}),
    );
    let mut visitor = site.visitor();
    assert_eq!(get_with(&mut visitor, &host, "/", "x-bad"), 200);
    assert_eq!(get(&mut visitor, &host, "/").get("x-rail"), None, "it changes nothing");
    let affected = eventually("the report has it", || {
        let affected = api::get(&server, &format!("{}/affected", rail.path));
        (affected["would_refuse"]["count"] == 1).then_some(affected)
    });
    assert_eq!(affected["would_refuse"]["last"]["host"], host, "{affected}");
    assert_eq!(
        affected["would_refuse"]["last"]["rule"], "on_http_request[0].actions[0]",
        "{affected}"
    );
    let urls: Vec<_> = affected["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["url"])
        .collect();
    assert_eq!(urls, [&json!(url(&server, &host))], "{affected}");
    assert_eq!(
        (&affected["truncated"], &affected["hidden"]),
        (&json!(false), &json!(0)),
        "{affected}"
    );
    // In the last hours, and in none that is to come.
    let since =
        |since: &str| api::get(&server, &format!("{}/affected?since={since}", rail.path))["would_refuse"].clone();
    assert_eq!(since("24h")["count"], 1);
    assert_eq!(since("24h")["last"]["host"], host);
    assert_eq!(since("2090-01-01T00:00:00Z")["count"], 0);
    let (status, wrong) = api::change(&server, "GET", &format!("{}/affected?since=soon", rail.path), "");
    assert_eq!(
        (status, wrong["error_code"].as_str()),
        (400, Some("ERR_NGROK_241")),
        "{wrong}"
    );

    rail.set(&json!({"mode": "enforce"}));
    assert_eq!(
        get_with(&mut visitor, &host, "/", "x-bad"),
        451,
        "on the same connection"
    );
    let passed = get(&mut visitor, &host, "/");
    assert_eq!((passed.text().as_str(), passed.get("x-rail")), ("served", Some("1")));
    assert_eq!(
        get_with(&mut other.visitor(), &other.host, "/", "x-bad"),
        200,
        "no other name is touched"
    );
    // An exception for the endpoint, by the rule's id.
    let except = |until: &str| json!({"exceptions": [{"endpoint_url": url(&server, &host), "rule_id": "no-x-bad", "reason": "moving", "expires_at": until}]});
    rail.set(&except("2090-01-01T00:00:00Z"));
    assert_eq!(get_with(&mut visitor, &host, "/", "x-bad"), 200);
    assert_eq!(
        get(&mut visitor, &host, "/").get("x-rail"),
        Some("1"),
        "its other rules hold"
    );
    rail.set(&except("2020-01-01T00:00:00Z"));
    assert_eq!(get_with(&mut visitor, &host, "/", "x-bad"), 451, "it has ended");
    rail.set(&json!({"mode": "off"}));
    assert_eq!(get_with(&mut visitor, &host, "/", "x-bad"), 200);
}

/// Before it is made one sees what it would be about; what is wrong with it is refused as when it is made.
#[test]
fn a_preview_says_whom_one_would_be_about() {
    let server = Server::start();
    let login = "on_http_request:\n  - actions: [{type: basic-auth, config: {credentials: [\"u:long enough\"]}}]\n";
    let names = ["preview-a", "preview-b"].map(|name| server.host(name));
    let both = format!("{login}  - actions: [{{type: custom-response, config: {{body: cloud}}}}]\n");
    endpoint(&server, &url(&server, &names[0]), ANSWER);
    endpoint(&server, &url(&server, &names[1]), &both);
    let site = Site::answering(&server, "preview-c", &[], |_| ok("served"));
    let preview = |body: Value| api::post(&server, "/adit/guardrails/preview", &body.to_string());
    let organization = api::get(&server, "/adit/organization");
    // By the organisation's name too, as binds and requests see it.
    let selector = format!(
        "organization.name == {} && endpoint.host.startsWith('preview-')",
        json!(organization["name"])
    );
    let about = json!({"scope": {"endpoints": selector}, "policy": "{}", "require": [{"has_action": "basic-auth"}]});
    let (status, shown) = preview(about.clone());
    assert_eq!(status, 200, "{shown}");
    let mut rows: Vec<_> = shown["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (&e["url"], &e["type"], &e["unmet"]))
        .collect();
    rows.sort_by_key(|(url, ..)| url.to_string());
    let missing = json!("an action basic-auth is missing");
    let urls = [&names[0], &names[1], &site.host].map(|host| json!(url(&server, host)));
    let (cloud, agent) = (json!("cloud"), json!("agent"));
    assert_eq!(
        rows,
        [
            (&urls[0], &cloud, &missing),
            (&urls[1], &cloud, &Value::Null),
            (&urls[2], &agent, &missing)
        ],
        "{shown}"
    );
    assert_eq!(
        (&shown["truncated"], &shown["would_refuse"]),
        (&json!(false), &Value::Null)
    );
    let mut wrong = about;
    wrong["policy"] = json!(deny("x-bad", 451).replace("hasReqHeader", "hasReqHeeder"));
    let (status, refused) = preview(wrong);
    assert_eq!(
        (status, refused["error_code"].as_str()),
        (400, Some("ERR_NGROK_2200")),
        "{refused}"
    );
    assert_eq!(
        api::get(&server, "/adit/guardrails")["guardrails"],
        json!([]),
        "nothing was made"
    );
}

/// Two at once do not come past the bound.
#[test]
fn their_rules_are_bounded_together() {
    let server = Server::start();
    let rule = "  - actions: [{type: log, config: {metadata: {a: 1}}}]\n";
    let policy = format!("on_http_request:\n{}", rule.repeat(256));
    let server = &server;
    let made: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let make = |n: usize| {
            let body = json!({"name": format!("many {n}"), "policy": policy});
            scope.spawn(move || api::post(server, "/adit/guardrails", &body.to_string()))
        };
        let making: Vec<_> = (0..4).map(make).collect();
        making.into_iter().map(|made| made.join().unwrap()).collect()
    });
    let codes: Vec<_> = made
        .iter()
        .filter(|(status, _)| *status == 400)
        .map(|(_, answer)| &answer["error_code"])
        .collect();
    assert_eq!(codes, [&json!("ERR_ADIT_2202"); 2], "{made:?}");
    assert_eq!(
        api::get(server, "/adit/guardrails")["guardrails"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    // Those of the whole installation have a room of their own.
    let body = json!({"name": "of all", "policy": policy, "installation": true});
    let (status, made) = api::post(server, "/adit/guardrails", &body.to_string());
    assert_eq!(status, 201, "{made}");
    let first = &api::get(server, "/adit/guardrails?limit=100")["guardrails"][0]["id"];
    let path = format!("/adit/guardrails/{}", first.as_str().unwrap());
    let (status, answer) = api::change(server, "PATCH", &path, &json!({"description": "still"}).to_string());
    assert_eq!(status, 200, "{answer}");
}

/// The authtoken of the administrator of a new organisation.
#[track_caller]
fn another_organization(server: &Server, name: &str) -> String {
    let body = json!({"name": name, "admin_email": format!("{name}@example.com")});
    let made = make(server, "/adit/organizations", &body);
    let link = made["invitation_link"].as_str().unwrap();
    let token = link.rsplit(['/', '#', '=']).next().unwrap();
    let host = "dashboard.adit.localhost";
    let mut visitor = Visitor::tls(server, host);
    let mut ask = |path: &str, fields: &str, body: &Value| {
        let body = body.to_string();
        visitor.ask(format!(
            "POST /api{path} HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: \
             application/json\r\n{fields}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    };
    let accept = json!({"token": token, "password": "a long enough passphrase"});
    let accepted = ask("/adit/invitations/accept", "", &accept);
    assert!(accepted.status() < 300, "{accepted:?}");
    let cookie = accepted.get("set-cookie").unwrap().split(';').next().unwrap();
    let session: Value = serde_json::from_slice(&accepted.body).unwrap();
    let csrf = session["session"]["csrf"].as_str().unwrap();
    let fields = format!("Cookie: {cookie}\r\nAdit-CSRF: {csrf}\r\n");
    let reset = ask("/adit/me/authtoken/reset", &fields, &json!({}));
    assert_eq!(reset.status(), 201, "{reset:?}");
    let reset: Value = serde_json::from_slice(&reset.body).unwrap();
    reset["token"].as_str().unwrap().to_owned()
}

/// One of the whole installation stands around the endpoints of all organisations, and what it asks inside is answered by
/// those whose it is, never by those that it restrains.
#[test]
fn one_of_the_installation_is_around_all_and_asks_its_own() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    let server = Server::start();
    let opens = Arc::new(AtomicBool::new(false));
    let gate = {
        let opens = opens.clone();
        Service::start(move |_| {
            let status = if opens.load(Ordering::SeqCst) {
                "200 OK"
            } else {
                "403 Forbidden"
            };
            response(status, "", b"")
        })
    };
    let _gate = Agent::http(&server, gate.address())
        .url("https://gate.internal")
        .start();
    // Another organisation has a gate of the same name, which lets everybody in.
    let token = another_organization(&server, "tenant");
    let asked = Arc::new(AtomicUsize::new(0));
    let liar = {
        let asked = asked.clone();
        Service::start(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            ok("come in")
        })
    };
    let theirs = |upstream| Agent::http(&server, upstream).env("ADIT_AUTHTOKEN", &token);
    let _liar = theirs(liar.address()).url("https://gate.internal").start();
    let (ours, their) = (server.host("of-ours"), server.host("of-theirs"));
    let service = Service::start(|request| ok(request.target()));
    let _ours = Agent::http(&server, service.address())
        .url(&format!("https://{ours}"))
        .start();
    let _theirs = theirs(service.address()).url(&format!("https://{their}")).start();
    let mut visitors = [&ours, &their].map(|host| Visitor::tls(&server, host));
    let mut ask = |at: usize| get(&mut visitors[at], [&ours, &their][at], "/").status();
    assert_eq!((ask(0), ask(1)), (200, 200));

    let policy = "on_http_request:\n  - actions:\n      - type: http-request\n        config: {url: \"https://gate.internal/\", on_error: halt}\n  - name: the gate is closed\n    expressions: [\"actions.ngrok.http_request.res.status_code != 200\"]\n    actions: [{type: deny, config: {status_code: 451}}]\n";
    let scope = json!({"organization": true, "bindings": ["public"]});
    let rail = Rail::make(&server, "gated", &scope, policy, &json!({"installation": true}));
    assert_eq!((ask(0), ask(1)), (451, 451));
    opens.store(true, Ordering::SeqCst);
    assert_eq!((ask(0), ask(1)), (200, 200));
    assert_eq!(
        asked.load(Ordering::SeqCst),
        0,
        "the other organisation's gate was asked"
    );
    let affected = api::get(&server, &format!("{}/affected", rail.path));
    let urls: Vec<_> = affected["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["url"])
        .collect();
    assert_eq!(urls, [&json!(url(&server, &ours))], "{affected}");
    assert_eq!(affected["hidden"], 1, "another organisation's: {affected}");
    rail.delete();
    opens.store(false, Ordering::SeqCst);
    assert_eq!((ask(0), ask(1)), (200, 200));
}

#[test]
fn a_setting_makes_one_stand_around_everything() {
    let server = Server::start();
    let site = Site::answering(&server, "default", &[], |_| ok("served"));
    let rail = Rail::make(
        &server,
        "elsewhere",
        &domains(&["elsewhere.example.com"]),
        &deny("x-bad", 451),
        &json!({}),
    );
    let mut visitor = site.visitor();
    assert_eq!(get_with(&mut visitor, &site.host, "/", "x-bad"), 200);
    let id = rail.path.rsplit('/').next().unwrap().to_owned();
    let settings = |ids: Value| {
        let body = json!({"settings": {"default_guardrails": ids}});
        api::change(&server, "PATCH", "/adit/organization?wait=applied", &body.to_string())
    };
    let (status, answer) = settings(json!([id]));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(get_with(&mut visitor, &site.host, "/", "x-bad"), 451);
    let (status, refused) = api::change(&server, "DELETE", &rail.path, "");
    assert_eq!(
        (status, refused["error_code"].as_str()),
        (400, Some("ERR_ADIT_2011")),
        "{refused}"
    );
    assert_eq!(settings(json!([])).0, 200);
    assert_eq!(get_with(&mut visitor, &site.host, "/", "x-bad"), 200);
    rail.delete();
}

#[test]
fn connections_pass_them_before_any_byte_and_are_cut_when_they_change() {
    let server = Server::start();
    let upstream = Upstream::bind();
    let tcp = Agent::tcp(&server, upstream.address()).start();
    let address: std::net::SocketAddr = format!("127.0.0.1:{}", tcp.port()).parse().unwrap();
    let web = Site::answering(&server, "beside-tcp", &[], |_| ok("web"));
    let restrict =
        |allow: &str| format!("on_tcp_connect:\n  - actions: [{{type: restrict-ips, config: {{allow: [{allow}]}}}}]\n");
    let scope = json!({"organization": true, "protocols": ["tcp", "tls"]});
    let mut before = Visitor::plain(address);
    before.send("0");
    let mut early = upstream.accept();
    assert_eq!(early.bytes(1), b"0");
    let rail = Rail::make(&server, "networks", &scope, &restrict("127.0.0.0/8"), &json!({}));
    before.send("1");
    assert_eq!(early.bytes(1), b"1", "who may stay is not dropped");
    let mut open = Visitor::plain(address);
    open.send("a");
    let mut conn = upstream.accept();
    assert_eq!(conn.bytes(1), b"a");
    rail.set(&json!({"policy": restrict("192.0.2.0/24")}));
    assert_eq!(
        open.rest(),
        (Vec::new(), End::Reset),
        "a connection that is there is asked again"
    );
    assert_eq!(
        before.rest(),
        (Vec::new(), End::Reset),
        "also one from before the first guardrail"
    );
    let mut refused = Visitor::plain(address);
    assert_eq!(refused.rest(), (Vec::new(), End::Reset));
    assert!(upstream.accepted().is_none(), "nothing of it reached the service");

    // TLS that the agent ends.
    let tls = Upstream::bind();
    let host = server.host("guarded-tls");
    let _tls = Agent::tls(&server, tls.address()).url(&format!("tls://{host}")).start();
    let mut refused = Visitor::plain(server.info.https);
    refused.send(client_hello(&["-servername", &host]));
    assert_eq!(refused.rest(), (Vec::new(), End::Reset));
    assert_eq!(
        get(&mut web.visitor(), &web.host, "/").text(),
        "web",
        "HTTP is not its business"
    );
    rail.delete();
    let mut again = Visitor::plain(address);
    again.send("b");
    let mut conn = upstream.accept();
    assert_eq!(conn.bytes(1), b"b");
    // What one requires of the endpoint's own policy is asked of what is open as well, once the grace is over.
    let more = json!({"require": [{"has_action": "restrict-ips"}], "grace": 3600});
    let rail = Rail::make(&server, "restricted", &scope, &restrict("127.0.0.0/8"), &more);
    again.send("c");
    assert_eq!(conn.bytes(1), b"c");
    rail.set(&json!({"grace": 0}));
    assert_eq!(again.rest(), (Vec::new(), End::Reset));
}

/// A policy whose rules are about other requests leaves no trace of these; who lasts is asked all the same when a guardrail
/// comes, and with the request as it was received.
#[test]
fn who_was_left_alone_by_a_policy_is_asked_when_one_comes() {
    let server = Server::start();
    let policy = file(&format!(
        "{}{}",
        deny("x-forwarded-for", 451),
        deny("x-other", 452).replace("on_http_request:\n", "")
    ));
    let flags = ["--traffic-policy-file", policy.path().to_str().unwrap()];
    let site = Site::scripted(&server, "left-alone", &flags);
    let mut lasting = site.visitor();
    lasting.send(site.get_text("/"));
    let mut response = site.upstream.accept();
    response.request();
    response.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    assert_eq!(lasting.receive_head().status(), 200);
    let mut switched = site.visitor();
    switched.send(format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
        site.host
    ));
    let mut echo = site.upstream.accept();
    echo.request();
    echo.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(switched.receive_head().status(), 101);

    let rail = Rail::make(
        &server,
        "networks",
        &organization(),
        &deny("x-forwarded-for", 451),
        &json!({}),
    );
    switched.send("a");
    assert_eq!(echo.bytes(1), b"a", "who may stay is not dropped");
    rail.set(&json!({"policy": "on_http_request:\n  - actions: [{type: deny}]\n"}));
    assert_eq!(switched.rest_or_alert(), b"", "the upgraded request is cut");
    assert!(
        lasting.rest_or_alert().ends_with(b"1\r\na\r\n"),
        "and the response that lasts"
    );
    rail.delete();
}

/// What lasts and began when nothing stood around its endpoint is asked when something comes.
#[test]
fn what_met_nothing_is_asked_when_a_guardrail_comes() {
    let server = Server::start();
    let site = Site::scripted(&server, "met-nothing", &[]);
    let mut lasting = site.visitor();
    lasting.send(site.get_text("/"));
    let mut response = site.upstream.accept();
    response.request();
    response.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    assert_eq!(lasting.receive_head().status(), 200);
    let mut switched = site.visitor();
    switched.send(format!(
        "GET /socket HTTP/1.1\r\nHost: {}\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
        site.host
    ));
    let mut echo = site.upstream.accept();
    echo.request();
    echo.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(switched.receive_head().status(), 101);

    let rail = Rail::make(
        &server,
        "later",
        &domains(&[&site.host]),
        &deny("x-bad", 451),
        &json!({}),
    );
    switched.send("a");
    assert_eq!(echo.bytes(1), b"a", "who may stay is not dropped");
    response.send("1\r\nb\r\n");
    assert_eq!(lasting.bytes(12), b"1\r\na\r\n1\r\nb\r\n");
    // Its rules see the request as it was.
    let not_sockets =
        "on_http_request:\n  - expressions: [\"req.url.path == '/socket'\"]\n    actions: [{type: deny}]\n";
    rail.set(&json!({"policy": not_sockets}));
    assert_eq!(switched.rest_or_alert(), b"", "the upgraded request is cut");
    response.send("1\r\nc\r\n");
    assert_eq!(lasting.bytes(6), b"1\r\nc\r\n", "the other may stay");
    rail.set(&json!({"policy": "on_http_request:\n  - actions: [{type: deny}]\n"}));
    // It is cut when something more would pass, a moment after the change.
    eventually("and the response that lasts", || response.try_send("1\r\nd\r\n").err());
    let rest = lasting.rest_or_alert();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "it is not whole: {rest:?}");
    rail.delete();
}

#[test]
fn what_they_require_is_asked_of_binds_and_of_what_is_written() {
    let server = Server::start();
    let host = server.host("must");
    let login = "on_http_request:\n  - actions: [{type: basic-auth, config: {credentials: [\"u:long enough\"]}}]\n";
    let more = json!({"require": [{"has_action": "basic-auth"}, {"max_rules": 2}], "grace": 0});
    let rail = Rail::make(&server, "log in", &domains(&[host.as_str()]), "{}", &more);
    let bind = |policy: Option<&str>| {
        let upstream = Upstream::bind();
        let policy = policy.map(file);
        let mut agent = Agent::http(&server, upstream.address()).url(&format!("https://{host}"));
        if let Some(policy) = &policy {
            agent = agent.args(["--traffic-policy-file", policy.path().to_str().unwrap()]);
        }
        let ended = agent.launch().ended();
        assert_ne!(ended.code(), 0);
        format!("{}{}", ended.stdout, ended.stderr)
    };
    for policy in [None, Some("on_http_request: [{actions: [{type: deny}]}]")] {
        let said = bind(policy);
        let text = "The endpoint does not meet what the guardrail log in requires: an action basic-auth is missing";
        assert!(said.contains("ERR_ADIT_2250") && said.contains(text), "{said}");
    }
    let site = super::governed(&server, "must", login, |_| ok("served"));
    assert_eq!(site.get("/").status(), 401, "what meets it is taken");

    // The same when a cloud endpoint is written.
    let body = json!({"type": "cloud", "url": url(&server, &host), "traffic_policy": ANSWER});
    let body = body.to_string();
    drop(site);
    let (status, refused) = eventually("the name is free", || {
        let answer = api::post(&server, "/endpoints", &body);
        (answer.1["error_code"] != "ERR_NGROK_334").then_some(answer)
    });
    assert_eq!(
        (status, refused["error_code"].as_str()),
        (400, Some("ERR_ADIT_2250")),
        "{refused}"
    );
    assert_eq!(
        refused["details"]["guardrail"],
        rail.path.rsplit('/').next().unwrap(),
        "{refused}"
    );
    let both = format!("{login}  - actions: [{{type: custom-response, config: {{body: cloud}}}}]\n");
    let cloud = endpoint(&server, &url(&server, &host), &both);
    let change = json!({"traffic_policy": ANSWER}).to_string();
    let (status, refused) = api::change(&server, "PATCH", &cloud.path, &change);
    assert_eq!(
        (status, refused["error_code"].as_str()),
        (400, Some("ERR_ADIT_2250")),
        "{refused}"
    );
    let mut visitor = Visitor::tls(&server, &host);
    until("in force", || get(&mut visitor, &host, "/"), |m| m.status() == 401);

    // Endpoints that are there have a grace, and answer no more when it is over.
    rail.set(&json!({"require": [{"no_action": ["basic-auth"]}], "grace": 3600}));
    assert_eq!(get(&mut visitor, &host, "/").status(), 401);
    rail.set(&json!({"grace": 0}));
    let invalid = get(&mut visitor, &host, "/");
    assert_eq!(
        (invalid.status(), invalid.code()),
        (503, "ERR_ADIT_5030"),
        "{invalid:?}"
    );
    rail.set(&json!({"mode": "dry_run"}));
    assert_eq!(get(&mut visitor, &host, "/").status(), 401);
}

#[test]
fn a_document_that_is_wrong_is_refused_and_changes_nothing() {
    let server = Server::start();
    let site = scripted(&server, "wrong", "on_http_request: []");
    let rail = Rail::make(&server, "right", &organization(), &deny("x-bad", 451), &json!({}));
    let refused = |change: Value| {
        let (status, answer) = api::change(&server, "PATCH", &rail.path, &change.to_string());
        assert_eq!(status, 400, "{change}: {answer}");
        (
            answer["error_code"].as_str().unwrap().to_owned(),
            answer["details"].clone(),
        )
    };
    let (code, details) = refused(json!({"policy": deny("x-bad", 451).replace("hasReqHeader", "hasReqHeeder")}));
    assert_eq!(
        (code.as_str(), &details["line"]),
        ("ERR_NGROK_2200", &json!("3")),
        "{details}"
    );
    let forward = "on_http_request: [{actions: [{type: forward-internal, config: {url: \"https://a.internal\"}}]}]";
    assert_eq!(refused(json!({"policy": forward})).0, "ERR_NGROK_2202");
    let foreign = "on_http_request: [{actions: [{type: restrict-ips, config: {ip_policies: [ipp_0ujtsYcgvSTl8PAuAdqWYSMnLOv]}}]}]";
    assert_eq!(refused(json!({"policy": foreign})).0, "ERR_NGROK_2216");
    assert_eq!(
        refused(json!({"scope": {"endpoints": "endpoint.hots == 'a'"}})).0,
        "ERR_NGROK_215"
    );
    assert_eq!(refused(json!({"scope": {}})).0, "ERR_NGROK_215");
    assert_eq!(get_with(&mut site.visitor(), &site.host, "/", "x-bad"), 451);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/"));
    let mut conn = site.upstream.accept();
    conn.request();
    conn.send(ok("passed"));
    assert_eq!(visitor.receive(Of::Get).text(), "passed");
}
