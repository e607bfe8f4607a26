//! Requests that policies make of their own: `http-request` and `ext-auth`, to real services on this machine that the
//! operator allows, to internal endpoints, and to places that nobody may ask.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};

use super::{endpoint, get, until, url};
use crate::harness::message::{ok, response};
use crate::harness::{Agent, Directory, Message, Server, Service, Site, Upstream, Visitor};

/// A server whose policies may ask this machine.
fn allowing() -> Server {
    let directory = Directory::new();
    let mut command = directory.dev_on_free_ports();
    command.env("ADIT_SERVER__OUTBOUND__ALLOW", r#"["127.0.0.1"]"#);
    Server::started(directory, &mut command)
}

/// An endpoint with this policy, whose service shows the head that reached it.
fn site<'s>(server: &'s Server, name: &str, policy: &str) -> Site<'s, Service> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(policy.as_bytes()).unwrap();
    let flags = ["--traffic-policy-file", file.path().to_str().unwrap()];
    Site::answering(server, name, &flags, crate::harness::upstream::echo)
}

/// The address of nobody.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn call(url: &str, more: &str) -> String {
    format!(
        "on_http_request:\n  - actions:\n      - {{type: http-request, config: {{url: \"{url}\"{more}}}}}\n      - type: add-headers\n        config: {{headers: {{x-code: \"${{actions.ngrok.http_request.error.code}}\"}}}}\n"
    )
}

