use adit_model::OnDelete;
use adit_names::id::{Id, Prefix};
use adit_store::Item;
use adit_store::{Column, Op, Page, Term, Value};
use serde_json::json;

use crate::engine::Bench;
use crate::things::*;

async fn pages(bench: &Bench) {
    let store = bench.open().await;
    let (org, other) = (organization(), organization());
    let mut ids = Vec::new();
    for number in 0..25 {
        let mut made = object(
            Prefix::IpPolicyRule,
            "ip_policy_rule",
            org,
            json!({"action": if number % 2 == 0 { "allow" } else { "deny" }, "cidr": format!("10.0.{number}.0/24")}),
        );
        made.owner = (number == 3).then(|| id(Prefix::User));
        ids.push(create(&store, prepared(made)).await.unwrap().id);
    }
    create(
        &store,
        prepared(object(
            Prefix::IpPolicyRule,
            "ip_policy_rule",
            other,
            json!({"action": "allow"}),
        )),
    )
    .await
    .unwrap();
    create(&store, prepared(policy(org, "x"))).await.unwrap();
    ids.reverse();
    let page = |before, limit, terms| Page {
        kind: "ip_policy_rule",
        organization: Some(org),
        before,
        limit,
        terms,
    };
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let got = store.page(&page(before, 10, Vec::new())).await.unwrap();
        let Some(last) = got.last() else { break };
        before = Some(last.id);
        seen.extend(got.iter().map(|object| object.id));
    }
    assert_eq!(seen, ids);
    let everyone = Page {
        organization: None,
        ..page(None, 100, Vec::new())
    };
    assert_eq!(store.page(&everyone).await.unwrap().len(), 26);

    let term = |field: &str, op, value: &str| Term {
        column: Column::of("ip_policy_rule", field).unwrap(),
        op,
        value: Value::Text(value.to_owned()),
    };
    let count = async |terms| store.page(&page(None, 100, terms)).await.unwrap().len();
    assert_eq!(count(vec![term("action", Op::Equal, "allow")]).await, 13);
    assert_eq!(count(vec![term("action", Op::NotEqual, "allow")]).await, 12);
    assert_eq!(
        count(vec![
            term("action", Op::Equal, "deny"),
            term("cidr", Op::Equal, "10.0.3.0/24")
        ])
        .await,
        1
    );
    assert_eq!(count(vec![term("id", Op::Greater, &ids[10].to_string())]).await, 10);
    assert_eq!(count(vec![term("id", Op::LessOrEqual, &ids[10].to_string())]).await, 15);
    let null = |column, op| Term {
        column,
        op,
        value: Value::Null,
    };
    assert_eq!(count(vec![null(Column::Owner, Op::NotEqual)]).await, 1);
    assert_eq!(
        count(vec![null(
            Column::of("ip_policy_rule", "ip_policy_id").unwrap(),
            Op::Equal
        )])
        .await,
        25
    );
    // A value that is missing is different from any other.
    assert_eq!(count(vec![term("ip_policy_id", Op::NotEqual, "x")]).await, 25);
    let now = store.get(ids[0]).await.unwrap().unwrap().created_at;
    let at = |op, value| Term {
        column: Column::CreatedAt,
        op,
        value: Value::Int(value),
    };
    assert_eq!(count(vec![at(Op::LessOrEqual, now)]).await, 25);
    assert_eq!(count(vec![at(Op::Less, now - 60_000_000)]).await, 0);
    assert_eq!(Column::of("ip_policy_rule", "description"), None);
    assert_eq!(
        store
            .get_many(&[ids[3], id(Prefix::IpPolicyRule), ids[1]])
            .await
            .unwrap()
            .iter()
            .map(|o| o.id)
            .collect::<Vec<_>>(),
        [ids[3], ids[1]]
    );
    assert_eq!(store.count("ip_policy_rule", Some(org)).await.unwrap(), 25);
    assert_eq!(store.count("ip_policy_rule", None).await.unwrap(), 26);
    store.close().await;
}

