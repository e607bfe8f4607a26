//! What a member of a pool gets of the traffic (edge 2.6): less while it is new, nothing for a while after exchanges with
//! it have failed in a row.
//!
//! A member that does well costs two loads an exchange; the clock is read only for one that was put out, and by a pool
//! of several for those that are new.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The whole share of a member.
pub(crate) const WHOLE: u64 = 1_000;
/// The share of one that has just come: enough to be found out.
const LEAST: u64 = WHOLE / 10;

/// When members are put out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// After so many failures in a row to reach the upstream; 0: never.
    pub failures: u32,
    /// After so many answers 5xx in a row; 0: they do not count.
    pub on_5xx: u32,
    /// For so long the first time; doubled each time until it does well again.
    pub base: Duration,
    /// For so long at most.
    pub max: Duration,
    /// So many of the members at once at most, in percent.
    pub max_percent: u32,
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            failures: 5,
            on_5xx: 0,
            base: Duration::from_secs(5),
            max: Duration::from_secs(300),
            max_percent: 50,
        }
    }
}

/// What an exchange came to, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The upstream answered.
    Answered,
    /// It answered with a status of 500 or more.
    Answered5xx,
    /// It was not reached.
    Failed,
}

/// How one member stands.
#[derive(Debug)]
pub(crate) struct Standing {
    began: Instant,
    /// Failures in a row, and answers 5xx in a row.
    failures: AtomicU32,
    answers_5xx: AtomicU32,
    /// How often it was put out without doing well since.
    times: AtomicU32,
    /// Milliseconds since `began` until which it is out; 0: it is in.
    out_until: AtomicU64,
}

impl Standing {
    pub(crate) fn new(began: Instant) -> Self {
        Self {
            began,
            failures: AtomicU32::new(0),
            answers_5xx: AtomicU32::new(0),
            times: AtomicU32::new(0),
            out_until: AtomicU64::new(0),
        }
    }

    /// Whether it is out now.
    pub(crate) fn is_out(&self) -> bool {
        self.was_put_out() && self.is_out_at(Instant::now())
    }

    fn is_out_at(&self, now: Instant) -> bool {
        self.millis(now) < self.out_until.load(Ordering::Relaxed)
    }

    fn was_put_out(&self) -> bool {
        self.out_until.load(Ordering::Relaxed) != 0
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    /// Its share at `now`, of [`WHOLE`].
    pub(crate) fn share(&self, now: Instant, slow_start: Duration) -> u64 {
        let age = now.saturating_duration_since(self.began);
        if age >= slow_start {
            return WHOLE;
        }
        let share = age.as_millis().saturating_mul(u128::from(WHOLE)) / slow_start.as_millis().max(1);
        u64::try_from(share).unwrap_or(WHOLE).clamp(LEAST, WHOLE)
    }

    /// Takes down what an exchange came to. True if it is to be put out for that.
    pub(crate) fn came(&self, what: Came, terms: &Ejection) -> bool {
        let reset = |count: &AtomicU32| {
            if count.load(Ordering::Relaxed) != 0 {
                count.store(0, Ordering::Relaxed);
            }
        };
        let more = |count: &AtomicU32, most: u32| {
            let count = count.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            most != 0 && count >= most
        };
        match what {
            Came::Failed => more(&self.failures, terms.failures),
            Came::Answered5xx => {
                reset(&self.failures);
                more(&self.answers_5xx, terms.on_5xx)
            }
            Came::Answered => {
                reset(&self.failures);
                reset(&self.answers_5xx);
                // What was under way when it was put out says nothing yet.
                if self.was_put_out() && !self.is_out() {
                    self.times.store(0, Ordering::Relaxed);
                    self.out_until.store(0, Ordering::Relaxed);
                }
                false
            }
        }
    }

    /// Puts it out from `now` on; how long it is out then, none if it is out already.
    pub(crate) fn put_out(&self, now: Instant, terms: &Ejection) -> Option<Duration> {
        if self.is_out_at(now) {
            return None;
        }
        self.failures.store(0, Ordering::Relaxed);
        self.answers_5xx.store(0, Ordering::Relaxed);
        let times = self.times.fetch_add(1, Ordering::Relaxed).min(20);
        let time = terms.base.saturating_mul(1 << times).min(terms.max);
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let until = self.millis(now).saturating_add(millis).max(1);
        self.out_until.store(until, Ordering::Relaxed);
        Some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_put_it_out_longer_and_longer() {
        let start = Instant::now();
        let terms = Ejection::default();
        let standing = Standing::new(start);
        let mut now = start;
        for seconds in [5, 10, 20, 40, 80, 160, 300, 300] {
            for _ in 0..4 {
                assert!(!standing.came(Came::Failed, &terms));
            }
            assert!(standing.came(Came::Failed, &terms), "the fifth");
            let time = Duration::from_secs(seconds);
            assert_eq!(standing.put_out(now, &terms), Some(time));
            assert_eq!(standing.put_out(now, &terms), None, "it is out");
            assert!(standing.is_out_at(now + time - Duration::from_millis(1)));
            now += time;
            assert!(!standing.is_out_at(now));
        }
    }

    #[test]
    fn an_answer_ends_a_row() {
        let terms = Ejection::default();
        let standing = Standing::new(Instant::now());
        for _ in 0..20 {
            for _ in 0..4 {
                assert!(!standing.came(Came::Failed, &terms));
            }
            assert!(!standing.came(Came::Answered, &terms));
        }
        for _ in 0..100 {
            assert!(!standing.came(Came::Answered5xx, &terms), "they do not count");
        }
        let never = Ejection { failures: 0, ..terms };
        for _ in 0..100 {
            assert!(!standing.came(Came::Failed, &never));
        }
        let counted = Ejection { on_5xx: 3, ..terms };
        assert!(!standing.came(Came::Answered, &counted));
        assert!(!standing.came(Came::Answered5xx, &counted));
        assert!(!standing.came(Came::Answered5xx, &counted));
        assert!(standing.came(Came::Answered5xx, &counted));
    }

    #[test]
    fn who_does_well_again_begins_anew() {
        let start = Instant::now();
        let terms = Ejection {
            base: Duration::from_millis(1),
            ..Ejection::default()
        };
        let standing = Standing::new(start.checked_sub(Duration::from_secs(1)).unwrap());
        // It was out a second ago, twice.
        let then = start.checked_sub(Duration::from_secs(1)).unwrap();
        assert_eq!(standing.put_out(then, &terms), Some(terms.base));
        let later = then + Duration::from_millis(10);
        assert_eq!(standing.put_out(later, &terms), Some(terms.base * 2));
        standing.came(Came::Answered, &terms);
        assert_eq!(standing.put_out(start, &terms), Some(terms.base));
    }

    #[test]
    fn a_new_one_gets_more_and_more() {
        let start = Instant::now();
        let standing = Standing::new(start);
        let slow = Duration::from_secs(10);
        let share = |seconds| standing.share(start + Duration::from_secs(seconds), slow);
        assert_eq!(
            [0, 1, 2, 5, 9, 10, 100].map(share),
            [100, 100, 200, 500, 900, 1_000, 1_000]
        );
        assert_eq!(standing.share(start, Duration::ZERO), WHOLE);
    }
}
