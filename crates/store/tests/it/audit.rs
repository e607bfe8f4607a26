//! The log as a whole: chains, signed heads, activity, and what a forger would have to do.

use adit_names::id::Prefix;
use adit_store::activity::Activity;
use adit_store::log::account::SYSTEM;
use adit_store::log::{
    AuditKey, Chain, ChainHead, Checkpoint, EntriesPage, Entry, Fault, Manifest, Origin, Scan, Verifier, VerifyError,
};
use adit_store::{Change, Store};
use serde_json::json;

use crate::engine::Bench;
use crate::things::*;

fn seen(organization: adit_names::id::Id, number: u64) -> Activity {
    Activity {
        organization,
        event_id: id(Prefix::Event),
        event_type: "endpoint_online.v0".to_owned(),
        at: 1_795_000_000_123_456,
        actor: actor(),
        object: Some(("endpoint".to_owned(), "ep_1".to_owned())),
        after: json!({"url": "https://a.example.com", "number": number}),
        origin: Origin {
            node: "edge-9".to_owned(),
            generation: 1,
            number,
        },
    }
}

async fn activity(bench: &Bench) {
    let store = bench.open().await;
    let (one, two) = (organization(), organization());
    create(&store, prepared(policy(one, "x"))).await.unwrap();
    let wake = store.wake();
    let first = vec![seen(one, 1), seen(two, 2), seen(one, 3)];
    assert_eq!(store.record(first.clone()).await.unwrap(), 4);
    // Sent again, since the answer was lost: taken once.
    assert_eq!(store.record([first, vec![seen(two, 4)]].concat()).await.unwrap(), 5);
    assert_eq!(store.recorded("edge-9", 1).await.unwrap(), 4);
    assert_eq!(store.recorded("edge-9", 2).await.unwrap(), 0);
    // It wakes nobody and is not in the feed.
    assert!(!wake.has_changed().unwrap());
    let feed = store.changes(1).await.unwrap();
    assert_eq!((feed.position, feed.changed.len()), (5, 0));
    let live = store
        .scan(&Scan {
            chain: Some(Chain::Live),
            ..Scan::default()
        })
        .await
        .unwrap();
    let told: Vec<_> = live
        .iter()
        .map(|e| (e.organization_id.clone(), e.seq, e.node.as_str(), e.at))
        .collect();
    let (one_text, two_text) = (one.to_string(), two.to_string());
    let at = 1_795_000_000_123_456;
    assert_eq!(
        told,
        [
            (one_text.clone(), 1, "edge-9", at),
            (two_text.clone(), 1, "edge-9", at),
            (one_text, 2, "edge-9", at),
            (two_text, 2, "edge-9", at)
        ]
    );
    assert_eq!(live[0].prev_hash, Chain::Live.genesis(&one.to_string()));
    assert_eq!(store.verify(None, &[], |_| true).await.unwrap().heads.len(), 3);
    assert!(store.record(vec![seen(one, 9); 257]).await.is_err());
    store.close().await;
}

async fn signed_heads(bench: &Bench) {
    let store = bench.open().await;
    let dir = tempfile::tempdir().unwrap();
    let key = AuditKey::find(dir.path()).unwrap();
    let org = organization();
    create(&store, prepared(policy(org, "a"))).await.unwrap();
    create(&store, prepared(policy(SYSTEM, "b"))).await.unwrap();
    // New chains are signed at once, then when they have grown enough.
    assert_eq!(store.checkpoint(&key).await.unwrap().len(), 2);
    assert_eq!(store.checkpoint(&key).await.unwrap().len(), 0);
    create(&store, prepared(policy(org, "c"))).await.unwrap();
    assert_eq!(store.checkpoint(&key).await.unwrap().len(), 0);
    let made = store.checkpoint_now(&key).await.unwrap();
    assert_eq!(
        (made.len(), made[0].seq, made[0].organization_id.clone()),
        (1, 2, org.to_string())
    );
    assert_eq!(made[0].hash, store.heads(Some(org)).await.unwrap()[0].hash);
    let kept = store.checkpoints("", 10).await.unwrap();
    assert_eq!(kept.len(), 3);
    assert!(kept.iter().all(|(_, signed)| signed.is_signed_by(key.public())));
    assert_eq!(store.checkpoints(&kept[1].0, 10).await.unwrap().len(), 1);
    store
        .verify(None, &[], |signed| signed.is_signed_by(key.public()))
        .await
        .unwrap();
    // A head that was kept elsewhere and is not passed.
    let forged = ChainHead {
        organization_id: org.to_string(),
        chain: Chain::Config,
        seq: 1,
        hash: [1; 32],
    };
    let broken = store.verify(None, &[forged], |_| true).await.unwrap_err();
    assert!(
        matches!(&broken, VerifyError::Broken(broken) if matches!(broken.fault, Fault::Head { .. })),
        "{broken}"
    );
    store.close().await;
}

