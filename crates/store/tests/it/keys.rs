//! Where the master key is looked for, and what happens without it.

use adit_model::Prepared;
use adit_store::log::AuditKey;
use adit_store::{Engine, KeyPlaces, MasterKey, OpenError, Options, Store, WriteError};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::engine::Bench;
use crate::things::*;

/// 32 times 7, in base64.
const SEVENS: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

fn places(dir: &Path) -> KeyPlaces {
    KeyPlaces {
        given: None,
        file: None,
        data_dir: dir.to_owned(),
    }
}

/// Opens a store with what was found.
async fn open(bench: &Bench, places: &KeyPlaces) -> Result<Store, OpenError> {
    let key = MasterKey::find(places, &bench.engine()).await?;
    let (engine, node) = (bench.engine(), "edge-1".to_owned());
    Store::open(Options { engine, node, key }).await
}

async fn made_before_the_first_secret_and_missed_afterwards(bench: &Bench) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("master.key");
    let store = open(bench, &places(dir.path())).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = Prepared {
        secrets: vec![("value", sealed("open sesame"))],
        ..prepared(policy(organization(), "x"))
    };
    let made = create(&store, secret).await.unwrap();
    store.close().await;
    let store = open(bench, &places(dir.path())).await.unwrap();
    assert_eq!(
        store.secrets(&[made.id]).await.unwrap()[&made.id][0].1,
        sealed("open sesame")
    );
    store.close().await;
    // Without it: refused, with all places named; a new one is not made.
    std::fs::remove_file(&file).unwrap();
    let refused = open(bench, &places(dir.path())).await.unwrap_err();
    assert!(matches!(refused, OpenError::NoKey(_)));
    for place in ["ADIT_SERVER__MASTER_KEY", "master_key_file", "master.key"] {
        assert!(refused.to_string().contains(place), "{refused}");
    }
    assert!(!file.exists());
    // A key that is not the one.
    let given = KeyPlaces {
        given: Some(SEVENS.to_owned().into()),
        ..places(dir.path())
    };
    assert!(matches!(open(bench, &given).await.unwrap_err(), OpenError::WrongKey));
}

async fn the_first_place_that_is_set_counts(bench: &Bench) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, [7; 32]).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let by_file = KeyPlaces {
        file: Some(file.clone()),
        ..places(dir.path())
    };
    let given = KeyPlaces {
        given: Some(format!(" {SEVENS}\n").into()),
        file: Some(dir.path().join("none")),
        ..places(dir.path())
    };
    // The same key in two forms and two places.
    open(bench, &by_file).await.unwrap().close().await;
    open(bench, &given).await.unwrap().close().await;
    assert!(!dir.path().join("master.key").exists());
    // What is set must work: no next place is tried.
    let none = KeyPlaces {
        file: Some(dir.path().join("none")),
        ..places(dir.path())
    };
    assert!(matches!(open(bench, &none).await.unwrap_err(), OpenError::File { .. }));
    let bad = KeyPlaces {
        given: Some("secret".to_owned().into()),
        ..by_file.clone()
    };
    assert!(matches!(open(bench, &bad).await.unwrap_err(), OpenError::Key(_)));
    std::fs::write(&file, SEVENS).unwrap();
    open(bench, &by_file).await.unwrap().close().await;
}

on_both! { made_before_the_first_secret_and_missed_afterwards the_first_place_that_is_set_counts opened_later }

#[tokio::test]
async fn a_file_that_everybody_can_read_is_refused() {
    // On a disk: a file system in memory is as containers have it, where the mode says little.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, SEVENS).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = KeyPlaces {
        file: Some(file),
        ..places(dir.path())
    };
    let refused = open(&Bench::sqlite(), &exposed).await.unwrap_err();
    assert!(matches!(refused, OpenError::Exposed(_)), "{refused}");
}

/// A store that is opened without its database looks at it with the first write.
async fn opened_later(bench: &Bench) {
    let org = organization();
    let store = Store::open_later(&bench.options("edge-1", [7; 32])).unwrap();
    create(&store, prepared(policy(org, "x"))).await.unwrap();
    assert_eq!(store.all(&["ip_policy"]).await.unwrap().objects.len(), 1);
    store.close().await;
    let stranger = Store::open_later(&bench.options("edge-1", [9; 32])).unwrap();
    let refused = create(&stranger, prepared(policy(org, "y"))).await.unwrap_err();
    assert!(
        matches!(&refused, WriteError::Unavailable(why) if why.contains("not the one that sealed")),
        "{refused}"
    );
    assert_eq!(stranger.all(&["ip_policy"]).await.unwrap().objects.len(), 1);
    stranger.close().await;
}

/// Whoever has an account on the machine cannot read what is stored, also where it was there with other rights before.
#[cfg(unix)]
#[tokio::test]
async fn the_database_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("adit.db");
    let mode = |suffix: &str| {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        std::fs::metadata(name).unwrap().permissions().mode() & 0o777
    };
    let key = MasterKey::find(&places(dir.path()), &Engine::Sqlite(path.clone()))
        .await
        .unwrap();
    for round in 0..2 {
        let store = Store::open(Options {
            engine: Engine::Sqlite(path.clone()),
            node: "edge-1".to_owned(),
            key: key.clone(),
        })
        .await
        .unwrap();
        create(&store, prepared(policy(organization(), "x"))).await.unwrap();
        store.all(&["ip_policy"]).await.unwrap();
        for suffix in ["", "-wal", "-shm"] {
            assert_eq!(mode(suffix), 0o600, "{suffix} in round {round}");
        }
        store.close().await;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    AuditKey::find(dir.path()).unwrap();
    for file in ["master.key", "audit-key"] {
        let mode = std::fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
