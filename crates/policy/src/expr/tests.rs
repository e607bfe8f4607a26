//! Expressions over one request.

use adit_names::code::ErrorCode;
use adit_names::endpoint_url::Scheme;

use super::*;
use crate::view::{Connection, Endpoint, NoTables, Request, View};

fn run(text: &str) -> Result<Value, Failure> {
    let (program, _) =
        Program::compile(text, Phase::HttpRequest, &[]).map_err(|problems| Failure::Error(format!("{problems:?}")))?;
    let connection = Connection::new(
        "203.0.113.10:51000".parse().unwrap(),
        "198.51.100.1:443".parse().unwrap(),
    );
    let endpoint = Endpoint {
        scheme: Scheme::Https,
        host: "app.example.com".to_owned(),
        port: 443,
        url: "https://app.example.com".to_owned(),
        id: String::new(),
        name: String::new(),
        metadata: String::new(),
        kind: "agent",
        agent_id: String::new(),
        organization_id: String::new(),
        organization_name: String::new(),
    };
    let fields = vec![("X-A".to_owned(), b"1".to_vec()), ("x-a".to_owned(), b"2".to_vec())];
    let view = View {
        now: 0,
        seed: 7,
        connection: &connection,
        endpoint: &endpoint,
        request: Some(Request {
            id: "",
            method: "GET",
            version: "HTTP/1.1",
            scheme: Scheme::Https,
            authority: "app.example.com",
            target: "/p?z=1&a=2",
            fields: &fields,
            content_length: None,
            received_at: 0,
        }),
        response: None,
        tables: &NoTables,
        state: &crate::state::State::default(),
    };
    program.evaluate(&Scope {
        view: &view,
        overlay: &Overlay::default(),
        vars: &[],
        results: &[],
        extra: &[],
        bodies: None,
        facts: None,
        budget: &Budget::default(),
        draws: 0.into(),
    })
}

#[test]
fn names_functions_and_macros_work() {
    for (text, value) in [
        ("req.method", Value::from("GET")),
        ("req.headers['X-a'][1]", Value::from("2")),
        ("has(req.headers['x-b'])", Value::Bool(false)),
        ("has(req.content_length)", Value::Bool(false)),
        ("req.content_length", Value::Int(0)),
        ("'X-A' in req.headers", Value::Bool(true)),
        ("req.headers[?'x-b'][?0].orValue('none')", Value::from("none")),
        ("req.headers.?x.hasValue()", Value::Bool(false)),
        (
            "req.headers.map(n, n).sort()",
            Value::List(vec![Value::from("host"), Value::from("x-a")]),
        ),
        ("[3, 1].sortBy(x, -x)", Value::List(vec![Value::Int(3), Value::Int(1)])),
        ("req.url.path.matches('^/p$')", Value::Bool(true)),
        ("conn.client_ip.is_tor_node", Value::Bool(false)),
        ("conn.tls.client.subject.common_name", Value::from("")),
        ("actions.ngrok.basic_auth.credentials.presented", Value::Bool(false)),
        ("actions.ngrok.rate_limit.error.code", Value::from("")),
        ("type(1) == int", Value::Bool(true)),
        ("math.greatest(1, 3, 2)", Value::Int(3)),
        ("dyn(1) == 1.0", Value::Bool(true)),
    ] {
        assert_eq!(run(text), Ok(value), "{text}");
    }
}

#[test]
fn errors_are_errors_and_absorbed_where_cel_says() {
    assert!(matches!(run("req.headers['none'][0] == 'x'"), Err(Failure::Error(_))));
    assert_eq!(run("req.headers['none'][0] == 'x' || true"), Ok(Value::Bool(true)));
    assert!(run("vars.x").is_err());
    assert_eq!(run("has(vars.x)"), Ok(Value::Bool(false)));
}

#[test]
fn elements_are_counted_and_their_end_is_never_absorbed() {
    let text = "lists.range(4000).exists(a, a < 0) || lists.range(4000).exists(b, b < 0)";
    assert_eq!(run(text), Ok(Value::Bool(false)));
    let text = "lists.range(200).all(a, lists.range(100).all(b, b >= 0)) || true";
    assert_eq!(run(text), Err(Failure::Budget));
}

#[test]
fn what_costs_too_much_is_refused_when_it_is_written() {
    let wrong = |text: &str| Program::compile(text, Phase::HttpRequest, &[]).unwrap_err()[0].code;
    let limit = Some(ErrorCode::ADIT_2202);
    assert_eq!(wrong(&format!("{}1 > 0{}", "(".repeat(0), " + 1".repeat(70))), limit);
    assert_eq!(
        wrong("req.headers.all(a, req.headers.all(b, req.headers.all(c, true)))"),
        limit
    );
    let long = format!("req.headers.all(a, {})", vec!["a == 'x'"; 60].join(" || "));
    assert_eq!(wrong(&long), limit);
}

#[test]
fn what_is_not_known_is_refused_with_what_is() {
    let problem = |text: &str| Program::compile(text, Phase::HttpRequest, &[]).unwrap_err().remove(0);
    assert!(problem("true || req.metod == 'x'").fix.contains("req.method"));
    assert_eq!(problem("true || req.metod == 'x'").offset, 8);
    assert!(problem("inCidr(conn.client_ip, 'x')").fix.contains("inCidrRange"));
    assert!(problem("res.status_code == 200").message.contains("on_http_request"));
    assert!(problem("hasResHeader('x')").message.contains("on_http_request"));
    assert!(problem("'a'.matches('(')").message.contains("regular expression"));
    assert!(problem("getReqHeader()").message.contains("arguments"));
    assert!(problem("secrets.get(req.method, 'x')").message.contains("literals"));
    assert!(problem("'é' == req.metod").offset == "'é' == ".len());
    for text in [
        "req.",
        "(",
        "'x",
        "a b",
        "req.url.path.foo",
        "foo.bar(1)",
        "http.request_body()",
        "T{a: 1}",
    ] {
        assert!(Program::compile(text, Phase::HttpRequest, &[]).is_err(), "{text}");
    }
}

/// A mapping as a whole has its keys in one order, whichever tier gives it.
#[test]
fn mappings_have_one_order_in_both_tiers() {
    let whole = run("{'b': {'d': 1, 'c': 2}, 'a': 1}").unwrap();
    assert_eq!(whole.to_text(), r#"{"a":1,"b":{"c":2,"d":1}}"#);
    let Ok(Value::Map(query)) = run("req.url.query_params") else {
        panic!("the parameters are a mapping")
    };
    let names: Vec<_> = query.iter().map(|(name, _)| name.to_text()).collect();
    assert_eq!(names, ["a", "z"], "not as they stand in the query");
}
