//! Reading the log: lists, single entries, and streams of whole chains.

use adit_names::id::Id;

use super::account;
use super::entry::{self, Chain, Entry, Hash};
use crate::error::StoreError;
use crate::sql::statements as s;
use crate::sql::statements::entries_text;
use crate::sql::{Arg, Conn};
use crate::store::Store;

/// What of the log is wanted, newest first. All conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct EntriesPage {
    /// Of which organisation; all of them if none.
    pub organization: Option<Id>,
    /// Of which chain.
    pub chain: Option<Chain>,
    /// Only those with smaller positions.
    pub before: Option<u64>,
    /// About this object.
    pub object_id: Option<String>,
    /// By this principal.
    pub principal_id: Option<String>,
    /// Of this type.
    pub event_type: Option<String>,
    /// Not before that time, microseconds since the Unix epoch.
    pub from: Option<i64>,
    /// Before that time.
    pub to: Option<i64>,
    /// At most so many.
    pub limit: usize,
}

/// The last entry of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// Whose (`ac_…`, `ac_system`).
    pub organization_id: String,
    /// Which of its chains.
    pub chain: Chain,
    /// Number of its last entry.
    pub seq: u64,
    /// Hash of its last entry.
    pub hash: Hash,
}

impl EntriesPage {
    /// The conditions in the order of their placeholders.
    pub(crate) fn conditions(&self) -> Vec<(&'static str, Arg)> {
        let mut out = Vec::new();
        let mut add = |condition, value: Option<Arg>| out.extend(value.map(|value| (condition, value)));
        add(
            "organization_id =",
            self.organization.map(|id| Arg::from(account::text(id))),
        );
        add("chain =", self.chain.map(|chain| Arg::from(chain.as_str())));
        add("position <", self.before.map(Arg::from));
        add("object_id =", self.object_id.as_deref().map(Arg::from));
        add("principal_id =", self.principal_id.as_deref().map(Arg::from));
        add("event_type =", self.event_type.as_deref().map(Arg::from));
        add("at >=", self.from.map(Arg::from));
        add("at <", self.to.map(Arg::from));
        out
    }
}

impl Store {
    /// A page of the log, newest first.
    ///
    /// # Errors
    /// The database is away, or a row cannot be read.
    pub async fn entries(&self, page: &EntriesPage) -> Result<Vec<Entry>, StoreError> {
        let (conditions, mut args): (Vec<_>, Vec<_>) = page.conditions().into_iter().unzip();
        args.push(Arg::from(i64::try_from(page.limit).unwrap_or(i64::MAX)));
        let mut conn = self.conn().await?;
        let rows = conn.rows_owned(entries_text(&conditions), args).await?;
        Ok(rows.iter().map(entry::read).collect::<Result<_, _>>()?)
    }

    /// One entry.
    ///
    /// # Errors
    /// As [`Store::entries`].
    pub async fn entry(&self, event_id: &str) -> Result<Option<Entry>, StoreError> {
        let mut conn = self.conn().await?;
        let row = conn.row(&s::ENTRY, vec![Arg::from(event_id)]).await?;
        Ok(row.map(|row| entry::read(&row)).transpose()?)
    }

    /// The chains' last entries, of one organisation or of all.
    ///
    /// # Errors
    /// As [`Store::entries`].
    pub async fn heads(&self, organization: Option<Id>) -> Result<Vec<ChainHead>, StoreError> {
        let mut conn = self.conn().await?;
        let wanted = organization.map(account::text);
        let mut heads = read_heads(&mut conn).await?;
        heads.retain(|head| wanted.as_ref().is_none_or(|wanted| *wanted == head.organization_id));
        Ok(heads)
    }
}

pub(crate) async fn read_heads(conn: &mut Conn) -> Result<Vec<ChainHead>, StoreError> {
    let mut out = Vec::new();
    for row in conn.rows(&s::ALL_HEADS, Vec::new()).await? {
        let hash = Hash::try_from(row.blob(3)?);
        out.push(ChainHead {
            organization_id: row.text(0)?,
            chain: row.parse(1)?,
            seq: row.count(2)?,
            hash: hash.map_err(|_| StoreError::Damaged("hash of a chain's head".to_owned()))?,
        });
    }
    Ok(out)
}
