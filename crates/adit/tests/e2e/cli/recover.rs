//! `adit server ip-restrictions disable` and `reset-user`: who is locked out comes in again, beside a running server
//! and without one.

use std::process::Command;

use serde_json::{Value, json};

use crate::api::{change, get, post};
use crate::harness::process::Ended;
use crate::harness::server::{ADIT, Directory};
use crate::harness::wait::eventually;
use crate::harness::{Of, Process, Server, Visitor};

const DASHBOARD: &str = "dashboard.adit.localhost";
const EMAIL: &str = "admin@adit.localhost";

/// `adit server …` on a data directory.
fn on(directory: &std::path::Path, args: &[&str]) -> Ended {
    let mut command = Command::new(ADIT);
    command
        .arg("server")
        .args(args)
        .arg("--data-dir")
        .arg(directory.join("data"));
    Process::start(&mut command).ended()
}

/// Status and body of a change by a page of the dashboard.
fn at_dashboard(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut visitor = Visitor::tls(server, DASHBOARD);
    visitor.send(format!(
        "POST /api{path} HTTP/1.1\r\nHost: {DASHBOARD}\r\nOrigin: {}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        server.info.text("dashboard_url"),
        body.len()
    ));
    let answer = visitor.receive(Of::Get);
    (
        answer.status(),
        serde_json::from_slice(&answer.body).unwrap_or_default(),
    )
}

fn sign_in(server: &Server, password: &str) -> (u16, Value) {
    at_dashboard(server, "/adit/sessions", &json!({"email": EMAIL, "password": password}))
}

/// An enforced restriction of the API that lets nobody of this machine in; its id. It is made without force while the
/// caller is let in, whose rule goes then.
fn locked_out(server: &Server) -> String {
    let (status, policy) = post(server, "/ip_policies", "{}");
    assert_eq!(status, 201, "{policy}");
    let policy = policy["id"].as_str().unwrap().to_owned();
    let rule = json!({"ip_policy_id": policy, "cidr": "192.0.2.0/24", "action": "allow"});
    let (status, rule) = post(server, "/ip_policy_rules", &rule.to_string());
    assert_eq!(status, 201, "{rule}");
    let made = json!({"type": "api", "ip_policy_ids": [policy], "enforced": true});
    let (status, made) = post(server, "/ip_restrictions?force=true", &made.to_string());
    assert_eq!(status, 201, "{made}");
    let (status, refused) = change(server, "GET", "/ip_policies", "");
    assert_eq!(
        (status, &refused["error_code"]),
        (403, &json!("ERR_NGROK_220")),
        "{refused}"
    );
    made["id"].as_str().unwrap().to_owned()
}

/// The entries of the log of an event, the newest first.
fn entries(server: &Server, event: &str) -> Vec<Value> {
    let list = get(server, "/adit/audit?limit=100");
    let entries = list["entries"].as_array().unwrap().clone();
    entries
        .into_iter()
        .filter(|entry| entry["event_type"] == event)
        .collect()
}

#[track_caller]
fn assert_by_host(entry: &Value) {
    let who = entry["subject"].as_str().unwrap_or_default();
    assert!(who.len() > "host:".len() && who.starts_with("host:"), "{entry}");
    assert_eq!(entry["source"], "Host", "{entry}");
}

#[test]
fn a_restriction_that_locks_the_api_out_is_lifted_beside_a_running_server() {
    let server = Server::start();
    let id = locked_out(&server);
    let disable = ["ip-restrictions", "disable", "--type", "api"];
    // Another type, or another organisation, leaves it alone.
    let other = on(
        server.directory(),
        &["ip-restrictions", "disable", "--type", "dashboard"],
    );
    assert!(other.code() == 0 && other.stdout.contains("nothing to do"), "{other:?}");
    let nobody = on(
        server.directory(),
        &[&disable[..], &["--org", "ac_0ujtsYcgvSTl8PAuAdqWYSMnLOv"]].concat(),
    );
    assert!(
        nobody.code() == 1 && nobody.stderr.contains("there is no organisation"),
        "{nobody:?}"
    );
    assert_eq!(change(&server, "GET", "/ip_policies", "").0, 403);
    let lifted = on(server.directory(), &disable);
    assert!(
        lifted.code() == 0 && lifted.stdout.contains(&format!("disabled  {id} of the api")),
        "{lifted:?}"
    );
    eventually("the API lets in", || {
        (change(&server, "GET", "/ip_policies", "").0 == 200).then_some(())
    });
    assert_eq!(get(&server, &format!("/ip_restrictions/{id}"))["enforced"], false);
    assert_by_host(&entries(&server, "ip_restriction_updated.v0")[0]);
    // Once is enough.
    let again = on(server.directory(), &disable);
    assert!(again.code() == 0 && again.stdout.contains("nothing to do"), "{again:?}");
}

#[test]
fn a_restriction_is_lifted_while_the_server_is_stopped() {
    let server = Server::start();
    let id = locked_out(&server);
    let (process, directory) = server.parts();
    process.signal("INT");
    assert_eq!(process.ended().code(), 0);
    let lifted = on(directory.path(), &["ip-restrictions", "disable", "--type", "api"]);
    assert!(lifted.code() == 0 && lifted.stdout.contains(&id), "{lifted:?}");
    let server = Server::start_in(directory, &[]);
    assert_eq!(get(&server, &format!("/ip_restrictions/{id}"))["enforced"], false);
}

#[test]
fn a_reset_link_signs_in() {
    let server = Server::start();
    let old = server.info.text("admin_password").to_owned();
    let (status, session) = sign_in(&server, &old);
    assert_eq!(status, 200, "{session}");
    let reset = on(server.directory(), &["reset-user", " Admin@ADIT.localhost "]);
    assert_eq!(reset.code(), 0, "{reset:?}");
    let before = format!("link   {}/#reset=", server.info.text("dashboard_url"));
    let token = reset.stdout.lines().find_map(|line| line.strip_prefix(&before));
    let token = token.unwrap_or_else(|| panic!("no link: {reset:?}")).to_owned();
    let entry = entries(&server, "password_reset_requested.v0").remove(0);
    assert_by_host(&entry);
    // The link is in nobody's log.
    assert!(!get(&server, "/adit/audit?limit=100").to_string().contains(&token));
    let new = "another horse battery";
    let use_it = || {
        at_dashboard(
            &server,
            "/adit/password_reset",
            &json!({"token": token, "password": new}),
        )
    };
    assert_eq!(use_it().0, 204);
    assert_eq!(use_it().0, 403);
    assert_eq!(sign_in(&server, &old).0, 401);
    let (status, session) = sign_in(&server, new);
    assert_eq!((status, &session["next"]), (200, &json!("done")), "{session}");
}

#[test]
fn nobody_is_reset_and_no_store_is_made() {
    let server = Server::start();
    let nobody = on(server.directory(), &["reset-user", "nobody@example.com"]);
    assert!(
        nobody.code() == 1
            && nobody
                .stderr
                .contains("no user has the e-mail address nobody@example.com"),
        "{nobody:?}"
    );
    let directory = Directory::new();
    let none = on(directory.path(), &["reset-user", EMAIL]);
    assert!(
        none.code() == 1 && none.stderr.contains("there is no store here"),
        "{none:?}"
    );
    assert!(!directory.path().join("data").exists());
}
