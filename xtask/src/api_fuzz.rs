//! `cargo xtask api-fuzz`: many more requests of schemathesis than the suite `compat/api-fuzz` makes in a test run.

use anyhow::Result;

use crate::compat;
use crate::workspace::Workspace;

/// Options of `cargo xtask api-fuzz`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How many requests
    #[arg(long, default_value_t = 20_000)]
    requests: u32,
    /// Other requests than last time
    #[arg(long)]
    random: bool,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    workspace.cargo(["build", "--package", "adit", "--bin", "adit"]).run()?;
    let adit = workspace.binary("dev", "adit");
    let requests = args.requests.to_string();
    let mut environment = vec![("ADIT_FUZZ_REQUESTS", requests.as_str())];
    if args.random {
        environment.push(("ADIT_FUZZ_SEED", "random"));
    }
    // A request takes some 40 ms, most of it in the fuzzer.
    let minutes = 15 + args.requests / 600;
    compat::run_one(workspace, "api-fuzz", &adit, &environment, minutes)
}
