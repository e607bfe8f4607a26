//! What is kept beside the objects: leases, cursors, sessions, one-time ids, idempotency keys. No history and no entry
//! of the log; changes do not pass the gate but compare and set (control plane 10.2, cluster 6.1).

use adit_names::id::Id;
use serde_json::Value;

use crate::error::StoreError;
use crate::id;
use crate::log::account;
use crate::sql::statements::{self as s, Statement};
use crate::sql::{Arg, Dialect, Row, SqlError};
use crate::store::Store;

/// The way to the table `work`.
#[derive(Clone, Debug)]
pub struct Work {
    store: Store,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Unique within its class.
    pub key: String,
    /// Whose, where that matters.
    pub organization: Option<Id>,
    /// Who holds a lease; else empty.
    pub holder: String,
    /// Fencing token, or whatever is compared.
    pub epoch: u64,
    /// Beat of a lease, or position of a cursor.
    pub position: u64,
    /// From then on it is as if it were not there; microseconds since the Unix epoch.
    pub expires_at: Option<i64>,
    /// What else is kept.
    pub body: Value,
}

impl Item {
    /// A row with a key and a body.
    #[must_use]
    pub fn new(key: impl Into<String>, body: Value) -> Self {
        Self {
            key: key.into(),
            organization: None,
            holder: String::new(),
            epoch: 0,
            position: 0,
            expires_at: None,
            body,
        }
    }

    pub(crate) fn args(&self, class: &str) -> Vec<Arg> {
        vec![
            Arg::from(class),
            Arg::from(self.key.as_str()),
            Arg::from(self.organization.map(account::text)),
            Arg::from(self.holder.as_str()),
            Arg::from(self.epoch),
            Arg::from(self.position),
            Arg::from(self.expires_at),
            Arg::from(self.body.to_string()),
        ]
    }

    fn is_live(&self, now: i64) -> bool {
        self.expires_at.is_none_or(|at| at > now)
    }
}

fn read(row: &Row) -> Result<Item, SqlError> {
    let damaged = |column: &str| SqlError::Decode(format!("{column} of a row of work").into());
    Ok(Item {
        key: row.text(0)?,
        organization: match row.text_or_null(1)? {
            Some(text) => Some(account::parse(&text).ok_or_else(|| damaged("organization_id"))?),
            None => None,
        },
        holder: row.text(2)?,
        epoch: row.count(3)?,
        position: row.count(4)?,
        expires_at: row.int_or_null(5)?,
        body: serde_json::from_str(&row.text(6)?).map_err(|_| damaged("body"))?,
    })
}

impl Work {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// A row, unless it is past its time.
    ///
    /// # Errors
    /// The database is away, or the row cannot be read. So for all of these.
    pub async fn get(&self, class: &str, key: &str) -> Result<Option<Item>, StoreError> {
        let mut conn = self.store.conn().await?;
        let row = conn.row(&s::WORK_GET, vec![Arg::from(class), Arg::from(key)]).await?;
        let item = row.map(|row| read(&row)).transpose()?;
        Ok(item.filter(|item| item.is_live(id::now())))
    }

    /// Rows of a class behind a key, in the order of keys, of one organisation or of all; at most `limit`, of which
    /// those past their time are left out.
    ///
    /// # Errors
    /// As [`Work::get`].
    pub async fn list(
        &self,
        class: &str,
        organization: Option<Id>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let limit = Arg::from(i64::try_from(limit).unwrap_or(i64::MAX));
        let mut conn = self.store.conn().await?;
        let rows = match organization {
            Some(organization) => {
                let organization = Arg::from(account::text(organization));
                let args = vec![Arg::from(class), organization, Arg::from(after), limit];
                conn.rows(&s::WORK_LIST_OF, args).await?
            }
            None => {
                conn.rows(&s::WORK_LIST, vec![Arg::from(class), Arg::from(after), limit])
                    .await?
            }
        };
        let now = id::now();
        let items: Vec<Item> = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(items.into_iter().filter(|item| item.is_live(now)).collect())
    }

