//! What a policy costs: `cargo bench -p adit-policy`. Nothing here is asserted; the figures are in docs/performance.md.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot run should stop with the reason"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use adit_names::endpoint_url::Scheme;
use adit_policy::{
    Connection, Decision, Endpoint, Exchange, Input, IpSet, NoTables, Phase, Policy, Request, State, Step, Subject,
    View, compile,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

struct World {
    endpoint: Endpoint,
    connection: Connection,
    fields: Vec<(String, Vec<u8>)>,
    state: State,
}

impl World {
    fn new() -> Self {
        let field = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        Self {
            endpoint: Endpoint {
                scheme: Scheme::Https,
                host: "app.example.com".to_owned(),
                port: 443,
                url: "https://app.example.com".to_owned(),
                id: "ep_1".to_owned(),
                name: String::new(),
                metadata: String::new(),
                kind: "agent",
                agent_id: String::new(),
                organization_id: String::new(),
                organization_name: String::new(),
            },
            connection: Connection::new("203.0.113.1:1".parse().unwrap(), "198.51.100.1:443".parse().unwrap()),
            fields: vec![
                field(
                    "accept",
                    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                ),
                field("accept-encoding", "gzip, deflate, br"),
                field("accept-language", "en-US,en;q=0.5"),
                field("cookie", "session=0123456789abcdef; theme=dark"),
                field(
                    "user-agent",
                    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                ),
                field("x-tenant", "alpha"),
            ],
            state: State::default(),
        }
    }

    fn view(&self) -> View<'_> {
        View {
            now: 1_768_478_400_000_000,
            seed: 1,
            connection: &self.connection,
            endpoint: &self.endpoint,
            request: Some(Request {
                id: "req_1",
                method: "GET",
                version: "HTTP/1.1",
                scheme: Scheme::Https,
                authority: "app.example.com",
                target: "/api/v1/items?page=2&size=50",
                fields: &self.fields,
                content_length: None,
                received_at: 0,
            }),
            response: None,
            tables: &NoTables,
            state: &self.state,
        }
    }
}

fn policy(text: &str) -> Arc<Policy> {
    Arc::new(compile(text, Subject::agent(Scheme::Https)).unwrap_or_else(|faults| panic!("{faults:?}")))
}

fn rule(expression: &str) -> String {
    format!("  - expressions: [\"{expression}\"]\n    actions: [{{type: deny}}]\n")
}

fn pass(policy: &Arc<Policy>, view: &View<'_>) {
    let mut exchange = Exchange::new().without_results();
    let step = policy.begin(Phase::HttpRequest).step(&mut exchange, view, Input::Begin);
    assert_eq!(black_box(step), Step::Done(Decision::Pass));
}

/// Rules that a policy of an ordinary service has; none of them matches the request.
const TEN: [&str; 10] = [
    "req.method == 'TRACE'",
    "req.url.path.startsWith('/admin')",
    "req.url.path.matches('^/v[0-9]+/internal')",
    "inCidrRanges(conn.client_ip, ['10.0.0.0/8', '192.0.2.0/24'])",
    "hasReqHeader('x-debug')",
    "req.user_agent.contains('curl')",
    "req.host != 'app.example.com'",
    "req.method in ['PUT', 'POST', 'DELETE'] && !hasReqHeader('x-csrf')",
    "getReqHeader('x-tenant')[0] == 'beta'",
    "conn.client_ip.is_tor_node || size(req.url.query) > 1000",
];

/// Rules of one predicate.
const SAME: usize = 50;

fn runs(criterion: &mut Criterion) {
    let world = World::new();
    let view = world.view();
    let empty = policy("{}");
    // As the edge asks: what has no rule for a phase is not begun.
    criterion.bench_function("empty policy", |bench| {
        bench.iter(|| {
            if !black_box(&empty).is_idle(black_box(Phase::HttpRequest)) {
                pass(&empty, &view);
            }
        });
    });
    // What the edge has once per exchange; it is in every figure below.
    criterion.bench_function("an exchange, made and dropped", |bench| {
        bench.iter(|| black_box(Exchange::new().without_results()));
    });
    let text: String = TEN.iter().map(|expression| rule(expression)).collect();
    let ten = policy(&format!("on_http_request:\n{text}"));
    criterion.bench_function("ten rules that do not match", |bench| bench.iter(|| pass(&ten, &view)));
    // So many that the exchange does not count, and fewer than ask for the clock.
    let many = |expression: &str| policy(&format!("on_http_request:\n{}", rule(expression).repeat(SAME)));
    let mut group = criterion.benchmark_group("predicates");
    group.throughput(Throughput::Elements(SAME as u64));
    for (name, expression) in [
        ("method", "req.method == 'TRACE'"),
        ("path prefix", "req.url.path.startsWith('/admin')"),
        ("header presence", "hasReqHeader('x-debug')"),
        ("address in ranges", "inCidrRange(conn.client_ip, '10.0.0.0/8')"),
        ("matches on the path", "req.url.path.matches('^/v[0-9]+/internal')"),
        ("second tier, lower()", "req.method.lower() == 'trace'"),
    ] {
        let policy = many(expression);
        group.bench_function(name, |bench| bench.iter(|| pass(&policy, &view)));
    }
    group.finish();
    let header =
        policy("on_http_request: [{actions: [{type: add-headers, config: {headers: {x-a: '${conn.client_ip}'}}}]}]");
    criterion.bench_function("add-headers with one template", |bench| {
        bench.iter(|| pass(&header, &view))
    });
    let rate = policy(
        "on_http_request: [{actions: [{type: rate-limit, config: {name: a, algorithm: sliding_window, \
         capacity: 2000000000, rate: 60s, bucket_key: [conn.client_ip]}}]}]",
    );
    criterion.bench_function("rate-limit", |bench| bench.iter(|| pass(&rate, &view)));
}

/// Pseudo-random numbers, the same in each run.
fn numbers(count: usize) -> impl Iterator<Item = u32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    })
    .take(count)
}

fn ip_sets(criterion: &mut Criterion) {
    for count in [10_000, 500_000] {
        let set: IpSet = numbers(count)
            .map(|n| {
                let prefix = 12 + n % 21;
                format!("{}/{prefix}", Ipv4Addr::from(n)).parse().unwrap()
            })
            .collect();
        let asked: Vec<IpAddr> = numbers(4096).map(|n| Ipv4Addr::from(n.rotate_left(7)).into()).collect();
        let mut at = 0;
        criterion.bench_function(&format!("IP set of {count} prefixes"), |bench| {
            bench.iter(|| {
                at = (at + 1) % asked.len();
                black_box(set.best(asked[at]))
            });
        });
    }
}

fn compiling(criterion: &mut Criterion) {
    let mut text = "on_http_request:\n".to_owned();
    for n in 0..50 {
        let expression = TEN[n % TEN.len()];
        let _ = write!(
            text,
            "  - name: rule {n}\n    expressions: [\"{expression}\"]\n    actions:\n      - type: add-headers\n        \
             config: {{headers: {{x-rule: '${{req.method}}-{n}'}}}}\n"
        );
    }
    criterion.bench_function("compile 50 rules", |bench| bench.iter(|| black_box(policy(&text))));
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = runs, ip_sets, compiling
}
criterion_main!(benches);
