//! `adit server`: the server of an organisation, from a configuration file.

mod backup;
mod init;
mod place;
mod recover;
mod run;

use std::path::{Path, PathBuf};

use adit_server::config::Settings;
use clap::{Args, Subcommand};

use crate::exit::{Exit, Failure};
use crate::firewall;

/// Where state is kept if nothing else is said.
const DATA_DIR: &str = "/var/lib/adit";

/// The server of an organisation.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  adit server init --base-domain tunnels.example.com --email ops@example.com\n  adit server --config adit-server.yml\n  adit server check-config --config adit-server.yml\n\nSIGHUP reads the configuration anew, SIGTERM drains and stops, a second one stops at once."
)]
pub(crate) struct ServerArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Runs the server; the same as without a word
    Run(ConfigFile),
    /// Writes a commented configuration file and makes the first organisation and administrator
    Init(init::InitArgs),
    /// Says what is wrong with a configuration file
    CheckConfig(ConfigFile),
    /// Writes everything of the store into a file, while the server runs or not
    #[command(
        after_help = "Examples:\n  adit server backup adit.backup\n  adit server backup adit.backup --passphrase-file passphrase.txt"
    )]
    Backup(backup::BackupArgs),
    /// Restores a backup into an empty store, while the server is stopped
    #[command(after_help = "Example:\n  adit server restore adit.backup --config adit-server.yml")]
    Restore(backup::RestoreArgs),
    /// Makes a link by which a user chooses a new password, and ends his sessions; without signing in
    #[command(
        after_help = "Examples:\n  adit server reset-user ada@example.com\n  adit server reset-user ada@example.com --config /etc/adit/adit-server.yml\n\nThe server may run or not."
    )]
    ResetUser(recover::ResetUserArgs),
    /// IP restrictions that lock their own administrators out
    IpRestrictions(recover::IpRestrictionsArgs),
}

/// Which configuration.
#[derive(Args, Debug)]
struct ConfigFile {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "adit-server.yml")]
    config: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: ServerArgs) -> Result<Exit, Failure> {
    match args.action {
        None => run::run(&args.file.config),
        Some(Action::Run(file)) => run::run(&file.config),
        Some(Action::Init(args)) => init::run(&args),
        Some(Action::CheckConfig(file)) => check(&file.config),
        Some(Action::Backup(args)) => backup::backup(&args),
        Some(Action::Restore(args)) => backup::restore(&args),
        Some(Action::ResetUser(args)) => recover::reset_user(&args),
        Some(Action::IpRestrictions(args)) => recover::ip_restrictions(&args),
    }
}

/// A configuration that can be run.
#[derive(Debug)]
struct Config {
    settings: Settings,
    base_domain: String,
    data_dir: PathBuf,
}

impl Config {
    /// Reads file and environment.
    fn read(path: &Path) -> Result<Self, Failure> {
        // A name that is not UTF-8 is not one of ours; a value that is not is refused like any other wrong one.
        let variables: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .collect();
        let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let settings = Settings::from_file(path, variables).map_err(|e| {
            let failure = Failure::usage(e.to_string());
            if path.exists() {
                failure
            } else {
                failure
                    .fix("write one: adit server init --base-domain NAME --email ADDRESS, or name yours: --config FILE")
            }
        })?;
        let base_domain = settings.base_domain.as_deref().ok_or_else(|| {
            Failure::usage(format!("{}: base_domain is not set", path.display()))
                .fix("set the domain below which names are given: base_domain: tunnels.example.com")
        })?;
        Ok(Self {
            base_domain: base_domain.trim_end_matches('.').to_ascii_lowercase(),
            data_dir: settings.data_dir.clone().unwrap_or_else(|| DATA_DIR.into()),
            settings,
        })
    }
}

fn check(path: &Path) -> Result<Exit, Failure> {
    let config = Config::read(path)?;
    if let (Some(certificate), Some(key)) = (&config.settings.tls.cert_file, &config.settings.tls.key_file) {
        adit_server::certificates::CertificateFiles::read(certificate, key, &config.base_domain)
            .map_err(|e| Failure::usage(e.to_string()).at("tls.cert_file, tls.key_file"))?;
    }
    adit_server::address_files::AddressFiles::read(&config.settings.policy)
        .and_then(|files| files.verify())
        .map_err(|e| Failure::usage(e.to_string()))?;
    let waf = &config.settings.policy.waf;
    match firewall::load(waf.rules.as_deref(), waf.setup.as_deref()) {
        Ok(_) => println!("web application firewall: ready"),
        Err(none) if waf.is_set() => {
            return Err(Failure::usage("there is no web application firewall")
                .at("policy.waf")
                .because(none.why));
        }
        Err(none) => println!("web application firewall: none, {}", none.why),
    }
    println!("{}: ok, base domain {}", path.display(), config.base_domain);
    Ok(Exit::Done)
}
