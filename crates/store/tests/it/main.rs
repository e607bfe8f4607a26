//! The store on real databases: the same tests on SQLite and on PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as tests do"
)]

#[macro_use]
mod engine;
mod backup;
mod crash;
mod gate;
mod nodes;
mod postgres;
mod power;
mod proxy;
mod read_only;
mod reading;
mod things;
