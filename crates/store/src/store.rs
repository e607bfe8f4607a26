//! The store as others see it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use adit_model::{Object, SecretValue};
use adit_names::id::Id;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use crate::error::{OpenError, StoreError};
use crate::feed::Remembered;
use crate::gate::desk::id_args;
use crate::gate::{Gate, Keeper};
use crate::log::account;
use crate::master_key::MasterKey;
use crate::secret::{PROBE, Sealer};
use crate::sql::statements as s;
use crate::sql::{Arg, Conn, Pool, postgres, sqlite};
use crate::work::Work;
use crate::write::{Write, WriteError, Written};
use crate::writer::{Place, Writer};
use crate::{id, migrate, object, supervise};

/// Which database.
#[derive(Clone, Debug)]
pub enum Engine {
    /// One file, made where there is none; its folder must be there.
    Sqlite(PathBuf),
    /// `postgres://user:password@host/database`; version 15 or later.
    Postgres(String),
}

/// How a store is opened.
#[derive(Debug)]
pub struct Options {
    /// Which database.
    pub engine: Engine,
    /// Name of this node, as the log records it.
    pub node: String,
    /// Seals secrets.
    pub key: MasterKey,
}

/// The store. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) gate: Gate,
    pub(crate) task: std::sync::Mutex<Option<JoinHandle<()>>>,
    pub(crate) pool: Pool,
    pub(crate) writer: Arc<Mutex<Writer>>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) node: Arc<str>,
    pub(crate) wake: watch::Sender<u64>,
    pub(crate) remembered: Remembered,
}

impl Store {
    /// Opens a store, brings its tables to this version, and checks that the master key opens what is sealed there.
    ///
    /// # Errors
    /// The database does not answer, may lose what it acknowledges, was made by a newer version, or was sealed with
    /// another key.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let place = place(&options.engine)?;
        let pool = match &place {
            Place::Sqlite(path) => Pool::sqlite(path),
            Place::Postgres(options) => Pool::postgres((**options).clone()),
        };
        let was_left_open = place.was_left_open();
        let mut conn = place.open().await?;
        migrate::run(&mut conn).await?;
        let sealer = Sealer::new(&options.key).ok_or(OpenError::WrongKey)?;
        probe(&mut conn, &sealer).await?;
        let row = conn.row(&s::POSITION, Vec::new()).await.map_err(OpenError::sql)?;
        let position = row.map(|row| row.count(0)).transpose().map_err(OpenError::sql)?;
        let (wake, _) = watch::channel(position.unwrap_or_default());
        let writer = Arc::new(Mutex::new(Writer::new(place, conn)));
        let sealer = Arc::new(sealer);
        let node: Arc<str> = options.node.into();
        let (gate, task) = Gate::new(Keeper {
            writer: Arc::clone(&writer),
            sealer: Arc::clone(&sealer),
            node: Arc::clone(&node),
            wake: wake.clone(),
        });
        let task = supervise::spawn(task);
        if was_left_open {
            supervise::spawn(look_for_damage(pool.clone()));
        }
        Ok(Self {
            inner: Arc::new(Inner {
                gate,
                task: std::sync::Mutex::new(Some(task)),
                pool,
                writer,
                sealer,
                node,
                wake,
                remembered: Remembered::default(),
            }),
        })
    }

    /// Does a change: all of its steps or none. Answered when it is durable.
    ///
    /// # Errors
    /// Nothing was written; [`WriteError`] says why.
    pub async fn write(&self, write: Write) -> Result<Written, WriteError> {
        self.inner.gate.write(write).await
    }

    /// An object.
    ///
    /// # Errors
    /// The database is away, or the row cannot be read.
    pub async fn get(&self, id: Id) -> Result<Option<Object>, StoreError> {
        let mut conn = self.conn().await?;
        let row = conn.row(&s::OBJECT, vec![Arg::from(id.to_string())]).await?;
        Ok(row.map(|row| object::read(&row)).transpose()?)
    }

    /// Objects in the order in which they are asked for, without those that are not there.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn get_many(&self, ids: &[Id]) -> Result<Vec<Object>, StoreError> {
        let mut conn = self.conn().await?;
        let mut found = HashMap::with_capacity(ids.len());
        for row in conn.query_all(&s::OBJECTS_BY_ID, id_args(ids)).await? {
            let object = object::read(&row)?;
            found.insert(object.id, object);
        }
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    /// Who holds a claim: object and organisation.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn holder(&self, class: &str, key: &str) -> Result<Option<(Id, Id)>, StoreError> {
        let mut conn = self.conn().await?;
        let args = vec![Arg::from(class), Arg::from(key), Arg::from(id::now())];
        let Some(row) = conn.row(&s::HOLDER, args).await? else {
            return Ok(None);
        };
        let organization = account::parse(&row.text(1)?)
            .ok_or_else(|| StoreError::Damaged(format!("organization_id of the claim {class} {key}")))?;
        Ok(Some((row.parse(0)?, organization)))
    }

    /// Objects that refer to this one, in the order of their ids, at most `limit`.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn referrers(&self, id: Id, limit: usize) -> Result<Vec<Id>, StoreError> {
        let mut conn = self.conn().await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = conn
            .rows(&s::REFERRERS, vec![Arg::from(id.to_string()), Arg::from(limit)])
            .await?;
        Ok(rows.iter().map(|row| row.parse(0)).collect::<Result<_, _>>()?)
    }

    /// How many objects of a kind there are, of one organisation or of all.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn count(&self, kind: &str, organization: Option<Id>) -> Result<u64, StoreError> {
        let mut conn = self.conn().await?;
        let row = match organization {
            Some(organization) => {
                let args = vec![Arg::from(account::text(organization)), Arg::from(kind)];
                conn.row(&s::COUNT, args).await?
            }
            None => conn.row(&s::COUNT_ALL, vec![Arg::from(kind)]).await?,
        };
        Ok(row.map(|row| row.count(0)).transpose()?.unwrap_or_default())
    }

    /// Secrets of objects, opened: field and value, oldest version of a field first.
    ///
    /// # Errors
    /// As [`Store::get`]; [`StoreError::Sealed`] if one does not open with this key.
    pub async fn secrets(&self, ids: &[Id]) -> Result<HashMap<Id, Vec<(String, SecretValue)>>, StoreError> {
        let mut conn = self.conn().await?;
        let mut out: HashMap<Id, Vec<(String, SecretValue)>> = HashMap::new();
        for row in conn.query_all(&s::SECRETS_BY_OBJECT, id_args(ids)).await? {
            let (object, field, value) = self.inner.sealer.open(&row)?;
            let id = object
                .parse()
                .map_err(|_| StoreError::Damaged(format!("secret of {object}")))?;
            out.entry(id).or_default().push((field, value));
        }
        Ok(out)
    }

    /// Highest position known to be committed. Behind a cluster it may be told of others by [`Store::noticed`].
    #[must_use]
    pub fn wake(&self) -> watch::Receiver<u64> {
        self.inner.wake.subscribe()
    }

    /// Somebody else says that this position is committed.
    pub fn noticed(&self, position: u64) {
        self.inner.wake.send_if_modified(|known| {
            let newer = position > *known;
            if newer {
                *known = position;
            }
            newer
        });
    }

    /// What is kept beside the objects, without history.
    #[must_use]
    pub fn work(&self) -> Work {
        Work::new(self.clone())
    }

    /// Ends the writer once it has done what waits, and closes all connections. What was acknowledged is durable
    /// without it.
    pub async fn close(&self) {
        let task = self.inner.task.lock().ok().and_then(|mut task| task.take());
        if let Some(task) = task {
            self.inner.gate.close();
            // A panic of the writer was counted where it happened.
            let _ = task.await;
        }
        self.inner.pool.close().await;
    }

    pub(crate) async fn conn(&self) -> Result<Conn, StoreError> {
        Ok(self.inner.pool.get().await?)
    }
}

