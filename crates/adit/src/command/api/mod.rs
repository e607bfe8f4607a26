//! `adit api RESOURCE VERB`: every operation of the API. The table is generated from the API's description
//! (`cargo xtask api-table`); nothing here knows any resource.
//!
//! ```text
//! flags (from the table) ─▶ request ─▶ client (retries) ─▶ answer ─▶ show
//! target: which API, which key ───────────┘
//! ```

pub(crate) mod client;
#[cfg(test)]
mod documented;
mod flags;
pub(crate) mod list;
mod named;
mod operation;
pub(crate) mod request;
pub(crate) mod show;
#[rustfmt::skip]
mod table;
pub(crate) mod target;

use clap::{ArgMatches, FromArgMatches};

use crate::exit::{Exit, Failure};
use crate::output::document::Output;
use crate::output::failure::Form;
use client::Client;
use list::Listing;
use operation::{Operation, Resource};
use request::Typed;
use show::Show;
use target::TargetArgs;

/// A call: what of the table, and what was said about it.
#[derive(Debug)]
pub(crate) struct Args {
    operation: &'static Operation,
    resource: &'static Resource,
    matches: ArgMatches,
    common: Common,
}

/// Flags of all calls.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// The form of what is printed
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORM",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub(crate) output: Output,
    /// The same as --output json
    #[arg(long, help_heading = "Output", conflicts_with = "output")]
    pub(crate) json: bool,
    /// Only these columns
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Output")]
    pub(crate) columns: Vec<String>,
    /// No header
    #[arg(long, help_heading = "Output")]
    pub(crate) no_headers: bool,
    /// Say nothing but the answer and errors
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Say what is done
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
    /// ngrok's flags for a log, which such a command does not have
    #[command(flatten)]
    log: LogArgs,
}

/// Flags that are understood for the sake of old scripts: there is nothing that would be logged.
#[derive(Clone, Debug, Default, clap::Args)]
struct LogArgs {
    #[arg(long, hide = true, value_name = "PATH")]
    log: Option<String>,
    #[arg(long, hide = true, value_name = "FORM")]
    log_format: Option<String>,
    #[arg(long, hide = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

/// Flags of lists.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ListArgs {
    /// All pages; the default when the output is no terminal and no --limit is given
    #[arg(long, help_heading = "List")]
    pub(crate) all: bool,
    /// By this column, with - before it from the largest
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true, help_heading = "List")]
    pub(crate) sort: Option<String>,
}

impl Common {
    /// Whether a log was asked for.
    pub(crate) fn wants_log(&self) -> bool {
        let LogArgs {
            log,
            log_format,
            log_level,
        } = &self.log;
        [log, log_format, log_level].into_iter().any(Option::is_some)
    }

    /// The form of what goes wrong.
    pub(crate) fn failure_form(&self) -> Form {
        if self.json || matches!(self.output, Output::Json | Output::Jsonl) {
            Form::Json
        } else {
            Form::Text
        }
    }
}

impl clap::Args for Args {
    fn augment_args(command: clap::Command) -> clap::Command {
        flags::augment(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        flags::augment(command)
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (resource, matches) = matches.subcommand().ok_or_else(missing)?;
        let resource = table::RESOURCES
            .iter()
            .find(|r| r.name == resource)
            .ok_or_else(missing)?;
        let (verb, matches) = matches.subcommand().ok_or_else(missing)?;
        let operation = resource
            .operations
            .iter()
            .find(|o| o.verb == verb)
            .ok_or_else(missing)?;
        Ok(Self {
            operation,
            resource,
            common: Common::from_arg_matches(matches)?,
            matches: matches.clone(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args {
    pub(crate) fn failure_form(&self) -> Form {
        self.common.failure_form()
    }

    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let request = request::of(self.operation, &self.matches)?;
        let mut client = self.common.target.client()?;
        let show = Show::new(&self.common);
        if self.common.wants_log() {
            show.note("--log, --log-format and --log-level have no effect: this command logs nothing");
        }
        if self.operation.list.is_empty() {
            return event_loop()?.block_on(self.one(&mut client, request, &show));
        }
        let list = ListArgs::from_arg_matches(&self.matches).unwrap_or_default();
        let asked = |name: &str| {
            let field = self.operation.query.iter().find(|f| f.name == name);
            field.is_some_and(|f| self.matches.contains_id(&flags::query_id(f)))
        };
        let listing = Listing {
            key: self.operation.list,
            what: self.resource.name,
            all: list.all || !(show.terminal || asked("limit") || asked("before_id")),
            sort: list.sort.as_deref(),
            form: self.failure_form(),
        };
        event_loop()?.block_on(listing.run(&mut client, request.request, &show))
    }

    async fn one(&self, client: &mut Client, mut typed: Typed, show: &Show) -> Result<Exit, Failure> {
        let mut answer = client.ask(&typed.request).await?;
        if answer.status == 404
            && let Some((text, place)) = &typed.object
            && let Some(list) = named::list_of(self.resource, self.operation, text)
            && let Some(id) = named::find(client, list, text, show.terminal).await?
        {
            typed.request.target.replace_range(place.clone(), &client::encoded(&id));
            answer = client.ask(&typed.request).await?;
        }
        let json = answer
            .field("content-type")
            .is_none_or(|t| t.starts_with("application/json"));
        if answer.status == 200 && !json {
            return show::written(&answer.body).map(|_| Exit::Done);
        }
        let body = show::body(&answer, self.common.failure_form())?;
        if let Some(nodes) = answer.field("adit-pending-nodes") {
            show.note(&format!("kept; these nodes do not have it yet: {nodes}"));
        }
        match body {
            Some(object) => show.object(&object),
            None => {
                if self.common.verbose > 0 {
                    let what = self
                        .matches
                        .get_one::<String>(&flags::path_id(self.operation.positional));
                    let done = if self.operation.method == "DELETE" {
                        "deleted"
                    } else {
                        "done"
                    };
                    show.note(&format!("{done} {}", what.map_or("", String::as_str)));
                }
                Ok(Exit::Done)
            }
        }
    }
}

/// What a control command runs on.
pub(crate) fn event_loop() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("no event loop: {e}")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_operation_is_a_sound_command_with_a_flag_for_each_field() {
        let mut all = crate::Cli::command();
        all.build();
        let api = all.find_subcommand("api").unwrap();
        let mut known = 0;
        for resource in table::RESOURCES {
            let command = api.find_subcommand(resource.name).unwrap();
            for operation in resource.operations {
                let place = format!("{} {}", resource.name, operation.verb);
                let verb = command
                    .find_subcommand(operation.verb)
                    .unwrap_or_else(|| panic!("{place}"));
                verb.clone().debug_assert();
                assert!(!operation.about.is_empty(), "{place} says nothing about itself");
                for field in operation
                    .body
                    .iter()
                    .chain(operation.query)
                    .filter(|f| !flags::is_common(f))
                {
                    let flag = field.name.replace('_', "-");
                    let has = verb.get_arguments().any(|a| a.get_long() == Some(flag.as_str()));
                    assert!(has, "{place}: no flag for {}", field.name);
                }
                known += 1;
            }
        }
        assert!(known >= 60, "{known} operations");
    }
}
