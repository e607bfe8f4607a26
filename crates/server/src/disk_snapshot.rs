//! What this node was told, in a sealed file beside its other state: with it a node starts while the database is away, and
//! serves what it served before (cluster 3.5).
//!
//! Written every ten minutes if something changed, and when the server stops; two are kept. A file is zstd over JSON,
//! sealed with a key of the master key.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_api::Secrets;
use adit_model::{Object, SecretValue};
use adit_names::id::{Id, Prefix};
use adit_store::log::account;
use adit_store::{Everything, MasterKey, Store};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::durable;

/// First bytes of a file, and the version of its form.
const MAGIC: &[u8; 8] = b"ADITSN1\n";
/// How often one is written.
const EVERY: Duration = Duration::from_secs(600);
/// How long the last one may take when the server stops.
const LAST: Duration = Duration::from_secs(5);
/// How many are kept.
const KEPT: usize = 2;
/// Objects whose secrets are asked for at once.
const SECRETS: usize = 1_000;

/// What a file holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    position: u64,
    event_id: Option<String>,
    /// Seconds since the Unix epoch.
    written_at: i64,
    objects: Vec<SavedObject>,
}

/// An object, with the hash of its token, or its value if it is a secret of a vault.
#[derive(Serialize, Deserialize)]
struct SavedObject {
    id: String,
    kind: String,
    organization: String,
    owner: Option<String>,
    schema: u32,
    revision: u64,
    created_at: i64,
    updated_at: i64,
    body: Map<String, Value>,
    token: Option<[u8; 32]>,
    #[serde(default)]
    value: Option<String>,
}

/// What a node was told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) everything: Everything,
    pub(crate) secrets: Secrets,
    /// When, in seconds since the Unix epoch.
    pub(crate) at: i64,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error(transparent)]
    Store(#[from] adit_store::StoreError),
    #[error("{0}")]
    File(#[from] std::io::Error),
}

/// Where the files are, and what seals them.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    key: MasterKey,
}

impl Folder {
    pub(crate) fn new(data_dir: &Path, key: MasterKey) -> Self {
        Self {
            dir: data_dir.join("snapshot"),
            key,
        }
    }

