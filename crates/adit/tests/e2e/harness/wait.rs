//! Waiting for what has no event of its own: looked at again and again, with a deadline.

use std::time::{Duration, Instant};

/// After this long something is broken. Generous, because the suite shares its machine; nothing waits for it to
/// pass unless it fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Looks until `look` finds something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
