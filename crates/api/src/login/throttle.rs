//! How often somebody may try to sign in: per account with delays that grow, per address with a bound (control
//! plane 3.2). Kept in memory, per node.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use adit_names::cidr::Cidr;

/// Failures of an account before it has to wait.
const FREE: u32 = 10;
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Failures of an address within [`SPAN`].
const PER_ADDRESS: u32 = 30;
/// For so long an address's failures count.
const SPAN: Duration = Duration::from_secs(10 * 60);
/// An account without failures for so long is forgotten.
const FORGET: Duration = Duration::from_secs(24 * 3600);
/// Most accounts and most addresses that are remembered.
const KEPT: usize = 100_000;

#[derive(Debug, Default)]
struct Failures {
    accounts: HashMap<String, (u32, Instant)>,
    addresses: HashMap<Cidr, (u32, Instant)>,
}

/// Failed attempts to sign in.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    failures: Mutex<Failures>,
}

impl Throttle {
    /// How long this one has to wait before he may try; none if he may. `account` is an e-mail address, known or not.
    pub(crate) fn wait(&self, account: &str, ip: IpAddr, now: Instant) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let account = failures.accounts.get(account);
        let account = account.and_then(|(count, last)| (*last + delay(*count)).checked_duration_since(now));
        let address = failures
            .addresses
            .get(&prefix(ip))
            .filter(|(count, _)| *count >= PER_ADDRESS);
        let address = address.and_then(|(_, first)| (*first + SPAN).checked_duration_since(now));
        account.max(address).filter(|wait| !wait.is_zero())
    }

    /// He tries: counted as a failure until it is known to be none, so that many tries at once are not all free.
    pub(crate) fn failed(&self, account: &str, ip: IpAddr, now: Instant) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut failures.accounts, now, FORGET);
        make_room(&mut failures.addresses, now, SPAN);
        let account = failures.accounts.entry(account.to_owned()).or_insert((0, now));
        *account = (account.0.saturating_add(1), now);
        let address = failures.addresses.entry(prefix(ip)).or_insert((0, now));
        if now.duration_since(address.1) >= SPAN {
            *address = (0, now);
        }
        address.0 = address.0.saturating_add(1);
    }

    /// The account starts anew.
    pub(crate) fn succeeded(&self, account: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.accounts.remove(account);
    }

    /// A try was no failure. The address does not start anew, or one good account would free all guesses.
    pub(crate) fn take_back(&self, account: &str, ip: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = failures.accounts.get_mut(account) {
            *count = count.saturating_sub(1);
        }
        if let Some((count, _)) = failures.addresses.get_mut(&prefix(ip)) {
            *count = count.saturating_sub(1);
        }
    }
}

/// Wait after so many failures: none up to [`FREE`], then 1 s, 2 s, 4 s, …
fn delay(count: u32) -> Duration {
    match count.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(over) => Duration::from_secs(1 << over.min(20)).min(LONGEST),
    }
}

/// What one person has: an address, or his network.
fn prefix(ip: IpAddr) -> Cidr {
    Cidr::aggregate(ip, 32, 64)
}

/// Forgets what is old; if that is not enough, everything: whoever fills the table has shown many addresses or made
/// up many accounts, and waits anew from the start.
fn make_room<K: Eq + Hash>(table: &mut HashMap<K, (u32, Instant)>, now: Instant, old: Duration) {
    if table.len() < KEPT {
        return;
    }
    table.retain(|_, (_, at)| now.duration_since(*at) < old);
    if table.len() >= KEPT {
        table.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([198, 51, 100, last])
    }

    #[test]
    fn an_account_waits_longer_and_longer() {
        let throttle = Throttle::default();
        let mut now = Instant::now();
        for n in 0..9 {
            throttle.failed("a@example.com", ip(n), now);
            assert_eq!(throttle.wait("a@example.com", IP, now), None, "{n}");
        }
        for seconds in [1, 2, 4, 8] {
            throttle.failed("a@example.com", ip(9), now);
            let wait = Duration::from_secs(seconds);
            assert_eq!(throttle.wait("a@example.com", IP, now), Some(wait));
            assert_eq!(throttle.wait("b@example.com", IP, now), None);
            now += wait;
            assert_eq!(throttle.wait("a@example.com", IP, now), None);
        }
        assert_eq!(delay(1_000), LONGEST);
        throttle.failed("a@example.com", ip(9), now);
        throttle.succeeded("a@example.com");
        assert_eq!(throttle.wait("a@example.com", IP, now), None);
    }

    #[test]
    fn an_address_has_thirty() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for n in 0..PER_ADDRESS {
            assert_eq!(throttle.wait("x", IP, now), None);
            throttle.failed(&format!("{n}@example.com"), IP, now);
        }
        assert_eq!(throttle.wait("x", IP, now), Some(SPAN));
        throttle.succeeded("0@example.com");
        assert_eq!(throttle.wait("x", IP, now), Some(SPAN));
        assert_eq!(throttle.wait("x", ip(1), now), None);
        assert_eq!(throttle.wait("x", IP, now + SPAN), None);
        throttle.failed("x", IP, now + SPAN);
        assert_eq!(throttle.wait("x", IP, now + SPAN), None);
    }
}
