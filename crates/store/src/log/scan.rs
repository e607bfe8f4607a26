//! The log from its beginning to its end, at one moment, in pieces.

use super::account;
use super::entry::{self, Chain, Entry};
use super::page::{ChainHead, read_heads};
use super::verify::{Broken, Verified, Verifier};
use crate::error::StoreError;
use crate::feed;
use crate::sql::statements::scan_text;
use crate::sql::{Arg, Conn};
use crate::store::Store;

use adit_names::id::Id;

/// Rows of one piece.
const PIECE: usize = 4_000;

/// What of the log is read, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Of which organisation; all of them if none.
    pub organization: Option<Id>,
    /// Of which chain.
    pub chain: Option<Chain>,
    /// Only those with greater positions.
    pub after: u64,
    /// Not before that time, microseconds since the Unix epoch.
    pub from: Option<i64>,
    /// Before that time.
    pub to: Option<i64>,
}

/// Why a log could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not intact.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Up to 4,000 entries in the order of their positions; go on with the last one's position in [`Scan::after`].
    ///
    /// # Errors
    /// The database is away, or a row cannot be read.
    pub async fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, StoreError> {
        let mut conn = self.conn().await?;
        read(&mut conn, scan).await
    }

    /// Reads all entries and checks every chain against its entries, its stored head and the signed heads of this store
    /// (those whose signatures were checked by the caller's `trusts`), as they are at one moment: what is written
    /// meanwhile does not look like a break. `heads` are further ones, kept elsewhere.
    ///
    /// # Errors
    /// The first break that is found, or the database is away.
    pub async fn verify(
        &self,
        organization: Option<Id>,
        heads: &[ChainHead],
        trusts: impl Fn(&super::Checkpoint) -> bool,
    ) -> Result<Verified, VerifyError> {
        let mut verifier = Verifier::new();
        let mut after = String::new();
        loop {
            let page = self.checkpoints(&after, 1_000).await?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            for (_, signed) in page {
                let wanted = organization.is_none_or(|id| account::text(id) == signed.organization_id);
                if wanted && trusts(&signed) {
                    verifier.head(&signed.organization_id, signed.chain, signed.seq, signed.hash);
                }
            }
        }
        for head in heads {
            verifier.head(&head.organization_id, head.chain, head.seq, head.hash);
        }
        let mut conn = self.conn().await?;
        conn.begin_reading().await.map_err(StoreError::from)?;
        let result = check(&mut conn, verifier, organization).await;
        feed::end(conn).await;
        result
    }
}

async fn check(conn: &mut Conn, mut verifier: Verifier, organization: Option<Id>) -> Result<Verified, VerifyError> {
    let wanted = organization.map(account::text);
    for head in read_heads(conn).await? {
        if wanted.as_ref().is_none_or(|wanted| *wanted == head.organization_id) {
            verifier.head(&head.organization_id, head.chain, head.seq, head.hash);
        }
    }
    let mut scan = Scan {
        organization,
        ..Scan::default()
    };
    loop {
        let piece = read(conn, &scan).await?;
        for entry in &piece {
            verifier.entry(entry)?;
        }
        match piece.last() {
            Some(last) if piece.len() == PIECE => scan.after = last.position,
            _ => return Ok(verifier.finish()?),
        }
    }
}

async fn read(conn: &mut Conn, scan: &Scan) -> Result<Vec<Entry>, StoreError> {
    let mut conditions = vec!["position >"];
    let mut args = vec![Arg::from(scan.after)];
    let mut add = |condition, value: Option<Arg>| {
        if let Some(value) = value {
            conditions.push(condition);
            args.push(value);
        }
    };
    add(
        "organization_id =",
        scan.organization.map(|id| Arg::from(account::text(id))),
    );
    add("chain =", scan.chain.map(|chain| Arg::from(chain.as_str())));
    add("at >=", scan.from.map(Arg::from));
    add("at <", scan.to.map(Arg::from));
    args.push(Arg::from(i64::try_from(PIECE).unwrap_or(i64::MAX)));
    let rows = conn.rows_owned(scan_text(&conditions), args).await?;
    Ok(rows.iter().map(entry::read).collect::<Result<_, _>>()?)
}
