//! Wires configuration, store, keys, certificate authority, edge, API and observation into one running server.
//!
//! * [`state`] keeps what must survive a restart beside the store, in a data directory.
//! * [`config`] is what an operator may set, `edge_config` what the edge reads of it.
//! * [`first`] makes the first objects of an installation.
//! * [`address_files`] are the operator's databases of addresses, for policies.
//! * [`authority`] is the local certificate authority and mints leafs by name; [`certificates`] are an operator's own.
//! * [`listen`] binds sockets and knows when another port may be taken instead.
//! * `control` opens the store and serves the API on a thread of its own, on connections that the edge hands over;
//!   `follow` is the feed loop: what is in the store becomes what the edge reads. `activity` goes the other way: what
//!   agents did is spooled and taken into the log.
//! * `audit` looks after the log: signs, checks, takes away what is old. `disk_snapshot` keeps what this node was told, for
//!   a start without the database; [`health`] is what is said of all that.
//! * `revocation` fetches the lists of certificates that authorities of visitors have taken back.
//! * [`host`] is what is done on the machine itself, without signing in.
//! * [`explain`] tells what policies do with a request, with what this node has.
//! * [`wire`] puts it together; [`admin_port`] says how it is.

mod activity;
pub mod address_files;
pub mod admin_port;
mod audit;
pub mod authority;
pub mod certificates;
pub mod config;
mod control;
mod disk_snapshot;
mod durable;
mod edge_config;
pub mod explain;
pub mod first;
mod follow;
mod guardrail_exceptions;
pub mod health;
pub mod host;
pub mod listen;
mod outbound;
mod revocation;
pub mod state;
pub mod wire;

pub use adit_observe::AccessLog;
pub use durable::write as write_durably;
pub use edge_config::{dashboard, drain_grace, node_name};
pub use first::First;
pub use wire::{Options, Server, ServerError};
