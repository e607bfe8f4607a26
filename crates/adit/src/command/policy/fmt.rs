//! `adit policy fmt`: documents in canonical layout.

use std::path::{Path, PathBuf};

use super::{print, read};
use crate::exit::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Policies; `-` is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the files
    #[arg(long, conflicts_with = "check")]
    write: bool,
    /// Say which files are not in this layout, and fail if there are any
    #[arg(long)]
    check: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut others = 0;
        for file in &self.files {
            let text = read(file)?;
            let out = adit_policy::format(&text).map_err(|why| {
                Failure::failed(format!("{} is not laid out anew", file.display())).because(why.to_string())
            })?;
            let name = format!("{}\n", file.display());
            match (self.write, self.check) {
                (false, false) => print(&out)?,
                _ if out == text => {}
                (true, _) if file == Path::new("-") => print(&out)?,
                (true, _) => {
                    replace(file, &out)?;
                    print(&name)?;
                }
                (false, true) => {
                    others += 1;
                    print(&name)?;
                }
            }
        }
        Ok(if others > 0 { Exit::Failed } else { Exit::Done })
    }
}

/// Writes a file beside it first: one that cannot be written stays as it was.
pub(super) fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    let unwritable = |error: std::io::Error| {
        Failure::failed(format!("{} cannot be written", file.display())).because(error.to_string())
    };
    // A link stays one.
    let target = std::fs::canonicalize(file).map_err(unwritable)?;
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = target.with_file_name(name);
    let write = || {
        std::fs::write(&temporary, text)?;
        std::fs::set_permissions(&temporary, std::fs::metadata(&target)?.permissions())?;
        std::fs::rename(&temporary, &target)
    };
    write().map_err(|error| {
        // What is left of it is nobody's.
        let _ = std::fs::remove_file(&temporary);
        unwritable(error)
    })
}
