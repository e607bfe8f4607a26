//! The commands, one file each, and what several of them share.

pub(crate) mod api;
mod audit;
mod config;
mod connection;
pub(crate) mod dev_server;
mod endpoint;
mod http;
mod policy;
mod restart;
mod serve;
mod signals;
mod tcp;
mod tls;
mod version;

use clap::Subcommand;

use crate::exit::{Exit, Failure};
use crate::output::failure::Form;
use crate::output::printer::{LogArgs, LogFormat};

/// Everything `adit` can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it on this machine: server and agent in one process
    #[cfg(feature = "server")]
    Dev(Box<crate::dev::DevArgs>),
    /// The server of an organisation, from a configuration file
    #[cfg(feature = "server")]
    Server(Box<crate::server::ServerArgs>),
    /// Put an HTTP service on a public URL
    Http(Box<http::Args>),
    /// Put a TCP service on a public port
    Tcp(Box<tcp::Args>),
    /// Put a TLS service on a public name; TLS reaches the service as it is
    Tls(Box<tls::Args>),
    /// Every operation of the server's API: adit api RESOURCE VERB
    Api(Box<api::Args>),
    /// The log of everything that was changed and decided
    Audit(Box<audit::Args>),
    /// Traffic Policy: check, test, explain
    Policy(Box<policy::Args>),
    /// The configuration file of agents and control commands
    Config(config::Args),
    /// Print the version
    Version(version::Args),
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            #[cfg(feature = "server")]
            Self::Dev(args) => crate::dev::run(*args),
            #[cfg(feature = "server")]
            Self::Server(args) => crate::server::run(*args),
            Self::Http(args) => args.run(),
            Self::Tcp(args) => args.run(),
            Self::Tls(args) => args.run(),
            Self::Api(args) => args.run(),
            Self::Audit(args) => args.run(),
            Self::Policy(args) => args.run(),
            Self::Config(args) => args.run(),
            Self::Version(args) => args.run(),
        }
    }

    /// A program that wants JSON lines gets its failure as one.
    pub(crate) fn failure_form(&self) -> Form {
        let of = |log: &LogArgs| {
            if log.log_format == Some(LogFormat::Json) {
                Form::Json
            } else {
                Form::Text
            }
        };
        match self {
            #[cfg(feature = "server")]
            Self::Dev(_) | Self::Server(_) => Form::Text,
            Self::Http(args) => of(&args.log),
            Self::Tcp(args) => of(&args.log),
            Self::Tls(args) => of(&args.log),
            Self::Api(args) => args.failure_form(),
            Self::Audit(args) => args.failure_form(),
            Self::Policy(args) => args.failure_form(),
            Self::Config(_) => Form::Text,
            Self::Version(_) => Form::Text,
        }
    }
}
