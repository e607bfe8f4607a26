use adit_store::log::Chain;
use adit_store::{Engine, OpenError, Store, WriteError};

use crate::engine::Bench;
use crate::things::*;

async fn a_store_that_is_looked_at(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    for text in ["a", "b", "c"] {
        create(&store, prepared(policy(org, text))).await.unwrap();
    }
    // Beside the one that writes.
    let reader = Store::open_to_read(&bench.engine()).await.unwrap();
    let verified = reader.verify(None, &[], |_| true).await.unwrap();
    assert_eq!((verified.entries, verified.heads.len()), (3, 1));
    assert_eq!(*reader.wake().borrow(), 3);
    let refused = create(&reader, prepared(policy(org, "d"))).await.unwrap_err();
    assert!(matches!(refused, WriteError::Unavailable(_)), "{refused:?}");
    create(&store, prepared(policy(org, "d"))).await.unwrap();
    assert_eq!(reader.verify(None, &[], |_| true).await.unwrap().entries, 4);
    store.close().await;
    // And behind it.
    let verified = reader.verify(Some(org), &[], |_| true).await.unwrap();
    assert_eq!(
        verified.heads.keys().map(|(_, chain)| *chain).collect::<Vec<_>>(),
        [Chain::Config]
    );
    reader.close().await;
}

#[tokio::test]
async fn what_is_no_store_is_not_made_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("adit.db");
    let missing = Store::open_to_read(&Engine::Sqlite(path.clone())).await.unwrap_err();
    assert!(matches!(missing, OpenError::File { .. }), "{missing}");
    assert!(!path.exists());
    std::fs::write(&path, "no database").unwrap();
    assert!(Store::open_to_read(&Engine::Sqlite(path)).await.is_err());
}

on_both! { a_store_that_is_looked_at }
