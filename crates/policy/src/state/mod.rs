//! What a node remembers between exchanges: rates, breakers, open exchanges, key sets. Pure functions of key, time and
//! share.

mod breaker;
mod concurrency;
mod expiring;
mod key_sets;
mod patterns;
mod rate;

use std::sync::atomic::{AtomicU32, Ordering};

use crate::webhook::sns::Certificate;
pub(crate) use breaker::{Admission, Breaker};
pub use breaker::{Breakers, Ticket};
pub(crate) use concurrency::Entry;
pub use concurrency::{Concurrency, Permit, Waiting};
use expiring::Expiring;
pub use key_sets::KeySets;
pub(crate) use rate::Rate;
pub use rate::Rates;

/// Fields of an answer that let a request pass.
pub(crate) type Passed = Vec<(String, String)>;

/// The tables of a node; one for all policies.
#[derive(Debug, Default)]
pub struct State {
    /// Counters of `rate-limit`.
    pub rates: Rates,
    /// States of `circuit-breaker`.
    pub breakers: Breakers,
    /// Open exchanges of `concurrency-limit`.
    pub concurrency: Concurrency,
    /// Key sets of `jwt-validation`.
    pub key_sets: KeySets,
    /// Answers of `ext-auth`.
    pub(crate) passed: Expiring<Passed>,
    /// Signatures that `verify-webhook` has seen.
    pub(crate) seen: Expiring<()>,
    /// Certificates of SNS, by their URLs; `None` for those that could not be had a moment ago.
    pub(crate) certificates: Expiring<Option<Certificate>>,
    /// Patterns that are no literals.
    pub(crate) patterns: patterns::Patterns,
    nodes: AtomicU32,
}

impl State {
    /// Tells how many nodes are live: each gives its part of a capacity.
    pub fn set_nodes(&self, nodes: u32) {
        self.nodes.store(nodes, Ordering::Relaxed);
    }

    pub(crate) fn nodes(&self) -> u32 {
        self.nodes.load(Ordering::Relaxed).max(1)
    }
}
