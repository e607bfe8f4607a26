//! The other end of the road: the agents' sessions.
//!
//! * [`state`] decides everything, without sockets or clocks: who may log in, which name a bind gets, what
//!   happens when a connection is lost. Its helpers: `admission` (who may be here), `address` (what may be had), `options` (what a bind asks
//!   for), `cookie` (how an agent is known again), `capabilities` (what Adit's own agent is granted).
//! * [`serve`] runs one connection: mux, typed streams, messages, time-outs. `control` is the stream that only
//!   Adit's own agent opens, [`commands`] go the other way, `drain` ends all of it in order.
//! * [`Agents`] is what they share: the table of sessions and the way to the observer.

mod address;
pub(crate) mod admission;
mod agents;
mod capabilities;
mod clock;
pub mod commands;
mod connection;
mod control;
mod cookie;
mod drain;
mod guardrails;
mod modules;
mod options;
mod outbox;
mod policy;
mod ports;
mod rate;
mod refusal;
mod request;
mod serve;
pub mod state;

#[cfg(test)]
mod tests;

pub use agents::{Agents, Recorder, run_clock};
pub use clock::Now;
pub use cookie::BadKey;
pub use drain::drain;
pub use ports::{PortError, TcpPorts};
pub use refusal::Refusal;
pub use serve::{ConnectFacts, serve};
