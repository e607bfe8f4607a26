//! Flags of `adit dev`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use adit_server::config::Ports;

use super::places;
use crate::exit::Failure;

/// Try it on this machine: server and agent in one process.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  adit dev                      a page that answers and echoes requests, on an HTTPS name\n  adit dev 3000                 the service on port 3000\n  adit dev http://10.0.0.5:80   a service elsewhere\n  adit dev --no-agent           the server alone, for agents in other programs\n  adit dev trust                browsers and tools of this machine trust its certificates"
)]
pub(crate) struct DevArgs {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// Beside starting.
#[derive(Subcommand, Debug)]
pub(crate) enum Action {
    /// Adds the local certificate authority to the trust stores of system and browsers.
    Trust(Place),
    /// Removes it from them.
    Untrust(Place),
    /// Prints lines for the hosts file, for programs that do not resolve names below .localhost.
    Hosts(Place),
    /// Says whether a development server runs, and where.
    Status(Place),
}

/// Which development server.
#[derive(Args, Debug)]
pub(crate) struct Place {
    /// Its data directory [default: the user's data directory, adit/dev].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Place {
    pub(crate) fn directory(self) -> Result<PathBuf, Failure> {
        self.data_dir.map_or_else(places::data_dir, Ok)
    }
}

/// What to start.
#[derive(Args, Debug)]
pub(crate) struct StartArgs {
    /// The service to show: a port, host:port or URL [default: a built-in page that echoes requests].
    pub(crate) upstream: Option<String>,
    /// Where state is kept [default: the user's data directory, adit/dev].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// TLS listener [default: 127.0.0.1:8443; port 0 is any free port].
    #[arg(long, value_name = "ADDR")]
    pub(crate) https: Option<SocketAddr>,
    /// Plain listener [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<SocketAddr>,
    /// Listener of health and metrics [default: 127.0.0.1:4041].
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin: Option<SocketAddr>,
    /// Domain below which names are given.
    #[arg(long, value_name = "NAME", default_value = "adit.localhost")]
    pub(crate) base_domain: String,
    /// Public URL of the service [default: a name that stays the same].
    #[arg(long, value_name = "URL", conflicts_with = "no_agent")]
    pub(crate) url: Option<String>,
    /// Traffic policy of the endpoint, a YAML or JSON file.
    #[arg(long, value_name = "FILE", conflicts_with = "no_agent")]
    pub(crate) traffic_policy_file: Option<PathBuf>,
    /// Ports of tcp:// endpoints.
    #[arg(long, value_name = "A-B", default_value = "20000-20099", value_parser = port_range)]
    pub(crate) tcp_ports: Ports,
    /// Only the server.
    #[arg(long, conflicts_with = "upstream")]
    pub(crate) no_agent: bool,
    /// Opens the public URL in the browser.
    #[arg(long)]
    pub(crate) open: bool,
    /// A line per request: off, pretty or json [default: pretty on a terminal, else off].
    #[arg(long, value_name = "FORM")]
    pub(crate) access_log: Option<AccessLogForm>,
}

/// How requests are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AccessLogForm {
    Off,
    Pretty,
    Json,
}

/// `A-B`, both in 1–65535, A not above B.
fn port_range(text: &str) -> Result<Ports, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |t: &str| t.parse::<u16>().ok().filter(|p| *p > 0);
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(Ports { first, last }),
        _ => Err("expected FIRST-LAST with ports from 1 to 65535, e.g. 20000-20099".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_ranges() {
        let ports = |first, last| Ok(Ports { first, last });
        assert_eq!(port_range("20000-20099"), ports(20000, 20099));
        assert_eq!(port_range("7"), ports(7, 7));
        assert!(port_range("9-7").is_err());
        assert!(port_range("0-7").is_err());
        assert!(port_range("1-70000").is_err());
    }
}
