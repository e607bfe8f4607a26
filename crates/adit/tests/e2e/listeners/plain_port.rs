//! The plain port: `http://` endpoints, and the way to the TLS port for names that live there.

use crate::harness::message::ok;
use crate::harness::{Agent, Message, Server, Service, Site, Visitor};

fn server() -> &'static Server {
    Server::shared("listeners")
}

fn ask(host: &str, target: &str) -> Message {
    Visitor::plain(server().info.http).ask(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

#[test]
fn an_http_endpoint_is_served() {
    let service = Service::echo();
    let agent = Agent::http(server(), service.address())
        .url("http://plain.adit.localhost")
        .start();
    assert_eq!(
        agent.url,
        format!("http://plain.adit.localhost:{}", server().info.http.port())
    );
    let answer = ask("plain.adit.localhost", "/a?b");
    assert_eq!(answer.status(), 200);
    let seen = &service.seen()[0];
    assert_eq!(seen.target(), "/a?b");
    assert_eq!(seen.get("x-forwarded-proto"), Some("http"));
    assert_eq!(
        seen.get("x-forwarded-port"),
        Some(server().info.http.port().to_string().as_str())
    );
    assert!(seen.get("forwarded").unwrap().ends_with(";proto=http"), "{seen:?}");
}

#[test]
fn a_name_with_only_tls_is_redirected_with_path_and_query() {
    let site = Site::answering(server(), "only-tls", &[], |_| ok("x"));
    let port = server().info.https.port();
    for target in ["/", "/a/%2e%2e/b;c?d=e&f=%zz", "//evil.example/x"] {
        let answer = ask(&site.host, target);
        assert_eq!(answer.status(), 307);
        assert_eq!(
            answer.get("location"),
            Some(format!("https://{}:{port}{target}", site.host).as_str())
        );
        assert_eq!(answer.get("cache-control"), Some("no-store"));
        assert!(answer.body.is_empty());
    }
    assert_eq!(ask("connect.adit.localhost", "/").status(), 307);
    assert!(site.upstream.seen().is_empty());
}

#[test]
fn a_redirect_keeps_the_connection() {
    let site = Site::answering(server(), "kept-redirect", &[], |_| ok("x"));
    let mut visitor = Visitor::plain(server().info.http);
    for _ in 0..3 {
        assert_eq!(visitor.ask(site.get_text("/")).status(), 307);
    }
}

#[test]
fn an_unknown_name_is_never_redirected() {
    for host in ["nobody.adit.localhost", "evil.example", "127.0.0.1"] {
        let answer = ask(host, "/");
        assert!(matches!(answer.status(), 404 | 400), "{answer:?}");
        assert_eq!(answer.get("location"), None);
    }
    assert_eq!(
        ask("nobody.adit.localhost", "/.well-known/acme-challenge/token").code(),
        "ERR_NGROK_3200"
    );
}

#[test]
fn an_unknown_challenge_reaches_the_service() {
    let service = Service::echo();
    let agent = Agent::http(server(), service.address())
        .url("http://own-acme.adit.localhost")
        .start();
    let answer = ask("own-acme.adit.localhost", "/.well-known/acme-challenge/its-own-token");
    assert_eq!(answer.status(), 200);
    assert_eq!(service.seen()[0].target(), "/.well-known/acme-challenge/its-own-token");
    drop(agent);
}

#[test]
fn http_2_without_tls_is_not_spoken() {
    let mut visitor = Visitor::plain(server().info.http);
    visitor.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let (said, _) = visitor.rest();
    assert!(
        said.starts_with(b"HTTP/1.1 505 ") || said.starts_with(b"HTTP/1.1 400 "),
        "{}",
        said.escape_ascii()
    );
}

#[test]
fn an_upgrade_to_h2c_is_ignored() {
    let service = Service::echo();
    let agent = Agent::http(server(), service.address())
        .url("http://no-h2c.adit.localhost")
        .start();
    let mut visitor = Visitor::plain(server().info.http);
    let answer = visitor.ask("GET / HTTP/1.1\r\nHost: no-h2c.adit.localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
    assert_eq!(answer.status(), 200);
    let seen = &service.seen()[0];
    assert!(
        seen.get("upgrade").is_none() && seen.get("http2-settings").is_none() && seen.get("connection").is_none(),
        "{seen:?}"
    );
    drop(agent);
}
