//! `adit policy`: Traffic Policy without a server (traffic policy 6.2).

mod check;
mod convert;
mod diff;
mod explain;
mod firewall;
mod fmt;
mod junit;
mod test;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};

use adit_policy::Subject;
use serde_json::Value;

use crate::command::api::client::Request;
use crate::command::api::event_loop;
use crate::command::api::show::{self, written};
use crate::command::api::target::TargetArgs;
use crate::exit::{Exit, Failure};
use crate::output::failure::Form;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is wrong with policies
    #[command(
        after_help = "Examples:\n  adit policy check policy.yaml\n  adit policy check --cloud --protocol tls policy.yaml\n  adit policy check --json policy.yaml | jq .\n  adit policy check --portable policy.yaml\n  adit policy check --server policy.yaml"
    )]
    Check(check::Args),
    /// Run case files: policies with what is expected of them
    #[command(
        after_help = "Examples:\n  adit policy test cases.yaml\n  adit policy test cases.yaml --run 'rate-limit/*'\n  adit policy test cases.yaml --junit > report.xml\n  adit policy test cases.yaml --update"
    )]
    Test(test::Args),
    /// Tell what a policy does with a request or connection, rule by rule
    #[command(
        after_help = "Examples:\n  adit policy explain policy.yaml --request 'GET https://app.example.com/admin' -H 'x-tenant: a'\n  adit policy explain policy.yaml --request tcp://db.example.com:5432 --client-ip 198.51.100.7\n  adit policy explain --endpoint https://app.example.com --request 'GET https://app.example.com/admin'\n  adit policy explain --endpoint ep_2n… candidate.yaml --effects --request 'POST https://app.example.com/'"
    )]
    Explain(explain::Args),
    /// Say what two policies say, or decide, differently
    #[command(
        after_help = "Examples:\n  adit policy diff old.yaml new.yaml\n  adit policy diff old.yaml new.yaml --cases cases.yaml"
    )]
    Diff(diff::Args),
    /// Lay policies out in one way: comments are kept, empty lines are not
    #[command(
        after_help = "Examples:\n  adit policy fmt policy.yaml\n  adit policy fmt --write policy.yaml\n  adit policy fmt --check policies/*.yaml\n\nA document of which something would be lost (anchors, merge keys) is refused and never written."
    )]
    Fmt(fmt::Args),
    /// Write an old document (inbound, outbound) in the form of today
    #[command(after_help = "Example:\n  adit policy convert old.json > policy.yaml")]
    Convert(convert::Args),
    /// Print the JSON Schema of the document, for editors
    Schema,
}

/// For which endpoint a policy is.
#[derive(Debug, clap::Args)]
struct For {
    /// Protocol of the endpoint
    #[arg(long, value_enum, default_value = "https")]
    protocol: Protocol,
    /// The endpoint is a cloud endpoint: a rule has to end every request
    #[arg(long)]
    cloud: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    Http,
    Https,
    Tls,
    Tcp,
    Udp,
}

impl For {
    fn subject(&self) -> Subject<'static> {
        let scheme = match self.protocol {
            Protocol::Http => adit_policy::Scheme::Http,
            Protocol::Https => adit_policy::Scheme::Https,
            Protocol::Tls => adit_policy::Scheme::Tls,
            Protocol::Tcp => adit_policy::Scheme::Tcp,
            Protocol::Udp => adit_policy::Scheme::Udp,
        };
        let subject = if self.cloud {
            Subject::cloud(scheme)
        } else {
            Subject::agent(scheme)
        };
        // A document is for some server, and that one may have a firewall.
        Subject {
            actions: adit_policy::Actions::Language,
            ..subject
        }
    }
}

impl Args {
    pub(crate) fn failure_form(&self) -> Form {
        match &self.command {
            Command::Check(args) if args.json => Form::Json,
            Command::Test(args) if args.json => Form::Json,
            Command::Explain(args) if args.json => Form::Json,
            Command::Diff(args) if args.json => Form::Json,
            _ => Form::Text,
        }
    }

    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            Command::Check(args) => args.run(),
            Command::Test(args) => args.run(),
            Command::Explain(args) => args.run(),
            Command::Diff(args) => args.run(),
            Command::Fmt(args) => args.run(),
            Command::Convert(args) => args.run(),
            Command::Schema => {
                print(adit_policy::SCHEMA)?;
                Ok(Exit::Done)
            }
        }
    }
}

/// Asks the API for something; the answer is an object.
fn ask(target: &TargetArgs, json: bool, path: &str, body: &Value) -> Result<Value, Failure> {
    let mut client = target.client()?;
    let request = Request {
        method: "POST",
        target: path.to_owned(),
        fields: Vec::new(),
        body: Some(body.to_string().into_bytes()),
    };
    let answer = event_loop()?.block_on(client.ask(&request))?;
    let answer = show::body(&answer, if json { Form::Json } else { Form::Text })?;
    answer.ok_or_else(|| Failure::failed(format!("{path} was answered with nothing")))
}

/// Case files are larger than policies.
const MAX_FILE: u64 = 64 << 20;

/// The text of a file; `-` is the standard input.
fn read(path: &Path) -> Result<String, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("{} cannot be read", path.display())).because(error.to_string());
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin()
            .take(MAX_FILE)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
            .map_err(unreadable)?;
    }
    Ok(text)
}

/// Writes to the standard output; nobody reading it is no failure.
fn print(text: &str) -> Result<(), Failure> {
    written(text.as_bytes()).map(|_| ())
}

/// A path beside another file.
fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(path)
}
