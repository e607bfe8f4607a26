//! `cargo xtask openapi`: writes the description of the API, as it follows from the code, to
//! `crates/api/openapi.json`. A test of that crate fails while it is another.

use anyhow::Result;

use crate::process::Cmd;
use crate::workspace::Workspace;

/// Options of `cargo xtask openapi`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, workspace: &Workspace) -> Result<()> {
    Cmd::cargo()
        .args(["test", "--package", "adit-api", "--test", "openapi"])
        .env("ADIT_WRITE_OPENAPI", "1")
        .dir(workspace.root())
        .run()
}
