//! Checks chains: every hash, every number, every head that is known from elsewhere. Pure: entries go in one by one, in
//! the order of their numbers within each chain; from where they come does not matter (control plane 5.3).

use std::collections::{BTreeMap, HashMap};

use super::entry::{Chain, Entry, Hash, Link};

/// What is wrong with a chain. The first fault that is found; what comes behind it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {} chain of {organization_id} is broken at {seq}: {fault}", .chain.as_str())]
pub struct Broken {
    /// Whose chain.
    pub organization_id: String,
    /// Which of its chains.
    pub chain: Chain,
    /// The first number that is not as it should be.
    pub seq: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// See [`Broken`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A number is missing, or comes twice.
    #[error("entry {found} follows instead")]
    Gap {
        /// The number that is there instead.
        found: u64,
    },
    /// The entry does not follow the one before it.
    #[error("it follows {}, but the entry before it is {}", short(.found), short(.expected))]
    Previous {
        /// Hash of the entry before.
        expected: Hash,
        /// What the entry says of it.
        found: Hash,
    },
    /// The entry is not what was hashed.
    #[error("its content has the hash {}, but it says {}", short(.expected), short(.found))]
    Content {
        /// Hash of its content.
        expected: Hash,
        /// What it says.
        found: Hash,
    },
    /// A head that was kept elsewhere is not in the chain: it was written anew.
    #[error("a head kept elsewhere is {}, the chain has {}", short(.expected), short(.found))]
    Head {
        /// The head.
        expected: Hash,
        /// What the chain has there.
        found: Hash,
    },
    /// The chain ends before a head that is known.
    #[error("the chain ends at {last}, but there was an entry {expected}")]
    Cut {
        /// Its last number.
        last: u64,
        /// Number of the head.
        expected: u64,
    },
    /// The beginning is missing, and no checkpoint stands for it.
    #[error("the entries before it are missing, and no checkpoint stands for them")]
    Beginning,
}

/// The first digits of a hash.
fn short(hash: &Hash) -> String {
    crate::hex(hash.get(..8).unwrap_or_default())
}

/// What was found to be intact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many entries.
    pub entries: u64,
    /// Number and hash of each chain's last entry.
    pub heads: BTreeMap<(String, Chain), (u64, Hash)>,
}

/// One chain on the way.
#[derive(Debug)]
struct Progress {
    seq: u64,
    hash: Hash,
    /// Heads that are known and not reached yet.
    heads: BTreeMap<u64, Hash>,
    /// Whether an entry was seen.
    begun: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Verifier {
    chains: HashMap<String, [Option<Progress>; 2]>,
    entries: u64,
    buffer: String,
    any_beginning: bool,
}

impl Verifier {
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chains may begin anywhere (`--from`, a part of an export): what comes before is not looked at.
    #[must_use]
    pub fn from_anywhere(mut self) -> Self {
        self.any_beginning = true;
        self
    }

    /// A head that the chain must pass through: a checkpoint with a good signature, or one that was kept elsewhere. The
    /// beginning of a pruned chain must follow one. All heads are told before the first entry.
    pub fn head(&mut self, organization_id: &str, chain: Chain, seq: u64, hash: Hash) {
        if seq > 0 {
            self.progress(organization_id, chain).heads.insert(seq, hash);
        }
    }

    fn progress(&mut self, organization_id: &str, chain: Chain) -> &mut Progress {
        let [config, live] = self.chains.entry(organization_id.to_owned()).or_default();
        let slot = match chain {
            Chain::Config => config,
            Chain::Live => live,
        };
        slot.get_or_insert_with(|| Progress {
            seq: 0,
            hash: chain.genesis(organization_id),
            heads: BTreeMap::new(),
            begun: false,
        })
    }

    /// The next entry of its chain.
    ///
    /// # Errors
    /// It is not the next one, or not what was hashed.
    pub fn entry(&mut self, entry: &Entry) -> Result<(), Broken> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let link = entry.link(&mut buffer);
        self.buffer = buffer;
        self.link(&link)
    }