    /// The newest that can be read; none if there is none.
    pub(crate) fn newest(&self) -> Option<Told> {
        let files = self.files().ok()?;
        files.into_iter().rev().find_map(|(_, path)| match self.read(&path) {
            Ok(told) => Some(told),
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "what this node was told cannot be read");
                None
            }
        })
    }

    /// Position and path of each file, oldest first.
    fn files(&self) -> std::io::Result<Vec<(u64, PathBuf)>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if path.extension().is_some_and(|extension| extension == "adit")
                && let Some(position) = stem.and_then(|stem| stem.parse().ok())
            {
                files.push((position, path));
            }
        }
        files.sort();
        Ok(files)
    }

    fn read(&self, path: &Path) -> std::io::Result<Told> {
        let invalid = || std::io::Error::from(std::io::ErrorKind::InvalidData);
        let mut bytes = std::fs::read(path)?;
        let sealed = bytes.strip_prefix(MAGIC).ok_or_else(invalid)?;
        let (nonce, _) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(invalid)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealed = bytes.get_mut(MAGIC.len() + NONCE_LEN..).ok_or_else(invalid)?;
        let opened = self.seal()?.open_in_place(nonce, Aad::from(MAGIC), sealed);
        let opened: &[u8] = opened.map_err(|_| invalid())?;
        let saved: Saved = serde_json::from_reader(zstd::Decoder::new(opened)?)?;
        saved.told().ok_or_else(invalid)
    }

    fn write(&self, saved: &Saved) -> std::io::Result<()> {
        let failed = || std::io::Error::other("AES-256-GCM");
        let mut encoder = zstd::Encoder::new(Vec::new(), 1)?;
        serde_json::to_writer(&mut encoder, saved)?;
        let mut sealed = encoder.finish()?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| failed())?;
        let seal = self.seal()?;
        seal.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(MAGIC), &mut sealed)
            .map_err(|_| failed())?;
        let mut file = Vec::with_capacity(MAGIC.len() + NONCE_LEN + sealed.len());
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&nonce);
        file.append(&mut sealed);
        std::fs::create_dir_all(&self.dir)?;
        // What is ahead of the store is of one that a backup has replaced.
        for (_, path) in self
            .files()?
            .into_iter()
            .filter(|(position, _)| *position > saved.position)
        {
            std::fs::remove_file(path)?;
        }
        durable::write(&self.dir.join(format!("{:020}.adit", saved.position)), &file, 0o600)?;
        let files = self.files()?;
        let old = files.len().saturating_sub(KEPT);
        for (_, path) in files.into_iter().take(old) {
            std::fs::remove_file(path)?;
        }
        Ok(())
    }

    fn seal(&self) -> std::io::Result<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, self.key.derive("disk snapshot").as_slice());
        key.map(LessSafeKey::new)
            .map_err(|_| std::io::Error::other("AES-256-GCM"))
    }

    /// Writes one every ten minutes, if `applied` says that something changed, until the server stops.
    pub(crate) async fn keep(
        &self,
        store: &Store,
        kinds: &[&str],
        applied: watch::Receiver<u64>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut written = None;
        loop {
            let is_stopped = tokio::select! {
                _ = stopped.wait_for(|s| *s) => true,
                _ = every.tick() => false,
            };
            let position = *applied.borrow();
            if written != Some(position) {
                let saving = tokio::time::timeout(if is_stopped { LAST } else { EVERY }, self.save(store, kinds));
                match saving.await {
                    Ok(Ok(())) => written = Some(position),
                    Ok(Err(error)) => tracing::warn!(%error, "what this node was told is not kept on disk"),
                    Err(_) => tracing::warn!("what this node was told is not kept on disk: that took too long"),
                }
            }
            if is_stopped {
                return;
            }
        }
    }

    /// Writes everything of these kinds.
    async fn save(&self, store: &Store, kinds: &[&str]) -> Result<(), SnapshotError> {
        let everything = store.all(kinds).await?;
        let secrets = secrets(store, everything.objects.iter().map(|o| o.id)).await?;
        let folder = self.clone();
        let saved = Saved::of(everything, &secrets);
        let written = tokio::task::spawn_blocking(move || folder.write(&saved)).await;
        Ok(written.unwrap_or_else(|error| Err(std::io::Error::other(error)))?)
    }
}

/// The hashes of those of these objects that have tokens, and the values of secrets in vaults.
pub(crate) async fn secrets(store: &Store, ids: impl Iterator<Item = Id>) -> Result<Secrets, adit_store::StoreError> {
    let ids: Vec<Id> = ids
        .filter(|id| matches!(id.prefix(), Prefix::Credential | Prefix::ApiKey | Prefix::Secret))
        .collect();
    let mut all = HashMap::with_capacity(ids.len());
    for some in ids.chunks(SECRETS) {
        all.extend(store.secrets(some).await?);
    }
    Ok(all)
}

/// The hash of an object's token.
pub(crate) fn token(secrets: &Secrets, id: Id) -> Option<[u8; 32]> {
    let values = secrets.get(&id).into_iter().flatten();
    values
        .filter(|(field, _)| field == "token")
        .find_map(|(_, value)| match value {
            SecretValue::Hashed(hash) => Some(*hash),
            SecretValue::Sealed(_) => None,
        })
}

/// The value of a secret in a vault.
pub(crate) fn value(secrets: &Secrets, id: Id) -> Option<&str> {
    let values = secrets.get(&id).into_iter().flatten().rev();
    values
        .filter(|(field, _)| field == "value")
        .find_map(|(_, value)| match value {
            SecretValue::Sealed(bytes) => std::str::from_utf8(bytes).ok(),
            SecretValue::Hashed(_) => None,
        })
}

