//! The session core without IO: wire vectors, every rule, time, windows, fairness, properties.
#![cfg(not(loom))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails by panicking, as tests do"
)]

mod budget;
mod fairness;
mod long_line;
mod peer;
mod property;
mod rules;
mod sizes;
mod time;
mod vectors;
mod windows;
