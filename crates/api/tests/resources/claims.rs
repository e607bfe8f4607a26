//! What can be there only once: the second is refused with its number, to whoever has the first and to others, who
//! learn nothing of him.

use serde_json::{Value, json};

use crate::place::{Place, place};

const POLICY: &str = "on_http_request:\n  - actions:\n      - type: deny\n";

/// What another organisation gets for the same.
enum Others {
    /// It has its own: this is made.
    Own(Value),
    Refused(&'static str),
}
use Others::{Own, Refused};

/// Made for another organisation.
async fn theirs(place: &Place, path: &str, body: Value) -> Value {
    let made = place.ask_as(&place.theirs.key, "POST", path, body).await;
    assert_eq!(made.status, 201, "{path}: {}", made.text);
    made.json
}

#[tokio::test]
async fn the_second_of_what_can_be_once_is_refused_with_its_number() {
    let place = place().await;
    let policy = place.make("/ip_policies", json!({})).await["id"].clone();
    let vault = place.make("/vaults", json!({"name": "of-secrets"})).await["id"].clone();
    let their_policy = theirs(&place, "/ip_policies", json!({})).await["id"].clone();
    let their_vault = theirs(&place, "/vaults", json!({"name": "of-secrets"})).await["id"].clone();
    let rule =
        |policy: &Value, cidr: &str, action: &str| json!({"ip_policy_id": policy, "cidr": cidr, "action": action});
    let restriction = |policy: &Value| json!({"type": "endpoints", "ip_policy_ids": [policy]});
    let secret = |vault: &Value, value: &str| json!({"name": "password", "value": value, "vault_id": vault});
    let cloud = |url: &str| json!({"url": url, "type": "cloud", "traffic_policy": POLICY});
    let user = |email: &str| json!({"email": email, "name": "Eva", "role_ids": ["viewer"]});
    let invitation = |email: &str| json!({"email": email, "role_ids": ["viewer"]});
    // Where, what, the same in another spelling, and what is said to it; then to others.
    let all = [
        (
            "/reserved_domains",
            json!({"domain": "once.example.net", "description": "planted"}),
            json!({"domain": "ONCE.example.net."}),
            "ERR_NGROK_413",
            Refused("ERR_NGROK_414"),
        ),
        (
            "/ip_policy_rules",
            rule(&policy, "10.0.0.0/8", "allow"),
            rule(&policy, "::ffff:10.0.0.0/104", "deny"),
            "ERR_NGROK_1408",
            Own(rule(&their_policy, "10.0.0.0/8", "allow")),
        ),
        (
            "/ip_restrictions",
            restriction(&policy),
            restriction(&policy),
            "ERR_NGROK_1802",
            Own(restriction(&their_policy)),
        ),
        (
            "/service_users",
            json!({"name": "robot"}),
            json!({"name": "ROBOT"}),
            "ERR_NGROK_4112",
            Own(json!({"name": "robot"})),
        ),
        (
            "/vaults",
            json!({"name": "prod"}),
            json!({"name": "prod"}),
            "ERR_NGROK_23004",
            Own(json!({"name": "prod"})),
        ),
        (
            "/vault_secrets",
            secret(&vault, "one"),
            secret(&vault, "two"),
            "ERR_NGROK_24005",
            Own(secret(&their_vault, "one")),
        ),
        (
            "/agent_ingresses",
            json!({"domain": "connect.example.info", "description": "planted"}),
            json!({"domain": "Connect.EXAMPLE.info"}),
            "ERR_NGROK_6706",
            Refused("ERR_NGROK_6706"),
        ),
        (
            "/endpoints",
            cloud("https://once.adit.example.com:8443"),
            cloud("https://ONCE.adit.example.com"),
            "ERR_NGROK_18009",
            Refused("ERR_NGROK_18006"),
        ),
        (
            "/adit/reserved_addrs",
            json!({"addr": ":20005", "description": "planted"}),
            json!({"addr": "tcp.adit.example.com:20005"}),
            "ERR_ADIT_2024",
            Refused("ERR_ADIT_2024"),
        ),
        (
            "/adit/endpoint_pools",
            json!({"url": "https://pool.adit.example.com:8443"}),
            json!({"url": "https://POOL.adit.example.com:8443"}),
            "ERR_ADIT_2022",
            Own(json!({"url": "https://pool.adit.example.com:8443"})),
        ),
        (
            "/adit/roles",
            json!({"name": "deployers", "permissions": ["vaults:read"]}),
            json!({"name": "Deployers", "permissions": []}),
            "ERR_ADIT_2021",
            Own(json!({"name": "deployers", "permissions": ["vaults:read"]})),
        ),
        (
            "/adit/users",
            user("eva@example.com"),
            user("EVA@example.com"),
            "ERR_NGROK_4101",
            Refused("ERR_NGROK_4101"),
        ),
        (
            "/adit/invitations",
            invitation("max@example.com"),
            invitation("Max@example.com"),
            "ERR_NGROK_1231",
            Own(invitation("max@example.com")),
        ),
    ];
    for (path, body, again, number, others) in all {
        let made = place.make(path, body.clone()).await;
        let before = place.position();
        for query in ["", "?dry_run=true"] {
            let refused = place.ask("POST", &format!("{path}{query}"), again.clone()).await;
            assert_eq!(
                (refused.status.as_u16(), refused.code()),
                (400, number),
                "{path}: {}",
                refused.text
            );
        }
        let answer = match &others {
            Own(own) => place.ask_as(&place.theirs.key, "POST", path, own.clone()).await,
            Refused(_) => place.ask_as(&place.theirs.key, "POST", path, body).await,
        };
        match others {
            Own(_) => assert_eq!(answer.status, 201, "{path}: {}", answer.text),
            Refused(number) => {
                assert_eq!(
                    (answer.status.as_u16(), answer.code()),
                    (400, number),
                    "{path}: {}",
                    answer.text
                );
                assert_eq!(place.position(), before, "{path}");
                let ours = [
                    place.ours.id.to_string(),
                    place.ours.user.to_string(),
                    "org-1".to_owned(),
                ];
                let of_it = [made["id"].as_str().unwrap().to_owned(), "planted".to_owned()];
                for told in ours.iter().chain(&of_it) {
                    assert!(!answer.text.contains(told), "{path} tells {told}: {}", answer.text);
                }
            }
        }
    }
    // A name is owned with what is below it, and an ingress is a name.
    for (path, domain, number) in [
        ("/reserved_domains", "a.once.example.net", "ERR_NGROK_414"),
        ("/reserved_domains", "*.once.example.net", "ERR_NGROK_414"),
        ("/reserved_domains", "*.example.net", "ERR_NGROK_417"),
        ("/reserved_domains", "connect.example.info", "ERR_NGROK_414"),
        ("/agent_ingresses", "once.example.net", "ERR_NGROK_6706"),
    ] {
        let refused = place
            .ask_as(&place.theirs.key, "POST", path, json!({"domain": domain}))
            .await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (400, number),
            "{domain}: {}",
            refused.text
        );
    }
    let nested = place
        .ask("POST", "/reserved_domains", json!({"domain": "a.once.example.net"}))
        .await;
    assert_eq!(nested.status, 201, "one's own may nest: {}", nested.text);
}
