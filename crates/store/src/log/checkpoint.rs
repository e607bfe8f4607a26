//! Signed heads: anchors that somebody outside can keep, so that a later forger cannot reach them (control plane 5.2).

use std::path::Path;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::entry::{Chain, Hash, sha256, write_time};
use super::jcs;
use super::page::ChainHead;
use super::part::hash_at;
use crate::error::{OpenError, StoreError};
use crate::store::Store;
use crate::work::Item;
use crate::{file, id};

/// Name of the file in the data directory.
const FILE: &str = "audit-key";
/// Class of the rows of `work` that keep them, for ever.
const CLASS: &str = "checkpoint";
/// Class of the rows that say where each chain was signed last.
const CURSOR: &str = "checkpoint_cursor";
/// A chain is signed when it has grown by so many entries, …
const ENTRIES: u64 = 1_000;
/// … or when it has grown at all and so many microseconds have passed.
const AGE: i64 = 600_000_000;

/// Signs heads.
pub struct AuditKey {
    pair: Ed25519KeyPair,
    id: String,
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AuditKey({})", self.id)
    }
}

/// A signed head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose chain.
    pub organization_id: String,
    /// Which of its chains.
    pub chain: Chain,
    /// Number of the entry.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    /// When it was signed, microseconds since the Unix epoch.
    pub at: i64,
    /// Which node signed it.
    pub node: String,
    /// With which key.
    pub key_id: String,
    /// Ed25519 over the JCS of the rest.
    pub signature: Vec<u8>,
}

impl AuditKey {
    /// The key of this data directory; made where there is none.
    ///
    /// # Errors
    /// The file cannot be read or written, can be read by everybody, or holds no key.
    pub fn find(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join(FILE);
        let at = |error| OpenError::file(&path, error);
        match std::fs::metadata(&path) {
            Ok(meta) if file::is_open_to_all(&meta) && !file::is_on_safe_mount(&path) => {
                return Err(OpenError::Exposed(path));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1());
                let made = made.map_err(|_| OpenError::Key(path.display().to_string()))?;
                let mut text = Zeroizing::new(BASE64_STANDARD.encode(made.as_ref()));
                text.push('\n');
                file::create(&path, text.as_bytes()).map_err(at)?;
            }
            Err(error) => return Err(at(error)),
        }
        let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(at)?);
        let bytes = BASE64_STANDARD.decode(text.trim()).map(Zeroizing::new);
        let pair = bytes
            .ok()
            .and_then(|bytes| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes).ok());
        let pair = pair.ok_or_else(|| OpenError::Key(path.display().to_string()))?;
        let id = key_id(pair.public_key().as_ref());
        Ok(Self { pair, id })
    }

    /// Its name: the first digits of the hash of its public half.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its public half, 32 bytes.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Signs a text, as the last line of an export is.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }

    fn checkpoint(&self, head: &ChainHead, node: &str, at: i64) -> Checkpoint {
        let mut checkpoint = Checkpoint {
            organization_id: head.organization_id.clone(),
            chain: head.chain,
            seq: head.seq,
            hash: head.hash,
            at,
            node: node.to_owned(),
            key_id: self.id.clone(),
            signature: Vec::new(),
        };
        checkpoint.signature = self.sign(checkpoint.signed().as_bytes());
        checkpoint
    }
}

/// Names a public key.
#[must_use]
pub fn key_id(public: &[u8]) -> String {
    crate::hex(sha256(&[public]).get(..8).unwrap_or_default())
}

/// Whether a text was signed with the private half of a key.
#[must_use]
pub fn is_signed(public: &[u8], text: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(text, signature).is_ok()
}

impl Checkpoint {
    /// Whether its signature is that of this key.
    #[must_use]
    pub fn is_signed_by(&self, public: &[u8]) -> bool {
        key_id(public) == self.key_id && is_signed(public, self.signed().as_bytes(), &self.signature)
    }

    /// What is signed.
    fn signed(&self) -> String {
        let mut value = self.to_json();
        if let Value::Object(fields) = &mut value {
            fields.remove("signature");
        }
        let mut text = String::new();
        jcs::write(&value, &mut text);
        text
    }

    /// As it is shown, kept and sent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut at = String::new();
        write_time(self.at, &mut at);
        json!({
            "organization_id": self.organization_id,
            "chain": self.chain.as_str(),
            "seq": self.seq,
            "hash": crate::hex(&self.hash),
            "at": at,
            "node": self.node,
            "key_id": self.key_id,
            "signature": BASE64_STANDARD.encode(&self.signature),
        })
    }

    /// Reads what [`Checkpoint::to_json`] makes.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let fields: &Map<String, Value> = value.as_object()?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        Some(Self {
            organization_id: text("organization_id")?.to_owned(),
            chain: text("chain")?.parse().ok()?,
            seq: fields.get("seq")?.as_u64()?,
            hash: crate::unhex(text("hash")?)?.try_into().ok()?,
            at: text("at")?.parse::<jiff::Timestamp>().ok()?.as_microsecond(),
            node: text("node")?.to_owned(),
            key_id: text("key_id")?.to_owned(),
            signature: BASE64_STANDARD.decode(text("signature")?).ok()?,
        })
    }
}

