//! API keys, credentials, IP policies and their rules, service users.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use adit_model::{OnDelete, kind::credential, kind::ip_policy_rule};
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use common::*;
use serde_json::{Value, json};

#[test]
fn answers_have_every_described_field() {
    let key = shown(&made("api_key", json!({"description": "ci"})), false);
    let url = format!("https://api.example.com/api_keys/{}", id(Prefix::ApiKey, 9));
    assert_eq!(
        key,
        json!({
            "id": id(Prefix::ApiKey, 9).to_string(), "uri": url, "created_at": "2026-11-18T11:06:40Z",
            "description": "ci", "metadata": "", "token": null, "owner_id": id(Prefix::User, 2).to_string(),
        })
    );
    let policy = id(Prefix::IpPolicy, 1);
    let body = json!({"cidr": "10.0.0.0/8", "ip_policy_id": policy.to_string(), "action": "allow"});
    let rule = shown(&made("ip_policy_rule", body), false);
    assert_eq!(
        rule["ip_policy"],
        json!({"id": policy.to_string(), "uri": format!("https://api.example.com/ip_policies/{policy}")})
    );
    assert_eq!(rule.get("ip_policy_id"), None);
    assert_eq!(rule.get("expires_at"), None);
}

#[test]
fn ranges_are_strict_and_canonical() {
    let make = |cidr: &str| {
        let policy = id(Prefix::IpPolicy, 1).to_string();
        create(
            "ip_policy_rule",
            json!({"cidr": cidr, "ip_policy_id": policy, "action": "deny"}),
        )
    };
    for (given, kept) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("203.0.113.7/32", "203.0.113.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("::/0", "::/0"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
    ] {
        let prepared = make(given).unwrap();
        assert_eq!(prepared.object.body["cidr"], kept, "{given}");
        assert_eq!(prepared.claims[0].key, format!("{} {kept}", id(Prefix::IpPolicy, 1)));
    }
    for (given, code, suggestion) in [
        ("", 1406, None),
        ("foo", 1406, None),
        ("10.0.0.0/33", 1406, None),
        ("10.0.0/8", 1406, None),
        ("10.0.0.0/", 1406, None),
        ("/8", 1406, None),
        ("10.0.0.1", 1413, Some("10.0.0.1/32")),
        ("2001:db8::1", 1413, Some("2001:db8::1/128")),
        ("10.0.0.1/8", 1409, Some("10.0.0.0/8")),
        ("2001:db8::1/32", 1409, Some("2001:db8::/32")),
        ("::ffff:10.0.0.1/104", 1409, Some("10.0.0.0/8")),
    ] {
        let problem = make(given).unwrap_err().0.remove(0);
        assert_eq!(problem.code.number(), code, "{given}");
        assert_eq!(problem.field, "cidr");
        let found = problem.details.iter().find(|(name, _)| *name == "suggestion");
        assert_eq!(found.map(|(_, text)| text.as_str()), suggestion, "{given}");
    }
}

#[test]
fn a_rule_belongs_to_its_policy_and_is_unique_there() {
    let policy = id(Prefix::IpPolicy, 1);
    let body = json!({"cidr": "10.0.0.0/8", "ip_policy_id": policy.to_string(), "action": "deny"});
    let prepared = create("ip_policy_rule", body).unwrap();
    assert_eq!(prepared.claims[0].class, "iprule");
    assert_eq!(prepared.claims[0].taken, ErrorCode::NGROK_1408);
    assert_eq!(prepared.references[0].to, policy);
    assert_eq!(prepared.references[0].on_delete, OnDelete::Cascade);
    assert_eq!(prepared.references[0].missing, ErrorCode::NGROK_1414);
    let rule = ip_policy_rule::rule(&stored(prepared)).unwrap();
    assert_eq!((rule.policy, rule.allow, rule.expires_at), (policy, false, None));
    // A change of the range moves the claim, in canonical form.
    let object = made(
        "ip_policy_rule",
        json!({"cidr": "10.0.0.0/8", "ip_policy_id": policy.to_string(), "action": "deny"}),
    );
    let next = update(&object, json!({"cidr": "::ffff:11.0.0.0/104"}))
        .unwrap()
        .unwrap();
    assert_eq!(next.claims[0].key, format!("{policy} 11.0.0.0/8"));
    assert!(
        update(&object, json!({"cidr": "::ffff:10.0.0.0/104"}))
            .unwrap()
            .is_none()
    );
    assert_eq!(blamed(update(&object, json!({}))), [" 1401"]);
    assert_eq!(blamed(update(&object, json!({"cidr": ""}))), ["cidr 1406"]);
}

