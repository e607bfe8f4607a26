//! Guardrails: their fields, what they claim and refer to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use adit_model::kind::guardrail::{self, Mode, Place, Scope};
use adit_model::kind::organization;
use adit_model::{OnDelete, Prepared, Problems};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_names::id::Prefix;
use common::*;
use serde_json::{Value, json};

fn with(field: &str, value: Value) -> Result<Prepared, Problems> {
    let mut body = sample("guardrail");
    body[field] = value;
    create_as("guardrail", true, body)
}

#[test]
fn scopes_say_whom_in_one_way() {
    let scope = |value: Value| with("scope", value).map(|p| p.object.body["scope"].clone());
    let canonical = scope(
        json!({"domains": ["*.Example.COM", "bücher.example", "*.example.com"], "protocols": ["HTTPS", "https"]}),
    );
    assert_eq!(
        canonical.unwrap(),
        json!({"organization": false, "domains": ["*.example.com", "xn--bcher-kva.example"], "endpoints": "", "bindings": [], "protocols": ["https"]})
    );
    let mut body = sample("guardrail");
    body.as_object_mut().unwrap().remove("scope");
    let whole = create_as("guardrail", true, body).unwrap().object;
    assert_eq!(Scope::read(&whole), Some(Scope::organization()));
    let url = EndpointUrl::from_canonical("https://a.example.net", Binding::Public).unwrap();
    assert!(Scope::read(&whole).unwrap().rank(&Place::of(&url)).is_some());
    assert!(
        Scope::read(&object("guardrail"))
            .unwrap()
            .rank(&Place::of(&url))
            .is_none()
    );
    for (wrong, blame) in [
        (json!({}), "scope 215"),
        (json!({"organization": true, "domains": ["a.example.com"]}), "scope 215"),
        (json!({"domains": ["a.*.example.com"]}), "scope.domains[0] 215"),
        (json!({"domains": ["10.0.0.1"]}), "scope.domains[0] 215"),
        (
            json!({"organization": true, "bindings": ["inner"]}),
            "scope.bindings[0] 215",
        ),
        (
            json!({"organization": true, "protocols": ["udp"]}),
            "scope.protocols[0] 215",
        ),
        (json!({"endpoint": "x"}), "scope.endpoint 214"),
    ] {
        assert_eq!(blamed(scope(wrong.clone())), [blame], "{wrong}");
    }
}

#[test]
fn what_is_required_and_excepted_has_one_form() {
    assert_eq!(blamed(with("require", json!([{}]))), ["require[0] 215"]);
    let both = json!([{"has_action": "oauth"}, {"has_action": "basic-auth", "max_rules": 3}]);
    assert_eq!(blamed(with("require", both)), ["require[1] 215"]);
    assert_eq!(
        blamed(with("require", json!([{"has_action": "deny"}]))),
        ["require[0].has_action 215"]
    );
    let except = |value: Value| with("exceptions", value);
    let made = except(
        json!([{"endpoint_url": "HTTPS://App.example.com:443", "rule_id": "office", "reason": "moving", "expires_at": "2027-01-01T01:00:00+01:00"}]),
    );
    let made = made.unwrap().object;
    let exceptions = guardrail::exceptions(&made);
    assert_eq!(
        (&*exceptions[0].url, &*exceptions[0].rule),
        ("https://app.example.com", "office")
    );
    assert_eq!(exceptions[0].until, Some(1_798_761_600_000_000));
    let without = json!([{"endpoint_url": "https://app.example.com", "rule_id": "office"}]);
    assert_eq!(
        blamed(except(without)),
        ["exceptions[0].reason 215"],
        "a reason is required"
    );
    let wrong = json!([{"endpoint_url": "app", "rule_id": "office", "reason": "r"}]);
    assert_eq!(blamed(except(wrong)), ["exceptions[0].endpoint_url 249"]);
}

#[test]
fn names_are_claimed_and_policies_of_addresses_are_in_use() {
    let id = id(Prefix::IpPolicy, 1);
    let policy = format!(
        "on_http_request: [{{actions: [{{type: restrict-ips, config: {{ip_policies: [{id}]}}}}]}}, {{actions: [{{type: log}}]}}]"
    );
    let prepared = with("policy", policy.into()).unwrap();
    let claim = &prepared.claims[0];
    assert_eq!((claim.class, claim.taken), ("guardrail", ErrorCode::ADIT_2402));
    assert!(claim.key.ends_with(" office only"));
    let reference = &prepared.references[0];
    assert_eq!(
        (reference.field, reference.to, reference.missing),
        ("policy", id, ErrorCode::NGROK_2216)
    );
    assert_eq!(reference.on_delete, OnDelete::Restrict(ErrorCode::ADIT_2011));
    assert_eq!(prepared.object.body["rules"], 2);
    assert_eq!(prepared.object.text("policy_hash").len(), 64);
    assert_eq!(blamed(with("policy", "[1]".into())), ["policy 2236"]);
    assert_eq!(blamed(with("policy", "".into())), ["policy 18011"]);
    // The organisation's setting holds them too.
    let rail = common::id(Prefix::Guardrail, 1);
    let of = create_as(
        "organization",
        true,
        json!({"name": "n", "settings": {"default_guardrails": [rail.to_string()]}}),
    );
    let of = of.unwrap();
    assert_eq!(organization::default_guardrails(&of.object).collect::<Vec<_>>(), [rail]);
    assert_eq!((of.references[0].to, of.references[0].field), (rail, "settings"));
}

#[test]
fn a_new_one_refuses_nobody_and_the_grace_counts_from_what_is_required() {
    let mut body = sample("guardrail");
    body.as_object_mut().unwrap().remove("mode");
    let made = stored(create_as("guardrail", true, body).unwrap());
    assert_eq!(
        (guardrail::mode(&made), guardrail::priority(&made)),
        (Some(Mode::DryRun), 100)
    );
    let from = made.text("required_at").to_owned();
    assert_eq!(
        guardrail::grace(&made) - ctx().now.div_euclid(1_000_000) * 1_000_000,
        86_400_000_000
    );
    let renamed = update(&made, json!({"name": "another"})).unwrap().unwrap().object;
    assert_eq!(renamed.text("required_at"), from);
    assert_eq!(
        blamed(with("installation", true.into())),
        ["installation 215"],
        "only operators make such"
    );
}
