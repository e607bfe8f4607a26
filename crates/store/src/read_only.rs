//! A store that is only looked at: by a command on the machine, beside a running server or on a copy of its database.

use std::sync::{Arc, Mutex as StdMutex};

use tokio::sync::{Mutex, watch};

use crate::error::OpenError;
use crate::feed::Remembered;
use crate::gate::{Gate, Keeper};
use crate::master_key::MasterKey;
use crate::migrate;
use crate::secret::Sealer;
use crate::sql::Pool;
use crate::sql::statements::{self as s, MIGRATED};
use crate::store::{Engine, Inner, Store, place};
use crate::writer::{Place, Writer};

impl Store {
    /// Opens a store for reading. Nothing is made, brought to a newer version or written; every [write](Store::write)
    /// fails. No master key is needed, so that [sealed secrets](Store::secrets) stay closed.
    ///
    /// # Errors
    /// There is no such file, the database does not answer, holds no store, or one of a newer version.
    pub async fn open_to_read(engine: &Engine) -> Result<Self, OpenError> {
        let place = place(engine)?;
        let pool = match &place {
            Place::Sqlite(path) => {
                // An engine that is asked to read what is not there would make it.
                let found = std::fs::File::open(path).map_err(|error| OpenError::file(path, error))?;
                drop(found);
                Pool::sqlite(path)
            }
            Place::Postgres(options) => Pool::postgres((**options).clone()),
        };
        let mut conn = pool.get().await.map_err(OpenError::sql)?;
        let row = conn.row(&MIGRATED, Vec::new()).await.map_err(OpenError::sql)?;
        let found = row.map(|row| row.int(0)).transpose().map_err(OpenError::sql)?;
        let found = found.unwrap_or_default();
        if found > migrate::NEWEST {
            return Err(OpenError::Newer {
                found,
                known: migrate::NEWEST,
            });
        }
        let row = conn.row(&s::POSITION, Vec::new()).await.map_err(OpenError::sql)?;
        let position = row.map(|row| row.count(0)).transpose().map_err(OpenError::sql)?;
        let (wake, _) = watch::channel(position.unwrap_or_default());
        // Opens nothing: no secret is sealed with it.
        let sealer = Arc::new(Sealer::new(&MasterKey::new([0; 32])).ok_or(OpenError::WrongKey)?);
        // Given back: the pool is closed when all of its connections are.
        drop(conn);
        let writer = Arc::new(Mutex::new(Writer::idle(place)));
        // The gate without its keeper refuses what comes.
        let (gate, _) = Gate::new(Keeper {
            writer: Arc::clone(&writer),
            sealer: Arc::clone(&sealer),
            node: "".into(),
            wake: wake.clone(),
        });
        Ok(Self {
            inner: Arc::new(Inner {
                gate,
                task: StdMutex::new(None),
                pool,
                writer,
                sealer,
                node: "".into(),
                wake,
                remembered: Remembered::default(),
            }),
        })
    }
}
