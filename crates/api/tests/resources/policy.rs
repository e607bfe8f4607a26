//! The tools for traffic policies: the same as the command line's, refused where they are used wrongly.

use serde_json::{Value, json};

use crate::place::{Place, place};

const DENY: &str = "on_http_request:\n  - name: no debug\n    expressions: [\"hasReqHeader('x-debug')\"]\n    actions: [{type: deny, config: {status_code: 404}}]\n";

async fn post(place: &Place, tool: &str, body: Value) -> crate::place::Answer {
    place.ask("POST", &format!("/adit/policy/{tool}"), body).await
}

#[tokio::test]
async fn check_says_what_a_write_would_say() {
    let place = place().await;
    let right = post(&place, "check", json!({"traffic_policy": DENY})).await;
    assert_eq!(right.status, 200, "{}", right.text);
    let cost = json!({"total": 2, "largest": 2, "at": "on_http_request[0].expressions[0]", "limit": 100_000});
    assert_eq!(
        right.json,
        json!({
            "valid": true, "terminating": false, "adit_only": false, "adit_only_at": [], "phases": ["on_http_request"], "errors": [], "warnings": [], "cost": cost
        })
    );
    let wrong = DENY.replace("hasReqHeader('x-debug')", "req.metod == 'GET'");
    let wrong = post(&place, "check", json!({"traffic_policy": wrong})).await;
    assert_eq!(wrong.status, 200, "a document that is wrong is an answer");
    let error = &wrong.json["errors"][0];
    assert_eq!((&error["code"], &error["line"]), (&json!("ERR_NGROK_2200"), &json!(3)));
    assert_eq!(error["fix"], "did you mean `req.method`?");
    let own = "on_http_request: [{id: a, actions: [{type: deny}]}]";
    let own = post(&place, "check", json!({"traffic_policy": own})).await;
    let at = json!([{"path": "on_http_request[0].id", "line": 1, "column": 20, "message": "the key `id` of rules"}]);
    assert_eq!((&own.json["adit_only"], &own.json["adit_only_at"]), (&json!(true), &at));
    // What it is for: nothing ends every request of this cloud endpoint, and TCP has no requests.
    let code = async |body: Value| {
        let answer = post(&place, "check", body).await;
        answer.json["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(
        code(json!({"traffic_policy": DENY, "type": "cloud"})).await,
        "ERR_NGROK_2235"
    );
    assert_eq!(
        code(json!({"traffic_policy": DENY, "url": "tcp://1.tcp.example.com:20000"})).await,
        "ERR_NGROK_2230"
    );
    let connect = "on_tcp_connect: [{actions: [{type: deny}]}]";
    for (body, expected) in [
        (json!({"traffic_policy": connect}), ""),
        (
            json!({"traffic_policy": connect, "url": "https://a.internal"}),
            "ERR_NGROK_2262",
        ),
        (
            json!({"traffic_policy": connect, "binding": "internal"}),
            "ERR_NGROK_2262",
        ),
    ] {
        assert_eq!(code(body.clone()).await, expected, "{body}");
    }
    // References are the organisation's.
    let vault = place.make("/vaults", json!({"name": "hooks"})).await;
    let secret = "on_http_request: [{actions: [{type: add-headers, config: {headers: {x-a: \"${secrets.get('hooks', 'one')}\"}}}]}]";
    assert_eq!(code(json!({"traffic_policy": secret})).await, "ERR_ADIT_2201");
    let body = json!({"vault_id": vault["id"], "name": "one", "value": "x"});
    place.make("/vault_secrets", body).await;
    assert_eq!(code(json!({"traffic_policy": secret})).await, "");
    let theirs = place
        .ask_as(
            &place.theirs.key,
            "POST",
            "/adit/policy/check",
            json!({"traffic_policy": secret}),
        )
        .await;
    assert_eq!(theirs.json["errors"][0]["code"], "ERR_ADIT_2201");
}

/// Names are not told to those who may not read what has them.
#[tokio::test]
async fn what_cannot_be_read_is_taken_to_be_there() {
    let place = place().await;
    let kinds = ["vault_secrets:read", "certificate_authorities:read", "ip_policies:read"];
    let policies = [
        "on_http_request: [{actions: [{type: add-headers, config: {headers: {x-a: \"${secrets.get('hooks', 'one')}\"}}}]}]",
        "on_tcp_connect: [{actions: [{type: terminate-tls, config: {mutual_tls_certificate_authorities: [ca_0ujtsYcgvSTl8PAuAdqWYSMnLOv]}}]}]",
        "on_http_request: [{actions: [{type: restrict-ips, config: {ip_policies: [ipp_0ujtsYcgvSTl8PAuAdqWYSMnLOv]}}]}]",
    ];
    let mut keys = Vec::new();
    for kind in [None, Some(0), Some(1), Some(2)] {
        let permissions: Vec<_> = ["policies:check"]
            .into_iter()
            .chain(kind.map(|at: usize| kinds[at]))
            .collect();
        let name = permissions.join(" ");
        let role = place
            .make("/adit/roles", json!({"name": name, "permissions": permissions}))
            .await;
        let user = json!({"name": name, "role_ids": [role["id"]]});
        let user = place.make("/adit/service_users", user).await;
        let key = place.make("/api_keys", json!({"owner_id": user["id"]})).await;
        keys.push((kind, key["token"].as_str().unwrap().to_owned()));
    }
    for (number, policy) in policies.iter().enumerate() {
        for (kind, key) in &keys {
            let body = json!({"traffic_policy": policy, "url": "https://a.adit.example.com"});
            let checked = place.ask_as(key, "POST", "/adit/policy/check", body).await;
            let is_known = *kind == Some(number);
            assert_eq!(checked.json["valid"], !is_known, "{policy} {kind:?}: {}", checked.text);
        }
    }
}

#[tokio::test]
async fn cases_are_run_and_counted() {
    let place = place().await;
    let cases = "version: 1\ncases:\n- {id: ok/one, expr: 1 + 1, value: 2}\n- id: wrong/one\n  policy_file: any.yaml\n  request: {headers: {x-debug: '1'}}\n  expect: {forwarded: {}}\n- {id: open/one, tags: [unverified], expr: 1 + 1, value: 3}\n";
    let ran = post(&place, "test", json!({"cases": cases, "traffic_policy": DENY})).await;
    assert_eq!(ran.status, 200, "{}", ran.text);
    assert_eq!(
        (&ran.json["passed"], &ran.json["failed"]),
        (&json!(1), &json!(1)),
        "{}",
        ran.text
    );
    assert_eq!(ran.json["unverified"], json!({"passed": 0, "failed": 1}));
    assert_eq!(ran.json["skipped"], json!({}));
    let outcomes: Vec<_> = ran.json["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["outcome"])
        .collect();
    assert_eq!(outcomes, ["passed", "failed", "failed"]);
    assert!(!ran.json["cases"][1]["details"][0].as_str().unwrap().is_empty());
    let without = post(&place, "test", json!({"cases": cases})).await;
    let details = without.json["cases"][1]["details"].to_string();
    assert!(
        details.contains("any.yaml: give its text as traffic_policy"),
        "{details}"
    );
    for cases in [
        "",
        "version: 2\ncases: []",
        "version: 1\ncases: [{id: A}]",
        "version: 1\ncases: [{id: a, x: 1}]",
    ] {
        let refused = post(&place, "test", json!({"cases": cases})).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (400, "ERR_NGROK_215"),
            "{cases}"
        );
    }
}

#[tokio::test]
async fn a_request_is_explained_rule_by_rule() {
    let place = place().await;
    let policy = format!(
        "{DENY}  - actions: [{{type: add-headers, config: {{headers: {{x-from: \"${{conn.client_ip}} ${{conn.geo.country_code}}\"}}}}}}]\n"
    );
    let request = json!({"url": "https://app.example.com/a", "client": {"ip": "198.51.100.9", "country": "NZ"}});
    let answer = post(&place, "explain", json!({"traffic_policy": policy, "request": request})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json["rules"][0]["outcome"], "not_matched");
    let headers = &answer.json["forwarded"]["headers"];
    assert!(headers.to_string().contains("198.51.100.9 NZ"), "{headers}");
    let request =
        json!({"method": "POST", "url": "https://app.example.com/", "headers": {"X-Debug": ["1", "2"]}, "body": "x"});
    let body = json!({"traffic_policy": policy, "request": request, "type": "agent", "upstream_status": 204});
    let refused = post(&place, "explain", body).await;
    assert_eq!(
        (&refused.json["response"]["status"], &refused.json["forwarded"]),
        (&json!(404), &Value::Null)
    );
    // A connection has no requests.
    let connect = "on_tcp_connect: [{expressions: [\"conn.tls.sni == 'x.example.com'\"], actions: [{type: deny}]}]";
    let client = json!({"ip": "198.51.100.9", "tls": {"sni": "x.example.com", "version": "1.2"}});
    let request = json!({"url": "tls://db.example.com", "client": client});
    let closed = post(
        &place,
        "explain",
        json!({"traffic_policy": connect, "request": request}),
    )
    .await;
    assert_eq!(
        (&closed.json["closed"], &closed.json["forwarded"]),
        (&json!(true), &Value::Null),
        "{}",
        closed.text
    );
    let request = json!({"url": "tcp://db.example.com:5432"});
    let passed = post(&place, "explain", json!({"traffic_policy": "{}", "request": request})).await;
    assert_eq!(
        passed.json["forwarded"],
        json!({"host": "db.example.com:5432"}),
        "{}",
        passed.text
    );
    // A document that is wrong is refused as where it is written.
    let body = json!({"traffic_policy": "on_http_request: [{}]", "request": {"url": "https://a.example"}});
    let wrong = post(&place, "explain", body).await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (400, "ERR_NGROK_2206"));
    assert!(
        wrong.json["details"]["errors"]
            .as_str()
            .unwrap()
            .contains("on_http_request[0]")
    );
}

