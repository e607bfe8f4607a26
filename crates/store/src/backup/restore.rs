//! A backup into an empty store.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::table::Table;
use super::{BLOCKS, FORMAT, MAGIC, Passphrase, head_json, seal};
use crate::error::{OpenError, StoreError};
use crate::log::ChainHead;
use crate::log::account::SYSTEM;
use crate::migrate;
use crate::sql::statements as s;
use crate::sql::{Arg, Conn, SqlError};
use crate::store::{Options, Store};
use crate::write::{Actor, Change, Fact, Write, WriteError};

/// Rows of one statement, and of one block on the way.
const ROWS: u64 = 64;
/// Longest line: a body with two policies of 512 KiB in an entry of the log, before and after, escaped.
const LINE: u64 = 64 << 20;

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Position of the last entry of the backup.
    pub position: u64,
    /// Heads of all chains of the backup.
    pub heads: Vec<ChainHead>,
    /// How many rows.
    pub rows: u64,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is something in the store already.
    #[error("the store is not empty; a backup is only restored into an empty one")]
    NotEmpty,
    /// The file cannot be read.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is encrypted.
    #[error("the backup is encrypted: give its passphrase")]
    Passphrase,
    /// The file is cut or damaged, or the passphrase is not the right one.
    #[error("the backup is damaged, or the passphrase is wrong: {0}")]
    Damaged(String),
    /// The file was made by a newer version.
    #[error("the backup has schema {found}, this version knows up to {known}: use the newer version")]
    Newer {
        /// Of the file.
        found: i64,
        /// Of this version.
        known: i64,
    },
    /// The store cannot be opened, or the master key is not the one that sealed the backup's secrets.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry about it cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<SqlError> for RestoreError {
    fn from(error: SqlError) -> Self {
        Self::Store(error.into())
    }
}

