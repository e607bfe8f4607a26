//! Counts: what does not match allocates nothing, and a key of a rate limit is small.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::alloc::System;
use std::sync::Arc;

use adit_names::endpoint_url::Scheme;
use adit_policy::{
    Connection, Decision, Endpoint, Exchange, Input, NoTables, Phase, Policy, Request, State, Step, Subject, View,
    compile,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn policy(text: &str) -> Arc<Policy> {
    Arc::new(compile(text, Subject::agent(Scheme::Https)).unwrap())
}

fn endpoint() -> Endpoint {
    Endpoint {
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
    }
}

/// One test: the counts are of the whole process.
#[test]
fn what_does_not_match_allocates_nothing_and_keys_are_small() {
    let expressions = [
        "req.method == 'TRACE'",
        "req.url.path.startsWith('/admin')",
        "req.url.path.matches('^/v[0-9]+/internal')",
        "inCidrRanges(conn.client_ip, ['10.0.0.0/8', '192.0.2.0/24'])",
        "hasReqHeader('x-debug')",
        "req.user_agent.contains('curl')",
        "req.host != 'app.example.com'",
        "req.method in ['PUT', 'POST', 'DELETE'] && !hasReqHeader('x-csrf')",
        "getReqHeader('x-tenant')[0] == 'beta'",
        "hasQueryParam('debug') || hasReqCookie('debug')",
    ];
    let rules: String = expressions
        .iter()
        .map(|expression| format!("  - expressions: [\"{expression}\"]\n    actions: [{{type: deny}}]\n"))
        .collect();
    let ten = policy(&format!("on_http_request:\n{rules}"));
    let (endpoint, state) = (endpoint(), State::default());
    let connection = Connection::new("203.0.113.1:1".parse().unwrap(), "198.51.100.1:443".parse().unwrap());
    let fields = vec![
        ("user-agent".to_owned(), b"Mozilla/5.0".to_vec()),
        ("cookie".to_owned(), b"a=b; c=d".to_vec()),
        ("x-tenant".to_owned(), b"alpha".to_vec()),
    ];
    let view = View {
        now: 1_768_478_400_000_000,
        seed: 1,
        connection: &connection,
        endpoint: &endpoint,
        request: Some(Request {
            id: "",
            method: "GET",
            version: "HTTP/1.1",
            scheme: Scheme::Https,
            authority: "app.example.com",
            target: "/api/items?page=2",
            fields: &fields,
            content_length: None,
            received_at: 0,
        }),
        response: None,
        tables: &NoTables,
        state: &state,
    };
    let pass = |policy: &Arc<Policy>, view: &View<'_>| {
        let mut exchange = Exchange::new().without_results();
        let step = policy.begin(Phase::HttpRequest).step(&mut exchange, view, Input::Begin);
        assert_eq!(step, Step::Done(Decision::Pass));
    };
    // What a regular expression keeps for its searches is made at the first one.
    pass(&ten, &view);
    let region = Region::new(ALLOCATOR);
    pass(&ten, &view);
    assert_eq!(region.change().allocations, 0);

    let rate = policy(
        "on_http_request: [{actions: [{type: rate-limit, config: {name: a, algorithm: sliding_window, capacity: 10, \
         rate: 60s, bucket_key: [\"getReqHeader('x-key')\"]}}]}]",
    );
    let keys = 95_000;
    let region = Region::new(ALLOCATOR);
    for n in 0..keys {
        let fields = vec![("x-key".to_owned(), format!("key {n}").into_bytes())];
        let request = view.request.map(|request| Request {
            fields: &fields,
            ..request
        });
        let view = View { request, ..view };
        pass(&rate, &view);
    }
    let change = region.change();
    let kept = change.bytes_allocated - change.bytes_deallocated;
    assert!(kept / keys <= 100, "{} bytes a key", kept / keys);
}
