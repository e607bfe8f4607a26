//! The traffic policies that come with binds: read, checked and compiled before the table of sessions is locked, since
//! it may take milliseconds.

use std::sync::{Arc, Mutex, PoisonError};

use adit_cluster::{BoundPolicy, Proto};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Address, Binding, Scheme};
use adit_policy::{Fault, Modules, Owner, Phase, Policy, References, Subject};
use adit_protocol::bind_address;
use adit_protocol::message::Bind;
use adit_snapshot::{EdgeConfig, Policies};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::address;
use super::modules;
use super::options;
use super::refusal::Refusal;

/// Bytes of a policy's mark: so many that nobody finds another policy with the same one.
const MARK: usize = 16;

/// For what a policy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct For {
    pub(crate) scheme: Scheme,
    pub(crate) internal: bool,
}

/// What is to be compiled.
#[derive(Clone, Debug)]
pub(crate) struct Brought {
    /// The policy; may be empty.
    pub(crate) text: String,
    /// Options from before traffic policies.
    pub(crate) modules: Arc<Modules>,
    pub(crate) is_for: For,
}

/// What the policies of an organisation may refer to.
struct Known<'a> {
    config: &'a EdgeConfig,
    organization: &'a str,
}

impl References for Known<'_> {
    fn has_secret(&self, vault: &str, name: &str) -> bool {
        self.config.told.secret(self.organization, vault, name).is_some()
    }

    fn has_ip_policy(&self, id: &str) -> bool {
        let told = &self.config.told;
        id.parse()
            .is_ok_and(|id| told.ip_policy(id, self.organization).is_some())
    }

    fn has_authority(&self, id: &str) -> bool {
        self.config.told.authority(id, self.organization).is_some()
    }
}

/// The policy of a bind with the options that become part of it; `None` if it brings none.
///
/// # Errors
/// 9025 for a policy of each kind; what a bind with such options is refused with.
pub(crate) fn of_bind(bind: &Bind, config: &EdgeConfig) -> Result<Option<Brought>, Refusal> {
    let (scheme, proto) = options::scheme_of(&bind.proto)?;
    // Options that cannot be read are refused with the whole of the bind.
    let (old, text, modules) = match proto {
        Proto::Http | Proto::Https => {
            let opts = bind.http_opts().unwrap_or_default();
            let modules = modules::of_http(&opts)?;
            (opts.policy, opts.traffic_policy, modules)
        }
        Proto::Tcp => {
            let opts = bind.tcp_opts().unwrap_or_default();
            let modules = modules::of_networks(opts.ip_restriction.as_ref())?;
            (opts.policy, opts.traffic_policy, modules)
        }
        Proto::Tls => {
            let opts = bind.tls_opts().unwrap_or_default();
            let modules = modules::of_networks(opts.ip_restriction.as_ref())?;
            (opts.policy, opts.traffic_policy, modules)
        }
    };
    let old = old.filter(|policy| !is_empty(policy));
    let text = text.filter(|text| !text.trim().is_empty());
    let text = match (old, text) {
        (Some(_), Some(_)) => return Err(Refusal::new(ErrorCode::NGROK_9025, &[])),
        (Some(old), None) => old.to_string(),
        (None, Some(text)) => text,
        (None, None) if modules.is_empty() => return Ok(None),
        (None, None) => String::new(),
    };
    let rules = address::url_rules(config).ok();
    let asked = rules.and_then(|rules| bind_address::select(bind, None, false, &rules).ok());
    let internal = matches!(asked.map(|a| a.address), Some(Address::Url(url)) if url.binding() == Binding::Internal);
    Ok(Some(Brought {
        text,
        modules: Arc::new(modules),
        is_for: For { scheme, internal },
    }))
}

/// An old policy object that says nothing.
fn is_empty(policy: &Value) -> bool {
    match policy {
        Value::Null => true,
        Value::Object(map) => map
            .values()
            .all(|rules| rules.is_null() || rules.as_array().is_some_and(Vec::is_empty)),
        _ => false,
    }
}