/// After SQLite was not closed: whether its file is whole. In the background, since it reads all of it.
async fn look_for_damage(pool: Pool) {
    let checked = async { pool.get().await?.rows(&sqlite::QUICK_CHECK, Vec::new()).await }.await;
    match checked.and_then(|rows| rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()) {
        Ok(found) if found.iter().all(|line| line == "ok") => tracing::debug!("the store's file is whole"),
        Ok(found) => tracing::error!(
            found = found.join("; "),
            "the store's file is damaged: restore a backup"
        ),
        Err(error) => tracing::warn!(%error, "the store's file could not be checked"),
    }
}

/// Whether something is sealed at this place. Makes the tables where there are none.
pub(crate) async fn has_secrets(engine: &Engine) -> Result<bool, OpenError> {
    let mut conn = place(engine)?.open().await?;
    let result = async {
        migrate::run(&mut conn).await?;
        conn.row(&s::SECRET, Vec::new()).await.map_err(OpenError::sql)
    }
    .await;
    conn.close().await;
    Ok(result?.is_some())
}

/// Where an engine keeps its database.
pub(crate) fn place(engine: &Engine) -> Result<Place, OpenError> {
    Ok(match engine {
        Engine::Sqlite(path) => Place::Sqlite(path.clone()),
        Engine::Postgres(url) => Place::Postgres(Box::new(postgres::options(url)?)),
    })
}

/// The reserved row of `secrets`: made by the first node, opened by every other.
async fn probe(conn: &mut Conn, sealer: &Sealer) -> Result<(), OpenError> {
    let read = vec![Arg::from(PROBE)];
    let mut rows = conn
        .query_all(&s::SECRETS_BY_OBJECT, read.clone())
        .await
        .map_err(OpenError::sql)?;
    if rows.is_empty() {
        let args = sealer.probe().ok_or(OpenError::WrongKey)?;
        // Two nodes may do so at once: the second finds the first one's.
        let made = conn.run_all(&s::PUT_SECRETS, args).await;
        rows = conn
            .query_all(&s::SECRETS_BY_OBJECT, read)
            .await
            .map_err(OpenError::sql)?;
        if rows.is_empty() {
            made.map_err(OpenError::sql)?;
        }
    }
    let row = rows.first().ok_or(OpenError::WrongKey)?;
    sealer.open(row).map_err(OpenError::from).map(drop)
}

/// Whether this key opens the reserved row that is there.
pub(crate) async fn check_probe(conn: &mut Conn, key: &MasterKey) -> Result<(), OpenError> {
    let sealer = Sealer::new(key).ok_or(OpenError::WrongKey)?;
    let rows = conn.query_all(&s::SECRETS_BY_OBJECT, vec![Arg::from(PROBE)]).await;
    let rows = rows.map_err(OpenError::sql)?;
    let row = rows.first().ok_or(OpenError::WrongKey)?;
    sealer.open(row).map_err(OpenError::from).map(drop)
}
