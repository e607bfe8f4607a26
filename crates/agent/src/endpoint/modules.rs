//! The options of endpoints from before traffic policies (agent protocol 3.6 to 3.8). The server turns them into
//! policy actions, or refuses them by name; nothing of them is done here.

use base64::Engine as _;
use serde_json::{Value, json};

use super::builder::{EndpointBuilder, Http, Kind, Tls};
use super::options::{nested, push};

/// A login through an OAuth provider.
#[derive(Debug, Clone, Default)]
pub struct OAuth {
    /// The provider's name, such as `google`.
    pub provider: String,
    /// E-mail addresses that may come in; empty lists let everybody in who can log in there.
    pub allow_emails: Vec<String>,
    /// Domains of e-mail addresses that may come in.
    pub allow_domains: Vec<String>,
    /// Scopes to ask for.
    pub scopes: Vec<String>,
    /// The application's id at the provider.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
}

/// A login through an OpenID Connect provider.
#[derive(Debug, Clone, Default)]
pub struct Oidc {
    /// The issuer's URL.
    pub issuer_url: String,
    /// E-mail addresses that may come in.
    pub allow_emails: Vec<String>,
    /// Domains of e-mail addresses that may come in.
    pub allow_domains: Vec<String>,
    /// Scopes to ask for.
    pub scopes: Vec<String>,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
}

impl<K: Kind> EndpointBuilder<K> {
    /// Lets in only visitors from this network (may be repeated). Action: `restrict-ips`.
    pub fn allow_cidr(mut self, cidr: impl Into<String>) -> Self {
        nested(&mut self.draft.opts, "IPRestriction", |rules| {
            push(rules, "allow_cidrs", cidr.into())
        });
        self
    }

    /// Keeps out visitors from this network (may be repeated). Action: `restrict-ips`.
    pub fn deny_cidr(mut self, cidr: impl Into<String>) -> Self {
        nested(&mut self.draft.opts, "IPRestriction", |rules| {
            push(rules, "deny_cidrs", cidr.into())
        });
        self
    }
}

impl EndpointBuilder<Http> {
    /// Asks visitors for this user and password (may be repeated). Action: `basic-auth`.
    pub fn basic_auth(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        let credential = json!({ "username": user.into(), "cleartext_password": password.into() });
        nested(&mut self.draft.opts, "BasicAuth", |auth| {
            push(auth, "credentials", credential)
        });
        self
    }

    /// Refuses requests while the share of failed ones is above this ratio, 0 to 1. Action: `circuit-breaker`.
    pub fn circuit_breaker(mut self, ratio: f64) -> Self {
        self.draft
            .opts
            .insert("CircuitBreaker".to_owned(), json!({ "error_threshold": ratio }));
        self
    }

    /// Compresses responses. Action: `compress-response`.
    pub fn compression(mut self) -> Self {
        self.draft.opts.insert("Compression".to_owned(), json!({}));
        self
    }

    /// Asks visitors for a certificate from one of these authorities (PEM). Action: `terminate-tls`.
    pub fn mutual_tls_ca(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.draft.opts.insert(
            "MutualTLSCA".to_owned(),
            json!({ "mutual_tls_ca": base64_of(pem.as_ref()) }),
        );
        self
    }

    /// Asks visitors to log in. Action: `oauth`.
    pub fn oauth(mut self, oauth: &OAuth) -> Self {
        self.draft.opts.insert(
            "OAuth".to_owned(),
            json!({
                "provider": oauth.provider, "client_id": oauth.client_id, "client_secret": oauth.client_secret,
                "allow_emails": oauth.allow_emails, "allow_domains": oauth.allow_domains, "scopes": oauth.scopes
            }),
        );
        self
    }

    /// Asks visitors to log in. Action: `openid-connect`.
    pub fn oidc(mut self, oidc: &Oidc) -> Self {
        self.draft.opts.insert(
            "OIDC".to_owned(),
            json!({
                "issuer_url": oidc.issuer_url, "client_id": oidc.client_id, "client_secret": oidc.client_secret,
                "allow_emails": oidc.allow_emails, "allow_domains": oidc.allow_domains, "scopes": oidc.scopes
            }),
        );
        self
    }

