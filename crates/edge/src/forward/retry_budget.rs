//! How much may be repeated (traffic policy 6.5, `retry`): a share of what is asked, so that a service in trouble is not
//! asked many times as often as when it is well.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Repeats that an endpoint has to begin with: a share of few requests is none.
const FIRST: f64 = 10.0;
/// Most that is saved up.
const MOST: f64 = 100.0;
/// Endpoints that are remembered; beyond, all begin anew.
const ENDPOINTS: usize = 10_000;

/// The repeats that each endpoint has left, on this node.
#[derive(Debug, Default)]
pub(crate) struct RetryBudgets {
    left: Mutex<HashMap<String, f64, foldhash::fast::RandomState>>,
}

impl RetryBudgets {
    /// An exchange begins that may be repeated; `share` of such exchanges is, in percent.
    pub(super) fn begins(&self, endpoint: &str, share: f64) {
        let mut all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = all.get_mut(endpoint) {
            *left = (*left + share / 100.0).min(MOST);
            return;
        }
        if all.len() >= ENDPOINTS {
            all.clear();
        }
        let first = if share > 0.0 { FIRST } else { 0.0 };
        all.insert(endpoint.to_owned(), first);
    }

    /// Takes one repeat, if there is one left.
    pub(super) fn take(&self, endpoint: &str) -> bool {
        let mut all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(endpoint) {
            Some(left) if *left >= 1.0 => {
                *left -= 1.0;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_all_is_repeated_and_no_more() {
        let budgets = RetryBudgets::default();
        assert!(!budgets.take("a"), "nothing began");
        let mut repeated = 0;
        for _ in 0..1000 {
            budgets.begins("a", 20.0);
            repeated += u32::from(budgets.take("a"));
        }
        assert!((200..=211).contains(&repeated), "{repeated}");
        budgets.begins("none", 0.0);
        assert!(!budgets.take("none"));
        budgets.begins("b", 20.0);
        assert!(budgets.take("b"), "each endpoint has its own");
    }
}