#[test]
fn the_answer_to_a_request_is_used_by_what_follows() {
    let server = allowing();
    let flags = Service::start(|request| match request.target() {
        "/for?tenant=a+b" => response("200 OK", "X-Plan: gold\r\n", br#"{"beta": true}"#),
        "/moved" => response("302 Found", "Location: /for?tenant=a+b\r\n", b""),
        _ => response("404 None", "", b"{}"),
    });
    let policy = format!(
        "on_http_request:\n  - actions:\n      - type: http-request\n        config:\n          url: http://{0}/for\n          query_params: [{{key: tenant, value: \"${{req.headers['x-tenant'][0]}}\"}}]\n      - type: add-headers\n        config:\n          headers:\n            x-plan: \"${{actions.ngrok.http_request.res.header['x-plan'][0]}}\"\n            x-status: \"${{actions.ngrok.http_request.res.status_code}}\"\n  - expressions: [\"json.decode(actions.ngrok.http_request.res.body).beta == true\"]\n    actions: [{{type: add-headers, config: {{headers: {{x-beta: 'yes'}}}}}}]\non_http_response:\n  - actions:\n      - {{type: http-request, config: {{url: \"http://{0}/moved\", max_redirects: 2}}}}\n      - {{type: add-headers, config: {{headers: {{x-after: \"${{actions.ngrok.http_request.res.body}}\"}}}}}}\n",
        flags.address()
    );
    let site = site(&server, "flags", &policy);
    let answer = site.visitor().ask(format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nX-Tenant: a b\r\n\r\n",
        site.host
    ));
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!(answer.get("x-after"), Some(r#"{"beta": true}"#), "{answer:?}");
    let seen = site.upstream.seen().pop().unwrap();
    assert_eq!(
        (seen.get("x-plan"), seen.get("x-status"), seen.get("x-beta")),
        (Some("gold"), Some("200"), Some("yes")),
        "{seen:?}"
    );
    let asked = flags.seen();
    assert_eq!(asked.len(), 3, "{asked:?}");
    let first = &asked[0];
    assert_eq!(
        (first.get("ngrok-req-type"), first.get("x-forwarded-for")),
        (Some("http-request"), Some("127.0.0.1"))
    );
    assert_eq!(first.get("ngrok-req-id"), seen.get("x-request-id"));
    assert_eq!(first.get("host"), Some(flags.address().to_string().as_str()));

    let mut h2 = site.h2();
    let request = h2
        .to(http::Method::GET, "/")
        .header("x-tenant", "a b")
        .body(())
        .unwrap();
    assert_eq!(h2.ask(request, b"").get("x-after"), Some(r#"{"beta": true}"#));
}

/// This machine, its metadata service, other spellings of both: not without the operator's word.
#[test]
fn what_only_this_machine_can_reach_is_not_asked() {
    let directory = Directory::new();
    let mut command = directory.dev_on_free_ports();
    command.env("ADIT_SERVER__OUTBOUND__POLICY_EXTERNAL", "true");
    let open = Server::started(directory, &mut command);
    let closed = Server::shared("policy");
    let service = Service::start(|_| ok("a secret"));
    let port = service.address().port();
    for (name, server) in [("ssrf-open", &open), ("ssrf-closed", closed)] {
        let targets = [
            format!("http://127.0.0.1:{port}/"),
            format!("http://2130706433:{port}/"),
            format!("http://[::ffff:127.0.0.1]:{port}/"),
            format!("http://localhost:{port}/"),
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "http://10.0.0.1/".to_owned(),
            format!("http://{}/metrics", server.info.admin),
        ];
        for (n, target) in targets.iter().enumerate() {
            let site = site(server, &format!("{name}-{n}"), &call(target, ", on_error: halt"));
            let answer = site.get("/");
            // A name that this machine's resolver does not know is not reached either.
            let codes = ["ERR_ADIT_5203", "ERR_NGROK_3006"];
            assert_eq!(answer.status(), 502, "{target}: {answer:?}");
            assert!(codes.contains(&answer.code()), "{target}: {answer:?}");
            assert!(n == 3 || answer.code() == "ERR_ADIT_5203", "{target}: {answer:?}");
            assert!(!answer.text().contains("a secret"), "{answer:?}");
        }
    }
    assert!(service.seen().is_empty(), "{:?}", service.seen());
    // Who goes on without an answer knows why.
    let going = site(closed, "ssrf-goes-on", &call(&format!("http://127.0.0.1:{port}/"), ""));
    assert_eq!(going.get("/").status(), 200);
    assert_eq!(
        going.upstream.seen().pop().unwrap().get("x-code"),
        Some("ERR_ADIT_5203")
    );
}

#[test]
fn requests_that_fail_close_the_door_where_they_are_to() {
    let server = allowing();
    let silent = Upstream::bind();
    let large = Service::start(|_| response("200 OK", "", &vec![b'x'; 5000]));
    for (name, address, more, status, code) in [
        ("down", closed(), "", 502, "ERR_NGROK_3006"),
        ("slow", silent.address(), ", timeout: 1s", 504, "ERR_NGROK_3602"),
        (
            "large",
            large.address(),
            ", max_response_bytes: 4999",
            502,
            "ERR_NGROK_3601",
        ),
    ] {
        let url = format!("http://{address}/");
        let halting = site(
            &server,
            &format!("{name}-halts"),
            &call(&url, &format!("{more}, on_error: halt")),
        );
        let answer = halting.get("/");
        assert_eq!((answer.status(), answer.code()), (status, code), "{answer:?}");
        assert!(halting.upstream.seen().is_empty());
        let going = site(&server, &format!("{name}-goes-on"), &call(&url, more));
        assert_eq!(going.get("/").status(), 200);
        assert_eq!(going.upstream.seen().pop().unwrap().get("x-code"), Some(code));
    }
    // Tried again until it answers, as long as the condition says so.
    let flaky = Service::start({
        let count = std::sync::atomic::AtomicU32::new(0);
        move |_| match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 | 1 => response("503 Later", "", b""),
            _ => ok("at last"),
        }
    });
    let more = ", on_error: halt, retry_condition: 'last_attempt.res.status_code == 503'";
    let site = site(&server, "flaky", &call(&format!("http://{}/", flaky.address()), more));
    assert_eq!(site.get("/").status(), 200);
    assert_eq!(flaky.seen().len(), 3);
}

const INTERNAL: &str = "http://flags.internal:8000/for?x=1";

#[test]
fn names_below_internal_are_the_organisations_endpoints() {
    let server = Server::start();
    let service = Service::start(|request| response("200 OK", "X-Who: agent\r\n", request.target().as_bytes()));
    let front = site(&server, "inside", &call(INTERNAL, ", on_error: halt"));
    let gone = front.get("/");
    assert_eq!((gone.status(), gone.code()), (502, "ERR_NGROK_3006"), "{gone:?}");
    let _agent = Agent::http(&server, service.address())
        .url("http://flags.internal:8000")
        .start();
    assert_eq!(front.get("/").status(), 200);
    let seen = service.seen().pop().unwrap();
    assert_eq!(seen.target(), "/for?x=1");
    assert_eq!(seen.get("host"), Some("flags.internal:8000"));
    assert_eq!(seen.get("ngrok-req-type"), Some("http-request"));
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);

    // The policy of the endpoint that is asked runs; its refusals are answers.
    endpoint(
        &server,
        "https://cloudy.internal",
        "on_http_request:\n  - expressions: [\"req.url.path == '/no'\"]\n    actions: [{type: deny, config: {status_code: 418}}]\n  - actions: [{type: custom-response, config: {body: \"made of ${req.method}\"}}]\n",
    );
    let policy = "on_http_request:\n  - actions:\n      - {type: http-request, config: {url: \"https://cloudy.internal${req.url.path}\", on_error: halt}}\n      - {type: custom-response, config: {body: \"${actions.ngrok.http_request.res.status_code} ${actions.ngrok.http_request.res.body}\"}}\n";
    let asking = site(&server, "asking", policy);
    until("it is in force", || asking.get("/"), |m| m.text() == "200 made of GET");
    assert_eq!(asking.get("/no").text(), "418 ");
}

#[test]
fn endpoints_that_ask_each_other_in_a_circle_are_stopped() {
    let server = Server::start();
    let round = "on_http_request:\n  - actions:\n      - {type: http-request, config: {url: \"https://round.internal/\", on_error: halt, timeout: 20s}}\n      - {type: custom-response, config: {body: fine}}\n";
    endpoint(&server, "https://round.internal", round);
    let host = server.host("round");
    endpoint(&server, &url(&server, &host), round);
    let mut visitor = Visitor::tls(&server, &host);
    let ended = until("in force", || get(&mut visitor, &host, "/"), |m| m.status() == 508);
    assert_eq!(ended.code(), "ERR_NGROK_3603", "{ended:?}");
}

#[test]
fn who_leaves_while_a_policy_waits_ends_the_wait() {
    let server = allowing();
    let silent = Upstream::bind();
    let policy = call(
        &format!("http://{}/", silent.address()),
        ", timeout: 30s, on_error: halt",
    );
    let site = site(&server, "leaves", &policy);
    for request in [
        site.get_text("/"),
        format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 3\r\n\r\n", site.host),
    ] {
        let mut visitor = site.visitor();
        visitor.send(request);
        let mut asked = silent.accept();
        assert_eq!(asked.request().method(), "GET");
        visitor.reset();
        // Given up long before its time is over.
        let began = std::time::Instant::now();
        asked.rest();
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
    assert!(site.upstream.seen().is_empty());
}

/// A service that lets in who shows a good cookie.
fn door(request: &Message) -> Vec<u8> {
    match request.get("cookie") {
        Some("session=good") => response("204 Fine", "X-User: anna\r\nX-Other: 1\r\n", b""),
        Some("session=broken") => response("500 Broken", "", b"a stack trace"),
        Some("session=away") => response("302 Found", "Location: https://login.example.com/\r\n", b""),
        _ => response(
            "401 Who",
            "WWW-Authenticate: Bearer\r\nContent-Type: text/plain\r\nX-Internal: 1\r\n",
            b"log in",
        ),
    }
}

#[test]
fn another_service_decides_who_comes_in() {
    let server = allowing();
    let auth = Service::start(door);
    let policy = |address: SocketAddr| {
        format!(
            "on_http_request:\n  - actions: [{{type: ext-auth, config: {{url: \"http://{address}/check\", copy_headers: [x-user]}}}}]\n"
        )
    };
    let site = site(&server, "guarded", &policy(auth.address()));
    let mut visitor = site.visitor();
    let mut ask = |cookie: &str| {
        visitor.ask(format!(
            "PUT /a?b=c HTTP/1.1\r\nHost: {}\r\nX-User: root\r\nCookie: session={cookie}\r\nContent-Length: 0\r\n\r\n",
            site.host
        ))
    };
    assert_eq!(ask("good").status(), 200);
    let seen = site.upstream.seen().pop().unwrap();
    assert_eq!(
        (seen.all("x-user"), seen.get("x-other")),
        (vec!["anna"], None),
        "{seen:?}"
    );
    let asked = auth.seen().pop().unwrap();
    assert_eq!(asked.start, "GET /check HTTP/1.1");
    assert_eq!(
        (asked.get("x-forwarded-method"), asked.get("x-forwarded-uri")),
        (Some("PUT"), Some("/a?b=c"))
    );
    assert_eq!(asked.get("x-forwarded-host"), Some(site.host.as_str()));

    let stranger = ask("bad");
    assert_eq!((stranger.status(), stranger.text().as_str()), (401, "log in"));
    assert_eq!(
        (stranger.get("www-authenticate"), stranger.get("x-internal")),
        (Some("Bearer"), None)
    );
    let away = ask("away");
    assert_eq!(
        (away.status(), away.get("location")),
        (302, Some("https://login.example.com/"))
    );
    let broken = ask("broken");
    assert_eq!(broken.status(), 503, "{broken:?}");
    assert!(!broken.text().contains("stack"));
    assert_eq!(site.upstream.seen().len(), 1, "nobody else came in");

    let down = self::site(&server, "unguarded", &policy(closed()));
    assert_eq!(down.get("/").status(), 503);
    assert!(down.upstream.seen().is_empty());
}
