//! What single kinds have of their own.

use serde_json::{Value, json};

use crate::place::{URL, place};

const POLICY: &str =
    "on_http_request:\n  - actions:\n      - type: custom-response\n        config:\n          status_code: 200\n";

#[tokio::test]
async fn a_bot_user_is_a_service_user() {
    let place = place().await;
    let made = place.make("/service_users", json!({"name": "robot"})).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["active"], true);
    let text = id.strip_prefix("service_").unwrap();
    let bot = place.ask("GET", &format!("/bot_users/bot_{text}"), Value::Null).await;
    assert_eq!(bot.json["id"], format!("bot_{text}"), "{}", bot.text);
    assert_eq!(bot.json["uri"], format!("{URL}/bot_users/bot_{text}"));
    let list = place.ask("GET", "/bot_users", Value::Null).await;
    assert_eq!(list.json["bot_users"][0]["id"], format!("bot_{text}"));
    assert_eq!(
        place.ask("GET", &format!("/bot_users/{id}"), Value::Null).await.status,
        404
    );
    let changed = place
        .ask("PATCH", &format!("/bot_users/bot_{text}"), json!({"active": false}))
        .await;
    assert_eq!(changed.json["active"], false, "{}", changed.text);
    let service = place.ask("GET", &format!("/service_users/{id}"), Value::Null).await;
    assert_eq!(service.json["active"], false);
    let taken = place.ask("POST", "/bot_users", json!({"name": "Robot"})).await;
    assert_eq!(taken.code(), "ERR_NGROK_4112", "{}", taken.text);
    assert_eq!(
        place
            .ask("GET", "/bot_users?filter=obj.name%3D%3D%22x%22", Value::Null)
            .await
            .code(),
        "ERR_NGROK_231"
    );
    // Pages go on with ids of the path.
    place.make("/bot_users", json!({"name": "another"})).await;
    let first = place.ask("GET", "/bot_users?limit=1", Value::Null).await;
    let next = first.json["next_page_uri"]
        .as_str()
        .unwrap()
        .strip_prefix(URL)
        .unwrap()
        .to_owned();
    assert!(next.contains("before_id=bot_"), "{next}");
    let second = place.ask("GET", &next, Value::Null).await;
    assert_eq!(
        second.json["bot_users"][0]["id"],
        format!("bot_{text}"),
        "{}",
        second.text
    );
}

#[tokio::test]
async fn addresses_get_the_lowest_free_port() {
    let place = place().await;
    let mut ports = Vec::new();
    for _ in 0..11 {
        let made = place.make("/reserved_addrs", json!({})).await;
        assert_eq!(made["region"], "global");
        ports.push(made["addr"].as_str().unwrap().to_owned());
    }
    let expected: Vec<_> = (20_000..=20_010).map(|p| format!("tcp.adit.example.com:{p}")).collect();
    assert_eq!(ports, expected);
    let none = place.ask("POST", "/reserved_addrs", json!({})).await;
    assert_eq!(none.code(), "ERR_NGROK_503", "{}", none.text);
    assert_eq!(
        none.status, 400,
        "a limit of the installation is no failure of the server"
    );
    // Whoever's it was: the lowest that is free again.
    let list = place
        .ask(
            "GET",
            "/reserved_addrs?filter=obj.addr.endsWith(%22:20003%22)",
            Value::Null,
        )
        .await;
    let one = format!(
        "/reserved_addrs/{}",
        list.json["reserved_addrs"][0]["id"].as_str().unwrap()
    );
    assert_eq!(place.ask("DELETE", &one, Value::Null).await.status, 204);
    let theirs = place.theirs.key.clone();
    let made = place.ask_as(&theirs, "POST", "/reserved_addrs", json!({})).await;
    assert_eq!(made.json["addr"], "tcp.adit.example.com:20003", "{}", made.text);
}

#[tokio::test]
async fn addresses_are_given_out_once() {
    let place = std::sync::Arc::new(place().await);
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..11 {
        let place = place.clone();
        asked.spawn(async move { place.make("/reserved_addrs", json!({})).await });
    }
    let mut addresses = std::collections::HashSet::new();
    while let Some(made) = asked.join_next().await {
        addresses.insert(made.unwrap()["addr"].as_str().unwrap().to_owned());
    }
    assert_eq!(addresses.len(), 11);
}