async fn the_feed(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    let target = create(&store, prepared(policy(org, "a"))).await.unwrap();
    let rule = create(&store, rule(org, target.id, OnDelete::Cascade)).await.unwrap();
    let feed = store.changes(0).await.unwrap();
    assert_eq!(feed.position, 2);
    assert_eq!(*store.wake().borrow(), 2);
    let told: Vec<_> = feed
        .changed
        .iter()
        .map(|c| (c.id, c.kind.as_str(), c.object.is_some()))
        .collect();
    assert_eq!(
        told,
        [(target.id, "ip_policy", true), (rule.id, "ip_policy_rule", true)]
    );
    assert_eq!(store.changes(2).await.unwrap().changed.len(), 0);
    let mut wake = store.wake();
    // Several changes of one object are told once, as it is.
    let mut seen = target.clone();
    for text in ["b", "c"] {
        seen = store
            .write(write(org, vec![set(&seen, "description", json!(text))]))
            .await
            .unwrap()
            .objects[0]
            .clone();
    }
    wake.changed().await.unwrap();
    let feed = store.changes(2).await.unwrap();
    assert_eq!((feed.position, feed.changed.len()), (4, 1));
    assert_eq!(feed.changed[0].object.as_ref(), Some(&seen));
    store.write(write(org, vec![delete(target.id)])).await.unwrap();
    let feed = store.changes(4).await.unwrap();
    let told: Vec<_> = feed.changed.iter().map(|c| (c.id, c.object.is_some())).collect();
    assert_eq!(told, [(rule.id, false), (target.id, false)]);
    assert!(!feed.resync);
    // A position that the log does not have: it is another log.
    assert!(store.changes(100).await.unwrap().resync);
    let all = store.all(&["ip_policy", "ip_policy_rule"]).await.unwrap();
    assert_eq!((all.position, all.objects.len()), (6, 0));
    store.close().await;
}

/// The log under a follower is another one: it was restored, or a standby that lacked commits took over.
async fn a_log_that_went_back(bench: &Bench) {
    let store = bench.open().await;
    for _ in 0..3 {
        create(&store, prepared(policy(organization(), "x"))).await.unwrap();
    }
    assert!(!store.changes(1).await.unwrap().resync);
    assert!(!store.changes(3).await.unwrap().resync);
    bench
        .run("UPDATE log SET event_id = 'ev_of_another_life' WHERE position = 3")
        .await;
    assert!(store.changes(3).await.unwrap().resync);
    bench.run("UPDATE log_head SET position = 2 WHERE chain = ''").await;
    assert!(store.changes(3).await.unwrap().resync);
    assert_eq!(store.all(&["ip_policy"]).await.unwrap().position, 2);
    store.close().await;
}

