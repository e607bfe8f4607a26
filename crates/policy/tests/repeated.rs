//! A request that is tried once more, at another member of a pool, is one request.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod world;

use std::sync::Arc;

use adit_names::endpoint_url::Scheme;
use adit_policy::{Decision, Exchange, Input, Phase, Policy, State, Step, Subject, compile};
use world::World;

fn passes(policy: &Arc<Policy>, state: &State, exchange: &mut Exchange) -> bool {
    let world = World::new("/", &[]);
    let view = world.view(state);
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
