//! When to dial again, and when to give up (agent protocol 5.4). Without clock or I/O: the time is passed in.
//!
//! Full jitter: each wait is drawn from the whole range up to 0.2 s × 2ⁿ, at most 30 s, so that ten thousand
//! agents that lost one server do not come back in step. While this machine has no network the range ends at
//! 5 s. The sequence starts again after 60 s online.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Side};

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);
const LONGEST_OFFLINE: Duration = Duration::from_secs(5);
const PROVEN: Duration = Duration::from_secs(60);
const REFUSED: Duration = Duration::from_secs(60);
const REFUSED_FOR: Duration = Duration::from_secs(15 * 60);

/// Random numbers that decide nothing but timing and tell processes apart (splitmix64, seeded by std's hasher).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(RandomState::new().hash_one(std::process::id()))
    }

    #[cfg(test)]
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Anything from nothing to `limit`.
    fn within(&mut self, limit: Duration) -> Duration {
        let share = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        limit.mul_f64(share)
    }
}

/// What to do after a failed attempt or a lost connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Dial again after this long.
    Retry(Duration),
    /// The cause does not pass by itself.
    GiveUp,
}

/// The memory of the attempts of one session.
#[derive(Debug)]
pub(crate) struct Backoff {
    random: Random,
    attempt: u32,
    online_since: Option<Instant>,
    ever_online: bool,
    refused_since: Option<Instant>,
}

impl Backoff {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            random,
            attempt: 0,
            online_since: None,
            ever_online: false,
            refused_since: None,
        }
    }

    /// The attempts since the last proven connection.
    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// A login succeeded.
    pub(crate) fn online(&mut self, now: Instant) {
        self.online_since = Some(now);
        self.ever_online = true;
        self.refused_since = None;
    }

    /// The machine woke up or changed its network: what was learned about waiting is void.
    pub(crate) fn forget(&mut self) {
        self.attempt = 0;
    }

    /// An attempt failed, or the connection was lost.
    pub(crate) fn failed(&mut self, now: Instant, cause: &Error) -> Verdict {
        if self
            .online_since
            .take()
            .is_some_and(|since| now.duration_since(since) >= PROVEN)
        {
            self.attempt = 0;
        }
        if !cause.retryable() {
            // Before the first success there is nothing to wait for. Afterwards the same refusal may be the
            // server's passing trouble: it is given a quarter of an hour.
            let since = *self.refused_since.get_or_insert(now);
            if !self.ever_online || now.duration_since(since) >= REFUSED_FOR {
                return Verdict::GiveUp;
            }
            let spread = REFUSED.mul_f64(0.4);
            return Verdict::Retry(REFUSED.mul_f64(0.8) + self.random.within(spread));
        }
        self.refused_since = None;
        let longest = if cause.side() == Side::Agent {
            LONGEST_OFFLINE
        } else {
            LONGEST
        };
        let limit = FIRST.saturating_mul(1 << self.attempt.min(16)).min(longest);
        self.attempt = self.attempt.saturating_add(1);
        Verdict::Retry(self.random.within(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Step;

    fn refused() -> Error {
        Error::refused(Step::Login, "no\n\nERR_NGROK_107\n")
    }

    #[test]
    fn waits_double_up_to_thirty_seconds_and_are_jittered() {
        let now = Instant::now();
        let mut longest = [Duration::ZERO; 12];
        let mut shortest = [Duration::MAX; 12];
        for seed in 0..200 {
            let mut backoff = Backoff::new(Random::seeded(seed));
            for n in 0..12 {
                let Verdict::Retry(wait) = backoff.failed(now, &Error::lost("cut")) else {
                    panic!("retryable")
                };
                assert!(wait <= FIRST.saturating_mul(1 << n).min(LONGEST));
                longest[n] = longest[n].max(wait);
                shortest[n] = shortest[n].min(wait);
            }
        }
        assert!(longest[11] > Duration::from_secs(28) && shortest[11] < Duration::from_secs(2));
        assert!(longest[0] > Duration::from_millis(180) && longest[3] > Duration::from_millis(1400));
    }

    #[test]
    fn a_minute_online_resets_and_less_does_not() {
        let start = Instant::now();
        let mut backoff = Backoff::new(Random::seeded(1));
        for _ in 0..8 {
            backoff.failed(start, &Error::lost("cut"));
        }
        backoff.online(start);
        backoff.failed(start + Duration::from_secs(59), &Error::lost("cut"));
        assert_eq!(backoff.attempt(), 9);
        backoff.online(start);
        backoff.failed(start + Duration::from_secs(60), &Error::lost("cut"));
        assert_eq!(backoff.attempt(), 1);
    }

    #[test]
    fn permanent_at_first_is_the_end_and_later_after_a_quarter_of_an_hour() {
        let start = Instant::now();
        let mut backoff = Backoff::new(Random::seeded(1));
        assert_eq!(backoff.failed(start, &refused()), Verdict::GiveUp);
        let mut backoff = Backoff::new(Random::seeded(1));
        backoff.online(start);
        let mut now = start;
        let mut tries = 0;
        while let Verdict::Retry(wait) = backoff.failed(now, &refused()) {
            assert!(
                wait >= Duration::from_secs(48) && wait <= Duration::from_secs(72),
                "{wait:?}"
            );
            now += wait;
            tries += 1;
        }
        assert!((12..=19).contains(&tries), "{tries}");
        assert!(now.duration_since(start) >= REFUSED_FOR);
    }

    #[test]
    fn without_a_network_waits_stay_short() {
        let mut backoff = Backoff::new(Random::seeded(3));
        let cause = Error::Resolve {
            host: "connect.example.com".into(),
            cause: "no servers".into(),
        };
        for _ in 0..50 {
            let Verdict::Retry(wait) = backoff.failed(Instant::now(), &cause) else {
                panic!("retried for ever")
            };
            assert!(wait <= LONGEST_OFFLINE);
        }
    }
}
