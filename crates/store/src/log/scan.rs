//! The log from its beginning to its end, at one moment, in pieces.

use super::account;
use super::entry::{self, Chain, Entry};
use super::packed;
use super::page::{ChainHead, read_heads};
use super::verify::{Broken, Verified, Verifier};
use crate::error::StoreError;
use crate::feed;
use crate::sql::statements::{packed_text, scan_text};
use crate::sql::{Arg, Conn};
use crate::store::Store;

use adit_names::id::Id;
use tokio::sync::mpsc;

/// Rows of one piece, …
const PIECE: usize = 4_000;
/// … unless what they hold is larger than so many bytes.
const HELD: usize = 8 << 20;
/// Entries that are handed to the verifier at once, …
const BLOCK: i64 = 128;
/// … and blocks that may wait for it.
const BLOCKS: usize = 2;

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
    /// Up to 4,000 entries or some 8 MiB in the order of their positions; go on with the last one's position in [`Scan::after`].
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
    let scan = Scan {
        organization,
        ..Scan::default()
    };
    link_all(conn, verifier, scan)
        .await?
        .finish()
        .map_err(VerifyError::from)
}

/// Tells a verifier all entries of a scan. It works on a thread of its own while the next ones are read: each of the two
/// takes about as long.
async fn link_all(conn: &mut Conn, mut verifier: Verifier, mut scan: Scan) -> Result<Verifier, VerifyError> {
    let (blocks, mut waiting) = mpsc::channel::<String>(BLOCKS);
    let mut after = scan.after;
    let checking = tokio::task::spawn_blocking(move || -> Result<_, Broken> {
        let mut buffer = String::new();
        while let Some(block) = waiting.blocking_recv() {
            let Some(links) = packed::links(&block, &mut buffer) else {
                return Ok((verifier, Some(after)));
            };
            for (position, link) in links {
                verifier.link(&link)?;
                after = position;
            }
        }
        Ok((verifier, None))
    });
    let read = read_blocks(conn, &mut scan, blocks).await;
    let checked = checking.await.map_err(|error| StoreError::Damaged(error.to_string()))?;
    let (verifier, odd) = checked?;
    read?;
    match odd {
        None => Ok(verifier),
        // An entry that cannot be taken apart: whole columns are read from there on.
        Some(after) => link_columns(conn, verifier, Scan { after, ..scan }).await,
    }
}

/// Until nobody takes the blocks any more, or knows what to do with one.
async fn read_blocks(conn: &mut Conn, scan: &mut Scan, blocks: mpsc::Sender<String>) -> Result<(), StoreError> {
    let dialect = conn.dialect();
    loop {
        let (conditions, mut args) = conditions(scan);
        args.push(Arg::from(BLOCK));
        let row = conn.rows_owned(packed_text(&conditions, dialect), args).await?;
        let block = row.first().map(|row| row.text_or_null(0)).transpose()?.flatten();
        let Some(block) = block else { return Ok(()) };
        let last = packed::last(&block);
        if blocks.send(block).await.is_err() {
            return Ok(());
        }
        let Some(last) = last else { return Ok(()) };
        scan.after = last;
    }
}

async fn link_columns(conn: &mut Conn, mut verifier: Verifier, mut scan: Scan) -> Result<Verifier, VerifyError> {
    loop {
        let piece = read(conn, &scan).await?;
        let Some(last) = piece.last() else { return Ok(verifier) };
        scan.after = last.position;
        for entry in &piece {
            verifier.entry(entry)?;
        }
    }
}

/// Up to [`PIECE`] entries, fewer if they are large.
async fn read(conn: &mut Conn, scan: &Scan) -> Result<Vec<Entry>, StoreError> {
    let (conditions, mut args) = conditions(scan);
    args.push(Arg::from(i64::try_from(PIECE).unwrap_or(i64::MAX)));
    let mut answer = conn.stream(scan_text(&conditions), args)?;
    let (mut entries, mut held) = (Vec::new(), 0);
    while let Some(row) = answer.next().await? {
        let entry = entry::read(&row)?;
        held += [&entry.before, &entry.after]
            .into_iter()
            .flatten()
            .map(String::len)
            .sum::<usize>();
        entries.push(entry);
        if held > HELD {
            break;
        }
    }
    Ok(entries)
}

/// The conditions of a scan and their values.
fn conditions(scan: &Scan) -> (Vec<&'static str>, Vec<Arg>) {
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
    (conditions, args)
}
