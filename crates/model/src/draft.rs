//! From a request's body to an object that can be written: unknown fields, types, bounds, defaults, null, PATCH.

use crate::claim::Claim;
use crate::object::Object;
use crate::reference::Reference;
use crate::secret::SecretValue;

/// An object with everything that the store's gate checks and writes in one step.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The object. Its revision and times are set by the store.
    pub object: Object,
    /// What it claims.
    pub claims: Vec<Claim>,
    /// What it refers to.
    pub references: Vec<Reference>,
    /// Secrets that are set anew, by field.
    pub secrets: Vec<(&'static str, SecretValue)>,
}
