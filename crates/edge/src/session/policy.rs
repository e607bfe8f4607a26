//! The traffic policies that come with binds: read, checked and compiled before the table of sessions is locked, since
//! it may take milliseconds.

use std::sync::{Mutex, PoisonError};

use adit_cluster::{BoundPolicy, Proto};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Address, Binding, Scheme};
use adit_policy::{Fault, References, Subject};
use adit_protocol::bind_address;
use adit_protocol::message::Bind;
use adit_snapshot::{EdgeConfig, Policies};
use serde_json::Value;

use super::address;
use super::options;
use super::refusal::Refusal;

/// For what a policy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct For {
    pub(crate) scheme: Scheme,
    pub(crate) internal: bool,
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
}

/// The policy of a bind, as text, and what it is for; `None` if it brings none.
///
/// # Errors
/// 9025 for one of each kind; what a bind with such options would be refused with.
pub(crate) fn of_bind(bind: &Bind, config: &EdgeConfig) -> Result<Option<(String, For)>, Refusal> {
    let (scheme, proto) = options::scheme_of(&bind.proto)?;
    // Options that cannot be read are refused with the whole of the bind.
    let (old, text) = match proto {
        Proto::Http | Proto::Https => bind.http_opts().map(|o| (o.policy, o.traffic_policy)),
        Proto::Tcp => bind.tcp_opts().map(|o| (o.policy, o.traffic_policy)),
        Proto::Tls => bind.tls_opts().map(|o| (o.policy, o.traffic_policy)),
    }
    .unwrap_or_default();
    let old = old.filter(|policy| !is_empty(policy));
    let text = text.filter(|text| !text.trim().is_empty());
    let text = match (old, text) {
        (Some(_), Some(_)) => return Err(Refusal::new(ErrorCode::NGROK_9025, &[])),
        (Some(old), None) => old.to_string(),
        (None, Some(text)) => text,
        (None, None) => return Ok(None),
    };
    let rules = address::url_rules(config).ok();
    let asked = rules.and_then(|rules| bind_address::select(bind, None, false, &rules).ok());
    let internal = matches!(asked.map(|a| a.address), Some(Address::Url(url)) if url.binding() == Binding::Internal);
    Ok(Some((text, For { scheme, internal })))
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

/// Compiles a policy; one without a rule is none.
///
/// # Errors
/// 9026 with the first fault and its place.
pub(crate) fn compile(
    policies: &Mutex<Policies>,
    config: &EdgeConfig,
    organization: &str,
    text: &str,
    is_for: For,
) -> Result<Option<BoundPolicy>, Refusal> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let known = Known { config, organization };
    let subject = Subject {
        internal: is_for.internal,
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
    let policy = policies.compile(text, subject).map_err(refused)?;
    Ok(Some(BoundPolicy {
        text: text.into(),
        policy,
    }))
}

#[cfg(test)]
mod tests {
    use adit_snapshot::SealKey;
    use serde_json::json;

    use super::*;

    fn compiled(text: &str) -> Result<Option<BoundPolicy>, Refusal> {
        let config = EdgeConfig::new("adit.example.com", SealKey([0; 32]));
        let is_for = For {
            scheme: Scheme::Https,
            internal: false,
        };
        compile(&Mutex::default(), &config, "ac_1", text, is_for)
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
        assert_eq!(
            of(json!({ "Policy": { "Inbound": [], "Outbound": null } })).unwrap(),
            None
        );
        let old = json!({ "Inbound": [{ "Actions": [{ "Type": "deny" }] }] });
        let (text, is_for) = of(json!({ "Policy": old, "URL": "https://a.internal" }))
            .unwrap()
            .unwrap();
        assert!(text.contains("deny") && is_for.internal, "{text} {is_for:?}");
        let both = of(json!({ "Policy": old, "TrafficPolicy": "on_http_request: [1]" }));
        assert_eq!(both.unwrap_err().code(), ErrorCode::NGROK_9025);
    }
}
