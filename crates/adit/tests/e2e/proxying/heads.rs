//! The head that the service receives, byte for byte: what a visitor may not say is gone, what the edge knows is
//! there, in a fixed order.

use http::Method;

use crate::harness::frames::{self, Frames};
use crate::harness::message::ok;
use crate::harness::upstream::echo;
use crate::harness::{Of, Server, Site};

fn server() -> &'static Server {
    Server::shared("proxying")
}

/// Everything that edge specification 7.2 removes from a visitor that is not trusted.
const FORGED: [&str; 26] = [
    "Keep-Alive: timeout=5",
    "Proxy-Connection: keep-alive",
    "Proxy-Authorization: Basic eDp5",
    "X-Hop: gone",
    "HTTP2-Settings: AAMAAABk",
    "X-Forwarded-For: 1.2.3.4, 5.6.7.8",
    "X-Forwarded-Proto: wss",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Port: 1",
    "Forwarded: for=1.2.3.4;host=evil.example;proto=http",
    "X-Real-IP: 1.2.3.4",
    "True-Client-IP: 1.2.3.4",
    "CF-Connecting-IP: 1.2.3.4",
    "Fastly-Client-IP: 1.2.3.4",
    "X-Client-IP: 1.2.3.4",
    "X-Forwarded-Server: evil",
    "X-Original-URL: /admin",
    "X-Rewrite-URL: /admin",
    "Ngrok-Auth-User-Email: admin@example.com",
    "ngrok_auth_user_email: admin@example.com",
    "NGROK-MTLS-Subject-CN: admin",
    "Adit_Auth_User: admin",
    "adit-mtls-serial-number: 1",
    "Adit-Internal-Anything: 1",
    "Client-Cert: :MIIB:",
    "client_cert_chain: :MIIB:",
];

#[test]
fn from_http_1() {
    let site = Site::answering(server(), "heads1", &[], echo);
    let (host, port) = ("Heads1.adit.LOCALHOST", server().info.https.port());
    let forged = FORGED.join("\r\n");
    let mut visitor = site.visitor();
    let answer = visitor.ask(format!(
        "POST /a%2Fb?x=1 HTTP/1.1\r\nX-First: before Host\r\nHost: {host}\r\nConnection: keep-alive, X-Hop, Upgrade\r\nUpgrade: h2c\r\n{forged}\r\n\
         TE: gzip;q=0.5, trailers\r\nvia: 1.0 other\r\nX-Request-Id: my.id_1:2-3\r\nCookie: a=1\r\nCookie: b=\"2\" ; c\r\nx_under: kept\r\n\
         X-Dup: 1\r\naccept-ENCODING:  gzip  \r\nX-Dup: 2\r\nEmpty:\r\nExpect-CT: x\r\nContent-Length: 3\r\n\r\nabc"
    ));
    assert_eq!(answer.status(), 200);
    let expected = format!(
        "POST /a%2Fb?x=1 HTTP/1.1\r\nX-First: before Host\r\nHost: {host}\r\nTE: trailers\r\nvia: 1.0 other\r\nCookie: a=1\r\nCookie: b=\"2\" ; c\r\n\
         x_under: kept\r\nX-Dup: 1\r\naccept-ENCODING: gzip\r\nX-Dup: 2\r\nEmpty:\r\nExpect-CT: x\r\nContent-Length: 3\r\nConnection: te\r\n\
         X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: {host}\r\nX-Forwarded-Port: {port}\r\n\
         Forwarded: for=127.0.0.1;host={host};proto=https\r\nVia: 1.1 adit\r\nX-Request-Id: my.id_1:2-3\r\n\r\n"
    );
    let seen = &site.upstream.seen()[0];
    let head = seen.head_text().replace("Empty: \r\n", "Empty:\r\n");
    assert_eq!(head, expected);
    assert_eq!(seen.text(), "abc");
}