async fn work(bench: &Bench) {
    let store = bench.open().await;
    let work = store.work();
    let org = organization();
    let item = Item {
        organization: Some(org),
        ..Item::new("a", json!({"x": 1}))
    };
    assert!(work.create("session", &item).await.unwrap());
    assert!(!work.create("session", &item).await.unwrap());
    assert_eq!(work.get("session", "a").await.unwrap(), Some(item.clone()));
    assert_eq!(work.get("once", "a").await.unwrap(), None);
    // Compare and set.
    let next = Item {
        epoch: 1,
        position: 5,
        ..item.clone()
    };
    assert!(work.swap("session", &next, 0, 0).await.unwrap());
    assert!(!work.swap("session", &next, 0, 0).await.unwrap());
    assert_eq!(work.get("session", "a").await.unwrap(), Some(next));
    // One of many gets it.
    work.put("once", &Item::new("link", json!(null))).await.unwrap();
    let takers: Vec<_> = (0..8)
        .map(|_| {
            let work = work.clone();
            tokio::spawn(async move { work.take("once", "link").await.unwrap().is_some() })
        })
        .collect();
    let mut taken = 0;
    for taker in takers {
        taken += usize::from(taker.await.unwrap());
    }
    assert_eq!(taken, 1);
    // Past its time it is as if it were not there.
    let old = Item {
        expires_at: Some(1),
        ..Item::new("old", json!(null))
    };
    work.put("once", &old).await.unwrap();
    assert_eq!(work.get("once", "old").await.unwrap(), None);
    assert_eq!(work.take("once", "old").await.unwrap(), None);
    work.put("once", &old).await.unwrap();
    assert!(work.create("once", &Item::new("old", json!(2))).await.unwrap());
    assert_eq!(work.get("once", "old").await.unwrap().unwrap().body, json!(2));
    work.put(
        "once",
        &Item {
            expires_at: Some(1),
            ..Item::new("older", json!(null))
        },
    )
    .await
    .unwrap();
    assert_eq!(work.expire().await.unwrap(), 1);
    // Lists.
    for key in ["b", "c", "d"] {
        work.put("session", &Item::new(key, json!(null))).await.unwrap();
    }
    let keys = |items: Vec<Item>| items.into_iter().map(|item| item.key).collect::<Vec<_>>();
    assert_eq!(keys(work.list("session", None, "a", 2).await.unwrap()), ["b", "c"]);
    assert_eq!(keys(work.list("session", Some(org), "", 9).await.unwrap()), ["a"]);
    // Leases beat together.
    for key in ["l1", "l2"] {
        work.put(
            "lease",
            &Item {
                holder: "node-1".into(),
                epoch: 3,
                ..Item::new(key, json!(null))
            },
        )
        .await
        .unwrap();
    }
    let mut beaten = work.renew("node-1").await.unwrap();
    beaten.sort();
    assert_eq!(beaten, [("l1".to_owned(), 3), ("l2".to_owned(), 3)]);
    assert_eq!(work.get("lease", "l1").await.unwrap().unwrap().position, 1);
    assert!(work.delete("lease", "l1").await.unwrap());
    assert!(!work.delete("lease", "l1").await.unwrap());
    // None of it is in the log.
    assert_eq!(store.changes(0).await.unwrap().position, 0);
    store.close().await;
}

/// Ids whose digits differ in all their places, capital and small: they are listed by their bytes.
async fn ids_by_their_bytes(bench: &Bench) {
    let store = bench.open().await;
    let org = organization();
    let mut ids = Vec::new();
    for n in 0..200_u32 {
        let mut bytes = [0; 20];
        for (at, byte) in (0_u32..).zip(&mut bytes) {
            // The first byte is of the time; it stays small enough for one.
            let mixed = (n + 1).wrapping_mul(2_654_435_761).rotate_left(at * 5) ^ at;
            *byte = if at == 0 {
                u8::try_from(n % 100).unwrap()
            } else {
                mixed.to_be_bytes()[0]
            };
        }
        let mut made = policy(org, "x");
        made.id = Id::from_bytes(Prefix::IpPolicy, bytes);
        ids.push(create(&store, prepared(made)).await.unwrap().id);
    }
    ids.sort_unstable_by_key(|id| std::cmp::Reverse(id.to_string().into_bytes()));
    let mut seen = Vec::new();
    loop {
        let page = Page {
            kind: "ip_policy",
            organization: Some(org),
            before: seen.last().copied(),
            limit: 7,
            terms: Vec::new(),
        };
        let got = store.page(&page).await.unwrap();
        if got.is_empty() {
            break;
        }
        seen.extend(got.iter().map(|object| object.id));
    }
    assert_eq!(seen, ids);
    store.close().await;
}

/// A database that orders texts as a dictionary does.
#[tokio::test]
async fn ids_by_their_bytes_where_words_have_another_order() {
    let url = crate::postgres::database().await;
    let (_, name) = crate::postgres::socket().await;
    let words = format!("{name}_of_words");
    let make = format!("CREATE DATABASE {words} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'");
    crate::postgres::run(&url, &make).await;
    let (_, socket) = url.split_once('?').unwrap();
    let url = format!("postgres://postgres@localhost/{words}?{socket}");
    let is_so = "DO $$ BEGIN IF 'B' < 'a' THEN RAISE 'it orders by bytes'; END IF; END $$";
    crate::postgres::run(&url, is_so).await;
    ids_by_their_bytes(&Bench::at(url)).await;
}

on_both! { ids_by_their_bytes pages the_feed a_log_that_went_back work }
