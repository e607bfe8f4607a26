//! What the tests of the model share: a context, ids, short ways to make and change objects.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several test files"
)]

use adit_model::{Context, Kind, Object, Prepared, Problems, View, catalogue, draft, show};
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value, json};

pub(crate) fn ctx() -> Context {
    Context {
        now: 1_795_000_000_000_000,
        base_domain: "adit.example.com".to_owned(),
        private_suffixes: vec!["corp".to_owned()],
        https_port: 443,
        http_port: 80,
        tcp_ports: Some((20_000, 20_009)),
        acme: false,
        organization: id(Prefix::Account, 1),
        is_operators: false,
        principal: Some(id(Prefix::User, 2)),
    }
}

pub(crate) fn id(prefix: Prefix, n: u8) -> Id {
    Id::new(prefix, 1_795_000_000, [n; 16])
}

pub(crate) fn kind(name: &str) -> &'static Kind {
    catalogue::by_name(name).unwrap_or_else(|| panic!("no kind {name}"))
}

pub(crate) fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

pub(crate) fn create(name: &str, body: Value) -> Result<Prepared, Problems> {
    create_as(name, false, body)
}

/// Through the surface with additions where that is asked for, or the kind has no other.
pub(crate) fn create_as(name: &str, additions: bool, body: Value) -> Result<Prepared, Problems> {
    let kind = kind(name);
    let owner = Some(id(Prefix::User, 2));
    draft::create(kind, additions, &map(body), id(kind.prefix, 9), owner, &ctx())
}

pub(crate) fn made(name: &str, body: Value) -> Object {
    stored(create_as(name, true, body).unwrap())
}

/// As the store gives it back.
pub(crate) fn stored(prepared: Prepared) -> Object {
    let mut object = prepared.object;
    object.revision = 1;
    object
}

pub(crate) fn update(object: &Object, patch: Value) -> Result<Option<Prepared>, Problems> {
    draft::update(kind(&object.kind), true, object, &map(patch), &[], &ctx())
}

pub(crate) fn view(additions: bool) -> View<'static> {
    View {
        url: "https://api.example.com",
        additions,
        base_domain: "adit.example.com",
    }
}

pub(crate) fn shown(object: &Object, additions: bool) -> Value {
    show(kind(&object.kind), object, &view(additions))
}

/// `field code` of every problem.
pub(crate) fn blamed(result: Result<impl std::fmt::Debug, Problems>) -> Vec<String> {
    let problems = result.unwrap_err().0;
    for problem in &problems {
        let text = problem.message();
        let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
        let is_open = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
        let open = names.map(|(name, _)| name).any(is_open);
        assert!(!open, "{}: a placeholder is not filled: {text}", problem.code);
    }
    problems
        .iter()
        .map(|p| format!("{} {}", p.field, p.code.number()))
        .collect()
}

/// A body with what the kind requires, and a value for most of what is optional.
pub(crate) fn sample(name: &str) -> Value {
    let text = |prefix: Prefix| id(prefix, 1).to_string();
    match name {
        "agent_ingress" => json!({"domain": "connect.example.com", "description": "d"}),
        "api_key" => json!({"description": "d", "expires_at": "2027-01-01T00:00:00Z"}),
        "tls_certificate" => {
            let (certificate, key) = certificate("www.example.com");
            json!({"certificate_pem": certificate, "private_key_pem": key})
        }
        "certificate_authority" => json!({"ca_pem": authority("Example").0}),
        "credential" => json!({"acl": ["bind:*.example.com"], "max_sessions": 3}),
        "endpoint" => json!({"url": "https://app.adit.example.com", "traffic_policy": "on_http_request: []\n"}),
        "endpoint_pool" => json!({"url": "https://app.adit.example.com"}),
        "guardrail" => json!({
            "name": "office only",
            "policy": "on_http_request:\n  - id: office\n    actions: [{type: deny}]\n",
            "scope": {"domains": ["*.example.com"]},
            "mode": "enforce",
        }),
        "invitation" => json!({"email": "eva@example.com", "role_ids": ["viewer"]}),
        "ip_policy" => json!({"description": "office"}),
        "ip_policy_rule" => {
            json!({"cidr": "10.0.0.0/8", "ip_policy_id": text(Prefix::IpPolicy), "action": "allow"})
        }
        "ip_restriction" => json!({"type": "api", "ip_policy_ids": [text(Prefix::IpPolicy)]}),
        "member" => json!({"user_id": text(Prefix::User), "role_ids": ["developer"]}),
        "organization" => json!({"name": "Example", "limits": {"endpoints": 7}}),
        "reserved_addr" => json!({"description": "db"}),
        "reserved_domain" => json!({"domain": "*.example.org", "certificate_id": text(Prefix::Certificate)}),
        "role" => json!({"name": "deploy", "permissions": ["endpoints:read"]}),
        "secret" => json!({"name": "key", "value": "hunter2", "vault_id": text(Prefix::Vault)}),
        "service_user" => json!({"name": "ci"}),
        "user" => json!({"email": "Eva@Example.com", "name": "Eva"}),
        "vault" => json!({"name": "prod-vault"}),
        other => panic!("no sample for {other}"),
    }
}

/// As [`sample`], made.
pub(crate) fn object(name: &str) -> Object {
    made(name, sample(name))
}

/// A certificate for this name that has signed itself, and its key.
pub(crate) fn certificate(name: &str) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// The certificate of an authority, and its key.
pub(crate) fn authority(name: &str) -> (String, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = authority_params(name).self_signed(&key).unwrap();
    (certificate.pem(), key)
}

pub(crate) fn authority_params(name: &str) -> rcgen::CertificateParams {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    params
}
