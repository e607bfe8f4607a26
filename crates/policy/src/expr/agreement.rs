//! Both tiers give the same for every expression and request, errors included.

use adit_names::endpoint_url::Scheme;
use proptest::prelude::*;

use super::*;
use crate::view::{Connection, Endpoint, Intelligence, NoTables, Request, Response, Tls, View};

/// Words that expressions and requests share, so that something matches.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("GET".to_owned()),
        Just("/a".to_owned()),
        Just("/A/b".to_owned()),
        Just("x".to_owned()),
        Just("app.example.com".to_owned()),
        Just("1.3".to_owned()),
        Just("ü".to_owned()),
        "[a-c/.%:-]{0,4}",
    ]
}

fn quoted() -> impl Strategy<Value = String> {
    word().prop_map(|word| format!("'{word}'"))
}

/// Something that gives a text, or an error.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "req.method",
            "req.version",
            "req.host",
            "req.url",
            "req.url.path",
            "req.url.host",
            "req.url.query",
            "req.url.uri",
            "req.url.authority",
            "req.url.scheme",
            "req.url.raw_path",
            "req.user_agent",
            "req.user_agent.name",
            "req.content_type",
            "req.location",
            "req.id",
            "conn.client_ip",
            "conn.server_ip",
            "conn.server_region",
            "conn.tls.version",
            "conn.tls.sni",
            "conn.geo.country_code",
            "conn.client_ip.as.organization",
            "endpoint.host",
            "endpoint.protocol",
            "endpoint.id",
            "time.now",
            "res.location",
        ])
        .prop_map(str::to_owned),
        word().prop_map(|name| format!("getReqHeader('{name}')[0]")),
        Just("req.headers['x'][0]".to_owned()),
        Just("req.headers['User-Agent'][0]".to_owned()),
        Just("res.headers['x'][0]".to_owned()),
    ]
}

fn operator() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="])
}

fn predicate() -> impl Strategy<Value = String> {
    prop_oneof![
        (text(), operator(), quoted()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (text(), operator(), quoted()).prop_map(|(a, op, b)| format!("{b} {op} {a}")),
        (text(), prop::collection::vec(quoted(), 0..4)).prop_map(|(a, list)| format!("{a} in [{}]", list.join(", "))),
        (
            text(),
            prop::sample::select(vec!["startsWith", "endsWith", "contains"]),
            quoted()
        )
            .prop_map(|(a, method, b)| format!("{a}.{method}({b})")),
        (
            text(),
            prop::sample::select(vec!["^/a", "x$", ".", "(?i)get", "^$", "[0-9]+"])
        )
            .prop_map(|(a, pattern)| format!("{a}.matches('{pattern}')")),
        (text(), operator(), -1_i64..6).prop_map(|(a, op, n)| format!("size({a}) {op} {n}")),
        (text(), operator(), 0_i64..20).prop_map(|(a, op, n)| format!("{a}.size() {op} {n}")),
        (
            prop::sample::select(vec![
                "conn.client_port",
                "conn.server_port",
                "req.content_length",
                "req.url.port",
                "endpoint.port",
                "res.status_code",
                "conn.client_ip.as.number",
            ]),
            operator(),
            prop::sample::select(vec![0_i64, 1, 80, 200, 443, 51_000, -1]),
        )
            .prop_map(|(a, op, n)| format!("{a} {op} {n}")),
        (
            text(),
            prop::sample::select(vec!["203.0.113.0/24", "203.0.113.10", "::/0", "no range", "10.0.0.1/8"])
        )
            .prop_map(|(a, range)| format!("inCidrRange({a}, '{range}')")),
        text().prop_map(|a| format!("inCidrRanges({a}, ['192.0.2.0/24', 'x', '203.0.0.0/8', '2001:db8::/32'])")),
        word().prop_map(|name| format!("hasReqHeader('{name}')")),
        word().prop_map(|name| format!("hasResHeader('{name}')")),
        word().prop_map(|name| format!("hasQueryParam('{name}')")),
        word().prop_map(|name| format!("hasReqCookie('{name}')")),
        word().prop_map(|name| format!("'{name}' in req.headers")),
        word().prop_map(|name| format!("has(req.headers['{name}'])")),
        prop::sample::select(vec![
            "has(req.url.port)",
            "has(conn.tls.sni)",
            "has(req.content_length)",
            "has(vars.x)",
            "has(vars.y)",
            "conn.tls.session_resumed",
            "conn.client_ip.is_tor_node",
            "conn.client_ip.geo.location.is_eu",
            "req.user_agent.is_bot",
            "true",
            "false",
            // Not of the first tier: they must not disturb what stands beside them.
            "vars.x == 'x'",
            "1 / 0 == 1",
            "req.method + 'x' == 'GETx'",
        ])
        .prop_map(str::to_owned),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    predicate().prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) || ({b})")),
        ]
    })
}

fn fields() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = prop::sample::select(vec![
        "x",
        "X",
        "user-agent",
        "cookie",
        "content-type",
        "location",
        "GET",
        "host",
    ]);
    let value = prop_oneof![
        word().prop_map(String::into_bytes),
        Just(b"a=1; x=2; ; __Host-adit-x=3; app.example.com".to_vec()),
        Just(vec![0xe4, b'x']),
    ];
    prop::collection::vec((name.prop_map(str::to_owned), value), 0..5)
}