    /// As [`Verifier::entry`], for content that is hashed already.
    pub(crate) fn link(&mut self, entry: &Link<'_>) -> Result<(), Broken> {
        let computed = entry.computed;
        let any_beginning = self.any_beginning;
        let progress = self.progress(entry.organization_id, entry.chain);
        let broken = |seq, fault| Broken {
            organization_id: entry.organization_id.to_owned(),
            chain: entry.chain,
            seq,
            fault,
        };
        if !progress.begun && entry.seq > 1 {
            // The chain was pruned: the checkpoint at its boundary stands for what is gone.
            match progress.heads.get(&(entry.seq - 1)) {
                Some(hash) => progress.hash = *hash,
                None if any_beginning => progress.hash = entry.prev_hash,
                None => return Err(broken(entry.seq, Fault::Beginning)),
            }
            progress.seq = entry.seq - 1;
            progress.heads = progress.heads.split_off(&entry.seq);
        }
        progress.begun = true;
        if entry.seq != progress.seq + 1 {
            return Err(broken(progress.seq + 1, Fault::Gap { found: entry.seq }));
        }
        if entry.prev_hash != progress.hash {
            let (expected, found) = (progress.hash, entry.prev_hash);
            return Err(broken(entry.seq, Fault::Previous { expected, found }));
        }
        if computed != entry.hash {
            let (expected, found) = (computed, entry.hash);
            return Err(broken(entry.seq, Fault::Content { expected, found }));
        }
        if !progress.heads.is_empty()
            && let Some(expected) = progress.heads.remove(&entry.seq)
            && expected != computed
        {
            return Err(broken(
                entry.seq,
                Fault::Head {
                    expected,
                    found: computed,
                },
            ));
        }
        progress.seq = entry.seq;
        progress.hash = computed;
        self.entries += 1;
        Ok(())
    }

