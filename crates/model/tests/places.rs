//! Reserved addresses, agent ingresses, IP restrictions, vaults and secrets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use adit_model::kind::ip_restriction::{Target, restriction};
use adit_model::kind::reserved_addr::{self, Address, Protocol};
use adit_model::kind::{agent_ingress, ip_restriction};
use adit_model::{OnDelete, Scope, SecretValue, draft};
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use common::*;
use serde_json::{Value, json};

#[test]
fn addresses_are_asked_for_or_assigned() {
    let mut prepared = create("reserved_addr", json!({})).unwrap();
    assert!(reserved_addr::is_open(&prepared.object));
    assert!(prepared.claims.is_empty());
    reserved_addr::assign(&mut prepared, 20_003, "adit.example.com");
    assert_eq!(prepared.object.body["addr"], "tcp.adit.example.com:20003");
    assert_eq!(
        (prepared.claims[0].class, prepared.claims[0].key.as_str()),
        ("addr", "tcp:20003")
    );
    let object = stored(prepared);
    assert_eq!(
        reserved_addr::address(&object),
        Some(Address {
            protocol: Protocol::Tcp,
            port: 20_003
        })
    );
    let answer = shown(&object, false);
    assert_eq!(answer["addr"], "tcp.adit.example.com:20003");
    assert_eq!(answer["region"], "global");
    assert_eq!(answer.get("protocol"), None);
    let ask = |body: Value| create_as("reserved_addr", true, body);
    for addr in ["tcp.adit.example.com:20000", ":20009", "TCP.adit.example.com:20005"] {
        assert!(ask(json!({"addr": addr})).is_ok(), "{addr}");
    }
    for addr in [
        "tcp.adit.example.com",
        "tcp.adit.example.com:19999",
        "tcp.adit.example.com:20010",
        "tcp.adit.example.com:x",
        "other.example.org:20005",
        "udp.adit.example.com:20005",
    ] {
        assert_eq!(blamed(ask(json!({"addr": addr}))), ["addr 215"], "{addr}");
    }
    let udp = ask(json!({"addr": "udp.adit.example.com:5000", "protocol": "udp"})).unwrap();
    assert_eq!(udp.claims[0].key, "udp:5000");
    // The other surface has no such field.
    assert_eq!(blamed(create("reserved_addr", json!({"addr": ":20005"}))), ["addr 214"]);
    let mut closed = ctx();
    closed.tcp_ports = None;
    let body = map(json!({"addr": ":20005"}));
    let kind = kind("reserved_addr");
    let result = draft::create(kind, true, &body, id(Prefix::ReservedAddress, 1), None, &closed);
    assert_eq!(blamed(result), ["addr 503"]);
}

#[test]
fn addresses_have_their_numbers() {
    let with = |body: Value| create("reserved_addr", body);
    assert_eq!(
        blamed(with(json!({"description": "x".repeat(256)}))),
        ["description 504"]
    );
    assert_eq!(blamed(with(json!({"metadata": "x".repeat(4097)}))), ["metadata 505"]);
    assert_eq!(blamed(with(json!({"region": "mars"}))), ["region 500"]);
    assert_eq!(with(json!({"region": "eu"})).unwrap().object.body["region"], "eu");
    assert_eq!(blamed(update(&object("reserved_addr"), json!({}))), [" 506"]);
}

#[test]
fn ingresses_have_names_of_their_own() {
    let make = |domain: &str| create("agent_ingress", json!({"domain": domain}));
    let prepared = make("Connect.Example.ORG").unwrap();
    assert_eq!(prepared.object.body["domain"], "connect.example.org");
    let classes: Vec<_> = prepared.claims.iter().map(|c| (c.class, c.key.as_str())).collect();
    assert_eq!(
        classes,
        [("ingress", "connect.example.org"), ("name", "org.example.connect.")]
    );
    assert!(matches!(&prepared.claims[1].scope, Scope::Subtree { root, .. } if root == "org.example.connect."));
    let answer = shown(&stored(prepared), false);
    assert_eq!(answer["region_domains"], json!(["connect.example.org"]));
    assert_eq!(answer["ns_targets"], json!([]));
    for (domain, code) in [
        ("", 6704),
        ("connect", 6704),
        ("a b.example.org", 6704),
        ("*.example.org", 6704),
        ("co.uk", 6704),
        ("10.0.0.1", 6704),
        ("a.adit.example.com", 6705),
        ("adit.example.com", 6705),
        ("example.com", 6705),
    ] {
        assert_eq!(blamed(make(domain)), [format!("domain {code}")], "{domain}");
    }
    let mut operators = ctx();
    operators.is_operators = true;
    let body = map(json!({"domain": "a.adit.example.com"}));
    let kind = kind("agent_ingress");
    assert!(draft::create(kind, false, &body, id(Prefix::AgentIngress, 1), None, &operators).is_ok());
    let more = json!({"domain": "x.example.org", "description": "x".repeat(256), "metadata": "x".repeat(4097)});
    assert_eq!(
        blamed(create("agent_ingress", more)),
        ["description 6700", "metadata 6701"]
    );
}

