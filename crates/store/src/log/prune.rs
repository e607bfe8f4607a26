//! Retention: the oldest entries of a chain go, in steps for each of which a signed head stays as the new beginning
//! (control plane 5.4). Nothing else ever deletes an entry.

use adit_names::id::Id;

use super::account;
use super::checkpoint::Checkpoint;
use super::entry::{Chain, Hash};
use crate::error::StoreError;
use crate::sql::Arg;
use crate::sql::statements as s;
use crate::store::Store;
use crate::write::WriteError;

/// Most entries that go at once, if a signed head stands for no more.
const STEP: u64 = 1_000;

/// A prefix of a chain that goes.
#[derive(Clone, Debug)]
pub(crate) struct Prune {
    pub(crate) organization: Id,
    pub(crate) chain: Chain,
    /// Number and hash of its last entry, for which there is a signed head.
    pub(crate) to: u64,
    pub(crate) hash: Hash,
}

/// Why a log was not pruned.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gate refused.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Store {
    /// Deletes the entries of chains of one sort that were signed before a time (microseconds since the Unix epoch), at
    /// most `most` steps between signed heads; answers how many steps. The last entry of a chain stays in any case, and
    /// so does what no trusted head stands for. Each step is one change of the log, which says so (`audit_pruned`): as
    /// many entries as 1,000, so that a chain does not grow by being pruned.
    ///
    /// # Errors
    /// The database is away; the steps before are done.
    pub async fn prune(
        &self,
        chain: Chain,
        before: i64,
        most: usize,
        trusts: impl Fn(&Checkpoint) -> bool,
    ) -> Result<usize, PruneError> {
        let mut done = 0;
        for head in self.heads(None).await?.into_iter().filter(|head| head.chain == chain) {
            let Some(organization) = account::parse(&head.organization_id) else {
                continue;
            };
            let Some(first) = self.first_seq(&head.organization_id, chain).await? else {
                continue;
            };
            let prefix = format!("{}/{}/", head.organization_id, chain.as_str());
            // Behind the head before the first entry that is there.
            let mut after = format!("{prefix}{:020}", first.saturating_sub(1));
            // Up to which signed head the next step goes: the last one that stands for no more than a step may take.
            let (mut from, mut step) = (first, None);
            'chain: loop {
                let page = self.checkpoints(&after, 100).await?;
                let Some((last, _)) = page.last() else { break };
                after.clone_from(last);
                for (name, signed) in page {
                    if !name.starts_with(&prefix) || signed.seq >= head.seq || signed.at >= before {
                        break 'chain;
                    }
                    if !trusts(&signed) {
                        continue;
                    }
                    let next = Prune {
                        organization,
                        chain,
                        to: signed.seq,
                        hash: signed.hash,
                    };
                    if signed.seq - from < STEP {
                        step = Some(next);
                        continue;
                    }
                    if let Some(step) = step.replace(next) {
                        if done == most {
                            return Ok(done);
                        }
                        from = step.to + 1;
                        self.inner.gate.prune(step).await?;
                        done += 1;
                    }
                }
            }
            if let Some(step) = step {
                if done == most {
                    return Ok(done);
                }
                self.inner.gate.prune(step).await?;
                done += 1;
            }
        }
        Ok(done)
    }

    async fn first_seq(&self, organization_id: &str, chain: Chain) -> Result<Option<u64>, StoreError> {
        let mut conn = self.conn().await?;
        let args = vec![Arg::from(organization_id), Arg::from(chain.as_str())];
        let row = conn.row(&s::FIRST_SEQ, args).await?;
        Ok(row.map(|row| row.count(0)).transpose()?)
    }
}
