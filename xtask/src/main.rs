//! The project's own commands, run as `cargo xtask …`: what continuous integration calls is what a person calls.
//!
//! One file a command (`test`, `bench`, `fuzz`, `openapi`, `api_table`, `deps`, `targets`); beside them what they share: `process`
//! (child processes), `install` (what a fresh machine lacks), `steps` (the runner of `test`), `tally` (counting
//! test results), `workspace` (where things lie).

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod api_fuzz;
mod api_table;
mod bench;
#[cfg(test)]
mod checklists;
mod compat;
mod deps;
mod fuzz;
mod install;
mod openapi;
mod process;
mod steps;
mod tally;
mod targets;
mod test;
mod workspace;

use workspace::Workspace;

/// Commands of the Adit workspace.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Everything a change has to pass: format, lints, licences, dependencies, tests, loom, foreign clients
    Test(test::Args),
    /// Measure Adit beside its peers (benches/run.py)
    Bench(bench::Args),
    /// Run the fuzz targets for a bounded number of inputs
    Fuzz(fuzz::Args),
    /// Ask the API many things that its description allows, and many that it does not
    ApiFuzz(api_fuzz::Args),
    /// Write the commands of `adit api` anew from the API's description
    ApiTable(api_table::Args),
    /// Print which crate knows which, and fail on an edge that is not allowed
    Deps(deps::Args),
    /// Type-check the agent for the platforms it also runs on
    Targets(targets::Args),
    /// Write the description of the API (crates/api/openapi.json) as it follows from the code
    Openapi(openapi::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = Workspace::find().and_then(|workspace| match &cli.command {
        Command::Test(args) => test::run(args, &workspace),
        Command::Bench(args) => bench::run(args, &workspace),
        Command::Fuzz(args) => fuzz::run(args, &workspace),
        Command::ApiFuzz(args) => api_fuzz::run(args, &workspace),
        Command::ApiTable(args) => api_table::run(args, &workspace),
        Command::Deps(args) => deps::run(args, &workspace),
        Command::Targets(args) => targets::run(args, &workspace),
        Command::Openapi(args) => openapi::run(args, &workspace),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
