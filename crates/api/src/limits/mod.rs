//! How often and how many at once (control plane 1.9). Counted on each node, so a limit is divided by the number of
//! live nodes. What is counted is bounded: a flood of addresses costs no more than the table is large.

mod at_once;
mod window;

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use adit_names::code::ErrorCode;
use adit_names::id::Id;

use crate::error::ApiError;

use at_once::AtOnce;
pub(crate) use at_once::Place;
use window::Windows;

/// What everything is counted over.
const WINDOW: Duration = Duration::from_secs(60);
/// Failed authentications of one address before it has to wait.
const FAILURES: u32 = 20;

/// The limits that an operator sets; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one key in 60 seconds.
    pub per_key: u32,
    /// Requests of one address without a key in 60 seconds.
    pub per_address_unauthenticated: u32,
    /// Requests of one key that are being answered.
    pub concurrent_per_key: u32,
    /// Objects that one key makes in 60 seconds.
    pub creates_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_key: 6_000,
            per_address_unauthenticated: 60,
            concurrent_per_key: 64,
            creates_per_minute: 0,
        }
    }
}

/// The counters.
#[derive(Debug)]
pub(crate) struct Counters {
    limits: Limits,
    keys: Windows<Id>,
    creates: Windows<Id>,
    addresses: Windows<IpAddr>,
    failures: Windows<IpAddr>,
    at_once: AtOnce,
}

/// How much of a limit is left, for the fields `RateLimit-…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Seconds until it is whole again.
    pub(crate) reset: u64,
}

impl Counters {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            keys: Windows::default(),
            creates: Windows::default(),
            addresses: Windows::default(),
            failures: Windows::default(),
            at_once: AtOnce::default(),
        }
    }

    /// Counts a request of a key. `nodes` are the live ones.
    ///
    /// # Errors
    /// 429 with 226.
    pub(crate) fn request(&self, key: Id, nodes: u32, now: Instant) -> Result<Option<Left>, ApiError> {
        count(&self.keys, key, share(self.limits.per_key, nodes), now)
    }

    /// Counts an object that a key wants to make.
    ///
    /// # Errors
    /// 429 with 226.
    pub(crate) fn create(&self, key: Id, nodes: u32, now: Instant) -> Result<(), ApiError> {
        count(&self.creates, key, share(self.limits.creates_per_minute, nodes), now).map(drop)
    }

    /// Takes one of the places that a key has for requests that are being answered; it is free again when dropped.
    ///
    /// # Errors
    /// 429 with 225.
    pub(crate) fn place(&self, key: Id, nodes: u32) -> Result<Option<Place>, ApiError> {
        match share(self.limits.concurrent_per_key, nodes) {
            0 => Ok(None),
            limit => self.at_once.take(key, limit).map(Some).ok_or_else(|| {
                ApiError::new(ErrorCode::NGROK_225, &[])
                    .detail("limit", limit.to_string())
                    .retry_after(1)
            }),
        }
    }

    /// Counts a request that needs no key.
    ///
    /// # Errors
    /// 429 with 226.
    pub(crate) fn open_request(&self, peer: IpAddr, nodes: u32, now: Instant) -> Result<(), ApiError> {
        let limit = share(self.limits.per_address_unauthenticated, nodes);
        count(&self.addresses, network(peer), limit, now).map(drop)
    }

    /// Whether an address may try to show a key.
    ///
    /// # Errors
    /// 429 with 226 for one that has failed too often; the same whether the key that it shows now exists or not.
    pub(crate) fn may_try(&self, peer: IpAddr, now: Instant) -> Result<(), ApiError> {
        let (failed, left) = self.failures.seen(&network(peer), now);
        if failed < FAILURES {
            return Ok(());
        }
        Err(refused(FAILURES, left))
    }

    /// Counts a failed authentication.
    pub(crate) fn failed(&self, peer: IpAddr, now: Instant) {
        let _ = self.failures.count(network(peer), now);
    }
}

/// What one of `nodes` allows of a limit: at least one, unless there is no limit.
fn share(limit: u32, nodes: u32) -> u32 {
    limit.div_ceil(nodes.max(1))
}

