//! `cors`: preflights are answered without the service, and every response says who may read it.

use http::Method;

use super::{governed, refused};
use crate::harness::Server;
use crate::harness::message::response;

const POLICY: &str = "on_http_request:\n\
    \x20 - actions:\n\
    \x20     - type: cors\n\
    \x20       config: {allow_origins: ['https://app.example', 'https://*.team.example'], allow_methods: [GET, PUT], allow_headers: [x-token], expose_headers: [x-total], allow_credentials: true, max_age: 1h}\n\
    \x20 - expressions: [\"req.url.path == '/denied'\"]\n    actions: [{type: deny}]\n";

#[test]
fn preflights_and_responses_say_who_may_read() {
    let server = Server::shared("policy");
    let site = governed(server, "cors", POLICY, |request| match request.target() {
        "/gone" => b"nonsense\r\n\r\n".to_vec(),
        _ => response(
            "200 OK",
            "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: x-own\r\nVary: Accept\r\n",
            b"read me",
        ),
    });
    let mut visitor = site.visitor();
    let mut ask = |method: &str, target: &str, fields: &str| {
        visitor.ask(format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n",
            site.host
        ))
    };
    for origin in ["https://app.example", "https://a.team.example"] {
        let preflight = ask(
            "OPTIONS",
            "/",
            &format!("Origin: {origin}\r\nAccess-Control-Request-Method: PUT\r\n"),
        );
        assert_eq!(preflight.status(), 204, "{preflight:?}");
        assert_eq!(preflight.get("access-control-allow-origin"), Some(origin));
        assert_eq!(preflight.get("access-control-allow-methods"), Some("GET, PUT"));
        assert_eq!(preflight.get("access-control-allow-headers"), Some("x-token"));
        assert_eq!(preflight.get("access-control-allow-credentials"), Some("true"));
        assert_eq!(preflight.get("access-control-max-age"), Some("3600"));
        assert_eq!(preflight.get("vary"), Some("Origin"));
    }
    let foreign = "Origin: https://evil.example\r\n";
    let preflight = ask(
        "OPTIONS",
        "/",
        &format!("{foreign}Access-Control-Request-Method: PUT\r\n"),
    );
    assert_eq!(
        (preflight.status(), preflight.get("access-control-allow-origin")),
        (403, None)
    );
    assert!(site.upstream.seen().is_empty(), "the service was not asked");

    let known = "Origin: https://app.example\r\n";
    let read = ask("GET", "/", known);
    assert_eq!((read.status(), read.text().as_str()), (200, "read me"));
    assert_eq!(read.all("access-control-allow-origin"), ["https://app.example"]);
    assert_eq!(read.get("access-control-expose-headers"), Some("x-total"));
    assert_eq!(read.get("access-control-allow-headers"), None, "the service's own");
    assert_eq!(read.all("vary"), ["Accept", "Origin"]);
    let stranger = ask("GET", "/", foreign);
    assert_eq!((stranger.status(), stranger.text().as_str()), (200, "read me"));
    assert_eq!(stranger.get("access-control-allow-origin"), None, "{stranger:?}");
    let without = ask("GET", "/", "");
    assert_eq!(
        without.all("access-control-allow-origin"),
        ["*"],
        "no origin, no matter of ours"
    );
    // A script has to be able to read why it was refused.
    for (target, status) in [("/denied", 403), ("/gone", 502)] {
        let answer = ask("GET", target, known);
        assert_eq!(answer.status(), status);
        assert_eq!(
            answer.get("access-control-allow-origin"),
            Some("https://app.example"),
            "{answer:?}"
        );
    }
    let mut h2 = site.h2();
    let request = h2
        .to(Method::GET, "/denied")
        .header("origin", "https://app.example")
        .body(())
        .unwrap();
    let answer = h2.ask(request, b"");
    assert_eq!(
        (answer.status.as_u16(), answer.get("access-control-allow-origin")),
        (403, Some("https://app.example"))
    );
}

#[test]
fn credentials_for_everybody_are_refused() {
    let said = refused(
        Server::shared("policy"),
        "on_http_request:\n  - actions: [{type: cors, config: {allow_origins: ['*'], allow_credentials: true}}]\n",
    );
    assert!(said.contains("allow_credentials") && said.contains("line 2"), "{said}");
}
