//! How [`Access`] is filled from the store and kept by its feed.

use adit_names::id::{Id, Prefix};
use adit_store::{Changed, Store, StoreError};

use super::{Access, Secrets};

/// Objects whose secrets are asked for at once.
const SECRETS: usize = 500;

impl Access {
    /// Loads everything; returns the position of the log that it is the state of. Changes behind it follow by
    /// [`Access::follow`].
    ///
    /// # Errors
    /// The store is away; what was known stays.
    pub async fn load_from(&self, store: &Store) -> Result<u64, StoreError> {
        let everything = store.all(Self::KINDS).await?;
        let secrets = secrets_of(store, everything.objects.iter().map(|o| o.id)).await?;
        self.load(everything.objects, &secrets);
        Ok(everything.position)
    }

    /// Takes changes of the feed over.
    ///
    /// # Errors
    /// The store is away; nothing was taken over.
    pub async fn follow(&self, store: &Store, changed: &[Changed]) -> Result<(), StoreError> {
        let ours = || changed.iter().filter(|c| Self::KINDS.contains(&c.kind.as_str()));
        let there = ours().filter(|c| c.object.is_some()).map(|c| c.id);
        let secrets = secrets_of(store, there).await?;
        self.apply(ours().map(|c| (c.id, c.object.clone())), &secrets);
        Ok(())
    }
}

/// The hashes of those that have any here: keys and authtokens.
async fn secrets_of(store: &Store, ids: impl Iterator<Item = Id>) -> Result<Secrets, StoreError> {
    let ids: Vec<Id> = ids
        .filter(|id| matches!(id.prefix(), Prefix::ApiKey | Prefix::Credential))
        .collect();
    let mut secrets = Secrets::new();
    for part in ids.chunks(SECRETS) {
        secrets.extend(store.secrets(part).await?);
    }
    Ok(secrets)
}
