//! Texts that nobody means well: nothing panics, nothing overflows a stack of 2 MiB, nothing takes long.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_names::endpoint_url::Scheme;
use adit_policy::{Decision, Exchange, Input, Phase, Policy, State, Step, Subject, check, compile};
use proptest::prelude::*;
use world::World;

fn document(expression: &str) -> String {
    serde_json::json!({"on_http_request": [{
        "expressions": [expression],
        "actions": [{"type": "add-headers", "config": {"headers": {"x-a": format!("${{{expression}}}")}}}],
    }]})
    .to_string()
}

fn run(policy: Policy) -> Decision {
    let world = World::new("/a?b=c", &[("x-b", "1"), ("cookie", "a=b; c")]);
    let state = State::default();
    let view = world.view(&state);
    let mut run = Arc::new(policy).begin(Phase::HttpRequest);
    match run.step(&mut Exchange::new(), &view, Input::Begin) {
        Step::Done(decision) => decision,
        Step::Need(effect) => panic!("{effect:?}"),
    }
}

fn try_all(text: &str) {
    if let Ok(policy) = compile(text, Subject::agent(Scheme::Https)) {
        run(policy);
    }
}

#[test]
fn deep_and_long_expressions_are_refused_or_run_on_a_small_stack() {
    let many = |n: usize, before: &str, part: &str, after: &str| format!("{before}{}{after}", part.repeat(n));
    let mut texts = vec![
        many(4000, "", "!", "true"),
        many(4000, "", "-", "1"),
        many(2000, "", "(", ")"),
        many(1300, "", "[", ""),
        many(1000, "req.headers", ".a", ""),
        many(1000, "{'a': 1}", ".a", ""),
        many(1300, "[1]", "[0]", ""),
        many(1000, "1", " + 1", " > 0"),
        many(600, "true", " && true", ""),
        many(600, "true", " || true", ""),
        many(300, "true", " ? true : true", ""),
        many(500, "'a'", ".trim()", ""),
        many(150, "[1]", ".map(x, x)", ""),
        many(300, "", "{'a': ", ""),
        many(1000, "[", "1,", "1].size() > 0"),
        many(1300, "", "[?", ""),
        many(2000, "a", ".?b", ""),
    ];
    texts.push(format!("{}1{}", "(".repeat(60), ")".repeat(60)));
    texts.push(format!("{}1{} == 1", "[".repeat(60), "]".repeat(60)));
    texts.push(format!("{}1{}", "[".repeat(200), "]".repeat(200)));
    texts.push(format!("1{} > 0", " + 1".repeat(50)));
    texts.push(format!("{}true", "!".repeat(50)));
    for text in texts {
        let started = Instant::now();
        let shown: String = text.chars().take(20).collect();
        std::thread::Builder::new()
            .name(shown.clone())
            .stack_size(2 << 20)
            .spawn(move || try_all(&document(&text)))
            .unwrap()
            .join()
            .unwrap_or_else(|_| panic!("{shown}…"));
        // Far above what it takes; it would be minutes if it grew with a power.
        assert!(started.elapsed() < Duration::from_secs(20), "{shown}…");
    }
}

#[test]
fn what_would_grow_without_end_is_an_error() {
    for text in [
        "'a'.replace('', lists.range(9999).map(x, 'aaaaaaaaaaaaaaaa').join()) == ''",
        "lists.range(10000).map(x, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa').join(lists.range(10000).map(x, 'a').join()) == ''",
        "lists.range(100000000).size() > 0",
    ] {
        // Refused, or no match: never a gigabyte.
        try_all(&document(text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_checked_without_panic(text in "[ -~\\n\u{e9}]{0,200}") {
        let _ = check(&text, Subject::cloud(Scheme::Https));
    }

    #[test]
    fn anything_that_looks_like_yaml_is_checked(parts in prop::collection::vec(prop::sample::select(vec![
        "on_http_request", "on_tcp_connect", ":", "\n", "  ", "- ", "actions", "type", "deny", "config", "{", "}", "[",
        "]", ",", "expressions", "\"", "'", "&a ", "*a", "<<", "!x ", "|\n", ">", "? ", "name", "status_code: 200", "~",
    ]), 0..40)) {
        let _ = check(&parts.concat(), Subject::agent(Scheme::Https));
    }

    #[test]
    fn anything_that_looks_like_an_expression_is_refused_or_runs(parts in prop::collection::vec(prop::sample::select(vec![
        "req", ".", "headers", "['x-b']", "(", ")", "[", "]", "{", "}", ",", ":", "?", "!", "&&", "||", "==", "<", " in ",
        "+", "-", "*", "/", "%", "1", "0", "1.5", "'a'", "b'x'", "1u", "true", "null", "vars.x", "conn.client_ip",
        "getReqHeader('x-b')", "has(", "size(", ".map(x, x)", ".exists(v, v == 'a')", ".split(',')", ".matches('a')",
        "timestamp('2024-01-01T00:00:00Z')", "duration('1s')", "json.decode(", "x", "type(", "[?0]", ".orValue('')",
        "optional.none()", "int(", "string(", "9223372036854775807", "req.cookies", "lists.range(3)", ".sort()",
        ".slice(0, 1)", ".flatten()", ".format([1])", "'%d'", ".substring(1)", "math.abs(", ".sortBy(e, e)", "\u{e9}", "`a`",
    ]), 0..14)) {
        try_all(&document(&parts.concat()));
    }
}
