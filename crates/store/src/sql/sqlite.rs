//! SQLite: one file, WAL, every commit on the disk before it is acknowledged.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::statements::Statement;
use super::{Conn, SqlError};

pub(crate) const BEGIN_READING: &str = "BEGIN DEFERRED";
pub(crate) const BEGIN_WRITING: &str = "BEGIN IMMEDIATE";

/// Waits for nobody.
pub(crate) const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// `ok`, or what is damaged.
pub(crate) const QUICK_CHECK: Statement = Statement {
    text: "PRAGMA quick_check",
};

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL may roll acknowledged changes back after a power loss.
        .synchronous(SqliteSynchronous::Full)
        .pragma("fullfsync", "1")
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        // By the writer when it is idle: else some commits pay for it.
        .pragma("wal_autocheckpoint", "0")
        .statement_cache_capacity(512)
        .disable_statement_logging()
}

/// The writer's connection; makes the file where there is none.
pub(crate) async fn writer(path: &Path) -> Result<Conn, SqlError> {
    // In KiB. The last pages of a dozen indexes are changed by every batch: none shall be read for that.
    let options = options(path).pragma("cache_size", "-8192");
    Ok(Conn::from(options.connect().await?))
}

/// How a connection for reading is made.
pub(crate) fn reader(path: &Path) -> SqliteConnectOptions {
    options(path).pragma("query_only", "1").row_buffer_size(64)
}