fn outcome(text: &str, view: &View<'_>, cel: bool) -> Result<bool, Failure> {
    let (program, _) = Program::compile(text, Phase::HttpResponse, &[]).unwrap_or_else(|problems| {
        panic!("{text}: {problems:?}");
    });
    let vars = [("x".to_owned(), Value::from("x"))];
    program.is_true_in(
        &Scope {
            view,
            overlay: &Overlay::default(),
            vars: &vars,
            results: &[],
            extra: &[],
            bodies: None,
            facts: None,
            budget: &Budget::default(),
            draws: 0.into(),
        },
        cel,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]
    #[test]
    fn both_tiers_agree(
        text in expression(),
        method in prop_oneof![Just("GET"), Just("x"), Just("")],
        authority in prop_oneof![Just("app.example.com"), Just("APP.example.com:443"), Just("[::1]:80"), Just("")],
        target in prop_oneof![
            Just("/a"), Just("/A/b?x=1&x=2"), Just("/a/../x?a%78=1&+"), Just("/%41?x"), Just("/a/.b"), Just("*"), Just("/ü"), Just("//x")
        ],
        request_fields in fields(),
        response_fields in fields(),
        length in prop_oneof![Just(None), Just(Some(0)), Just(Some(80))],
        client in prop_oneof![Just("203.0.113.10:51000"), Just("[::ffff:203.0.113.10]:1"), Just("[2001:db8::1]:80")],
        known in any::<bool>(),
        state in Just(()).prop_map(|()| crate::state::State::default()),
    ) {
        let mut connection = Connection::new(client.parse().unwrap(), "198.51.100.1:443".parse().unwrap());
        if known {
            connection.client = Some(Box::new(Intelligence {
                categories: vec!["proxy.anonymous.tor".to_owned()],
                as_number: 80,
                as_organization: "x".to_owned(),
                location: vec![("country_code".to_owned(), "x".to_owned()), ("is_eu".to_owned(), "true".to_owned())],
                registered: Vec::new(),
            }));
            connection.tls = Some(Box::new(Tls { sni: "app.example.com".to_owned(), version: "1.3".to_owned(), ..Tls::default() }));
        }
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
        let view = View {
            now: 1_768_478_400_000_000,
            seed: 7,
            connection: &connection,
            endpoint: &endpoint,
            request: Some(Request {
                id: "x",
                method,
                version: "HTTP/1.1",
                scheme: Scheme::Https,
                authority,
                target,
                fields: &request_fields,
                content_length: length,
                received_at: 0,
            }),
            response: Some(Response {
                status: 200,
                fields: &response_fields,
                content_length: length,
                origin: "upstream",
                received_at: 0,
            }),
            tables: &NoTables,
            state: &state,
        };
        parse::agree(&text);
        prop_assert_eq!(outcome(&text, &view, false), outcome(&text, &view, true), "{}", text);
    }

    #[test]
    fn a_path_that_looks_canonical_is(target in "/?[a-b/.~ü%;=?-]{0,12}") {
        if let Some(path) = crate::url::plain_path(&target) {
            prop_assert_eq!(crate::url::canonical_path(path), path);
            prop_assert_eq!(path, crate::url::split_target(&target).0);
        }
    }
}

/// Of all that the case file has between `${` and `}` and as whole expressions, wrong ones included.
#[test]
fn both_parsers_read_the_same_in_the_case_file() {
    let cases = include_str!("../../tests/traffic-policy-cases.yaml");
    let quoted =
        Regex::new(r#"\$\{([^}]*)\}|expr: (?:"([^"]*)"|'((?:[^']|'')*)'|(.*))|expressions: \["([^"]*)""#).unwrap();
    let texts = quoted
        .captures_iter(cases)
        .filter_map(|found| (1..=5).find_map(|group| Some(found.get(group)?.as_str().replace("''", "'"))));
    let (mut all, mut quick) = (0, 0);
    for text in texts {
        parse::agree(&text);
        all += 1;
        quick += usize::from(parse::quickly(&text).is_some());
    }
    assert!(all > 400 && quick > all / 2, "{quick} of {all}");
}

#[test]
fn what_should_be_native_is() {
    for text in [
        "req.method == 'GET'",
        "'GET' != req.method",
        "req.method in ['GET', 'HEAD']",
        "req.url.path.startsWith('/api/') && !req.url.path.contains('x')",
        "req.url.path.matches('^/v[0-9]+/')",
        "inCidrRange(conn.client_ip, '10.0.0.0/8') || inCidrRanges(conn.client_ip, ['192.0.2.0/24'])",
        "hasReqHeader('x-a') && getReqHeader('x-a')[0] == 'b'",
        "req.headers['x-a'][0].endsWith('b') || 'x-a' in req.headers || has(req.headers['x-a'])",
        "hasQueryParam('a') && hasReqCookie('b')",
        "size(req.url.path) > 100",
        "res.status_code >= 500",
        "conn.tls.version < '1.3'",
        "conn.client_ip.is_tor_node",
        "has(req.content_length) && 10 < req.content_length",
        "req.user_agent.matches('(?i)bot')",
        "has(vars.x)",
        "true",
    ] {
        let (program, _) = Program::compile(text, Phase::HttpResponse, &[]).unwrap();
        assert!(program.is_native(), "{text}");
    }
    for text in [
        "req.method + 'x' == 'GETx'",
        "req.method.lower() == 'get'",
        "[1].exists(x, x == 1)",
    ] {
        let (program, _) = Program::compile(text, Phase::HttpResponse, &[]).unwrap();
        assert!(!program.is_native(), "{text}");
    }
}
