//! How many connections there are, in all and per address.
//!
//! The table per address is of fixed size and approximate: addresses (IPv4 /32, IPv6 /64) that fall on one slot
//! count together. It cannot be filled up by an attacker, and it never blocks everyone.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use adit_snapshot::Limits;

const SLOTS: usize = 65_536;

/// Open connections of a node.
#[derive(Debug)]
pub struct AddressTable {
    open: AtomicUsize,
    slots: Box<[AtomicU32]>,
    hasher: foldhash::fast::RandomState,
}

impl Default for AddressTable {
    fn default() -> Self {
        Self {
            open: AtomicUsize::new(0),
            slots: (0..SLOTS).map(|_| AtomicU32::new(0)).collect(),
            hasher: foldhash::fast::RandomState::default(),
        }
    }
}

impl AddressTable {
    /// Counts a connection of `address` in; `None` when the node is full.
    pub fn admit(self: &Arc<Self>, address: IpAddr, limits: &Limits) -> Option<Permit> {
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        if open > limits.connections {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let key = match address {
            IpAddr::V4(a) => u64::from(a.to_bits()),
            IpAddr::V6(a) => (a.to_bits() >> 64) as u64,
        };
        let slot = (self.hasher.hash_one(key) as usize) % SLOTS;
        let of_address = self
            .slots
            .get(slot)
            .map_or(0, |s| s.fetch_add(1, Ordering::Relaxed) + 1);
        Some(Permit {
            table: self.clone(),
            slot,
            over: limits.connections_per_ip > 0 && of_address > limits.connections_per_ip,
        })
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// One counted connection; dropping it counts it out.
#[derive(Debug)]
pub struct Permit {
    table: Arc<AddressTable>,
    slot: usize,
    over: bool,
}

impl Permit {
    /// The address has more connections than it may have; only agents' names are served.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.table.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(s) = self.table.slots.get(self.slot) {
            s.fetch_sub(1, Ordering::Relaxed);
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
            connections: 10,
            connections_per_ip: 2,
            ..Limits::default()
        };
        let a: IpAddr = "203.0.113.7".parse().unwrap();
        let held: Vec<_> = (0..3).map(|_| table.admit(a, &limits).unwrap()).collect();
        assert_eq!(
            held.iter().map(Permit::is_over).collect::<Vec<_>>(),
            [false, false, true]
        );
        assert!(!table.admit("198.51.100.1".parse().unwrap(), &limits).unwrap().is_over());
        drop(held);
        assert_eq!(table.open(), 0);
        assert!(!table.admit(a, &limits).unwrap().is_over());
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
        assert!(table.admit(a, &limits).is_none());
        drop(one);
        assert!(table.admit(a, &limits).is_some());
    }

    #[test]
    fn a_64_of_ipv6_counts_as_one_address() {
        let table = Arc::new(AddressTable::default());
        let limits = Limits {
            connections_per_ip: 1,
            ..Limits::default()
        };
        let _one = table.admit("2001:db8::1".parse().unwrap(), &limits).unwrap();
        assert!(table.admit("2001:db8::2".parse().unwrap(), &limits).unwrap().is_over());
    }
}
