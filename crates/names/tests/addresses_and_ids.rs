//! CIDR ranges, ids, versions, random names.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use std::net::IpAddr;

use adit_names::id::IdError;
use adit_names::{Cidr, CidrSet, Id, Prefix, Version, random_name};
use proptest::prelude::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn ranges_unmap() {
    for (range, shown) in [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("203.0.113.7", "203.0.113.7/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("2001:DB8::1/32", "2001:db8::/32"),
        ("::/0", "::/0"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
    ] {
        assert_eq!(range.parse::<Cidr>().unwrap().to_string(), shown, "{range}");
    }
    for range in [
        "",
        "10.0.0.0/33",
        "10.0.0/8",
        "::/129",
        "a/8",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "010.0.0.1",
    ] {
        assert!(range.parse::<Cidr>().is_err(), "{range}");
    }
    let v4: Cidr = "10.0.0.0/8".parse().unwrap();
    assert!(v4.contains(ip("::ffff:10.9.9.9")) && !v4.contains(ip("::10.9.9.9")) && !v4.contains(ip("11.0.0.0")));
    assert_eq!(
        Cidr::aggregate(ip("::ffff:203.0.113.7"), 24, 48).to_string(),
        "203.0.113.0/24"
    );
    assert_eq!(
        Cidr::aggregate(ip("2001:db8:1:2::7"), 24, 48).to_string(),
        "2001:db8:1::/48"
    );
}

#[test]
fn everything_is_everything_of_one_family() {
    let set: CidrSet = ["0.0.0.0/0".parse::<Cidr>().unwrap(), "128.0.0.0/1".parse().unwrap()]
        .into_iter()
        .collect();
    assert!(set.contains(ip("0.0.0.0")) && set.contains(ip("255.255.255.255")) && !set.contains(ip("2001:db8::1")));
    assert!(CidrSet::default().is_empty() && !CidrSet::default().contains(ip("::")));
}

#[test]
fn known_ksuids() {
    // From the text of segmentio/ksuid.
    let id: Id = "ep_0ujtsYcgvSTl8PAuAdqWYSMnLOv".parse().unwrap();
    let hex: String = id.bytes().iter().map(|b| format!("{b:02X}")).collect();
    assert_eq!(hex, "0669F7EFB5A1CD34B5F99D1154FB6853345C9735");
    assert_eq!(id.unix_seconds(), 107_608_047 + 1_400_000_000);
    assert_eq!(id.to_string(), "ep_0ujtsYcgvSTl8PAuAdqWYSMnLOv");
    assert_eq!(
        Id::from_bytes(Prefix::Session, [0xFF; 20]).to_string(),
        "ts_aWgEPTl1tmebfsQzFP4bxwgy80V"
    );
    assert_eq!(
        Id::from_bytes(Prefix::Session, [0; 20]).to_string(),
        format!("ts_{}", "0".repeat(27))
    );
    assert_eq!(
        id.with_prefix(Prefix::Tunnel).to_string(),
        "tn_0ujtsYcgvSTl8PAuAdqWYSMnLOv"
    );
    assert_eq!(&id.base62(), b"0ujtsYcgvSTl8PAuAdqWYSMnLOv");
}

#[test]
fn texts_that_are_no_ids() {
    for text in [
        "",
        "ep",
        "ep_",
        "0ujtsYcgvSTl8PAuAdqWYSMnLOv",
        "xx_0ujtsYcgvSTl8PAuAdqWYSMnLOv",
        "_0ujtsYcgvSTl8PAuAdqWYSMnLOv",
    ] {
        assert!(text.parse::<Id>().is_err(), "{text}");
    }
    // One more than 160 bits hold, a foreign character, another length.
    for text in [
        "ep_aWgEPTl1tmebfsQzFP4bxwgy80W",
        "ep_zzzzzzzzzzzzzzzzzzzzzzzzzzz",
        "ep_0ujtsYcgvSTl8PAuAdqWYSMnLO-",
        "ep_0ujtsYcgvSTl8PAuAdqWYSMnLOv0",
    ] {
        assert_eq!(text.parse::<Id>(), Err(IdError::Form), "{text}");
    }
    assert_eq!(
        Id::parse_as(Prefix::Tunnel, "ep_0ujtsYcgvSTl8PAuAdqWYSMnLOv"),
        Err(IdError::Prefix)
    );
}

#[test]
fn ids_sort_by_time() {
    let early = Id::at_millis(Prefix::Event, 1_800_000_000_100, [0xFF; 16]);
    let late = Id::at_millis(Prefix::Event, 1_800_000_000_104, [0; 16]);
    assert!(early < late && early.to_string() < late.to_string());
    assert_eq!(Id::new(Prefix::Event, 0, [1; 16]).unix_seconds(), 1_400_000_000);
}

/// 100,000 in a row, ten a millisecond, whatever their random part: from one tick of the clock to a later one they grow.
#[test]
fn texts_of_ids_grow_with_the_clock() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        // xorshift64*: any bytes, the same each time.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()
    };
    let mut largest_before = String::new();
    let mut ticks: std::collections::BTreeMap<u64, Vec<String>> = std::collections::BTreeMap::new();
    for n in 0..100_000_u64 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&random());
        bytes[8..].copy_from_slice(&random());
        let millis = 1_800_000_000_000 + n / 10;
        // The clock of an id goes in steps of 4 ms.
        let id = Id::at_millis(Prefix::IpPolicy, millis, bytes);
        ticks.entry(millis / 4).or_default().push(id.to_string());
    }
    let mut count = 0;
    for mut ids in ticks.into_values() {
        ids.sort_unstable();
        assert!(ids[0] > largest_before, "{} after {largest_before}", ids[0]);
        ids.dedup();
        count += ids.len();
        largest_before = ids.pop().unwrap();
    }
    assert_eq!(count, 100_000);
}

