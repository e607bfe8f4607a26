//! What kind an address is. Forms of IPv6 that carry an IPv4 address are judged by both.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A kind of address that is not for everybody (IANA's special-purpose registries, RFC 6890).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `0.0.0.0/8`, `::`
    Unspecified,
    /// `127.0.0.0/8`, `::1`
    Loopback,
    /// `169.254.0.0/16` (metadata services), `fe80::/10`
    LinkLocal,
    /// RFC 1918, unique local addresses of IPv6 (`fd00:ec2::254` among them), site-local ones.
    Private,
    /// `100.64.0.0/10`
    Shared,
    /// Multicast.
    Multicast,
    /// `255.255.255.255`
    Broadcast,
    /// Documentation.
    Documentation,
    /// Benchmarking.
    Benchmarking,
    /// Reserved, or of no use for asking anybody: `192.0.0.0/24`, `240.0.0.0/4`, discard-only.
    Reserved,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Private => "a private address",
            Self::Shared => "a carrier's shared address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Documentation => "an address of documentation",
            Self::Benchmarking => "an address of benchmarks",
            Self::Reserved => "a reserved address",
        })
    }
}

/// The kind of this address; `None` for what everybody may ask.
pub fn kind(address: IpAddr) -> Option<Kind> {
    match address {
        IpAddr::V4(v4) => of_v4(v4),
        IpAddr::V6(v6) => of_v6(v6),
    }
}

fn of_v4(address: Ipv4Addr) -> Option<Kind> {
    Some(match address.octets() {
        [0, ..] => Kind::Unspecified,
        [127, ..] => Kind::Loopback,
        [169, 254, ..] => Kind::LinkLocal,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Kind::Private,
        [100, 64..=127, ..] => Kind::Shared,
        [255, 255, 255, 255] => Kind::Broadcast,
        [224..=239, ..] => Kind::Multicast,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Kind::Documentation,
        [198, 18..=19, ..] => Kind::Benchmarking,
        // 192.88.99.0/24 led to 6to4 relays.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Kind::Reserved,
        _ => return None,
    })
}

fn of_v6(address: Ipv6Addr) -> Option<Kind> {
    let own = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Kind::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Kind::Loopback),
        [0xfe80..=0xfebf, ..] => Some(Kind::LinkLocal),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some(Kind::Private),
        [0xff00..=0xffff, ..] => Some(Kind::Multicast),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some(Kind::Documentation),
        [0x2001, 0x0002, 0, ..] => Some(Kind::Benchmarking),
        // Discard-only, ORCHID, segment routing.
        [0x0100, 0, 0, 0 | 1, ..] | [0x2001, 0x0010..=0x003f, ..] | [0x5f00, ..] => Some(Kind::Reserved),
        _ => None,
    };
    own.or_else(|| carried(address).into_iter().flatten().find_map(of_v4))
}

/// The IPv4 addresses that this one carries.
fn carried(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Mapped, translated (RFC 2765), compatible, NAT64 (RFC 6052 and 8215).
        [0, 0, 0, 0, 0, 0xffff, a, b]
        | [0, 0, 0, 0, 0xffff, 0, a, b]
        | [0, 0, 0, 0, 0, 0, a, b]
        | [0x64, 0xff9b, 0, 0, 0, 0, a, b]
        | [0x64, 0xff9b, 1, _, _, _, a, b] => [v4(a, b), None],
        // 6to4.
        [0x2002, a, b, ..] => [v4(a, b), None],
        // Teredo: the server, and the client with all bits turned.
        [0x2001, 0, a, b, _, _, c, d] => [v4(a, b), v4(!c, !d)],
        // ISATAP.
        [_, _, _, _, 0 | 0x200, 0x5efe, a, b] => [v4(a, b), None],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Option<Kind> {
        kind(text.parse().unwrap())
    }

    #[test]
    fn the_kinds() {
        for (text, expected) in [
            ("1.1.1.1", None),
            ("172.32.0.1", None),
            ("100.128.0.1", None),
            ("2606:4700::1111", None),
            ("64:ff9b::1.1.1.1", None),
            ("2002:101:101::1", None),
            ("0.1.2.3", Some(Kind::Unspecified)),
            ("127.9.9.9", Some(Kind::Loopback)),
            ("169.254.169.254", Some(Kind::LinkLocal)),
            ("10.0.0.1", Some(Kind::Private)),
            ("172.31.255.255", Some(Kind::Private)),
            ("192.168.0.1", Some(Kind::Private)),
            ("100.64.0.1", Some(Kind::Shared)),
            ("224.0.0.1", Some(Kind::Multicast)),
            ("255.255.255.255", Some(Kind::Broadcast)),
            ("203.0.113.7", Some(Kind::Documentation)),
            ("198.19.0.1", Some(Kind::Benchmarking)),
            ("240.0.0.1", Some(Kind::Reserved)),
            ("192.0.0.8", Some(Kind::Reserved)),
            ("::", Some(Kind::Unspecified)),
            ("::1", Some(Kind::Loopback)),
            ("fe80::1", Some(Kind::LinkLocal)),
            ("febf::1", Some(Kind::LinkLocal)),
            ("fd00:ec2::254", Some(Kind::Private)),
            ("fec0::1", Some(Kind::Private)),
            ("ff02::1", Some(Kind::Multicast)),
            ("2001:db8::1", Some(Kind::Documentation)),
            ("2001:2::1", Some(Kind::Benchmarking)),
            ("100::1", Some(Kind::Reserved)),
            // The same in other clothes.
            ("::ffff:127.0.0.1", Some(Kind::Loopback)),
            ("::ffff:0:10.0.0.1", Some(Kind::Private)),
            ("::10.0.0.1", Some(Kind::Private)),
            ("64:ff9b::169.254.169.254", Some(Kind::LinkLocal)),
            ("64:ff9b:1::10.0.0.1", Some(Kind::Private)),
            ("2002:7f00:1::", Some(Kind::Loopback)),
            ("2001:0:101:101::80ff:fffe", Some(Kind::Loopback)),
            ("2001:0:a00:1::fefe:fefe", Some(Kind::Private)),
            ("2606:4700::5efe:10.0.0.1", Some(Kind::Private)),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_judged_alike_in_all_forms(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let (a, b) = ((bits >> 16) as u16, bits as u16);
            for v6 in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
                Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, 0, 0, !a, !b),
            ] {
                prop_assert_eq!(kind(IpAddr::V6(v6)), kind(IpAddr::V4(v4)));
            }
        }
    }
}
