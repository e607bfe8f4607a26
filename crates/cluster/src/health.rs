//! Whether an endpoint serves: its status (edge 2.4), from what its exchanges come to and what its agent says.
//!
//! The road of a request says [`Health::succeeded`] or [`Health::failed`]; neither takes a lock unless the status may
//! change by it. Whoever is told that it did tells the table of sessions, which makes the event.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use adit_observe::{EndpointReason, EndpointStatus};

/// Failures to reach the upstream in a row that make an endpoint degraded.
const IN_A_ROW: u32 = 3;
/// Exchanges within [`WINDOW`] from which on their share of failures counts.
const ENOUGH: u32 = 10;
/// Seconds over which the share of failures is taken.
const WINDOW: usize = 10;
/// Longest text of a detail in bytes.
const MAX_DETAIL: usize = 256;

/// The status of an endpoint as the API, events and people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it serves.
    pub status: EndpointStatus,
    /// Why.
    pub reason: EndpointReason,
    /// When it became so.
    pub since: SystemTime,
    /// The reason in words; at most 256 bytes, no secrets, empty if there is nothing to add.
    pub detail: String,
    /// When an exchange last succeeded; none if none has.
    pub last_ok: Option<SystemTime>,
}

/// A failure of the class *upstream*: the agent is well, what it forwards to is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamFailure {
    /// What failed.
    pub reason: EndpointReason,
    /// Whether the upstream could not be reached at all.
    pub is_connect: bool,
    /// The failure in words; cut at 256 bytes.
    pub detail: String,
}

/// What one endpoint's exchanges came to lately.
#[derive(Debug)]
pub struct Health {
    began: Instant,
    /// Failures to connect since the last success.
    in_a_row: AtomicU32,
    /// The upstream is stated to be at fault: the next success is news.
    is_failing: AtomicBool,
    /// Milliseconds since `began` of the last success, plus one; 0: none.
    last_ok: AtomicU64,
    window: Window,
    stated: Mutex<Stated>,
}

/// What is at fault, and what follows from it.
#[derive(Debug)]
struct Stated {
    offline: Option<EndpointReason>,
    /// The agent's session answers heartbeats and takes no streams.
    is_hung: bool,
    upstream: Option<(EndpointReason, String)>,
    since: SystemTime,
}

impl Stated {
    fn shown(&self) -> (EndpointStatus, EndpointReason) {
        match (self.offline, self.is_hung, &self.upstream) {
            (Some(reason), ..) => (EndpointStatus::Offline, reason),
            (None, true, _) => (EndpointStatus::Degraded, EndpointReason::AgentLost),
            (None, false, Some((reason, _))) => (EndpointStatus::Degraded, *reason),
            (None, false, None) => (EndpointStatus::Online, EndpointReason::Ok),
        }
    }
}

