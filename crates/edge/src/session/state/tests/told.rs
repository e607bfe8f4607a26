//! What organisations have set: reserved names and ports, cloud endpoints, IP rules, ingresses, owners; at the login,
//! at the bind, and for what is live when it changes.

use std::time::Duration;

use adit_names::cidr::CidrSet;
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_names::host::CanonicalHost;
use adit_names::id::{Id, Prefix};
use adit_policy::Requirement;
use adit_snapshot::{
    CloudEndpoint, Credential, Guardrail, Ingress, IpPolicy, LowestVersions, Networks, Organization,
    OrganizationSettings, Restrictions, Standing, Told,
};

use super::*;

fn id(prefix: Prefix, number: u8) -> Id {
    Id::new(prefix, 1_800_000_000, [number; 16])
}

fn host(name: &str) -> CanonicalHost {
    CanonicalHost::for_endpoint(name).unwrap()
}

fn told(w: &mut World) -> &mut Told {
    &mut w.config.told
}

fn reserve(w: &mut World, name: &str, organization: &str) {
    told(w).put_name(&host(name), organization, id(Prefix::ReservedDomain, 1));
}

fn cloud(w: &mut World, url: &str, organization: &str, pooled: bool) {
    let url = EndpointUrl::from_canonical(url, Binding::Public).unwrap();
    let mut endpoint = CloudEndpoint::new(id(Prefix::Endpoint, 1), organization, url, None);
    endpoint.pooled = pooled;
    told(w).put_cloud(endpoint);
}

fn policy(allow: &str) -> IpPolicy {
    IpPolicy {
        allow: CidrSet::new([allow.parse().unwrap()]),
        ..IpPolicy::default()
    }
}

/// The credential behind [`TOKEN`] with something set.
fn set(w: &mut World, change: impl FnOnce(&mut Credential)) {
    let mut credential = credential("cr_1", "ac_1", TOKEN, &[]);
    change(&mut credential);
    told(w).put_credential(credential);
}

