//! The way of a body into an object: absent, null, empty, unknown, wrong; changes and what is no change.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use adit_model::{SecretValue, draft};
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use common::*;
use serde_json::{Value, json};

#[test]
fn null_is_absent_and_absent_is_the_default() {
    let absent = create("credential", json!({})).unwrap();
    let null = create(
        "credential",
        json!({"description": null, "acl": null, "owner_id": null, "metadata": null}),
    );
    assert_eq!(absent.object, null.unwrap().object);
    assert_eq!(absent.object.body["description"], "");
    assert_eq!(absent.object.body["acl"], json!([]));
    assert_eq!(absent.object.body["owner_id"], id(Prefix::User, 2).to_string());
    // What is legacy is never stored.
    assert!(!absent.object.body.contains_key("owner_email"));
}

#[test]
fn unknown_fields_are_named_with_what_is_supported() {
    let problems = create("ip_policy", json!({"describtion": "x"})).unwrap_err().0;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].code, ErrorCode::NGROK_214);
    assert_eq!(problems[0].field, "describtion");
    assert_eq!(problems[0].details, [("supported", "description, metadata".to_owned())]);
    // Read-only fields are no fields of a body.
    assert_eq!(
        blamed(create("ip_policy", json!({"created_at": "x"}))),
        ["created_at 214"]
    );
    // Not even null makes an unknown name known.
    assert_eq!(blamed(create("ip_policy", json!({"foo": null}))), ["foo 214"]);
    // Additions exist below /adit/ only, and the answer says so.
    let problems = create("api_key", json!({"disabled": true})).unwrap_err().0;
    assert_eq!(problems[0].code, ErrorCode::NGROK_214);
    assert!(
        problems[0]
            .details
            .iter()
            .any(|(name, text)| *name == "hint" && text.contains("/adit/api_keys"))
    );
    assert!(create_as("api_key", true, json!({"disabled": true})).is_ok());
    // The number of problems is bounded.
    let many: serde_json::Map<_, _> = (0..1000).map(|n| (format!("f{n}"), Value::Null)).collect();
    assert_eq!(
        create("ip_policy", Value::Object(many)).unwrap_err().0.len(),
        adit_model::MAX_PROBLEMS
    );
}

#[test]
fn fields_of_older_clients_are_ignored_where_empty() {
    let body = json!({
        "region": "", "http_endpoint_configuration_id": null, "https_endpoint_configuration_id": "",
        "endpoint_configuration_id": null, "error_redirect_url": "", "is_dev": false, "membership_id": null,
    });
    assert!(create("credential", body).is_ok());
    for field in ["region", "error_redirect_url", "membership_id"] {
        let problems = create("credential", json!({field: "x"})).unwrap_err().0;
        assert_eq!(problems[0].code, ErrorCode::NGROK_214, "{field}");
        assert!(problems[0].details.iter().any(|(name, _)| *name == "hint"), "{field}");
    }
    assert_eq!(blamed(create("credential", json!({"is_dev": true}))), ["is_dev 214"]);
}

#[test]
fn the_id_of_the_path_may_be_repeated() {
    let policy = made("ip_policy", json!({"description": "a"}));
    for id in [json!(policy.id.to_string()), json!(""), json!(null)] {
        let next = update(&policy, json!({"id": id, "description": "b"})).unwrap().unwrap();
        assert_eq!(next.object.body["description"], "b");
        assert!(!next.object.body.contains_key("id"));
    }
    for other in [json!(id(Prefix::IpPolicy, 3).to_string()), json!(7), json!("x")] {
        assert_eq!(
            blamed(update(&policy, json!({"id": other, "description": "b"}))),
            ["id 215"]
        );
    }
    // When an object is made there is no id to repeat.
    assert_eq!(blamed(create("ip_policy", json!({"id": ""}))), ["id 214"]);
}

#[test]
fn what_is_equal_is_no_change_and_nothing_is_an_error_where_the_kind_says_so() {
    let policy = made("ip_policy", json!({"description": "a", "metadata": "m"}));
    assert_eq!(blamed(update(&policy, json!({}))), [" 1400"]);
    assert_eq!(blamed(update(&policy, json!({"description": null}))), [" 1400"]);
    let same_id = json!({"id": policy.id.to_string(), "metadata": null});
    assert_eq!(blamed(update(&policy, same_id)), [" 1400"]);
    assert!(update(&policy, json!({"description": "a"})).unwrap().is_none());
    let key = made("api_key", json!({"description": "a"}));
    assert!(update(&key, json!({})).unwrap().is_none());
    // "" is a value.
    let next = update(&policy, json!({"description": ""})).unwrap().unwrap();
    assert_eq!(next.object.body["description"], "");
    assert_eq!(next.object.body["metadata"], "m");
}