impl Health {
    /// An endpoint that has just come on line at `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            in_a_row: AtomicU32::new(0),
            is_failing: AtomicBool::new(false),
            last_ok: AtomicU64::new(0),
            window: Window::default(),
            stated: Mutex::new(Stated {
                offline: None,
                is_hung: false,
                upstream: None,
                since: SystemTime::now(),
            }),
        }
    }

    /// The status at this moment.
    pub fn status(&self) -> Status {
        let last_ok = match self.last_ok.load(Ordering::Relaxed) {
            0 => None,
            millis => {
                let ago = self.began.elapsed().saturating_sub(Duration::from_millis(millis - 1));
                SystemTime::now().checked_sub(ago)
            }
        };
        let stated = self.lock();
        let (status, reason) = stated.shown();
        let detail = match (&stated.upstream, status) {
            (Some((of, detail)), EndpointStatus::Degraded) if *of == reason => detail.clone(),
            _ => String::new(),
        };
        Status {
            status,
            reason,
            since: stated.since,
            detail,
            last_ok,
        }
    }

    /// Whether its upstream is stated to be at fault, so that the next success should be said at once.
    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// An exchange was answered by the upstream. True if the status changed by it.
    pub fn succeeded(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.began);
        let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX - 1);
        self.last_ok.store(millis + 1, Ordering::Relaxed);
        self.window.add(age, Window::SUCCESS);
        if self.in_a_row.load(Ordering::Relaxed) != 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
        self.is_failing() && self.upstream_is(None)
    }

    /// An exchange failed with the class *upstream*. True if the status changed by it.
    pub fn failed(&self, now: Instant, failure: UpstreamFailure) -> bool {
        let age = now.saturating_duration_since(self.began);
        self.window.add(age, Window::FAILURE);
        let in_a_row = if failure.is_connect {
            self.in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1)
        } else {
            0
        };
        let (total, failed) = self.window.sum(age);
        let is_most = total >= ENOUGH && failed * 2 > total;
        if self.is_failing() || !(in_a_row >= IN_A_ROW || is_most) {
            return false;
        }
        self.upstream_is(Some((failure.reason, failure.detail)))
    }

    /// The agent says whether the upstream serves: `None` if it does. True if the status changed by it.
    pub fn said(&self, failure: Option<(EndpointReason, String)>) -> bool {
        match failure {
            None if !self.is_failing() => false,
            failure => self.upstream_is(failure),
        }
    }

    /// Its agent takes no more streams although it is alive, or does again. True if the status changed by it.
    pub fn set_hung(&self, is_hung: bool) -> bool {
        self.change(|stated| stated.is_hung = is_hung)
    }

    /// It is off line for this reason, or on line again. True if the status changed by it.
    pub fn set_offline(&self, reason: Option<EndpointReason>) -> bool {
        self.change(|stated| stated.offline = reason)
    }

    fn upstream_is(&self, failure: Option<(EndpointReason, String)>) -> bool {
        self.change(|stated| {
            if failure.is_none() {
                // What came before says nothing about what comes.
                self.window.clear();
            }
            self.is_failing.store(failure.is_some(), Ordering::Relaxed);
            stated.upstream = failure.map(|(reason, mut detail)| {
                detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
                (reason, detail)
            });
        })
    }

    fn change(&self, change: impl FnOnce(&mut Stated)) -> bool {
        let mut stated = self.lock();
        let before = stated.shown();
        change(&mut stated);
        let is_change = stated.shown() != before;
        if is_change {
            stated.since = SystemTime::now();
        }
        is_change
    }

    fn lock(&self) -> MutexGuard<'_, Stated> {
        self.stated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many exchanges there were in each of the last seconds, and how many of them failed. A slot holds its second
/// (32 bits), the failures (16 bits) and all (16 bits).
#[derive(Debug, Default)]
struct Window {
    slots: [AtomicU64; WINDOW],
}

impl Window {
    const SUCCESS: u64 = 1;
    const FAILURE: u64 = 1 << 16 | 1;
    /// A second counts no further than this; far enough below 2^16 that no number of threads carries over.
    const MOST: u64 = 60_000;

