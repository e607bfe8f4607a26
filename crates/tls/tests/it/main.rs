//! The crate from outside: against itself, over sockets that behave badly, and against `openssl`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests may fail as tests do"
)]

mod client_auth;
mod groups;
mod handshake;
mod hello;
mod openssl_client;
mod openssl_server;
mod resumption;
mod support;
mod tampering;
mod traffic;