#[test]
fn acls_are_read_rule_by_rule_and_kept_as_given() {
    for rule in [
        "*",
        "bind:*",
        "bind:foo.adit.example.com",
        "bind:*.example.com",
        "bind:tcp.adit.example.com:20007",
        "bind:foo=bar",
        "bind:app=*",
        "bind:*.internal",
    ] {
        let object = made("credential", json!({"acl": [rule]}));
        assert_eq!(object.body["acl"], json!([rule]));
        assert!(credential::acl(&object).is_ok());
    }
    let acl = json!([
        "bind:a.example.com",
        "a.example.com",
        "bind:",
        "bind:-x.example.com",
        "bind:x:70000"
    ]);
    assert_eq!(
        blamed(create("credential", json!({"acl": acl}))),
        ["acl[1] 600", "acl[2] 600", "acl[3] 600", "acl[4] 600"]
    );
    let many = vec!["bind:*"; 101];
    assert_eq!(blamed(create("credential", json!({"acl": many}))), ["acl 2013"]);
    assert!(create("credential", json!({"acl": vec!["bind:*"; 100]})).is_ok());
    assert_eq!(blamed(create("credential", json!({"acl": "bind:*"}))), ["acl 215"]);
    assert_eq!(blamed(create("credential", json!({"acl": [7]}))), ["acl[0] 215"]);
}

#[test]
fn owners_are_named_in_one_way_and_tokens_not_at_all() {
    let two = json!({"owner_id": "usr_x", "owner_email": "a@example.com"});
    assert_eq!(blamed(create("credential", two)), ["owner_email 631"]);
    let two = json!({"owner_email": "a@example.com", "scim_user_id": "x"});
    assert_eq!(blamed(create("api_key", two)), ["scim_user_id 631"]);
    let by_mail = create("api_key", json!({"owner_email": "a@example.com"})).unwrap();
    assert_eq!(by_mail.object.body["owner_id"], id(Prefix::User, 2).to_string());
    assert!(!by_mail.object.body.contains_key("owner_email"));
    let token = json!({"precomputed_token": "x"});
    assert_eq!(blamed(create("credential", token)), ["precomputed_token 638"]);
    assert_eq!(blamed(update(&made("credential", json!({})), json!({}))), [" 606"]);
}

#[test]
fn what_a_service_user_owns_goes_with_it() {
    let service = id(Prefix::ServiceUser, 4);
    let kind = kind("credential");
    let body = json!({"acl": [], "ip_policy_ids": [id(Prefix::IpPolicy, 5).to_string()]});
    let prepared =
        adit_model::draft::create(kind, true, &map(body), id(Prefix::Credential, 1), Some(service), &ctx()).unwrap();
    let to: Vec<_> = prepared.references.iter().map(|r| (r.to, r.on_delete)).collect();
    let restrict = OnDelete::Restrict(ErrorCode::ADIT_2011);
    assert_eq!(to, [(service, OnDelete::Cascade), (id(Prefix::IpPolicy, 5), restrict)]);
}

#[test]
fn policies_have_no_action() {
    assert_eq!(blamed(create("ip_policy", json!({"action": "allow"}))), ["action 1423"]);
    assert!(create("ip_policy", json!({"action": null})).is_ok());
    let object = made("ip_policy", json!({"action": ""}));
    assert_eq!(object.body.get("action"), None);
}

#[test]
fn service_users_have_a_name_of_their_own() {
    assert_eq!(blamed(create("service_user", json!({}))), ["name 4109"]);
    assert_eq!(blamed(create("service_user", json!({"name": ""}))), ["name 4109"]);
    assert_eq!(
        blamed(create("service_user", json!({"name": "x".repeat(256)}))),
        ["name 4110"]
    );
    let prepared = create("service_user", json!({"name": "CI Robot"})).unwrap();
    assert_eq!(prepared.object.body["active"], Value::Bool(true));
    assert_eq!(prepared.claims[0].key, format!("{} ci robot", id(Prefix::Account, 1)));
    assert_eq!(prepared.claims[0].taken, ErrorCode::NGROK_4112);
    let mut object = stored(prepared);
    let next = update(&object, json!({"active": false})).unwrap().unwrap();
    assert_eq!(next.object.body["active"], Value::Bool(false));
    assert_eq!(blamed(update(&object, json!({"name": ""}))), ["name 4109"]);
    assert_eq!(
        blamed(create_as(
            "service_user",
            true,
            json!({"name": "a", "role_ids": ["boss", "viewer", "viewer"]})
        )),
        ["role_ids[0] 215", "role_ids[2] 215"]
    );
    // The older name of the same object.
    object.id = object.id.with_prefix(Prefix::Bot);
    let answer = shown(&object, false);
    assert_eq!(
        answer["uri"],
        format!("https://api.example.com/bot_users/{}", object.id)
    );
    assert_eq!(answer.get("description"), None);
}
