//! From objects to what the edge reads, change by change, and what is done with objects that cannot be read.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use adit_model::Object;
use adit_names::endpoint_url::{Binding, Class, EndpointUrl};
use adit_names::host::CanonicalHost;
use adit_names::id::{Id, Prefix};
use adit_snapshot::{Binds, Change, Compiler, EdgeConfig, Quarantined, Restricts, SealKey, Sticky, Strategy};
use serde_json::{Value, json};

fn id(prefix: Prefix, number: u8) -> Id {
    Id::new(prefix, 1_800_000_000, [number; 16])
}

fn organization(number: u8) -> Id {
    id(Prefix::Account, number)
}

const DENY: &str = "on_http_request:\n  - actions:\n      - type: deny\n";
const DENY_BYTES: &str = "on_tcp_connect:\n  - actions:\n      - type: deny\n";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn host(name: &str) -> CanonicalHost {
    CanonicalHost::for_endpoint(name).unwrap()
}

/// A node's compiler with the snapshot that is in force.
struct Node {
    compiler: Compiler,
    config: EdgeConfig,
}

impl Node {
    fn new() -> Self {
        Self {
            compiler: Compiler::default(),
            config: EdgeConfig::new("adit.example.com", SealKey([0; 32])),
        }
    }

    fn apply(&mut self, changes: impl IntoIterator<Item = Change>) -> Vec<Quarantined> {
        let (config, wrong) = self.compiler.apply(&self.config, changes);
        self.config = config;
        wrong
    }

    /// Applies what has to be fine.
    fn good(&mut self, changes: impl IntoIterator<Item = Change>) {
        assert_eq!(self.apply(changes), []);
    }

    /// Applies one change that has to be quarantined, for a reason that has `reason` in it.
    fn bad(&mut self, change: Change, reason: &str) {
        let id = change.id;
        let wrong = self.apply([change]);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].id == id && wrong[0].error.contains(reason), "{wrong:?}");
    }

    fn visitor(&self, of: u8, address: &str) -> bool {
        let told = &self.config.told;
        told.visitor_may_come_from(&organization(of).to_string(), ip(address))
    }
}

fn object(kind: &str, id: Id, of: u8, body: &Value) -> Change {
    Change {
        id,
        kind: kind.to_owned(),
        object: Some(Object {
            id,
            kind: kind.to_owned(),
            organization: organization(of),
            owner: None,
            schema: 1,
            revision: 1,
            created_at: 0,
            updated_at: 0,
            body: body.as_object().unwrap().clone(),
        }),
        token: None,
        secret: None,
        imported: false,
    }
}

fn gone(kind: &str, id: Id) -> Change {
    Change {
        id,
        kind: kind.to_owned(),
        object: None,
        token: None,
        secret: None,
        imported: false,
    }
}

fn newer(mut change: Change) -> Change {
    if let Some(object) = &mut change.object {
        object.schema = 99;
    }
    change
}

fn credential(number: u8, body: &Value) -> Change {
    let mut change = object("credential", id(Prefix::Credential, number), 1, body);
    change.token = Some([number; 32]);
    change
}

fn policy(number: u8) -> Change {
    object("ip_policy", id(Prefix::IpPolicy, number), 1, &json!({}))
}

fn rule(number: u8, policy: u8, action: &str, cidr: &str) -> Change {
    let policy = id(Prefix::IpPolicy, policy).to_string();
    let body = json!({ "ip_policy_id": policy, "action": action, "cidr": cidr });
    object("ip_policy_rule", id(Prefix::IpPolicyRule, number), 1, &body)
}

fn restriction(kind: &str, enforced: bool, policies: &[u8]) -> Change {
    let policies: Vec<String> = policies.iter().map(|p| id(Prefix::IpPolicy, *p).to_string()).collect();
    let body = json!({ "type": kind, "enforced": enforced, "ip_policy_ids": policies });
    // Any id will do.
    object("ip_restriction", id(Prefix::Operation, 1), 1, &body)
}

