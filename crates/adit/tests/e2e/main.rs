//! The program from outside: real processes, real sockets, every byte checked. `tests/README.md` says which line of
//! the conformance checklist each test stands for.
//!
//! Tests are independent of each other and run in parallel; those of one theme share a server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod api;
mod audit;
mod cli;
mod cost;
mod differential;
mod errors;
mod guides;
mod harness;
mod listeners;
mod names;
mod observation;
mod policy;
mod policy_cases;
mod protocol;
mod proxying;
mod streams;