/// Many entries of one organisation, with little waiting.
async fn grow(store: &Store, organization: adit_names::id::Id, count: usize) {
    for _ in 0..count / 500 {
        let changes = (0..500).map(|_| Change::Create(prepared(policy(organization, "x"))));
        store.write(write(organization, changes.collect())).await.unwrap();
    }
}

/// Every 1,000 entries are signed, and what is signed can go.
async fn retention(bench: &Bench) {
    let store = bench.open().await;
    let dir = tempfile::tempdir().unwrap();
    let key = AuditKey::find(dir.path()).unwrap();
    let trusts = |signed: &Checkpoint| signed.is_signed_by(key.public());
    let (org, other) = (organization(), organization());
    grow(&store, org, 2_500).await;
    grow(&store, other, 500).await;
    let seqs = |made: Vec<Checkpoint>, of: adit_names::id::Id| -> Vec<u64> {
        let ours = made.iter().filter(|signed| signed.organization_id == of.to_string());
        ours.map(|signed| signed.seq).collect()
    };
    assert_eq!(seqs(store.checkpoint(&key).await.unwrap(), org), [1_000, 2_000, 2_500]);
    assert_eq!(store.checkpoint(&key).await.unwrap(), []);
    // Nothing is old enough, then nothing is trusted.
    assert_eq!(store.prune(Chain::Config, 0, 100, trusts).await.unwrap(), 0);
    assert_eq!(store.prune(Chain::Config, i64::MAX, 100, |_| false).await.unwrap(), 0);
    assert_eq!(store.prune(Chain::Live, i64::MAX, 100, trusts).await.unwrap(), 0);
    // At most so many steps; the rest later. What the last head stands for stays, and so does the other's chain.
    assert_eq!(store.prune(Chain::Config, i64::MAX, 1, trusts).await.unwrap(), 1);
    assert_eq!(store.verify(None, &[], trusts).await.unwrap().entries, 2_001);
    assert_eq!(store.prune(Chain::Config, i64::MAX, 100, trusts).await.unwrap(), 2);
    let verified = store.verify(None, &[], trusts).await.unwrap();
    assert_eq!((verified.entries, verified.heads.len()), (503, 2));
    assert_eq!(store.prune(Chain::Config, i64::MAX, 100, trusts).await.unwrap(), 0);
    // Each step is told.
    let page = EntriesPage {
        event_type: Some("audit_pruned.v0".to_owned()),
        limit: 10,
        ..EntriesPage::default()
    };
    let told = store.entries(&page).await.unwrap();
    let told: Vec<_> = told
        .iter()
        .rev()
        .map(|entry| entry.to_json()["after"].clone())
        .collect();
    let spans: Vec<_> = told
        .iter()
        .map(|told| (&told["from"], &told["to"], &told["count"]))
        .collect();
    assert_eq!(
        spans,
        [
            (&json!(1), &json!(1_000), &json!(1_000)),
            (&json!(1_001), &json!(2_000), &json!(1_000)),
            (&json!(2_001), &json!(2_500), &json!(500))
        ]
    );
    // Without the head that stands for what is gone, or with another one there, the beginning is missing.
    let broken = store.verify(None, &[], |_| false).await.unwrap_err();
    assert!(broken.to_string().contains("no checkpoint stands for them"), "{broken}");
    // Parts agree, wherever they begin.
    for after in [0, 3_000, 3_001, 3_002] {
        store.verify_part(after, 10_000, trusts).await.unwrap();
    }
    store.close().await;
}

