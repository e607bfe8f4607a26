//! `adit server backup` and `adit server restore`: everything of the store in one file, and back (control plane 6.9).

use std::path::PathBuf;

use adit_server::state::State;
use adit_server::{node_name, wire};
use adit_store::backup::RestoreError;
use adit_store::{Actor, MasterKey, OpenError, Options, Source, Store};
use clap::Args;

use super::place::{Place, PlaceArgs, passphrase};
use crate::exit::{Exit, Failure};

/// What is kept where.
#[derive(Args, Debug)]
pub(super) struct BackupArgs {
    /// The file to write; one that is there is replaced as a whole
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A file with the passphrase under which the backup is encrypted
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// What is restored where.
#[derive(Args, Debug)]
pub(super) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A file with the passphrase under which the backup was encrypted
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Beside a running server or of one that is stopped.
pub(super) fn backup(args: &BackupArgs) -> Result<Exit, Failure> {
    let Place { settings, data_dir, .. } = args.place.read()?;
    let passphrase = passphrase(args.passphrase_file.as_deref())?;
    let is_plain = passphrase.is_none();
    let shown = args.file.display();
    let backup = event_loop()?.block_on(async {
        let store = Store::open_to_read(&wire::engine(&settings, &data_dir))
            .await
            .map_err(failed)?;
        let backup = store.backup(&args.file, passphrase).await;
        store.close().await;
        backup.map_err(failed)
    })?;
    println!(
        "wrote  {shown}: {} rows up to position {} of the log, {} chains",
        backup.rows,
        backup.position,
        backup.heads.len()
    );
    if is_plain {
        println!("       not encrypted: secrets in it are sealed, everything else can be read");
    }
    println!("       without the keys: keep master.key, audit-key and ca.key.pem of the data directory apart from it");
    Ok(Exit::Done)
}

/// While no server runs on the data directory.
pub(super) fn restore(args: &RestoreArgs) -> Result<Exit, Failure> {
    let Place { settings, data_dir, .. } = args.place.read()?;
    let passphrase = passphrase(args.passphrase_file.as_deref())?;
    let state = State::open(&data_dir).map_err(failed)?;
    let key = MasterKey::existing(&wire::key_places(&settings, state.dir())).map_err(|error| match error {
        OpenError::NoKey(path) => {
            Failure::failed("there is no master key, and without it the secrets of a backup stay sealed").fix(format!(
                "copy it from the installation that the backup is of: {}",
                path.display()
            ))
        }
        other => failed(other),
    })?;
    let options = Options {
        engine: wire::engine(&settings, state.dir()),
        node: node_name(&settings),
        key,
    };
    let actor = Actor {
        principal: None,
        subject: "host".to_owned(),
        source: Source::Host,
        credential: None,
        ip: None,
        user_agent: String::new(),
        operation_id: String::new(),
    };
    let restored = event_loop()?.block_on(async {
        let (store, restored) = Store::restore(options, &args.file, passphrase, actor).await?;
        store.close().await;
        Ok(restored)
    });
    let restored = restored.map_err(|error: RestoreError| {
        let failure = Failure::failed(error.to_string());
        match error {
            RestoreError::Passphrase => failure.fix("name the file that holds it: --passphrase-file FILE"),
            RestoreError::NotEmpty => failure.fix("give an empty data directory or database"),
            _ => failure,
        }
    })?;
    println!(
        "restored  {}: {} rows up to position {} of the log, {} chains",
        args.file.display(),
        restored.rows,
        restored.position,
        restored.heads.len()
    );
    Ok(Exit::Done)
}

pub(super) fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::failed(error.to_string())
}

pub(super) fn event_loop() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("no event loop: {e}")))
}
