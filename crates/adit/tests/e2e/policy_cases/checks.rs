//! What is wrong with documents, as the API says it.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::case::Case;
use super::world::World;
use crate::harness::Visitor;

/// What a case refers to is made; its document with the names that things have here.
pub(super) struct Made<'w> {
    world: &'w World,
    visitor: Option<Visitor>,
    vaults: HashMap<String, Value>,
    secrets: HashMap<(String, String), Value>,
    ip_policies: HashMap<String, String>,
}

impl<'w> Made<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Self {
            world,
            visitor: None,
            vaults: HashMap::new(),
            secrets: HashMap::new(),
            ip_policies: HashMap::new(),
        }
    }

    fn make(&mut self, path: &str, body: &Value) -> Value {
        let (status, made) = self.world.api(&mut self.visitor, path, body);
        assert_eq!(status, 201, "{path}: {made}");
        made
    }

    /// Makes the secrets and IP policies of a case.
    pub(super) fn references(&mut self, case: &mut Case) {
        let whole = case.whole.clone();
        for (vault, secrets) in whole["secrets"].as_object().into_iter().flatten() {
            if !self.vaults.contains_key(vault) {
                let made = self.make("/vaults", &json!({"name": vault}));
                self.vaults.insert(vault.clone(), made["id"].clone());
            }
            for (name, value) in secrets.as_object().into_iter().flatten() {
                let key = (vault.clone(), name.clone());
                if let Some(known) = self.secrets.get(&key) {
                    assert_eq!(known, value, "two cases give a secret different values");
                    continue;
                }
                let body = json!({"name": name, "value": value, "vault_id": self.vaults[vault]});
                self.make("/vault_secrets", &body);
                self.secrets.insert(key, value.clone());
            }
        }
        let mut text = whole.to_string();
        for (name, lists) in whole["ip_policies"].as_object().into_iter().flatten() {
            let key = format!("{name} {lists}");
            if !self.ip_policies.contains_key(&key) {
                let made = self.make("/ip_policies", &json!({}));
                let id = made["id"].as_str().unwrap().to_owned();
                for action in ["allow", "deny"] {
                    for cidr in lists[action].as_array().into_iter().flatten() {
                        let body = json!({"ip_policy_id": id, "cidr": cidr, "action": action});
                        self.make("/ip_policy_rules", &body);
                    }
                }
                self.ip_policies.insert(key.clone(), id);
            }
            text = text.replace(name.as_str(), &self.ip_policies[&key]);
        }
        case.whole = serde_json::from_str(&text).unwrap();
    }

    /// An expression that has to be refused.
    pub(super) fn refuses(&mut self, case: &Case) -> Vec<String> {
        let phase = case.whole["phase"].as_str().unwrap_or("on_http_request");
        let said = |text: &str| json!([{"type": "log", "config": {"metadata": {"a": text}}}]);
        let (rule, path) = match (case.whole["expr"].as_str(), case.whole["template"].as_str()) {
            (Some(expr), _) => (json!({"expressions": [expr], "actions": said("b")}), "expressions[0]"),
            (None, Some(template)) => (json!({"actions": said(template)}), "actions[0].config.metadata.a"),
            (None, None) => return vec!["neither expression nor template".to_owned()],
        };
        let policy = json!({phase: [rule]});
        let body = json!({"traffic_policy": policy.to_string()});
        let (status, report) = self.world.api(&mut self.visitor, "/adit/policy/check", &body);
        let path = format!("{phase}[0].{path}");
        let is_refused = status == 200 && report["errors"][0]["path"] == path.as_str();
        if is_refused {
            Vec::new()
        } else {
            vec![format!("it was taken: {report}")]
        }
    }

    /// Asks what is wrong with a document.
    pub(super) fn check(&mut self, case: &Case) -> Vec<String> {
        let url = case.whole["endpoint"]["url"]
            .as_str()
            .unwrap_or("https://app.example.com");
        let kind = case.whole["endpoint"]["type"].as_str().unwrap_or("agent");
        let body = json!({"traffic_policy": case.policy(), "url": url, "type": kind});
        let (status, report) = self.world.api(&mut self.visitor, "/adit/policy/check", &body);
        if status != 200 {
            return vec![format!("{status}: {report}")];
        }
        let mut wrong = Vec::new();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let fits = |expected: &Value, found: &Value| {
            let keys = ["path", "code", "line", "column"];
            keys.iter()
                .all(|key| expected.get(*key).is_none_or(|value| *value == found[*key]))
        };
        let expected = list(&case.whole["expect"]["errors"]);
        let found = list(&report["errors"]);
        for error in &expected {
            if !found.iter().any(|known| fits(error, known)) {
                wrong.push(format!("expected {error}, got {found:?}"));
            }
        }
        for error in &found {
            if !expected.iter().any(|known| fits(known, error)) {
                wrong.push(format!("not expected: {error}"));
            }
        }
        let warnings = list(&report["warnings"]);
        for warning in list(&case.whole["expect"]["warnings"]) {
            if !warnings.iter().any(|known| fits(&warning, known)) {
                wrong.push(format!("expected the warning {warning}, got {warnings:?}"));
            }
        }
        wrong
    }
}