/// Heads that stand for little go together: a chain that grows slowly is not kept up by what tells of its pruning.
async fn small_steps(bench: &Bench) {
    let store = bench.open().await;
    let dir = tempfile::tempdir().unwrap();
    let key = AuditKey::find(dir.path()).unwrap();
    let trusts = |signed: &Checkpoint| signed.is_signed_by(key.public());
    let org = organization();
    for _ in 0..6 {
        create(&store, prepared(policy(org, "x"))).await.unwrap();
        assert_eq!(store.checkpoint_now(&key).await.unwrap().len(), 1);
    }
    assert_eq!(store.prune(Chain::Config, i64::MAX, 100, trusts).await.unwrap(), 1);
    // The last one, for which no older head stands, and what tells of it.
    assert_eq!(store.verify(None, &[], trusts).await.unwrap().entries, 2);
    store.close().await;
}

/// What is checked in the background, piece by piece.
async fn parts(bench: &Bench) {
    let store = bench.open().await;
    let (org, other) = (organization(), organization());
    for number in 0..10 {
        let whose = if number % 2 == 0 { org } else { other };
        create(&store, prepared(policy(whose, "x"))).await.unwrap();
    }
    let mut after = 0;
    let mut lengths = Vec::new();
    loop {
        let part = store.verify_part(after, 4, |_| true).await.unwrap();
        lengths.push(part.entries);
        after = part.until;
        if part.is_end {
            break;
        }
    }
    assert_eq!(lengths, [4, 4, 2]);
    store.close().await;
    // Found by the part that it is in, by the one behind it, and by the one at the end.
    for (statement, found) in [
        ("UPDATE log SET subject = 'x' WHERE position = 6", [false, true, false]),
        (
            "UPDATE log SET hash = prev_hash WHERE position = 4",
            [true, true, false],
        ),
        ("DELETE FROM log WHERE position = 4", [false, true, false]),
        ("DELETE FROM log WHERE position = 10", [false, false, true]),
    ] {
        let copy = Bench::sqlite();
        let file = tempfile::tempdir().unwrap().path().join("backup");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let store = bench.open().await;
        store.backup(&file, None).await.unwrap();
        store.close().await;
        let (copied, _) = Store::restore(copy.options("edge-1", [7; 32]), &file, None, actor())
            .await
            .unwrap();
        copied.close().await;
        // Without the entry about it, so that the log ends as it did.
        copy.run("DELETE FROM log WHERE position = 11").await;
        copy.run("DELETE FROM log_head WHERE organization_id = 'ac_system'")
            .await;
        copy.run("UPDATE log_head SET position = 10 WHERE chain = ''").await;
        copy.run(statement).await;
        let copied = copy.open().await;
        for (part, found) in [0, 4, 8].into_iter().zip(found) {
            let result = copied.verify_part(part, 4, |_| true).await;
            assert_eq!(result.is_err(), found, "{statement}: part {part}: {result:?}");
        }
        copied.close().await;
    }
}

/// Who has a lease keeps it, and nobody else has it until it has run out.
async fn leases(bench: &Bench) {
    let store = bench.open().await;
    let (work, long) = (store.work(), std::time::Duration::from_secs(60));
    assert!(work.lease("audit", "edge-1", long).await.unwrap());
    assert!(work.lease("audit", "edge-1", long).await.unwrap());
    assert!(!work.lease("audit", "edge-2", long).await.unwrap());
    assert!(work.lease("audit", "edge-1", std::time::Duration::ZERO).await.unwrap());
    assert!(work.lease("audit", "edge-2", long).await.unwrap());
    assert!(!work.lease("audit", "edge-1", long).await.unwrap());
    store.close().await;
}

