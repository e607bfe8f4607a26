//! From an occurrence through the spool into a store, also over restarts.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use adit_edge::session::Recorder as _;
use adit_names::id::{Id, Prefix};
use adit_observe::{Activity, ActivityEvent, ActivityTap as _, AgentSession};
use adit_store::log::{Chain, EntriesPage};
use adit_store::{Engine, MasterKey, Options, Store};
use tokio::sync::watch;

use super::segment::Segment;
use super::{Spool, ship};

fn organization() -> Id {
    Id::new(Prefix::Account, 1_800_000_000, [1; 16])
}

fn started(number: u32) -> Arc<ActivityEvent> {
    let session = AgentSession {
        id: format!("ts_{number}"),
        organization_id: organization().to_string(),
        credential_id: Id::new(Prefix::Credential, 1_800_000_000, [2; 16]).to_string(),
        ..AgentSession::default()
    };
    Arc::new(ActivityEvent {
        at: SystemTime::now(),
        node: "node-1".into(),
        activity: Activity::SessionStarted(Arc::new(session)),
    })
}

async fn store(dir: &Path) -> Store {
    Store::open(Options {
        engine: Engine::Sqlite(dir.join("adit.db")),
        node: "node-1".to_owned(),
        key: MasterKey::new([7; 32]),
    })
    .await
    .unwrap()
}

/// Ids of what is in the log, oldest first.
async fn logged(store: &Store) -> Vec<String> {
    let page = EntriesPage {
        organization: Some(organization()),
        chain: Some(Chain::Live),
        limit: 10_000,
        ..EntriesPage::default()
    };
    let entries = store.entries(&page).await.unwrap();
    entries.into_iter().rev().filter_map(|e| e.object_id).collect()
}

/// Ships what is in the spool, and stops.
async fn ship_all(reader: super::SpoolReader, store: &Store) {
    let (_stop, stopped) = watch::channel(true);
    ship(reader, store.clone(), "node-1".to_owned(), stopped).await;
}

#[tokio::test]
async fn what_is_recorded_is_on_the_disk_and_comes_into_the_log_once() {
    let dir = tempfile::tempdir().unwrap();
    let spool_dir = dir.path().join("activity");
    let expected: Vec<String> = (0..700).map(|n| format!("ts_{n}")).collect();
    // A node that dies before it has shipped anything.
    let (spool, _) = Spool::open(&spool_dir).unwrap();
    for number in 0..400 {
        spool.take(&started(number));
    }
    spool.recorded().await;
    let kept = dir.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    let segments = Segment::all(&spool_dir).unwrap();
    for segment in &segments {
        std::fs::copy(segment.path(&spool_dir), segment.path(&kept)).unwrap();
    }
    spool.close();

    // The next one has the rest and what comes.
    let (spool, reader) = Spool::open(&spool_dir).unwrap();
    for number in 400..700 {
        spool.take(&started(number));
    }
    spool.recorded().await;
    let store = store(dir.path()).await;
    ship_all(reader, &store).await;
    assert_eq!(logged(&store).await, expected);
    assert_eq!(
        Segment::all(&spool_dir).unwrap().len(),
        1,
        "only the file that is being written is left"
    );
    spool.close();

    // Files that come back (a backup, a crash before they were removed) bring nothing twice.
    for segment in &segments {
        std::fs::copy(segment.path(&kept), segment.path(&spool_dir)).unwrap();
    }
    let (spool, reader) = Spool::open(&spool_dir).unwrap();
    ship_all(reader, &store).await;
    assert_eq!(logged(&store).await, expected);
    spool.close();
    store.close().await;
}

#[tokio::test]
async fn a_record_that_was_cut_ends_its_file_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(dir.path()).unwrap();
    spool.take(&started(0));
    spool.take(&started(1));
    spool.recorded().await;
    spool.close();
    let segment = Segment::all(dir.path()).unwrap().remove(0);
    let bytes = std::fs::read(segment.path(dir.path())).unwrap();
    std::fs::write(segment.path(dir.path()), &bytes[..bytes.len() - 3]).unwrap();
    let (spool, reader) = Spool::open(dir.path()).unwrap();
    spool.take(&started(2));
    spool.recorded().await;
    let store = store(dir.path()).await;
    ship_all(reader, &store).await;
    assert_eq!(logged(&store).await, ["ts_0", "ts_2"]);
    spool.close();
    store.close().await;
}
