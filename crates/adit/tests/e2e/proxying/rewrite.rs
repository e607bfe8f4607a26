//! The service is told another host than the visitor named, and its answers are put right again.

use crate::harness::message::response;
use crate::harness::{Server, Service, Site};

fn server() -> &'static Server {
    Server::shared("proxying")
}

/// Redirects to what the query says.
fn site(name: &str, host_header: &str) -> Site<'static, Service> {
    Site::answering(server(), name, &["--host-header", host_header], |request| {
        let to = request.target().split_once('?').map_or("", |(_, to)| to).to_owned();
        response(
            "302 Found",
            &format!("Location: {to}\r\nContent-Location: {to}\r\n"),
            b"",
        )
    })
}

#[test]
fn to_a_name_of_ones_own() {
    let site = site("rewrite-text", "inner.example:8080");
    let public = site.agent.url.clone();
    let mut visitor = site.visitor();
    for (location, expected) in [
        ("http://inner.example:8080/x", format!("{public}/x")),
        ("http://inner.example/x?y", format!("{public}/x?y")),
        ("https://INNER.example:8080", public),
        ("http://inner.example:9999/", "http://inner.example:9999/".to_owned()),
        ("/relative", "/relative".to_owned()),
        ("http://other/", "http://other/".to_owned()),
        ("http://inner.example.evil/", "http://inner.example.evil/".to_owned()),
        ("//inner.example/x", "//inner.example/x".to_owned()),
    ] {
        let answer = visitor.ask(site.get_text(&format!("/?{location}")));
        assert_eq!(answer.status(), 302);
        assert_eq!(answer.get("location"), Some(expected.as_str()), "{location}");
        assert_eq!(answer.get("content-location"), Some(expected.as_str()), "{location}");
    }
    let seen = &site.upstream.seen()[0];
    assert_eq!(seen.all("host"), ["inner.example:8080"]);
    assert_eq!(seen.get("x-forwarded-host"), Some(site.host.as_str()));
    assert!(
        seen.get("forwarded").unwrap().contains(&format!("host={}", site.host)),
        "{seen:?}"
    );
}

#[test]
fn to_the_address_of_the_service() {
    let site = site("rewrite-auto", "rewrite");
    let address = site.upstream.address().to_string();
    let answer = site.get(&format!("/?http://{address}/login"));
    assert_eq!(
        answer.get("location"),
        Some(format!("{}/login", site.agent.url).as_str())
    );
    assert_eq!(site.upstream.seen()[0].all("host"), [address.as_str()]);
}

#[test]
fn not_at_all() {
    let site = site("rewrite-not", "preserve");
    let answer = site.get("/?http://inner.example/x");
    assert_eq!(answer.get("location"), Some("http://inner.example/x"));
    assert_eq!(site.upstream.seen()[0].all("host"), [site.host.as_str()]);
}

#[test]
fn for_http_2_visitors_as_well() {
    let site = site("rewrite2", "inner.example");
    let mut h2 = site.h2();
    let answer = h2.get("/?http://inner.example/x");
    assert_eq!(answer.get("location"), Some(format!("{}/x", site.agent.url).as_str()));
    assert_eq!(site.upstream.seen()[0].all("host"), ["inner.example"]);
}
