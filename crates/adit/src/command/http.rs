//! `adit http UPSTREAM`

use std::path::PathBuf;

use adit_agent::{Ca, EndpointBuilder, HostHeader, Http, HttpVersion, OAuth, Oidc, Upstream};
use clap::ValueEnum;

use super::connection::ConnectionArgs;
use super::endpoint::{Common, EndpointArgs, UpstreamTlsArgs, hint, read};
use super::serve::{self, Offer};
use crate::exit::{Exit, Failure};
use crate::output::printer::LogArgs;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  adit http 8080\n  adit http app:3000 --url https://app.example.com\n  adit http https://localhost:8443 --upstream-protocol http2"
)]
pub(crate) struct Args {
    /// The service: a port, host:port, http://…, https://…, h2c://… or unix:PATH
    upstream: String,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// What the edge speaks to the service
    #[arg(
        long,
        alias = "app-protocol",
        value_enum,
        value_name = "PROTOCOL",
        help_heading = "Upstream"
    )]
    upstream_protocol: Option<Protocol>,
    #[command(flatten)]
    upstream_tls: UpstreamTlsArgs,
    #[command(flatten)]
    old: OldArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    Http1,
    Http2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scheme {
    Http,
    Https,
}

/// Flags from before traffic policies: hidden, and each with a hint. The server does what they say, or refuses them
/// by name.
#[derive(Debug, Clone, clap::Args)]
struct OldArgs {
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    inspect: Option<bool>,
    #[arg(long, alias = "hostname", hide = true)]
    domain: Option<String>,
    #[arg(long, hide = true)]
    subdomain: Option<String>,
    #[arg(long, value_enum, value_delimiter = ',', hide = true)]
    scheme: Vec<Scheme>,
    #[arg(long, hide = true)]
    host_header: Option<String>,
    #[arg(long, value_name = "USER:PASSWORD", hide = true)]
    basic_auth: Vec<String>,
    #[arg(long, value_name = "RATIO", hide = true)]
    circuit_breaker: Option<f64>,
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    compression: Option<bool>,
    #[arg(long, value_name = "FILE", hide = true)]
    mutual_tls_cas: Option<PathBuf>,
    #[arg(long, value_name = "PROVIDER", hide = true)]
    oauth: Option<String>,
    #[arg(long, value_delimiter = ',', hide = true, requires = "oauth")]
    oauth_allow_domain: Vec<String>,
    #[arg(long, value_delimiter = ',', hide = true, requires = "oauth")]
    oauth_allow_email: Vec<String>,
    #[arg(long, hide = true, requires = "oauth")]
    oauth_client_id: Option<String>,
    #[arg(long, hide = true, requires = "oauth")]
    oauth_client_secret: Option<String>,
    #[arg(long, value_delimiter = ',', hide = true, requires = "oauth")]
    oauth_scope: Vec<String>,
    #[arg(long, value_name = "ISSUER", hide = true)]
    oidc: Option<String>,
    #[arg(long, hide = true, requires = "oidc")]
    oidc_client_id: Option<String>,
    #[arg(long, hide = true, requires = "oidc")]
    oidc_client_secret: Option<String>,
    #[arg(long, value_delimiter = ',', hide = true, requires = "oidc")]
    oidc_scope: Vec<String>,
    #[arg(long, hide = true)]
    request_header_add: Vec<String>,
    #[arg(long, hide = true)]
    request_header_remove: Vec<String>,
    #[arg(long, hide = true)]
    response_header_add: Vec<String>,
    #[arg(long, hide = true)]
    response_header_remove: Vec<String>,
    #[arg(long, hide = true)]
    ua_filter_allow: Vec<String>,
    #[arg(long, hide = true)]
    ua_filter_deny: Vec<String>,
    #[arg(long, value_name = "PROVIDER", hide = true, requires = "verify_webhook_secret")]
    verify_webhook: Option<String>,
    #[arg(long, hide = true, requires = "verify_webhook")]
    verify_webhook_secret: Option<String>,
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    websocket_tcp_converter: Option<bool>,
}

