//! The master key: seals what is used and never shown again (control plane 10.4). It is never in the database.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::log::sha256;

/// 32 bytes.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

impl MasterKey {
    /// A key that was kept somewhere.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Names the key without telling it.
    pub(crate) fn id(&self) -> String {
        let hash = sha256(&[b"adit-master-key-id\0", self.0.as_slice()]);
        crate::hex(hash.get(..8).unwrap_or_default())
    }

    /// A key for one purpose.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let tag = hmac::sign(&key, purpose.as_bytes());
        let mut out = Zeroizing::new([0; 32]);
        out.copy_from_slice(tag.as_ref());
        out
    }
}
