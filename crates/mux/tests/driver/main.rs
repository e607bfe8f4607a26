//! The driver over real and simulated connections.
#![cfg(not(loom))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails by panicking, as tests do"
)]

mod counts;
mod idle;
mod life;
mod link;
mod muxado_peer;
