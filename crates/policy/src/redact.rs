//! What is told of an exchange, without secrets (traffic policy 6.3, 7.3): the values of secrets that policies name, also
//! where they are written in base64, hexadecimal or with per cent signs, and what stands under names that hold credentials,
//! become `***`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
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

/// Bytes of a secret whose encoded forms are hidden as well: of a shorter one they would be found everywhere, and a longer
/// one is no key that is put into a header or a URL.
const ENCODED: std::ops::RangeInclusive<usize> = 4..=8192;
/// What stays as it is in every part of a URL (RFC 3986 2.3).
const URL: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same, and what the function of browsers leaves alone.
const COMPONENT: AsciiSet = URL.remove(b'!').remove(b'*').remove(b'\'').remove(b'(').remove(b')');
/// The same, and what a path may hold.
const PATH: AsciiSet = COMPONENT
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// Which texts are secrets.
#[derive(Default)]
pub struct Redaction<'a> {
    /// Values and their encoded forms, the longest first.
    secrets: Vec<Cow<'a, str>>,
}

impl std::fmt::Debug for Redaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction").finish_non_exhaustive()
    }
}

impl<'a> Redaction<'a> {
    /// The secrets that a policy names, with the values that they have now, are hidden as well.
    pub fn hide(&mut self, policy: &Policy, tables: &'a dyn Tables) {
        let before = self.secrets.len();
        for (vault, name) in policy.secrets() {
            let value = tables.secret(vault, name);
            // What stands in the place of one is no secret.
            let Some(secret) = value.filter(|secret| !secret.is_empty() && *secret != HIDDEN) else {
                continue;
            };
            if self.secrets.iter().any(|known| known == secret) {
                continue;
            }
            self.secrets.push(Cow::Borrowed(secret));
            if ENCODED.contains(&secret.len()) {
                self.secrets.extend(forms(secret).into_iter().map(Cow::Owned));
            }
        }
        if self.secrets.len() > before {
            // One may be a part of another.
            self.secrets
                .sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
            self.secrets.dedup();
        }
    }

    /// The text with secrets replaced.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut out = Cow::Borrowed(text);
        for secret in &self.secrets {
            if secret.len() <= out.len() && out.contains(&**secret) {
                out = Cow::Owned(out.replace(&**secret, HIDDEN));
            }
        }
        out.into_owned()
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

/// The forms in which a value is put into headers, URLs and documents.
fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut out = Vec::new();
    for alphabet in [&STANDARD, &URL_SAFE] {
        let padded = alphabet.encode(bytes);
        out.push(padded.trim_end_matches('=').to_owned());
        out.push(padded);
        // Between other bytes, as a password stands behind a name: the characters that are the secret's alone.
        for (before, shared) in [(0, 0), (1, 2), (2, 3)] {
            let within: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
            let whole = within.len() * 8 / 6;
            out.extend(alphabet.encode(&within).get(shared..whole).map(str::to_owned));
        }
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    out.push(hex.to_ascii_uppercase());
    out.push(hex);
    for set in [&URL, &COMPONENT, &PATH] {
        let escaped = percent_encode(bytes, set).to_string();
        // In forms a blank is a plus.
        out.push(escaped.replace("%20", "+"));
        out.push(in_lower_case(&escaped));
        out.push(in_lower_case(&escaped).replace("%20", "+"));
        out.push(escaped);
    }
    out.retain(|form| form != secret);
    out.sort_unstable();
    out.dedup();
    out
}

/// Digits behind per cent signs in lower case.
fn in_lower_case(escaped: &str) -> String {
    let mut left = 0_u8;
    let lower = |c: char| {
        if c == '%' {
            left = 2;
        } else if left > 0 {
            left -= 1;
            return c.to_ascii_lowercase();
        }
        c
    };
    escaped.chars().map(lower).collect()
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

    /// Of bytes that every form writes in its own way.
    const KEY: &str = "k y/+?>~\u{fc}z(1)";

    impl Tables for Vault {
        fn secret(&self, vault: &str, name: &str) -> Option<&str> {
            match (vault, name) {
                ("v", "long") => Some("hush-hush"),
                ("v", "short") => Some("hush"),
                ("v", "key") => Some(KEY),
                ("v", "stand in") => Some(HIDDEN),
                ("v", "tiny") => Some("ab"),
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
    #[test]
    fn secrets_are_not_told_in_another_form_either() {
        let text = "on_http_request:\n  - actions:\n      - type: log\n        config: {metadata: {a: \"${secrets.get('v', 'key')} ${secrets.get('v', 'stand in')} ${secrets.get('v', 'tiny')}\"}}\n";
        let policy = crate::compile(text, Subject::agent(Scheme::Https)).unwrap();
        let mut redaction = Redaction::default();
        redaction.hide(&policy, &Vault);
        let before = redaction.secrets.len();
        redaction.hide(&policy, &Vault);
        assert_eq!(redaction.secrets.len(), before, "each is hidden once");
        for form in [
            KEY,
            // base64 and its alphabet of URLs, with and without padding
            "ayB5Lys/Pn7DvHooMSk=",
            "ayB5Lys/Pn7DvHooMSk",
            "ayB5Lys_Pn7DvHooMSk=",
            "ayB5Lys_Pn7DvHooMSk",
            "6b20792f2b3f3e7ec3bc7a283129",
            "6B20792F2B3F3E7EC3BC7A283129",
            "k%20y%2F%2B%3F%3E~%C3%BCz%281%29",
            "k%20y%2f%2b%3f%3e~%c3%bcz%281%29",
            "k+y%2F%2B%3F%3E~%C3%BCz%281%29",
            "k+y%2f%2b%3f%3e~%c3%bcz%281%29",
            "k%20y%2F%2B%3F%3E~%C3%BCz(1)",
            "k%20y/+%3F%3E~%C3%BCz(1)",
        ] {
            assert_eq!(redaction.text(&format!("<{form}>")), "<***>", "{form}");
        }
        // Behind others: what is left of it is less than a byte at each end.
        for (before, behind) in [("u:", ""), ("us:", ""), ("use:", ""), ("us:", "!"), ("u:", "!!")] {
            let encoded = STANDARD.encode(format!("{before}{KEY}{behind}"));
            let told = redaction.text(&encoded);
            assert!(
                told.contains(HIDDEN) && told.len() <= encoded.len() - 14,
                "{encoded}: {told}"
            );
        }
        assert_eq!(
            redaction.text("YWI 6162 Kioq"),
            "YWI 6162 Kioq",
            "what is so short is everywhere"
        );
        assert_eq!(redaction.text("an ab"), "an ***");
    }
}