/// Compiles what an endpoint brought; that without a rule is none. Rules of options from before traffic policies stand
/// around the policy: what lets in before it, what changes responses behind it (agent protocol 3.6).
///
/// # Errors
/// 9026 with the first fault and its place; for an option the code of its row.
pub(crate) fn compile(
    policies: &Mutex<Policies>,
    config: &EdgeConfig,
    organization: &str,
    brought: &Brought,
) -> Result<Option<BoundPolicy>, Refusal> {
    let Brought { text, modules, is_for } = brought;
    let own = compile_own(policies, config, organization, text, *is_for)?;
    let subject = Subject {
        owner: Owner::Generated,
        internal: is_for.internal,
        actions: config.actions(),
        ..Subject::agent(is_for.scheme)
    };
    let is_http = matches!(is_for.scheme, Scheme::Http | Scheme::Https);
    let head = modules::compile(policies, &modules.head(is_http, is_for.internal), subject)?;
    let tail = modules::compile(policies, &modules.tail(), subject)?;
    let changes_responses = tail.as_ref().is_some_and(|tail| !tail.is_idle(Phase::HttpResponse));
    if changes_responses && own.as_ref().is_some_and(|own| own.replaces_responses()) {
        // The options would not be applied to such a response.
        return Err(Refusal::with_text(
            ErrorCode::NGROK_9026,
            "Options that change responses cannot stand beside a policy whose on_http_response has custom-response: write them into the policy.",
        ));
    }
    let text: Arc<str> = if own.is_some() { text.as_str().into() } else { "".into() };
    let mut parts: Vec<Arc<Policy>> = [head, own, tail].into_iter().flatten().collect();
    let policy = match (parts.pop(), parts.is_empty()) {
        (None, _) => return Ok(None),
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            Arc::new(Policy::joined(&parts))
        }
    };
    Ok(Some(BoundPolicy {
        text,
        modules: modules.clone(),
        policy,
    }))
}

/// By what a policy with its options is known again when its endpoint returns; empty without one. In sealed cookies only.
pub(crate) fn mark(policy: Option<&BoundPolicy>) -> String {
    let Some(policy) = policy else {
        return String::new();
    };
    let modules = &policy.modules;
    let all = [
        policy.text.to_string(),
        modules.head(true, false).to_string(),
        modules.tail().to_string(),
    ];
    let digest = digest(&SHA256, all.join("\0").as_bytes());
    URL_SAFE_NO_PAD.encode(digest.as_ref().get(..MARK).unwrap_or_default())
}

/// The policy that the agent wrote.
fn compile_own(
    policies: &Mutex<Policies>,
    config: &EdgeConfig,
    organization: &str,
    text: &str,
    is_for: For,
) -> Result<Option<Arc<Policy>>, Refusal> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let known = Known { config, organization };
    let subject = Subject {
        internal: is_for.internal,
        actions: config.actions(),
        ..Subject::agent(is_for.scheme)
    };
    let refused = |faults: Vec<Fault>| {
        let first = faults.first().map(ToString::to_string).unwrap_or_default();
        Refusal::with_text(ErrorCode::NGROK_9026, format!("The traffic policy is wrong: {first}"))
    };
    // References are this organisation's, what is compiled is everybody's.
    let checked = adit_policy::check(text, subject.with_references(&known)).map_err(refused)?;
    if checked.empty {
        return Ok(None);
    }
    let mut policies = policies.lock().unwrap_or_else(PoisonError::into_inner);
    policies.compile(text, subject).map(Some).map_err(refused)
}

#[cfg(test)]
mod tests {
    use adit_snapshot::SealKey;
    use serde_json::json;

    use super::*;

    fn compiled(text: &str) -> Result<Option<BoundPolicy>, Refusal> {
        let config = EdgeConfig::new("adit.example.com", SealKey([0; 32]));
        let brought = Brought {
            text: text.to_owned(),
            modules: Arc::default(),
            is_for: For {
                scheme: Scheme::Https,
                internal: false,
            },
        };
        compile(&Mutex::default(), &config, "ac_1", &brought)
    }

    #[test]
    fn a_policy_without_rules_is_none_and_a_wrong_one_is_refused_with_its_place() {
        for empty in ["", " \n", "{}", "null", "on_http_request: []", "{\"inbound\":[]}"] {
            assert_eq!(compiled(empty).unwrap(), None, "{empty:?}");
        }
        let deny = "on_http_request:\n  - actions:\n      - type: deny\n";
        assert_eq!(&*compiled(deny).unwrap().unwrap().text, deny);
        let wrong = compiled(&deny.replace("deny", "denied")).unwrap_err();
        assert_eq!(wrong.code(), ErrorCode::NGROK_9026);
        assert!(
            wrong.text().contains("on_http_request[0].actions[0].type, line 3"),
            "{wrong}"
        );
        let foreign =
            "on_http_request:\n  - actions:\n      - type: restrict-ips\n        config: {ip_policies: [ipp_x]}\n";
        assert!(compiled(foreign).unwrap_err().text().contains("no IP policy"));
    }

