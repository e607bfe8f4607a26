//! The one connection that writes: opened when it is needed, opened anew when it was lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::error::OpenError;
use crate::secret::Sealer;
use crate::sql::{Conn, SqlError, postgres, sqlite};
use crate::store::probe;
use crate::{file, migrate};

/// From here on a checkpoint is due although others write.
const WAL_LIMIT: u64 = 64 << 20;

/// A database that cannot be reached by then is away.
const CONNECT: Duration = Duration::from_secs(2);

/// Where the database is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Place {
    /// Whether SQLite left its log behind when it was last used: it was not closed.
    pub(crate) fn was_left_open(&self) -> bool {
        match self {
            Self::Sqlite(path) => std::fs::metadata(wal(path)).is_ok_and(|wal| wal.len() > 0),
            Self::Postgres(_) => false,
        }
    }

    pub(crate) async fn open(&self) -> Result<Conn, OpenError> {
        match self {
            Self::Sqlite(path) => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                if let Some(system) = file::network_mount(folder.unwrap_or_else(|| Path::new("."))) {
                    let path = path.clone();
                    return Err(OpenError::Network { path, system });
                }
                file::make_private(path).map_err(|error| OpenError::file(path, error))?;
                sqlite::writer(path).await.map_err(OpenError::sql)
            }
            Self::Postgres(options) => postgres::writer(options).await,
        }
    }
}

/// SQLite's log.
fn wal(path: &Path) -> PathBuf {
    let mut wal = path.to_owned().into_os_string();
    wal.push("-wal");
    wal.into()
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Writer {
    place: Place,
    conn: Option<Conn>,
    /// Something was written since the last checkpoint.
    dirty: bool,
    /// The store was opened without its database: what is looked at when a store is opened is looked at with the first
    /// connection.
    unseen: Option<Arc<Sealer>>,
}

impl Writer {
    pub(crate) fn new(place: Place, conn: Conn) -> Self {
        Self {
            place,
            conn: Some(conn),
            dirty: true,
            unseen: None,
        }
    }

    /// Nothing is opened before it is needed.
    pub(crate) fn idle(place: Place) -> Self {
        Self {
            place,
            conn: None,
            dirty: false,
            unseen: None,
        }
    }

    /// Nothing is opened yet; the first connection brings the tables to this version, and its secrets must open with this
    /// key.
    pub(crate) fn later(place: Place, sealer: Arc<Sealer>) -> Self {
        Self {
            unseen: Some(sealer),
            ..Self::idle(place)
        }
    }

    /// The connection; [`Writer::put`] gives it back.
    pub(crate) async fn take(&mut self) -> Result<Conn, SqlError> {
        if let Some(conn) = self.conn.take() {
            return Ok(conn);
        }
        let failed = |error: OpenError| SqlError::Protocol(error.to_string());
        let opened = tokio::time::timeout(CONNECT, self.place.open()).await;
        let mut conn = opened
            .map_err(|_| SqlError::Io(std::io::ErrorKind::TimedOut.into()))?
            .map_err(failed)?;
        if let Some(sealer) = &self.unseen {
            migrate::run(&mut conn).await.map_err(failed)?;
            probe(&mut conn, sealer).await.map_err(failed)?;
            self.unseen = None;
        }
        Ok(conn)
    }

    /// Length of SQLite's log in bytes; 0 for another engine.
    pub(crate) fn log_length(place: &Place) -> u64 {
        match place {
            Place::Sqlite(path) => std::fs::metadata(wal(path)).map_or(0, |file| file.len()),
            Place::Postgres(_) => 0,
        }
    }

    pub(crate) fn put(&mut self, conn: Conn, wrote: bool) {
        self.conn = Some(conn);
        self.dirty |= wrote;
    }

    /// Gives a connection back after an error: its transaction is ended, or it is closed if it is of no use. True if
    /// it was lost.
    pub(crate) async fn put_broken(&mut self, mut conn: Conn, error: &SqlError) -> bool {
        if !postgres::is_connection_lost(error) && conn.rollback_if_open().await.is_ok() {
            self.conn = Some(conn);
            return false;
        }
        // Without a farewell, for which a peer that is gone would be waited for.
        drop(conn);
        true
    }

    /// Whether [`Writer::tidy`] has something to do.
    pub(crate) fn has_work(&self) -> bool {
        self.dirty && matches!(self.place, Place::Sqlite(_))
    }

    /// Moves SQLite's log into its file, as far as no reader is in the way. Never fails a write: what is in the log is
    /// durable as well.
    pub(crate) async fn tidy(&mut self) {
        if !self.has_work() {
            return;
        }
        self.dirty = false;
        if let Some(conn) = &mut self.conn
            && let Err(error) = conn.raw(sqlite::CHECKPOINT).await
        {
            tracing::warn!(%error, "the log of the store cannot be moved into its file");
        }
    }

    /// As [`Writer::tidy`], while others write, if the log has become long.
    pub(crate) async fn tidy_if_long(&mut self) {
        let Place::Sqlite(path) = &self.place else { return };
        if std::fs::metadata(wal(path)).is_ok_and(|file| file.len() > WAL_LIMIT) {
            self.tidy().await;
        }
    }

    pub(crate) async fn close(&mut self) {
        self.tidy().await;
        if let Some(conn) = self.conn.take() {
            conn.close().await;
        }
    }
}
