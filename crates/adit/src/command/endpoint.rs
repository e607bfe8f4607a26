//! What the commands `http`, `tcp` and `tls` have in common about their endpoint.

use std::path::PathBuf;

use adit_agent::{Ca, EndpointBuilder, Kind, ProxyProtocol};
use clap::ValueEnum;

use crate::exit::Failure;
use crate::output::failure::note;

/// Flags of every endpoint.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EndpointArgs {
    /// The public URL; without it the server chooses one
    #[arg(long, value_name = "URL", help_heading = "Endpoint")]
    pub(crate) url: Option<String>,
    /// The endpoint's name in lines and at the server
    #[arg(long, value_name = "NAME", help_heading = "Endpoint")]
    pub(crate) name: Option<String>,
    /// A description, at most 255 bytes
    #[arg(long, value_name = "TEXT", help_heading = "Endpoint")]
    description: Option<String>,
    /// Metadata, at most 4,096 bytes
    #[arg(long, value_name = "TEXT", help_heading = "Endpoint")]
    metadata: Option<String>,
    /// Who can reach it: public, internal or kubernetes
    #[arg(long, value_name = "BINDING", help_heading = "Endpoint")]
    binding: Vec<String>,
    /// Let other agents' endpoints share the URL
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Endpoint")]
    pooling_enabled: Option<bool>,
    /// A traffic policy, YAML or JSON
    #[arg(long, value_name = "FILE", help_heading = "Endpoint")]
    traffic_policy_file: Option<PathBuf>,
    /// Write a PROXY header of this version in front of each connection
    #[arg(long, value_name = "1|2", help_heading = "Upstream")]
    upstream_proxy_protocol: Option<ProxyVersion>,

    /// Old flags, and those of later versions.
    #[arg(long, value_name = "URL", hide = true)]
    traffic_policy_url: Option<String>,
    #[arg(long, value_name = "FILE", hide = true)]
    policy_file: Option<PathBuf>,
    #[arg(long, value_name = "1|2", hide = true)]
    proxy_proto: Option<ProxyVersion>,
    #[arg(long, value_name = "CIDR", value_delimiter = ',', hide = true)]
    cidr_allow: Vec<String>,
    #[arg(long, value_name = "CIDR", value_delimiter = ',', hide = true)]
    cidr_deny: Vec<String>,
}

/// Version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProxyVersion {
    /// The text form
    #[value(name = "1")]
    V1,
    /// The binary form
    #[value(name = "2")]
    V2,
}

/// Flags about TLS to the upstream.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct UpstreamTlsArgs {
    /// Verify the certificate of a TLS upstream; without it: on for names, off for this machine and private addresses
    #[arg(
        long, alias = "verify-upstream-tls", value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", help_heading = "Upstream"
    )]
    upstream_tls_verify: Option<bool>,
    /// The upstream's certificate authority, PEM
    #[arg(long, alias = "upstream-ca-path", value_name = "FILE", help_heading = "Upstream")]
    upstream_tls_verify_cas: Option<PathBuf>,
}

/// What the flags say, checked.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    args: EndpointArgs,
    policy: Option<String>,
    proxy_protocol: Option<ProxyProtocol>,
}

impl EndpointArgs {
    pub(crate) fn check(self) -> Result<Common, Failure> {
        if self.traffic_policy_url.is_some() {
            return Err(Failure::usage("--traffic-policy-url is not available in this version")
                .fix("download the policy and give it with --traffic-policy-file FILE"));
        }
        if self.policy_file.is_some() {
            hint("--policy-file", "use --traffic-policy-file");
        }
        if self.proxy_proto.is_some() {
            hint("--proxy-proto", "use --upstream-proxy-protocol");
        }
        if !self.cidr_allow.is_empty() || !self.cidr_deny.is_empty() {
            hint(
                "--cidr-allow and --cidr-deny",
                "use the traffic policy action restrict-ips",
            );
        }
        let policy = match (&self.traffic_policy_file, &self.policy_file) {
            (Some(_), Some(_)) => {
                return Err(
                    Failure::usage("--traffic-policy-file and --policy-file were both given")
                        .fix("give --traffic-policy-file only"),
                );
            }
            (Some(path), None) | (None, Some(path)) => Some(std::fs::read_to_string(path).map_err(|error| {
                Failure::usage(format!("the traffic policy {} cannot be read", path.display()))
                    .at("--traffic-policy-file")
                    .because(error.to_string())
            })?),
            (None, None) => None,
        };
        let proxy_protocol = self
            .upstream_proxy_protocol
            .or(self.proxy_proto)
            .map(|version| match version {
                ProxyVersion::V1 => ProxyProtocol::V1,
                ProxyVersion::V2 => ProxyProtocol::V2,
            });
        Ok(Common {
            args: self,
            policy,
            proxy_protocol,
        })
    }
}

impl Common {
    pub(crate) fn name(&self) -> Option<&str> {
        self.args.name.as_deref()
    }

    /// Says it all to the library; the URL and the name are the caller's.
    pub(crate) fn apply<K: Kind>(&self, mut builder: EndpointBuilder<K>) -> EndpointBuilder<K> {
        let args = &self.args;
        if let Some(text) = &args.description {
            builder = builder.description(text);
        }
        if let Some(text) = &args.metadata {
            builder = builder.metadata(text);
        }
        for binding in &args.binding {
            builder = builder.binding(binding);
        }
        if let Some(policy) = &self.policy {
            builder = builder.traffic_policy(policy);
        }
        if let Some(version) = self.proxy_protocol {
            builder = builder.proxy_protocol(version);
        }
        for cidr in &args.cidr_allow {
            builder = builder.allow_cidr(cidr);
        }
        for cidr in &args.cidr_deny {
            builder = builder.deny_cidr(cidr);
        }
        if let Some(name) = &args.name {
            builder = builder.name(name);
        }
        if let Some(url) = &args.url {
            builder = builder.url(url);
        }
        builder.pooling(args.pooling_enabled.unwrap_or(false))
    }
}

impl UpstreamTlsArgs {
    /// The authority, read.
    pub(crate) fn ca(&self) -> Result<Option<Ca>, Failure> {
        let read = self.upstream_tls_verify_cas.as_ref().map(Ca::file).transpose();
        read.map_err(|error| Failure::from(error).at("--upstream-tls-verify-cas"))
    }

    pub(crate) fn apply<K: Kind>(&self, mut builder: EndpointBuilder<K>, ca: Option<&Ca>) -> EndpointBuilder<K> {
        if let Some(verify) = self.upstream_tls_verify {
            builder = builder.verify_upstream_tls(verify);
        }
        match ca {
            Some(ca) => builder.upstream_ca(ca.clone()),
            None => builder,
        }
    }
}

/// One line on stderr about a flag that works and has a better name now.
pub(crate) fn hint(flag: &str, instead: &str) {
    note(&format!("{flag}: deprecated, {instead}"));
}

/// Reads a file that a flag names.
pub(crate) fn read(path: &PathBuf, flag: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        Failure::usage(format!("the file {} cannot be read", path.display()))
            .at(flag)
            .because(error.to_string())
    })
}
