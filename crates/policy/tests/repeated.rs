//! A request that is tried once more, at another member of a pool, is one request.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use adit_names::endpoint_url::Scheme;
use adit_policy::{
    Connection, Decision, Endpoint, Exchange, Input, NoTables, Phase, Policy, Request, State, Step, Subject, View,
    compile,
};

fn passes(policy: &Arc<Policy>, state: &State, exchange: &mut Exchange) -> bool {
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
    let connection = Connection::new("203.0.113.1:1".parse().unwrap(), "198.51.100.1:443".parse().unwrap());
    let fields = Vec::new();
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
            target: "/",
            fields: &fields,
            content_length: None,
            received_at: 0,
        }),
        response: None,
        tables: &NoTables,
        state,
    };
    let step = policy.begin(Phase::HttpRequest).step(exchange, &view, Input::Begin);
    step == Step::Done(Decision::Pass)
}

#[test]
fn a_rate_counts_it_once() {
    let text = "on_http_request: [{actions: [{type: rate-limit, config: {name: a, algorithm: sliding_window, capacity: 1, \
                rate: 60s, bucket_key: [conn.client_ip]}}]}]";
    let policy = Arc::new(compile(text, Subject::agent(Scheme::Https)).unwrap());
    let state = State::default();
    let mut tried = Exchange::new();
    assert!(passes(&policy, &state, &mut tried));
    for _ in 0..3 {
        tried.begin_again(None);
        assert!(passes(&policy, &state, &mut tried));
    }
    assert!(!passes(&policy, &state, &mut Exchange::new()), "another request");
}
