//! Restrictions of agents' addresses: what is not enforced is recorded, and lets in; what is enforced is recorded, and
//! keeps out.

use serde_json::{Value, json};

use super::adit;
use crate::api;
use crate::harness::{Agent, Server, Service, eventually};

/// The one entry of this type; there must be no second.
fn entry(server: &Server, event_type: &str) -> Value {
    let filter = format!("obj.event_type == \"{event_type}\"");
    let line = eventually(event_type, || {
        let list = adit(server, &["audit", "list", "--filter", &filter, "-o", "jsonl"]);
        (list.stdout.lines().count() == 1).then_some(list.stdout)
    });
    serde_json::from_str(&line).unwrap()
}

#[test]
fn agents_that_are_kept_out_or_would_be_are_in_the_log_of_the_organisation() {
    let server = Server::start();
    let make = |path: &str, body: Value| {
        let (status, made) = api::post(&server, path, &body.to_string());
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    };
    let policy = make("/ip_policies", json!({}));
    make(
        "/ip_policy_rules",
        json!({"ip_policy_id": policy, "cidr": "10.0.0.0/8", "action": "allow"}),
    );
    let restriction = make(
        "/ip_restrictions",
        json!({"type": "agent", "enforced": false, "ip_policy_ids": [policy]}),
    );
    let service = Service::echo();
    let agent = Agent::http(&server, service.address()).start();
    let organization = api::get(&server, "/adit/organization")["id"].clone();
    let told = |event_type| {
        let entry = entry(&server, event_type);
        assert_eq!(entry["organization_id"], organization, "{entry}");
        assert_eq!(entry["object_id"], restriction, "{entry}");
        let after = &entry["after"];
        assert_eq!(
            (&after["type"], &after["restriction"], &after["remote_addr"]),
            (&json!("agent"), &json!(restriction), &json!("127.0.0.1")),
            "{entry}"
        );
    };
    told("ip_restriction_warning.v0");

    let (status, changed) = api::change(
        &server,
        "PATCH",
        &format!("/ip_restrictions/{restriction}"),
        r#"{"enforced":true}"#,
    );
    assert_eq!(status, 200, "{changed}");
    // The session ends; who tries anew is kept out, and goes on trying.
    assert_ne!(agent.process.ended().code(), 0);
    let outside = Agent::http(&server, service.address()).launch();
    told("ip_restriction_denied.v0");
    drop(outside);
}
