//! A set of ranges that tells the most specific one that holds an address: one table look-up and a search among the few
//! boundaries that share the address's first 16 bits (traffic policy 7.1: 5·10^5 prefixes within 60 ns).

use std::net::IpAddr;

use adit_names::cidr::Cidr;

/// No range.
const NONE: u32 = u32::MAX;

/// Ranges of addresses, any number of them.
#[derive(Debug, Clone, Default)]
pub struct IpSet {
    ranges: Vec<Cidr>,
    v4: Segments<u32>,
    v6: Segments<u128>,
}

/// The line of all addresses cut where ranges begin and end; each piece with its most specific range.
#[derive(Debug, Clone)]
struct Segments<A> {
    starts: Vec<A>,
    owners: Vec<u32>,
    /// For the first 16 bits of an address: the first piece that begins at or behind them. Empty: few pieces.
    index: Vec<u32>,
}

impl<A> Default for Segments<A> {
    fn default() -> Self {
        Self {
            starts: Vec::new(),
            owners: Vec::new(),
            index: Vec::new(),
        }
    }
}

trait Address: Copy + Ord {
    /// The first 16 bits.
    fn first(self) -> usize;
    fn next(self) -> Option<Self>;
}

impl Address for u32 {
    fn first(self) -> usize {
        (self >> 16) as usize
    }
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Address for u128 {
    fn first(self) -> usize {
        usize::try_from(self >> 112).unwrap_or(0)
    }
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl<A: Address + Default> Segments<A> {
    /// From ranges `(first, last, number)`, wider before narrower where they begin alike.
    fn build(ranges: &[(A, A, u32)]) -> Self {
        let mut out = Self::default();
        let mut open: Vec<(A, u32)> = Vec::new();
        let put = |out: &mut Self, start: A, owner: u32| {
            if out.starts.last() == Some(&start) {
                if let Some(last) = out.owners.last_mut() {
                    *last = owner;
                }
            } else if out.owners.last() != Some(&owner) {
                out.starts.push(start);
                out.owners.push(owner);
            }
        };
        put(&mut out, A::default(), NONE);
        for (first, last, number) in ranges {
            while let Some((end, _)) = open.last().copied()
                && end < *first
            {
                open.pop();
                let owner = open.last().map_or(NONE, |(_, owner)| *owner);
                if let Some(next) = end.next() {
                    put(&mut out, next, owner);
                }
            }
            put(&mut out, *first, *number);
            open.push((*last, *number));
        }
        while let Some((end, _)) = open.pop() {
            let owner = open.last().map_or(NONE, |(_, owner)| *owner);
            if let Some(next) = end.next() {
                put(&mut out, next, owner);
            }
        }
        if out.starts.len() > 64 {
            let mut at = 0;
            for first in 0..=1 << 16_usize {
                while out.starts.get(at).is_some_and(|start| start.first() < first) {
                    at += 1;
                }
                out.index.push(u32::try_from(at).unwrap_or(NONE));
            }
        }
        out
    }

    fn owner(&self, address: A) -> u32 {
        let (from, to) = match (self.index.get(address.first()), self.index.get(address.first() + 1)) {
            (Some(from), Some(to)) => (*from as usize, *to as usize),
            _ => (0, self.starts.len()),
        };
        let pieces = self.starts.get(from..to).unwrap_or_default();
        let at = from + pieces.partition_point(|start| *start <= address);
        at.checked_sub(1)
            .and_then(|at| self.owners.get(at))
            .copied()
            .unwrap_or(NONE)
    }
}

impl IpSet {
    /// The most specific range that holds the address.
    #[must_use]
    pub fn best(&self, ip: IpAddr) -> Option<Cidr> {
        let owner = match ip.to_canonical() {
            IpAddr::V4(ip) => self.v4.owner(ip.into()),
            IpAddr::V6(ip) => self.v6.owner(ip.into()),
        };
        self.ranges.get(owner as usize).copied()
    }

    /// Does a range hold the address?
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.best(ip).is_some()
    }

    /// Has it no ranges?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Its ranges, sorted.
    #[must_use]
    pub fn ranges(&self) -> &[Cidr] {
        &self.ranges
    }
}

impl FromIterator<Cidr> for IpSet {
    fn from_iter<I: IntoIterator<Item = Cidr>>(ranges: I) -> Self {
        let mut ranges: Vec<Cidr> = ranges.into_iter().collect();
        // Wider before narrower, so that what is built last at a place is the most specific.
        ranges.sort_by_key(|range| (range.network(), range.prefix_len()));
        ranges.dedup();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (at, range) in ranges.iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(NONE);
            match range.network() {
                IpAddr::V4(first) => {
                    let first = u32::from(first);
                    let last = first | u32::MAX.checked_shr(range.prefix_len().into()).unwrap_or(0);
                    v4.push((first, last, at));
                }
                IpAddr::V6(first) => {
                    let first = u128::from(first);
                    let last = first | u128::MAX.checked_shr(range.prefix_len().into()).unwrap_or(0);
                    v6.push((first, last, at));
                }
            }
        }
        Self {
            v4: Segments::build(&v4),
            v6: Segments::build(&v6),
            ranges,
        }
    }
}

impl From<Vec<Cidr>> for IpSet {
    fn from(ranges: Vec<Cidr>) -> Self {
        ranges.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(texts: &[&str]) -> IpSet {
        texts.iter().map(|text| text.parse::<Cidr>().unwrap()).collect()
    }

    #[test]
    fn the_most_specific_range_is_found() {
        let set = set(&[
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3/32",
            "0.0.0.0/0",
            "2001:db8::/32",
            "::/1",
        ]);
        for (ip, range) in [
            ("10.1.2.3", "10.1.2.3/32"),
            ("10.1.2.4", "10.1.0.0/16"),
            ("10.2.0.0", "10.0.0.0/8"),
            ("11.0.0.0", "0.0.0.0/0"),
            ("255.255.255.255", "0.0.0.0/0"),
            ("::ffff:10.1.2.3", "10.1.2.3/32"),
            ("2001:db8::1", "2001:db8::/32"),
            ("2001:db9::1", "::/1"),
        ] {
            assert_eq!(set.best(ip.parse().unwrap()).unwrap().to_string(), range, "{ip}");
        }
        assert!(!set.contains("ffff::".parse().unwrap()));
        assert!(!IpSet::default().contains("10.0.0.1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn it_agrees_with_looking_at_all(
            ranges in proptest::collection::vec((0_u32..1 << 20, 8_u8..=32), 0..200),
            ips in proptest::collection::vec(0_u32..1 << 20, 50),
        ) {
            let ranges: Vec<Cidr> = ranges
                .into_iter()
                .map(|(ip, prefix)| format!("{}/{prefix}", std::net::Ipv4Addr::from(ip << 12)).parse().unwrap())
                .collect();
            let set: IpSet = ranges.iter().copied().collect();
            for ip in ips {
                let ip = IpAddr::from(std::net::Ipv4Addr::from(ip << 12));
                let longest = ranges.iter().filter(|range| range.contains(ip)).map(Cidr::prefix_len).max();
                prop_assert_eq!(set.best(ip).map(|range| range.prefix_len()), longest);
            }
        }
    }
}
