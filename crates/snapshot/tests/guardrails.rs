//! Guardrails of the store's objects: which stand around which endpoint, and what is done with those that cannot be read.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use adit_model::Object;
use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_names::id::{Id, Prefix};
use adit_policy::Requirement;
use adit_snapshot::{Change, Compiler, EdgeConfig, Place, Quarantined, SealKey};
use serde_json::{Value, json};

const DENY: &str = "on_http_request: [{id: no, actions: [{type: deny}]}]";

fn id(prefix: Prefix, number: u8) -> Id {
    Id::new(prefix, 1_800_000_000, [number; 16])
}

fn change(kind: &str, id: Id, of: u8, schema: u32, body: Option<&Value>) -> Change {
    Change {
        id,
        kind: kind.to_owned(),
        object: body.map(|body| Object {
            id,
            kind: kind.to_owned(),
            organization: self::id(Prefix::Account, of),
            owner: None,
            schema,
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

    /// A guardrail of organisation 1, enforced unless `more` says something else.
    fn rail(&mut self, number: u8, scope: &Value, more: &Value) -> Vec<Quarantined> {
        self.apply([rail(number, 1, 1, scope, more)])
    }

    /// Numbers of the guardrails around an endpoint, from the outermost in.
    fn around(&self, of: u8, url: &str) -> Vec<u8> {
        self.asked(of, url, "")
    }

    fn asked(&self, of: u8, url: &str, host: &str) -> Vec<u8> {
        let binding = if url.contains(".internal") {
            Binding::Internal
        } else {
            Binding::Public
        };
        let url = EndpointUrl::from_canonical(url, binding).unwrap();
        let host = if host.is_empty() { url.host().as_str() } else { host };
        let organization = id(Prefix::Account, of).to_string();
        let all = self.config.told.guardrails(&organization, &Place { url: &url, host });
        all.iter().map(|guardrail| guardrail.id.bytes()[19]).collect()
    }

    fn only(&self, url: &str) -> std::sync::Arc<adit_snapshot::Guardrail> {
        let url = EndpointUrl::from_canonical(url, Binding::Public).unwrap();
        let organization = id(Prefix::Account, 1).to_string();
        let all = self.config.told.guardrails(&organization, &Place::of(&url));
        assert_eq!(all.len(), 1);
        all[0].clone()
    }
}

fn rail(number: u8, of: u8, schema: u32, scope: &Value, more: &Value) -> Change {
    let mut body = json!({"name": format!("g{number}"), "scope": scope, "policy": DENY, "mode": "enforce"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    change("guardrail", id(Prefix::Guardrail, number), of, schema, Some(&body))
}

fn everything() -> Value {
    json!({"organization": true})
}

const APP: &str = "https://app.example.com";

/// Who passed before is asked again where something has changed, and nowhere else.
#[test]
fn a_change_is_about_those_whose_it_is() {
    let mut node = Node::new();
    let of = |node: &Node, of: u8| {
        let told = &node.config.told;
        told.networks_generation_of(&id(Prefix::Account, of).to_string())
    };
    let both = |node: &Node| [of(node, 1), of(node, 2)];
    let [one, two] = both(&node);
    node.rail(1, &everything(), &json!({}));
    assert!(of(&node, 1) > one);
    assert_eq!(of(&node, 2), two, "another organisation's");
    // The same once more, and something else of the organisation.
    let before = both(&node);
    let organization = json!({"name": "one"});
    node.apply([change(
        "organization",
        id(Prefix::Account, 1),
        1,
        1,
        Some(&organization),
    )]);
    assert_eq!(both(&node), before, "its guardrails are what they were");
    // One of the installation is about all.
    node.apply([rail(2, 3, 1, &everything(), &json!({"installation": true}))]);
    let after = both(&node);
    assert!(after[0] > before[0] && after[1] > before[1]);
    // So are the networks that it may refer to, and nothing else by that.
    let policy = |of: u8| change("ip_policy", id(Prefix::IpPolicy, of), of, 1, Some(&json!({})));
    node.apply([policy(2)]);
    assert_eq!(of(&node, 1), after[0]);
    assert!(of(&node, 2) > after[1]);
    let before = both(&node);
    node.apply([policy(3)]);
    let after = both(&node);
    assert!(after[0] > before[0] && after[1] > before[1]);
    node.rail(1, &everything(), &json!({"mode": "off"}));
    assert!(of(&node, 1) > after[0]);
    assert_eq!(of(&node, 2), after[1]);
}

#[test]
fn the_outermost_goes_first_and_other_organisations_are_not_touched() {
    let mut node = Node::new();
    assert!(!node.config.told.has_guardrails());
    let before = node.config.told.networks_generation();
    node.rail(1, &json!({"domains": ["app.example.com"]}), &json!({"priority": 0}));
    node.rail(2, &json!({"domains": ["*.example.com"]}), &json!({}));
    node.rail(3, &json!({"domains": ["*.com"]}), &json!({}));
    node.rail(4, &everything(), &json!({"priority": 7}));
    node.rail(
        5,
        &json!({"endpoints": "endpoint.port == 443"}),
        &json!({"priority": 6}),
    );
    node.rail(6, &everything(), &json!({"mode": "off"}));
    assert!(
        node.config.told.networks_generation() > before,
        "who passed before is asked again"
    );
    assert_eq!(node.around(1, APP), [5, 4, 1, 2, 3]);
    assert_eq!(node.around(1, "https://other.example.com"), [5, 4, 2, 3]);
    assert_eq!(node.around(1, "tcp://1.tcp.example.net:20000"), [5, 4]);
    assert_eq!(
        node.asked(1, "https://*.example.com", "app.example.com"),
        [5, 4, 1, 2, 3]
    );
    assert_eq!(node.asked(1, "https://*.example.com", "x.example.com"), [5, 4, 2, 3]);
    assert_eq!(node.around(2, APP), [0; 0]);
    // Those of the operators for everybody come before all.
    node.apply([rail(
        7,
        9,
        1,
        &everything(),
        &json!({"installation": true, "priority": 900}),
    )]);
    assert_eq!(node.around(1, APP), [7, 5, 4, 1, 2, 3]);
    assert_eq!(node.around(2, APP), [7]);
    let gone = |number| change("guardrail", id(Prefix::Guardrail, number), 1, 1, None);
    assert_eq!(node.apply([gone(7), gone(4), gone(5)]), []);
    assert_eq!((node.around(1, APP), node.around(2, APP)), (vec![1, 2, 3], vec![]));
}

#[test]
fn a_setting_puts_one_around_everything() {
    let mut node = Node::new();
    node.rail(1, &json!({"domains": ["elsewhere.example.com"]}), &json!({}));
    let organization = |ids: Value| {
        let body = json!({"name": "o", "settings": {"default_guardrails": ids}});
        change("organization", id(Prefix::Account, 1), 1, 1, Some(&body))
    };
    assert_eq!(node.around(1, APP), [0; 0]);
    node.apply([organization(json!([id(Prefix::Guardrail, 1).to_string()]))]);
    assert_eq!(node.around(1, APP), [1]);
    node.apply([organization(json!([]))]);
    assert_eq!(node.around(1, APP), [0; 0]);
}

#[test]
fn what_cannot_be_read_lets_nobody_pass() {
    let mut node = Node::new();
    node.rail(1, &everything(), &json!({}));
    assert!(node.only(APP).policy.is_some());
    for (broken, reason) in [
        (json!({"policy": "on_http_request: [1]"}), "policy: "),
        (
            json!({"policy": "on_http_request: [{actions: [{type: forward-internal, config: {url: \"https://a.internal\"}}]}]"}),
            "policy: ",
        ),
        (json!({"mode": "strict"}), "mode: "),
        (json!({"scope": {"planets": ["mars"]}}), "scope: "),
        (json!({"scope": {"endpoints": "nosuch(1)"}}), "scope.endpoints: "),
        (json!({"require": [{"has_colour": "red"}]}), "require: "),
    ] {
        let wrong = node.rail(1, &everything(), &broken);
        assert!(
            wrong.len() == 1 && wrong[0].error.starts_with(reason),
            "{broken}: {wrong:?}"
        );
        let guardrail = node.only(APP);
        assert!(guardrail.policy.is_none() && !guardrail.dry_run, "{broken}");
    }
    // Of those it is about, no more.
    node.rail(
        1,
        &json!({"domains": ["app.example.com"]}),
        &json!({"policy": "on_http_request: [1]"}),
    );
    assert_eq!(node.around(1, "https://other.example.com"), [0; 0]);
    let wrong = node.apply([rail(1, 1, 99, &everything(), &json!({"mode": "dry_run"}))]);
    assert!(wrong[0].error.contains("newer version"), "{wrong:?}");
    assert!(node.only(APP).policy.is_none() && !node.only(APP).dry_run);
    // One that refuses nobody does not begin to because it is broken.
    node.rail(
        1,
        &everything(),
        &json!({"mode": "dry_run", "policy": "on_http_request: [1]"}),
    );
    assert!(node.only(APP).dry_run);
    assert_eq!(node.rail(1, &everything(), &json!({})), []);
    assert!(node.only(APP).policy.is_some(), "the next good change is in force");
}

#[test]
fn requirements_and_exceptions_are_those_of_the_endpoint() {
    let mut node = Node::new();
    let exceptions = json!([
        {"endpoint_url": APP, "rule_id": "no", "reason": "r", "expires_at": "2030-01-01T00:00:00Z"},
        {"endpoint_url": "https://other.example.com:8443", "rule_id": "more", "reason": "r", "expires_at": null},
    ]);
    let more = json!({
        "exceptions": exceptions,
        "require": [{"has_action": "basic-auth"}],
        "required_at": "2026-12-01T00:00:00Z",
        "grace": 60,
    });
    node.rail(1, &everything(), &more);
    let guardrail = node.only(APP);
    let now = guardrail.requires_from;
    assert_eq!(now, 1_796_083_260_000_000);
    let exempt = |url: &str, host: &str, now| {
        let url = EndpointUrl::from_canonical(url, Binding::Public).unwrap();
        let host = if host.is_empty() { url.host().as_str() } else { host };
        guardrail
            .exempt(&Place { url: &url, host }, now)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(exempt(APP, "", now), ["no"]);
    assert_eq!(exempt("https://*.example.com", "app.example.com", now), ["no"]);
    assert_eq!(exempt(APP, "", 2_000_000_000_000_000), [""; 0], "it has ended");
    assert_eq!(exempt("http://app.example.com", "", now), [""; 0]);
    assert_eq!(exempt("https://other.example.com:8443", "", now), ["more"]);
    assert_eq!(exempt("https://other.example.com", "", now), [""; 0]);
    assert_eq!(exempt("https://app.example.com.example.net", "", now), [""; 0]);
    assert_eq!(
        guardrail.unmet(None),
        Some(&Requirement::HasAction("basic-auth".to_owned()))
    );
    let mut more = more;
    more["mode"] = "dry_run".into();
    node.rail(1, &everything(), &more);
    assert_eq!(node.only(APP).unmet(None), None);
}
