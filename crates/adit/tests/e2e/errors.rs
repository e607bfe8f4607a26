//! Answers that the server makes itself: status, code, fields, and three forms of a body.

use serde_json::Value;

use crate::harness::message::ok;
use crate::harness::{Agent, Message, Of, Server, Site, Visitor};

fn server() -> &'static Server {
    Server::shared("errors")
}

/// Asks by a method and with more fields.
type Ask = Box<dyn Fn(&str, &str) -> Message>;

/// How a case is provoked, and what has to be answered.
struct Case {
    name: &'static str,
    status: u16,
    code: &'static str,
    /// Asks with these fields and this method, each time anew.
    ask: Ask,
}

fn of(method: &str) -> Of {
    if method == "HEAD" { Of::Head } else { Of::Get }
}

fn request(method: &str, host: &str, fields: &str) -> String {
    format!("{method} / HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")
}

/// Every case that one visitor can provoke while everybody else is well.
fn cases() -> Vec<Case> {
    let unknown = |method: &str, fields: &str| {
        let mut visitor = Visitor::tls(server(), "errors-nobody.adit.localhost");
        visitor.send(request(method, "errors-nobody.adit.localhost", fields));
        visitor.receive(of(method))
    };
    let down = Agent::http(server(), "127.0.0.1:1".parse().unwrap())
        .url("https://errors-down.adit.localhost")
        .start();
    let dial = move |method: &str, fields: &str| {
        let _kept: &Agent = &down;
        let mut visitor = Visitor::tls(server(), "errors-down.adit.localhost");
        visitor.send(request(method, "errors-down.adit.localhost", fields));
        visitor.receive(of(method))
    };
    let nonsense = Site::answering(server(), "errors-nonsense", &[], |_| {
        b"nonsense\r\n\r\nConnection: close".to_vec()
    });
    let invalid = move |method: &str, fields: &str| {
        let mut visitor = nonsense.visitor();
        visitor.send(request(method, &nonsense.host, fields));
        visitor.receive(of(method))
    };
    let known = Site::answering(server(), "errors-known", &[], |_| ok("x"));
    let elsewhere = move |method: &str, fields: &str| {
        let mut visitor = known.visitor();
        visitor.send(request(method, "elsewhere.example", fields));
        visitor.receive(of(method))
    };
    let looping = Site::answering(server(), "errors-loop", &[], |_| ok("x"));
    let round = move |method: &str, fields: &str| {
        let mut visitor = looping.visitor();
        let via = format!("{fields}Via: {}\r\n", ["1.1 adit"; 10].join(", "));
        visitor.send(request(method, &looping.host, &via));
        visitor.receive(of(method))
    };
    let case = |name, status, code, ask: Ask| Case {
        name,
        status,
        code,
        ask,
    };
    vec![
        case("offline", 404, "ERR_NGROK_3200", Box::new(unknown)),
        case("dial", 502, "ERR_NGROK_8012", Box::new(dial)),
        case("invalid", 502, "ERR_NGROK_3004", Box::new(invalid)),
        case("misdirected", 421, "ERR_ADIT_4210", Box::new(elsewhere)),
        case("loop", 508, "ERR_NGROK_3603", Box::new(round)),
    ]
}

#[track_caller]
fn has_the_fields_of_an_answer(answer: &Message, case: &Case) {
    let name = case.name;
    assert_eq!(
        (answer.status(), answer.code()),
        (case.status, case.code),
        "{name}: {answer:?}"
    );
    assert_eq!(answer.get("cache-control"), Some("no-store"), "{name}");
    assert!(
        answer
            .get("x-request-id")
            .is_some_and(|id| id.len() == 30 && id.starts_with("rq_")),
        "{name}: {answer:?}"
    );
    assert!(answer.get("date").is_some_and(|d| d.ends_with(" GMT")), "{name}");
    assert!(answer.get("content-type").is_some(), "{name}");
    assert_eq!(
        (answer.get("server"), answer.get("transfer-encoding")),
        (None, None),
        "{name}"
    );
}

