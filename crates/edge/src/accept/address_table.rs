//! How many connections there are, in all and per address, and how fast an address makes new ones (edge 1.6).
//!
//! The table per address is of fixed size and approximate: addresses (IPv4 /32, IPv6 /64) that fall on one slot
//! count together. It cannot be filled up by an attacker, and it never blocks everyone.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use adit_observe::RefusalReason;
use adit_snapshot::Limits;

use super::handshakes::Handshakes;

const SLOTS: usize = 65_536;
/// Connections of an address beyond its limit whose ClientHello is still looked at: an agent may be among them.
const PEEKED: u32 = 256;
/// The part of all connections that is kept for agents.
const RESERVE: usize = 20;

/// Open connections of a node.
#[derive(Debug)]
pub struct AddressTable {
    open: AtomicUsize,
    slots: Box<[Slot]>,
    hasher: foldhash::fast::RandomState,
    started: Instant,
    pub(super) handshakes: Handshakes,
}

/// What is known of the addresses of one slot.
#[derive(Debug, Default)]
struct Slot {
    open: AtomicU32,
    handshakes: AtomicU32,
    /// When the next connection would be due if they came evenly, in µs since the start (GCRA).
    due: AtomicU64,
}

impl Slot {
    /// Whether one more connection now keeps to `per_second` with bursts of `burst`.
    fn keeps_rate(&self, now: u64, per_second: u32, burst: u32) -> bool {
        if per_second == 0 {
            return true;
        }
        let step = 1_000_000 / u64::from(per_second);
        let most = step * u64::from(burst.max(1));
        self.due
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
                let next = due.max(now) + step;
                (next - now <= most).then_some(next)
            })
            .is_ok()
    }
}

impl Default for AddressTable {
    fn default() -> Self {
        Self {
            open: AtomicUsize::new(0),
            slots: (0..SLOTS).map(|_| Slot::default()).collect(),
            hasher: foldhash::fast::RandomState::default(),
            started: Instant::now(),
            handshakes: Handshakes::default(),
        }
    }
}

impl AddressTable {
    /// Counts a connection of `address` in.
    ///
    /// # Errors
    /// The node is full, or the address is so far over its limits that nothing of it is looked at.
    pub fn admit(self: &Arc<Self>, address: IpAddr, limits: &Limits) -> Result<Permit, RefusalReason> {
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        if open > limits.connections {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(RefusalReason::Shed);
        }
        let key = match address {
            IpAddr::V4(a) => u64::from(a.to_bits()),
            IpAddr::V6(a) => (a.to_bits() >> 64) as u64,
        };
        let index = (self.hasher.hash_one(key) as usize) % SLOTS;
        let mut permit = Permit {
            table: self.clone(),
            slot: index,
            over: None,
            accepted_at: SystemTime::now(),
        };
        let Some(slot) = self.slots.get(index) else {
            return Ok(permit);
        };
        let of_address = slot.open.fetch_add(1, Ordering::Relaxed) + 1;
        let now = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX / 2);
        let most = limits.connections_per_ip;
        permit.over = if most > 0 && of_address > most {
            if of_address > most.saturating_add(PEEKED) {
                return Err(RefusalReason::ConnectionsPerIp);
            }
            Some(RefusalReason::ConnectionsPerIp)
        } else if !slot.keeps_rate(now, limits.accepts_per_ip, limits.accepts_per_ip.saturating_mul(2)) {
            Some(RefusalReason::AcceptsPerIp)
        } else if open > limits.connections - limits.connections / RESERVE {
            Some(RefusalReason::Shed)
        } else {
            None
        };
        Ok(permit)
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// One counted connection; dropping it counts it out.
#[derive(Debug)]
pub struct Permit {
    pub(super) table: Arc<AddressTable>,
    slot: usize,
    over: Option<RefusalReason>,
    accepted_at: SystemTime,
}

impl Permit {
    /// Why only agents' names are served on it, if so: its address, or all visitors, have more than they may have.
    pub fn over(&self) -> Option<RefusalReason> {
        self.over
    }