/// The code with which the only session of a world was ended.
#[track_caller]
fn enforced(w: &mut World) -> String {
    let ended = w.sessions.enforce(&w.config, w.now);
    assert_eq!(ended.len(), 1);
    w.check();
    ended[0].text.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn names_and_what_is_below_them_belong_to_who_reserved_them() {
    let mut w = World::new();
    let (mine, theirs) = (w.enter(TOKEN), w.enter(OTHER_TOKEN));
    reserve(&mut w, "shop.adit.example.com", "ac_2");
    reserve(&mut w, "example.net", "ac_1");
    reserve(&mut w, "*.example.net", "ac_1");
    for name in [
        "shop.adit.example.com",
        "a.shop.adit.example.com",
        "*.shop.adit.example.com",
    ] {
        assert_refused(w.bind(&mine.connection, &https(name)), ErrorCode::NGROK_320);
    }
    w.bind(&theirs.connection, &https("shop.adit.example.com")).unwrap();
    w.bind(&theirs.connection, &https("deep.a.shop.adit.example.com"))
        .unwrap();
    // A reserved name does not include its wildcard.
    assert_refused(
        w.bind(&theirs.connection, &https("*.shop.adit.example.com")),
        ErrorCode::NGROK_321,
    );
    for name in ["example.net", "*.example.net", "x.example.net"] {
        assert_refused(w.bind(&theirs.connection, &https(name)), ErrorCode::NGROK_320);
        w.bind(&mine.connection, &https(name)).unwrap();
    }
    assert_refused(w.bind(&mine.connection, &https("example.info")), ErrorCode::NGROK_319);
    assert_refused(
        w.bind(&mine.connection, &https("x.y.adit.example.com")),
        ErrorCode::NGROK_354,
    );
    for label in ["www", "ns1", "api", "acme"] {
        let name = format!("{label}.adit.example.com");
        assert_refused(w.bind(&mine.connection, &https(&name)), ErrorCode::NGROK_320);
    }
    w.check();
}

#[test]
fn a_name_that_is_no_longer_reserved_is_taken_from_its_agent() {
    let mut w = World::new();
    let agent = w.enter(TOKEN);
    reserve(&mut w, "example.net", "ac_1");
    w.bind(&agent.connection, &https("example.net")).unwrap();
    w.bind(&agent.connection, &https("a.adit.example.com")).unwrap();
    assert!(w.sessions.enforce(&w.config, w.now).is_empty());
    w.config = config();
    let ended = w.sessions.enforce(&w.config, w.now);
    assert_eq!(ended[0].stops.len(), 1);
    assert_eq!(ended[0].stops[0].error_code, "ERR_NGROK_319");
    assert!(ended[0].close.is_empty() && w.is_online("a.adit.example.com") && !w.is_online("example.net"));
    w.check();
}

#[test]
fn reserved_ports_are_their_owners_and_never_drawn() {
    let mut w = World::new();
    let (mine, theirs) = (w.enter(TOKEN), w.enter(OTHER_TOKEN));
    for port in 20_000..20_009 {
        told(&mut w).put_port(port, "ac_2", id(Prefix::ReservedAddress, 1));
    }
    assert_refused(w.bind(&mine.connection, &tcp(":20003")), ErrorCode::NGROK_309);
    let drawn = w.bind(&mine.connection, &tcp("")).unwrap();
    assert!(drawn.url.ends_with(":20009"), "{}", drawn.url);
    w.bind(&theirs.connection, &tcp(":20003")).unwrap();
    w.check();
}

#[test]
fn a_url_of_a_cloud_endpoint_is_shared_only_if_both_pool() {
    let mut w = World::new();
    let (mine, theirs) = (w.enter(TOKEN), w.enter(OTHER_TOKEN));
    cloud(&mut w, "https://c.adit.example.com", "ac_1", false);
    for agent in [&mine, &theirs] {
        let refused = w.bind(&agent.connection, &https("c.adit.example.com")).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NGROK_334);
        assert!(refused.text().contains("cloud endpoint"), "{refused}");
    }
    // The same name in the clear is another one.
    w.bind(&mine.connection, &http("c.adit.example.com")).unwrap();
    cloud(&mut w, "https://c.adit.example.com", "ac_1", true);
    assert_refused(
        w.bind(&mine.connection, &https("c.adit.example.com")),
        ErrorCode::NGROK_334,
    );
    assert_refused(
        w.bind(&theirs.connection, &pooled(https("c.adit.example.com"))),
        ErrorCode::NGROK_334,
    );
    w.bind(&mine.connection, &pooled(https("c.adit.example.com"))).unwrap();
    w.check();
}

fn http(name: &str) -> Bind {
    bind_of(&json!({
        "Proto": "http", "Opts": {"Domain": name, "ProxyProto": 0}, "Extra": {"Token": "", "Metadata": ""}
    }))
}

#[test]
fn agents_come_only_from_networks_of_their_organisation_and_credential() {
    let mut w = World::new();
    let (near, far) = (id(Prefix::IpPolicy, 1), id(Prefix::IpPolicy, 2));
    told(&mut w).put_policy(near, policy("192.0.2.0/24"));
    told(&mut w).put_policy(far, policy("198.51.100.0/24"));
    let only = |policy| Restrictions {
        agent: Some((id(Prefix::IpRestriction, 1), Networks::Policies([policy].into()))),
        ..Restrictions::default()
    };
    told(&mut w).put_restrictions("ac_1", only(near));
    w.enter(TOKEN);
    told(&mut w).put_restrictions("ac_1", only(far));
    let refused = w.login(&auth(TOKEN));
    let by = refused.as_ref().err().and_then(|refusal| refusal.restriction());
    assert_eq!(by, Some(("ac_1", id(Prefix::IpRestriction, 1))));
    assert_refused(refused, ErrorCode::NGROK_115);
    assert_eq!(enforced(&mut w), "ERR_NGROK_115");
    let told_of = events(&mut w.sessions);
    assert!(told_of.iter().any(|e| e == "stopped ip_rule"), "{told_of:?}");
    w.enter(OTHER_TOKEN);

    let mut w = World::new();
    told(&mut w).put_policy(far, policy("198.51.100.0/24"));
    w.enter(TOKEN);
    set(&mut w, |c| c.ip_policies = [far].into());
    assert_refused(w.login(&auth(TOKEN)), ErrorCode::NGROK_116);
    assert_eq!(enforced(&mut w), "ERR_NGROK_116");
    // A policy that nobody knows lets nobody pass.
    set(&mut w, |c| c.ip_policies = [near].into());
    assert_refused(w.login(&auth(TOKEN)), ErrorCode::NGROK_116);
}