    /// Makes or replaces a row.
    ///
    /// # Errors
    /// As [`Work::get`].
    pub async fn put(&self, class: &str, item: &Item) -> Result<(), StoreError> {
        self.run(&s::WORK_PUT, item.args(class)).await.map(drop)
    }

    /// Makes a row; false if there is one already that is not past its time.
    ///
    /// # Errors
    /// As [`Work::get`].
    pub async fn create(&self, class: &str, item: &Item) -> Result<bool, StoreError> {
        let mut args = item.args(class);
        args.push(Arg::from(id::now()));
        Ok(self.run(&s::WORK_CREATE, args).await? == 1)
    }

    /// Replaces a row if it still has this epoch and position; false if it has not, or is gone.
    ///
    /// # Errors
    /// As [`Work::get`].
    pub async fn swap(&self, class: &str, item: &Item, epoch: u64, position: u64) -> Result<bool, StoreError> {
        let mut args = item.args(class);
        args.extend([Arg::from(epoch), Arg::from(position)]);
        Ok(self.run(&s::WORK_SWAP, args).await? == 1)
    }

    /// Deletes a row; false if there was none.
    ///
    /// # Errors
    /// As [`Work::get`].
    pub async fn delete(&self, class: &str, key: &str) -> Result<bool, StoreError> {
        Ok(self
            .run(&s::WORK_DELETE, vec![Arg::from(class), Arg::from(key)])
            .await?
            == 1)
    }

    /// Takes a row away: of several who ask, one gets it.
    ///
    /// # Errors
    /// As [`Work::get`].
    pub async fn take(&self, class: &str, key: &str) -> Result<Option<Item>, StoreError> {
        let rows = self
            .change(&s::WORK_TAKE, vec![Arg::from(class), Arg::from(key)])
            .await?;
        let item = rows.first().map(read).transpose()?;
        Ok(item.filter(|item| item.is_live(id::now())))
    }

    /// Deletes what is past its time; how many rows that were.
    ///
    /// # Errors
    /// As [`Work::get`].
    pub async fn expire(&self) -> Result<u64, StoreError> {
        self.run(&s::WORK_EXPIRED, vec![Arg::from(id::now())]).await
    }

    /// Beats for all leases of a holder: their keys and epochs. What does not come back is lost.
    ///
    /// # Errors
    /// As [`Work::get`].
    pub async fn renew(&self, holder: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let rows = self.change(&s::WORK_RENEW, vec![Arg::from(holder)]).await?;
        let leases = rows.iter().map(|row| Ok((row.text(0)?, row.count(1)?)));
        Ok(leases.collect::<Result<_, SqlError>>()?)
    }

    async fn run(&self, statement: &Statement, args: Vec<Arg>) -> Result<u64, StoreError> {
        if self.store.inner.pool.dialect() == Dialect::Postgres {
            return Ok(self.store.conn().await?.run(statement, args).await?);
        }
        // SQLite has one writer: this waits for the batch that is on its way.
        let mut writer = self.store.inner.writer.lock().await;
        let mut conn = writer.take().await?;
        match conn.run(statement, args).await {
            Ok(rows) => {
                writer.put(conn, true);
                Ok(rows)
            }
            Err(error) => {
                writer.put_broken(conn, &error).await;
                Err(error.into())
            }
        }
    }

    async fn change(&self, statement: &Statement, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        if self.store.inner.pool.dialect() == Dialect::Postgres {
            return Ok(self.store.conn().await?.rows(statement, args).await?);
        }
        let mut writer = self.store.inner.writer.lock().await;
        let mut conn = writer.take().await?;
        match conn.rows(statement, args).await {
            Ok(rows) => {
                writer.put(conn, true);
                Ok(rows)
            }
            Err(error) => {
                writer.put_broken(conn, &error).await;
                Err(error.into())
            }
        }
    }
}