#[tokio::test]
async fn old_documents_are_converted() {
    let place = place().await;
    let old = r#"{"inbound":[{"expressions":["req.Method == 'PUT'"],"actions":[{"type":"deny"}]}]}"#;
    let new = post(&place, "convert", json!({"traffic_policy": old})).await;
    assert_eq!(
        new.json,
        json!({"traffic_policy": "on_http_request:\n  - expressions:\n      - \"req.method == 'PUT'\"\n    actions:\n      - type: deny\n"}),
        "{}",
        new.text
    );
    let refused = post(&place, "convert", json!({"traffic_policy": "inbound: [{}]"})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "ERR_NGROK_2206"));
}

#[tokio::test]
async fn the_schema_is_open_and_the_committed_one() {
    let place = place().await;
    let request = http::Request::get("/adit/policy/schema").header("host", "api.adit.example.com:8443");
    let answer = place.send(request.body(http_body_util::Full::default()).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let committed = include_str!("../../../policy/policy.schema.json");
    assert_eq!(answer.text, committed);
    assert_eq!(answer.json["title"], "Traffic Policy");
}

#[tokio::test]
async fn what_is_not_asked_for_rightly_is_refused() {
    let place = place().await;
    for (tool, body, code) in [
        ("check", json!({}), "ERR_NGROK_215"),
        ("check", Value::Null, "ERR_NGROK_215"),
        ("check", json!([1]), "ERR_NGROK_215"),
        ("check", json!({"traffic_policy": 1}), "ERR_NGROK_215"),
        (
            "check",
            json!({"traffic_policy": "", "url": "ftp://x"}),
            "ERR_NGROK_215",
        ),
        ("check", json!({"traffic_policy": "", "binding": "x"}), "ERR_NGROK_215"),
        ("check", json!({"traffic_policy": "", "type": "x"}), "ERR_NGROK_215"),
        ("check", json!({"traffic_policy": "", "x": 1}), "ERR_NGROK_214"),
        ("test", json!({"traffic_policy": ""}), "ERR_NGROK_215"),
        ("explain", json!({"traffic_policy": "{}"}), "ERR_NGROK_215"),
        (
            "explain",
            json!({"traffic_policy": "{}", "request": {}}),
            "ERR_NGROK_215",
        ),
        (
            "explain",
            json!({"traffic_policy": "{}", "request": {"url": "x"}}),
            "ERR_NGROK_215",
        ),
        (
            "explain",
            json!({"traffic_policy": "{}", "request": {"url": "https://a.example", "x": 1}}),
            "ERR_NGROK_214",
        ),
        (
            "explain",
            json!({"traffic_policy": "{}", "request": {"url": "https://a.example", "headers": {"a": 1}}}),
            "ERR_NGROK_215",
        ),
        (
            "explain",
            json!({"traffic_policy": "{}", "request": {"url": "https://a.example", "client": {"ip": "x"}}}),
            "ERR_NGROK_215",
        ),
        (
            "explain",
            json!({"traffic_policy": "{}", "request": {"url": "https://a.example"}, "upstream_status": 99}),
            "ERR_NGROK_215",
        ),
        (
            "explain",
            json!({"traffic_policy": "{}", "request": {"url": "tcp://a.example:1", "method": "GET"}}),
            "ERR_NGROK_215",
        ),
        (
            "explain",
            json!({"traffic_policy": "{}", "effects": "yes", "request": {"url": "https://a.example"}}),
            "ERR_NGROK_215",
        ),
        (
            "explain",
            json!({"traffic_policy": "{}", "request": {"url": "https://a.example", "client": {"tls": {"ja4": "x"}}}}),
            "ERR_NGROK_214",
        ),
        (
            "explain",
            json!({"endpoint": "app.example.com", "request": {"url": "https://a.example"}}),
            "ERR_NGROK_215",
        ),
        ("convert", json!({"traffic_policy": null}), "ERR_NGROK_215"),
    ] {
        let refused = post(&place, tool, body.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (400, code),
            "{tool} {body}: {}",
            refused.text
        );
    }
    // Too large: the body for the API, the document for the language.
    let large = post(&place, "check", json!({"traffic_policy": "#".repeat(1 << 20)})).await;
    assert_eq!((large.status.as_u16(), large.code()), (413, "ERR_ADIT_2004"));
    let large = post(&place, "check", json!({"traffic_policy": "#".repeat(513 << 10)})).await;
    assert_eq!(large.json["errors"][0]["code"], "ERR_ADIT_2202", "{}", large.text);
    // Who may not.
    let nobody = place
        .ask_as("no_key", "POST", "/adit/policy/check", json!({"traffic_policy": ""}))
        .await;
    assert_eq!(nobody.status, 401);
    let role = json!({"name": "none", "permissions": ["endpoints:read"]});
    let role = place.make("/adit/roles", role).await;
    let user = place
        .make("/adit/service_users", json!({"name": "s", "role_ids": [role["id"]]}))
        .await;
    let key = place.make("/api_keys", json!({"owner_id": user["id"]})).await;
    let key = key["token"].as_str().unwrap();
    for tool in ["check", "test", "explain", "convert"] {
        let path = format!("/adit/policy/{tool}");
        let refused = place.ask_as(key, "POST", &path, json!({"traffic_policy": ""})).await;
        assert_eq!(refused.status, 403, "{tool}: {}", refused.text);
    }
}

#[tokio::test]
async fn live_endpoints_and_effects_are_for_those_who_may_write_such_policies() {
    let place = place().await;
    let key = async |name: &str, permissions: &[&str]| {
        let role = json!({"name": name, "permissions": permissions});
        let role = place.make("/adit/roles", role).await;
        let user = json!({"name": name, "role_ids": [role["id"]]});
        let user = place.make("/adit/service_users", user).await;
        let key = place.make("/api_keys", json!({"owner_id": user["id"]})).await;
        key["token"].as_str().unwrap().to_owned()
    };
    let endpoints = [
        "policies:check",
        "endpoints:update",
        "guardrails:read",
        "ip_policies:read",
    ];
    let effects = [
        "policies:check",
        "endpoints:update",
        "vault_secrets:read",
        "ip_policies:read",
    ];
    let request = json!({"url": "https://a.example"});
    let of_endpoint = json!({"endpoint": "ep_2abcdefghijklmnopqrstuvwxyz", "request": request});
    let of_effects = json!({"traffic_policy": "{}", "effects": true, "request": request});
    for (what, all, body) in [("endpoint", endpoints, &of_endpoint), ("effects", effects, &of_effects)] {
        for missing in &all[1..] {
            let rest: Vec<&str> = all.iter().copied().filter(|permission| permission != missing).collect();
            let refused = place
                .ask_as(
                    &key(&format!("{what} without {missing}"), &rest).await,
                    "POST",
                    "/adit/policy/explain",
                    body.clone(),
                )
                .await;
            assert_eq!(
                (refused.status.as_u16(), refused.code()),
                (403, "ERR_ADIT_2008"),
                "{}",
                refused.text
            );
            assert_eq!(refused.json["details"]["permission"], *missing);
        }
    }
    // Somebody else's is not there.
    let body = json!({"url": "https://x.adit.example.com", "type": "cloud",
        "bindings": ["public"], "traffic_policy": "on_http_request: [{actions: [{type: deny}]}]"});
    let theirs = place.ask_as(&place.theirs.key, "POST", "/endpoints", body).await;
    let id = theirs.json["id"].as_str().unwrap_or_else(|| panic!("{}", theirs.text));
    for endpoint in [id, "https://x.adit.example.com", "ep_nobody"] {
        let body = json!({"endpoint": endpoint, "request": request});
        let missing = post(&place, "explain", body).await;
        assert_eq!(
            (missing.status.as_u16(), missing.code()),
            (404, "ERR_ADIT_2001"),
            "{endpoint}: {}",
            missing.text
        );
    }
}
