//! Several nodes over one PostgreSQL, and one that dies or hangs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adit_names::code::ErrorCode;
use adit_store::{OpenError, Store, WriteError};
use serde_json::json;

use crate::engine::Bench;
use crate::postgres::{self, Own};
use crate::proxy::{Lost, Proxy};
use crate::things::*;

/// Two organisations want overlapping names at the same moment, each on its own node: one has it, every time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_races_for_overlapping_names() {
    let bench = Bench::postgres().await;
    let nodes = [bench.open().await, bench.open().await];
    let organizations = [organization(), organization()];
    for round in 0..1_000 {
        let base = format!("com.example{round}.");
        let (wildcard, name) = (format!("{base}*."), format!("{base}a."));
        let (a, b) = tokio::join!(
            create(&nodes[0], domain(organizations[round % 2], &wildcard)),
            create(&nodes[1], domain(organizations[1 - round % 2], &name)),
        );
        let won = [a.is_ok(), b.is_ok()];
        assert!(
            won == [true, false] || won == [false, true],
            "round {round}: {a:?} {b:?}"
        );
        let refusal = if won[0] { refused(b) } else { refused(a) };
        assert!([ErrorCode::NGROK_106, ErrorCode::NGROK_107].contains(&refusal));
    }
    assert_eq!(nodes[0].count("reserved_domain", None).await.unwrap(), 1_000);
    nodes[0].verify(None, &[], |_| true).await.unwrap();
    for node in nodes {
        node.close().await;
    }
}

