use adit_model::Prepared;
use adit_store::Item;
use adit_store::backup::{Passphrase, RestoreError};
use adit_store::log::{AuditKey, EntriesPage};
use adit_store::{OpenError, Store};
use serde_json::json;

use crate::engine::Bench;
use crate::things::*;

async fn everything(store: &Store) -> (Vec<adit_model::Object>, Vec<adit_store::log::Entry>) {
    let all = store
        .all(&["ip_policy", "ip_policy_rule", "reserved_domain"])
        .await
        .unwrap();
    let limit = 1_000;
    let entries = store
        .entries(&EntriesPage {
            limit,
            ..EntriesPage::default()
        })
        .await
        .unwrap();
    (all.objects, entries)
}

async fn fill(store: &Store) -> adit_names::id::Id {
    let org = organization();
    let target = create(store, prepared(policy(org, "target"))).await.unwrap();
    for _ in 0..70 {
        create(store, rule(org, target.id, adit_model::OnDelete::Cascade))
            .await
            .unwrap();
    }
    create(store, domain(org, "com.example.*.")).await.unwrap();
    let secret = Prepared {
        secrets: vec![("value", sealed("open sesame"))],
        ..prepared(policy(org, "ü\u{7}\"x\""))
    };
    let secret = create(store, secret).await.unwrap();
    store
        .work()
        .put("cursor", &Item::new("a", json!({"b": 1})))
        .await
        .unwrap();
    secret.id
}

async fn there_and_back(from: &Bench, to: &Bench, passphrase: Option<&str>) {
    let passphrase = passphrase.map(|text| Passphrase::new(text.to_owned()));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("adit.backup");
    let store = from.open().await;
    let secret = fill(&store).await;
    let key = AuditKey::find(dir.path()).unwrap();
    store.checkpoint_now(&key).await.unwrap();
    let backup = store.backup(&path, passphrase.clone()).await.unwrap();
    let (objects, entries) = everything(&store).await;
    assert_eq!(
        (backup.position, backup.heads.clone()),
        (73, store.heads(None).await.unwrap())
    );

    let bytes = std::fs::read(&path).unwrap();
    if passphrase.is_some() {
        let none = Store::restore(to.options("edge-2", [7; 32]), &path, None, actor()).await;
        assert!(matches!(none, Err(RestoreError::Passphrase)));
        let wrong = Some(Passphrase::new("wrong".to_owned()));
        let wrong = Store::restore(to.options("edge-2", [7; 32]), &path, wrong, actor()).await;
        assert!(matches!(wrong, Err(RestoreError::Damaged(_))));
    } else {
        // Cut or changed anywhere: nothing is restored.
        for bad in [
            &bytes[..bytes.len() - 1],
            &bytes[..bytes.len() / 2],
            &bytes
                .iter()
                .map(|b| if *b == b'7' { b'8' } else { *b })
                .collect::<Vec<_>>(),
        ] {
            let damaged = dir.path().join("damaged");
            std::fs::write(&damaged, bad).unwrap();
            let result = Store::restore(to.options("edge-2", [7; 32]), &damaged, None, actor()).await;
            assert!(matches!(result, Err(RestoreError::Damaged(_))), "{result:?}");
        }
    }
    let other_key = Store::restore(to.options("edge-2", [8; 32]), &path, passphrase.clone(), actor()).await;
    assert!(
        matches!(other_key, Err(RestoreError::Open(OpenError::WrongKey))),
        "{other_key:?}"
    );

    let (restored, told) = Store::restore(to.options("edge-2", [7; 32]), &path, passphrase.clone(), actor())
        .await
        .unwrap();
    assert_eq!(
        (told.position, told.heads, told.rows),
        (backup.position, backup.heads, backup.rows)
    );
    let (again, log) = everything(&restored).await;
    assert_eq!(again, objects);
    assert_eq!(log[1..], entries);
    assert_eq!(
        (
            log[0].event_type.as_str(),
            log[0].organization_id.as_str(),
            log[0].position
        ),
        ("backup_restored.v0", "ac_system", 74)
    );
    assert_eq!(
        restored.secrets(&[secret]).await.unwrap()[&secret],
        [("value".to_owned(), sealed("open sesame"))]
    );
    assert_eq!(
        restored.work().get("cursor", "a").await.unwrap().unwrap().body,
        json!({"b": 1})
    );
    assert_eq!(
        restored.holder("name", "com.example.*.").await.unwrap(),
        store.holder("name", "com.example.*.").await.unwrap()
    );
    let verified = restored
        .verify(None, &[], |signed| signed.is_signed_by(key.public()))
        .await
        .unwrap();
    assert_eq!(verified.entries, 74);
    // References came along: deletion cascades.
    let target = objects
        .iter()
        .find(|object| object.text("description") == "target")
        .unwrap();
    restored
        .write(write(target.organization, vec![delete(target.id)]))
        .await
        .unwrap();
    assert_eq!(restored.count("ip_policy_rule", None).await.unwrap(), 0);
    // Never over something.
    let twice = Store::restore(to.options("edge-2", [7; 32]), &path, passphrase, actor()).await;
    assert!(matches!(twice, Err(RestoreError::NotEmpty)));
    store.close().await;
    restored.close().await;
}

#[tokio::test]
async fn from_sqlite_to_postgres() {
    there_and_back(&Bench::sqlite(), &Bench::postgres().await, None).await;
}

#[tokio::test]
async fn from_postgres_to_sqlite_under_a_passphrase() {
    there_and_back(
        &Bench::postgres().await,
        &Bench::sqlite(),
        Some("correct horse battery staple"),
    )
    .await;
}

#[tokio::test]
async fn a_backup_that_cannot_be_written_leaves_nothing() {
    let store = Bench::sqlite().open().await;
    create(&store, prepared(policy(organization(), "x"))).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none/adit.backup");
    assert!(store.backup(&path, None).await.is_err());
    assert!(!path.exists());
    store.close().await;
}
