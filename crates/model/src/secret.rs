//! Values that are never shown again. They are not in an object's body but in the store's table of secrets.

use zeroize::Zeroizing;

/// How a secret is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretForm {
    /// Only its SHA-256: tokens and keys, which are compared.
    Hashed,
    /// Encrypted: private keys and values, which are used.
    Sealed,
}

/// A secret on its way into the store, or out of it.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretValue {
    /// SHA-256 of the secret.
    Hashed([u8; 32]),
    /// The secret itself; the store seals it.
    Sealed(Zeroizing<Vec<u8>>),
}

impl std::fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hashed(_) => "Hashed(…)",
            Self::Sealed(_) => "Sealed(…)",
        })
    }
}
