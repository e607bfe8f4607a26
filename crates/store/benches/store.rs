//! How much the store can do: `cargo bench -p adit-store`. Needs PostgreSQL for its part; `-- sqlite` leaves it out,
//! `-- writes`, `-- reads`, `-- verify` measure only that.
//!
//! Each number is printed with what it was measured over; goals stand in `docs/performance.md`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark fails by panicking"
)]

#[path = "../tests/it/postgres.rs"]
#[allow(dead_code, reason = "a helper of tests, of which this needs a part")]
mod postgres;
#[path = "../tests/it/things.rs"]
#[allow(dead_code, reason = "a helper of tests, of which this needs a part")]
mod things;

use std::time::{Duration, Instant};

use adit_store::{Change, Engine, MasterKey, Options, Page, Store};
use things::*;

/// How long each write load lasts.
const LOAD: Duration = Duration::from_secs(4);

/// How often the log is verified.
const ROUNDS: usize = 5;
/// Entries of the log that is verified.
const ENTRIES: usize = 200_000;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let names = |word: &str| words.iter().any(|given| given == word);
    let wanted = |one: &str, other: &str| names(one) || !names(other);
    let engine = |one: &str| wanted(one, if one == "sqlite" { "postgres" } else { "sqlite" });
    let part = |one: &str| names(one) || !["writes", "reads", "verify"].into_iter().any(names);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        if engine("sqlite") {
            let place = std::env::var("ADIT_BENCH_DIR").unwrap_or_else(|_| "/tmp".to_owned());
            let dir = tempfile::tempdir_in(place).unwrap();
            let store = open(Engine::Sqlite(dir.path().join("adit.db")), "edge-1").await;
            if part("writes") {
                for writers in [64, 8, 1] {
                    writes("SQLite", std::slice::from_ref(&store), writers).await;
                }
            }
            rest("SQLite", &store, part("reads"), part("verify")).await;
            store.close().await;
        }
        if engine("postgres") {
            let url = postgres::database().await;
            let mut nodes = Vec::new();
            for node in ["edge-1", "edge-2", "edge-3"] {
                nodes.push(open(Engine::Postgres(url.clone()), node).await);
            }
            if part("writes") {
                writes("PostgreSQL, 3 nodes", &nodes, 3 * 64).await;
                writes("PostgreSQL, 1 node", &nodes[..1], 64).await;
                writes("PostgreSQL, 1 node", &nodes[..1], 8).await;
            }
            rest("PostgreSQL", &nodes[0], part("reads"), part("verify")).await;
            for node in nodes {
                node.close().await;
            }
        }
    });
}

async fn rest(engine: &str, store: &Store, reading: bool, verifying: bool) {
    fill(store).await;
    if reading {
        reads(engine, store).await;
    }
    if verifying {
        for _ in 0..ROUNDS {
            verify(engine, store).await;
        }
    }
}

/// Many objects with little waiting: 500 changes a write.
async fn fill(store: &Store) {
    let organization = organization();
    let target = create(store, prepared(policy(organization, "target"))).await.unwrap();
    for _ in 0..ENTRIES / 500 {
        let rules = (0..500).map(|_| Change::Create(rule(organization, target.id, adit_model::OnDelete::Cascade)));
        store.write(write(organization, rules.collect())).await.unwrap();
    }
}

async fn open(engine: Engine, node: &str) -> Store {
    let key = MasterKey::new([7; 32]);
    let node = node.to_owned();
    Store::open(Options { engine, node, key }).await.unwrap()
}

/// Durable writes a second: rules of IP policies, each with a claim and a reference, as the API makes them.
async fn writes(engine: &str, stores: &[Store], writers: usize) {
    let organization = organization();
    let target = create(&stores[0], prepared(policy(organization, "target")))
        .await
        .unwrap();
    let start = Instant::now();
    let cpu = cpu();
    let tasks: Vec<_> = (0..writers)
        .map(|number| {
            let store = stores[number % stores.len()].clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while start.elapsed() < LOAD {
                    let mut rule = rule(organization, target.id, adit_model::OnDelete::Cascade);
                    rule.claims.push(exact("iprule", &rule.object.id.to_string()));
                    let begin = Instant::now();
                    create(&store, rule).await.unwrap();
                    latencies.push(begin.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let seconds = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let count = latencies.len();
    let used = (self::cpu() - cpu).as_secs_f64();
    println!(
        "{engine}: {writers} writers: {:.0} durable writes/s, p50 {:?}, p99 {:?}, {:.0} µs CPU each",
        count as f64 / seconds,
        latencies[count / 2],
        latencies[count * 99 / 100],
        used / count as f64 * 1e6,
    );
}

async fn reads(engine: &str, store: &Store) {
    let everything = store.page(&page(100)).await.unwrap();
    let ids: Vec<_> = everything.iter().map(|object| object.id).collect();
    let rounds = 20_000;
    let (start, cpu_before) = (Instant::now(), cpu());
    for round in 0..rounds {
        store.get(ids[round % ids.len()]).await.unwrap().unwrap();
    }
    report(engine, "read by id", rounds, start, cpu_before);
    let rounds = 1_000;
    let (start, cpu_before) = (Instant::now(), cpu());
    for _ in 0..rounds {
        assert_eq!(store.page(&page(100)).await.unwrap().len(), 100);
    }
    report(engine, "page of 100", rounds, start, cpu_before);
}

fn page(limit: usize) -> Page<'static> {
    Page {
        kind: "ip_policy_rule",
        organization: None,
        before: None,
        limit,
        terms: Vec::new(),
    }
}

async fn verify(engine: &str, store: &Store) {
    let (start, cpu_before) = (Instant::now(), cpu());
    let verified = store.verify(None, &[], |_| true).await.unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let used = (cpu() - cpu_before).as_secs_f64();
    println!(
        "{engine}: verify: {:.0} entries/s ({} entries), {:.1} µs CPU each",
        verified.entries as f64 / seconds,
        verified.entries,
        used / verified.entries as f64 * 1e6,
    );
}

fn report(engine: &str, what: &str, rounds: usize, start: Instant, cpu_before: Duration) {
    let wall = start.elapsed().as_secs_f64() / rounds as f64 * 1e6;
    let used = (cpu() - cpu_before).as_secs_f64() / rounds as f64 * 1e6;
    println!("{engine}: {what}: {wall:.1} µs, {used:.1} µs CPU of this process");
}

/// Processor time of this process so far.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // USER_HZ is 100 wherever Linux runs.
    Duration::from_millis(ticks * 10)
}
