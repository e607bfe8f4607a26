//! What active checks of a member have come to (edge 2.6). The caller asks; here is only counted.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The checks of one member. One that was never checked is in.
#[derive(Debug, Default)]
pub struct Checks {
    out: AtomicBool,
    /// Alike in a row: good ones while it is out, bad ones while it is in.
    against: AtomicU32,
}

impl Checks {
    /// What [`Checks::came`] says of a member that is out from now on.
    pub const OUT: bool = true;

    /// Whether its checks have put it out.
    pub(crate) fn is_out(&self) -> bool {
        self.out.load(Ordering::Relaxed)
    }

    /// Takes down a check. Whether it is out from now on, if that has changed: after `down` bad ones in a row, or `up`
    /// good ones.
    pub fn came(&self, is_good: bool, up: u32, down: u32) -> Option<bool> {
        let is_out = self.is_out();
        if is_good != is_out {
            // As before.
            self.against.store(0, Ordering::Relaxed);
            return None;
        }
        let against = self.against.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if against < if is_out { up } else { down } {
            return None;
        }
        self.against.store(0, Ordering::Relaxed);
        self.out.store(!is_out, Ordering::Relaxed);
        Some(!is_out)
    }

    /// It is not checked any more.
    pub fn forget(&self) {
        self.out.store(false, Ordering::Relaxed);
        self.against.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_alike_in_a_row_put_it_out_and_in() {
        let checks = Checks::default();
        let said = |is_good| checks.came(is_good, 2, 3);
        assert_eq!([false, false, true, false, false].map(said), [None; 5]);
        assert!(!checks.is_out());
        assert_eq!(said(false), Some(Checks::OUT));
        assert_eq!([false, true, false, true].map(said), [None; 4]);
        assert!(checks.is_out());
        assert_eq!(said(true), Some(false));
        assert!(!checks.is_out());
        assert_eq!([false, false, false].map(said), [None, None, Some(true)]);
        checks.forget();
        assert!(!checks.is_out());
    }
}
