//! Conventions of all writes and reads (control plane 1).

use adit_api::Limits;
use http::Method;
use serde_json::{Value, json};

use crate::place::{place, place_in, place_with, request};

#[tokio::test]
async fn a_change_of_another_revision_is_refused() {
    let place = place().await;
    let made = place.make("/ip_policies", json!({"description": "a"})).await;
    let one = format!("/ip_policies/{}", made["id"].as_str().unwrap());
    let stale = ("if-match", "\"7\"");
    for method in ["PATCH", "DELETE"] {
        let refused = place.ask_with(stale, method, &one, body_of(method)).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (412, "ERR_ADIT_2006"));
        assert_eq!(refused.json["details"]["current"], "1");
    }
    let changed = place
        .ask_with(("if-match", "\"1\""), "PATCH", &one, body_of("PATCH"))
        .await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"2\""));
    let gone = place.ask_with(("if-match", "\"2\""), "DELETE", &one, Value::Null).await;
    assert_eq!(gone.status, 204);
}

fn body_of(method: &str) -> Value {
    if method == "PATCH" {
        json!({"description": "b"})
    } else {
        Value::Null
    }
}

#[tokio::test]
async fn unset_clears_what_is_optional() {
    let place = place().await;
    let body = json!({"description": "a", "metadata": "m", "acl": ["bind:*.example.com"]});
    let made = place.make("/credentials", body).await;
    let one = format!("/credentials/{}", made["id"].as_str().unwrap());
    let cleared = place
        .ask("PATCH", &format!("{one}?unset=acl,metadata"), json!({}))
        .await;
    assert_eq!(cleared.status, 200, "{}", cleared.text);
    let fields = (
        &cleared.json["acl"],
        &cleared.json["metadata"],
        &cleared.json["description"],
    );
    assert_eq!(fields, (&json!([]), &json!(""), &json!("a")));
    for wrong in ["nothing", "token", "owner_id"] {
        let refused = place.ask("PATCH", &format!("{one}?unset={wrong}"), json!({})).await;
        assert_eq!(refused.code(), "ERR_NGROK_215", "{wrong}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_request_with_the_same_key_is_answered_once() {
    let dir = tempfile::tempdir().unwrap();
    let place = place_in(dir.path(), Limits::default()).await;
    let body = json!({"description": "once"});
    let key = ("idempotency-key", "order-66");
    let first = place.ask_with(key, "POST", "/api_keys", body.clone()).await;
    assert_eq!(first.status, 201);
    assert!(first.json["token"].is_string());
    let again = place.restarted().await;
    for place in [&place, &again] {
        let second = place.ask_with(key, "POST", "/api_keys", body.clone()).await;
        assert_eq!((second.status.as_u16(), second.header("adit-replayed")), (201, "true"));
        assert_eq!(second.id(), first.id());
        assert_eq!(second.json["token"], Value::Null, "a token is shown once");
        let other = place
            .ask_with(key, "POST", "/api_keys", json!({"description": "twice"}))
            .await;
        assert_eq!((other.status.as_u16(), other.code()), (409, "ERR_ADIT_2007"));
        let elsewhere = place.ask_with(key, "POST", "/ip_policies", body.clone()).await;
        assert_eq!(elsewhere.status, 409);
    }
    // Keys are their owner's own; a refusal does not use one up.
    let theirs = place.theirs.key.clone();
    let mut theirs = request(&theirs, "POST", "/api_keys", &body);
    theirs.headers_mut().insert(key.0, key.1.parse().unwrap());
    assert_eq!(place.send(theirs).await.header("adit-replayed"), "");
    let key = ("idempotency-key", "order-67");
    let refused = place.ask_with(key, "POST", "/service_users", json!({"name": ""})).await;
    assert_eq!(refused.status, 400);
    let made = place
        .ask_with(key, "POST", "/service_users", json!({"name": "x"}))
        .await;
    assert_eq!((made.status.as_u16(), made.header("adit-replayed")), (201, ""));
}

#[tokio::test]
async fn one_of_many_that_ask_at_once_with_one_key_makes_it() {
    let place = std::sync::Arc::new(place().await);
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let place = place.clone();
        asked.spawn(async move {
            let key = ("idempotency-key", "race");
            place
                .ask_with(key, "POST", "/ip_policies", json!({"description": "one"}))
                .await
        });
    }
    let mut ids = std::collections::HashSet::new();
    while let Some(answer) = asked.join_next().await {
        let answer = answer.unwrap();
        if answer.status == 201 {
            ids.insert(answer.id().to_owned());
        } else {
            assert_eq!((answer.code(), answer.header("retry-after")), ("ERR_ADIT_2007", "1"));
        }
    }
    assert_eq!(ids.len(), 1);
    let list = place.ask("GET", "/ip_policies", Value::Null).await;
    assert_eq!(list.json["ip_policies"].as_array().unwrap().len(), 1);
}

/// A node that died after it wrote the object and before it kept the answer.
#[tokio::test]
async fn the_object_answers_for_a_node_that_died() {
    let place = place().await;
    let key = ("idempotency-key", "k");
    let body = json!({"description": "d"});
    let first = place.ask_with(key, "POST", "/ip_policies", body.clone()).await;
    let work = place.store.work();
    let mut marks = work.list("idempotency", None, "", 10).await.unwrap();
    let mark = marks.first_mut().unwrap();
    mark.body.as_object_mut().unwrap().remove("answer");
    work.put("idempotency", mark).await.unwrap();
    let second = place.ask_with(key, "POST", "/ip_policies", body.clone()).await;
    assert_eq!((second.status.as_u16(), second.header("adit-replayed")), (201, "true"));
    assert_eq!(second.json, first.json);
    // Died before: the mark is void after a minute, and the request makes its object.
    place
        .ask("DELETE", &format!("/ip_policies/{}", first.id()), Value::Null)
        .await;
    let running = place.ask_with(key, "POST", "/ip_policies", body.clone()).await;
    assert_eq!(running.code(), "ERR_ADIT_2007");
    mark.body["began"] = json!(0);
    work.put("idempotency", mark).await.unwrap();
    let third = place.ask_with(key, "POST", "/ip_policies", body).await;
    assert_eq!((third.status.as_u16(), third.header("adit-replayed")), (201, ""));
}

#[tokio::test]
async fn waiting_names_the_nodes_that_are_behind() {
    let place = place().await;
    let made = place.ask("POST", "/ip_policies?wait=applied", json!({})).await;
    assert_eq!((made.status.as_u16(), made.header("adit-pending-nodes")), (201, ""));
    let position: u64 = made.header("adit-position").parse().unwrap();
    assert!(*place.applied.borrow() >= position);
}

#[tokio::test]
async fn a_key_is_good_at_once_and_dead_at_once() {
    let place = place().await;
    // Fewer than make an address suspicious.
    for _ in 0..15 {
        let made = place.make("/api_keys", json!({})).await;
        let token = made["token"].as_str().unwrap().to_owned();
        let first = made["id"].as_str().unwrap().strip_prefix("ak_").unwrap();
        let (head, second) = token.split_once('_').unwrap();
        assert_eq!((head, second.len()), (first, 32));
        assert_eq!(
            place
                .ask_as(&token, "GET", "/api_keys?limit=1", Value::Null)
                .await
                .status,
            200
        );
        let one = format!("/api_keys/ak_{first}");
        assert_eq!(place.ask("DELETE", &one, Value::Null).await.status, 204);
        let refused = place.ask_as(&token, "GET", "/api_keys", Value::Null).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (401, "ERR_NGROK_203"));
    }
    let credential = place.make("/credentials", json!({})).await;
    let token = credential["token"].as_str().unwrap();
    let refused = place.ask_as(token, "GET", "/api_keys", Value::Null).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (401, "ERR_NGROK_207"));
    let chosen = place
        .ask("POST", "/credentials", json!({"precomputed_token": "x"}))
        .await;
    assert_eq!(chosen.code(), "ERR_NGROK_638");
}