#[test]
fn unset_clears_what_is_optional_and_can_be_changed() {
    let unset = |object: &adit_model::Object, patch: Value, names: &[&str], additions: bool| {
        draft::update(kind(&object.kind), additions, object, &map(patch), names, &ctx())
    };
    let key = made(
        "api_key",
        json!({"description": "a", "expires_at": "2027-01-01T00:00:00Z"}),
    );
    let next = unset(&key, json!({}), &["description", "expires_at"], true)
        .unwrap()
        .unwrap();
    assert_eq!(next.object.body["description"], "");
    assert_eq!(next.object.body["expires_at"], Value::Null);
    // An addition cannot be reached from the other surface.
    assert_eq!(
        blamed(unset(&key, json!({}), &["expires_at"], false)),
        ["expires_at 215"]
    );
    assert_eq!(blamed(unset(&key, json!({}), &["owner_id"], true)), ["owner_id 215"]);
    assert_eq!(blamed(unset(&key, json!({}), &["nonsense"], true)), ["nonsense 215"]);
    assert_eq!(
        blamed(unset(&key, json!({"description": "b"}), &["description"], true)),
        ["description 215"]
    );
    let rule = rule("10.0.0.0/8");
    assert_eq!(blamed(unset(&rule, json!({}), &["cidr"], true)), ["cidr 215"]);
    assert_eq!(blamed(unset(&rule, json!({}), &["action"], true)), ["action 215"]);
}

