//! States of `circuit-breaker` (traffic policy 4.4).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::action::ActionKey;

const BUCKETS: usize = 10;
/// Breakers that are remembered.
const MAX_BREAKERS: usize = 100_000;
/// A probe that never comes back is given up after so many microseconds.
const PROBE: i64 = 120_000_000;

/// When it opens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Breaker {
    pub(crate) error_threshold: f64,
    pub(crate) volume: u32,
    pub(crate) window: Duration,
    pub(crate) tripped: Duration,
}

/// An exchange that passed: given back with its outcome.
#[derive(Debug, Clone)]
pub struct Ticket {
    key: (ActionKey, String),
    breaker: Breaker,
    probe: Option<Arc<Probe>>,
}

/// The one exchange that tries whether the upstream is well. Whoever ends without an outcome (another action refused
/// him, he left, his connection was stale) leaves the try to the next.
#[derive(Debug)]
struct Probe {
    circuits: Weak<Mutex<Circuits>>,
    key: (ActionKey, String),
    since: i64,
}

impl Drop for Probe {
    fn drop(&mut self) {
        let Some(circuits) = self.circuits.upgrade() else {
            return;
        };
        let mut circuits = circuits.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(circuit) = circuits.get_mut(&self.key)
            && circuit.phase == (Phase::HalfOpen { since: self.since })
        {
            circuit.phase = Phase::Open { until: self.since };
        }
    }
}

#[derive(Debug)]
pub(crate) enum Admission {
    Passes(Ticket),
    Refused { seconds: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Closed,
    Open { until: i64 },
    HalfOpen { since: i64 },
}

#[derive(Debug)]
struct Circuit {
    phase: Phase,
    /// Step, outcomes, errors.
    buckets: [(i64, u32, u32); BUCKETS],
    used: i64,
}

impl Circuit {
    const fn new() -> Self {
        Self {
            phase: Phase::Closed,
            buckets: [(i64::MIN, 0, 0); BUCKETS],
            used: 0,
        }
    }
}

/// The breakers of a node.
#[derive(Debug, Default)]
pub struct Breakers {
    circuits: Arc<Mutex<Circuits>>,
}

type Circuits = HashMap<(ActionKey, String), Circuit>;

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Breakers {
    pub(crate) fn admit(
        &self,
        action: ActionKey,
        endpoint: &str,
        breaker: Breaker,
        now: i64,
    ) -> (Admission, &'static str) {
        let mut circuits = self.circuits.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = (action, endpoint.to_owned());
        if circuits.len() >= MAX_BREAKERS && !circuits.contains_key(&key) {
            let oldest = circuits
                .iter()
                .min_by_key(|(_, circuit)| circuit.used)
                .map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                circuits.remove(&oldest);
            }
        }
        let circuit = circuits.entry(key.clone()).or_insert_with(Circuit::new);
        circuit.used = now;
        let ticket = |probe| Ticket {
            key: key.clone(),
            breaker,
            probe,
        };
        match circuit.phase {
            Phase::Closed => (Admission::Passes(ticket(None)), "closed"),
            Phase::Open { until } if now < until => {
                let left = u64::try_from(until - now).unwrap_or(0);
                let seconds = left.div_ceil(1_000_000).max(1);
                (Admission::Refused { seconds }, "open")
            }
            Phase::HalfOpen { since } if now < since.saturating_add(PROBE) => {
                (Admission::Refused { seconds: 1 }, "half_open")
            }
            Phase::Open { .. } | Phase::HalfOpen { .. } => {
                circuit.phase = Phase::HalfOpen { since: now };
                let probe = Probe {
                    circuits: Arc::downgrade(&self.circuits),
                    key: key.clone(),
                    since: now,
                };
                (Admission::Passes(ticket(Some(Arc::new(probe)))), "half_open")
            }
        }
    }

    /// What became of an exchange.
    pub(crate) fn outcome(&self, ticket: &Ticket, now: i64, error: bool) {
        let mut circuits = self.circuits.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(circuit) = circuits.get_mut(&ticket.key) else {
            return;
        };
        let breaker = ticket.breaker;
        let until = now.saturating_add(micros(breaker.tripped));
        if ticket.probe.is_some() {
            if error {
                circuit.phase = Phase::Open { until };
            } else {
                *circuit = Circuit {
                    used: circuit.used,
                    ..Circuit::new()
                };
            }
            return;
        }
        if circuit.phase != Phase::Closed {
            return;
        }
        let length = (micros(breaker.window) / BUCKETS as i64).max(1);
        let step = now.div_euclid(length);
        let at = usize::try_from(step.rem_euclid(BUCKETS as i64)).unwrap_or(0);
        if let Some(bucket) = circuit.buckets.get_mut(at) {
            if bucket.0 != step {
                *bucket = (step, 0, 0);
            }
            bucket.1 = bucket.1.saturating_add(1);
            bucket.2 = bucket.2.saturating_add(u32::from(error));
        }
        let (mut count, mut errors) = (0_u32, 0_u32);
        for (of, outcomes, failed) in circuit.buckets {
            if of > step - BUCKETS as i64 {
                count = count.saturating_add(outcomes);
                errors = errors.saturating_add(failed);
            }
        }
        if count >= breaker.volume && f64::from(errors) / f64::from(count.max(1)) >= breaker.error_threshold {
            circuit.phase = Phase::Open { until };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKER: Breaker = Breaker {
        error_threshold: 0.5,
        volume: 2,
        window: Duration::from_secs(10),
        tripped: Duration::from_secs(5),
    };

    fn passes(breakers: &Breakers, seconds: i64) -> Result<Ticket, u64> {
        match breakers.admit(ActionKey(1), "e", BREAKER, seconds * 1_000_000).0 {
            Admission::Passes(ticket) => Ok(ticket),
            Admission::Refused { seconds } => Err(seconds),
        }
    }

    #[test]
    fn it_opens_probes_and_closes() {
        let breakers = Breakers::default();
        let end = |ticket: Ticket, seconds: i64, error| breakers.outcome(&ticket, seconds * 1_000_000, error);
        end(passes(&breakers, 0).unwrap(), 0, true);
        end(passes(&breakers, 0).unwrap(), 0, false);
        assert_eq!(passes(&breakers, 1).unwrap_err(), 4);
        let probe = passes(&breakers, 5).unwrap();
        assert_eq!(passes(&breakers, 5).unwrap_err(), 1);
        end(probe, 6, true);
        assert_eq!(passes(&breakers, 6).unwrap_err(), 5);
        let probe = passes(&breakers, 11).unwrap();
        end(probe, 11, false);
        assert!(passes(&breakers, 11).is_ok());
        assert!(passes(&breakers, 11).is_ok());
    }

    #[test]
    fn old_outcomes_leave_the_window() {
        let breakers = Breakers::default();
        breakers.outcome(&passes(&breakers, 0).unwrap(), 0, true);
        breakers.outcome(&passes(&breakers, 11).unwrap(), 11_000_000, true);
        assert!(passes(&breakers, 11).is_ok());
    }
}
