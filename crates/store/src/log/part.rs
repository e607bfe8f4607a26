//! A part of the log is verified: what a server does in the background, since its log is too long to be read at once
//! (control plane 5.3).

use super::checkpoint::Checkpoint;
use super::entry::{Chain, Hash};
use super::page::read_heads;
use super::scan::{Scan, VerifyError, link_all};
use super::verify::{Broken, Fault, Verifier};
use crate::error::StoreError;
use crate::feed;
use crate::sql::statements as s;
use crate::sql::{Arg, Conn};
use crate::store::Store;

/// Signed heads that are read at once.
const HEADS: usize = 20;

/// A part that is intact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many entries.
    pub entries: u64,
    /// Position up to which it goes.
    pub until: u64,
    /// Whether the log ends there.
    pub is_end: bool,
}

impl Store {
    /// Checks the entries of `most` positions behind `after`: against each other, against the entry before the first one
    /// of each chain (or the signed head that stands for it), against the signed heads that are trusted, and if the log
    /// ends there, against the heads of all chains.
    ///
    /// # Errors
    /// The first break that is found, or the database is away.
    pub async fn verify_part(
        &self,
        after: u64,
        most: u64,
        trusts: impl Fn(&Checkpoint) -> bool,
    ) -> Result<Part, VerifyError> {
        let mut verifier = Verifier::new().from_anywhere();
        let mut signed = Verifier::new();
        for head in self.signed_within(after, after.saturating_add(most), trusts).await? {
            verifier.head(&head.organization_id, head.chain, head.seq, head.hash);
            signed.head(&head.organization_id, head.chain, head.seq, head.hash);
        }
        let mut conn = self.conn().await?;
        conn.begin_reading().await.map_err(StoreError::from)?;
        let result = check(&mut conn, verifier, &signed, after, most).await;
        feed::end(conn).await;
        result
    }

    /// The trusted signed heads of entries in a part, and of those before its first ones. What is written meanwhile
    /// is the next part's.
    async fn signed_within(
        &self,
        after: u64,
        until: u64,
        trusts: impl Fn(&Checkpoint) -> bool,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let mut conn = self.conn().await?;
        let rows = conn
            .rows(&s::SEQS_WITHIN, vec![Arg::from(after), Arg::from(until)])
            .await?;
        drop(conn);
        let mut out = Vec::new();
        for row in rows {
            let (first, last) = (row.count(2)?, row.count(3)?);
            let prefix = format!("{}/{}/", row.text(0)?, row.text(1)?);
            let mut key = format!("{prefix}{:020}", first.saturating_sub(2));
            'chain: loop {
                let page = self.checkpoints(&key, HEADS).await?;
                let Some((name, _)) = page.last() else { break };
                key.clone_from(name);
                for (name, signed) in page {
                    if !name.starts_with(&prefix) || signed.seq > last {
                        break 'chain;
                    }
                    if trusts(&signed) {
                        out.push(signed);
                    }
                }
            }
        }
        Ok(out)
    }
}

async fn check(
    conn: &mut Conn,
    verifier: Verifier,
    signed: &Verifier,
    after: u64,
    most: u64,
) -> Result<Part, VerifyError> {
    let position = feed::head(conn).await.map_err(StoreError::from)?;
    let until = after.saturating_add(most).min(position);
    let scan = Scan {
        after,
        until: Some(until),
        ..Scan::default()
    };
    let (entries, beginnings) = link_all(conn, verifier, scan).await?.beginnings();
    for (organization_id, chain, seq, follows) in beginnings {
        if seq == 1 {
            continue;
        }
        let before = match hash_at(conn, &organization_id, chain, seq - 1).await? {
            Some(hash) => Some(hash),
            None => signed.known_head(&organization_id, chain, seq - 1),
        };
        let fault = match before {
            Some(expected) if expected == follows => continue,
            Some(expected) => Fault::Previous {
                expected,
                found: follows,
            },
            None => Fault::Beginning,
        };
        return Err(Broken {
            organization_id,
            chain,
            seq,
            fault,
        }
        .into());
    }
    let is_end = until == position;
    if is_end {
        ends(conn).await?;
    }
    Ok(Part { entries, until, is_end })
}

/// Every chain ends with the entry that its head names.
async fn ends(conn: &mut Conn) -> Result<(), VerifyError> {
    for head in read_heads(conn).await?.into_iter().filter(|head| head.seq > 0) {
        let fault = match hash_at(conn, &head.organization_id, head.chain, head.seq).await? {
            Some(found) if found == head.hash => continue,
            Some(found) => Fault::Head {
                expected: head.hash,
                found,
            },
            None => Fault::Cut {
                last: head.seq - 1,
                expected: head.seq,
            },
        };
        return Err(Broken {
            organization_id: head.organization_id,
            chain: head.chain,
            seq: head.seq,
            fault,
        }
        .into());
    }
    Ok(())
}

/// Hash of an entry, as it stands there.
pub(crate) async fn hash_at(
    conn: &mut Conn,
    organization_id: &str,
    chain: Chain,
    seq: u64,
) -> Result<Option<Hash>, StoreError> {
    let args = vec![Arg::from(organization_id), Arg::from(chain.as_str()), Arg::from(seq)];
    let Some(row) = conn.row(&s::ENTRY_HASH, args).await? else {
        return Ok(None);
    };
    let hash = Hash::try_from(row.blob(0)?);
    hash.map(Some)
        .map_err(|_| StoreError::Damaged(format!("hash of the entry {seq} of {organization_id}")))
}
