//! What a node remembers between exchanges: rates and breakers. Pure functions of key, time and share.

mod breaker;
mod rate;

use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) use breaker::{Admission, Breaker};
pub use breaker::{Breakers, Ticket};
pub(crate) use rate::Rate;
pub use rate::Rates;

/// The tables of a node; one for all policies.
#[derive(Debug, Default)]
pub struct State {
    /// Counters of `rate-limit`.
    pub rates: Rates,
    /// States of `circuit-breaker`.
    pub breakers: Breakers,
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