impl Store {
    /// Signs the heads of all chains for which it is time, and keeps them. Whoever calls holds the lease
    /// `audit/checkpoint`; if two do, one of them signs.
    ///
    /// # Errors
    /// The database is away, or a row cannot be read.
    pub async fn checkpoint(&self, key: &AuditKey) -> Result<Vec<Checkpoint>, StoreError> {
        self.checkpoint_at(key, id::now(), false).await
    }

    /// As [`Store::checkpoint`], for every chain that has grown: before a backup, an export, the end.
    ///
    /// # Errors
    /// As [`Store::checkpoint`].
    pub async fn checkpoint_now(&self, key: &AuditKey) -> Result<Vec<Checkpoint>, StoreError> {
        self.checkpoint_at(key, id::now(), true).await
    }

    async fn checkpoint_at(&self, key: &AuditKey, now: i64, at_once: bool) -> Result<Vec<Checkpoint>, StoreError> {
        let work = self.work();
        let mut out = Vec::new();
        for head in self.heads(None).await? {
            let name = format!("{}/{}", head.organization_id, head.chain.as_str());
            let cursor = work.get(CURSOR, &name).await?;
            let (seq, at) = cursor.map_or((0, 0), |item| (item.position, item.body.as_i64().unwrap_or_default()));
            let mut signed = seq;
            // Also where it has grown by more: what is pruned later goes in these steps.
            while head.seq.saturating_sub(signed) >= ENTRIES {
                let mut conn = self.conn().await?;
                let hash = hash_at(&mut conn, &head.organization_id, head.chain, signed + ENTRIES).await?;
                let Some(hash) = hash else { break };
                signed += ENTRIES;
                let step = ChainHead {
                    seq: signed,
                    hash,
                    ..head.clone()
                };
                out.extend(self.keep_signed(&name, &step, key, now).await?);
            }
            let is_time = at_once || now.saturating_sub(at) >= AGE;
            if head.seq > signed && is_time {
                out.extend(self.keep_signed(&name, &head, key, now).await?);
            }
        }
        Ok(out)
    }

    /// Signs a head; none if somebody else has signed it.
    async fn keep_signed(
        &self,
        name: &str,
        head: &ChainHead,
        key: &AuditKey,
        now: i64,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let work = self.work();
        let checkpoint = key.checkpoint(head, &self.inner.node, now);
        // Keys sort by number within a chain.
        let item = Item::new(format!("{name}/{:020}", head.seq), checkpoint.to_json());
        let made = work.create(CLASS, &item).await?;
        let cursor = Item {
            position: head.seq,
            ..Item::new(name, Value::from(now))
        };
        work.put(CURSOR, &cursor).await?;
        Ok(made.then_some(checkpoint))
    }

    /// Signed heads behind a key, as the last one of an answer before has it; with the key of each, at most `limit`.
    ///
    /// # Errors
    /// As [`Store::checkpoint`].
    pub async fn checkpoints(&self, after: &str, limit: usize) -> Result<Vec<(String, Checkpoint)>, StoreError> {
        let items = self.work().list(CLASS, None, after, limit).await?;
        let read = |item: Item| {
            let checkpoint = Checkpoint::from_json(&item.body);
            let checkpoint = checkpoint.ok_or_else(|| StoreError::Damaged(format!("checkpoint {}", item.key)))?;
            Ok((item.key, checkpoint))
        };
        items.into_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures() {
        let dir = tempfile::tempdir().unwrap();
        let key = AuditKey::find(dir.path()).unwrap();
        let again = AuditKey::find(dir.path()).unwrap();
        assert_eq!(key.public(), again.public());
        let head = ChainHead {
            organization_id: "ac_system".to_owned(),
            chain: Chain::Live,
            seq: 7,
            hash: [3; 32],
        };
        let made = key.checkpoint(&head, "edge-1", 1_795_000_000_123_456);
        let read = Checkpoint::from_json(&made.to_json()).unwrap();
        assert_eq!(read, made);
        assert!(read.is_signed_by(key.public()));
        let other = tempfile::tempdir().unwrap();
        assert!(!read.is_signed_by(AuditKey::find(other.path()).unwrap().public()));
        let forged = Checkpoint { seq: 8, ..read };
        assert!(!forged.is_signed_by(key.public()));
        // A key that is no key, and one that everybody can read.
        std::fs::write(dir.path().join(FILE), "x").unwrap();
        assert!(matches!(AuditKey::find(dir.path()), Err(OpenError::Key(_))));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(dir.path().join(FILE), mode).unwrap();
        if !file::is_on_safe_mount(dir.path()) {
            assert!(matches!(AuditKey::find(dir.path()), Err(OpenError::Exposed(_))));
        }
    }
}
