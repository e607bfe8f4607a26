//! `adit audit`: the log of everything that was changed and decided (control plane 5).

#[cfg(feature = "server")]
mod keys;
#[cfg(feature = "server")]
mod verify;

use crate::command::api::client::Request;
use crate::command::api::list::Listing;
use crate::command::api::request::with_query;
use crate::command::api::show::{self, Show};
use crate::command::api::{Common, event_loop};
use crate::exit::{Exit, Failure};
use crate::output::failure::Form;

use clap::{Subcommand, ValueEnum};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Entries, newest first
    #[command(
        after_help = "Examples:\n  adit audit list --limit 10\n  adit audit list --object ipp_… -o jsonl\n  adit audit list --filter 'obj.event_type == \"credential_deleted.v0\"'"
    )]
    List(ListArgs),
    /// All entries with their hashes, oldest first, and a signed manifest at the end
    #[command(after_help = "Example:\n  adit audit export --from 2026-11-01T00:00:00Z > november.ndjson")]
    Export(ExportArgs),
    /// Check that the log is what was written: every hash, every number, every signed head
    #[cfg(feature = "server")]
    #[command(
        after_help = "Examples:\n  adit audit verify\n  adit audit verify --heads heads.ndjson\n  adit audit verify --data-dir /var/lib/adit\n  adit audit verify november.ndjson december.ndjson --key keys.json"
    )]
    Verify(verify::Args),
    /// The signed heads of the chains, to be kept elsewhere
    #[command(after_help = "Example:\n  adit audit heads >> heads.ndjson")]
    Heads {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Which, in the filter language of the API
    #[arg(long, value_name = "FILTER", help_heading = "List")]
    filter: Option<String>,
    /// Only about this object
    #[arg(long, value_name = "ID", help_heading = "List")]
    object: Option<String>,
    /// Only by this user or service user
    #[arg(long, value_name = "ID", help_heading = "List")]
    actor: Option<String>,
    #[command(flatten)]
    range: RangeArgs,
    /// So many on a page
    #[arg(long, value_name = "N", help_heading = "List")]
    limit: Option<u8>,
    /// The page behind this entry
    #[arg(long, value_name = "ID", help_heading = "List")]
    before_id: Option<String>,
    /// All pages
    #[arg(long, help_heading = "List")]
    all: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct RangeArgs {
    /// Not before this time (RFC 3339)
    #[arg(long, value_name = "TIME", help_heading = "List")]
    from: Option<String>,
    /// Before this time (RFC 3339)
    #[arg(long, value_name = "TIME", help_heading = "List")]
    to: Option<String>,
}

#[derive(Debug, clap::Args)]
struct ExportArgs {
    #[command(flatten)]
    range: RangeArgs,
    /// The form of the export
    #[arg(long, value_enum, value_name = "FORM", default_value = "ndjson")]
    format: Format,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Ndjson,
    Csv,
}

impl Args {
    pub(crate) fn failure_form(&self) -> Form {
        match &self.command {
            Command::List(args) => args.common.failure_form(),
            Command::Export(args) => args.common.failure_form(),
            #[cfg(feature = "server")]
            Command::Verify(args) => args.common.failure_form(),
            Command::Heads { common } => common.failure_form(),
        }
    }

    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            Command::List(args) => list(&args),
            Command::Export(args) => {
                let format = if args.format == Format::Csv { "csv" } else { "ndjson" };
                let mut pairs = args.range.pairs();
                pairs.push(("format".to_owned(), format.to_owned()));
                stream(&args.common, &with_query("/adit/audit/export".to_owned(), &pairs))
            }
            #[cfg(feature = "server")]
            Command::Verify(args) => args.run(),
            Command::Heads { common } => stream(&common, "/adit/audit/heads"),
        }
    }
}

impl RangeArgs {
    fn pairs(&self) -> Vec<(String, String)> {
        let given = [("from", &self.from), ("to", &self.to)];
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        given.collect()
    }
}

fn list(args: &ListArgs) -> Result<Exit, Failure> {
    let mut pairs = args.range.pairs();
    let given = [
        ("filter", args.filter.clone()),
        ("object", args.object.clone()),
        ("actor", args.actor.clone()),
        ("limit", args.limit.map(|n| n.to_string())),
        ("before_id", args.before_id.clone()),
    ];
    pairs.extend(
        given
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );
    let mut client = args.common.target.client()?;
    let show = Show::new(&args.common);
    let listing = Listing {
        key: "entries",
        what: "entries",
        all: args.all || !(show.terminal || args.limit.is_some() || args.before_id.is_some()),
        sort: None,
        form: args.common.failure_form(),
    };
    let request = Request::get(with_query("/adit/audit".to_owned(), &pairs));
    event_loop()?.block_on(listing.run(&mut client, request, &show))
}

/// Copies an answer to stdout as it comes.
fn stream(common: &Common, target: &str) -> Result<Exit, Failure> {
    let mut client = common.target.client()?;
    let mut sink = |piece: &[u8]| match show::written(piece)? {
        true => Ok(()),
        false => Err(Failure::failed("nobody reads the output any more")),
    };
    let answer = event_loop()?.block_on(client.ask_into(&Request::get(target), Some(&mut sink)))?;
    // Another status than 200 is a refusal, whose body was kept.
    if answer.status != 200 {
        show::body(&answer, common.failure_form())?;
    }
    Ok(Exit::Done)
}