#[test]
fn owners_members_and_organisations_have_to_be_in_force() {
    let mut w = World::new();
    let (user, organization) = (id(Prefix::User, 1), id(Prefix::Account, 1));
    let text = organization.to_string();
    let of_user = |w: &mut World| {
        let mut credential = credential("cr_1", &text, TOKEN, &[]);
        credential.owner = Some(user);
        w.config = w.config.clone().with_credentials([credential]);
    };
    of_user(&mut w);
    assert_refused(w.login(&auth(TOKEN)), ErrorCode::NGROK_300);
    told(&mut w).put_principal(user, true);
    told(&mut w).put_member(organization, user, true);
    w.enter(TOKEN);
    told(&mut w).put_member(organization, user, false);
    assert_eq!(enforced(&mut w), "ERR_NGROK_300");
    told(&mut w).put_member(organization, user, true);
    w.enter(TOKEN);
    told(&mut w).put_principal(user, false);
    assert_eq!(enforced(&mut w), "ERR_NGROK_300");
    assert_refused(w.login(&auth(TOKEN)), ErrorCode::NGROK_300);
    told(&mut w).put_principal(user, true);
    w.enter(TOKEN);
    let mut suspended = Organization::new(&text, "");
    suspended.suspended = true;
    told(&mut w).put_organization(suspended);
    assert_eq!(enforced(&mut w), "ERR_ADIT_1106");
    assert_refused(w.login(&auth(TOKEN)), ErrorCode::ADIT_1106);
}

#[test]
fn a_credential_ends_at_its_time_also_while_it_is_in_use() {
    let mut w = World::new();
    let end = w.now.wall + Duration::from_secs(60);
    set(&mut w, |c| c.expires = Some(end));
    w.enter(TOKEN);
    w.advance(Duration::from_secs(59));
    assert!(!w.sessions.has_expired(w.now.wall));
    w.advance(Duration::from_secs(1));
    assert!(w.sessions.has_expired(w.now.wall));
    assert_eq!(enforced(&mut w), "ERR_NGROK_300");
    assert!(!w.sessions.has_expired(w.now.wall));
    assert_refused(w.login(&auth(TOKEN)), ErrorCode::NGROK_300);
}

#[test]
fn rules_that_cannot_be_read_let_a_credential_bind_nothing() {
    let mut w = World::new();
    set(&mut w, |c| c.binds = Binds::Nothing);
    let agent = w.enter(TOKEN);
    assert_refused(
        w.bind(&agent.connection, &https("a.adit.example.com")),
        ErrorCode::NGROK_316,
    );
    assert_refused(w.bind(&agent.connection, &https("")), ErrorCode::NGROK_316);
    assert_refused(w.bind(&agent.connection, &tcp("")), ErrorCode::NGROK_356);
}

