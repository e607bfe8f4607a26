//! Module options of agents as policy (traffic policy 5, agent protocol 3.6): one translation into a document of the
//! language, so that what is shown is what runs.

use serde_json::{Value as Json, json};

/// What an agent may ask for besides a policy. Everything is literal text: `${` in it is no expression.
#[derive(Clone, Default, PartialEq)]
pub struct Modules {
    /// `compression`
    pub compression: bool,
    /// `circuit_breaker`: the error threshold.
    pub circuit_breaker: Option<f64>,
    /// `ip_restriction.allow_cidrs`
    pub allow_cidrs: Vec<String>,
    /// `ip_restriction.deny_cidrs`
    pub deny_cidrs: Vec<String>,
    /// `basic_auth`: user and password.
    pub basic_auth: Vec<(String, String)>,
    /// `oauth`
    pub oauth: Option<ModuleLogin>,
    /// `oidc`
    pub oidc: Option<ModuleLogin>,
    /// `verify_webhook`: provider and secret.
    pub webhook: Option<(String, String)>,
    /// `mutual_tls_cas`: PEM.
    pub mutual_tls_cas: Option<String>,
    /// `request_header`
    pub request_headers: ModuleHeaders,
    /// `response_header`
    pub response_headers: ModuleHeaders,
    /// `host_header`
    pub host_header: Option<String>,
    /// `user_agent_filter.allow`: patterns.
    pub user_agent_allow: Vec<String>,
    /// `user_agent_filter.deny`: patterns.
    pub user_agent_deny: Vec<String>,
    /// `websocket_tcp_converter`
    pub websocket_tcp: bool,
}

impl std::fmt::Debug for Modules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Passwords, secrets, values of headers.
        f.debug_struct("Modules").finish_non_exhaustive()
    }
}

/// A login as an option.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ModuleLogin {
    /// `provider` of OAuth, `issuer_url` of OpenID Connect.
    pub provider: String,
    /// Own application, if any.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Scopes.
    pub scopes: Vec<String>,
    /// Who may come; with domains empty too: everybody who is signed in.
    pub allow_emails: Vec<String>,
    /// Domains of e-mail addresses that may come.
    pub allow_domains: Vec<String>,
}

impl std::fmt::Debug for ModuleLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModuleLogin")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// Changes of headers as options: removed first, so that what is added replaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleHeaders {
    /// Names.
    pub remove: Vec<String>,
    /// Names and values.
    pub add: Vec<(String, String)>,
}

/// Headers of one action.
const MAX_HEADERS: usize = 64;

/// Text in which no expression is meant.
fn plain(text: &str) -> String {
    text.replace("${", "$${")
}

/// A string literal of the expression language.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\\' | '\'' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// A rule with one action.
fn rule(name: &str, kind: &str, config: &Json) -> Json {
    let empty = config.as_object().is_some_and(serde_json::Map::is_empty);
    if empty {
        json!({"name": name, "actions": [{"type": kind}]})
    } else {
        json!({"name": name, "actions": [{"type": kind, "config": config}]})
    }
}

impl ModuleHeaders {
    fn rules(&self, name: &str, out: &mut Vec<Json>) {
        for names in self.remove.chunks(MAX_HEADERS) {
            out.push(rule(name, "remove-headers", &json!({"headers": names})));
        }
        // A map has each name once; a name that is added twice takes another action.
        let mut maps: Vec<serde_json::Map<String, Json>> = Vec::new();
        for (name, value) in &self.add {
            let name = name.to_ascii_lowercase();
            let free = |map: &&mut serde_json::Map<String, Json>| map.len() < MAX_HEADERS && !map.contains_key(&name);
            match maps.iter_mut().find(free) {
                Some(map) => {
                    map.insert(name, Json::String(plain(value)));
                }
                None => maps.push([(name, Json::String(plain(value)))].into_iter().collect()),
            }
        }
        for map in maps {
            out.push(rule(name, "add-headers", &json!({"headers": map})));
        }
    }
}

