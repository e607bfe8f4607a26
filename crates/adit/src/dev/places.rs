//! Where a development server keeps its state.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// Name of the file that says where a running server is.
pub(crate) const DEV_JSON: &str = "dev.json";

/// The default data directory.
pub(crate) fn data_dir() -> Result<PathBuf, Failure> {
    user_data().map(|d| d.join("adit").join("dev")).ok_or_else(|| {
        Failure::usage("there is no home directory to keep state in").fix("give one: adit dev --data-dir DIR")
    })
}

fn user_data() -> Option<PathBuf> {
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if cfg!(windows) {
        return var("LOCALAPPDATA");
    }
    if cfg!(target_os = "macos") {
        return var("HOME").map(|h| h.join("Library/Application Support"));
    }
    var("XDG_DATA_HOME")
        .filter(|p| p.is_absolute())
        .or_else(|| var("HOME").map(|h| h.join(".local/share")))
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