#[test]
fn each_case_in_each_form() {
    for case in cases() {
        let page = (case.ask)("GET", "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n");
        has_the_fields_of_an_answer(&page, &case);
        assert_eq!(page.get("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(
            page.get("content-security-policy"),
            Some("default-src 'none'; style-src 'unsafe-inline'")
        );
        let html = page.text();
        assert!(
            html.starts_with("<!doctype html>") && html.contains(case.code) && html.len() <= 8 * 1024,
            "{}: {html}",
            case.name
        );
        assert!(
            html.contains(page.get("x-request-id").unwrap()),
            "{}: {html}",
            case.name
        );
        assert!(
            !html.contains("<script") && !html.contains("http://") && !html.contains("127.0.0.1"),
            "{}: {html}",
            case.name
        );

        for accept in [
            "Accept: application/json\r\n",
            "Accept: application/problem+json, text/html;q=0.5\r\n",
            "Accept: */*\r\nSec-Fetch-Dest: empty\r\n",
        ] {
            let answer = (case.ask)("GET", accept);
            has_the_fields_of_an_answer(&answer, &case);
            assert_eq!(answer.get("content-type"), Some("application/json"));
            let json: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(
                (&json["error_code"], &json["status_code"]),
                (&Value::from(case.code), &Value::from(case.status)),
                "{}",
                case.name
            );
            assert!(
                json["msg"].as_str().is_some_and(|m| !m.is_empty()),
                "{}: {json}",
                case.name
            );
            assert!(json["details"].is_object(), "{}: {json}", case.name);
            assert_eq!(json["request_id"].as_str(), answer.get("x-request-id"), "{}", case.name);
        }

        for accept in ["", "Accept: */*\r\n", "Accept: image/png\r\n"] {
            let answer = (case.ask)("GET", accept);
            has_the_fields_of_an_answer(&answer, &case);
            assert_eq!(answer.get("content-type"), Some("text/plain; charset=utf-8"));
            let text = answer.text();
            let (first, message) = text.split_once('\n').unwrap();
            assert_eq!(first, case.code);
            assert!(message.trim().len() > 10, "{}: {text}", case.name);
        }

        let head = (case.ask)("HEAD", "Accept: text/html\r\n");
        has_the_fields_of_an_answer(&head, &case);
        assert!(head.get("content-length").is_some_and(|l| l != "0"), "{}", case.name);
    }
}

#[test]
fn the_id_of_the_visitor_is_kept_in_an_answer() {
    let mut visitor = Visitor::tls(server(), "errors-id.adit.localhost");
    let answer = visitor.ask(
        "GET / HTTP/1.1\r\nHost: errors-id.adit.localhost\r\nX-Request-Id: mine-1\r\nAccept: application/json\r\n\r\n",
    );
    assert_eq!(answer.get("x-request-id"), Some("mine-1"));
    let answer = visitor
        .ask("GET / HTTP/1.1\r\nHost: errors-id.adit.localhost\r\nX-Request-Id: <script>\r\nAccept: text/html\r\n\r\n");
    assert!(
        answer.get("x-request-id").is_some_and(|id| id.starts_with("rq_")),
        "{answer:?}"
    );
    assert!(!answer.text().contains("<script"), "{answer:?}");
}

#[test]
fn nothing_of_a_request_becomes_markup() {
    let mut visitor = Visitor::tls(server(), "errors-markup.adit.localhost");
    for accept in ["text/html", "application/json", "*/*"] {
        let answer = visitor.ask(format!(
            "GET /<script>alert(1)</script>?<img> HTTP/1.1\r\nHost: errors-markup.adit.localhost\r\nAccept: {accept}\r\nUser-Agent: <script>\r\nReferer: <script>\r\n\r\n"
        ));
        assert_eq!(answer.status(), 404);
        assert!(
            !answer.text().contains("<script") && !answer.text().contains("<img"),
            "{answer:?}"
        );
        assert!(!answer.head_text().contains("<script"), "{answer:?}");
    }
}

#[test]
fn details_name_the_host_of_an_offline_name() {
    let mut visitor = Visitor::tls(server(), "xn--bcher-kva.adit.localhost");
    let answer =
        visitor.ask("GET / HTTP/1.1\r\nHost: XN--BCHER-KVA.adit.localhost\r\nAccept: application/json\r\n\r\n");
    let json: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(json["details"]["host"], "xn--bcher-kva.adit.localhost");
    assert_eq!(json["msg"], "The endpoint xn--bcher-kva.adit.localhost is offline.");
}

#[test]
fn protocol_errors_are_short_text_whatever_is_accepted() {
    for accept in ["text/html", "application/json"] {
        let mut visitor = Visitor::tls(server(), "errors-protocol.adit.localhost");
        let answer = visitor.ask(format!(
            "TRACE / HTTP/1.1\r\nHost: errors-protocol.adit.localhost\r\nAccept: {accept}\r\n\r\n"
        ));
        assert_eq!((answer.status(), answer.code()), (405, "ERR_ADIT_4050"));
        assert_eq!(answer.get("content-type"), Some("text/plain; charset=utf-8"));
        assert!(answer.body.len() <= 200, "{answer:?}");
    }
}

#[test]
fn over_http_2_the_same() {
    let mut h2 = crate::harness::H2::connect(server(), "errors-two.adit.localhost");
    let request = h2
        .to(http::Method::GET, "/")
        .header("accept", "application/json")
        .body(())
        .unwrap();
    let answer = h2.ask(request, b"");
    assert_eq!((answer.status.as_u16(), answer.code()), (404, "ERR_NGROK_3200"));
    let json: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(json["request_id"].as_str(), answer.get("x-request-id"));
    let request = h2
        .to(http::Method::HEAD, "/")
        .header("accept", "text/html")
        .body(())
        .unwrap();
    let answer = h2.ask(request, b"");
    assert_eq!((answer.status.as_u16(), answer.body.len()), (404, 0));
    // With a body that nobody reads: the answer arrives all the same.
    let request = h2.to(http::Method::POST, "/").body(()).unwrap();
    assert_eq!(h2.ask(request, b"unread").code(), "ERR_NGROK_3200");
}

/// What a service says is its own, whatever it claims to be.
#[test]
fn an_error_of_the_service_is_the_services() {
    let site = Site::answering(server(), "errors-own", &[], |_| {
        b"HTTP/1.1 502 Bad Gateway\r\nngrok-error-code: ERR_NGROK_3200\r\nX: y\r\nContent-Length: 4\r\n\r\nmine"
            .to_vec()
    });
    let answer = site.get("/");
    assert_eq!(
        (answer.status(), answer.code(), answer.text().as_str()),
        (502, "", "mine")
    );
}
