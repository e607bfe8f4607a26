//! Backup and restore: everything of the store at one moment in one file, from either engine into either engine
//! (control plane 6.9).
//!
//! The file is lines of JSON: a header (schema, position, heads of all chains), one line per row, and a last line with
//! the number of rows and the SHA-256 of all before it, so that a damaged or cut file is found out. The master key and
//! the key of the audit are not in it, sealed secrets stay sealed. With a passphrase the whole is encrypted ([`seal`]).

mod restore;
mod seal;
mod table;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use self::table::TABLES;
use crate::error::StoreError;
use crate::log::ChainHead;
use crate::sql::Conn;
use crate::store::Store;
use crate::{feed, file, migrate};

pub use restore::{RestoreError, Restored};

/// Rows of one read.
const PIECE: i64 = 2_000;
/// First key of a file that is not encrypted.
const MAGIC: &str = "adit_backup";
/// Version of the form of the file.
const FORMAT: u64 = 1;
/// Blocks on their way to the file.
const BLOCKS: usize = 4;

/// A passphrase.
pub type Passphrase = Zeroizing<String>;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Position of the last entry in it.
    pub position: u64,
    /// Heads of all chains in it.
    pub heads: Vec<ChainHead>,
    /// How many rows.
    pub rows: u64,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Store {
    /// Writes a backup, as the store is at one moment, while others go on writing. The file is made anew with rights
    /// for its owner only, and appears under its name when it is whole and on the disk.
    ///
    /// # Errors
    /// The store cannot be read, or the file cannot be written; then there is no file.
    pub async fn backup(&self, path: &Path, passphrase: Option<Passphrase>) -> Result<Backup, BackupError> {
        let (blocks, mut waiting) = mpsc::channel::<Vec<u8>>(BLOCKS);
        let target = path.to_owned();
        let writing = tokio::task::spawn_blocking(move || {
            file::create_with(&target, |file| {
                let mut sink = Sink::new(file, passphrase)?;
                let mut whole = false;
                while let Some(block) = waiting.blocking_recv() {
                    // An empty block is the end; without it the reader has failed.
                    whole = block.is_empty();
                    sink.write_all(&block)?;
                }
                if !whole {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                sink.finish()
            })
        });
        let read = self.read_backup(&blocks).await;
        drop(blocks);
        let written = writing.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let at = |error| BackupError::File {
            path: path.to_owned(),
            error,
        };
        match read {
            Ok(Some(backup)) => written.map(|()| backup).map_err(at),
            // The writer went away: it says why.
            Ok(None) => Err(at(written.err().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()))),
            Err(error) => Err(error.into()),
        }
    }

    async fn read_backup(&self, blocks: &mpsc::Sender<Vec<u8>>) -> Result<Option<Backup>, StoreError> {
        let mut conn = self.conn().await?;
        conn.begin_reading().await?;
        let result = read_tables(&mut conn, blocks).await;
        feed::end(conn).await;
        result
    }
}

async fn read_tables(conn: &mut Conn, blocks: &mpsc::Sender<Vec<u8>>) -> Result<Option<Backup>, StoreError> {
    let position = feed::head(conn).await?;
    let heads = crate::log::read_heads(conn).await?;
    let told: Vec<Value> = heads.iter().map(head_json).collect();
    let header = json!({
        MAGIC: FORMAT,
        "schema": migrate::NEWEST,
        "position": position,
        "heads": told,
        "made_at": jiff::Timestamp::now().to_string(),
    });
    let mut hash = Context::new(&SHA256);
    let mut block = header.to_string().into_bytes();
    block.push(b'\n');
    let mut rows = 0_u64;
    for table in TABLES {
        let mut after = table.first();
        loop {
            let piece = table.read(conn, after, PIECE).await?;
            for row in &piece {
                block.extend(json!({table.name: row}).to_string().bytes());
                block.push(b'\n');
            }
            rows += u64::try_from(piece.len()).unwrap_or_default();
            hash.update(&block);
            if !block.is_empty() && blocks.send(std::mem::take(&mut block)).await.is_err() {
                return Ok(None);
            }
            match piece.last() {
                Some(last) if i64::try_from(piece.len()).unwrap_or_default() == PIECE => after = table.key(last),
                _ => break,
            }
        }
    }
    let end = json!({"end": {"rows": rows, "sha256": crate::hex(hash.finish().as_ref())}});
    let sent = blocks.send(format!("{end}\n").into_bytes()).await.is_ok() && blocks.send(Vec::new()).await.is_ok();
    Ok(sent.then_some(Backup { position, heads, rows }))
}

fn head_json(head: &ChainHead) -> Value {
    json!({
        "organization_id": head.organization_id,
        "chain": head.chain.as_str(),
        "seq": head.seq,
        "hash": crate::hex(&head.hash),
    })
}

/// Where blocks go: into the file as they are, or sealed.
enum Sink<'a> {
    Plain(BufWriter<&'a mut File>),
    Sealed(seal::Seal<BufWriter<&'a mut File>>),
}

impl<'a> Sink<'a> {
    fn new(file: &'a mut File, passphrase: Option<Passphrase>) -> io::Result<Self> {
        let file = BufWriter::new(file);
        Ok(match passphrase {
            None => Self::Plain(file),
            Some(passphrase) => Self::Sealed(seal::Seal::new(file, &passphrase, seal::COST)?),
        })
    }

    fn write_all(&mut self, block: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(block),
            Self::Sealed(seal) => seal.write_all(block),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Sealed(seal) => seal.finish()?.flush(),
        }
    }
}