#[tokio::test]
async fn many_requests_of_one_key_are_refused_and_others_are_not() {
    let place = place_with(Limits {
        per_key: 5,
        ..Limits::default()
    })
    .await;
    for left in (0..5).rev() {
        let answer = place.ask("GET", "/ip_policies", Value::Null).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-remaining"), left.to_string());
        assert_eq!(answer.header("ratelimit-limit"), "5");
    }
    let refused = place.ask("GET", "/ip_policies", Value::Null).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "ERR_NGROK_226"));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 60);
    let others = place.theirs.key.clone();
    assert_eq!(
        place.ask_as(&others, "GET", "/ip_policies", Value::Null).await.status,
        200
    );
}

#[tokio::test]
async fn makers_are_counted_on_their_own() {
    let place = place_with(Limits {
        creates_per_minute: 2,
        ..Limits::default()
    })
    .await;
    for _ in 0..2 {
        place.make("/ip_policies", json!({})).await;
    }
    let refused = place.ask("POST", "/ip_policies", json!({})).await;
    assert_eq!(refused.code(), "ERR_NGROK_226");
    assert_eq!(place.ask("GET", "/ip_policies", Value::Null).await.status, 200);
}

/// Wrong keys from one address, then even the right one.
#[tokio::test]
async fn guessing_ends_after_twenty() {
    let place = place().await;
    let guess = format!("{}_{}", "0ujtsYcgvSTl8PAuAdqWYSMnLOv", "x".repeat(32));
    for _ in 0..20 {
        assert_eq!(
            place.ask_as(&guess, "GET", "/api_keys", Value::Null).await.code(),
            "ERR_NGROK_203"
        );
    }
    for key in [&guess, &place.ours.key] {
        let refused = place.ask_as(key, "GET", "/api_keys", Value::Null).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (429, "ERR_NGROK_226"));
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_ask() {
    let place = place().await;
    let mut asked = request("", "OPTIONS", "/ip_policies/x", &Value::Null);
    asked.headers_mut().remove("authorization");
    for (name, value) in [
        ("origin", "https://console.example.com"),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization, ngrok-version"),
    ] {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = place.send(asked).await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://console.example.com"
    );
    assert_eq!(
        answer.header("access-control-allow-methods"),
        "GET, PATCH, DELETE, HEAD"
    );
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "authorization, ngrok-version"
    );
    assert_eq!(answer.header("access-control-max-age"), "600");
    let origin = ("origin", "https://console.example.com");
    let answer = place.ask_with(origin, "GET", "/ip_policies", Value::Null).await;
    assert_eq!(answer.header("access-control-allow-origin"), origin.1);
    // Without an origin it is a method that no path has.
    let plain = place.ask("OPTIONS", "/ip_policies", Value::Null).await;
    assert_eq!((plain.status.as_u16(), plain.header("allow")), (405, "POST, GET, HEAD"));
}