impl Saved {
    fn of(everything: Everything, secrets: &Secrets) -> Self {
        let objects = everything.objects.into_iter().map(|object| SavedObject {
            token: token(secrets, object.id),
            value: value(secrets, object.id).map(str::to_owned),
            id: object.id.to_string(),
            kind: object.kind,
            organization: account::text(object.organization),
            owner: object.owner.map(|owner| owner.to_string()),
            schema: object.schema,
            revision: object.revision,
            created_at: object.created_at,
            updated_at: object.updated_at,
            body: object.body,
        });
        Self {
            position: everything.position,
            event_id: everything.event_id,
            written_at: jiff::Timestamp::now().as_second(),
            objects: objects.collect(),
        }
    }

    fn told(self) -> Option<Told> {
        let mut secrets = Secrets::new();
        let mut objects = Vec::with_capacity(self.objects.len());
        for saved in self.objects {
            let id: Id = saved.id.parse().ok()?;
            if let Some(hash) = saved.token {
                secrets.insert(id, vec![("token".to_owned(), SecretValue::Hashed(hash))]);
            }
            if let Some(value) = saved.value {
                let value = SecretValue::Sealed(Zeroizing::new(value.into_bytes()));
                secrets.insert(id, vec![("value".to_owned(), value)]);
            }
            objects.push(Object {
                id,
                kind: saved.kind,
                organization: account::parse(&saved.organization)?,
                owner: match saved.owner {
                    Some(owner) => Some(owner.parse().ok()?),
                    None => None,
                },
                schema: saved.schema,
                revision: saved.revision,
                created_at: saved.created_at,
                updated_at: saved.updated_at,
                body: saved.body,
            });
        }
        Some(Told {
            everything: Everything {
                position: self.position,
                event_id: self.event_id,
                objects,
            },
            secrets,
            at: self.written_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(position: u64) -> Saved {
        let id = Id::new(Prefix::ApiKey, 1_800_000_000, [1; 16]);
        let everything = Everything {
            position,
            event_id: Some("ev_1".to_owned()),
            objects: vec![Object {
                id,
                kind: "api_key".to_owned(),
                organization: account::SYSTEM,
                owner: Some(id.with_prefix(Prefix::User)),
                schema: 1,
                revision: 2,
                created_at: 3,
                updated_at: 4,
                body: Map::from_iter([("description".to_owned(), Value::from("planted-marker"))]),
            }],
        };
        let secrets = Secrets::from([(id, vec![("token".to_owned(), SecretValue::Hashed([5; 32]))])]);
        Saved::of(everything, &secrets)
    }

    #[test]
    fn what_is_kept_comes_back_and_two_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path(), MasterKey::new([7; 32]));
        assert!(folder.newest().is_none());
        for position in [9, 10, 100] {
            folder.write(&saved(position)).unwrap();
        }
        let told = folder.newest().unwrap();
        let again = saved(100).told().unwrap();
        assert_eq!(told.everything.position, 100);
        assert_eq!(told.everything.event_id, again.everything.event_id);
        assert_eq!(told.everything.objects, again.everything.objects);
        assert_eq!(token(&told.secrets, told.everything.objects[0].id), Some([5; 32]));
        let files = folder.files().unwrap();
        assert_eq!(
            files.iter().map(|(position, _)| *position).collect::<Vec<_>>(),
            [10, 100]
        );
        let newest = files[1].1.clone();
        let bytes = std::fs::read(&newest).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"planted"));
        // One that was damaged is passed over, and nobody reads it with another key.
        let mut damaged = bytes;
        damaged[30] ^= 1;
        std::fs::write(&newest, damaged).unwrap();
        assert_eq!(folder.newest().unwrap().everything.position, 10);
        let stranger = Folder::new(dir.path(), MasterKey::new([8; 32]));
        assert!(stranger.newest().is_none());
    }
}
