//! A disk that is full.

use adit_model::{Object, Prepared};
use adit_names::id::{Id, Prefix};

use crate::log::account::SYSTEM;
use crate::write::{Actor, Change, Source, Write, WriteError};
use crate::{Engine, MasterKey, Options, Store};

fn write(size: usize) -> (Id, Write) {
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).unwrap();
    let id = Id::new(Prefix::IpPolicy, 1_795_000_000, random);
    let mut body = serde_json::Map::new();
    body.insert("metadata".into(), "x".repeat(size).into());
    let object = Object {
        id,
        kind: "ip_policy".into(),
        organization: SYSTEM,
        owner: None,
        schema: 1,
        revision: 0,
        created_at: 0,
        updated_at: 0,
        body,
    };
    let prepared = Prepared {
        object,
        claims: Vec::new(),
        references: Vec::new(),
        secrets: Vec::new(),
    };
    let actor = Actor {
        principal: None,
        subject: "system".into(),
        source: Source::System,
        credential: None,
        ip: None,
        user_agent: String::new(),
        operation_id: String::new(),
    };
    let changes = vec![Change::Create(prepared)];
    let write = Write {
        organization: SYSTEM,
        actor,
        changes,
        dry_run: false,
    };
    (id, write)
}

/// The file may not grow beyond so many pages: SQLite answers as if the disk were full.
async fn limit(store: &Store, pages: &'static str) {
    let mut writer = store.inner.writer.lock().await;
    let mut conn = writer.take().await.unwrap();
    conn.raw(pages).await.unwrap();
    writer.put(conn, false);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        engine: Engine::Sqlite(dir.path().join("adit.db")),
        node: "edge-1".into(),
        key: MasterKey::new([7; 32]),
    };
    let store = Store::open(options).await.unwrap();
    limit(&store, "PRAGMA max_page_count = 200").await;
    let mut kept = Vec::new();
    let refused = loop {
        let (id, one) = write(20_000);
        let heads = store.heads(None).await.unwrap();
        match store.write(one).await {
            Ok(_) => kept.push(id),
            Err(error) => {
                assert!(matches!(error, WriteError::Unavailable(_)), "{error}");
                assert_eq!(store.heads(None).await.unwrap(), heads);
                break id;
            }
        }
        assert!(kept.len() < 200, "the limit holds");
    };
    assert!(!kept.is_empty());
    assert_eq!(store.get(refused).await.unwrap(), None);
    // Several at once, large and small: whatever is acknowledged is there, and nothing else.
    let mut tasks = Vec::new();
    for size in [20_000, 10, 20_000, 10] {
        let (id, one) = write(size);
        let store = store.clone();
        let task = async move { store.write(one).await };
        tasks.push((id, task));
    }
    let (ids, tasks): (Vec<_>, Vec<_>) = tasks.into_iter().unzip();
    let [a, b, c, d] = <[_; 4]>::try_from(tasks).ok().unwrap();
    let results = tokio::join!(a, b, c, d);
    for (id, result) in ids.into_iter().zip([results.0, results.1, results.2, results.3]) {
        assert_eq!(store.get(id).await.unwrap().is_some(), result.is_ok());
        kept.extend(result.is_ok().then_some(id));
    }
    // Room again: it goes on where it was.
    limit(&store, "PRAGMA max_page_count = 100000").await;
    let (id, one) = write(20_000);
    store.write(one).await.unwrap();
    kept.push(id);
    assert_eq!(store.count("ip_policy", None).await.unwrap(), kept.len() as u64);
    let verified = store.verify(None, &[], |_| true).await.unwrap();
    assert_eq!(verified.entries, kept.len() as u64);
    store.close().await;
}