impl ModuleLogin {
    fn rules(&self, kind: &str, results: &str, out: &mut Vec<Json>) {
        let mut config = serde_json::Map::new();
        let provider = if kind == "oauth" { "provider" } else { "issuer_url" };
        for (name, value) in [
            (provider, &self.provider),
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
        ] {
            if !value.is_empty() {
                config.insert(name.to_owned(), Json::String(plain(value)));
            }
        }
        if !self.scopes.is_empty() {
            config.insert("scopes".to_owned(), json!(self.scopes));
        }
        out.push(rule(kind, kind, &Json::Object(config)));
        if self.allow_emails.is_empty() && self.allow_domains.is_empty() {
            return;
        }
        let identity = format!("actions.ngrok.{results}.identity");
        let mut allowed = Vec::new();
        if !self.allow_emails.is_empty() {
            let emails: Vec<_> = self
                .allow_emails
                .iter()
                .map(|email| quoted(&email.to_lowercase()))
                .collect();
            allowed.push(format!("{identity}.email.lower() in [{}]", emails.join(", ")));
        }
        for domain in &self.allow_domains {
            let suffix = quoted(&format!("@{}", domain.trim_start_matches('@').to_lowercase()));
            allowed.push(format!("{identity}.email.lower().endsWith({suffix})"));
        }
        let expression = format!("!({identity}.email_verified && ({}))", allowed.join(" || "));
        out.push(json!({
            "name": format!("{kind}: who may come"),
            "expressions": [expression],
            "actions": [{"type": "deny"}],
        }));
    }
}

impl Modules {
    /// Is nothing asked for?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What runs before the endpoint's own policy, as a document for a subject owned by
    /// [`Owner::Generated`](crate::Owner::Generated). `http`: is it an HTTP endpoint? `internal`: is it one of `.internal`?
    /// Those have no visitors' connections: what is asked of connections is asked of requests there.
    #[must_use]
    pub fn head(&self, http: bool, internal: bool) -> Json {
        let mut connect = Vec::new();
        if !self.allow_cidrs.is_empty() || !self.deny_cidrs.is_empty() {
            let mut config = serde_json::Map::new();
            for (name, list) in [("allow", &self.allow_cidrs), ("deny", &self.deny_cidrs)] {
                if !list.is_empty() {
                    config.insert(
                        name.to_owned(),
                        json!(list.iter().map(|range| plain(range)).collect::<Vec<_>>()),
                    );
                }
            }
            connect.push(rule("ip restriction", "restrict-ips", &Json::Object(config)));
        }
        if let Some(pem) = &self.mutual_tls_cas {
            let config = json!({"mutual_tls_certificate_authorities": [plain(pem)]});
            connect.push(rule("mutual tls", "terminate-tls", &config));
        }
        let mut out = serde_json::Map::new();
        let mut request = Vec::new();
        if http && internal {
            request = connect;
        } else if !connect.is_empty() {
            out.insert("on_tcp_connect".to_owned(), Json::Array(connect));
        }
        if http {
            request.extend(self.request_rules());
            if !request.is_empty() {
                out.insert("on_http_request".to_owned(), Json::Array(request));
            }
        }
        Json::Object(out)
    }

    fn user_agent_rules(&self, out: &mut Vec<Json>) {
        let any = |patterns: &[String]| {
            let tests: Vec<_> = patterns
                .iter()
                .map(|pattern| format!("req.user_agent.matches({})", quoted(pattern)))
                .collect();
            tests.join(" || ")
        };
        let mut deny = |expression: String| {
            out.push(json!({
                "name": "user agent filter",
                "expressions": [expression],
                "actions": [{"type": "deny", "config": {"status_code": 403, "code": "ERR_NGROK_3211"}}],
            }));
        };
        if !self.user_agent_allow.is_empty() {
            deny(format!("!({})", any(&self.user_agent_allow)));
        }
        // One rule each: an expression has a limit.
        for pattern in &self.user_agent_deny {
            deny(any(std::slice::from_ref(pattern)));
        }
    }

