//! The API of stored resources over a real store, in process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests: also in their helper functions"
)]

mod conventions;
mod kinds;
mod paging;
mod place;
mod races;
mod special;
mod unbuilt;