fn count<K: std::hash::Hash + Eq + Copy>(
    windows: &Windows<K>,
    key: K,
    limit: u32,
    now: Instant,
) -> Result<Option<Left>, ApiError> {
    if limit == 0 {
        return Ok(None);
    }
    let (seen, left) = windows.count(key, now);
    if seen > limit {
        return Err(refused(limit, left));
    }
    Ok(Some(Left {
        limit,
        remaining: limit - seen,
        reset: seconds(left),
    }))
}

fn refused(limit: u32, left: Duration) -> ApiError {
    let (limit, window) = (limit.to_string(), WINDOW.as_secs().to_string());
    ApiError::new(ErrorCode::NGROK_226, &[("limit", &limit), ("seconds", &window)])
        .detail("limit", limit)
        .retry_after(seconds(left))
}

fn seconds(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

/// What counts as one address: of IPv6 the /64 that one customer has.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adit_names::id::Prefix;

    fn key(n: u8) -> Id {
        Id::new(Prefix::ApiKey, 1_800_000_000, [n; 16])
    }

    #[test]
    fn a_key_has_its_limit_and_others_theirs() {
        let counters = Counters::new(Limits {
            per_key: 3,
            ..Limits::default()
        });
        let now = Instant::now();
        for left in [2, 1, 0] {
            assert_eq!(counters.request(key(1), 1, now).unwrap().unwrap().remaining, left);
        }
        let error = counters.request(key(1), 1, now + Duration::from_secs(20)).unwrap_err();
        assert_eq!((error.code(), error.status().as_u16()), (ErrorCode::NGROK_226, 429));
        assert_eq!(error.detail_of("retry_after"), Some("40"));
        assert!(counters.request(key(2), 1, now).is_ok());
        assert!(counters.request(key(1), 1, now + WINDOW).is_ok());
        // Two nodes have half of it each, rounded up.
        assert!(counters.request(key(3), 2, now).is_ok());
        assert!(counters.request(key(3), 2, now).is_ok());
        assert!(counters.request(key(3), 2, now).is_err());
    }

    #[test]
    fn zero_is_no_limit() {
        let counters = Counters::new(Limits {
            per_key: 0,
            per_address_unauthenticated: 0,
            concurrent_per_key: 0,
            creates_per_minute: 0,
        });
        let now = Instant::now();
        for _ in 0..10_000 {
            assert_eq!(counters.request(key(1), 1, now), Ok(None));
            assert_eq!(counters.create(key(1), 1, now), Ok(()));
            assert_eq!(counters.open_request([1, 2, 3, 4].into(), 1, now), Ok(()));
        }
        assert!(counters.place(key(1), 1).unwrap().is_none());
    }

    #[test]
    fn an_address_that_fails_often_waits_whatever_it_shows() {
        let counters = Counters::new(Limits::default());
        let now = Instant::now();
        let peer: IpAddr = "2001:db8:1:2::9".parse().unwrap();
        for _ in 0..FAILURES {
            assert_eq!(counters.may_try(peer, now), Ok(()));
            counters.failed(peer, now);
        }
        let neighbour = "2001:db8:1:2:ffff::1".parse().unwrap();
        assert_eq!(
            counters.may_try(neighbour, now).unwrap_err().code(),
            ErrorCode::NGROK_226
        );
        assert_eq!(counters.may_try("2001:db8:1:3::9".parse().unwrap(), now), Ok(()));
        assert_eq!(counters.may_try(peer, now + WINDOW), Ok(()));
    }

    #[test]
    fn places_are_free_again() {
        let counters = Counters::new(Limits {
            concurrent_per_key: 2,
            ..Limits::default()
        });
        let first = counters.place(key(1), 1).unwrap();
        let second = counters.place(key(1), 1).unwrap();
        let error = counters.place(key(1), 1).unwrap_err();
        assert_eq!((error.code(), error.status().as_u16()), (ErrorCode::NGROK_225, 429));
        assert!(counters.place(key(2), 1).is_ok());
        drop((first, second));
        assert!(counters.place(key(1), 1).is_ok());
    }
}
