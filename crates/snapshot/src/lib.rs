//! What the edge was **told**: the immutable [`EdgeConfig`] that a whole node reads without a lock.
//!
//! A change makes a new `EdgeConfig` that is swapped in as a whole; what is *live* (sessions, the endpoints
//! they offer) is not here but in the directory of the crate `cluster`. The road loads the configuration once
//! per request and keeps what it loaded until the request ends.

mod access;
mod config;
mod names;

pub use access::{Credential, HASH_LEN, TokenHash};
pub use config::{EdgeConfig, Limits, MAX_LEGS, Parking, PublicPorts, SealKey};
pub use names::ControlName;