#[test]
fn what_is_set_for_good_may_be_repeated_but_not_changed() {
    let rule = rule("10.0.0.0/8");
    let same = json!({"action": "allow", "ip_policy_id": id(Prefix::IpPolicy, 1).to_string()});
    assert!(update(&rule, same).unwrap().is_none());
    assert_eq!(blamed(update(&rule, json!({"action": "deny"}))), ["action 215"]);
    assert_eq!(blamed(update(&rule, json!({"action": "other"}))), ["action 1422"]);
    let other = json!({"ip_policy_id": id(Prefix::IpPolicy, 2).to_string()});
    assert_eq!(blamed(update(&rule, other)), ["ip_policy_id 215"]);
    let key = made("api_key", json!({}));
    assert_eq!(blamed(update(&key, json!({"owner_id": "usr_x"}))), ["owner_id 628"]);
    let credential = made("credential", json!({}));
    assert_eq!(
        blamed(update(&credential, json!({"owner_id": "usr_x"}))),
        ["owner_id 627"]
    );
    let owner = json!({"owner_id": id(Prefix::User, 2).to_string()});
    assert!(update(&credential, owner).unwrap().is_none());
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_fields() {
    let body = json!({
        "action": "maybe", "nonsense": 1, "cidr": 7, "description": "x".repeat(256), "metadata": "a\0b",
    });
    assert_eq!(
        blamed(create("ip_policy_rule", body)),
        [
            "nonsense 214",
            "description 1421",
            "metadata 215",
            "cidr 215",
            "ip_policy_id 1414",
            "action 1422"
        ]
    );
}

#[test]
fn lengths_are_bytes_and_have_the_numbers_of_the_kind() {
    let at = |kind: &str, field: &str, text: String| create(kind, json!({field: text}));
    assert!(at("credential", "description", "x".repeat(255)).is_ok());
    assert!(at("credential", "metadata", "x".repeat(4096)).is_ok());
    assert_eq!(
        blamed(at("credential", "description", "ü".repeat(128))),
        ["description 604"]
    );
    assert_eq!(blamed(at("credential", "metadata", "x".repeat(4097))), ["metadata 605"]);
    assert_eq!(
        blamed(at("api_key", "description", "x".repeat(256))),
        ["description 2013"]
    );
    assert_eq!(blamed(at("api_key", "metadata", "x".repeat(4097))), ["metadata 2013"]);
    // Descriptions are one line, metadata is nobody's business.
    assert!(at("api_key", "description", "a\tb".to_owned()).is_ok());
    assert_eq!(
        blamed(at("api_key", "description", "a\nb".to_owned())),
        ["description 215"]
    );
    assert!(at("api_key", "metadata", "{\r\n}\u{7}".to_owned()).is_ok());
    assert_eq!(blamed(at("api_key", "metadata", "\0".to_owned())), ["metadata 215"]);
}

/// Each kind that has them: the last byte that fits and the first that does not, in letters of two bytes.
#[test]
fn each_kind_has_its_numbers_for_its_texts() {
    for kind in adit_model::catalogue::KINDS {
        // ngrok's numbers where it has some, else one for all.
        let (of_description, of_metadata) = match kind.name {
            "agent_ingress" => (6700, 6701),
            "certificate_authority" => (1916, 1917),
            "credential" => (604, 605),
            "endpoint" => (18_012, 18_013),
            "ip_policy_rule" => (1421, 2013),
            "reserved_addr" => (504, 505),
            "reserved_domain" => (420, 421),
            "tls_certificate" => (1914, 1915),
            _ => (2013, 2013),
        };
        for (field, most, number) in [("description", 255, of_description), ("metadata", 4096, of_metadata)] {
            if !kind.fields.iter().any(|f| f.name == field) {
                continue;
            }
            let object = object(kind.name);
            for (bytes, fits) in [(most, true), (most + 1, false)] {
                let text = format!("{}{}", "ü".repeat(bytes / 2), "x".repeat(bytes % 2));
                assert_eq!(text.len(), bytes);
                let mut body = sample(kind.name);
                body[field] = text.clone().into();
                let (made, changed) = (create_as(kind.name, true, body), update(&object, json!({field: text})));
                if fits {
                    assert_eq!(made.unwrap().object.body[field], text, "{}", kind.name);
                    assert_eq!(changed.unwrap().unwrap().object.body[field], text, "{}", kind.name);
                } else {
                    let blamed_at = [format!("{field} {number}")];
                    assert_eq!(blamed(made), blamed_at, "{}", kind.name);
                    assert_eq!(blamed(changed), blamed_at, "{}", kind.name);
                }
            }
        }
    }
}

#[test]
fn values_are_not_coerced() {
    for value in [json!(1), json!(true), json!([]), json!({}), json!(1.5)] {
        assert_eq!(
            blamed(create("ip_policy", json!({"description": value}))),
            ["description 215"]
        );
    }
    assert_eq!(
        blamed(create("service_user", json!({"name": "a", "active": "true"}))),
        ["active 215"]
    );
    assert_eq!(
        blamed(create_as("credential", true, json!({"max_sessions": "7"}))),
        ["max_sessions 215"]
    );
    assert_eq!(
        blamed(create_as("credential", true, json!({"max_sessions": -1}))),
        ["max_sessions 215"]
    );
    assert!(create_as("credential", true, json!({"max_sessions": 7})).is_ok());
}

#[test]
fn ids_have_the_numbers_of_what_is_wrong_with_them() {
    let at = |field: &str, value: Value| create_as("credential", true, json!({field: value}));
    let key = id(Prefix::ApiKey, 1).to_string();
    assert_eq!(blamed(at("ip_policy_ids", json!(["x"]))), ["ip_policy_ids[0] 229"]);
    assert_eq!(blamed(at("ip_policy_ids", json!([key]))), ["ip_policy_ids[0] 229"]);
    assert_eq!(blamed(at("ingress_ids", json!(["x"]))), ["ingress_ids[0] 223"]);
    assert_eq!(blamed(at("ingress_ids", json!([""]))), ["ingress_ids[0] 223"]);
    assert_eq!(blamed(at("ingress_ids", json!([key]))), ["ingress_ids[0] 227"]);
    let ingress = id(Prefix::AgentIngress, 1).to_string();
    assert_eq!(
        blamed(at("ingress_ids", json!([ingress, ingress]))),
        ["ingress_ids[1] 215"]
    );
    assert!(at("ingress_ids", json!([ingress])).is_ok());
}

#[test]
fn times_have_one_form() {
    let key = made("api_key", json!({"expires_at": "2027-01-01T01:00:00.5+01:00"}));
    assert_eq!(key.body["expires_at"], "2027-01-01T00:00:00.5Z");
    assert!(
        update(&key, json!({"expires_at": "2027-01-01T00:00:00.500Z"}))
            .unwrap()
            .is_none()
    );
    assert_eq!(
        blamed(update(&key, json!({"expires_at": "tomorrow"}))),
        ["expires_at 241"]
    );
    assert_eq!(blamed(update(&key, json!({"expires_at": 7}))), ["expires_at 215"]);
    let answer = shown(&key, true);
    assert_eq!(answer["expires_at"], "2027-01-01T00:00:00.500000Z");
    assert_eq!(answer["created_at"], "2026-11-18T11:06:40.000000Z");
    assert_eq!(shown(&key, false)["created_at"], "2026-11-18T11:06:40Z");
}

#[test]
fn secrets_are_in_no_body_and_no_debug_text() {
    let sealed = SecretValue::Sealed(zeroize::Zeroizing::new(b"hunter2".to_vec()));
    assert!(!format!("{sealed:?}").contains("hunter2"));
    let answer = shown(&made("api_key", json!({})), false);
    assert_eq!(answer["token"], Value::Null);
}

#[test]
fn unknown_stored_fields_survive_a_change() {
    let mut policy = made("ip_policy", json!({"description": "a"}));
    policy.body.insert("of_a_newer_version".to_owned(), json!({"x": 1}));
    policy.schema = 7;
    let next = update(&policy, json!({"description": "b"})).unwrap().unwrap();
    assert_eq!(next.object.body["of_a_newer_version"], json!({"x": 1}));
    assert_eq!(next.object.schema, 7);
}

fn rule(cidr: &str) -> adit_model::Object {
    let policy = id(Prefix::IpPolicy, 1).to_string();
    made(
        "ip_policy_rule",
        json!({"cidr": cidr, "ip_policy_id": policy, "action": "allow"}),
    )
}
