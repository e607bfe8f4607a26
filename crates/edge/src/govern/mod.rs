//! Traffic policies at work (traffic policy 1.3, 7.1): the layers that a request or a connection passes before the
//! agent is asked, and again on the way back.
//!
//! A [`Chain`] is made only where a guardrail stands, or a policy that may have something to do with the request
//! ([`LeftAlone`] tells); everything else never comes here. It goes from
//! endpoint to endpoint as policies forward (`forward-internal`), runs each one's guardrails before its member is chosen
//! and its own policy then, and gives the response back through the same policies from the innermost out. What a policy asks for is done here (`effects`);
//! a policy that asks for nothing is never waited for. What it decides becomes an [`Answer`](crate::reply::Answer), another endpoint, or a closed connection.

mod asker;
mod chain;
mod connection;
mod effects;
mod events;
mod fetch;
mod glance;
mod guard;
mod hop;
mod inside;
mod inspect;
mod internal;
mod key_fetches;
mod plan;
mod respond;
mod retry;
mod run;
mod seen;
mod settle;
mod tables;
mod tls;
mod told;
mod turns;
mod view;
mod violation;

pub(crate) use asker::Leaving;
pub(crate) use chain::{AsReceived, Chain, Verdict};
pub use fetch::outside as ask_outside;
pub(crate) use glance::LeftAlone;
pub(crate) use guard::Unasked;
pub(crate) use hop::Hop;
pub(crate) use inspect::Inspections;
pub(crate) use key_fetches::KeyFetches;
pub(crate) use plan::Plan;
pub(crate) use respond::Responded;
pub(crate) use tls::{terminates_tls, tls_profile};