#[test]
fn named_ingresses_admit_their_own_and_exclusive_ones_keep_them() {
    let mut w = World::new();
    let default = format!("connect.{BASE}");
    let ingress = Ingress {
        id: id(Prefix::AgentIngress, 1),
        organization: "ac_1".into(),
        allowed: Box::default(),
        exclusive: false,
        ip_policies: Box::default(),
        lowest_versions: LowestVersions::default(),
    };
    let check = |w: &World, token: &str, name: &str| {
        let door = crate::session::admission::Door {
            ingress: name,
            ip: [192, 0, 2, 7].into(),
        };
        crate::session::admission::admit(&w.config, token, door, w.now.wall)
            .err()
            .map(|r| r.code())
    };
    told(&mut w).put_ingress("agents.example.net", &Arc::new(ingress.clone()));
    assert_eq!(check(&w, TOKEN, "agents.example.net"), None);
    assert_eq!(check(&w, TOKEN, &default), None);
    assert_eq!(check(&w, OTHER_TOKEN, "agents.example.net"), Some(ErrorCode::NGROK_122));
    let own = id(Prefix::Credential, 1);
    let narrow = Ingress {
        allowed: [own].into(),
        ip_policies: [id(Prefix::IpPolicy, 1)].into(),
        ..ingress
    };
    told(&mut w).put_ingress("agents.example.net", &Arc::new(narrow));
    assert_eq!(check(&w, TOKEN, "agents.example.net"), Some(ErrorCode::NGROK_122));
    set(&mut w, |c| c.id = own.to_string());
    assert_eq!(check(&w, TOKEN, "agents.example.net"), Some(ErrorCode::NGROK_126));
    told(&mut w).put_policy(id(Prefix::IpPolicy, 1), policy("192.0.2.0/24"));
    assert_eq!(check(&w, TOKEN, "agents.example.net"), None);
    set(&mut w, |c| c.ingresses = [id(Prefix::AgentIngress, 2)].into());
    assert_eq!(check(&w, TOKEN, &default), Some(ErrorCode::NGROK_122));
}

#[test]
fn a_token_is_found_by_its_secret_half_and_only_with_the_id_it_was_made_for() {
    let mut w = World::new();
    let (first, second) = TOKEN.split_once('_').unwrap();
    let made = Credential::new(&format!("cr_{first}"), "ac_1", token_hash(second));
    w.config = w.config.clone().with_credentials([made]);
    w.enter(TOKEN);
    let (other, _) = OTHER_TOKEN.split_once('_').unwrap();
    assert_refused(w.login(&auth(&format!("{other}_{second}"))), ErrorCode::NGROK_107);
    assert_refused(w.login(&auth(second)), ErrorCode::NGROK_105);
}

/// What the organisation `ac_1` has set.
fn settings(w: &mut World, settings: OrganizationSettings) {
    let mut organization = Organization::new("ac_1", "");
    organization.settings = settings;
    told(w).put_organization(organization);
}

#[test]
fn a_credential_has_as_many_sessions_and_endpoints_as_it_may_have() {
    let mut w = World::new();
    set(&mut w, |c| {
        c.max_sessions = Some(2);
        c.max_endpoints = Some(2);
    });
    let (first, second) = (w.enter(TOKEN), w.enter(TOKEN));
    let refused = assert_refused(w.login(&auth(TOKEN)), ErrorCode::NGROK_348);
    assert!(refused.text().contains("2 sessions"), "{refused}");
    w.enter(OTHER_TOKEN);
    w.bind(&first.connection, &https("a.adit.example.com")).unwrap();
    w.bind(&second.connection, &https("b.adit.example.com")).unwrap();
    let third = https("c.adit.example.com");
    assert_refused(w.bind(&second.connection, &third), ErrorCode::NGROK_350);
    w.lose(&first.connection);
    // A session that may come back keeps its endpoints, not its place among those that are connected.
    let other = w.enter(TOKEN);
    assert_refused(w.bind(&other.connection, &third), ErrorCode::NGROK_350);
    w.advance(Duration::from_secs(60));
    w.bind(&other.connection, &third).unwrap();
    w.check();
}