#[tokio::test]
async fn secrets_find_their_vault_by_name_or_id() {
    let place = place().await;
    let vault = place.make("/vaults", json!({"name": "prod-vault"})).await;
    let other = place.make("/vaults", json!({"name": "other"})).await;
    let by_name = place
        .make(
            "/vault_secrets",
            json!({"name": "a", "value": "v", "vault_name": "prod-vault"}),
        )
        .await;
    let by_id = place
        .make(
            "/vault_secrets",
            json!({"name": "b", "value": "v", "vault_id": vault["id"]}),
        )
        .await;
    for secret in [&by_name, &by_id] {
        assert_eq!(secret["vault"]["id"], vault["id"]);
        assert_eq!(secret["vault_name"], "prod-vault");
        assert!(secret.get("value").is_none());
    }
    for (body, code) in [
        (json!({"name": "c", "value": "v"}), "ERR_NGROK_24008"),
        (
            json!({"name": "c", "value": "v", "vault_name": "nowhere"}),
            "ERR_NGROK_24009",
        ),
        (
            json!({"name": "c", "value": "v", "vault_name": "prod-vault", "vault_id": other["id"]}),
            "ERR_NGROK_24009",
        ),
        (
            json!({"name": "c", "value": "v", "vault_id": "vault_0ujtsYcgvSTl8PAuAdqWYSMnLOv"}),
            "ERR_NGROK_24006",
        ),
        (
            json!({"name": "a", "value": "v", "vault_name": "prod-vault"}),
            "ERR_NGROK_24005",
        ),
    ] {
        let refused = place.ask("POST", "/vault_secrets", body.clone()).await;
        assert_eq!(refused.code(), code, "{body}: {}", refused.text);
    }
    let path = format!("/vaults/{}/secrets", vault["id"].as_str().unwrap());
    let list = place.ask("GET", &format!("{path}?limit=1"), Value::Null).await;
    assert_eq!(list.json["secrets"][0]["id"], by_id["id"], "{}", list.text);
    let next = list.json["next_page_uri"]
        .as_str()
        .unwrap()
        .strip_prefix(URL)
        .unwrap()
        .to_owned();
    assert!(next.starts_with(&path), "{next}");
    let rest = place.ask("GET", &next, Value::Null).await;
    assert_eq!(rest.json["secrets"][0]["id"], by_name["id"]);
    assert_eq!(rest.json["next_page_uri"], Value::Null);
    let empty = place
        .ask(
            "GET",
            &format!("/vaults/{}/secrets", other["id"].as_str().unwrap()),
            Value::Null,
        )
        .await;
    assert_eq!(empty.json["secrets"], json!([]));
    let missing = place
        .ask("GET", "/vaults/vault_0ujtsYcgvSTl8PAuAdqWYSMnLOv/secrets", Value::Null)
        .await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn a_renamed_vault_is_renamed_in_its_secrets() {
    let place = place().await;
    let vault = place.make("/vaults", json!({"name": "before"})).await;
    let body = json!({"name": "a", "value": "v", "vault_id": vault["id"]});
    let secret = place.make("/vault_secrets", body).await;
    let one = format!("/vaults/{}", vault["id"].as_str().unwrap());
    let renamed = place.ask("PATCH", &one, json!({"name": "after"})).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let secret = format!("/vault_secrets/{}", secret["id"].as_str().unwrap());
    assert_eq!(place.ask("GET", &secret, Value::Null).await.json["vault_name"], "after");
}

#[tokio::test]
async fn certificates_of_domains_are_detached() {
    let place = place().await;
    let made = rcgen::generate_simple_self_signed(["a.example.net".to_owned()]).unwrap();
    let body = json!({"certificate_pem": made.cert.pem(), "private_key_pem": made.signing_key.serialize_pem()});
    let certificate = place.make("/tls_certificates", body).await;
    let body = json!({"domain": "a.example.net", "certificate_id": certificate["id"]});
    let domain = place.make("/reserved_domains", body).await;
    assert_eq!(domain["certificate"]["id"], certificate["id"], "{domain}");
    let used = place
        .ask(
            "DELETE",
            &format!("/tls_certificates/{}", certificate["id"].as_str().unwrap()),
            Value::Null,
        )
        .await;
    assert_eq!(used.code(), "ERR_ADIT_2011", "{}", used.text);
    let one = format!("/reserved_domains/{}", domain["id"].as_str().unwrap());
    let detached = place.ask("DELETE", &format!("{one}/certificate"), Value::Null).await;
    assert_eq!(
        (detached.status.as_u16(), detached.text.as_str()),
        (204, ""),
        "{}",
        detached.text
    );
    assert_eq!(
        place.ask("GET", &one, Value::Null).await.json["certificate"],
        Value::Null
    );
    let policy = place
        .ask("DELETE", &format!("{one}/certificate_management_policy"), Value::Null)
        .await;
    assert_eq!(policy.status, 204, "{}", policy.text);
    let wrong = place
        .ask(
            "POST",
            "/reserved_domains",
            json!({"domain": "b.example.net", "certificate_id": certificate["id"]}),
        )
        .await;
    assert_eq!(wrong.code(), "ERR_ADIT_2019", "{}", wrong.text);
    assert_eq!(wrong.json["details"]["names"], "a.example.net");
}

#[tokio::test]
async fn cloud_endpoints_stand_on_what_is_theirs() {
    let place = place().await;
    let endpoint = |url: &str| {
        let policy = if url.starts_with("tcp") {
            "on_tcp_connect:\n  - actions:\n      - type: deny\n"
        } else {
            POLICY
        };
        json!({"url": url, "type": "cloud", "traffic_policy": policy})
    };
    // One label below the base domain needs nothing; what is reserved is named.
    let free = place
        .make("/endpoints", endpoint("https://free.adit.example.com:8443"))
        .await;
    assert_eq!(
        (&free["domain"], &free["traffic_policy"]),
        (&Value::Null, &json!(POLICY))
    );
    assert_eq!(free["principal"]["id"], place.ours.user.to_string());
    let domain = place
        .make("/reserved_domains", json!({"domain": "*.example.net"}))
        .await;
    let below = place.make("/endpoints", endpoint("https://x.example.net:8443")).await;
    assert_eq!(below["domain"]["id"], domain["id"], "{below}");
    let used = place
        .ask(
            "DELETE",
            &format!("/reserved_domains/{}", domain["id"].as_str().unwrap()),
            Value::Null,
        )
        .await;
    assert_eq!(used.code(), "ERR_NGROK_446", "{}", used.text);
    let theirs = place.theirs.key.clone();
    for url in [
        "https://x.example.net:8443",
        "https://nobodys.example.com:8443",
        "tcp://tcp.adit.example.com:20001",
    ] {
        let refused = place.ask_as(&theirs, "POST", "/endpoints", endpoint(url)).await;
        assert_eq!(refused.code(), "ERR_NGROK_18006", "{url}: {}", refused.text);
    }
    let twice = place
        .ask("POST", "/endpoints", endpoint("https://free.adit.example.com:8443"))
        .await;
    assert!(
        ["ERR_NGROK_18009", "ERR_NGROK_18016"].contains(&twice.code()),
        "{}",
        twice.text
    );
    // Pooling is agreed about.
    let pooled = |url: &str, pools: bool| {
        let mut body = endpoint(url);
        body["pooling_enabled"] = pools.into();
        body
    };
    let first = place
        .make("/endpoints", pooled("https://pool.adit.example.com:8443", true))
        .await;
    place
        .make("/endpoints", pooled("https://pool.adit.example.com:8443", true))
        .await;
    let alone = place
        .ask(
            "POST",
            "/endpoints",
            pooled("https://pool.adit.example.com:8443", false),
        )
        .await;
    assert_eq!(alone.code(), "ERR_NGROK_18017", "{}", alone.text);
    let one = format!("/endpoints/{}", first["id"].as_str().unwrap());
    let leaves = place.ask("PATCH", &one, json!({"pooling_enabled": false})).await;
    assert_eq!(leaves.code(), "ERR_NGROK_18017", "{}", leaves.text);
    let joins = place
        .ask("POST", "/endpoints", pooled("https://free.adit.example.com:8443", true))
        .await;
    assert_eq!(joins.code(), "ERR_NGROK_18016", "{}", joins.text);
    // An address needs its reservation.
    let address = place.make("/reserved_addrs", json!({})).await;
    let url = format!("tcp://{}", address["addr"].as_str().unwrap());
    let tcp = place.make("/endpoints", endpoint(&url)).await;
    assert_eq!(tcp["tcp_addr"]["id"], address["id"], "{tcp}");
    // Lists by URL and id.
    let list = place
        .ask(
            "GET",
            "/endpoints?url=https%3A%2F%2Fpool.adit.example.com%3A8443",
            Value::Null,
        )
        .await;
    assert_eq!(list.json["endpoints"].as_array().unwrap().len(), 2, "{}", list.text);
    let id = free["id"].as_str().unwrap();
    let list = place
        .ask(
            "GET",
            &format!("/endpoints?id={id}&id=ep_0ujtsYcgvSTl8PAuAdqWYSMnLOv"),
            Value::Null,
        )
        .await;
    assert_eq!(list.json["endpoints"].as_array().unwrap().len(), 1, "{}", list.text);
}

/// Refused with the code, the place and the line of what is wrong; what it refers to is looked up in the organisation.
#[tokio::test]
async fn a_policy_is_checked_when_it_is_written() {
    let place = place().await;
    let endpoint = |policy: &str| json!({"url": "https://checked.adit.example.com:8443", "type": "cloud", "traffic_policy": policy});
    let rule = |action: &str| format!("on_http_request:\n  - actions:\n{action}      - type: deny\n");
    let ip_policy = place.make("/ip_policies", json!({})).await;
    let ip_policy = ip_policy["id"].as_str().unwrap().to_owned();
    let restrict = |id: &str| {
        rule(&format!(
            "      - type: restrict-ips\n        config: {{ip_policies: [{id}]}}\n"
        ))
    };
    for (policy, code, path, line) in [
        (
            "on_http_request: []".to_owned(),
            "ERR_NGROK_2235",
            "on_http_request",
            "1",
        ),
        (
            rule("").replace("deny", "denied"),
            "ERR_NGROK_2201",
            "on_http_request[0].actions[0].type",
            "3",
        ),
        (
            restrict("ipp_unknown"),
            "ERR_NGROK_2216",
            "on_http_request[0].actions[0].config.ip_policies[0]",
            "4",
        ),
        (
            "on_tcp_connect:\n  - actions:\n      - type: deny\n".to_owned(),
            "ERR_NGROK_2235",
            "on_http_request",
            "1",
        ),
        (
            rule("      - type: log\n        config: {metadata: {a: \"${secrets.get('v', 'n')}\"}}\n"),
            "ERR_ADIT_2201",
            "on_http_request[0].actions[0].config.metadata.a",
            "4",
        ),
    ] {
        let refused = place.ask("POST", "/endpoints", endpoint(&policy)).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (400, code),
            "{}",
            refused.text
        );
        let details = &refused.json["details"];
        assert_eq!(
            (&details["path"], &details["line"]),
            (&json!(path), &json!(line)),
            "{}",
            refused.text
        );
        let errors: Value = serde_json::from_str(details["errors"].as_str().unwrap()).unwrap();
        assert_eq!(errors[0]["code"], code);
    }
    let none = place.ask("POST", "/endpoints", endpoint(" ")).await;
    assert_eq!(none.code(), "ERR_NGROK_18011", "{}", none.text);

    let vault = place.make("/vaults", json!({"name": "v"})).await;
    let secret = json!({"name": "n", "value": "hidden", "vault_id": vault["id"]});
    place.make("/vault_secrets", secret).await;
    let logs = rule("      - type: log\n        config: {metadata: {a: \"${secrets.get('v', 'n')}\"}}\n");
    let made = place.make("/endpoints", endpoint(&logs)).await;
    let one = format!("/endpoints/{}", made["id"].as_str().unwrap());
    let changed = place
        .ask("PATCH", &one, json!({"traffic_policy": restrict(&ip_policy)}))
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let refused = place
        .ask("PATCH", &one, json!({"traffic_policy": "on_http_request: []"}))
        .await;
    assert_eq!(refused.code(), "ERR_NGROK_2235", "{}", refused.text);
    let kept = place.ask("GET", &one, Value::Null).await;
    assert_eq!(kept.json["traffic_policy"], restrict(&ip_policy));
}

/// Policies are texts of somebody's, with comments and ends of lines as he has them.
#[tokio::test]
async fn a_policy_comes_back_byte_for_byte() {
    let place = place().await;
    let text = "# of the team \u{fc} \r\non_http_request:\r\n  - actions:\r\n      - type: deny   \r\n\r\n";
    let body = json!({"url": "https://crlf.adit.example.com:8443", "type": "cloud", "traffic_policy": text});
    let made = place.make("/endpoints", body).await;
    let one = format!("/endpoints/{}", made["id"].as_str().unwrap());
    assert_eq!(place.ask("GET", &one, Value::Null).await.json["traffic_policy"], text);
    let other = format!("{text}# more\n");
    let changed = place.ask("PATCH", &one, json!({"traffic_policy": other})).await;
    assert_eq!(changed.json["traffic_policy"], other, "{}", changed.text);
    let list = place.ask("GET", "/endpoints", Value::Null).await;
    assert_eq!(list.json["endpoints"][0]["traffic_policy"], other);
}
