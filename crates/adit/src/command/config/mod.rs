//! `adit config`: the file of agents and control commands (agent protocol 8.1).

pub(crate) mod edit;
pub(crate) mod file;

use std::path::PathBuf;

use clap::Subcommand;

use crate::exit::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep an API key in the file, for `adit api`
    #[command(
        after_help = "Examples:\n  adit config add-api-key 2ab…\n  adit config add-api-key --config ./adit.yml 2ab…"
    )]
    AddApiKey {
        /// The key; `-` reads it from stdin
        #[arg(value_name = "KEY")]
        key: String,
        /// The file; by default `adit/adit.yml` in the platform's configuration directory
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Check that the file can be read
    Check {
        /// The files, later ones over earlier ones
        #[arg(long, value_name = "FILE", value_delimiter = ',')]
        config: Vec<PathBuf>,
    },
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            Command::AddApiKey { key, config } => {
                let key = if key == "-" { first_line()? } else { key };
                let path = config.or_else(file::default_path).ok_or_else(|| {
                    Failure::usage("there is no home directory to keep the file in").fix("give one: --config FILE")
                })?;
                edit::set(&path, "api_key", key.trim())?;
                println!("The API key is saved in {}", path.display());
                Ok(Exit::Done)
            }
            Command::Check { config } => {
                let files = file::chosen(&config, &file::environment);
                for path in &files {
                    file::AgentFile::read(path)?;
                    println!("{} can be read", path.display());
                }
                if files.is_empty() {
                    println!("There is no configuration file; adit config add-api-key makes one");
                }
                Ok(Exit::Done)
            }
        }
    }
}

/// What a secret is read from when it shall not stand on the command line.
pub(crate) fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|e| Failure::usage(format!("stdin cannot be read: {e}")))?;
    Ok(line.trim().to_owned())
}