#[test]
fn versions_order() {
    let order = [
        "0.9",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "v1.0.0",
        "1.0.1",
        "1.10",
        "2",
    ];
    let parsed: Vec<Version> = order.iter().map(|text| text.parse().unwrap()).collect();
    assert!(parsed.is_sorted_by(|a, b| a < b), "{parsed:?}");
    assert_eq!("1.2".parse::<Version>(), "1.2.0+build".parse());
    for text in [
        "",
        "a",
        "1.2.3.4",
        "1..2",
        "-1",
        "1.2.3-",
        "1.2.3-a..b",
        "99999999999999999999",
    ] {
        assert!(text.parse::<Version>().is_err(), "{text}");
    }
    assert!(adit_names::VERSION.parse::<Version>().is_ok());
}

#[test]
fn random_names_are_labels() {
    assert_eq!(random_name::label([0; 9]), "amber-anchor-aaaaaaaa");
    assert_eq!(
        random_name::label([0, 63, 0, 63, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
        "wise-wren-77777777"
    );
    assert_eq!(
        random_name::label([0, 0, 0, 0, 0x00, 0x44, 0x32, 0x14, 0xC7]),
        "amber-anchor-abcdefgh"
    );
}

proptest! {
    #[test]
    fn ids_round_trip(bytes in any::<[u8; 20]>()) {
        for prefix in Prefix::ALL {
            let id = Id::from_bytes(*prefix, bytes);
            prop_assert_eq!(id.to_string().parse::<Id>(), Ok(id));
        }
    }

    #[test]
    fn ids_compare_like_their_texts(a in any::<[u8; 20]>(), b in any::<[u8; 20]>()) {
        let (a, b) = (Id::from_bytes(Prefix::User, a), Id::from_bytes(Prefix::User, b));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}") {
        let _ = text.parse::<Id>();
        let _ = text.parse::<Cidr>();
        let _ = text.parse::<Version>();
    }

    #[test]
    fn a_set_holds_what_its_ranges_hold(
        ranges in proptest::collection::vec((any::<u32>(), 0_u8..=32), 0..12),
        six in proptest::collection::vec((any::<u128>(), 0_u8..=128), 0..6),
        address in any::<u32>(),
        address6 in any::<u128>(),
    ) {
        let mut all: Vec<Cidr> = ranges.iter().map(|(a, n)| format!("{}/{n}", std::net::Ipv4Addr::from(*a)).parse().unwrap()).collect();
        all.extend(six.iter().map(|(a, n)| format!("{}/{n}", std::net::Ipv6Addr::from(*a)).parse::<Cidr>().unwrap()));
        let set = CidrSet::new(all.iter().copied());
        let mut wanted: Vec<IpAddr> = vec![IpAddr::V4(address.into()), IpAddr::V6(address6.into())];
        wanted.extend(all.iter().map(Cidr::network));
        for ip in wanted {
            prop_assert_eq!(set.contains(ip), all.iter().any(|range| range.contains(ip)), "{}", ip);
        }
    }

    #[test]
    fn random_names_are_valid_hosts(bytes in any::<[u8; 9]>()) {
        let label = random_name::label(bytes);
        prop_assert!(label.len() <= 30);
        let host = format!("{label}.example.com");
        let parsed = adit_names::CanonicalHost::for_endpoint(&host).unwrap();
        prop_assert_eq!(parsed.as_str(), host.as_str());
    }
}
