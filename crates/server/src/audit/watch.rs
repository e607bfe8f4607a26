//! What is in the log is checked again: the newest entries when the server starts, then all of it in turn, one per cent an
//! hour.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adit_store::log::account::SYSTEM;
use adit_store::log::{AuditKey, Broken, Checkpoint, Part, VerifyError};
use adit_store::{Change, Fact, Store, Write};
use serde_json::json;

use super::system;

/// Entries that are checked at the start.
const NEWEST: u64 = 10_000;
/// One per cent an hour is this part a minute.
const PART: u64 = 6_000;
/// Breaks that are told; nobody needs more to know that something is wrong.
const TOLD: usize = 100;

/// See the module.
pub(super) struct Watch {
    store: Store,
    key: Arc<AuditKey>,
    intact: Arc<AtomicU64>,
    /// Up to where it was checked; none before the newest entries were.
    at: Option<u64>,
    /// Chain and number of what was told.
    told: BTreeSet<(String, &'static str, u64)>,
}

impl Watch {
    pub(super) fn new(store: Store, key: Arc<AuditKey>, intact: Arc<AtomicU64>) -> Self {
        Self {
            store,
            key,
            intact,
            at: None,
            told: BTreeSet::new(),
        }
    }

    /// Checks the next part.
    pub(super) async fn step(&mut self) {
        let position = match self.store.position().await {
            Ok(position) => position,
            Err(error) => {
                tracing::debug!(%error, "the log cannot be checked now");
                return;
            }
        };
        let (after, most) = match self.at {
            None => (position.saturating_sub(NEWEST), NEWEST),
            // It was restored, or has gone back.
            Some(at) if at > position => (0, position / PART + 1),
            Some(at) => (at, position / PART + 1),
        };
        // Heads that say they are signed with this node's key are; those of other nodes are believed.
        let trusts = |signed: &Checkpoint| signed.key_id != self.key.id() || signed.is_signed_by(self.key.public());
        match self.store.verify_part(after, most, trusts).await {
            Ok(Part { until, is_end, .. }) => self.at = Some(if is_end { 0 } else { until }),
            Err(VerifyError::Broken(broken)) => {
                self.intact.store(0, Ordering::Relaxed);
                self.tell(broken).await;
                // What is behind it is checked all the same.
                let until = after.saturating_add(most);
                self.at = Some(if until >= position { 0 } else { until });
            }
            Err(VerifyError::Store(error)) => tracing::debug!(%error, "the log cannot be checked now"),
        }
    }

    async fn tell(&mut self, broken: Broken) {
        let key = (broken.organization_id.clone(), broken.chain.as_str(), broken.seq);
        if self.told.contains(&key) || self.told.len() >= TOLD {
            return;
        }
        tracing::error!("{broken}: somebody has changed the audit log, or its disk is damaged");
        let fact = Fact {
            event_type: "audit_verify_failed.v0",
            object: None,
            after: json!({
                "organization_id": broken.organization_id,
                "chain": broken.chain.as_str(),
                "seq": broken.seq,
                "msg": broken.fault.to_string(),
            }),
        };
        let write = Write {
            organization: SYSTEM,
            actor: system(),
            changes: vec![Change::Fact(fact)],
            dry_run: false,
        };
        match self.store.write(write).await {
            Ok(_) => drop(self.told.insert(key)),
            Err(error) => tracing::warn!(%error, "a break of the log is not recorded"),
        }
    }
}

#[cfg(test)]
mod tests {
    use adit_names::id::{Id, Prefix};
    use adit_store::log::EntriesPage;
    use adit_store::{Engine, MasterKey, Options};

    use super::*;

    fn fact(organization: Id) -> Write {
        let fact = Fact {
            event_type: "x.v0",
            object: None,
            after: json!({}),
        };
        Write {
            organization,
            actor: system(),
            changes: vec![Change::Fact(fact)],
            dry_run: false,
        }
    }

    #[tokio::test]
    async fn a_log_that_its_head_does_not_name_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::Sqlite(dir.path().join("adit.db"));
        let options = Options {
            engine,
            node: "node-1".to_owned(),
            key: MasterKey::new([7; 32]),
        };
        let store = Store::open(options).await.unwrap();
        let organization = Id::new(Prefix::Account, 1_800_000_000, [1; 16]);
        for _ in 0..20 {
            store.write(fact(organization)).await.unwrap();
        }
        let key = Arc::new(AuditKey::find(dir.path()).unwrap());
        let intact = Arc::new(AtomicU64::new(1));
        let mut watch = Watch::new(store.clone(), key.clone(), intact.clone());
        for _ in 0..30 {
            watch.step().await;
        }
        assert_eq!(intact.load(Ordering::Relaxed), 1);
        // Whoever has the database but not the key: a head that says it was signed, and one that was signed elsewhere.
        let head = store.heads(Some(organization)).await.unwrap().remove(0);
        let forged = Checkpoint {
            organization_id: organization.to_string(),
            chain: head.chain,
            seq: 5,
            hash: [1; 32],
            at: 0,
            node: "node-1".to_owned(),
            key_id: key.id().to_owned(),
            signature: vec![0; 64],
        };
        let keep = |head: &Checkpoint| {
            adit_store::Item::new(format!("{organization}/config/{:020}", head.seq), head.to_json())
        };
        store.work().put("checkpoint", &keep(&forged)).await.unwrap();
        let mut watch = Watch::new(store.clone(), key.clone(), intact.clone());
        watch.step().await;
        assert_eq!(
            intact.load(Ordering::Relaxed),
            1,
            "what is not signed counts for nothing"
        );
        let elsewhere = Checkpoint {
            key_id: "other".to_owned(),
            ..forged
        };
        store.work().put("checkpoint", &keep(&elsewhere)).await.unwrap();
        for _ in 0..30 {
            watch.step().await;
        }
        assert_eq!(intact.load(Ordering::Relaxed), 0);
        let page = EntriesPage {
            organization: Some(SYSTEM),
            limit: 10,
            ..EntriesPage::default()
        };
        // By the part that it is in, and by the one that begins behind it.
        let told = store.entries(&page).await.unwrap();
        let told: Vec<_> = told.iter().rev().map(adit_store::log::Entry::to_json).collect();
        let seqs: Vec<_> = told.iter().map(|told| &told["after"]["seq"]).collect();
        assert_eq!(seqs, [&json!(5), &json!(6)]);
        assert!(told.iter().all(|told| told["event_type"] == "audit_verify_failed.v0"));
        // Once: another round says nothing new.
        for _ in 0..40 {
            watch.step().await;
        }
        assert_eq!(store.entries(&page).await.unwrap().len(), 2);
        store.close().await;
    }
}
