//! `adit tcp UPSTREAM`

use adit_agent::Upstream;

use super::connection::ConnectionArgs;
use super::endpoint::{EndpointArgs, hint};
use super::serve::{self, Offer};
use crate::exit::{Exit, Failure};
use crate::output::printer::LogArgs;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  adit tcp 5432\n  adit tcp db.internal:5432 --url tcp://tcp.tunnels.example.com:20007\n  adit tcp unix:/run/app.sock"
)]
pub(crate) struct Args {
    /// The service: a port, host:port, tcp://host:port, tls://host:port or unix:PATH
    upstream: String,
    #[command(flatten)]
    endpoint: EndpointArgs,
    #[arg(long, value_name = "ADDRESS", hide = true)]
    remote_addr: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let upstream = Upstream::tcp(&self.upstream).map_err(|error| Failure::from(error).at("UPSTREAM"))?;
        let common = self.endpoint.check()?;
        if self.remote_addr.is_some() {
            hint("--remote-addr", "use --url tcp://ADDRESS");
        }
        let remote_addr = self.remote_addr;
        let offer: Offer = Box::new(move |session| {
            let mut builder = common.apply(session.tcp());
            if let Some(address) = &remote_addr {
                builder = builder.remote_addr(address);
            }
            Box::pin(builder.forward(upstream.clone()))
        });
        serve::run(self.connection.builder()?, &self.log, &[offer])
    }
}
