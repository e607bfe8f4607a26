//! The API of stored resources over a real store, in process: the same tests on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::duplicate_mod,
    reason = "tests: also in their helper functions; a task that panics fails its test"
)]

use std::path::Path;

use adit_store::Engine;

#[path = "../resources/agents.rs"]
mod agents;
#[path = "../resources/audit.rs"]
mod audit;
#[path = "../resources/browser.rs"]
mod browser;
#[path = "../resources/conventions.rs"]
mod conventions;
#[path = "../resources/described.rs"]
mod described;
#[path = "../resources/kinds.rs"]
mod kinds;
#[path = "../resources/paging.rs"]
mod paging;
#[path = "../resources/place.rs"]
mod place;
#[allow(dead_code, unreachable_pub, reason = "the store's tests use more of it")]
#[path = "../../../store/tests/it/postgres.rs"]
mod postgres;
#[path = "../resources/races.rs"]
mod races;
#[path = "../resources/rules.rs"]
mod rules;
#[path = "../resources/sessions.rs"]
mod sessions;
#[path = "../resources/sign_in.rs"]
mod sign_in;
#[path = "../resources/special.rs"]
mod special;
#[path = "../resources/tenants.rs"]
mod tenants;
#[path = "../resources/unbuilt.rs"]
mod unbuilt;

/// The database of a test: an empty one of a server that is started once.
async fn engine(_: &Path) -> Engine {
    Engine::Postgres(postgres::database().await)
}
