//! Traffic Policy: the language in which endpoints and guardrails say what happens to connections and requests.
//!
//! No sockets, no clock, no async: [`check`] reads a text and says what is wrong with it, [`compile`] makes a
//! [`Policy`], and a [`Run`] of it is stepped by whoever has the traffic. What a step needs from outside it asks for
//! with an [`Effect`]; what it decides is a [`Decision`]; what it has made of the messages is in the [`Exchange`].
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod action;
mod authority;
mod body;
pub mod case;
mod compile;
mod convert;
mod diff;
mod document;
mod effect;
mod exchange;
mod expr;
mod fault;
#[doc(hidden)]
pub mod fuzz;
mod glance;
mod guardrail;
mod inspector;
mod ip_set;
mod jwt;
mod layout;
mod modules;
mod portable;
mod ran;
mod redact;
mod report;
mod schema;
mod state;
mod step;
mod subject;
mod terms;
mod url;
mod value;
mod verdict;
mod view;
mod webhook;

pub use adit_names::endpoint_url::Scheme;

pub use action::terminate_tls::{TlsAuthority, TlsProfile, Verification};
pub use action::{ActionKey, is_built, names as action_names};
pub use authority::{Authority, RevocationList, Revoked};
pub use body::{Coding, Encoder, Event, EventStream, MAX_EVENT, Piece};
pub use compile::{Checked, Policy, check, compile};
pub use convert::convert;
pub use diff::{Difference, differences};
pub use document::{MAX_BYTES, Phase, Position};
pub use effect::{
    Answer, BodyFault, Effect, Fault as EffectFault, Fetch, Input, Inspect, Inspection, Login, Matched, Session,
};
pub use exchange::{Edit, Exchange, PolicyError, Trace};
pub use fault::{Cost, Fault, MAX_FAULTS, Warning};
pub use guardrail::{Requirement, Selector};
pub use inspector::{Inspector, Shown};
pub use ip_set::IpSet;
pub use layout::{Unformatted, format};
pub use modules::{ModuleHeaders, ModuleLogin, Modules};
pub use portable::AditOnly;
pub use ran::Ran;
pub use redact::Redaction;
pub use report::Report;
pub use schema::{SCHEMA, schema};
pub use state::{Breakers, Concurrency, KeySets, Permit, Rates, State, Ticket, Waiting};
pub use step::{Decision, Run, Step};
pub use subject::{Actions, NoFirewall, Owner, References, Subject};
pub use terms::{Attempt, Parking, Retry, Sticky, StickyBy, Terms};
pub use value::Value;
pub use verdict::{Verdict, VerdictOutcome};
pub use view::{
    Connection, Endpoint, Fields, Intelligence, IpPolicy, NoTables, Pod, Request, Response, Tables, Tls, View,
};
