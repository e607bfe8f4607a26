//! Who may what, asked of the API itself over a real store: refusals included.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "tests: also in their helper functions"
)]

mod doors;
mod foreign;
mod guardrails;
mod keys;
mod matrix;
mod old;
mod people;
mod place;
mod sessions;
