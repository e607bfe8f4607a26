//! Memory that an exchange holds for others, counted in the node's budget (`limits.buffers`).

use std::sync::Arc;

use adit_mux::Budget;

/// So many bytes of the budget; they go back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Held {
    /// `None`: the budget is nearly used up, and what can do without does.
    pub(crate) fn take(budget: &Arc<Budget>, bytes: usize) -> Option<Self> {
        let mut held = Self {
            budget: budget.clone(),
            bytes: 0,
        };
        held.grow(bytes).then_some(held)
    }

    /// Counts so many in all; false if there is no room for what is more than before.
    pub(super) fn reach(&mut self, bytes: usize) -> bool {
        match bytes.saturating_sub(self.bytes) {
            0 => true,
            more => self.grow(more),
        }
    }

    /// Counts so many more; false if there is no room for them.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        // The last tenth is for streams that cannot do without.
        let most = self.budget.limit() / 10 * 9;
        if self.budget.used().saturating_add(bytes) > most {
            return false;
        }
        self.budget.charge(bytes);
        self.bytes += bytes;
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_and_given_back() {
        let budget = Budget::new(1000);
        let mut held = Held::take(&budget, 400).unwrap();
        assert!(held.grow(200));
        assert_eq!(budget.used(), 600);
        assert!(!held.grow(301), "beyond nine tenths");
        assert!(Held::take(&budget, 300).is_some(), "given back at once");
        assert_eq!(budget.used(), 600);
        drop(held);
        assert_eq!(budget.used(), 0);
    }
}
