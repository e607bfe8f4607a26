//! `sticky-session` and `request-parking`: at whom a visitor is kept, and how long a request waits for an agent.

use std::time::{Duration, Instant};

use super::{endpoint, file, get, make, refused, until, url};
use crate::harness::message::ok;
use crate::harness::{Agent, H2, Line, Message, Server, Service, Visitor, eventually};

/// Two agents of one URL.
fn pair(server: &Server, url: &str, flags: &[&str]) -> [(Service, Agent); 2] {
    ["one", "two"].map(|name| {
        let service = Service::start(move |_| ok(name));
        let agent = Agent::http(server, service.address())
            .url(url)
            .args(["--pooling-enabled"])
            .args(flags)
            .start();
        (service, agent)
    })
}

fn cookie(answer: &Message) -> Option<String> {
    let set = answer.get("set-cookie")?;
    let (pair, attributes) = set.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-adit-pool="), "{set}");
    assert!(
        attributes.starts_with("Path=/; Secure; HttpOnly; SameSite=Lax"),
        "{set}"
    );
    Some(pair.to_owned())
}

#[track_caller]
fn with_cookie(visitor: &mut Visitor, host: &str, cookie: &str) -> Message {
    visitor.ask(format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nCookie: a=1; {cookie}\r\n\r\n"
    ))
}

#[test]
fn a_cookie_keeps_a_visitor_at_its_agent() {
    let server = Server::start();
    let host = server.host("cookie-pool");
    let pair = pair(&server, &format!("https://{host}"), &[]);
    let settings = serde_json::json!({"url": url(&server, &host), "strategy": "round_robin", "sticky": "cookie"});
    make(&server, "/adit/endpoint_pools", &settings);
    let mut visitor = Visitor::tls(&server, &host);
    let first = until("in force", || get(&mut visitor, &host, "/"), |m| cookie(m).is_some());
    let kept = cookie(&first).unwrap();
    for _ in 0..8 {
        let again = with_cookie(&mut visitor, &host, &kept);
        assert_eq!((again.text(), cookie(&again)), (first.text(), None), "it has one");
    }
    let at = usize::from(first.text() != "one");
    assert_eq!(
        pair[at].0.seen().pop().unwrap().get("cookie"),
        Some("a=1"),
        "ours is not the service's to see"
    );
    let mut h2 = H2::connect(&server, &host);
    for _ in 0..4 {
        let request = h2.to(http::Method::GET, "/").header("cookie", &kept).body(()).unwrap();
        assert_eq!(h2.ask(request, b"").text(), first.text());
    }
    // Others are spread, and what is no cookie of ours is none.
    let turns: Vec<_> = (0..4)
        .map(|_| with_cookie(&mut visitor, &host, "__Host-adit-pool=forged"))
        .collect();
    assert!(turns.iter().any(|m| m.text() == "one") && turns.iter().any(|m| m.text() == "two"));
    assert!(turns.iter().all(|m| cookie(m).is_some()));
    // Its agent leaves: the other one serves, with a cookie of its own.
    let [one, two] = pair;
    let (gone, _stays) = if first.text() == "one" { (one, two) } else { (two, one) };
    drop(gone);
    let other = until(
        "the other serves",
        || with_cookie(&mut visitor, &host, &kept),
        |m| m.status() == 200 && m.text() != first.text(),
    );
    let moved = cookie(&other).unwrap();
    assert_eq!(cookie(&with_cookie(&mut visitor, &host, &moved)), None);
}

/// A policy of the agents says so, by a value of the request.
#[test]
fn a_policy_keeps_a_visitor_by_what_it_says() {
    let server = Server::shared("policy");
    let host = server.host("kept");
    let policy = file(
        "on_http_request:\n\
         \x20 - expressions: [\"hasReqHeader('x-by-cookie')\"]\n    actions: [{type: sticky-session, config: {by: cookie, ttl: 1h}}]\n\
         \x20 - expressions: [\"!hasReqHeader('x-by-cookie')\"]\n    actions: [{type: sticky-session, config: {by: \"header:x-tenant\"}}]\n",
    );
    let flags = ["--traffic-policy-file", policy.path().to_str().unwrap()];
    let _pair = pair(server, &format!("https://{host}"), &flags);
    let mut visitor = Visitor::tls(server, &host);
    let mut of = |tenant: usize| {
        let asked = visitor.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Tenant: {tenant}\r\n\r\n"));
        asked.text()
    };
    let tenants: Vec<_> = (0..16).map(&mut of).collect();
    assert!(
        tenants.iter().any(|t| t == "one") && tenants.iter().any(|t| t == "two"),
        "{tenants:?}"
    );
    for _ in 0..4 {
        assert_eq!((0..16).map(&mut of).collect::<Vec<_>>(), tenants, "each has its own");
    }
    let by_cookie = |visitor: &mut Visitor, cookie: &str| {
        visitor.ask(format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nX-By-Cookie: 1\r\nCookie: {cookie}\r\n\r\n"
        ))
    };
    let first = by_cookie(&mut visitor, "a=1");
    assert!(
        first.get("set-cookie").unwrap().ends_with("; Max-Age=3600"),
        "{first:?}"
    );
    let kept = cookie(&first).unwrap();
    for _ in 0..8 {
        let again = by_cookie(&mut visitor, &kept);
        assert_eq!((again.text(), cookie(&again)), (first.text(), None));
    }
    let wrong = "on_http_request:\n  - actions: [{type: sticky-session, config: {by: 'header:a b'}}]\n";
    assert!(refused(server, wrong).contains("by"));
}

/// The policy of the endpoint that forwards says how long its requests wait for an agent that is about to come back.
#[test]
fn a_policy_says_how_long_a_request_waits_for_an_agent() {
    let server = Server::start();
    let line = Line::to(server.info.https);
    let service = Service::start(|_| ok("back"));
    let _agent = Agent::http(&server, service.address())
        .url("https://away.internal")
        .over(&line, &server)
        .start();
    let host = server.host("waiting");
    let policy = "on_http_request:\n\
         \x20 - expressions: [\"req.url.path == '/off'\"]\n    actions: [{type: request-parking, config: {off: true}}]\n\
         \x20 - expressions: [\"req.url.path == '/short'\"]\n    actions: [{type: request-parking, config: {max_wait: 1s}}]\n\
         \x20 - actions: [{type: forward-internal, config: {url: 'https://away.internal'}}]\n";
    endpoint(&server, &url(&server, &host), policy);
    let mut visitor = Visitor::tls(&server, &host);
    until("in force", || get(&mut visitor, &host, "/"), |m| m.status() == 200);
    line.cut();
    eventually("the server misses the agent", || {
        (server.metric("adit_endpoints", &["status=\"offline\""]) >= 1.0).then_some(())
    });
    let off = get(&mut visitor, &host, "/off");
    assert_eq!((off.status(), off.code()), (404, "ERR_NGROK_3200"), "{off:?}");
    let began = Instant::now();
    let short = get(&mut visitor, &host, "/short");
    assert_eq!((short.status(), short.code()), (404, "ERR_NGROK_3200"));
    assert!(
        (Duration::from_secs(1)..Duration::from_secs(9)).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    eventually("it waits", || {
        (server.metric("adit_parked_requests", &[]) >= 1.0).then_some(())
    });
    line.mend();
    assert_eq!(visitor.receive(crate::harness::Of::Get).text(), "back");
}
