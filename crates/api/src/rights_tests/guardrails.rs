//! What is told of the endpoints that a guardrail is about: those that one may read by name, the others by their number.

use serde_json::{Value, json};

use super::place::Place;

async fn done(place: &Place, token: &str, method: &str, path: &str, body: Value) -> Value {
    let (status, answer) = place.ask(token, method, path, body).await;
    assert!(status < 300, "{method} {path}: {answer}");
    answer
}

#[tokio::test]
async fn only_those_that_one_may_read_are_named() {
    let place = Place::new().await;
    let ours = place.organization(json!({"name": "ours"})).await.id;
    let admin = place.user(ours, &["admin"]).await;
    let policy = "on_http_request: [{actions: [{type: custom-response, config: {body: here}}]}]";
    let endpoint = |url: &str| json!({"type": "cloud", "url": url, "bindings": ["internal"], "traffic_policy": policy});
    for url in ["https://a.internal", "https://b.internal"] {
        done(&place, &admin.token, "POST", "/endpoints", endpoint(url)).await;
    }
    let made = json!({"name": "all", "policy": "{}"});
    let made = done(&place, &admin.token, "POST", "/adit/guardrails", made).await;
    let affected = format!("/adit/guardrails/{}/affected", made["id"].as_str().unwrap());
    let urls = |shown: &Value| {
        let rows = shown["endpoints"].as_array().unwrap();
        let mut urls: Vec<_> = rows.iter().map(|row| row["url"].as_str().unwrap().to_owned()).collect();
        urls.sort();
        urls
    };
    let all = done(&place, &admin.token, "GET", &affected, Value::Null).await;
    assert_eq!(urls(&all), ["https://a.internal", "https://b.internal"]);
    assert_eq!((&all["hidden"], &all["truncated"]), (&json!(0), &json!(false)));

    let role = async |body: Value| {
        let role = done(&place, &admin.token, "POST", "/adit/roles", body).await;
        role["id"].as_str().unwrap().to_owned()
    };
    let guardrails = role(json!({"name": "guardrails", "permissions": ["guardrails:read"]})).await;
    let endpoints = role(json!({"name": "endpoints", "permissions": ["endpoints:read"],
        "selector": "obj.url.startsWith(\"https://a.\")"}));
    let endpoints = endpoints.await;
    let person = place.user(ours, &[&guardrails, &endpoints]).await;
    let some = done(&place, &person.token, "GET", &affected, Value::Null).await;
    assert_eq!(urls(&some), ["https://a.internal"]);
    assert_eq!(some["hidden"], 1);
    let preview = json!({"policy": "{}", "scope": {"domains": ["b.internal"]}});
    let none = done(&place, &person.token, "POST", "/adit/guardrails/preview", preview).await;
    assert_eq!((urls(&none).len(), &none["hidden"]), (0, &json!(1)), "{none}");
}