#[test]
fn an_organisation_has_limits_and_rules_for_all_its_agents() {
    let mut w = World::new();
    let limits = OrganizationSettings {
        max_sessions: Some(1),
        max_endpoints_per_session: Some(1),
        reserved_names_only: true,
        lowest_versions: LowestVersions::of(Some(&json!({"ngrok-rust": "0.19"}))),
        ..OrganizationSettings::default()
    };
    settings(&mut w, limits);
    reserve(&mut w, "mine.adit.example.com", "ac_1");
    told(&mut w).put_port(20_003, "ac_1", id(Prefix::ReservedAddress, 1));
    let mut old = auth_json(TOKEN);
    old["Extra"]["Version"] = "0.18.9".into();
    let refused = assert_refused(w.login(&auth_of(&old)), ErrorCode::NGROK_121);
    assert!(
        refused.text().contains("0.18.9") && refused.text().contains("0.19"),
        "{refused}"
    );
    let agent = w.enter(TOKEN);
    assert_refused(w.login(&auth(TOKEN)), ErrorCode::NGROK_108);
    for unreserved in [https("other.adit.example.com"), https(""), https("free.example.org")] {
        assert_refused(w.bind(&agent.connection, &unreserved), ErrorCode::NGROK_319);
    }
    for unreserved in [tcp(""), tcp("tcp.adit.example.com:20004")] {
        assert_refused(w.bind(&agent.connection, &unreserved), ErrorCode::NGROK_309);
    }
    w.bind(&agent.connection, &https("mine.adit.example.com")).unwrap();
    let second = https("a.mine.adit.example.com");
    assert_refused(w.bind(&agent.connection, &second), ErrorCode::NGROK_324);
    settings(&mut w, OrganizationSettings::default());
    w.bind(&agent.connection, &https("other.adit.example.com")).unwrap();
}

#[test]
fn who_only_views_and_the_default_ingress_may_be_kept_out() {
    let mut w = World::new();
    let (organization, user) = (id(Prefix::Account, 1), id(Prefix::User, 1));
    let text = organization.to_string();
    let mut of_viewer = credential("cr_1", &text, TOKEN, &[]);
    of_viewer.owner = Some(user);
    w.config = w.config.clone().with_credentials([of_viewer]);
    told(&mut w).put_principal(user, true);
    let views = |only_views| Standing {
        active: true,
        only_views,
    };
    told(&mut w).put_member(organization, user, views(true));
    w.enter(TOKEN);
    let set = |w: &mut World, change: fn(&mut OrganizationSettings)| {
        let mut organization = Organization::new(&text, "");
        change(&mut organization.settings);
        told(w).put_organization(organization);
    };
    set(&mut w, |s| s.viewers_may_not_connect = true);
    assert_eq!(enforced(&mut w), "ERR_NGROK_300");
    assert_refused(w.login(&auth(TOKEN)), ErrorCode::NGROK_300);
    told(&mut w).put_member(organization, user, views(false));
    w.enter(TOKEN);
    set(&mut w, |s| s.require_ingress = true);
    assert_eq!(enforced(&mut w), "ERR_NGROK_122");
    assert_refused(w.login(&auth(TOKEN)), ErrorCode::NGROK_122);
}

#[test]
fn a_policy_may_be_demanded_and_is_what_its_endpoint_has() {
    let mut w = World::new();
    set(&mut w, |c| c.policy_required = true);
    let agent = w.enter(TOKEN);
    let mut bind = https("app.adit.example.com");
    let refused = assert_refused(w.bind(&agent.connection, &bind), ErrorCode::NGROK_9026);
    assert!(refused.text().contains("demands a traffic policy"), "{refused}");
    bind.opts["TrafficPolicy"] = "on_http_request:\n  - actions:\n      - type: deny\n".into();
    let bound = w.bind(&agent.connection, &bind).unwrap();
    let pool = w.directory.find(Class::Sni, "app.adit.example.com").unwrap();
    let policy = || pool.members()[0].options.policy.clone();
    assert!(policy().is_some() && pool.has_policies());
    let patch = |text: &str| PatchTunnelState {
        tunnel_id: bound.extra.tunnel_id.clone(),
        traffic_policy: Some(text.to_owned()),
        ..PatchTunnelState::default()
    };
    assert_refused(w.patch(&agent.connection, &patch("")), ErrorCode::NGROK_9026);
    let other = "on_http_request:\n  - actions:\n      - type: deny\n        config: {status_code: 404}\n";
    w.patch(&agent.connection, &patch(other)).unwrap();
    assert_eq!(policy().map(|p| p.text.to_string()).as_deref(), Some(other));
    w.check();
}

