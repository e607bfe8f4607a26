//! The installation that a command is about: by its configuration file, or by its data directory alone.

use std::path::{Path, PathBuf};

use adit_server::config::Settings;
use adit_store::backup::Passphrase;
use clap::Args;

use super::Config;
use crate::exit::Failure;

/// Which installation.
#[derive(Args, Debug)]
pub(super) struct PlaceArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "adit-server.yml")]
    config: PathBuf,
    /// The data directory of an installation without one, as that of `adit dev`
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data_dir: Option<PathBuf>,
}

/// See [`PlaceArgs`].
pub(super) struct Place {
    pub(super) settings: Settings,
    pub(super) data_dir: PathBuf,
    /// Of a configuration file.
    pub(super) base_domain: Option<String>,
}

impl Place {
    /// Origin of the dashboard; none for a development server that does not run, which has other ports each time.
    pub(super) fn dashboard(&self) -> Option<String> {
        match &self.base_domain {
            Some(base_domain) => Some(adit_server::dashboard(&self.settings, base_domain)),
            None => crate::dev::dashboard_of(&self.data_dir),
        }
    }
}

impl PlaceArgs {
    pub(super) fn read(&self) -> Result<Place, Failure> {
        if let Some(data_dir) = &self.data_dir {
            return Ok(Place {
                settings: Settings::default(),
                data_dir: data_dir.clone(),
                base_domain: None,
            });
        }
        let config = Config::read(&self.config)?;
        Ok(Place {
            settings: config.settings,
            data_dir: config.data_dir,
            base_domain: Some(config.base_domain),
        })
    }
}

/// The passphrase in a file, without the end of its line.
pub(super) fn passphrase(file: Option<&Path>) -> Result<Option<Passphrase>, Failure> {
    let Some(path) = file else { return Ok(None) };
    let text = std::fs::read_to_string(path)
        .map(Passphrase::new)
        .map_err(|e| Failure::usage(format!("{} cannot be read: {e}", path.display())))?;
    let text = Passphrase::new(text.trim_end_matches(['\r', '\n']).to_owned());
    if text.is_empty() {
        return Err(Failure::usage(format!("{} holds no passphrase", path.display())));
    }
    Ok(Some(text))
}
