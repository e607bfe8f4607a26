//! Guardrails: what is refused where they are written, what they hold, and what they require of cloud endpoints.

use serde_json::{Value, json};

use crate::place::{Answer, Place, place};

const DENY: &str = "on_http_request: [{id: no, expressions: [\"hasReqHeader('x-bad')\"], actions: [{type: deny}]}]";

async fn post(place: &Place, more: Value) -> Answer {
    let mut body = json!({"name": "one", "policy": DENY});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    place.ask("POST", "/adit/guardrails", body).await
}

fn refused(answer: &Answer) -> (u16, &str, &str) {
    let field = answer.json["details"]["field"].as_str().unwrap_or_default();
    (answer.status.as_u16(), answer.code(), field)
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_place() {
    let place = place().await;
    let made = post(&place, json!({})).await;
    assert_eq!(
        (made.status.as_u16(), &made.json["mode"]),
        (201, &json!("dry_run")),
        "{}",
        made.text
    );
    assert_eq!(
        refused(&post(&place, json!({"name": "ONE"})).await),
        (400, "ERR_ADIT_2402", "")
    );
    let wrong = post(&place, json!({"name": "two", "policy": DENY.replace("deny", "denied")})).await;
    assert_eq!(
        (wrong.code(), &wrong.json["details"]["line"]),
        ("ERR_NGROK_2201", &json!("1")),
        "{}",
        wrong.text
    );
    for action in [
        "forward-internal, config: {url: \"https://a.internal\"}",
        "terminate-tls",
    ] {
        let policy = format!("on_tcp_connect: [{{actions: [{{type: {action}}}]}}]");
        let wrong = post(&place, json!({"name": "two", "policy": policy})).await;
        assert_eq!(
            (wrong.status.as_u16(), wrong.code()),
            (400, "ERR_NGROK_2202"),
            "{}",
            wrong.text
        );
    }
    let unknown = json!({"name": "two", "require": [{"no_action": ["deny", "denied"]}]});
    assert_eq!(
        refused(&post(&place, unknown).await),
        (400, "ERR_NGROK_215", "require[0].no_action")
    );
    let scope = json!({"name": "two", "scope": {"endpoints": "req.method == 'GET'"}});
    assert_eq!(
        refused(&post(&place, scope).await),
        (400, "ERR_NGROK_215", "scope.endpoints")
    );
    // Rules of all together; one that is off does not count.
    let rule = "{actions: [{type: deny}]}";
    let many = |n: usize| format!("on_http_request: [{}]", vec![rule; n].join(", "));
    for name in ["a", "b"] {
        assert_eq!(
            post(&place, json!({"name": name, "policy": many(255)})).await.status,
            201
        );
    }
    let more = json!({"name": "d", "policy": many(3)});
    assert_eq!(
        refused(&post(&place, more.clone()).await),
        (400, "ERR_ADIT_2202", "policy")
    );
    let mut off = more;
    off["mode"] = "off".into();
    let off = post(&place, off).await;
    assert_eq!(off.status, 201, "{}", off.text);
    let path = format!("/adit/guardrails/{}", off.id());
    let on = place.ask("PATCH", &path, json!({"mode": "enforce"})).await;
    assert_eq!(on.code(), "ERR_ADIT_2202", "{}", on.text);
    let stale = place
        .ask_with(("If-Match", "\"7\""), "PATCH", &path, json!({"priority": 1}))
        .await;
    assert_eq!(
        (stale.status.as_u16(), stale.code()),
        (412, "ERR_ADIT_2006"),
        "{}",
        stale.text
    );
    // Nothing of another organisation's.
    let theirs = place.ask_as(&place.theirs.key, "GET", &path, Value::Null).await;
    assert_eq!(theirs.status, 404);
    let theirs = place
        .ask_as(&place.theirs.key, "GET", &format!("{path}/affected"), Value::Null)
        .await;
    assert_eq!(theirs.status, 404);
    let same_name = place
        .ask_as(
            &place.theirs.key,
            "POST",
            "/adit/guardrails",
            json!({"name": "one", "policy": DENY}),
        )
        .await;
    assert_eq!(same_name.status, 201, "{}", same_name.text);
    let filtered = place
        .ask(
            "GET",
            "/adit/guardrails?filter=obj.mode%20%3D%3D%20%22off%22",
            Value::Null,
        )
        .await;
    assert_eq!(
        filtered.json["guardrails"].as_array().unwrap().len(),
        1,
        "{}",
        filtered.text
    );
}

#[tokio::test]
async fn what_a_guardrail_names_cannot_go() {
    let place = place().await;
    let ip_policy = place.make("/ip_policies", json!({})).await;
    let ip_policy = ip_policy["id"].as_str().unwrap();
    let vault = place.make("/vaults", json!({"name": "v"})).await;
    let vault = vault["id"].as_str().unwrap();
    let secret = place
        .make("/vault_secrets", json!({"name": "n", "value": "x", "vault_id": vault}))
        .await;
    let secret = secret["id"].as_str().unwrap();
    let policy = format!(
        "on_http_request: [{{actions: [{{type: restrict-ips, config: {{ip_policies: [{ip_policy}]}}}}, {{type: add-headers, config: {{headers: {{x-a: \"${{secrets.get('v', 'n')}}\"}}}}}}]}}]"
    );
    let missing = policy.replace("'n'", "'m'");
    assert_eq!(post(&place, json!({"policy": missing})).await.code(), "ERR_ADIT_2201");
    let made = post(&place, json!({"policy": policy})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (of_secret, of_vault) = (format!("/vault_secrets/{secret}"), format!("/vaults/{vault}"));
    for (method, path, body) in [
        ("DELETE", format!("/ip_policies/{ip_policy}"), Value::Null),
        ("DELETE", of_secret.clone(), Value::Null),
        ("PATCH", of_secret.clone(), json!({"name": "m"})),
        ("PATCH", of_vault.clone(), json!({"name": "w"})),
    ] {
        let answer = place.ask(method, &path, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, "ERR_ADIT_2011"),
            "{method} {path}: {}",
            answer.text
        );
    }
    let rail = format!("/adit/guardrails/{}", made.id());
    assert_eq!(place.ask("PATCH", &rail, json!({"policy": DENY})).await.status, 200);
    assert_eq!(place.ask("DELETE", &of_secret, Value::Null).await.status, 204);
    // The organisation's setting.
    let set = json!({"settings": {"default_guardrails": [made.id()]}});
    let answer = place.ask("PATCH", "/adit/organization", set).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(place.ask("DELETE", &rail, Value::Null).await.code(), "ERR_ADIT_2011");
    let nobodys = json!({"settings": {"default_guardrails": ["gr_0ujtsYcgvSTl8PAuAdqWYSMnLOv"]}});
    assert_eq!(
        place.ask("PATCH", "/adit/organization", nobodys).await.code(),
        "ERR_ADIT_2023"
    );
    assert_eq!(
        place
            .ask("PATCH", "/adit/organization", json!({"settings": {}}))
            .await
            .status,
        200
    );
    assert_eq!(place.ask("DELETE", &rail, Value::Null).await.status, 204);
}

#[tokio::test]
async fn cloud_endpoints_meet_what_is_required() {
    let place = place().await;
    let login = "{type: basic-auth, config: {credentials: [\"u:long enough\"]}}";
    let answer = "{type: custom-response, config: {body: a}}";
    let with = |name: &str, actions: &str| {
        let policy = format!("on_http_request: [{{actions: [{actions}]}}]");
        json!({"type": "cloud", "url": format!("https://{name}.adit.example.com:8443"), "traffic_policy": policy})
    };
    let before = place.make("/endpoints", with("before", answer)).await;
    let require = json!({
        "name": "log in",
        "require": [{"has_action": "basic-auth"}],
        "scope": {"endpoints": "endpoint.host != 'free.adit.example.com'"},
        "mode": "enforce",
    });
    let rail = post(&place, require).await;
    assert_eq!(rail.status, 201, "{}", rail.text);
    let refused = place.ask("POST", "/endpoints", with("a", answer)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (400, "ERR_ADIT_2250"),
        "{}",
        refused.text
    );
    assert_eq!(refused.json["details"]["guardrail"], rail.id());
    assert_eq!(
        refused.json["details"]["requirement"],
        "an action basic-auth is missing"
    );
    assert!(
        refused.json["msg"].as_str().unwrap().contains("log in"),
        "{}",
        refused.text
    );
    place.make("/endpoints", with("free", answer)).await;
    let made = place.make("/endpoints", with("a", &format!("{login}, {answer}"))).await;
    let path = format!("/endpoints/{}", made["id"].as_str().unwrap());
    let worse = place
        .ask(
            "PATCH",
            &path,
            json!({"traffic_policy": with("a", answer)["traffic_policy"]}),
        )
        .await;
    assert_eq!(worse.code(), "ERR_ADIT_2250", "{}", worse.text);
    let other = place.ask("PATCH", &path, json!({"description": "d"})).await;
    assert_eq!(other.status, 200, "{}", other.text);
    let affected = place
        .ask("GET", &format!("/adit/guardrails/{}/affected", rail.id()), Value::Null)
        .await;
    let mut seen: Vec<(String, Value)> = affected.json["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["id"].as_str().unwrap().to_owned(), e["unmet"].clone()))
        .collect();
    seen.sort_by_key(|(id, _)| id.clone());
    let mut wanted = vec![
        (
            before["id"].as_str().unwrap().to_owned(),
            json!("an action basic-auth is missing"),
        ),
        (made["id"].as_str().unwrap().to_owned(), Value::Null),
    ];
    wanted.sort_by_key(|(id, _)| id.clone());
    assert_eq!(seen, wanted, "{}", affected.text);
    assert_eq!(
        affected.json["would_refuse"],
        json!({"count": 0, "since": null, "last": null})
    );
    let theirs = with("theirs", answer);
    let theirs = place.ask_as(&place.theirs.key, "POST", "/endpoints", theirs).await;
    assert_ne!(
        theirs.code(),
        "ERR_ADIT_2250",
        "it is no business of others: {}",
        theirs.text
    );
    let path = format!("/adit/guardrails/{}", rail.id());
    assert_eq!(place.ask("PATCH", &path, json!({"mode": "dry_run"})).await.status, 200);
    place.make("/endpoints", with("b", answer)).await;
}

/// What one would have refused last is named to those who may read the endpoint.
#[tokio::test]
async fn hosts_of_others_are_not_named() {
    let place = place().await;
    let rail = post(&place, json!({"name": "all", "policy": DENY, "installation": true})).await;
    assert_eq!(rail.status, 201, "{}", rail.text);
    let endpoint = |host: &str| {
        let answers = "on_http_request: [{actions: [{type: custom-response, config: {body: a}}]}]";
        let (url, bindings) = match host.strip_suffix(".internal") {
            Some(_) => (format!("https://{host}"), ["internal"]),
            None => (format!("https://{host}:8443"), ["public"]),
        };
        json!({"type": "cloud", "url": url, "bindings": bindings, "traffic_policy": answers})
    };
    for host in ["ours.adit.example.com", "both.internal"] {
        place.make("/endpoints", endpoint(host)).await;
    }
    for host in ["theirs.adit.example.com", "both.internal"] {
        let made = place
            .ask_as(&place.theirs.key, "POST", "/endpoints", endpoint(host))
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let last = async |host: &str| {
        let at = std::time::SystemTime::now();
        let rehearsals = place.directory.rehearsals();
        rehearsals.add(rail.id(), host, "on_http_request[0]", "would_deny", at);
        let path = format!("/adit/guardrails/{}/affected", rail.id());
        let affected = place.ask("GET", &path, Value::Null).await;
        assert_eq!(
            affected.json["would_refuse"]["last"]["would"], "would_deny",
            "{}",
            affected.text
        );
        let last = &affected.json["would_refuse"]["last"];
        (last["host"].clone(), last["rule"].clone())
    };
    let ours = (json!("ours.adit.example.com"), json!("on_http_request[0]"));
    assert_eq!(last("ours.adit.example.com").await, ours);
    for host in ["theirs.adit.example.com", "both.internal", "gone.adit.example.com"] {
        assert_eq!(last(host).await, (Value::Null, Value::Null), "{host}");
    }
}
