//! The log as a whole: chains, signed heads, activity, and what a forger would have to do.

use adit_names::id::Prefix;
use adit_store::activity::Activity;
use adit_store::log::account::SYSTEM;
use adit_store::log::{AuditKey, Chain, ChainHead, Entry, Fault, Manifest, Origin, Scan, Verifier, VerifyError};
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

on_both! { activity signed_heads forgery odd_texts exports }
