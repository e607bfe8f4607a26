//! `adit tls UPSTREAM`

use std::path::PathBuf;

use adit_agent::{EndpointBuilder, Identity, Tls, Upstream};
use clap::ValueEnum;

use super::connection::ConnectionArgs;
use super::endpoint::{EndpointArgs, UpstreamTlsArgs, hint, read};
use super::serve::{self, Offer};
use crate::exit::{Exit, Failure};
use crate::output::printer::LogArgs;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  adit tls 8443 --url tls://app.example.com\n  adit tls 8080 --terminate-at agent --crt app.pem --key app.key"
)]
pub(crate) struct Args {
    /// The service: a port, host:port, tcp://host:port, tls://host:port or unix:PATH
    upstream: String,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// Where visitors' TLS ends: at the edge, here, or at the service [default: upstream, with --crt and --key: edge]
    #[arg(long, value_enum, value_name = "PLACE", help_heading = "TLS")]
    terminate_at: Option<Place>,
    /// The certificate chain for it, PEM
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "TLS")]
    crt: Option<PathBuf>,
    /// The key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "crt", help_heading = "TLS")]
    key: Option<PathBuf>,
    /// Let in only visitors with a certificate from these authorities, PEM
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    mutual_tls_cas: Option<PathBuf>,
    #[command(flatten)]
    upstream_tls: UpstreamTlsArgs,
    #[arg(long, alias = "hostname", value_name = "HOST", hide = true)]
    domain: Option<String>,
    #[arg(long, value_name = "LABEL", hide = true)]
    subdomain: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    Edge,
    Agent,
    Upstream,
}

/// How visitors' TLS ends.
enum End {
    Upstream,
    Agent(Identity, Option<Vec<u8>>),
    Edge(Vec<u8>, Vec<u8>, Option<Vec<u8>>),
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let upstream = Upstream::tcp(&self.upstream).map_err(|error| Failure::from(error).at("UPSTREAM"))?;
        let end = self.end()?;
        let ca = self.upstream_tls.ca()?;
        let common = self.endpoint.check()?;
        if self.domain.is_some() || self.subdomain.is_some() {
            hint("--domain, --hostname and --subdomain", "use --url tls://HOST");
        }
        let (upstream_tls, domain, subdomain) = (self.upstream_tls, self.domain, self.subdomain);
        let offer: Offer = Box::new(move |session| {
            let mut builder = upstream_tls.apply(common.apply(session.tls()), ca.as_ref());
            if let Some(domain) = &domain {
                builder = builder.domain(domain);
            }
            if let Some(subdomain) = &subdomain {
                builder = builder.subdomain(subdomain);
            }
            Box::pin(end.apply(builder).forward(upstream.clone()))
        });
        serve::run(self.connection.builder()?, &self.log, &[offer])
    }

    fn end(&self) -> Result<End, Failure> {
        let pair = match (&self.crt, &self.key) {
            (Some(crt), Some(key)) => Some((read(crt, "--crt")?, read(key, "--key")?)),
            _ => None,
        };
        let cas = self
            .mutual_tls_cas
            .as_ref()
            .map(|path| read(path, "--mutual-tls-cas"))
            .transpose()?;
        let place = self
            .terminate_at
            .unwrap_or_else(|| if pair.is_some() { Place::Edge } else { Place::Upstream });
        match (place, pair) {
            (Place::Upstream, None) if cas.is_none() => Ok(End::Upstream),
            (Place::Upstream, None) => Err(Failure::usage("--mutual-tls-cas needs TLS to end at the edge or here")
                .fix("give --terminate-at edge or agent")),
            (Place::Upstream, Some(_)) => Err(Failure::usage(
                "--crt and --key are not used where TLS ends at the upstream",
            )
            .fix("leave them out, or give --terminate-at edge or agent")),
            (Place::Agent, None) => {
                Err(Failure::usage("--terminate-at agent needs a certificate").fix("give --crt FILE and --key FILE"))
            }
            (Place::Agent, Some((crt, key))) => Ok(End::Agent(
                Identity::pem(crt, key).map_err(|error| Failure::from(error).at("--crt, --key"))?,
                cas,
            )),
            (Place::Edge, None) => Ok(End::Edge(Vec::new(), Vec::new(), cas)),
            (Place::Edge, Some((crt, key))) => Ok(End::Edge(crt, key, cas)),
        }
    }
}

impl End {
    fn apply(&self, builder: EndpointBuilder<Tls>) -> EndpointBuilder<Tls> {
        match self {
            Self::Upstream => builder,
            Self::Agent(identity, None) => builder.terminate(identity.clone()),
            Self::Agent(identity, Some(cas)) => builder.terminate_mutual(identity.clone(), cas.clone()),
            Self::Edge(crt, key, cas) => {
                let builder = builder.terminate_at_edge(crt, key);
                match cas {
                    Some(cas) => builder.mutual_tls_at_edge(cas),
                    None => builder,
                }
            }
        }
    }
}