#[test]
fn what_guardrails_require_is_asked_of_each_bind_and_each_change() {
    const LOGIN: &str =
        "on_http_request:\n  - actions:\n      - type: basic-auth\n        config: {credentials: ['u:long enough']}\n";
    let mut w = World::new();
    let now = i64::try_from(w.now.wall.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros()).unwrap();
    let requiring = |requires: Requirement, from: i64| Guardrail {
        name: "log in".into(),
        requires: [requires].into(),
        requires_from: from,
        ..Guardrail::new(id(Prefix::Guardrail, 1), "ac_1", None)
    };
    let login = || Requirement::HasAction("basic-auth".to_owned());
    told(&mut w).put_guardrail(requiring(login(), now));
    let agent = w.enter(TOKEN);
    let mut bind = https("app.adit.example.com");
    let refused = assert_refused(w.bind(&agent.connection, &bind), ErrorCode::ADIT_2250);
    assert!(
        refused
            .text()
            .contains("log in requires: an action basic-auth is missing"),
        "{refused}"
    );
    assert_refused(w.bind(&agent.connection, &https("")), ErrorCode::ADIT_2250);
    assert!(
        w.directory.find(Class::Sni, "app.adit.example.com").is_none(),
        "nothing is left of it"
    );
    bind.opts["TrafficPolicy"] = LOGIN.into();
    let bound = w.bind(&agent.connection, &bind).unwrap();
    let patch = PatchTunnelState {
        tunnel_id: bound.extra.tunnel_id.clone(),
        traffic_policy: Some("on_http_request:\n  - actions:\n      - type: deny\n".to_owned()),
        ..PatchTunnelState::default()
    };
    assert_refused(w.patch(&agent.connection, &patch), ErrorCode::ADIT_2250);
    // What runs has a grace, also when its agent comes back for it; what is new has none.
    told(&mut w).put_guardrail(requiring(
        Requirement::NoAction(vec!["basic-auth".to_owned()]),
        now + 60_000_000,
    ));
    let again = Bind {
        id: bound.id,
        ..bind.clone()
    };
    w.bind(&agent.connection, &again).unwrap();
    let mut lesser = again.clone();
    lesser.opts["TrafficPolicy"] = LOGIN.replace("u:", "v:").into();
    assert_refused(w.bind(&agent.connection, &lesser), ErrorCode::ADIT_2250);
    w.bind(&agent.connection, &again).unwrap();
    let mut other = https("other.adit.example.com");
    other.opts["TrafficPolicy"] = LOGIN.into();
    assert_refused(w.bind(&agent.connection, &other), ErrorCode::ADIT_2250);
    told(&mut w).put_guardrail(requiring(Requirement::NoAction(vec!["basic-auth".to_owned()]), now));
    assert_refused(w.bind(&agent.connection, &again), ErrorCode::ADIT_2250);
    // A dry run and another organisation's refuse nobody.
    let dry = Guardrail {
        dry_run: true,
        ..requiring(login(), now)
    };
    told(&mut w).put_guardrail(dry);
    let theirs = Guardrail {
        requires: [login()].into(),
        ..Guardrail::new(id(Prefix::Guardrail, 2), "ac_2", None)
    };
    told(&mut w).put_guardrail(theirs);
    w.bind(&agent.connection, &https("free.adit.example.com")).unwrap();
    w.check();
}
