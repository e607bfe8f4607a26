//! The store on real databases: the same tests on SQLite and on PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests fail by panicking, as tests do, also in tasks of their own"
)]

#[macro_use]
mod engine;
mod audit;
mod backup;
mod crash;
mod gate;
mod keys;
mod nodes;
mod postgres;
mod power;
mod proxy;
mod read_only;
mod reading;
mod things;
mod together;