    fn add(&self, age: Duration, what: u64) {
        let second = Self::second(age);
        let Some(slot) = self.slots.get(second as usize % WINDOW) else {
            return;
        };
        let mut seen = slot.load(Ordering::Relaxed);
        while seen >> 32 != second {
            match slot.compare_exchange(seen, second << 32 | what, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        if seen & 0xffff < Self::MOST {
            slot.fetch_add(what, Ordering::Relaxed);
        }
    }

    /// All and failed ones of the last seconds.
    fn sum(&self, age: Duration) -> (u32, u32) {
        let second = Self::second(age);
        let recent = self.slots.iter().map(|slot| slot.load(Ordering::Relaxed));
        recent
            .filter(|slot| second.wrapping_sub(slot >> 32) < WINDOW as u64)
            .fold((0, 0), |(all, failed), slot| {
                (all + (slot & 0xffff) as u32, failed + (slot >> 16 & 0xffff) as u32)
            })
    }

    fn clear(&self) {
        for slot in &self.slots {
            slot.store(0, Ordering::Relaxed);
        }
    }

    /// Counted from [`WINDOW`], so that no second of a slot that was never used is recent.
    fn second(age: Duration) -> u64 {
        (age.as_secs() + WINDOW as u64) & 0xffff_ffff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> UpstreamFailure {
        UpstreamFailure {
            reason: EndpointReason::UpstreamRefused,
            is_connect: true,
            detail: "127.0.0.1:80: connection refused".to_owned(),
        }
    }

    fn invalid() -> UpstreamFailure {
        UpstreamFailure {
            reason: EndpointReason::UpstreamInvalid,
            is_connect: false,
            detail: String::new(),
        }
    }

    fn shown(health: &Health) -> (EndpointStatus, EndpointReason) {
        let status = health.status();
        (status.status, status.reason)
    }

    const OK: (EndpointStatus, EndpointReason) = (EndpointStatus::Online, EndpointReason::Ok);
    const REFUSED: (EndpointStatus, EndpointReason) = (EndpointStatus::Degraded, EndpointReason::UpstreamRefused);
    const INVALID: (EndpointStatus, EndpointReason) = (EndpointStatus::Degraded, EndpointReason::UpstreamInvalid);

    #[test]
    fn three_failures_in_a_row_degrade_and_the_first_success_restores() {
        let now = Instant::now();
        let health = Health::new(now);
        for _ in 0..2 {
            assert!(!health.failed(now, refused()));
        }
        assert!(!health.succeeded(now), "it was on line all the time");
        for _ in 0..2 {
            assert!(!health.failed(now, refused()));
        }
        assert_eq!(shown(&health), OK);
        assert!(health.failed(now, refused()));
        assert!(!health.failed(now, refused()), "it is known already");
        let status = health.status();
        assert_eq!((status.status, status.reason), REFUSED);
        assert_eq!(status.detail, "127.0.0.1:80: connection refused");
        assert!(status.last_ok.is_some());
        assert!(health.succeeded(now));
        assert_eq!(shown(&health), OK);
        assert_eq!(health.status().detail, "");
    }

    #[test]
    fn more_than_half_of_ten_exchanges_in_ten_seconds_degrade() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let health = Health::new(start);
        for second in 0..5 {
            assert!(!health.succeeded(at(second)));
            assert!(!health.failed(at(second), invalid()), "half is not more than half");
        }
        assert!(health.failed(at(5), invalid()), "six of eleven");
        assert_eq!(shown(&health), INVALID);
        assert!(health.succeeded(at(6)));
        // It begins anew: one more failure is one of one, not seven of thirteen.
        assert!(!health.failed(at(6), invalid()));
        assert_eq!(shown(&health), OK);
    }

    #[test]
    fn what_is_older_than_ten_seconds_is_forgotten() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let health = Health::new(start);
        for second in 0..9 {
            assert!(!health.failed(at(second), invalid()), "nine are not enough");
        }
        for second in 100..109 {
            assert!(!health.failed(at(second), invalid()));
        }
        // One every two seconds never are ten in ten seconds.
        for second in 0..100 {
            assert!(!health.failed(at(200 + 2 * second), invalid()));
        }
        for _ in 0..9 {
            health.succeeded(at(500));
        }
        assert!(!health.failed(at(509), invalid()));
        assert_eq!(shown(&health), OK);
    }

    #[test]
    fn a_busy_endpoint_overflows_nothing() {
        let now = Instant::now();
        let health = Health::new(now);
        for _ in 0..100_000 {
            health.succeeded(now);
        }
        for _ in 0..100_000 {
            health.failed(now, invalid());
        }
        let (all, failed) = health.window.sum(Duration::ZERO);
        assert_eq!((all, failed), (60_000, 0), "a second counts so far and no further");
        assert_eq!(shown(&health), OK);
    }

    #[test]
    fn the_worst_is_shown_and_what_is_behind_it_comes_out_again() {
        let now = Instant::now();
        let health = Health::new(now);
        assert!(health.said(Some((EndpointReason::UpstreamTimeout, "é".repeat(300)))));
        assert!(health.status().detail.len() <= MAX_DETAIL);
        assert!(health.set_hung(true));
        assert_eq!(shown(&health), (EndpointStatus::Degraded, EndpointReason::AgentLost));
        assert_eq!(health.status().detail, "");
        assert!(health.set_offline(Some(EndpointReason::HeartbeatLate)));
        assert!(!health.set_hung(false));
        assert!(health.set_offline(None));
        assert_eq!(
            shown(&health),
            (EndpointStatus::Degraded, EndpointReason::UpstreamTimeout)
        );
        assert!(health.said(None));
        assert!(!health.said(None));
        assert_eq!(shown(&health), OK);
    }
}
