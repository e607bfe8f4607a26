//! Where a development server keeps its state.

use std::path::{Path, PathBuf};

use crate::command::dev_server::default_directory;
use crate::exit::Failure;

/// Name of the file that says where a running server is.
pub(crate) const DEV_JSON: &str = "dev.json";

/// The default data directory.
pub(crate) fn data_dir() -> Result<PathBuf, Failure> {
    default_directory().ok_or_else(|| {
        Failure::usage("there is no home directory to keep state in").fix("give one: adit dev --data-dir DIR")
    })
}

/// A path as a person reads it: with `~` for the home directory on a terminal.
pub(crate) fn shown(path: &Path, terminal: bool) -> String {
    if terminal
        && let Some(home) = std::env::var_os("HOME")
        && let Ok(rest) = path.strip_prefix(&home)
    {
        return format!("~/{}", rest.display());
    }
    path.display().to_string()
}
