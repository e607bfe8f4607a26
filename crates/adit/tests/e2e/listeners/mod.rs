//! The ports: what the first bytes of a connection may be, TLS, and how many connections there may be.

mod capacity;
pub(crate) mod hello;
mod plain_port;
mod tls;
