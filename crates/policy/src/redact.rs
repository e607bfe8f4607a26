//! What is told of an exchange, without secrets (traffic policy 6.3, 7.3): the values of secrets that policies name, and
//! what stands under names that hold credentials, become `***`.

use serde_json::Value as Json;

use crate::compile::Policy;
use crate::value::Value;
use crate::view::Tables;

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// What stands under a name, or is read by an expression, with one of these words is not told; in lower case.
const WORDS: [&str; 8] = [
    "authorization",
    "cookie",
    "api-key",
    "api_key",
    "token",
    "password",
    "secret",
    "signature",
];

/// Which texts are secrets.
#[derive(Default)]
pub struct Redaction<'a> {
    secrets: Vec<&'a str>,
}

impl std::fmt::Debug for Redaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction").finish_non_exhaustive()
    }
}

impl<'a> Redaction<'a> {
    /// The secrets that a policy names, with the values that they have now, are hidden as well.
    pub fn hide(&mut self, policy: &Policy, tables: &'a dyn Tables) {
        for (vault, name) in policy.secrets() {
            if let Some(secret) = tables.secret(vault, name).filter(|secret| !secret.is_empty())
                && !self.secrets.contains(&secret)
            {
                self.secrets.push(secret);
            }
        }
        // One may be a part of another.
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// The text with secrets replaced.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
    }

    /// The value as JSON, likewise.
    #[must_use]
    pub fn value(&self, value: &Value) -> Json {
        self.json(value.to_json())
    }

    /// The value of this name, likewise.
    #[must_use]
    pub fn named(&self, name: &str, value: &Value) -> Json {
        self.under(name, value.to_json())
    }

    fn under(&self, name: &str, json: Json) -> Json {
        // How many tokens there are is no token.
        let is_plain = json.is_number() || json.is_boolean() || json.is_null();
        if !is_plain && names_credential(name) {
            return HIDDEN.into();
        }
        self.json(json)
    }

    /// JSON, likewise.
    #[must_use]
    pub fn json(&self, json: Json) -> Json {
        match json {
            Json::String(text) => self.text(&text).into(),
            Json::Array(list) => list.into_iter().map(|item| self.json(item)).collect(),
            Json::Object(map) => {
                let fields = map.into_iter().map(|(name, value)| {
                    let value = self.under(&name, value);
                    (self.text(&name), value)
                });
                Json::Object(fields.collect())
            }
            other => other,
        }
    }
}

/// Is it a name, or what an expression reads, whose value is not told? `actions.ngrok.oauth.access_token` is, as well as
/// `Cookie` and `req.headers['x-auth-token'][0]`.
pub(crate) fn names_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use adit_names::endpoint_url::Scheme;
    use serde_json::json;

    use super::*;
    use crate::subject::Subject;
    use crate::view::IpPolicy;

    struct Vault;

    impl Tables for Vault {
        fn secret(&self, vault: &str, name: &str) -> Option<&str> {
            match (vault, name) {
                ("v", "long") => Some("hush-hush"),
                ("v", "short") => Some("hush"),
                _ => None,
            }
        }
        fn ip_policy(&self, _: &str) -> Option<&IpPolicy> {
            None
        }
    }

    #[test]
    fn secrets_and_credentials_are_not_told() {
        let text = "on_http_request:\n  - expressions: [\"secrets.get('v', 'long') != ''\"]\n    actions:\n      - type: log\n        config: {metadata: {a: \"${secrets.get('v', 'short')} ${secrets.get('v', 'none')}\"}}\n";
        let policy = crate::compile(text, Subject::agent(Scheme::Https)).unwrap();
        let mut redaction = Redaction::default();
        redaction.hide(&policy, &Vault);
        let value = Value::record([
            ("a", Value::from("x hush-hush y hush")),
            ("hush", Value::from("z")),
            ("Authorization", Value::List(vec![Value::from("Basic abc")])),
            ("n", Value::Int(1)),
        ]);
        assert_eq!(
            redaction.value(&value),
            json!({"a": "x *** y ***", "***": "z", "Authorization": "***", "n": 1})
        );
        assert_eq!(redaction.named("ngrok.oauth.access_token", &value), json!("***"));
        assert_eq!(redaction.named("vars.x", &Value::from("hush")), json!("***"));
        assert_eq!(redaction.named("tokens_used", &Value::Int(7)), json!(7));
        let read = "req.headers['x-auth-token'][0]";
        assert_eq!(redaction.named(read, &Value::from("abc")), json!("***"));
    }
}
