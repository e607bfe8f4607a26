//! `restrict-ips` with IP policies of the API: a change of a rule is in force for connections that are there.

use serde_json::json;

use super::{endpoint, get, make, until, url};
use crate::api;
use crate::harness::{Agent, End, Server, Site, Upstream, Visitor};

#[test]
fn ip_policies_decide_and_their_changes_too() {
    let server = Server::start();
    let host = server.host("office");
    let ip_policy = make(&server, "/ip_policies", &json!({}));
    let ip_policy = ip_policy["id"].as_str().unwrap();
    let restrict = format!("{{type: restrict-ips, config: {{ip_policies: [{ip_policy}]}}}}");
    let answer = "{type: custom-response, config: {body: inside}}";
    let policy = format!("on_http_request:\n  - actions: [{restrict}, {answer}]\n");
    let cloud = endpoint(&server, &url(&server, &host), &policy);
    let mut visitor = Visitor::tls(&server, &host);
    let nobody = until("in force", || get(&mut visitor, &host, "/"), |m| m.status() != 404);
    assert_eq!(
        (nobody.status(), nobody.code()),
        (403, "ERR_NGROK_3203"),
        "no rule allows anybody"
    );
    assert!(nobody.text().contains("127.0.0.1"), "{nobody:?}");
    let rule = |cidr: &str, action: &str| {
        let made = make(
            &server,
            "/ip_policy_rules",
            &json!({"ip_policy_id": ip_policy, "cidr": cidr, "action": action}),
        );
        format!("/ip_policy_rules/{}", made["id"].as_str().unwrap())
    };
    rule("127.0.0.0/8", "allow");
    let inside = until("allowed", || get(&mut visitor, &host, "/"), |m| m.status() == 200);
    assert_eq!(inside.text(), "inside");
    let deny = rule("127.0.0.1/32", "deny");
    until("denied", || get(&mut visitor, &host, "/"), |m| m.status() == 403);
    assert_eq!(api::change(&server, "DELETE", &deny, "").0, 204);
    until("allowed again", || get(&mut visitor, &host, "/"), |m| m.status() == 200);

    // The same before any request: the connection of a visitor who is denied is reset without a byte, also one that
    // was let in before.
    cloud.set(
        &server,
        &format!("on_tcp_connect:\n  - actions: [{restrict}]\non_http_request:\n  - actions: [{answer}]\n"),
    );
    until("allowed", || get(&mut visitor, &host, "/"), |m| m.status() == 200);
    let deny = rule("127.0.0.1/32", "deny");
    let mut old = Visitor::tls(&server, &host);
    crate::harness::eventually("it is closed", || {
        let mut visitor = Visitor::tls(&server, &host);
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        visitor.try_receive(crate::harness::Of::Get).is_err().then_some(())
    });
    old.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert!(old.rest_or_alert().is_empty());
    assert!(
        visitor
            .try_send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .is_err()
            || visitor.rest_or_alert().is_empty()
    );
    assert_eq!(api::change(&server, "DELETE", &deny, "").0, 204);
    let ended = json!({"ip_policy_id": ip_policy, "cidr": "127.0.0.1/32", "action": "deny", "expires_at": "2020-01-01T00:00:00Z"});
    make(&server, "/adit/ip_policy_rules", &ended);
    let mut visitor = Visitor::tls(&server, &host);
    assert_eq!(
        get(&mut visitor, &host, "/").status(),
        200,
        "a rule that has ended denies nobody"
    );
}

/// What lasts is cut when its visitor may not come any more: a relayed connection, and a response that is under way.
#[test]
fn open_flows_are_cut_when_rules_change() {
    let server = Server::start();
    let ip_policy = make(&server, "/ip_policies", &json!({}));
    let ip_policy = ip_policy["id"].as_str().unwrap().to_owned();
    let rule = |cidr: &str, action: &str| {
        let body = json!({"ip_policy_id": ip_policy, "cidr": cidr, "action": action});
        let made = make(&server, "/ip_policy_rules", &body);
        format!("/ip_policy_rules/{}", made["id"].as_str().unwrap())
    };
    rule("127.0.0.0/8", "allow");
    let restrict = format!("[{{type: restrict-ips, config: {{ip_policies: [{ip_policy}]}}}}]");
    let file = |policy: String| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, policy.as_bytes()).unwrap();
        file
    };
    let connect = file(format!("on_tcp_connect:\n  - actions: {restrict}\n"));
    let request = file(format!("on_http_request:\n  - actions: {restrict}\n"));
    let upstream = Upstream::bind();
    let tcp = Agent::tcp(&server, upstream.address())
        .args(["--traffic-policy-file", connect.path().to_str().unwrap()])
        .start();
    let flags = ["--traffic-policy-file", request.path().to_str().unwrap()];
    let site = Site::scripted(&server, "lasting", &flags);
    let free = Site::scripted(&server, "free", &[]);

    let mut relayed = Visitor::plain(format!("127.0.0.1:{}", tcp.port()).parse().unwrap());
    let mut conn = upstream.accept();
    relayed.send("a");
    assert_eq!(conn.bytes(1), b"a");
    let mut events = site.visitor();
    events.send(site.get_text("/"));
    let mut service = site.upstream.accept();
    service.request();
    service.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    assert_eq!(events.receive_head().status(), 200);
    // One that waits for its answer, so that something can still be said.
    let mut waiting = site.visitor();
    waiting.send(site.get_text("/slow"));
    let mut slow = site.upstream.accept();
    slow.request();
    let mut unrestricted = free.visitor();
    unrestricted.send(free.get_text("/"));
    let mut other = free.upstream.accept();
    other.request();

    // The response is cut once it has lasted for a second: shorter ones may end by themselves.
    let deny = rule("127.0.0.1/32", "deny");
    assert_eq!(relayed.rest(), (Vec::new(), End::Reset));
    let refused = waiting.receive(crate::harness::Of::Get);
    assert_eq!(
        (refused.status(), refused.code()),
        (403, "ERR_NGROK_3203"),
        "the policy's own refusal: {refused:?}"
    );
    let rest = events.rest_or_alert();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "{}", rest.escape_ascii());
    other.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(
        unrestricted.receive(crate::harness::Of::Get).text(),
        "ok",
        "nobody else is touched"
    );
    assert_eq!(api::change(&server, "DELETE", &deny, "").0, 204);
}