    /// When the connection was accepted.
    pub fn accepted_at(&self) -> SystemTime {
        self.accepted_at
    }

    /// Handshakes that its address is making.
    pub(super) fn handshakes(&self) -> Option<&AtomicU32> {
        self.table.slots.get(self.slot).map(|s| &s.handshakes)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.table.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(s) = self.table.slots.get(self.slot) {
            s.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_over_its_limit_is_marked_and_others_are_not() {
        let table = Arc::new(AddressTable::default());
        let limits = Limits {
            connections: 100,
            connections_per_ip: 2,
            ..Limits::default()
        };
        let a: IpAddr = "203.0.113.7".parse().unwrap();
        let held: Vec<_> = (0..3).map(|_| table.admit(a, &limits).unwrap()).collect();
        assert_eq!(
            held.iter().map(Permit::over).collect::<Vec<_>>(),
            [None, None, Some(RefusalReason::ConnectionsPerIp)]
        );
        let other = table.admit("198.51.100.1".parse().unwrap(), &limits).unwrap();
        assert_eq!(other.over(), None);
        drop(other);
        drop(held);
        assert_eq!(table.open(), 0);
        assert_eq!(table.admit(a, &limits).unwrap().over(), None);
    }

    #[test]
    fn a_full_node_admits_nobody() {
        let table = Arc::new(AddressTable::default());
        let limits = Limits {
            connections: 1,
            ..Limits::default()
        };
        let a: IpAddr = "203.0.113.7".parse().unwrap();
        let one = table.admit(a, &limits).unwrap();
        assert_eq!(table.admit(a, &limits).unwrap_err(), RefusalReason::Shed);
        drop(one);
        assert!(table.admit(a, &limits).is_ok());
    }

    #[test]
    fn a_64_of_ipv6_counts_as_one_address() {
        let table = Arc::new(AddressTable::default());
        let limits = Limits {
            connections_per_ip: 1,
            ..Limits::default()
        };
        let _one = table.admit("2001:db8::1".parse().unwrap(), &limits).unwrap();
        let second = table.admit("2001:db8::2".parse().unwrap(), &limits).unwrap();
        assert_eq!(second.over(), Some(RefusalReason::ConnectionsPerIp));
    }

    #[test]
    fn the_last_twentieth_is_for_agents() {
        let table = Arc::new(AddressTable::default());
        let limits = Limits {
            connections: 100,
            connections_per_ip: 0,
            accepts_per_ip: 0,
            ..Limits::default()
        };
        let held: Vec<_> = (0..100_u8)
            .map(|i| table.admit([203, 0, 113, i].into(), &limits).unwrap())
            .collect();
        let over = held.iter().filter(|p| p.over() == Some(RefusalReason::Shed)).count();
        assert_eq!(over, 5);
        assert_eq!(held.iter().filter(|p| p.over().is_none()).count(), 95);
    }

    #[test]
    fn nothing_is_looked_at_far_over_the_limit() {
        let table = Arc::new(AddressTable::default());
        let limits = Limits {
            connections_per_ip: 1,
            accepts_per_ip: 0,
            ..Limits::default()
        };
        let a: IpAddr = "203.0.113.7".parse().unwrap();
        let held: Vec<_> = (0..=PEEKED).map(|_| table.admit(a, &limits).unwrap()).collect();
        assert_eq!(table.admit(a, &limits).unwrap_err(), RefusalReason::ConnectionsPerIp);
        assert_eq!(table.open(), held.len());
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let slot = Slot::default();
        let second = 1_000_000;
        let burst = (0..).take_while(|_| slot.keeps_rate(5 * second, 200, 400)).count();
        assert_eq!(burst, 400);
        // A refused one costs nothing: half a second later there is room for half the rate.
        let next = (0..)
            .take_while(|_| slot.keeps_rate(5 * second + second / 2, 200, 400))
            .count();
        assert_eq!(next, 100);
        assert!((0..10_000).all(|_| slot.keeps_rate(0, 0, 0)), "0 is no limit");
    }
}