/// Whoever follows the feed of one node sees every position of all nodes, in order, while 64 write.
async fn a_reader_misses_nothing(stores: Vec<Store>) {
    const WRITERS: usize = 64;
    const WRITES: usize = 12;
    let organizations: Vec<_> = (0..4).map(|_| organization()).collect();
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (store, done) = (stores[0].clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut seen = BTreeSet::new();
            let mut position = 0;
            loop {
                let last = done.load(Ordering::Acquire);
                let feed = store.changes(position).await.unwrap();
                assert!(!feed.resync && feed.position >= position);
                // Each write makes one object, and one entry.
                assert_eq!(u64::try_from(feed.changed.len()).unwrap(), feed.position - position);
                for changed in feed.changed {
                    assert!(changed.object.is_some());
                    assert!(seen.insert(changed.id), "told twice");
                }
                position = feed.position;
                if last {
                    return (seen, position);
                }
                tokio::task::yield_now().await;
            }
        })
    };
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let store = stores[number % stores.len()].clone();
            let organization = organizations[number % organizations.len()];
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..WRITES {
                    ids.push(create(&store, prepared(policy(organization, "x"))).await.unwrap().id);
                }
                ids
            })
        })
        .collect();
    let mut made = BTreeSet::new();
    for writer in writers {
        made.extend(writer.await.unwrap());
    }
    done.store(true, Ordering::Release);
    let (seen, position) = reader.await.unwrap();
    assert_eq!(seen, made);
    assert_eq!(position, (WRITERS * WRITES) as u64);
    let verified = stores[0].verify(None, &[], |_| true).await.unwrap();
    assert_eq!(verified.entries, position);
    for store in stores {
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_misses_nothing_on_sqlite() {
    let bench = Bench::sqlite();
    a_reader_misses_nothing(vec![bench.open().await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_misses_nothing_on_postgres() {
    let bench = Bench::postgres().await;
    a_reader_misses_nothing(vec![bench.open().await, bench.open().await, bench.open().await]).await;
}

/// What the server may lose is not acknowledged: it is not used.
#[tokio::test]
async fn a_server_that_may_lose_what_it_acknowledged_is_refused() {
    for settings in [["fsync=off"], ["synchronous_commit=off"], ["synchronous_commit=local"]] {
        let server = Own::start(&settings);
        let bench = Bench::at(server.url());
        let refused = Store::open(bench.options("edge-1", [7; 32])).await.unwrap_err();
        assert!(matches!(refused, OpenError::Unsafe(_)), "{settings:?}: {refused}");
        server.stop();
    }
}

/// The connection of the writer is ended between two writes, and within one: both are done once, or told not to be.
#[tokio::test]
async fn a_lost_connection_is_opened_anew() {
    let bench = Bench::postgres().await;
    let store = bench.open().await;
    let org = organization();
    create(&store, prepared(policy(org, "before"))).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'adit' AND datname = current_database()";
    postgres::run(&bench.url(), end).await;
    create(&store, prepared(policy(org, "after"))).await.unwrap();
    // While another holds the gate this one waits in the middle of its batch.
    let holder = bench.hold_the_gate().await;
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { create(&store, prepared(policy(org, "in the middle"))).await }
    });
    bench.wait_for_a_waiter().await;
    postgres::run(&bench.url(), &format!("{end} AND wait_event_type = 'Lock'")).await;
    bench.wait_for_a_waiter().await;
    holder.let_go().await;
    waiting.await.unwrap().unwrap();
    assert_eq!(store.count("ip_policy", Some(org)).await.unwrap(), 3);
    store.verify(None, &[], |_| true).await.unwrap();
    store.close().await;
}

/// Whether a commit was done when its answer is lost is found out from the log; in either case the change is there once.
#[tokio::test]
async fn a_commit_without_an_answer() {
    for lost in [Lost::Answer, Lost::Commit] {
        let (socket, database) = postgres::socket().await;
        let proxy = Proxy::start(socket, lost).await;
        let bench = Bench::at(proxy.url(&database));
        let store = bench.open().await;
        let org = organization();
        let first = create(&store, prepared(policy(org, "a"))).await.unwrap();
        proxy.lose(1);
        let written = store
            .write(write(org, vec![set(&first, "description", json!("b"))]))
            .await
            .unwrap();
        assert_eq!(
            (written.position, written.objects[0].revision, proxy.left()),
            (2, 2, 0),
            "{lost:?}"
        );
        assert_eq!(store.get(first.id).await.unwrap().as_ref(), Some(&written.objects[0]));
        assert_eq!(*store.wake().borrow(), 2);
        assert_eq!(store.verify(None, &[], |_| true).await.unwrap().entries, 2);
        // Lost twice: not known to be done is not acknowledged, and what is acknowledged later is there.
        proxy.lose(2);
        let twice = store
            .write(write(org, vec![set(&written.objects[0], "description", json!("c"))]))
            .await;
        match lost {
            Lost::Answer => assert_eq!(twice.unwrap().objects[0].revision, 3),
            Lost::Commit => assert!(matches!(twice, Err(WriteError::Unavailable(_)))),
        }
        proxy.lose(0);
        create(&store, prepared(policy(org, "d"))).await.unwrap();
        store.verify(None, &[], |_| true).await.unwrap();
        store.close().await;
    }
}

/// A holder of the gate that hangs is ended by the server; who waits behind it is not told to go away.
#[tokio::test]
async fn a_frozen_holder_of_the_gate_is_passed() {
    let bench = Bench::postgres().await;
    let store = bench.open().await;
    let org = organization();
    let frozen = bench.hold_the_gate().await;
    let made = create(&store, prepared(policy(org, "behind"))).await.unwrap();
    assert_eq!(made.revision, 1);
    assert!(frozen.was_ended().await);
    store.close().await;
}

/// The database goes away and comes back: writes are refused as long as it is away, and nothing is half done.
#[tokio::test]
async fn a_server_that_goes_away() {
    let server = Own::start(&[]);
    let bench = Bench::at(server.url());
    let store = bench.open().await;
    let org = organization();
    create(&store, prepared(policy(org, "x"))).await.unwrap();
    server.stop();
    let away = create(&store, prepared(policy(org, "y"))).await.unwrap_err();
    assert!(matches!(away, WriteError::Unavailable(_)), "{away}");
    assert!(store.changes(0).await.is_err());
    store.close().await;
}

/// Two nodes start at once on an empty database.
#[tokio::test]
async fn nodes_that_start_at_once() {
    let bench = Bench::postgres().await;
    let (a, b, c) = tokio::join!(bench.open(), bench.open(), bench.open());
    let org = organization();
    create(&a, prepared(policy(org, "x"))).await.unwrap();
    let made = create(&b, prepared(policy(org, "y"))).await.unwrap();
    assert_eq!(c.get(made.id).await.unwrap().unwrap().body["description"], json!("y"));
    // A node with another key does not join.
    let stranger = Store::open(bench.options("edge-4", [9; 32])).await;
    assert!(matches!(stranger, Err(OpenError::WrongKey)));
    for store in [a, b, c] {
        store.close().await;
    }
}
