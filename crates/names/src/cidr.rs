//! Address ranges. IPv4 addresses that arrive inside IPv6 (`::ffff:a.b.c.d`) are unmapped at once,
//! in rules as in addresses: a v4 rule that a dual-stack socket quietly bypasses is no rule.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// One range, for example `10.0.0.0/8`, `2001:db8::/32`; a bare address is a range of one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr(IpNet);

/// A text that is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IP address or CIDR range such as 203.0.113.0/24 or 2001:db8::/32")]
pub struct CidrError(Box<str>);

/// The address itself, v4-mapped IPv6 turned into IPv4.
#[must_use]
pub fn canonical_ip(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// The socket address with its address unmapped and without zone or flow label.
#[must_use]
pub fn canonical_socket_addr(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

impl Cidr {
    /// Does the range hold this address (unmapped first)?
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }

    /// Length of the prefix in bits.
    #[must_use]
    pub fn prefix_len(&self) -> u8 {
        self.0.prefix_len()
    }

    /// First address of the range.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        self.0.network()
    }

    /// The aggregate an address is counted under: IPv4 `/v4`, IPv6 `/v6` bits (edge 1.6, 11.1).
    /// Longer prefixes than the family has are taken as the whole address.
    #[must_use]
    pub fn aggregate(ip: IpAddr, v4: u8, v6: u8) -> Self {
        let ip = ip.to_canonical();
        let (wanted, most) = if ip.is_ipv4() { (v4, 32) } else { (v6, 128) };
        Self(
            IpNet::new(ip, wanted.min(most))
                .unwrap_or_else(|_| IpNet::from(ip))
                .trunc(),
        )
    }
}

impl From<IpNet> for Cidr {
    /// The network that `net` lies in: host bits are dropped.
    fn from(net: IpNet) -> Self {
        Self(net.trunc())
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    /// Host bits behind the prefix are cleared (`10.1.2.3/8` is `10.0.0.0/8`); a mapped IPv6 range
    /// of 96 bits or more becomes the IPv4 range it means.
    fn from_str(text: &str) -> Result<Self, CidrError> {
        let wrong = || CidrError(text.chars().take(64).collect());
        let text = text.trim_ascii();
        let net = match text.parse::<IpNet>() {
            Ok(net) => net,
            Err(_) => IpNet::from(text.parse::<IpAddr>().map_err(|_| wrong())?),
        };
        let net = match net {
            IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
                Some(v4) => IpNet::V4(Ipv4Net::new(v4, v6.prefix_len() - 96).map_err(|_| wrong())?),
                None => net,
            },
            IpNet::V4(_) | IpNet::V6(_) => net,
        };
        Ok(Self(net.trunc()))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A set of ranges. Ranges of one family that lie within or beside each other are merged, so that a
/// look-up is one binary search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CidrSet {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl CidrSet {
    /// The union of `ranges`.
    pub fn new(ranges: impl IntoIterator<Item = Cidr>) -> Self {
        let mut set = Self::default();
        for range in ranges {
            match range.0 {
                IpNet::V4(net) => set.v4.push((net.network().into(), net.broadcast().into())),
                IpNet::V6(net) => set.v6.push((net.network().into(), net.broadcast().into())),
            }
        }
        merge(&mut set.v4, |end| end.checked_add(1));
        merge(&mut set.v6, |end| end.checked_add(1));
        set
    }

    /// Does any range hold this address (unmapped first)?
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => holds(&self.v4, ip.into()),
            IpAddr::V6(ip) => holds(&self.v6, ip.into()),
        }
    }

    /// Is the set empty?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

impl FromIterator<Cidr> for CidrSet {
    fn from_iter<I: IntoIterator<Item = Cidr>>(ranges: I) -> Self {
        Self::new(ranges)
    }
}

fn merge<T: Ord + Copy>(ranges: &mut Vec<(T, T)>, after: impl Fn(T) -> Option<T>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let touches = after(kept.1).is_none_or(|first_free| next.0 <= first_free);
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
}

fn holds<T: Ord + Copy>(ranges: &[(T, T)], wanted: T) -> bool {
    let behind = ranges.partition_point(|range| range.0 <= wanted);
    behind
        .checked_sub(1)
        .and_then(|i| ranges.get(i))
        .is_some_and(|range| wanted <= range.1)
}
