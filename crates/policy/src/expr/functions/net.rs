//! Addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use adit_names::cidr::{Cidr, canonical_ip};

use super::super::scope::Scope;
use super::{Outcome, items, string};
use crate::value::Value;

fn contains(ip: &str, cidr: &str) -> bool {
    match (ip.parse::<IpAddr>(), cidr.parse::<Cidr>()) {
        (Ok(ip), Ok(range)) => range.contains(ip),
        _ => false,
    }
}

pub(super) fn in_cidr_range(_: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bool(contains(string(args, 0)?, string(args, 1)?)))
}

pub(super) fn in_cidr_ranges(_: &Scope<'_>, args: &[Value]) -> Outcome {
    let ip = string(args, 0)?;
    Ok(Value::Bool(items(args, 1)?.iter().any(|range| match range {
        Value::Text(range) => contains(ip, range),
        _ => false,
    })))
}

fn address(args: &[Value]) -> Result<Option<IpAddr>, String> {
    Ok(string(args, 0)?.parse().ok().map(canonical_ip))
}

pub(super) fn is_private_ip(_: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bool(match address(args)? {
        Some(IpAddr::V4(ip)) => ip.is_private(),
        _ => false,
    }))
}

pub(super) fn is_internal_ip(_: &Scope<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bool(match address(args)? {
        Some(IpAddr::V4(ip)) => internal_v4(ip),
        Some(IpAddr::V6(ip)) => internal_v6(ip),
        None => false,
    }))
}

fn internal_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    ip.is_private() || ip.is_loopback() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
}

fn internal_v6(ip: Ipv6Addr) -> bool {
    ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local()
}