#[tokio::test]
async fn methods_may_be_written_in_any_case() {
    let place = place().await;
    let made = place.make("/ip_policies", json!({})).await;
    let one = format!("/ip_policies/{}", made["id"].as_str().unwrap());
    let mut asked = request(&place.ours.key, "POST", &one, &json!({"description": "d"}));
    *asked.method_mut() = Method::from_bytes(b"patch").unwrap();
    assert_eq!(place.send(asked).await.json["description"], "d");
}

#[tokio::test]
async fn large_answers_are_compressed_if_that_is_liked() {
    let place = place().await;
    for n in 0..10 {
        place
            .make("/ip_policies", json!({"metadata": format!("{n}").repeat(200)}))
            .await;
    }
    let plain = place.ask("GET", "/ip_policies", Value::Null).await;
    assert_eq!(plain.header("vary"), "Accept-Encoding");
    for coding in ["gzip", "br", "zstd"] {
        let coded = place
            .ask_with(("accept-encoding", coding), "GET", "/ip_policies", Value::Null)
            .await;
        assert_eq!(coded.header("content-encoding"), coding);
        assert!(coded.text.len() * 2 < plain.text.len());
    }
    let head = place.ask("HEAD", "/ip_policies", Value::Null).await;
    assert_eq!(
        (head.text.as_str(), head.header("content-length")),
        ("", plain.text.len().to_string().as_str())
    );
}

#[tokio::test]
async fn several_problems_are_told_at_once() {
    let place = place().await;
    let body = json!({"description": "x".repeat(256), "acl": ["nonsense"], "metadata": 7});
    let refused = place.ask("POST", "/credentials", body).await;
    assert_eq!(refused.status, 400);
    let details = refused.json["details"].as_object().unwrap();
    assert!(details.values().all(Value::is_string), "{}", refused.text);
    let all: Vec<Value> = serde_json::from_str(details["errors"].as_str().unwrap()).unwrap();
    assert_eq!(all.len(), 3, "{}", refused.text);
    assert_eq!(all[0]["error_code"], refused.json["error_code"]);
    assert_eq!(details["fields"].as_str().unwrap().split(',').count(), 3);
}