/// What comes from the file.
enum Block {
    Header(Value),
    Rows(&'static Table, Vec<Arg>, u64),
    End(u64),
}

impl Store {
    /// Restores a backup into an empty store, all of it or nothing, and opens the store. The log says so
    /// (`backup_restored`).
    ///
    /// # Errors
    /// The store is not empty, or the file is not a whole backup; nothing was changed. Also if the master key is not the
    /// one of the backup.
    pub async fn restore(
        options: Options,
        path: &Path,
        passphrase: Option<Passphrase>,
        actor: Actor,
    ) -> Result<(Self, Restored), RestoreError> {
        let mut conn = crate::store::place(&options.engine)?.open().await?;
        migrate::run(&mut conn).await?;
        let (blocks, mut waiting) = mpsc::channel(BLOCKS);
        let source = path.to_owned();
        let reading = tokio::task::spawn_blocking(move || {
            // First whether it is whole, then what is in it.
            read(&source, passphrase.as_ref(), None)?;
            read(&source, passphrase.as_ref(), Some(&blocks))
        });
        let filled = fill(&mut conn, &mut waiting).await;
        // Ends the reader, if it has not come to its end.
        drop(waiting);
        let reading = reading
            .await
            .unwrap_or_else(|error| Err(Fault::Damaged(error.to_string())));
        let restored = match (filled, reading) {
            (Err(error), Ok(()) | Err(Fault::Gone)) => Err(error),
            (_, Err(fault)) => Err(fault.at(path)),
            (Ok(None), Ok(())) => Err(RestoreError::Damaged("it has no end".to_owned())),
            (Ok(Some(restored)), Ok(())) => {
                // The key must open what is sealed in it, before it is there for good.
                match crate::store::check_probe(&mut conn, &options.key).await {
                    Ok(()) => Ok(restored),
                    Err(error) => Err(error.into()),
                }
            }
        };
        let restored = match restored {
            Ok(restored) => {
                conn.commit().await?;
                restored
            }
            Err(error) => {
                let _ = conn.rollback_if_open().await;
                conn.close().await;
                return Err(error);
            }
        };
        conn.close().await;
        let store = Self::open(options).await?;
        let heads: Vec<Value> = restored.heads.iter().map(head_json).collect();
        let fact = Fact {
            event_type: "backup_restored.v0",
            object: None,
            after: json!({"position": restored.position, "heads": heads, "rows": restored.rows}),
        };
        store
            .write(Write {
                organization: SYSTEM,
                actor,
                changes: vec![Change::Fact(fact)],
                dry_run: false,
            })
            .await?;
        Ok((store, restored))
    }
}

async fn fill(conn: &mut Conn, blocks: &mut mpsc::Receiver<Block>) -> Result<Option<Restored>, RestoreError> {
    conn.raw("BEGIN").await?;
    // The gate is held: no other node writes meanwhile.
    let position = conn
        .row(&s::GATE, Vec::new())
        .await?
        .map(|row| row.count(0))
        .transpose()?;
    if position != Some(0) || conn.row(&s::ANY_OBJECT, Vec::new()).await?.is_some() {
        return Err(RestoreError::NotEmpty);
    }
    // What an opened store has made: the probe of its key, leases.
    conn.run(&s::CLEAR_SECRETS, Vec::new()).await?;
    conn.run(&s::CLEAR_WORK, Vec::new()).await?;
    let damaged = |text: &str| RestoreError::Damaged(text.to_owned());
    let mut restored = None;
    let mut rows = 0;
    while let Some(block) = blocks.recv().await {
        match block {
            Block::Header(header) => restored = Some(read_header(&header)?),
            Block::Rows(table, args, count) => {
                conn.run_all(table.put, args).await?;
                rows += count;
            }
            Block::End(count) => {
                if count != rows {
                    return Err(damaged("rows are missing"));
                }
                let mut restored = restored.ok_or_else(|| damaged("it has no header"))?;
                restored.rows = rows;
                conn.run(&s::SET_POSITION, vec![Arg::from(restored.position)]).await?;
                return Ok(Some(restored));
            }
        }
    }
    Ok(None)
}

fn read_header(header: &Value) -> Result<Restored, RestoreError> {
    let damaged = || RestoreError::Damaged("its header cannot be read".to_owned());
    let schema = header.get("schema").and_then(Value::as_i64).ok_or_else(damaged)?;
    if schema > migrate::NEWEST || header.get(MAGIC).and_then(Value::as_u64) != Some(FORMAT) {
        return Err(RestoreError::Newer {
            found: schema,
            known: migrate::NEWEST,
        });
    }
    let head = |value: &Value| {
        Some(ChainHead {
            organization_id: value.get("organization_id")?.as_str()?.to_owned(),
            chain: value.get("chain")?.as_str()?.parse().ok()?,
            seq: value.get("seq")?.as_u64()?,
            hash: crate::unhex(value.get("hash")?.as_str()?)?.try_into().ok()?,
        })
    };
    let heads = header.get("heads").and_then(Value::as_array).ok_or_else(damaged)?;
    Ok(Restored {
        position: header.get("position").and_then(Value::as_u64).ok_or_else(damaged)?,
        heads: heads.iter().map(head).collect::<Option<_>>().ok_or_else(damaged)?,
        rows: 0,
    })
}

/// Why the file could not be read to its end.
enum Fault {
    Io(io::Error),
    Damaged(String),
    Passphrase,
    /// The store refused a row, or everything.
    Gone,
}

impl Fault {
    fn at(self, path: &Path) -> RestoreError {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                RestoreError::Damaged("a piece of it does not open".to_owned())
            }
            Self::Io(error) => RestoreError::File {
                path: path.to_owned(),
                error,
            },
            Self::Damaged(text) => RestoreError::Damaged(text),
            Self::Passphrase => RestoreError::Passphrase,
            Self::Gone => RestoreError::Damaged("it was not read to its end".to_owned()),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn read(path: &Path, passphrase: Option<&Passphrase>, blocks: Option<&mpsc::Sender<Block>>) -> Result<(), Fault> {
    let mut file = BufReader::new(File::open(path)?);
    let is_sealed = file.fill_buf()?.starts_with(seal::MAGIC);
    match (is_sealed, passphrase) {
        (false, _) => read_lines(file, blocks),
        (true, None) => Err(Fault::Passphrase),
        (true, Some(passphrase)) => {
            file.consume(seal::MAGIC.len());
            read_lines(BufReader::new(seal::Open::new(file, passphrase)?), blocks)
        }
    }
}

fn read_lines(mut file: impl BufRead, blocks: Option<&mpsc::Sender<Block>>) -> Result<(), Fault> {
    let damaged = |number: u64| Fault::Damaged(format!("line {number} cannot be read"));
    let mut hash = Context::new(&SHA256);
    let mut line = Vec::new();
    let mut pending: Option<(&'static Table, Vec<Arg>, u64)> = None;
    let send = |block| match blocks {
        Some(blocks) => blocks.blocking_send(block).map_err(|_| Fault::Gone),
        None => Ok(()),
    };
    for number in 1.. {
        line.clear();
        file.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(Fault::Damaged(format!("it ends in line {number}")));
        }
        let value: Value = serde_json::from_slice(&line).map_err(|_| damaged(number))?;
        let (name, row) = value
            .as_object()
            .and_then(|fields| fields.iter().next())
            .ok_or_else(|| damaged(number))?;
        if let Some((table, args, count)) = pending.take_if(|(table, _, count)| table.name != name || *count >= ROWS) {
            send(Block::Rows(table, args, count))?;
        }
        if name == "end" {
            let sum = crate::hex(hash.finish().as_ref());
            if row.get("sha256").and_then(Value::as_str) != Some(&sum) {
                return Err(Fault::Damaged("its sum is another".to_owned()));
            }
            let count = row.get("rows").and_then(Value::as_u64).ok_or_else(|| damaged(number))?;
            return send(Block::End(count));
        }
        hash.update(&line);
        if number == 1 {
            send(Block::Header(value))?;
            continue;
        }
        let table = Table::by_name(name).ok_or_else(|| damaged(number))?;
        let args = table.args(row).ok_or_else(|| damaged(number))?;
        let (_, all, count) = pending.get_or_insert_with(|| (table, Vec::new(), 0));
        all.extend(args);
        *count += 1;
    }
    Ok(())
}