#[test]
fn ingresses_have_more_below_adit() {
    let with = |field: &str, value: Value| {
        create_as(
            "agent_ingress",
            true,
            json!({"domain": "connect.example.org", field: value}),
        )
    };
    let hosts = json!(["tunnel.eu.connect.example.org", "connect.example.net"]);
    let prepared = with("hostnames", hosts).unwrap();
    let keys: Vec<_> = prepared.claims.iter().map(|c| c.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "connect.example.org",
            "org.example.connect.",
            "tunnel.eu.connect.example.org",
            "connect.example.net",
            "net.example.connect."
        ]
    );
    assert_eq!(agent_ingress::names(&prepared.object).len(), 3);
    for (field, value, blamed_at) in [
        (
            "hostnames",
            json!(["a.example.org", "A.example.org"]),
            "hostnames[1] 215",
        ),
        ("hostnames", json!(["*.example.org"]), "hostnames[0] 6704"),
        ("hostnames", json!(vec!["a.example.org"; 21]), "hostnames 2013"),
        ("dns_mode", json!("anycast"), "dns_mode 215"),
        ("authority", json!("nobody"), "authority 1908"),
        ("allowed", json!(["ep_x"]), "allowed[0] 243"),
        ("allowed", json!(["organization"]), "allowed[0] 243"),
        ("ip_policies", json!(["x"]), "ip_policies[0] 229"),
        ("client_ca_ids", json!(["x"]), "client_ca_ids[0] 228"),
        ("client_auth", json!("maybe"), "client_auth 215"),
        ("transports", json!(["carrier pigeon"]), "transports[0] 215"),
        ("transports", json!(["tls", "tls"]), "transports[1] 215"),
        ("certificate_id", json!("x"), "certificate_id 223"),
        (
            "certificate_management_policy",
            json!({"authority": "x"}),
            "certificate_management_policy.authority 1908",
        ),
    ] {
        assert_eq!(blamed(with(field, value)), [blamed_at]);
    }
    let certificate = id(Prefix::Certificate, 1).to_string();
    let body = json!({
        "domain": "connect.example.org", "certificate_id": certificate, "certificate_management_policy": {},
    });
    assert_eq!(
        blamed(create_as("agent_ingress", true, body)),
        ["certificate_management_policy 6708"]
    );
    let policy = with("certificate_management_policy", json!({})).unwrap();
    assert_eq!(
        policy.object.body["certificate_management_policy"],
        json!({"authority": "letsencrypt", "private_key_type": "rsa"})
    );
    // Who may log in is let go of when it is deleted; users are kept by their membership.
    let credential = id(Prefix::Credential, 1);
    let allowed = json!([credential.to_string(), id(Prefix::User, 1).to_string()]);
    let prepared = with("allowed", allowed).unwrap();
    let to: Vec<_> = prepared.references.iter().map(|r| (r.to, r.on_delete)).collect();
    assert_eq!(to, [(credential, OnDelete::Detach)]);
    let delegated = shown(&stored(with("dns_mode", json!("ns")).unwrap()), false);
    assert_eq!(
        delegated["ns_targets"],
        json!(["ns1.adit.example.com", "ns2.adit.example.com"])
    );
}

#[test]
fn restrictions_are_one_for_each_type() {
    let policy = |n| id(Prefix::IpPolicy, n).to_string();
    let make =
        |kind: Value, policies: Value| create("ip_restriction", json!({"type": kind, "ip_policy_ids": policies}));
    for (text, target) in [
        ("dashboard", Target::Dashboard),
        ("api", Target::Api),
        ("agent", Target::Agent),
        ("endpoints", Target::Endpoints),
    ] {
        let prepared = make(json!(text), json!([policy(1), policy(2)])).unwrap();
        assert_eq!(prepared.claims[0].key, format!("{} {text}", id(Prefix::Account, 1)));
        assert_eq!(prepared.claims[0].taken, ErrorCode::NGROK_1802);
        assert_eq!(prepared.references.len(), 2);
        assert_eq!(prepared.references[0].missing, ErrorCode::NGROK_1801);
        assert_eq!(
            prepared.references[0].on_delete,
            OnDelete::Restrict(ErrorCode::NGROK_1420)
        );
        let object = stored(prepared);
        let restriction = restriction(&object).unwrap();
        assert_eq!((restriction.target, restriction.enforced), (target, false));
        assert_eq!(restriction.policies.len(), 2);
        let answer = shown(&object, false);
        assert_eq!(answer["ip_policies"][0]["id"], policy(1));
        assert_eq!(answer["enforced"], false);
    }
    let most = ip_restriction::MAX_POLICIES as u8;
    let many: Vec<_> = (0..=most).map(policy).collect();
    assert!(make(json!("api"), json!(many[..usize::from(most)])).is_ok());
    for (kind, policies, blamed_at) in [
        (json!("moon"), json!([policy(1)]), "type 1803"),
        (json!(null), json!([policy(1)]), "type 1803"),
        (json!("api"), json!([]), "ip_policy_ids 1804"),
        (json!("api"), json!(null), "ip_policy_ids 1804"),
        (json!("api"), json!(many), "ip_policy_ids 1800"),
        (json!("api"), json!(["x"]), "ip_policy_ids[0] 229"),
        (json!("api"), json!([policy(1), policy(1)]), "ip_policy_ids[1] 215"),
    ] {
        assert_eq!(blamed(make(kind, policies)), [blamed_at]);
    }
    let object = object("ip_restriction");
    assert_eq!(blamed(update(&object, json!({"type": "agent"}))), ["type 215"]);
    assert_eq!(
        blamed(update(&object, json!({"ip_policy_ids": []}))),
        ["ip_policy_ids 1804"]
    );
    let next = update(&object, json!({"enforced": true, "ip_policy_ids": [policy(3)]}))
        .unwrap()
        .unwrap();
    assert_eq!(next.references[0].to, id(Prefix::IpPolicy, 3));
}