fn cloud(number: u8, url: &str, pooled: bool) -> Change {
    let policy = if url.starts_with("tcp") { DENY_BYTES } else { DENY };
    governed(
        number,
        url,
        &json!({ "pooling_enabled": pooled, "traffic_policy": policy }),
    )
}

fn governed(number: u8, url: &str, body: &Value) -> Change {
    let mut all = json!({ "url": url, "bindings": ["public"] });
    all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    object("endpoint", id(Prefix::Endpoint, number), 1, &all)
}

#[test]
fn a_credential_comes_changes_and_goes() {
    let mut node = Node::new();
    let owner = id(Prefix::User, 1);
    let mut change = credential(
        1,
        &json!({ "acl": ["bind:a.example.com"], "expires_at": "2030-01-01T00:00:00Z" }),
    );
    change.object.as_mut().unwrap().owner = Some(owner);
    node.good([change]);
    let found = node.config.credential(&[1; 32]).unwrap();
    assert_eq!(found.id, id(Prefix::Credential, 1).to_string());
    assert_eq!(found.owner, Some(owner));
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000);
    assert_eq!(found.expires, Some(end));
    assert!(found.is_valid(end - Duration::from_secs(1)) && !found.is_valid(end));

    let before = node.config.clone();
    node.good([credential(1, &json!({ "acl": [], "disabled": true }))]);
    assert!(node.config.credential(&[1; 32]).unwrap().revoked);
    assert!(
        !before.credential(&[1; 32]).unwrap().revoked,
        "a snapshot never changes"
    );
    node.good([gone("credential", id(Prefix::Credential, 1))]);
    assert!(node.config.credential(&[1; 32]).is_none());
    assert!(node.compiler.is_empty());
}

#[test]
fn a_credential_that_cannot_be_read_gives_less_and_never_more() {
    let mut node = Node::new();
    node.good([credential(1, &json!({ "acl": [] }))]);
    node.bad(credential(1, &json!({ "acl": ["bind:", "nonsense"] })), "acl");
    assert_eq!(node.config.credential(&[1; 32]).unwrap().binds, Binds::Nothing);
    assert!(!node.config.credential(&[1; 32]).unwrap().revoked);
    node.bad(
        credential(1, &json!({ "acl": [], "expires_at": "tomorrow" })),
        "expires_at",
    );
    assert!(node.config.credential(&[1; 32]).unwrap().revoked);
    node.good([credential(1, &json!({ "acl": [] }))]);
    node.bad(
        credential(1, &json!({ "acl": [], "ip_policy_ids": ["x"] })),
        "ip_policy_ids",
    );
    assert!(node.config.credential(&[1; 32]).unwrap().revoked);
    node.bad(newer(credential(1, &json!({ "acl": [] }))), "newer version");
    assert!(node.config.credential(&[1; 32]).unwrap().revoked);
    let mut without = credential(1, &json!({ "acl": [] }));
    without.token = None;
    node.bad(without, "hash");
    assert!(node.config.credential(&[1; 32]).is_none());
}

#[test]
fn an_owner_counts_only_while_it_is_active_itself_and_as_a_member() {
    let mut node = Node::new();
    let (user, member) = (id(Prefix::User, 1), id(Prefix::Operation, 2));
    let active = |node: &Node| node.config.told.is_active(&organization(1).to_string(), user);
    let user_is = |active: bool| object("user", user, 9, &json!({ "active": active }));
    let member_is = |active: bool| {
        let body = json!({ "user_id": user.to_string(), "active": active });
        object("member", member, 1, &body)
    };
    assert!(!active(&node), "nobody knows this user");
    node.good([user_is(true)]);
    assert!(!active(&node), "no member of this organisation");
    node.good([member_is(true)]);
    assert!(active(&node));
    assert!(!node.config.told.is_active(&organization(2).to_string(), user));
    for (change, then) in [
        (user_is(false), false),
        (user_is(true), true),
        (member_is(false), false),
        (member_is(true), true),
        (gone("member", member), false),
    ] {
        node.good([change]);
        assert_eq!(active(&node), then);
    }
    node.good([member_is(true)]);
    node.bad(newer(member_is(true)), "newer version");
    assert!(!active(&node));
}

