//! The policy that an agent brings along runs before the agent is asked.

use super::{file, get, until};
use crate::harness::message::response;
use crate::harness::{Agent, Server, Service, Site, Upstream};

const POLICY: &str = "on_http_request:\n\
    \x20 - expressions: [\"req.url.path.startsWith('/admin')\"]\n    actions: [{type: deny}]\n\
    \x20 - expressions: [\"req.url.path == '/made'\"]\n    actions: [{type: custom-response, config: {status_code: 201, body: made}}]\n\
    \x20 - actions:\n\
    \x20     - {type: remove-headers, config: {headers: [x-secret]}}\n\
    \x20     - {type: add-headers, config: {headers: {x-added: \"${endpoint.type} ${req.headers['x-given'][0]}\", host: inner.example:8080}}}\n\
    \x20     - {type: url-rewrite, config: {from: /a/(.*), to: /b/$1}}\n\
    on_http_response:\n\
    \x20 - actions: [{type: remove-headers, config: {headers: [server]}}, {type: add-headers, config: {headers: {x-status: \"${res.status_code}\"}}}]\n\
    \x20 - expressions: [res.status_code == 500]\n    actions: [{type: custom-response, config: {status_code: 200, body: sorry}}]\n";

#[test]
fn requests_and_responses_pass_it() {
    let server = Server::shared("policy");
    let policy = file(POLICY);
    let flags = ["--traffic-policy-file", policy.path().to_str().unwrap()];
    let site = Site::answering(server, "governed", &flags, |request| {
        let fields = "Server: inner\r\nLocation: http://inner.example:8080/moved\r\n";
        match request.target() {
            "/broken" => response("500 Broken", fields, b"a stack trace"),
            target => response("200 OK", fields, target.as_bytes()),
        }
    });
    let mut visitor = site.visitor();
    let asked = visitor.ask(format!(
        "GET /a/x?y=%41 HTTP/1.1\r\nHost: {}\r\nX-Given: 1\r\nX-Secret: 2\r\n\r\n",
        site.host
    ));
    assert_eq!(
        (asked.status(), asked.text().as_str()),
        (200, "/b/x?y=%41"),
        "{asked:?}"
    );
    assert_eq!((asked.get("server"), asked.get("x-status")), (None, Some("200")));
    let location = format!("https://{}:{}/moved", site.host, server.info.https.port());
    assert_eq!(
        asked.get("location"),
        Some(location.as_str()),
        "the rewritten host comes back as the endpoint's"
    );
    let seen = site.upstream.seen().pop().unwrap();
    assert_eq!((seen.get("x-added"), seen.get("x-secret")), (Some("agent 1"), None));
    assert_eq!(seen.get("host"), Some("inner.example:8080"));
    assert_eq!(seen.get("x-forwarded-host"), Some(site.host.as_str()));

    let mut h2 = site.h2();
    let request = h2
        .to(http::Method::GET, "/a/h2")
        .header("x-given", "2")
        .body(())
        .unwrap();
    let answer = h2.ask(request, b"");
    assert_eq!(
        (answer.text(), answer.get("x-status")),
        ("/b/h2".to_owned(), Some("200"))
    );
    let before = site.upstream.seen().len();
    assert_eq!(get(&mut visitor, &site.host, "/admin/x").status(), 403);
    assert_eq!(
        get(&mut visitor, &site.host, "/%61dmin").status(),
        403,
        "the path as it is meant"
    );
    assert_eq!(get(&mut visitor, &site.host, "/made").text(), "made");
    assert_eq!(h2.get("/admin").status.as_u16(), 403);
    assert_eq!(site.upstream.seen().len(), before, "the agent was not asked");
    let broken = visitor.ask(format!(
        "GET /broken HTTP/1.1\r\nHost: {}\r\nX-Given: 1\r\n\r\n",
        site.host
    ));
    assert_eq!((broken.status(), broken.text().as_str()), (200, "sorry"), "{broken:?}");
    assert_eq!(
        broken.get("x-status"),
        None,
        "what was made of the old response went with it"
    );
    // The connection to the visitor lives on.
    assert_eq!(get(&mut visitor, &site.host, "/made").text(), "made");
}

#[test]
fn a_wrong_policy_is_refused_at_the_bind_with_its_place() {
    let server = Server::shared("policy");
    let upstream = Upstream::bind();
    for (policy, line) in [
        ("on_http_request:\n  - actions:\n      - type: denied\n", "line 3"),
        (
            "on_http_request:\n  - expressions: ['req.metod == 1']\n    actions: [{type: deny}]\n",
            "line 2",
        ),
        ("on_http_request: [", "line 1"),
    ] {
        let policy = file(policy);
        let process = Agent::http(server, upstream.address())
            .url(&format!("https://{}", server.host("refused-policy")))
            .args(["--traffic-policy-file", policy.path().to_str().unwrap()])
            .launch();
        let ended = process.ended();
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_ne!(ended.code(), 0);
        assert!(said.contains("ERR_NGROK_9026") && said.contains(line), "{said}");
    }
}

/// The breaker opens after failures of the service, and lets one request try when its time is over.
#[test]
fn a_circuit_breaker_counts_what_the_service_answers() {
    let server = Server::shared("policy");
    let policy = file(
        "on_http_request:\n  - actions: [{type: circuit-breaker, config: {error_threshold: 0.5, volume_threshold: 3, window_duration: 60s, tripped_duration: 1s}}]\n",
    );
    let service = Service::start(|request| match request.target() {
        "/bad" => response("500 Bad", "", b""),
        _ => response("200 OK", "", b"fine"),
    });
    let host = server.host("breaker");
    let _agent = Agent::http(server, service.address())
        .url(&format!("https://{host}"))
        .args(["--traffic-policy-file", policy.path().to_str().unwrap()])
        .start();
    let mut visitor = crate::harness::Visitor::tls(server, &host);
    for _ in 0..3 {
        assert_eq!(get(&mut visitor, &host, "/bad").status(), 500);
    }
    let open = get(&mut visitor, &host, "/");
    assert_eq!((open.status(), open.code()), (503, "ERR_NGROK_3202"));
    assert!(open.get("retry-after").is_some());
    assert_eq!(service.seen().len(), 3);
    let closed = until(
        "it is half open",
        || get(&mut visitor, &host, "/"),
        |m| m.status() == 200,
    );
    assert_eq!(closed.text(), "fine");
    assert_eq!(get(&mut visitor, &host, "/").status(), 200);
}
