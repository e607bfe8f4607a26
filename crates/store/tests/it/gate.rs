use adit_model::{OnDelete, Prepared};
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use adit_store::log::{Chain, EntriesPage};
use adit_store::{Change, Fact, Write, WriteError};
use serde_json::json;

use crate::engine::Bench;
use crate::things::*;

async fn create_change_delete(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    let mut first = policy(org, "office");
    first
        .body
        .insert("of_a_newer_version".into(), json!({"kept": [1, 2.5, null]}));
    let made = create(&store, prepared(first.clone())).await.unwrap();
    assert_eq!((made.revision, made.body.clone()), (1, first.body.clone()));
    assert!(made.created_at > 1_700_000_000_000_000 && made.updated_at == made.created_at);
    assert_eq!(store.get(made.id).await.unwrap(), Some(made.clone()));

    let written = store
        .write(write(org, vec![set(&made, "description", json!("offices"))]))
        .await
        .unwrap();
    let changed = written.objects[0].clone();
    assert_eq!((changed.revision, changed.text("description")), (2, "offices"));
    assert_eq!(changed.body["of_a_newer_version"], first.body["of_a_newer_version"]);
    assert_eq!(store.get(made.id).await.unwrap(), Some(changed.clone()));

    // Nothing changes: no revision, no entry.
    let same = store
        .write(write(org, vec![set(&changed, "description", json!("offices"))]))
        .await
        .unwrap();
    assert_eq!((same.objects[0].revision, same.position), (2, written.position));

    store.write(write(org, vec![delete(made.id)])).await.unwrap();
    assert_eq!(store.get(made.id).await.unwrap(), None);
    let gone = store.write(write(org, vec![delete(made.id)])).await;
    assert_eq!(gone.unwrap_err(), WriteError::NotFound);

    let entries = store
        .entries(&EntriesPage {
            limit: 10,
            ..EntriesPage::default()
        })
        .await
        .unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|e| {
            (
                e.position,
                e.seq,
                e.event_type.as_str(),
                e.revision,
                e.before.is_some(),
                e.after.is_some(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (3, 3, "ip_policy_deleted.v0", Some(2), true, false),
            (2, 2, "ip_policy_updated.v0", Some(2), true, true),
            (1, 1, "ip_policy_created.v0", Some(1), false, true),
        ]
    );
    assert_eq!(entries[0].prev_hash, entries[1].hash);
    assert_eq!(entries[2].prev_hash, Chain::Config.genesis(&org.to_string()));
    store.close().await;
    // It is durable.
    let again = bench.open().await;
    assert_eq!(
        again
            .entries(&EntriesPage {
                limit: 10,
                ..EntriesPage::default()
            })
            .await
            .unwrap(),
        entries
    );
    again.close().await;
}

async fn who_comes_second(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    let made = create(&store, prepared(policy(org, "a"))).await.unwrap();
    store
        .write(write(org, vec![set(&made, "metadata", json!("m"))]))
        .await
        .unwrap();
    // Made anew from what is there: both changes stay.
    let written = store
        .write(write(org, vec![set(&made, "description", json!("b"))]))
        .await
        .unwrap();
    assert_eq!(
        written.objects[0].body,
        body(json!({"description": "b", "metadata": "m"}))
    );
    assert_eq!(written.objects[0].revision, 3);
    // Unless only what was seen is to be changed.
    let Change::Update { seen, next, again, .. } = set(&made, "description", json!("c")) else {
        panic!()
    };
    let only = Change::Update {
        seen,
        next,
        again,
        only_seen: true,
    };
    let stale = store.write(write(org, vec![only])).await;
    assert_eq!(stale.unwrap_err(), WriteError::Stale { current: 3 });
    let stale = store
        .write(write(
            org,
            vec![Change::Delete {
                id: made.id,
                only: Some(2),
            }],
        ))
        .await;
    assert_eq!(stale.unwrap_err(), WriteError::Stale { current: 3 });
    // Another organisation does not see it.
    let foreign = store.write(write(organization(), vec![delete(made.id)])).await;
    assert_eq!(foreign.unwrap_err(), WriteError::NotFound);
    // What a newer version wrote is not changed.
    let mut newer = written.objects[0].clone();
    newer.schema = 2;
    let newer = Change::Update {
        seen: 3,
        next: prepared(newer),
        again: adit_store::Again(std::sync::Arc::new(|_| Ok(None))),
        only_seen: false,
    };
    store.write(write(org, vec![newer])).await.unwrap();
    let refused = store
        .write(write(org, vec![set(&written.objects[0], "description", json!("d"))]))
        .await
        .unwrap();
    assert_eq!(refused.objects[0].schema, 2);
    let mut old = refused.objects[0].clone();
    old.schema = 1;
    old.body.insert("description".into(), json!("e"));
    let old = Change::Update {
        seen: 5,
        next: prepared(old),
        again: adit_store::Again(std::sync::Arc::new(|_| Ok(None))),
        only_seen: false,
    };
    assert_eq!(store.write(write(org, vec![old])).await.unwrap_err(), WriteError::Newer);
    store.close().await;
}

async fn all_or_nothing(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    let one = policy(org, "one");
    let held = Prepared {
        claims: vec![exact("addr", "tcp/1")],
        ..prepared(policy(org, "two"))
    };
    store
        .write(write(org, vec![Change::Create(held.clone())]))
        .await
        .unwrap();
    let before = store.heads(None).await.unwrap();
    let mut second = held.clone();
    second.object.id = id(Prefix::IpPolicy);
    let both = write(org, vec![Change::Create(prepared(one.clone())), Change::Create(second)]);
    assert_eq!(refused(store.write(both).await), ErrorCode::NGROK_105);
    assert_eq!(store.get(one.id).await.unwrap(), None);
    // Tried only: as if it were done, and nothing stays.
    let tried = Write {
        dry_run: true,
        ..write(org, vec![Change::Create(prepared(one.clone()))])
    };
    let tried = store.write(tried).await.unwrap();
    assert_eq!(tried.objects[0].revision, 1);
    assert_eq!(store.get(one.id).await.unwrap(), None);
    assert_eq!(store.heads(None).await.unwrap(), before);
    assert_eq!(store.changes(0).await.unwrap().position, 1);
    // Steps of one write see each other.
    let made = policy(org, "three");
    let mut seen = made.clone();
    seen.revision = 1;
    let steps = vec![
        Change::Create(prepared(made.clone())),
        set(&seen, "description", json!("four")),
        delete(made.id),
    ];
    let written = store.write(write(org, steps)).await.unwrap();
    assert_eq!((written.position, written.objects.len()), (4, 2));
    assert_eq!(store.get(made.id).await.unwrap(), None);
    store.close().await;
}

async fn facts(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    let fact = Fact {
        event_type: "agent_session_command.v0",
        object: Some(("session".into(), "ts_1".into())),
        after: json!({"command": "stop", "b": 1, "a": 2}),
    };
    store.write(write(org, vec![Change::Fact(fact)])).await.unwrap();
    let entries = store
        .entries(&EntriesPage {
            limit: 10,
            organization: Some(org),
            ..EntriesPage::default()
        })
        .await
        .unwrap();
    assert_eq!(entries[0].after.as_deref(), Some(r#"{"a":2,"b":1,"command":"stop"}"#));
    assert_eq!(
        (entries[0].revision, entries[0].object_id.as_deref()),
        (None, Some("ts_1"))
    );
    assert_eq!(
        store.entry(&entries[0].event_id).await.unwrap().as_ref(),
        Some(&entries[0])
    );
    let feed = store.changes(0).await.unwrap();
    assert_eq!((feed.position, feed.changed.len()), (1, 0));
    store.close().await;
}

async fn claims(bench: &Bench) {
    let store = bench.open().await;
    let (ours, theirs) = (organization(), organization());
    let apex = create(&store, domain(ours, "com.example.")).await.unwrap();
    assert_eq!(
        refused(create(&store, domain(ours, "com.example.")).await),
        ErrorCode::NGROK_105
    );
    assert_eq!(
        refused(create(&store, domain(theirs, "com.example.")).await),
        ErrorCode::NGROK_106
    );
    // Own names may nest; foreign ones may not, in either direction.
    let wildcard = create(&store, domain(ours, "com.example.*.")).await.unwrap();
    create(&store, domain(ours, "com.example.a.")).await.unwrap();
    assert_eq!(
        refused(create(&store, domain(theirs, "com.example.b.")).await),
        ErrorCode::NGROK_106
    );
    assert_eq!(
        refused(create(&store, domain(theirs, "com.example.b.*.")).await),
        ErrorCode::NGROK_106
    );
    create(&store, domain(theirs, "org.example.a.")).await.unwrap();
    assert_eq!(
        refused(create(&store, domain(ours, "org.example.*.")).await),
        ErrorCode::NGROK_107
    );
    // Labels are not cut: examples.com is not below example.com.
    create(&store, domain(theirs, "com.examples.")).await.unwrap();
    assert_eq!(
        store.holder("name", "com.example.*.").await.unwrap(),
        Some((wildcard.id, ours))
    );
    // A name is free again when its object is gone, and within the same write.
    store
        .write(write(
            ours,
            vec![delete(apex.id), Change::Create(domain(ours, "com.example."))],
        ))
        .await
        .unwrap();
    let owned = store
        .page(&adit_store::Page {
            kind: "reserved_domain",
            organization: Some(ours),
            before: None,
            limit: 100,
            terms: Vec::new(),
        })
        .await
        .unwrap();
    let all = owned.iter().map(|domain| delete(domain.id)).collect();
    store.write(write(ours, all)).await.unwrap();
    assert_eq!(store.holder("name", "com.example.").await.unwrap(), None);
    create(&store, domain(theirs, "com.example.")).await.unwrap();
    // A change moves a claim.
    let moved = Prepared {
        claims: vec![exact("addr", "tcp/1")],
        ..prepared(policy(ours, "x"))
    };
    let object = create(&store, moved).await.unwrap();
    let mut next = prepared(object.clone());
    next.object.body.insert("description".into(), json!("y"));
    next.claims = vec![exact("addr", "tcp/2")];
    let update = Change::Update {
        seen: 1,
        next,
        again: adit_store::Again(std::sync::Arc::new(|_| Ok(None))),
        only_seen: true,
    };
    store.write(write(ours, vec![update])).await.unwrap();
    assert_eq!(store.holder("addr", "tcp/1").await.unwrap(), None);
    assert_eq!(store.holder("addr", "tcp/2").await.unwrap(), Some((object.id, ours)));
    store.close().await;
}

async fn references(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    let code = ErrorCode::NGROK_121;
    assert_eq!(
        refused(create(&store, rule(org, id(Prefix::IpPolicy), OnDelete::Cascade)).await),
        ErrorCode::NGROK_118
    );
    let foreign = create(&store, prepared(policy(organization(), "foreign")))
        .await
        .unwrap();
    assert_eq!(
        refused(create(&store, rule(org, foreign.id, OnDelete::Cascade)).await),
        ErrorCode::NGROK_118
    );

    let target = create(&store, prepared(policy(org, "target"))).await.unwrap();
    let cascading = create(&store, rule(org, target.id, OnDelete::Cascade)).await.unwrap();
    let detaching = create(&store, rule(org, target.id, OnDelete::Detach)).await.unwrap();
    let restricting = create(&store, rule(org, target.id, OnDelete::Restrict(code)))
        .await
        .unwrap();
    assert_eq!(store.referrers(target.id, 2).await.unwrap().len(), 2);
    match store.write(write(org, vec![delete(target.id)])).await {
        Err(WriteError::Refused(refusal)) => {
            assert_eq!(refusal.code, code);
            assert_eq!(refusal.details, [("referenced_by", restricting.id.to_string())]);
        }
        other => panic!("{other:?}"),
    }
    // In one write the order counts: once the restricting one is gone, the rest goes.
    let written = store
        .write(write(org, vec![delete(restricting.id), delete(target.id)]))
        .await
        .unwrap();
    assert_eq!(store.get(cascading.id).await.unwrap(), None);
    let detached = store.get(detaching.id).await.unwrap().unwrap();
    assert_eq!(
        (detached.revision, detached.body["ip_policy_id"].clone()),
        (2, json!(null))
    );
    assert_eq!(store.referrers(target.id, 10).await.unwrap(), []);
    let entries = store
        .entries(&EntriesPage {
            limit: 4,
            organization: Some(org),
            ..EntriesPage::default()
        })
        .await
        .unwrap();
    assert_eq!(entries[0].position, written.position);
    let told: Vec<_> = entries
        .iter()
        .map(|e| (e.event_type.as_str(), e.object_id.clone().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("ip_policy_deleted.v0", target.id.to_string()),
            ("ip_policy_rule_deleted.v0", cascading.id.to_string()),
            ("ip_policy_rule_updated.v0", detaching.id.to_string()),
            ("ip_policy_rule_deleted.v0", restricting.id.to_string()),
        ]
    );
    store.close().await;
}

async fn secrets(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    let hash = adit_model::SecretValue::Hashed([9; 32]);
    let with = Prepared {
        secrets: vec![("token", hash.clone()), ("value", sealed("open sesame"))],
        ..prepared(policy(org, "with"))
    };
    let made = create(&store, with).await.unwrap();
    let secrets = store.secrets(&[made.id]).await.unwrap();
    assert_eq!(
        secrets[&made.id],
        [
            ("token".to_owned(), hash.clone()),
            ("value".to_owned(), sealed("open sesame"))
        ]
    );
    let mut next = prepared(made.clone());
    next.secrets = vec![("value", sealed("open barley"))];
    let update = Change::Update {
        seen: 1,
        next,
        again: adit_store::Again(std::sync::Arc::new(|_| Ok(None))),
        only_seen: true,
    };
    let written = store.write(write(org, vec![update])).await.unwrap();
    assert_eq!(written.objects[0].revision, 2);
    let secrets = store.secrets(&[made.id]).await.unwrap();
    assert_eq!(
        secrets[&made.id],
        [("token".to_owned(), hash), ("value".to_owned(), sealed("open barley"))]
    );
    // The log shows that it changed, not what it is.
    let entry = &store
        .entries(&EntriesPage {
            limit: 1,
            ..EntriesPage::default()
        })
        .await
        .unwrap()[0];
    let before: serde_json::Value = serde_json::from_str(entry.before.as_deref().unwrap()).unwrap();
    let after: serde_json::Value = serde_json::from_str(entry.after.as_deref().unwrap()).unwrap();
    assert_eq!(before["token"], after["token"]);
    assert_ne!(before["value"], after["value"]);
    assert!(after["value"].as_str().unwrap().starts_with("sha256:") && after["value"].as_str().unwrap().len() == 15);
    store.write(write(org, vec![delete(made.id)])).await.unwrap();
    assert!(store.secrets(&[made.id]).await.unwrap().is_empty());
    store.close().await;
    // Another key opens nothing.
    let wrong = adit_store::Store::open(bench.options("edge-1", [8; 32])).await;
    assert!(matches!(wrong, Err(adit_store::OpenError::WrongKey)));
}

on_both! { create_change_delete who_comes_second all_or_nothing facts claims references secrets }