/// One endpoint to be: everything the flags say.
struct Plan {
    upstream: Upstream,
    common: Common,
    protocol: Option<Protocol>,
    tls: UpstreamTlsArgs,
    ca: Option<Ca>,
    old: OldArgs,
    mutual_tls: Option<Vec<u8>>,
    /// The scheme, if it is not to be the one of the URL.
    scheme: Option<Scheme>,
    /// Both schemes were asked for, and this is the plain one.
    suffix: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let upstream = Upstream::http(&self.upstream).map_err(|error| Failure::from(error).at("UPSTREAM"))?;
        self.old.check()?;
        let mut schemes = self.old.scheme.clone();
        schemes.dedup();
        if !schemes.is_empty() && self.endpoint.url.is_some() {
            return Err(Failure::usage("--scheme and --url were both given")
                .fix("put the scheme into the URL: --url http://HOST"));
        }
        let ca = self.upstream_tls.ca()?;
        let mutual_tls = self
            .old
            .mutual_tls_cas
            .as_ref()
            .map(|path| read(path, "--mutual-tls-cas"))
            .transpose()?;
        let common = self.endpoint.check()?;
        let plan = |scheme, suffix| Plan {
            upstream: upstream.clone(),
            common: common.clone(),
            protocol: self.upstream_protocol,
            tls: self.upstream_tls.clone(),
            ca: ca.clone(),
            old: self.old.clone(),
            mutual_tls: mutual_tls.clone(),
            scheme,
            suffix,
        };
        let plans = match schemes.as_slice() {
            [] => vec![plan(None, false)],
            [one] => vec![plan(Some(*one), false)],
            _ => vec![plan(Some(Scheme::Https), false), plan(Some(Scheme::Http), true)],
        };
        let offers: Vec<Offer> = plans
            .into_iter()
            .map(|plan| -> Offer {
                Box::new(move |session| Box::pin(plan.builder(session.http()).forward(plan.upstream.clone())))
            })
            .collect();
        serve::run(self.connection.builder()?, &self.log, &offers)
    }
}

impl Plan {
    fn builder(&self, builder: EndpointBuilder<Http>) -> EndpointBuilder<Http> {
        let mut builder = self.tls.apply(self.common.apply(builder), self.ca.as_ref());
        match self.scheme {
            Some(Scheme::Http) => builder = builder.url("http://"),
            Some(Scheme::Https) => builder = builder.url("https://"),
            None => {}
        }
        if self.suffix {
            // As the configuration file names the second of the two that one old entry means.
            builder = builder.name(format!("{} (http)", self.common.name().unwrap_or("http")));
        }
        match self.protocol {
            Some(Protocol::Http1) => builder = builder.upstream_protocol(HttpVersion::Http1),
            Some(Protocol::Http2) => builder = builder.upstream_protocol(HttpVersion::Http2),
            None => {}
        }
        if let Some(pem) = &self.mutual_tls {
            builder = builder.mutual_tls_ca(pem);
        }
        self.old.apply(builder)
    }
}

