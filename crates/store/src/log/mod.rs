//! The log: change feed, audit log and outbox at once.

pub mod account;
mod checkpoint;
mod entry;
mod export;
pub mod jcs;
mod packed;
mod page;
mod scan;
mod verify;

pub use checkpoint::{AuditKey, Checkpoint, is_signed, key_id};
pub use entry::{Chain, Entry, Hash, Origin};
pub(crate) use entry::{organization_text, sha256, write};
pub use export::{COLUMNS, Manifest};
pub(crate) use page::read_heads;
pub use page::{ChainHead, EntriesPage};
pub use scan::{Scan, VerifyError};
pub use verify::{Broken, Fault, Verified, Verifier};
