//! The feed: what changed since a position, and everything for a start. Each in one read transaction, so that what is
//! told is one state and never half a change (cluster 3.4, 3.5).

use std::collections::BTreeMap;
use std::sync::Mutex;

use adit_model::Object;
use adit_names::id::Id;

use crate::error::StoreError;
use crate::gate::desk::id_args;
use crate::object;
use crate::sql::statements as s;
use crate::sql::{Arg, Conn, SqlError};
use crate::store::Store;

/// Further behind than so many entries, everything is read anew.
const FAR: u64 = 20_000;
/// Rows of one statement.
const PAGE: i64 = 2_000;

/// What changed.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Up to where it is told.
    pub position: u64,
    /// Each object once, as it is at that position, in the order of their last changes.
    pub changed: Vec<Changed>,
    /// Not told, since it is too much, or the log is not the one that was followed before (it was restored, or went
    /// back): [`Store::all`] tells.
    pub resync: bool,
}

/// An object that changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Which.
    pub id: Id,
    /// Its kind.
    pub kind: String,
    /// As it is now; none if it was deleted.
    pub object: Option<Object>,
}

/// All objects of some kinds at one position.
#[derive(Clone, Debug)]
pub struct Everything {
    /// At which; [`Store::changes`] goes on from here.
    pub position: u64,
    /// By kind in the order asked for, then by id.
    pub objects: Vec<Object>,
}

/// The entry that was told last, to find out whether the log still has it.
pub(crate) type Remembered = Mutex<BTreeMap<u64, String>>;
/// Followers that are remembered.
const FOLLOWERS: usize = 64;

impl Store {
    /// What changed behind a position. Facts and activity are not told here.
    ///
    /// # Errors
    /// The database is away, or a row cannot be read.
    pub async fn changes(&self, after: u64) -> Result<Feed, StoreError> {
        let mut conn = self.conn().await?;
        conn.begin_reading().await?;
        let result = self.read_changes(&mut conn, after).await;
        end(conn).await;
        let feed = result?;
        self.noticed(feed.position);
        Ok(feed)
    }

    /// Everything of these kinds.
    ///
    /// # Errors
    /// As [`Store::changes`].
    pub async fn all(&self, kinds: &[&str]) -> Result<Everything, StoreError> {
        let mut conn = self.conn().await?;
        conn.begin_reading().await?;
        let result = self.read_all(&mut conn, kinds).await;
        end(conn).await;
        result
    }

    async fn read_changes(&self, conn: &mut Conn, after: u64) -> Result<Feed, StoreError> {
        let position = head(conn).await?;
        let resync = Feed {
            position,
            changed: Vec::new(),
            resync: true,
        };
        if after > position || position - after > FAR || !self.still_there(conn, after).await? {
            return Ok(resync);
        }
        // Only the last change of each counts.
        let mut last: BTreeMap<Id, (u64, String)> = BTreeMap::new();
        let mut from = after;
        while from < position {
            let args = vec![Arg::from(from), Arg::from(position), Arg::from(PAGE)];
            let rows = conn.rows(&s::CHANGED, args).await?;
            for row in &rows {
                from = row.count(0)?;
                // An id of a kind that a newer version knows is that version's business.
                if let Ok(id) = row.parse(2) {
                    last.insert(id, (from, row.text(1)?));
                }
            }
            if rows.len() < usize::try_from(PAGE).unwrap_or_default() {
                break;
            }
        }
        let ids: Vec<Id> = last.keys().copied().collect();
        let mut objects = BTreeMap::new();
        for row in conn.query_all(&s::OBJECTS_BY_ID, id_args(&ids)).await? {
            let object = object::read(&row)?;
            objects.insert(object.id, object);
        }
        let mut changed: Vec<(u64, Changed)> = Vec::with_capacity(last.len());
        for (id, (at, kind)) in last {
            let object = objects.remove(&id);
            changed.push((at, Changed { id, kind, object }));
        }
        changed.sort_unstable_by_key(|(at, _)| *at);
        self.remember(conn, position).await?;
        Ok(Feed {
            position,
            changed: changed.into_iter().map(|(_, changed)| changed).collect(),
            resync: false,
        })
    }

    async fn read_all(&self, conn: &mut Conn, kinds: &[&str]) -> Result<Everything, StoreError> {
        let position = head(conn).await?;
        let mut objects = Vec::new();
        for kind in kinds {
            let mut from = String::new();
            loop {
                let args = vec![Arg::from(*kind), Arg::from(from.as_str()), Arg::from(PAGE)];
                let rows = conn.rows(&s::OBJECTS_OF_KIND, args).await?;
                for row in &rows {
                    objects.push(object::read(row)?);
                }
                match rows.last() {
                    Some(row) if i64::try_from(rows.len()).unwrap_or_default() == PAGE => from = row.text(0)?,
                    _ => break,
                }
            }
        }
        self.remember(conn, position).await?;
        Ok(Everything { position, objects })
    }

    /// Whether the entry at a position is the one that was told.
    async fn still_there(&self, conn: &mut Conn, position: u64) -> Result<bool, StoreError> {
        let remembered = match self.inner.remembered.lock() {
            Ok(remembered) => remembered.get(&position).cloned(),
            Err(_) => None,
        };
        let Some(remembered) = remembered else { return Ok(true) };
        let row = conn.row(&s::EVENT_AT, vec![Arg::from(position)]).await?;
        // Without a row it was pruned, which is no reason to read everything anew: the head has not gone back.
        Ok(row
            .map(|row| row.text(0))
            .transpose()?
            .is_none_or(|event| event == remembered))
    }

    async fn remember(&self, conn: &mut Conn, position: u64) -> Result<(), StoreError> {
        let row = conn.row(&s::EVENT_AT, vec![Arg::from(position)]).await?;
        let Some(event) = row.map(|row| row.text(0)).transpose()? else {
            return Ok(());
        };
        if let Ok(mut remembered) = self.inner.remembered.lock() {
            remembered.insert(position, event);
            while remembered.len() > FOLLOWERS {
                remembered.pop_first();
            }
        }
        Ok(())
    }
}

pub(crate) async fn head(conn: &mut Conn) -> Result<u64, SqlError> {
    let row = conn.row(&s::POSITION, Vec::new()).await?;
    row.ok_or(SqlError::RowNotFound)?.count(0)
}

/// Ends a read transaction. A connection for which that fails is not used again.
pub(crate) async fn end(mut conn: Conn) {
    if let Err(error) = conn.commit().await {
        tracing::debug!(%error, "ending a read of the store");
    }
}
