//! Lists while others write.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adit_api::Limits;
use adit_model::{Object, Prepared, catalogue};
use adit_names::id::{Id, Prefix};
use adit_store::Change;
use serde_json::{Value, json};

use crate::place::{Place, URL, place, place_with};

/// All ids of a list, page by page.
async fn walk(place: &Place, path: &str, key: &str) -> Vec<String> {
    let mut path = path.to_owned();
    let mut ids = Vec::new();
    loop {
        let page = place.ask("GET", &path, Value::Null).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let objects = page.json[key].as_array().unwrap();
        let is_first = !path.contains("before_id");
        assert!(is_first || !objects.is_empty(), "an empty last page: {path}");
        ids.extend(objects.iter().map(|o| o["id"].as_str().unwrap().to_owned()));
        match page.json["next_page_uri"].as_str() {
            Some(next) => {
                assert!(!objects.is_empty(), "an empty page is not the last: {path}");
                path = next.strip_prefix(URL).unwrap().to_owned();
            }
            None => return ids,
        }
    }
}

#[tokio::test]
async fn sizes_of_lists() {
    let place = place().await;
    let mut made = Vec::new();
    for count in [0, 1, 100, 101, 250] {
        while made.len() < count {
            let policy = place
                .make("/ip_policies", json!({"description": (made.len() % 2).to_string()}))
                .await;
            made.push(policy["id"].as_str().unwrap().to_owned());
        }
        let mut newest_first = made.clone();
        newest_first.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(
            walk(&place, "/ip_policies", "ip_policies").await,
            newest_first,
            "{count}"
        );
        assert_eq!(
            walk(&place, "/ip_policies?limit=7", "ip_policies").await,
            newest_first,
            "{count}"
        );
        let filter = "/ip_policies?limit=9&filter=obj.description%20%3D%3D%20%221%22";
        let odd = walk(&place, filter, "ip_policies").await;
        assert_eq!(odd.len(), count / 2, "{count}");
    }
    // What the page begins behind need not be there any more.
    let gone = &made[100];
    place.ask("DELETE", &format!("/ip_policies/{gone}"), Value::Null).await;
    let after = place
        .ask("GET", &format!("/ip_policies?before_id={gone}"), Value::Null)
        .await;
    assert_eq!(after.json["ip_policies"].as_array().unwrap().len(), 100);
    let other = place
        .ask(
            "GET",
            "/ip_policies?before_id=ak_0ujtsYcgvSTl8PAuAdqWYSMnLOv",
            Value::Null,
        )
        .await;
    assert_eq!(other.code(), "ERR_NGROK_227");
    let wrong = place
        .ask("GET", "/ip_policies?filter=obj.no_such_field%3D%3D1", Value::Null)
        .await;
    assert_eq!(wrong.code(), "ERR_NGROK_250", "{}", wrong.text);
}

/// 1,000 objects that live throughout, and eight writers that make and delete others: each of the first is seen once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lives_throughout_is_seen_once() {
    let limits = Limits {
        per_key: 0,
        concurrent_per_key: 0,
        ..Limits::default()
    };
    let place = Arc::new(place_with(limits).await);
    let mut making = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let place = place.clone();
        making.spawn(async move {
            let mut made = Vec::new();
            for _ in 0..125 {
                let policy = place.make("/ip_policies", json!({})).await;
                made.push(policy["id"].as_str().unwrap().to_owned());
            }
            made
        });
    }
    let mut lasting: Vec<String> = Vec::new();
    while let Some(made) = making.join_next().await {
        lasting.extend(made.unwrap());
    }
    assert_eq!(lasting.len(), 1_000);
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (place, stop) = (place.clone(), stop.clone());
        writers.spawn(async move {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                let made = place.make("/ip_policies", json!({})).await;
                let one = format!("/ip_policies/{}", made["id"].as_str().unwrap());
                assert_eq!(place.ask("DELETE", &one, Value::Null).await.status, 204);
                count += 1;
            }
            count
        });
    }
    for _ in 0..3 {
        let mut seen: HashMap<String, u32> = HashMap::new();
        for id in walk(&place, "/ip_policies?limit=50", "ip_policies").await {
            *seen.entry(id).or_default() += 1;
        }
        assert!(seen.values().all(|n| *n == 1));
        assert!(lasting.iter().all(|id| seen.contains_key(id)));
    }
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    while let Some(count) = writers.join_next().await {
        written += count.unwrap();
    }
    assert!(written > 8, "the writers wrote: {written}");
}

/// One request looks at 10,000 objects at most. What the database can find is found at once; what has to be looked for
/// row by row is found on the page behind, and the one before says that there is one.
#[tokio::test]
async fn a_filter_over_ten_thousand_objects_goes_on() {
    let place = place().await;
    let kind = catalogue::by_name("ip_policy").unwrap();
    let id = |n: u64| Id::at_millis(Prefix::IpPolicy, 1_790_000_000_000 + n * 8, [0; 16]);
    let make = |n: u64| {
        let description = if n == 0 { "the oldest" } else { "one of many" };
        let object = Object {
            id: id(n),
            kind: kind.name.to_owned(),
            organization: place.ours.id,
            owner: None,
            schema: 1,
            revision: 0,
            created_at: 0,
            updated_at: 0,
            body: json!({"description": description, "metadata": ""})
                .as_object()
                .unwrap()
                .clone(),
        };
        Change::Create(Prepared::new(kind, object))
    };
    for part in 0..20 {
        let changes = (part * 500..(part + 1) * 500).map(make);
        place.write(changes.collect()).await;
    }
    place.write(vec![make(10_000)]).await;
    let found = async |path: &str| {
        let page = place.ask("GET", path, Value::Null).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let ids = page.json["ip_policies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|o| o["id"].clone())
            .collect::<Vec<_>>();
        let next = page.json["next_page_uri"]
            .as_str()
            .map(|uri| uri.strip_prefix(URL).unwrap().to_owned());
        (ids, next)
    };
    let oldest = vec![Value::from(id(0).to_string())];
    let by_id = format!("/ip_policies?filter=obj.id%3D%3D%22{}%22", id(0));
    assert_eq!(found(&by_id).await, (oldest.clone(), None));
    let (ids, next) = found("/ip_policies?filter=obj.description%3D%3D%22the%20oldest%22").await;
    assert_eq!(ids, [] as [Value; 0]);
    assert_eq!(found(&next.expect("there is more to look at")).await, (oldest, None));
    // A filter that all fulfil fills its pages.
    let (ids, next) = found("/ip_policies?limit=7&filter=obj.metadata%3D%3D%22%22").await;
    assert_eq!((ids.len(), next.is_some()), (7, true));
}
