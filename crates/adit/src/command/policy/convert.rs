//! `adit policy convert`: an old document in the form of today.

use std::path::PathBuf;

use super::{For, print, read};
use crate::exit::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The document; `-` is the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    subject: For,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let text = read(&self.file)?;
        let converted = adit_policy::convert(&text, self.subject.subject()).map_err(|faults| {
            let mut failure = Failure::failed(format!("{} is not converted: it is wrong", self.file.display()));
            if let Some(first) = faults.first() {
                failure = failure.because(first.to_string());
            }
            failure.fix(format!("adit policy check {}", self.file.display()))
        })?;
        print(&converted)?;
        Ok(Exit::Done)
    }
}
