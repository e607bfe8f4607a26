//! `adit version`

use std::io::Write as _;

use crate::exit::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let version = env!("CARGO_PKG_VERSION");
        let text = if self.json {
            serde_json::json!({ "version": version, "os": std::env::consts::OS, "arch": std::env::consts::ARCH })
                .to_string()
        } else {
            format!("adit {version}")
        };
        // A reader that went away has what it wanted.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
        Ok(Exit::Done)
    }
}