    /// All entries were there.
    ///
    /// # Errors
    /// A chain ends before a head that is known.
    pub fn finish(self) -> Result<Verified, Broken> {
        let mut verified = Verified {
            entries: self.entries,
            heads: BTreeMap::new(),
        };
        for (organization_id, chains) in self.chains {
            for (chain, progress) in [Chain::Config, Chain::Live].into_iter().zip(chains) {
                let Some(progress) = progress else { continue };
                // A chain that was pruned as a whole still has its last head as an anchor.
                let pruned = !progress.begun && self.any_beginning;
                if let Some((expected, _)) = progress.heads.first_key_value().filter(|_| !pruned) {
                    return Err(Broken {
                        organization_id,
                        chain,
                        seq: progress.seq + 1,
                        fault: Fault::Cut {
                            last: progress.seq,
                            expected: *expected,
                        },
                    });
                }
                if progress.begun {
                    verified
                        .heads
                        .insert((organization_id.clone(), chain), (progress.seq, progress.hash));
                }
            }
        }
        Ok(verified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORGANIZATION: &str = "ac_0ujsszwN8NRY24YaXiTIE2VWDTS";

    fn chain(organization_id: &str, chain: Chain, length: u64) -> Vec<Entry> {
        let mut previous = chain.genesis(organization_id);
        let mut entries = Vec::new();
        for seq in 1..=length {
            let mut entry = Entry {
                position: seq,
                organization_id: organization_id.to_owned(),
                chain,
                seq,
                origin: None,
                event_id: format!("ev_{seq}"),
                event_type: "ip_policy_created.v0".to_owned(),
                at: 1_795_000_000_000_000,
                principal_id: None,
                subject: None,
                source: "API".to_owned(),
                credential_id: None,
                ip: None,
                user_agent: None,
                operation_id: None,
                node: "edge-1".to_owned(),
                object_kind: None,
                object_id: None,
                revision: None,
                before: None,
                after: Some(format!("{{\"n\":{seq}}}")),
                prev_hash: previous,
                hash: [0; 32],
            };
            entry.hash = entry.computed_hash(&mut String::new());
            previous = entry.hash;
            entries.push(entry);
        }
        entries
    }

    fn verify(mut verifier: Verifier, entries: &[Entry]) -> Result<Verified, Broken> {
        for entry in entries {
            verifier.entry(entry)?;
        }
        verifier.finish()
    }

    fn fault(entries: &[Entry]) -> (u64, Fault) {
        let broken = verify(Verifier::new(), entries).unwrap_err();
        (broken.seq, broken.fault)
    }

    #[test]
    fn whole_chains() {
        let mut all = chain(ORGANIZATION, Chain::Config, 5);
        all.extend(chain(ORGANIZATION, Chain::Live, 3));
        all.extend(chain("ac_system", Chain::Config, 2));
        let verified = verify(Verifier::new(), &all).unwrap();
        assert_eq!((verified.entries, verified.heads.len()), (10, 3));
        assert_eq!(
            verified.heads[&(ORGANIZATION.to_owned(), Chain::Config)],
            (5, all[4].hash)
        );
        assert_eq!(verify(Verifier::new(), &[]).unwrap(), Verified::default());
    }

    #[test]
    fn every_column_that_is_hashed_is_guarded() {
        let good = chain(ORGANIZATION, Chain::Config, 3);
        let changes: &[fn(&mut Entry)] = &[
            |e| e.event_id.push('x'),
            |e| e.event_type.push('x'),
            |e| e.at += 1,
            |e| e.principal_id = Some("usr_1".into()),
            |e| e.subject = Some("x".into()),
            |e| e.source.push('x'),
            |e| e.credential_id = Some("x".into()),
            |e| e.ip = Some("x".into()),
            |e| e.user_agent = Some("x".into()),
            |e| e.operation_id = Some("x".into()),
            |e| e.node.push('x'),
            |e| e.object_kind = Some("x".into()),
            |e| e.object_id = Some("x".into()),
            |e| e.revision = Some(1),
            |e| e.before = Some("{}".into()),
            |e| e.after = None,
        ];
        for change in changes {
            let mut bad = good.clone();
            change(&mut bad[1]);
            let (seq, fault) = fault(&bad);
            assert!(seq == 2 && matches!(fault, Fault::Content { .. }), "{fault:?}");
        }
    }

    #[test]
    fn what_is_missing_or_forged() {
        let good = chain(ORGANIZATION, Chain::Config, 5);
        let mut bad = good.clone();
        bad.remove(2);
        assert_eq!(fault(&bad), (3, Fault::Gap { found: 4 }));
        let twice = [&good[..2], &good[1..]].concat();
        assert_eq!(fault(&twice), (3, Fault::Gap { found: 2 }));
        // Changed and hashed anew: the next one no longer follows.
        let mut bad = good.clone();
        bad[1].after = None;
        bad[1].hash = bad[1].computed_hash(&mut String::new());
        let (seq, found) = fault(&bad);
        assert!(seq == 3 && matches!(found, Fault::Previous { .. }), "{found:?}");
        // All behind it hashed anew: only a head that was kept elsewhere tells.
        let mut previous = bad[1].hash;
        for entry in &mut bad[2..] {
            entry.prev_hash = previous;
            entry.hash = entry.computed_hash(&mut String::new());
            previous = entry.hash;
        }
        verify(Verifier::new(), &bad).unwrap();
        let mut verifier = Verifier::new();
        verifier.head(ORGANIZATION, Chain::Config, 4, good[3].hash);
        let broken = verify(verifier, &bad).unwrap_err();
        assert!(
            broken.seq == 4 && matches!(broken.fault, Fault::Head { .. }),
            "{broken}"
        );
        // A tail that was cut off.
        let mut verifier = Verifier::new();
        verifier.head(ORGANIZATION, Chain::Config, 5, good[4].hash);
        let broken = verify(verifier, &good[..3]).unwrap_err();
        assert_eq!((broken.seq, broken.fault), (4, Fault::Cut { last: 3, expected: 5 }));
        // A chain that is gone as a whole.
        let mut verifier = Verifier::new();
        verifier.head(ORGANIZATION, Chain::Config, 5, good[4].hash);
        assert!(matches!(verify(verifier, &[]).unwrap_err().fault, Fault::Cut { .. }));
    }

    #[test]
    fn pruned_chains_begin_at_a_checkpoint() {
        let good = chain(ORGANIZATION, Chain::Config, 5);
        assert_eq!(fault(&good[2..]), (3, Fault::Beginning));
        let mut verifier = Verifier::new();
        verifier.head(ORGANIZATION, Chain::Config, 1, good[0].hash);
        verifier.head(ORGANIZATION, Chain::Config, 2, good[1].hash);
        assert_eq!(verify(verifier, &good[2..]).unwrap().entries, 3);
        let mut verifier = Verifier::new();
        verifier.head(ORGANIZATION, Chain::Config, 2, [1; 32]);
        let broken = verify(verifier, &good[2..]).unwrap_err();
        assert!(matches!(broken.fault, Fault::Previous { .. }), "{broken}");
        assert_eq!(verify(Verifier::new().from_anywhere(), &good[2..]).unwrap().entries, 3);
    }

    #[test]
    fn chains_go_on_from_file_to_file() {
        let good = chain(ORGANIZATION, Chain::Config, 6);
        let mut verifier = Verifier::new();
        for file in good.chunks(2) {
            for entry in file {
                verifier.entry(entry).unwrap();
            }
        }
        assert_eq!(verifier.finish().unwrap().entries, 6);
    }
}