    fn request_rules(&self) -> Vec<Json> {
        let mut out = Vec::new();
        self.user_agent_rules(&mut out);
        if let Some(threshold) = self.circuit_breaker {
            let config = json!({"error_threshold": threshold});
            out.push(rule("circuit breaker", "circuit-breaker", &config));
        }
        if !self.basic_auth.is_empty() {
            let pairs: Vec<_> = self
                .basic_auth
                .iter()
                .map(|(user, password)| plain(&format!("{user}:{password}")))
                .collect();
            out.push(rule("basic auth", "basic-auth", &json!({"credentials": pairs})));
        }
        if let Some(login) = &self.oauth {
            login.rules("oauth", "oauth", &mut out);
        }
        if let Some(login) = &self.oidc {
            login.rules("openid-connect", "oidc", &mut out);
        }
        if let Some((provider, secret)) = &self.webhook {
            let config = json!({"provider": provider, "secret": plain(secret)});
            out.push(rule("webhook verification", "verify-webhook", &config));
        }
        self.request_headers.rules("request headers", &mut out);
        if let Some(host) = &self.host_header {
            let config = json!({"headers": {"host": plain(host)}});
            out.push(rule("host header", "add-headers", &config));
        }
        out
    }

    /// What runs behind the endpoint's own policy, likewise.
    #[must_use]
    pub fn tail(&self) -> Json {
        let mut response = Vec::new();
        self.response_headers.rules("response headers", &mut response);
        if self.compression {
            response.push(rule("compression", "compress-response", &json!({})));
        }
        let mut out = serde_json::Map::new();
        if self.websocket_tcp {
            // It ends the phase: rules of the own policy would not be asked behind it.
            let rule = rule("websocket to tcp", "websocket-tcp", &json!({}));
            out.insert("on_http_request".to_owned(), json!([rule]));
        }
        if !response.is_empty() {
            out.insert("on_http_response".to_owned(), Json::Array(response));
        }
        Json::Object(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Owner, Subject, check};
    use adit_names::endpoint_url::Scheme;

    #[test]
    fn everything_translates_into_documents_that_check() {
        let login = ModuleLogin {
            provider: "github".to_owned(),
            client_id: "a".to_owned(),
            client_secret: "${x}".to_owned(),
            scopes: vec!["read:user".to_owned()],
            allow_emails: vec!["O'Neil@Example.com".to_owned()],
            allow_domains: vec!["example.org".to_owned()],
        };
        let modules = Modules {
            compression: true,
            circuit_breaker: Some(0.5),
            allow_cidrs: vec!["10.0.0.0/8".to_owned()],
            deny_cidrs: vec!["10.0.0.1".to_owned()],
            basic_auth: vec![("u".to_owned(), "${notcode}1".to_owned())],
            oidc: Some(ModuleLogin {
                provider: "https://id.example.com".to_owned(),
                ..login.clone()
            }),
            oauth: None,
            webhook: Some(("github".to_owned(), "secret".to_owned())),
            mutual_tls_cas: None,
            request_headers: ModuleHeaders {
                remove: vec!["x-a".to_owned()],
                add: vec![
                    ("x-a".to_owned(), "1".to_owned()),
                    ("X-A".to_owned(), "${2}".to_owned()),
                ],
            },
            response_headers: ModuleHeaders {
                remove: vec!["server".to_owned()],
                add: Vec::new(),
            },
            host_header: Some("inside.example".to_owned()),
            user_agent_allow: vec!["a'b\\d".to_owned(), "x".to_owned()],
            user_agent_deny: vec!["(?i)bot".to_owned()],
            websocket_tcp: true,
        };
        let subject = Subject {
            owner: Owner::Generated,
            ..Subject::agent(Scheme::Https)
        };
        for document in [modules.head(true, false), modules.tail()] {
            check(&document.to_string(), subject).unwrap_or_else(|faults| panic!("{document:#}: {faults:?}"));
        }
        let with_oauth = Modules {
            oauth: Some(login),
            oidc: None,
            ..modules
        };
        let head = with_oauth.head(true, false);
        check(&head.to_string(), subject).unwrap_or_else(|faults| panic!("{head:#}: {faults:?}"));
        assert_eq!(Modules::default().head(true, false), json!({}));
        let networks = Modules {
            deny_cidrs: vec!["10.0.0.1".to_owned()],
            allow_cidrs: vec!["10.0.0.0/8".to_owned()],
            ..Modules::default()
        };
        assert!(networks.head(true, false)["on_http_request"].is_null());
        let inside = networks.head(true, true);
        let internal = Subject {
            internal: true,
            ..subject
        };
        check(&inside.to_string(), internal).unwrap_or_else(|faults| panic!("{inside:#}: {faults:?}"));
        // The code of a generated refusal is nobody else's to give.
        assert!(check(&head.to_string(), Subject::agent(Scheme::Https)).is_err());
    }
}
