//! Cloud endpoints: what their policies decide is what visitors get.

use http::Method;

use super::{endpoint, get, until, url};
use crate::api;
use crate::harness::message::{ok, response};
use crate::harness::{Agent, H2, Of, Server, Service, Visitor};

#[test]
fn a_policy_answers_is_changed_while_connections_live_and_goes() {
    let server = Server::start();
    let host = server.host("cloud");
    let answer = |body: &str| {
        format!(
            "on_http_request:\n  - actions:\n      - type: custom-response\n        config:\n          status_code: 202\n          \
             body: \"{body}\"\n          headers: {{x-said: \"${{req.method}} ${{conn.client_ip}}\"}}\n\
             on_http_response:\n  - actions:\n      - type: add-headers\n        config: {{headers: {{x-behind: \"${{res.status_code}}\"}}}}\n"
        )
    };
    let cloud = endpoint(&server, &url(&server, &host), &answer("first"));
    let mut visitor = Visitor::tls(&server, &host);
    let mut h2 = H2::connect(&server, &host);
    let first = until(
        "the endpoint is in force",
        || get(&mut visitor, &host, "/"),
        |m| m.status() != 404,
    );
    assert_eq!((first.status(), first.text().as_str()), (202, "first"), "{first:?}");
    assert_eq!(first.get("x-said"), Some("GET 127.0.0.1"));
    assert_eq!(first.get("x-behind"), Some("202"), "its own response phase runs");
    assert_eq!(first.get("ngrok-error-code"), None);
    assert!(first.get("date").is_some() && first.get("content-type") == Some("text/plain; charset=utf-8"));
    let seen = h2.get("/");
    assert_eq!((seen.status.as_u16(), seen.text()), (202, "first".to_owned()));
    let request = h2.to(Method::HEAD, "/").body(()).unwrap();
    let head = h2.ask(request, b"");
    assert_eq!((head.status.as_u16(), head.text()), (202, String::new()));
    let head = visitor.ask_of(format!("HEAD / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Of::Head);
    assert_eq!((head.status(), head.get("content-length")), (202, Some("5")));

    cloud.set(&server, &answer("second"));
    until(
        "the change is in force",
        || get(&mut visitor, &host, "/"),
        |m| m.text() == "second",
    );
    assert_eq!(h2.get("/").text(), "second", "on a connection that was there before");
    let wrong = serde_json::json!({"traffic_policy": answer("third").replace("custom-response", "custom-responses")});
    let (status, refused) = api::change(&server, "PATCH", &cloud.path, &wrong.to_string());
    assert_eq!(
        (status, refused["error_code"].as_str()),
        (400, Some("ERR_NGROK_2201")),
        "{refused}"
    );
    assert_eq!(refused["details"]["line"], "3", "{refused}");
    assert_eq!(get(&mut visitor, &host, "/").text(), "second");
    cloud.delete(&server);
    until("it is gone", || get(&mut visitor, &host, "/"), |m| m.status() == 404);
}

const FORWARD: &str = "on_http_request:\n  - name: edit\n    actions:\n      - type: add-headers\n        config: {headers: {x-outer: \"${req.url.path}\"}}\n      - type: url-rewrite\n        config: {from: /old/, to: /new/}\n  - actions:\n      - type: forward-internal\n        config: {url: \"https://${req.headers['x-to'][0]}.internal\"}\non_http_response:\n  - actions:\n      - type: add-headers\n        config: {headers: {x-outer-response: \"yes\"}}\n";

#[test]
fn a_request_goes_on_to_internal_endpoints() {
    let server = Server::start();
    let host = server.host("front");
    let service = Service::start(|request| {
        let fields = "X-Upstream: 1\r\nngrok-error-code: ERR_NGROK_1\r\n";
        match request.get("x-outer") {
            Some("/old/broken") => response("503 Broken", "", b"broken"),
            _ => response("200 OK", fields, request.target().as_bytes()),
        }
    });
    let _agent = Agent::http(&server, service.address())
        .url("https://svc.internal")
        .start();
    endpoint(&server, &url(&server, &host), FORWARD);
    endpoint(
        &server,
        "https://middle.internal",
        "on_http_request:\n  - actions:\n      - type: add-headers\n        config: {headers: {x-inner: \"${req.headers['x-outer'][0]} ${endpoint.url}\"}}\n      - type: forward-internal\n        config: {url: 'https://svc.internal'}\non_http_response:\n  - actions:\n      - type: add-headers\n        config: {headers: {x-inner-response: \"yes\"}}\n",
    );
    endpoint(
        &server,
        "https://round.internal",
        "on_http_request:\n  - actions:\n      - type: forward-internal\n        config: {url: 'https://round.internal'}\n",
    );
    let mut visitor = Visitor::tls(&server, &host);
    let mut to = |name: &str, target: &str| {
        visitor.ask(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nX-To: {name}\r\n\r\n"))
    };
    let direct = until("in force", || to("svc", "/old/a?b=c"), |m| m.status() == 200);
    assert_eq!(direct.text(), "/new/a?b=c");
    assert_eq!(direct.get("x-outer-response"), Some("yes"));
    assert_eq!(
        (direct.get("x-upstream"), direct.get("ngrok-error-code")),
        (Some("1"), None)
    );
    let seen = service.seen().pop().unwrap();
    assert_eq!(seen.get("host"), Some(host.as_str()), "the public host");
    assert_eq!(seen.get("x-outer"), Some("/old/a"));
    assert_eq!(seen.all("x-forwarded-host"), [host.as_str()], "once");
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);

    let through = to("middle", "/old/b");
    assert_eq!(
        (through.status(), through.text().as_str()),
        (200, "/new/b"),
        "{through:?}"
    );
    assert_eq!(
        (through.get("x-inner-response"), through.get("x-outer-response")),
        (Some("yes"), Some("yes"))
    );
    assert_eq!(
        service.seen().pop().unwrap().get("x-inner"),
        Some("/old/b https://middle.internal")
    );
    let broken = to("svc", "/old/broken");
    assert_eq!(
        (broken.status(), broken.text().as_str()),
        (503, "broken"),
        "no failure of the forwarding"
    );

    let gone = to("nobody", "/");
    assert_eq!((gone.status(), gone.code()), (404, "ERR_NGROK_3200"));
    assert!(
        gone.text().contains(&host) && !gone.text().contains("nobody"),
        "{gone:?}"
    );
    let round = to("round", "/");
    assert_eq!((round.status(), round.code()), (508, "ERR_NGROK_3603"));
    let illegal = to("a b", "/");
    assert_eq!((illegal.status(), illegal.code()), (500, "ERR_NGROK_3900"));
    assert_eq!(to("svc", "/still").status(), 200);
}

#[test]
fn what_refuses_refuses() {
    let server = Server::start();
    let host = server.host("acts");
    let policy = "on_http_request:\n\
        \x20 - expressions: [\"req.url.path == '/close'\"]\n    actions: [{type: close-connection}]\n\
        \x20 - expressions: [\"req.url.path == '/deny'\"]\n    actions: [{type: deny, config: {status_code: 451}}]\n\
        \x20 - expressions: [\"req.url.path == '/away'\"]\n    actions: [{type: redirect, config: {to: '/there?x=1', status_code: 308}}]\n\
        \x20 - expressions: [\"req.url.path == '/login'\"]\n    actions: [{type: basic-auth, config: {credentials: ['user:password']}}]\n\
        \x20 - expressions: [\"req.url.path == '/rate'\"]\n    actions: [{type: rate-limit, config: {name: r, algorithm: sliding_window, capacity: 1, rate: 60s, bucket_key: [conn.client_ip]}}]\n\
        \x20 - actions: [{type: custom-response, config: {body: passed}}]\n";
    endpoint(&server, &url(&server, &host), policy);
    let mut visitor = Visitor::tls(&server, &host);
    until("in force", || get(&mut visitor, &host, "/"), |m| m.text() == "passed");
    let denied = get(&mut visitor, &host, "/deny");
    assert_eq!(
        (
            denied.status(),
            denied.get("content-length"),
            denied.get("ngrok-error-code")
        ),
        (451, Some("0"), None)
    );
    let away = get(&mut visitor, &host, "/away");
    let location = format!("https://{host}:{}/there?x=1", server.info.https.port());
    assert_eq!(away.status(), 308);
    assert!(
        away.get("location")
            .is_some_and(|l| l == location || l.ends_with("/there?x=1")),
        "{away:?}"
    );
    let login = get(&mut visitor, &host, "/login");
    assert_eq!((login.status(), login.code()), (401, "ERR_NGROK_3401"));
    assert!(
        login
            .get("www-authenticate")
            .is_some_and(|v| v.starts_with("Basic realm=")),
        "{login:?}"
    );
    let known = visitor.ask(format!(
        "GET /login HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic dXNlcjpwYXNzd29yZA==\r\n\r\n"
    ));
    assert_eq!(known.text(), "passed");
    assert_eq!(get(&mut visitor, &host, "/rate").text(), "passed");
    let limited = get(&mut visitor, &host, "/rate");
    assert_eq!((limited.status(), limited.code()), (429, "ERR_ADIT_4290"));
    assert!(limited.get("retry-after").is_some());
    // A body that nobody reads ends nothing but itself.
    let mut posting = Visitor::tls(&server, &host);
    let posted = posting.ask(format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\r\nabc"
    ));
    assert_eq!(posted.text(), "passed");

    visitor.send(format!("GET /close HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert!(visitor.rest_or_alert().is_empty(), "closed without an answer");
    let mut h2 = H2::connect(&server, &host);
    assert_eq!(h2.get("/").text(), "passed");
    let request = h2.to(Method::GET, "/close").body(()).unwrap();
    assert!(h2.try_ask(request, b"", None).is_err());
    let request = h2.to(Method::GET, "/").body(()).unwrap();
    assert!(
        h2.try_ask(request, b"", None).is_err(),
        "the whole connection is closed"
    );
}

/// Agents and a cloud endpoint share a URL if all of them pool; the weight says how much the cloud gets.
#[test]
fn cloud_and_agent_share_a_url() {
    let server = Server::start();
    let host = server.host("shared");
    let policy = "on_http_request:\n  - actions: [{type: custom-response, config: {body: cloud}}]\n";
    let body = serde_json::json!({
        "type": "cloud", "url": url(&server, &host), "traffic_policy": policy, "pooling_enabled": true, "weight": 100,
    });
    let made = super::make(&server, "/endpoints", &body);
    let mut visitor = Visitor::tls(&server, &host);
    until("in force", || get(&mut visitor, &host, "/"), |m| m.text() == "cloud");
    let service = Service::start(|_| ok("agent"));
    let _agent = Agent::http(&server, service.address())
        .url(&format!("https://{host}"))
        .args(["--pooling-enabled"])
        .start();
    until(
        "the agent's turn",
        || get(&mut visitor, &host, "/"),
        |m| m.text() == "agent",
    );
    until(
        "the cloud's turn",
        || get(&mut visitor, &host, "/"),
        |m| m.text() == "cloud",
    );
    let path = format!("/endpoints/{}", made["id"].as_str().unwrap());
    let (status, answer) = api::change(&server, "PATCH", &path, r#"{"weight": 0}"#);
    assert_eq!(status, 200, "{answer}");
    // Twenty in a row would be chance once in a million.
    let mut in_a_row = 0;
    crate::harness::eventually("a weight of nought gets nothing", || {
        in_a_row = if get(&mut visitor, &host, "/").text() == "agent" {
            in_a_row + 1
        } else {
            0
        };
        (in_a_row == 20).then_some(())
    });
}