#[test]
fn allowed_is_what_an_allow_rule_has_and_no_deny_rule() {
    let mut node = Node::new();
    assert!(!node.config.told.has_restrictions());
    // In the wrong order on purpose: a batch is one step.
    node.good([
        restriction("endpoints", true, &[1, 2]),
        rule(1, 1, "allow", "192.0.2.0/24"),
        rule(2, 2, "deny", "192.0.2.128/25"),
        rule(3, 2, "allow", "2001:db8::/32"),
        policy(1),
        policy(2),
    ]);
    assert!(node.visitor(1, "192.0.2.1") && node.visitor(1, "::ffff:192.0.2.1"));
    assert!(node.visitor(1, "2001:db8::1"));
    assert!(!node.visitor(1, "192.0.2.200") && !node.visitor(1, "198.51.100.1"));
    assert!(
        node.visitor(2, "198.51.100.1"),
        "another organisation restricts nothing"
    );
    let told = &node.config.told;
    assert_eq!(
        told.restricts_agent(&organization(1).to_string(), ip("198.51.100.1")),
        Restricts::No
    );

    node.good([gone("ip_policy_rule", id(Prefix::IpPolicyRule, 2))]);
    assert!(node.visitor(1, "192.0.2.200"));
    node.good([rule(1, 1, "allow", "198.51.100.0/24")]);
    assert!(node.visitor(1, "198.51.100.1") && !node.visitor(1, "192.0.2.1"));
    node.good([restriction("endpoints", false, &[1, 2])]);
    assert!(node.visitor(1, "192.0.2.1") && !node.config.told.has_restrictions());
    node.good([restriction("agent", true, &[1])]);
    let agent = |node: &Node, of, from| {
        node.config
            .told
            .restricts_agent(&organization(of).to_string(), ip(from))
    };
    assert!(matches!(agent(&node, 1, "192.0.2.1"), Restricts::Yes(_)));
    assert_eq!(agent(&node, 1, "198.51.100.1"), Restricts::No);
    assert_eq!(agent(&node, 2, "192.0.2.1"), Restricts::No);
    assert!(node.visitor(1, "192.0.2.1"));
    // Not enforced: whom it would keep out is known, and comes in.
    node.good([restriction("agent", false, &[1])]);
    assert!(matches!(agent(&node, 1, "192.0.2.1"), Restricts::Would(_)));
    assert_eq!(agent(&node, 1, "198.51.100.1"), Restricts::No);
}

#[test]
fn an_empty_policy_and_one_that_is_gone_match_nobody() {
    let mut node = Node::new();
    node.good([policy(1), restriction("endpoints", true, &[1])]);
    assert!(!node.visitor(1, "192.0.2.1"));
    node.good([rule(1, 1, "allow", "0.0.0.0/0")]);
    assert!(node.visitor(1, "192.0.2.1"));
    node.good([gone("ip_policy", id(Prefix::IpPolicy, 1))]);
    assert!(!node.visitor(1, "192.0.2.1"));
    let ids = [id(Prefix::IpPolicy, 1)];
    assert!(!node.config.told.passes_policies(&ids, ip("192.0.2.1")));
    assert!(node.config.told.passes_policies(&[], ip("192.0.2.1")));
}

/// The one that turns an address away by itself is named; where none allows it, the first.
#[test]
fn of_several_restrictions_of_agents_the_one_that_refuses_is_named() {
    let mut node = Node::new();
    let of = |number: u8, policy: u8| {
        let body =
            json!({"type": "agent", "enforced": true, "ip_policy_ids": [id(Prefix::IpPolicy, policy).to_string()]});
        object("ip_restriction", id(Prefix::IpRestriction, number), 1, &body)
    };
    node.good([
        policy(1),
        rule(1, 1, "allow", "0.0.0.0/0"),
        policy(2),
        rule(2, 2, "allow", "192.0.2.0/24"),
        rule(3, 2, "deny", "198.51.100.0/24"),
        of(1, 1),
        of(2, 2),
    ]);
    let restricts = |node: &Node, from: &str| {
        let told = &node.config.told;
        told.restricts_agent(&organization(1).to_string(), ip(from))
    };
    let second = Restricts::Yes(id(Prefix::IpRestriction, 2));
    assert_eq!(restricts(&node, "198.51.100.1"), second);
    assert_eq!(restricts(&node, "203.0.113.1"), Restricts::No, "the union of both");
    assert_eq!(
        restricts(&node, "2001:db8::1"),
        Restricts::Yes(id(Prefix::IpRestriction, 1)),
        "none allows it"
    );
    // One that cannot be read refuses everybody.
    node.bad(newer(of(2, 2)), "");
    assert_eq!(restricts(&node, "203.0.113.1"), second);
}