#[test]
fn vaults_and_secrets_have_names() {
    for (kind, base) in [("vault", 23_000), ("secret", 24_000)] {
        let make = |name: Value| {
            let mut body = sample(kind);
            body["name"] = name;
            create(kind, body)
        };
        for name in ["a", "prod-vault", "A/b.c_d-9"] {
            assert!(make(name.into()).is_ok(), "{name}");
        }
        assert!(make("x".repeat(128).into()).is_ok());
        assert_eq!(blamed(make(Value::Null)), [format!("name {}", base + 1)]);
        assert_eq!(blamed(make("".into())), [format!("name {}", base + 1)]);
        assert_eq!(blamed(make("x".repeat(129).into())), [format!("name {}", base + 2)]);
        for name in ["a b", "ä", "a:b", "a\\b"] {
            assert_eq!(blamed(make(name.into())), [format!("name {base}")], "{name}");
        }
        let object = object(kind);
        assert_eq!(
            blamed(update(&object, json!({"name": "a b"}))),
            [format!("name {base}")]
        );
        let next = update(&object, json!({"name": "other"})).unwrap().unwrap();
        assert!(next.claims[0].key.ends_with(" other"));
    }
}

#[test]
fn values_of_secrets_are_sealed_and_not_shown() {
    let prepared = create("secret", sample("secret")).unwrap();
    let [("value", SecretValue::Sealed(value))] = prepared.secrets.as_slice() else {
        panic!("{:?}", prepared.secrets)
    };
    assert_eq!(value.as_slice(), b"hunter2");
    let vault = id(Prefix::Vault, 1);
    assert_eq!(prepared.claims[0].key, format!("{vault} key"));
    assert_eq!(
        prepared.references[0].on_delete,
        OnDelete::Restrict(ErrorCode::NGROK_23003)
    );
    assert_eq!(prepared.references[0].missing, ErrorCode::NGROK_24006);
    let object = stored(prepared);
    let answer = shown(&object, false);
    assert_eq!(answer.get("value"), None);
    assert_eq!(answer["vault"]["id"], vault.to_string());
    assert_eq!(
        answer["created_by"],
        json!({"id": id(Prefix::User, 2).to_string(), "uri": ""})
    );
    // A new value is a change, whatever it was; who changes it is noted.
    let mut by_another = ctx();
    by_another.principal = Some(id(Prefix::User, 7));
    let patch = map(json!({"value": "hunter2"}));
    let next = draft::update(kind("secret"), false, &object, &patch, &[], &by_another)
        .unwrap()
        .unwrap();
    assert_eq!(next.secrets.len(), 1);
    assert_eq!(next.object.body["last_updated_by"], id(Prefix::User, 7).to_string());
    assert_eq!(next.object.body["created_by"], id(Prefix::User, 2).to_string());
    for (value, code) in [(json!(""), 24_003), (json!("x".repeat(64 * 1024 + 1)), 24_004)] {
        let problem = update(&object, json!({"value": value})).unwrap_err().0.remove(0);
        assert_eq!(problem.code.number(), code);
        // What was given is repeated nowhere.
        assert!(!format!("{problem:?}").contains("xxxx"));
    }
    assert!(update(&object, json!({"value": "x".repeat(64 * 1024)})).is_ok());
    let without = |body: Value| blamed(create("secret", body));
    assert_eq!(without(json!({"name": "a", "value": "b"})), ["vault_id 24008"]);
    assert_eq!(
        without(json!({"name": "a", "value": "b", "vault_name": "nowhere"})),
        ["vault_name 24009"]
    );
    assert_eq!(
        without(json!({"name": "a", "vault_id": vault.to_string()})),
        ["value 24003"]
    );
    let policy = id(Prefix::IpPolicy, 1).to_string();
    assert_eq!(
        without(json!({"name": "a", "value": "b", "vault_id": policy})),
        ["vault_id 227"]
    );
    let vaults = shown(&common::object("vault"), false);
    assert_eq!(vaults["created_by"], id(Prefix::User, 2).to_string());
}
