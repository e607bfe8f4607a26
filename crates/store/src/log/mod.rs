//! The log: change feed, audit log and outbox at once.

pub mod account;
mod entry;
pub mod jcs;
mod page;

pub use entry::{Chain, Entry, Hash, Origin};
pub(crate) use entry::{organization_text, sha256, write};
pub use page::{ChainHead, EntriesPage};
