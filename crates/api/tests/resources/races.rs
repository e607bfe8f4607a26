//! Changes at the same instant.

use std::sync::Arc;

use adit_api::Limits;
use serde_json::{Value, json};

use crate::place::{Place, place_with};

async fn unlimited() -> Arc<Place> {
    let limits = Limits {
        per_key: 0,
        concurrent_per_key: 0,
        ..Limits::default()
    };
    Arc::new(place_with(limits).await)
}

/// Everybody reads a revision and changes it: each revision has one winner, and every change that was said to be done
/// is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_revision_has_one_winner() {
    let place = unlimited().await;
    let made = place.make("/ip_policies", json!({})).await;
    let one = format!("/ip_policies/{}", made["id"].as_str().unwrap());
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..100 {
        let (place, one) = (place.clone(), one.clone());
        asked.spawn(async move {
            let read = place.ask("GET", &one, Value::Null).await;
            let tag = read.header("etag").to_owned();
            let body = json!({"description": n.to_string()});
            let answer = place.ask_with(("if-match", &tag), "PATCH", &one, body).await;
            (tag, answer.status.as_u16(), answer.header("etag").to_owned())
        });
    }
    let mut winners = std::collections::HashMap::new();
    let mut refused = 0;
    while let Some(answer) = asked.join_next().await {
        match answer.unwrap() {
            (tag, 200, next) => assert!(winners.insert(tag.clone(), next).is_none(), "{tag} has two winners"),
            (_, 412, _) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(winners.len() + refused, 100);
    let last = place.ask("GET", &one, Value::Null).await;
    assert_eq!(last.header("etag"), format!("\"{}\"", winners.len() + 1));
}

/// Without If-Match the last one wins, field by field: nobody's change of one field undoes another's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_are_changed_side_by_side() {
    let place = unlimited().await;
    let made = place.make("/ip_policies", json!({})).await;
    let one = format!("/ip_policies/{}", made["id"].as_str().unwrap());
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..50 {
        for field in ["description", "metadata"] {
            let (place, one) = (place.clone(), one.clone());
            asked.spawn(async move {
                let body = json!({field: format!("{field} {n}")});
                place.ask("PATCH", &one, body).await.status.as_u16()
            });
        }
    }
    while let Some(status) = asked.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    let last = place.ask("GET", &one, Value::Null).await;
    for field in ["description", "metadata"] {
        let text = last.json[field].as_str().unwrap();
        assert!(text.starts_with(field), "{field} was lost: {}", last.text);
    }
    assert_eq!(last.header("etag"), "\"101\"");
}

/// Two organisations want the same name: exactly one gets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_has_one_owner() {
    let place = unlimited().await;
    let mut both = 0;
    for n in 0..30 {
        let body = json!({"domain": format!("race{n}.example.org")});
        let asked = [place.ours.key.clone(), place.theirs.key.clone()].map(|key| {
            let (place, body) = (place.clone(), body.clone());
            tokio::spawn(async move { place.ask_as(&key, "POST", "/reserved_domains", body).await })
        });
        let mut made = 0;
        for answer in asked {
            let answer = answer.await.unwrap();
            match answer.status.as_u16() {
                201 => made += 1,
                400 => assert_eq!(answer.code(), "ERR_NGROK_414", "{}", answer.text),
                _ => panic!("{}", answer.text),
            }
        }
        both += made;
    }
    assert_eq!(both, 30);
}

/// Some want to share a URL, some want it alone: either one has it, or all that share do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_is_shared_or_one_s_own() {
    let place = unlimited().await;
    for round in 0..30 {
        let mut asked = tokio::task::JoinSet::new();
        for pooling in [true, false, true, false] {
            let place = place.clone();
            let body = json!({
                "url": format!("https://r{round}.adit.example.com"),
                "type": "cloud",
                "pooling_enabled": pooling,
                "traffic_policy": "on_http_request: []\n",
            });
            asked.spawn(async move { (pooling, place.ask("POST", "/endpoints", body).await) });
        }
        let (mut shared, mut alone) = (0, 0);
        while let Some(answer) = asked.join_next().await {
            match answer.unwrap() {
                (true, answer) if answer.status == 201 => shared += 1,
                (false, answer) if answer.status == 201 => alone += 1,
                (pooling, answer) => {
                    let codes = if pooling {
                        &["ERR_NGROK_18016"][..]
                    } else {
                        &["ERR_NGROK_18009", "ERR_NGROK_18017"][..]
                    };
                    assert!(codes.contains(&answer.code()), "{pooling}: {}", answer.text);
                }
            }
        }
        assert!(
            matches!((shared, alone), (2, 0) | (0, 1)),
            "{shared} share it, {alone} have it alone"
        );
    }
}
