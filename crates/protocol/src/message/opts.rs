//! What the options of a `Bind` mean, by protocol (agent protocol 3.6–3.8).
//!
//! Typed views: the message keeps the options as they came, for the echo. `None` is absent or
//! `null`. Those that can hold secrets do not show their values in `{:?}`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Options of `http` and `https` endpoints.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HttpOpts {
    /// The URL asked for (Go).
    #[serde(rename = "URL", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The host asked for (Rust family).
    pub domain: String,
    /// The host asked for, or assigned before.
    pub hostname: String,
    /// The label below the base domain asked for.
    pub subdomain: String,
    /// `user:password`, the oldest form of basic auth.
    pub auth: String,
    /// Display only.
    pub host_header_rewrite: bool,
    /// Display only.
    #[serde(rename = "LocalURLScheme")]
    pub local_url_scheme: Option<String>,
    /// PROXY protocol version towards the upstream, 0 for none.
    pub proxy_proto: i64,
    /// Compress responses.
    pub compression: Option<Value>,
    /// Circuit breaker.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Networks.
    #[serde(rename = "IPRestriction")]
    pub ip_restriction: Option<IpRestriction>,
    /// Basic auth.
    pub basic_auth: Option<BasicAuth>,
    /// Login by OAuth.
    #[serde(rename = "OAuth")]
    pub oauth: Option<OAuth>,
    /// Login by OpenID Connect.
    #[serde(rename = "OIDC")]
    pub oidc: Option<Oidc>,
    /// Webhook signatures.
    pub webhook_verification: Option<WebhookVerification>,
    /// Client certificates of visitors.
    #[serde(rename = "MutualTLSCA")]
    pub mutual_tls_ca: Option<MutualTls>,
    /// Headers of requests.
    pub request_headers: Option<Headers>,
    /// Headers of responses.
    pub response_headers: Option<Headers>,
    /// Turn WebSockets into TCP.
    #[serde(rename = "WebsocketTCPConverter")]
    pub websocket_tcp_converter: Option<Value>,
    /// User agents.
    pub user_agent_filter: Option<UserAgentFilter>,
    /// The old typed policy.
    pub policy: Option<Value>,
    /// The traffic policy as text.
    pub traffic_policy: Option<String>,
}

/// Options of `tcp` endpoints.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TcpOpts {
    /// The URL asked for (Go).
    #[serde(rename = "URL", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `host:port` asked for, or assigned before.
    pub addr: String,
    /// PROXY protocol version towards the upstream, 0 for none.
    pub proxy_proto: i64,
    /// Networks.
    #[serde(rename = "IPRestriction")]
    pub ip_restriction: Option<IpRestriction>,
    /// The old typed policy.
    pub policy: Option<Value>,
    /// The traffic policy as text.
    pub traffic_policy: Option<String>,
}

/// Options of `tls` endpoints.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TlsOpts {
    /// The URL asked for (Go).
    #[serde(rename = "URL", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The host asked for (Rust family).
    pub domain: String,
    /// The host asked for, or assigned before.
    pub hostname: String,
    /// The label below the base domain asked for.
    pub subdomain: String,
    /// PROXY protocol version towards the upstream, 0 for none.
    pub proxy_proto: i64,
    /// Display only.
    #[serde(rename = "MutualTLSAtAgent")]
    pub mutual_tls_at_agent: bool,
    /// Client certificates of visitors, checked at the edge.
    #[serde(rename = "MutualTLSAtEdge")]
    pub mutual_tls_at_edge: Option<MutualTls>,
    /// Terminate at the edge; any object, even an empty one, says so.
    #[serde(rename = "TLSTermination")]
    pub tls_termination: Option<TlsTermination>,
    /// Networks.
    #[serde(rename = "IPRestriction")]
    pub ip_restriction: Option<IpRestriction>,
    /// The old typed policy.
    pub policy: Option<Value>,
    /// The traffic policy as text.
    pub traffic_policy: Option<String>,
}

/// Options of `udp` endpoints; only Adit's agent sends them.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UdpOpts {
    /// The URL asked for.
    #[serde(rename = "URL", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `host:port` asked for, or assigned before.
    pub addr: String,
    /// PROXY protocol version towards the upstream: 0 or 2.
    pub proxy_proto: i64,
    /// Nanoseconds without a datagram after which a flow ends; 0: the server's default.
    pub idle_timeout: i64,
    /// The traffic policy as text.
    pub traffic_policy: Option<String>,
}

/// Circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CircuitBreaker {
    /// Share of failed requests at which it opens, 0 to 1.
    pub error_threshold: f64,
}

/// Networks that may or may not connect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct IpRestriction {
    /// Allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_cidrs: Vec<String>,
    /// Denied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny_cidrs: Vec<String>,
}

/// Basic auth.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BasicAuth {
    /// User names and passwords.
    pub credentials: Vec<BasicCredential>,
}

/// One user of [`BasicAuth`].
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BasicCredential {
    /// User name.
    pub username: String,
    /// Password.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cleartext_password: String,
    /// Hash, base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hashed_password: String,
}

/// Login by OAuth.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OAuth {
    /// Name of the provider.
    pub provider: String,
    /// Id of the application.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_id: String,
    /// Its secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_secret: String,
    /// Secret sealed for ngrok's edge, base64: cannot be used.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sealed_client_secret: String,
    /// Who may pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_emails: Vec<String>,
    /// Whose domains may pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_domains: Vec<String>,
    /// Scopes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// Login by OpenID Connect.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Oidc {
    /// The provider's issuer URL.
    pub issuer_url: String,
    /// Id of the application.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_id: String,
    /// Its secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_secret: String,
    /// Secret sealed for ngrok's edge, base64: cannot be used.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sealed_client_secret: String,
    /// Who may pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_emails: Vec<String>,
    /// Whose domains may pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_domains: Vec<String>,
    /// Scopes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// Webhook signatures.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookVerification {
    /// Who signs.
    pub provider: String,
    /// With what.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub secret: String,
    /// Secret sealed for ngrok's edge, base64: cannot be used.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sealed_secret: String,
}

/// Authorities of visitors' certificates.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MutualTls {
    /// PEM certificates, one after the other, base64.
    pub mutual_tls_ca: String,
}

/// TLS ends at the edge.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsTermination {
    /// PEM chain, base64; empty: the edge's certificate of the name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert: String,
    /// PEM key, base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// Key sealed for ngrok's edge, base64: cannot be used.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sealed_key: String,
}

/// Headers to add and remove.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    /// `name:value` each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// Names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

/// User agents that may or may not connect: regular expressions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UserAgentFilter {
    /// Allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Denied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// `{:?}` without values: passwords, secrets and keys must not reach a log.
macro_rules! opaque {
    ($($type:ident)*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )*};
}

opaque! {
    HttpOpts TcpOpts TlsOpts UdpOpts BasicAuth BasicCredential OAuth Oidc WebhookVerification MutualTls
    TlsTermination Headers
}