/// What the log looks like after somebody with rights on the database has changed it.
async fn forgery(bench: &Bench) {
    let store = bench.open().await;
    let (org, other) = (organization(), organization());
    for number in 0..5 {
        create(&store, prepared(policy(org, &format!("p{number}"))))
            .await
            .unwrap();
        create(&store, prepared(policy(other, "x"))).await.unwrap();
    }
    store.close().await;
    for (statement, seq) in [
        ("UPDATE log SET subject = 'b@example.com' WHERE seq = 3", 3),
        ("UPDATE log SET after = NULL WHERE seq = 5", 5),
        ("UPDATE log SET at = at + 1 WHERE seq = 1", 1),
        ("UPDATE log SET credential_id = '' WHERE seq = 2", 2),
        ("UPDATE log SET ip = NULL WHERE seq = 2", 2),
        ("UPDATE log SET principal_id = '+' WHERE seq = 4", 4),
        ("UPDATE log SET revision = 2 WHERE seq = 4", 4),
        ("UPDATE log SET prev_hash = hash WHERE seq = 4", 4),
        ("UPDATE log SET event_id = event_id || '\u{1f}' WHERE seq = 3", 3),
        ("UPDATE log SET subject = subject || '\u{1e}' WHERE seq = 3", 3),
        ("DELETE FROM log WHERE seq = 2", 2),
        ("DELETE FROM log WHERE seq = 5", 5),
        ("DELETE FROM log WHERE seq = 1", 2),
        ("DELETE FROM log", 1),
    ] {
        let backup = bench.open().await;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("backup");
        backup.backup(&file, None).await.unwrap();
        backup.close().await;
        // On a copy, so that each forgery is the only one.
        let copy = Bench::sqlite();
        let (copied, _) = Store::restore(copy.options("edge-1", [7; 32]), &file, None, actor())
            .await
            .unwrap();
        copied.verify(Some(org), &[], |_| true).await.unwrap();
        copied.close().await;
        let and = if statement.contains("WHERE") { "AND" } else { "WHERE" };
        copy.run(&format!("{statement} {and} organization_id = '{org}'")).await;
        let copied = copy.open().await;
        let broken = copied.verify(None, &[], |_| true).await.unwrap_err();
        let VerifyError::Broken(broken) = broken else {
            panic!("{statement}: {broken}")
        };
        assert_eq!(
            (broken.organization_id, broken.seq),
            (org.to_string(), seq),
            "{statement}"
        );
        // The other's chain is whole.
        assert_eq!(copied.verify(Some(other), &[], |_| true).await.unwrap().entries, 5);
        copied.close().await;
    }
}

/// Texts with the characters that part entries while they are verified, and many entries before and behind them.
async fn odd_texts(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    for number in 0..300 {
        let mut odd = write(org, vec![Change::Create(prepared(policy(org, "x")))]);
        if number % 140 == 139 {
            odd.actor.subject = "\u{1f}\u{1e}+".to_owned();
        }
        store.write(odd).await.unwrap();
    }
    assert_eq!(store.verify(None, &[], |_| true).await.unwrap().entries, 300);
    store.close().await;
    bench
        .run("UPDATE log SET subject = '\u{1f}\u{1e}' WHERE seq = 280")
        .await;
    let store = bench.open().await;
    let broken = store.verify(None, &[], |_| true).await.unwrap_err();
    assert!(
        matches!(&broken, VerifyError::Broken(broken) if broken.seq == 280),
        "{broken}"
    );
    store.close().await;
}

/// What an export has verifies without the store.
async fn exports(bench: &Bench) {
    let store = bench.open().await;
    let dir = tempfile::tempdir().unwrap();
    let key = AuditKey::find(dir.path()).unwrap();
    let org = organization();
    let mut odd = policy(org, "ü \u{2028} \"\\\" 1e300");
    odd.body.insert(
        "number".to_owned(),
        json!([1.5e300, 0.1, -0.0, 9_007_199_254_740_993_u64, 1e21]),
    );
    create(&store, prepared(odd)).await.unwrap();
    for number in 0..3 {
        create(&store, prepared(policy(org, &number.to_string())))
            .await
            .unwrap();
    }
    let mut manifest = Manifest::default();
    let mut lines = Vec::new();
    for entry in store
        .scan(&Scan {
            organization: Some(org),
            ..Scan::default()
        })
        .await
        .unwrap()
    {
        manifest.add(&entry);
        lines.push(entry.to_json().to_string());
    }
    let signed = store.checkpoint_now(&key).await.unwrap();
    let last = manifest.finish(&key, &signed);
    assert_eq!(last["manifest"]["count"], 4);
    let mut verifier = Verifier::new();
    for head in &signed {
        verifier.head(&head.organization_id, head.chain, head.seq, head.hash);
    }
    for line in lines {
        let entry = Entry::from_json(&serde_json::from_str(&line).unwrap()).unwrap();
        verifier.entry(&entry).unwrap();
    }
    assert_eq!(verifier.finish().unwrap().entries, 4);
    store.close().await;
}

on_both! { activity signed_heads retention small_steps parts leases forgery odd_texts exports }