#[test]
fn a_restriction_that_cannot_be_read_lets_nobody_pass_until_it_can() {
    let mut node = Node::new();
    let all = [
        policy(1),
        rule(1, 1, "allow", "0.0.0.0/0"),
        restriction("endpoints", true, &[1]),
    ];
    node.good(all.clone());
    assert!(node.visitor(1, "192.0.2.1"));
    for wrong in [
        rule(2, 1, "deny", "300.0.0.0/8"),
        rule(2, 1, "perhaps", "10.0.0.0/8"),
        newer(rule(2, 1, "deny", "10.0.0.0/8")),
    ] {
        node.bad(wrong, "");
        assert!(!node.visitor(1, "192.0.2.1"));
        node.good([gone("ip_policy_rule", id(Prefix::IpPolicyRule, 2))]);
        assert!(node.visitor(1, "192.0.2.1"));
    }
    for wrong in [
        restriction("no such type", true, &[1]),
        newer(restriction("endpoints", false, &[1])),
    ] {
        node.bad(wrong, "");
        assert!(!node.visitor(1, "192.0.2.1"));
        assert!(node.visitor(2, "192.0.2.1"));
        node.good(all.clone());
        assert!(node.visitor(1, "192.0.2.1"));
    }
}

#[test]
fn a_reserved_name_owns_itself_and_all_below() {
    let mut node = Node::new();
    let domain = |number: u8, of: u8, name: &str| {
        object(
            "reserved_domain",
            id(Prefix::ReservedDomain, number),
            of,
            &json!({ "domain": name }),
        )
    };
    node.good([
        domain(1, 1, "example.org"),
        domain(2, 1, "*.example.org"),
        domain(3, 2, "a.net"),
    ]);
    let told = &node.config.told;
    let of = |name: &str| {
        let host = host(name);
        told.reservation(&host)
            .map(|r| (r.organization.to_owned(), r.name.to_owned(), r.exact))
    };
    let first = organization(1).to_string();
    assert_eq!(of("example.org"), Some((first.clone(), "example.org".to_owned(), true)));
    assert_eq!(
        of("*.example.org"),
        Some((first.clone(), "example.org".to_owned(), true))
    );
    assert_eq!(of("x.y.example.org"), Some((first, "example.org".to_owned(), false)));
    assert!(!of("*.a.net").unwrap().2);
    assert_eq!(of("b.net"), None);
    assert_eq!(of("notexample.org"), None);
    node.good([gone("reserved_domain", id(Prefix::ReservedDomain, 1))]);
    let told = &node.config.told;
    assert!(
        !told.reservation(&host("example.org")).unwrap().exact,
        "the wildcard still holds it"
    );
    assert!(told.reservation(&host("*.example.org")).unwrap().exact);
    node.good([gone("reserved_domain", id(Prefix::ReservedDomain, 2))]);
    assert_eq!(node.config.told.reservation(&host("x.example.org")), None);
    node.bad(domain(3, 2, "not a name"), "domain");
    assert!(
        node.config.told.reservation(&host("a.net")).is_some(),
        "the last good form stays"
    );
}

