//! Who may start agents: authtokens as the edge knows them, by hash only.

use std::fmt;
use std::sync::Arc;

use adit_names::acl::Acl;

/// Length of a token's hash in bytes (SHA-256).
pub const HASH_LEN: usize = 32;

/// The form under which an authtoken is looked up: its SHA-256.
///
/// Tokens carry at least 160 random bits, so a fast hash suffices; a look-up by the hash of what was
/// presented reveals nothing about the stored tokens by its time.
pub type TokenHash = [u8; HASH_LEN];

/// A credential of agents: what an authtoken stands for.
#[derive(Clone)]
pub struct Credential {
    /// Identifier (`cr_…`).
    pub id: String,
    /// The organisation it belongs to (`ac_…`).
    pub organization: String,
    /// Shown to agents as the account's name.
    pub organization_name: String,
    /// SHA-256 of the authtoken.
    pub hash: TokenHash,
    /// What it may bind; without rules: everything.
    pub acl: Acl,
    /// Set when it was revoked: logins are refused with `ERR_NGROK_300`.
    pub revoked: bool,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("id", &self.id)
            .field("organization", &self.organization)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

/// All credentials of a snapshot, by hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    by_hash: foldhash::HashMap<TokenHash, Arc<Credential>>,
}

impl Credentials {
    pub(crate) fn new(list: impl IntoIterator<Item = Credential>) -> Self {
        Self {
            by_hash: list.into_iter().map(|c| (c.hash, Arc::new(c))).collect(),
        }
    }

    pub(crate) fn find(&self, hash: &TokenHash) -> Option<Arc<Credential>> {
        self.by_hash.get(hash).cloned()
    }
}