impl OldArgs {
    fn check(&self) -> Result<(), Failure> {
        if self.inspect == Some(true) {
            return Err(Failure::usage("the local inspector is not available in this version")
                .at("--inspect")
                .fix("leave --inspect out"));
        }
        if let Some(ratio) = self.circuit_breaker
            && !(0.0..=1.0).contains(&ratio)
        {
            return Err(Failure::usage(format!("the ratio {ratio} is not between 0 and 1")).at("--circuit-breaker"));
        }
        for login in &self.basic_auth {
            if !login.contains(':') {
                return Err(Failure::usage("a login without a password")
                    .at("--basic-auth")
                    .fix("give it as USER:PASSWORD"));
            }
        }
        for (given, flag, instead) in [
            (
                self.domain.is_some() || self.subdomain.is_some(),
                "--domain, --hostname and --subdomain",
                "use --url https://HOST",
            ),
            (!self.scheme.is_empty(), "--scheme", "use --url http:// or https://"),
            (
                !self.basic_auth.is_empty(),
                "--basic-auth",
                "use the traffic policy action basic-auth",
            ),
            (
                self.circuit_breaker.is_some(),
                "--circuit-breaker",
                "use the traffic policy action circuit-breaker",
            ),
            (
                self.compression.is_some(),
                "--compression",
                "use the traffic policy action compress-response",
            ),
            (
                self.mutual_tls_cas.is_some(),
                "--mutual-tls-cas",
                "use the traffic policy action terminate-tls",
            ),
            (self.oauth.is_some(), "--oauth", "use the traffic policy action oauth"),
            (
                self.oidc.is_some(),
                "--oidc",
                "use the traffic policy action openid-connect",
            ),
            (
                !self.request_header_add.is_empty() || !self.request_header_remove.is_empty(),
                "--request-header-…",
                "use the traffic policy actions add-headers and remove-headers",
            ),
            (
                !self.response_header_add.is_empty() || !self.response_header_remove.is_empty(),
                "--response-header-…",
                "use the traffic policy actions add-headers and remove-headers",
            ),
            (
                !self.ua_filter_allow.is_empty() || !self.ua_filter_deny.is_empty(),
                "--ua-filter-…",
                "use a traffic policy rule over the User-Agent",
            ),
            (
                self.verify_webhook.is_some(),
                "--verify-webhook",
                "use the traffic policy action verify-webhook",
            ),
        ] {
            if given {
                hint(flag, instead);
            }
        }
        Ok(())
    }

    fn apply(&self, mut builder: EndpointBuilder<Http>) -> EndpointBuilder<Http> {
        if let Some(domain) = &self.domain {
            builder = builder.domain(domain);
        }
        if let Some(label) = &self.subdomain {
            builder = builder.subdomain(label);
        }
        if let Some(host) = &self.host_header {
            builder = builder.host_header(match host.as_str() {
                "preserve" => HostHeader::Preserve,
                "rewrite" => HostHeader::Rewrite,
                text => HostHeader::Text(text.to_owned()),
            });
        }
        for login in &self.basic_auth {
            if let Some((user, password)) = login.split_once(':') {
                builder = builder.basic_auth(user, password);
            }
        }
        if let Some(ratio) = self.circuit_breaker {
            builder = builder.circuit_breaker(ratio);
        }
        if self.compression == Some(true) {
            builder = builder.compression();
        }
        if let Some(provider) = &self.oauth {
            builder = builder.oauth(&OAuth {
                provider: provider.clone(),
                allow_emails: self.oauth_allow_email.clone(),
                allow_domains: self.oauth_allow_domain.clone(),
                scopes: self.oauth_scope.clone(),
                client_id: self.oauth_client_id.clone().unwrap_or_default(),
                client_secret: self.oauth_client_secret.clone().unwrap_or_default(),
            });
        }
        if let Some(issuer) = &self.oidc {
            builder = builder.oidc(&Oidc {
                issuer_url: issuer.clone(),
                allow_emails: Vec::new(),
                allow_domains: Vec::new(),
                scopes: self.oidc_scope.clone(),
                client_id: self.oidc_client_id.clone().unwrap_or_default(),
                client_secret: self.oidc_client_secret.clone().unwrap_or_default(),
            });
        }
        builder = self
            .request_header_add
            .iter()
            .fold(builder, EndpointBuilder::add_request_header);
        builder = self
            .request_header_remove
            .iter()
            .fold(builder, EndpointBuilder::remove_request_header);
        builder = self
            .response_header_add
            .iter()
            .fold(builder, EndpointBuilder::add_response_header);
        builder = self
            .response_header_remove
            .iter()
            .fold(builder, EndpointBuilder::remove_response_header);
        builder = self
            .ua_filter_allow
            .iter()
            .fold(builder, EndpointBuilder::allow_user_agent);
        builder = self
            .ua_filter_deny
            .iter()
            .fold(builder, EndpointBuilder::deny_user_agent);
        if let (Some(provider), Some(secret)) = (&self.verify_webhook, &self.verify_webhook_secret) {
            builder = builder.verify_webhook(provider, secret);
        }
        if self.websocket_tcp_converter == Some(true) {
            builder = builder.websocket_tcp_converter();
        }
        builder
    }
}