    /// Adds a field, `name:value`, to requests (may be repeated). Action: `add-headers`.
    pub fn add_request_header(mut self, field: impl Into<String>) -> Self {
        nested(&mut self.draft.opts, "RequestHeaders", |headers| {
            push(headers, "add", field.into())
        });
        self
    }

    /// Removes a field from requests (may be repeated). Action: `remove-headers`.
    pub fn remove_request_header(mut self, name: impl Into<String>) -> Self {
        nested(&mut self.draft.opts, "RequestHeaders", |headers| {
            push(headers, "remove", name.into())
        });
        self
    }

    /// Adds a field, `name:value`, to responses (may be repeated). Action: `add-headers`.
    pub fn add_response_header(mut self, field: impl Into<String>) -> Self {
        nested(&mut self.draft.opts, "ResponseHeaders", |headers| {
            push(headers, "add", field.into())
        });
        self
    }

    /// Removes a field from responses (may be repeated). Action: `remove-headers`.
    pub fn remove_response_header(mut self, name: impl Into<String>) -> Self {
        nested(&mut self.draft.opts, "ResponseHeaders", |headers| {
            push(headers, "remove", name.into())
        });
        self
    }

    /// Lets in only user agents that match this expression (may be repeated).
    pub fn allow_user_agent(mut self, expression: impl Into<String>) -> Self {
        nested(&mut self.draft.opts, "UserAgentFilter", |filter| {
            push(filter, "allow", expression.into())
        });
        self
    }

    /// Keeps out user agents that match this expression (may be repeated).
    pub fn deny_user_agent(mut self, expression: impl Into<String>) -> Self {
        nested(&mut self.draft.opts, "UserAgentFilter", |filter| {
            push(filter, "deny", expression.into())
        });
        self
    }

    /// Lets in only requests that this provider signed. Action: `verify-webhook`.
    pub fn verify_webhook(mut self, provider: impl Into<String>, secret: impl Into<String>) -> Self {
        self.draft.opts.insert(
            "WebhookVerification".to_owned(),
            json!({ "provider": provider.into(), "secret": secret.into() }),
        );
        self
    }

    /// Turns WebSocket messages into plain bytes for the upstream, and back.
    pub fn websocket_tcp_converter(mut self) -> Self {
        self.draft.opts.insert("WebsocketTCPConverter".to_owned(), json!({}));
        self
    }
}

impl EndpointBuilder<Tls> {
    /// Ends visitors' TLS at the edge: with this certificate and key (PEM), or, if both are empty, with the
    /// edge's certificate for the name. Action: `terminate-tls`.
    pub fn terminate_at_edge(mut self, certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        let termination = if certificate.as_ref().is_empty() {
            json!({})
        } else {
            json!({ "cert": base64_of(certificate.as_ref()), "key": base64_of(key.as_ref()) })
        };
        self.draft.opts.insert("TLSTermination".to_owned(), termination);
        self
    }

    /// Asks visitors, at the edge, for a certificate from one of these authorities (PEM). Action: `terminate-tls`.
    pub fn mutual_tls_at_edge(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.draft.opts.insert(
            "MutualTLSAtEdge".to_owned(),
            json!({ "mutual_tls_ca": base64_of(pem.as_ref()) }),
        );
        self
    }
}

impl<K> EndpointBuilder<K> {
    /// The whole host name, in the field of the time before `url`.
    pub fn domain(mut self, host: impl Into<String>) -> Self {
        self.draft.opts.insert("Domain".to_owned(), Value::String(host.into()));
        self
    }

    /// The first label below the server's base domain, in the field of the time before `url`.
    pub fn subdomain(mut self, label: impl Into<String>) -> Self {
        self.draft
            .opts
            .insert("Subdomain".to_owned(), Value::String(label.into()));
        self
    }

    /// The TCP address, in the field of the time before `url`.
    pub fn remote_addr(mut self, address: impl Into<String>) -> Self {
        self.draft.opts.insert("Addr".to_owned(), Value::String(address.into()));
        self
    }
}

fn base64_of(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
