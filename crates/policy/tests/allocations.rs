//! Counts: what does not match allocates nothing, and a key of a rate limit is small.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::alloc::System;
use std::sync::Arc;

use adit_names::endpoint_url::Scheme;
use adit_policy::{Decision, Exchange, Input, Phase, Policy, Request, State, Step, Subject, View, compile};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use world::World;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn policy(text: &str) -> Arc<Policy> {
    Arc::new(compile(text, Subject::agent(Scheme::Https)).unwrap())
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
    let state = State::default();
    let fields = [
        ("user-agent", "Mozilla/5.0"),
        ("cookie", "a=b; c=d"),
        ("x-tenant", "alpha"),
    ];
    let world = World::new("/api/items?page=2", &fields);
    let view = world.view(&state);
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