    #[test]
    fn a_bind_brings_one_policy_in_one_of_two_forms() {
        let config = EdgeConfig::new("adit.example.com", SealKey([0; 32]));
        let bind = |opts: Value| Bind {
            proto: "https".to_owned(),
            opts,
            ..Bind::default()
        };
        let of = |opts: Value| of_bind(&bind(opts), &config);
        assert!(
            of(json!({ "Policy": { "Inbound": [], "Outbound": null } }))
                .unwrap()
                .is_none()
        );
        let old = json!({ "Inbound": [{ "Actions": [{ "Type": "deny" }] }] });
        let brought = of(json!({ "Policy": old, "URL": "https://a.internal" }))
            .unwrap()
            .unwrap();
        assert!(brought.text.contains("deny") && brought.is_for.internal, "{brought:?}");
        let both = of(json!({ "Policy": old, "TrafficPolicy": "on_http_request: [1]" }));
        assert_eq!(both.unwrap_err().code(), ErrorCode::NGROK_9025);
    }

    #[test]
    fn options_from_before_policies_stand_around_the_own_one() {
        let config = EdgeConfig::new("adit.example.com", SealKey([0; 32]));
        let bound = |proto: &str, opts: Value| {
            let bind = Bind {
                proto: proto.to_owned(),
                opts,
                ..Bind::default()
            };
            let Some(brought) = of_bind(&bind, &config)? else {
                return Ok(None);
            };
            compile(&Mutex::default(), &config, "ac_1", &brought)
        };
        let actions = |proto, opts| bound(proto, opts).unwrap().unwrap().policy.actions().to_vec();
        let options = json!({
            "UserAgentFilter": {"deny": ["(?i)bot"]},
            "CircuitBreaker": {"error_threshold": 0.5},
            "BasicAuth": {"credentials": [{"username": "u", "cleartext_password": "${long enough}"}]},
            "IPRestriction": {"allow_cidrs": ["10.1.2.3/8"], "deny_cidrs": ["10.0.0.1"]},
            "RequestHeaders": {"add": ["x-a: 1", "host:inner"], "remove": ["x-b"]},
            "ResponseHeaders": {"add": ["x-c:2"]},
            "TrafficPolicy": "on_http_request: [{actions: [{type: url-rewrite, config: {from: /a, to: /b}}]}]",
        });
        assert_eq!(
            actions("https", options.clone()),
            [
                "restrict-ips",
                "deny",
                "circuit-breaker",
                "basic-auth",
                "remove-headers",
                "add-headers",
                "url-rewrite"
            ]
        );
        let policy = bound("https", options.clone()).unwrap().unwrap();
        assert!(policy.text.contains("url-rewrite") && !format!("{policy:?}").contains("long enough"));
        // The same text alone is shown and compared apart from the options.
        let own = bound("https", json!({"TrafficPolicy": &*policy.text}))
            .unwrap()
            .unwrap();
        assert_eq!(own.text, policy.text);
        assert_ne!(own, policy);
        assert_eq!(policy, bound("https", options).unwrap().unwrap());
        let networks = json!({"IPRestriction": {"allow_cidrs": ["2001:db8::/32"]}});
        assert_eq!(actions("tcp", networks.clone()), ["restrict-ips"]);
        assert_eq!(actions("tls", networks.clone()), ["restrict-ips"]);
        let mut inside = networks;
        inside["URL"] = "https://a.internal".into();
        let inside = bound("https", inside).unwrap().unwrap();
        assert!(inside.policy.is_idle(Phase::TcpConnect) && inside.text.is_empty());
        assert_eq!(
            bound("https", json!({"RequestHeaders": {"add": ["host:inner"]}})).unwrap(),
            None
        );
        // What ends the phase stands behind the own rules, and changes no response.
        let converter = json!({
            "WebsocketTCPConverter": {},
            "BasicAuth": {"credentials": [{"username": "u", "cleartext_password": "long enough"}]},
            "TrafficPolicy": "{on_http_request: [{actions: [{type: url-rewrite, config: {from: /a, to: /b}}]}], on_http_response: [{actions: [{type: custom-response}]}]}",
        });
        assert_eq!(
            actions("https", converter),
            ["basic-auth", "url-rewrite", "custom-response", "websocket-tcp"]
        );
        let beside = json!({
            "ResponseHeaders": {"add": ["x-c:2"]},
            "TrafficPolicy": "on_http_response: [{actions: [{type: custom-response}]}]",
        });
        let refusal = bound("https", beside).unwrap_err();
        assert!(
            refusal.code() == ErrorCode::NGROK_9026 && refusal.text().contains("custom-response"),
            "{refusal}"
        );
    }
}