/// The worked example of edge specification 7.10.
#[test]
fn from_http_2() {
    let site = Site::answering(server(), "heads2", &[], echo);
    let (host, port) = ("Heads2.adit.localhost", server().info.https.port());
    let mut connection = Frames::connect(server(), &site.host);
    let mut fields = vec![
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", host),
        (":path", "/a%2Fb?x=1"),
        ("content-length", "3"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
    ];
    let lower: Vec<(String, String)> = FORGED
        .iter()
        .filter_map(|f| f.split_once(": "))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
        .filter(|(n, _)| !matches!(n.as_str(), "keep-alive" | "proxy-connection" | "x-hop"))
        .collect();
    fields.extend(lower.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    fields.push(("te", "trailers"));
    connection.headers(1, &fields, 0);
    connection.send(frames::DATA, frames::END_STREAM, 1, b"abc");
    let frame = connection.find(|f| f.stream == 1 && f.kind == frames::HEADERS).unwrap();
    assert_eq!(frame.status(), 200, "{frame:?}");
    let seen = &site.upstream.seen()[0];
    let id = seen.get("x-request-id").unwrap();
    assert!(id.len() == 30 && id.starts_with("rq_"), "{id}");
    assert_eq!(
        seen.head_text(),
        format!(
            "POST /a%2Fb?x=1 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\nCookie: a=1; b=2\r\nTe: trailers\r\nConnection: te\r\n\
             X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: {host}\r\nX-Forwarded-Port: {port}\r\n\
             Forwarded: for=127.0.0.1;host={host};proto=https\r\nVia: 2.0 adit\r\nX-Request-Id: {id}\r\n\r\n"
        )
    );
    assert_eq!(seen.text(), "abc");
}

#[test]
fn a_port_in_the_host_is_quoted_in_forwarded() {
    let site = Site::answering(server(), "heads-port", &[], echo);
    let mut visitor = site.visitor();
    let host = format!("{}:{}", site.host, server().info.https.port());
    visitor.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let seen = &site.upstream.seen()[0];
    assert_eq!(
        seen.get("forwarded"),
        Some(format!("for=127.0.0.1;host=\"{host}\";proto=https").as_str())
    );
    assert_eq!(seen.get("x-forwarded-host"), Some(host.as_str()));
}

#[test]
fn fields_that_decide_cannot_be_nominated_away() {
    let site = Site::answering(server(), "heads-nominated", &[], echo);
    let mut visitor = site.visitor();
    visitor.ask(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nConnection: Host, Cookie, Authorization, Content-Length, Content-Type, X-Forwarded-For, Forwarded, close\r\n\
         Cookie: a=b\r\nAuthorization: Basic eDp5\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc",
        site.host
    ));
    let seen = &site.upstream.seen()[0];
    for (name, value) in [
        ("host", site.host.as_str()),
        ("cookie", "a=b"),
        ("authorization", "Basic eDp5"),
        ("content-type", "text/plain"),
        ("content-length", "3"),
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        assert_eq!(seen.get(name), Some(value), "{name}");
    }
    assert_eq!(
        seen.get("connection"),
        None,
        "the visitor's wish to close is not the upstream's affair"
    );
    assert_eq!(seen.text(), "abc");
}

#[test]
fn a_request_id_is_kept_only_in_its_form() {
    let site = Site::answering(server(), "heads-id", &[], echo);
    let mut visitor = site.visitor();
    for (given, kept) in [
        ("abc.DEF:1_2-3", true),
        ("with space", false),
        ("<script>", false),
        (&"a".repeat(129), false),
        (&"a".repeat(128), true),
    ] {
        visitor.ask(format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nX-Request-Id: {given}\r\n\r\n",
            site.host
        ));
        let seen = site.upstream.seen().pop().unwrap();
        let ids = seen.all("x-request-id");
        assert_eq!(ids.len(), 1);
        assert_eq!(ids[0] == given, kept, "{given}");
    }
}

#[test]
fn high_bytes_in_values_pass_untouched() {
    let site = Site::answering(server(), "heads-bytes", &[], echo);
    let mut visitor = site.visitor();
    let mut request = format!("GET / HTTP/1.1\r\nHost: {}\r\nX-Bytes: ", site.host).into_bytes();
    let value: Vec<u8> = (0x21..=0x7e).chain(0x80..=0xff).collect();
    request.extend(&value);
    request.extend(b"\r\n\r\n");
    visitor.send(&request);
    let answer = visitor.receive(Of::Get);
    assert_eq!(answer.status(), 200);
    let expected: String = value.iter().map(|b| char::from(*b)).collect();
    assert_eq!(site.upstream.seen()[0].get("x-bytes"), Some(expected.as_str()));
}

#[test]
fn a_request_that_goes_round_is_stopped() {
    let site = Site::answering(server(), "heads-loop", &[], echo);
    let mut visitor = site.visitor();
    let hops = |n: usize| {
        format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nVia: {}\r\n\r\n",
            site.host,
            vec!["1.1 adit"; n].join(", ")
        )
    };
    assert_eq!(visitor.ask(hops(9)).status(), 200);
    let answer = visitor.ask(hops(10));
    assert_eq!((answer.status(), answer.code()), (508, "ERR_NGROK_3603"));
    assert_eq!(site.upstream.seen().len(), 1);
}

#[test]
fn methods_with_and_without_a_body_keep_their_framing() {
    let site = Site::answering(server(), "heads-framing", &[], |r| {
        ok(&format!("{} {}", r.method(), r.text()))
    });
    let mut visitor = site.visitor();
    for method in ["GET", "DELETE", "OPTIONS", "HEADLESS"] {
        let with = visitor.ask(format!(
            "{method} / HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\nhi",
            site.host
        ));
        assert_eq!(with.text(), format!("{method} hi"));
        let without = visitor.ask(format!("{method} / HTTP/1.1\r\nHost: {}\r\n\r\n", site.host));
        assert_eq!(without.text(), format!("{method} "));
        let seen = site.upstream.seen().pop().unwrap();
        assert_eq!(
            (seen.get("content-length"), seen.get("transfer-encoding")),
            (None, None)
        );
    }
    let empty = visitor.ask(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n",
        site.host
    ));
    assert_eq!(empty.status(), 200);
    assert_eq!(site.upstream.seen().pop().unwrap().get("content-length"), Some("0"));
    let mut h2 = site.h2();
    let request = h2.to(Method::POST, "/").header("content-length", "0").body(()).unwrap();
    assert_eq!(h2.ask(request, b"").status, 200);
    assert_eq!(site.upstream.seen().pop().unwrap().get("content-length"), Some("0"));
}
