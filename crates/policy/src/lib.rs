//! Traffic Policy: the language in which endpoints and guardrails say what happens to connections and requests.
//!
//! No sockets, no clock, no async: [`check`] reads a text and says what is wrong with it, [`compile`] makes a
//! [`Policy`], and a [`Run`] of it is stepped by whoever has the traffic. What a step needs from outside it asks for
//! with an [`Effect`]; what it decides is a [`Decision`].
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod action;
pub mod case;
mod compile;
mod document;
mod expr;
mod fault;
mod state;
mod step;
mod subject;
mod url;
mod value;
mod view;

pub use action::{ActionKey, is_built, names as action_names};
pub use compile::{Checked, Policy, check, compile};
pub use document::{MAX_BYTES, Phase, Position};
pub use fault::{Fault, MAX_FAULTS, Warning};
pub use state::{Breakers, Rates, State, Ticket};
pub use step::{Decision, Edit, Effect, Exchange, Fault as EffectFault, Input, PolicyError, Run, Step};
pub use subject::{Actions, Owner, References, Subject};
pub use value::Value;
pub use view::{Connection, Endpoint, Fields, Intelligence, IpPolicy, NoTables, Request, Response, Tables, Tls, View};