#[test]
fn reserved_ports_and_ingresses() {
    let mut node = Node::new();
    let address = |port: u16| {
        let body = json!({ "addr": format!("tcp.adit.example.com:{port}") });
        object("reserved_addr", id(Prefix::ReservedAddress, 1), 1, &body)
    };
    node.good([address(20_001)]);
    node.good([address(20_002)]);
    assert_eq!(node.config.told.port_owner(20_001), None);
    assert_eq!(node.config.told.port_owner(20_002), Some(&*organization(1).to_string()));
    node.good([gone("reserved_addr", id(Prefix::ReservedAddress, 1))]);
    assert_eq!(node.config.told.port_owner(20_002), None);

    let ingress = |exclusive: bool, domain: &str| {
        let body = json!({ "domain": domain, "hostnames": ["tunnel.example.net"], "exclusive": exclusive });
        object("agent_ingress", id(Prefix::AgentIngress, 1), 1, &body)
    };
    let exclusive = |node: &Node| node.config.told.is_exclusive(&organization(1).to_string());
    node.good([ingress(true, "connect.example.net")]);
    assert!(exclusive(&node));
    assert!(node.config.control_name("tunnel.example.net").is_some());
    node.bad(ingress(false, "?"), "domain");
    assert!(exclusive(&node), "the last good form stays");
    node.good([ingress(false, "connect.example.net")]);
    assert!(!exclusive(&node));
    node.good([gone("agent_ingress", id(Prefix::AgentIngress, 1))]);
    assert_eq!(node.config.control_name("connect.example.net"), None);
}

#[test]
fn cloud_endpoints_are_found_by_name_and_by_url() {
    let mut node = Node::new();
    node.good([
        cloud(1, "https://app.example.org", true),
        cloud(2, "https://app.example.org", true),
        cloud(3, "https://*.example.org", false),
        cloud(4, "tcp://tcp.adit.example.com:20001", false),
    ]);
    let count = |node: &Node, name: &str| node.config.told.find_cloud(Class::Sni, name).map_or(0, |p| p.len());
    assert_eq!(count(&node, "app.example.org"), 2);
    assert_eq!(count(&node, "x.y.example.org"), 1);
    assert_eq!(count(&node, "example.org"), 0);
    assert!(node.config.told.find_cloud(Class::Http, "app.example.org").is_none());
    let url = EndpointUrl::from_canonical("tcp://tcp.adit.example.com:20001", Binding::Public).unwrap();
    assert!(node.config.told.cloud_at(&url, "").is_some());
    node.bad(cloud(1, "https://", true), "url");
    assert_eq!(count(&node, "app.example.org"), 2, "the last good form stays");
    node.bad(newer(cloud(1, "https://other.example.org", true)), "newer");
    assert_eq!(count(&node, "app.example.org"), 2);
    node.good([
        gone("endpoint", id(Prefix::Endpoint, 1)),
        gone("endpoint", id(Prefix::Endpoint, 4)),
    ]);
    assert_eq!(count(&node, "app.example.org"), 1);
    assert!(node.config.told.cloud_at(&url, "").is_none());
    node.good([
        gone("endpoint", id(Prefix::Endpoint, 2)),
        gone("endpoint", id(Prefix::Endpoint, 3)),
    ]);
    assert!(!node.config.told.has_cloud_endpoints());
}

#[test]
fn what_cannot_be_compiled_does_not_stop_what_comes_behind_it() {
    let mut node = Node::new();
    node.good([credential(1, &json!({ "acl": [] }))]);
    let wrong = node.apply([
        cloud(1, "nonsense", false),
        object("a_kind_of_later", id(Prefix::Event, 1), 1, &json!({})),
        credential(1, &json!({ "acl": [], "disabled": true })),
    ]);
    assert_eq!(wrong.len(), 1);
    assert!(node.config.credential(&[1; 32]).unwrap().revoked);
}

