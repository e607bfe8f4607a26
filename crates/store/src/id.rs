//! New ids.

use adit_names::id::{Id, Prefix};
use aws_lc_rs::rand;

/// A new id of that time, microseconds since the Unix epoch.
pub(crate) fn at(prefix: Prefix, now: i64) -> Id {
    let mut random = [0; 16];
    // The generator of aws-lc does not fail once the process has started.
    let _ = rand::fill(&mut random);
    Id::at_millis(prefix, u64::try_from(now / 1_000).unwrap_or_default(), random)
}

/// Now, in microseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
