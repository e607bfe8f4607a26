//! Connections for reading, and on PostgreSQL for `work`.
//!
//! Not the pool of the driver, which asks every connection that comes back whether it still lives: a second round trip,
//! as dear as the question itself, for each read by id. Here a connection comes back if its last question was answered
//! and it has no transaction open; else it is closed.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::{Conn, Dialect, Line, SqlError, sqlite};

/// How long one waits for a connection that others have, and for one that is made.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections to PostgreSQL.
const POSTGRES: usize = 8;
/// A connection that nobody had for so long is closed: what lies on the way to the database may have forgotten it, and
/// would be silent.
const IDLE: Duration = Duration::from_secs(300);
/// Readers beside SQLite's writer; each is a thread.
const SQLITE: usize = 4;

/// How connections are made.
#[derive(Clone, Debug)]
enum Source {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

/// See the module. Clones are the same pool.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    places: Arc<Semaphore>,
    /// The one that came back last goes out first: its thread or server process is warm.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    line: Line,
    since: Instant,
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Idle")
    }
}

/// Where a lent connection belongs, and its place there.
pub(super) struct Home {
    pool: Arc<Inner>,
    _place: OwnedSemaphorePermit,
}

impl Home {
    /// Gives a connection back; none if it is of no use any more.
    pub(super) fn back(self, line: Option<Line>) {
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match line {
            Some(line) if !self.pool.places.is_closed() => {
                let since = Instant::now();
                // Those at the bottom were not needed for longest.
                let old = idle.iter().take_while(|idle| since - idle.since >= IDLE).count();
                idle.drain(..old);
                idle.push(Idle { line, since });
            }
            Some(_) => {}
            // Those that were made before it have probably met the same.
            None => idle.clear(),
        }
    }
}

impl Pool {
    /// Readers of a file of SQLite.
    pub(crate) fn sqlite(path: &Path) -> Self {
        Self::new(Source::Sqlite(Box::new(sqlite::reader(path))), SQLITE)
    }

    /// Connections to PostgreSQL.
    pub(crate) fn postgres(options: PgConnectOptions) -> Self {
        Self::new(Source::Postgres(Box::new(options)), POSTGRES)
    }

    fn new(source: Source, places: usize) -> Self {
        Self(Arc::new(Inner {
            source,
            places: Arc::new(Semaphore::new(places)),
            idle: Mutex::default(),
        }))
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.0.source {
            Source::Sqlite(_) => Dialect::Sqlite,
            Source::Postgres(_) => Dialect::Postgres,
        }
    }

    /// A connection; it comes back when it is dropped.
    pub(crate) async fn get(&self) -> Result<Conn, SqlError> {
        let late = |_| SqlError::PoolTimedOut;
        let place = timeout(PATIENCE, self.0.places.clone().acquire_owned());
        let place = place.await.map_err(late)?.map_err(|_| SqlError::PoolClosed)?;
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let idle = idle.filter(|idle| idle.since.elapsed() < IDLE);
        let line = match (idle, &self.0.source) {
            (Some(idle), _) => idle.line,
            (None, Source::Sqlite(options)) => Line::Sqlite(timeout(PATIENCE, options.connect()).await.map_err(late)??),
            (None, Source::Postgres(options)) => {
                Line::Postgres(timeout(PATIENCE, options.connect()).await.map_err(late)??)
            }
        };
        let mut conn = Conn::new(self.dialect(), line);
        conn.home = Some(Home {
            pool: Arc::clone(&self.0),
            _place: place,
        });
        Ok(conn)
    }

    /// Closes the connections that nobody has; those that somebody has are closed when they come back, and nobody gets
    /// one any more.
    pub(crate) async fn close(&self) {
        self.0.places.close();
        let idle = std::mem::take(&mut *self.0.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for Idle { line, .. } in idle {
            Conn::new(self.dialect(), line).close().await;
        }
    }
}
