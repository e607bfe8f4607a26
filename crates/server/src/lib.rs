//! Wires configuration, keys, certificate authority, edge and observation into one running server.
//!
//! * [`state`] keeps what must survive a restart in a data directory: keys, tokens, the authority.
//! * [`authority`] is the local certificate authority and mints leafs by name.
//! * [`config`] is what an operator may set.
//! * [`listen`] binds sockets and knows when another port may be taken instead.
//! * `control` serves the API on a thread of its own, on connections that the edge hands over.
//! * [`wire`] puts it together; [`admin_port`] says how it is.

pub mod admin_port;
pub mod authority;
pub mod config;
mod control;
mod durable;
mod first_access;
pub mod listen;
pub mod state;
pub mod wire;

pub use adit_observe::AccessLog;
pub use durable::write as write_durably;
pub use wire::{Options, Server, ServerError};