#[test]
fn a_policy_is_compiled_once_and_a_wrong_one_stops_no_other() {
    let mut node = Node::new();
    node.good([
        cloud(1, "https://a.example.org", false),
        cloud(2, "https://b.example.org", false),
    ]);
    let policy = |node: &Node, name: &str| node.config.told.find_cloud(Class::Sni, name).unwrap()[0].policy.clone();
    let first = policy(&node, "a.example.org").unwrap();
    let same = |of: &Node, name: &str| policy(of, name).is_some_and(|p| std::sync::Arc::ptr_eq(&p, &first));
    assert!(same(&node, "b.example.org"), "one text is one program");
    let wrong = json!({ "traffic_policy": "on_http_request:\n  - actions:\n      - type: denied\n" });
    let quarantined = node.apply([
        governed(1, "https://a.example.org", &wrong),
        governed(3, "https://c.example.org", &wrong),
        cloud(4, "https://d.example.org", false),
    ]);
    assert_eq!(quarantined.len(), 2, "{quarantined:?}");
    assert!(
        quarantined.iter().all(|q| q.error.contains("line 3")),
        "{quarantined:?}"
    );
    assert!(same(&node, "a.example.org"), "the last good form stays");
    assert!(
        policy(&node, "c.example.org").is_none(),
        "there is none: the name is held, nothing passes"
    );
    assert!(same(&node, "d.example.org"));
}

#[test]
fn policies_see_the_name_that_their_organisation_has() {
    let mut node = Node::new();
    let organization = |name: &str| object("organization", organization(1), 1, &json!({ "name": name }));
    node.good([cloud(1, "https://a.example.org", false), organization("First")]);
    let name = |node: &Node| {
        let found = node.config.told.find_cloud(Class::Sni, "a.example.org").unwrap();
        found[0].facts.organization_name.clone()
    };
    assert_eq!(name(&node), "First");
    node.good([organization("Second")]);
    assert_eq!(name(&node), "Second");
}

#[test]
fn rules_and_endpoints_end_when_they_were_to_end() {
    let mut node = Node::new();
    let at = |second: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    let text = |second: u64| format!("1970-01-01T00:00:{second:02}Z");
    let mut ending = rule(1, 1, "allow", "192.0.2.0/24");
    let body = &mut ending.object.as_mut().unwrap().body;
    body.insert("expires_at".to_owned(), text(20).into());
    assert!(!node.compiler.set_now(at(10)));
    let endpoint = json!({ "traffic_policy": DENY, "expires_at": text(30) });
    node.good([
        policy(1),
        ending,
        restriction("endpoints", true, &[1]),
        governed(1, "https://a.example.org", &endpoint),
    ]);
    let generation = node.config.told.networks_generation();
    assert!(node.visitor(1, "192.0.2.7"));
    assert!(!node.compiler.set_now(at(19)));
    assert!(node.compiler.set_now(at(20)));
    node.good([]);
    assert!(!node.visitor(1, "192.0.2.7"), "a rule that has ended allows nobody");
    assert!(
        node.config.told.networks_generation() > generation,
        "who passed is asked again"
    );
    assert!(node.config.told.has_cloud_endpoints());
    assert!(node.compiler.set_now(at(30)));
    node.good([governed(2, "https://b.example.org", &endpoint)]);
    assert!(!node.config.told.has_cloud_endpoints());
}

#[test]
fn settings_of_pools_come_change_and_go() {
    let mut node = Node::new();
    let set = |strategy: &str, sticky: &str| {
        let body =
            json!({ "url": "https://a.example.org", "binding": "public", "strategy": strategy, "sticky": sticky });
        object("endpoint_pool", id(Prefix::EndpointPool, 1), 1, &body)
    };
    let url = EndpointUrl::from_canonical("https://a.example.org", Binding::Public).unwrap();
    let found = |node: &Node, of: u8| node.config.told.pool(&url, &organization(of).to_string()).cloned();
    node.good([set("least_busy", "header:x-tenant")]);
    let settings = found(&node, 1).unwrap();
    assert_eq!(
        (settings.strategy, &settings.sticky),
        (Strategy::LeastBusy, &Sticky::Header("x-tenant".into()))
    );
    assert!(found(&node, 2).is_none(), "each organisation has its own");
    node.good([set("round_robin", "cookie")]);
    assert_eq!(found(&node, 1).unwrap().sticky, Sticky::Cookie);
    node.bad(set("hash:conn.client_ip", "off"), "not available");
    assert_eq!(found(&node, 1).unwrap().strategy, Strategy::Random);
    node.good([gone("endpoint_pool", id(Prefix::EndpointPool, 1))]);
    assert!(found(&node, 1).is_none());
}
