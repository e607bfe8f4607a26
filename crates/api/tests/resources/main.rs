//! The API of stored resources over a real store, in process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests: also in their helper functions; a task that panics fails its test"
)]

use std::path::Path;

use adit_store::Engine;

mod agents;
mod audit;
mod browser;
mod changes;
mod claims;
mod conventions;
mod described;
mod guardrails;
mod kinds;
mod paging;
mod place;
mod planted;
mod policy;
mod races;
mod references;
mod rules;
mod second_factor;
mod sessions;
mod sign_in;
mod special;
mod tenants;
mod unbuilt;

/// The database of a test.
async fn engine(dir: &Path) -> Engine {
    Engine::Sqlite(dir.join("adit.db"))
}
