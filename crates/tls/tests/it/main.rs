//! The crate from outside: against itself, over sockets that behave badly, and against `openssl`.

mod client_auth;
mod handshake;
mod hello;
mod openssl_client;
mod openssl_server;
mod resumption;
mod support;
mod traffic;