#[tokio::test]
async fn what_is_in_use_stays_and_names_who_uses_it() {
    let place = place().await;
    let policy = place.make("/ip_policies", json!({})).await;
    let body = json!({"type": "endpoints", "ip_policy_ids": [policy["id"]]});
    let restriction = place.make("/ip_restrictions", body).await;
    let one = format!("/ip_policies/{}", policy["id"].as_str().unwrap());
    let refused = place.ask("DELETE", &one, Value::Null).await;
    assert_eq!(refused.code(), "ERR_NGROK_1420", "{}", refused.text);
    assert_eq!(refused.json["details"]["referenced_by"], restriction["id"]);
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_read_and_not_changed() {
    let place = place().await;
    let made = place.make("/ip_policies", json!({"description": "d"})).await;
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let mut object = place.store.get(id).await.unwrap().unwrap();
    object.schema = 1_000;
    object.body.insert("from_the_future".to_owned(), json!({"a": 1}));
    let kind = adit_model::catalogue::by_name("ip_policy").unwrap();
    let next = adit_model::Prepared::new(kind, object);
    let change = adit_store::Change::Update {
        seen: 1,
        next,
        again: adit_store::Again(std::sync::Arc::new(|_| Ok(None))),
        only_seen: true,
    };
    place.write(vec![change]).await;
    let one = format!("/ip_policies/{id}");
    let read = place.ask("GET", &one, Value::Null).await;
    assert_eq!((read.status.as_u16(), &read.json["description"]), (200, &json!("d")));
    for method in ["PATCH", "DELETE"] {
        let refused = place.ask(method, &one, body_of(method)).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (503, "ERR_ADIT_2012"),
            "{}",
            refused.text
        );
        assert_eq!(refused.header("retry-after"), "5");
    }
    let kept = place.store.get(id).await.unwrap().unwrap();
    assert_eq!(kept.body["from_the_future"], json!({"a": 1}));
}

#[tokio::test]
async fn without_the_store_writes_and_reads_are_put_off() {
    let place = place().await;
    place.store.close().await;
    for (method, body) in [("GET", Value::Null), ("POST", json!({}))] {
        let refused = place.ask(method, "/ip_policies", body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (503, "ERR_ADIT_2012"),
            "{}",
            refused.text
        );
        assert_eq!(refused.header("retry-after"), "5");
    }
    // What is live is shown all the same.
    assert_eq!(place.ask("GET", "/tunnels", Value::Null).await.status, 200);
}

/// Only ngrok's paths have versions, which may be asked for under either name.
#[tokio::test]
async fn adits_own_paths_have_no_versions() {
    let place = place().await;
    let without = |path: &str| {
        let mut asked = request(&place.ours.key, "GET", path, &Value::Null);
        asked.headers_mut().remove("ngrok-version");
        asked
    };
    assert_eq!(place.send(without("/adit/me")).await.status, 200);
    assert_eq!(place.send(without("/ip_policies")).await.code(), "ERR_NGROK_218");
    let mut ours = without("/ip_policies");
    ours.headers_mut().insert("adit-version", "2".parse().unwrap());
    assert_eq!(place.send(ours).await.status, 200);
    let third = place
        .ask_with(("ngrok-version", "3"), "GET", "/ip_policies", Value::Null)
        .await;
    assert_eq!((third.status.as_u16(), third.code()), (400, "ERR_NGROK_217"));
}

/// A browser sends cookies with whatever a page asks for: they must not be worth anything here.
#[tokio::test]
async fn no_cookie_is_read() {
    let place = place().await;
    for name in ["__Host-adit-session", "authorization", "api_key"] {
        let mut asked = request("", "GET", "/ip_policies", &Value::Null);
        asked.headers_mut().remove("authorization");
        let cookie = format!("{name}={}", place.ours.key);
        asked.headers_mut().insert("cookie", cookie.parse().unwrap());
        let refused = place.send(asked).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (401, "ERR_NGROK_200"),
            "{name}"
        );
        assert_eq!(refused.header("set-cookie"), "");
    }
}

/// A node that applies nothing any more is named; the change is made all the same.
#[tokio::test]
async fn a_node_that_hangs_is_named() {
    let place = place().await;
    place.hang();
    let began = std::time::Instant::now();
    let made = place.ask("POST", "/ip_policies?wait=applied", json!({})).await;
    assert_eq!(
        (made.status.as_u16(), made.header("adit-pending-nodes")),
        (201, "node-1"),
        "{}",
        made.text
    );
    assert!(began.elapsed().as_secs() >= 4, "it was not waited for");
    let one = format!("/ip_policies/{}", made.id());
    assert_eq!(place.ask("GET", &one, Value::Null).await.status, 200);
    // Who does not ask does not wait.
    let other = place.ask("POST", "/ip_policies", json!({})).await;
    assert_eq!((other.status.as_u16(), other.header("adit-pending-nodes")), (201, ""));
}
