//! Which proxy a dial goes through: the one that was given, else the environment's (`https_proxy`, `http_proxy`,
//! `all_proxy`, minus `no_proxy`), which never counts for this machine itself.

use std::net::IpAddr;

use super::address::{Address, is_local_name};
use super::proxy::Proxy;
use crate::error::Error;

/// Which proxy a dial goes through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    /// The one given; it counts for every server.
    pub(crate) given: Option<Proxy>,
    /// The environment's.
    pub(crate) environment: Option<Proxy>,
    /// `no_proxy`.
    pub(crate) except: Vec<String>,
}

impl Proxies {
    pub(crate) fn of_environment(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let either = |name: &str| {
            get(name)
                .or_else(|| get(&name.to_ascii_uppercase()))
                .filter(|value| !value.is_empty())
        };
        let environment = ["https_proxy", "http_proxy", "all_proxy"]
            .iter()
            .find_map(|name| either(name))
            .map(|url| Proxy::parse(&url))
            .transpose()?;
        let except = either("no_proxy")
            .map(|list| {
                list.split(',')
                    .map(|part| part.trim().to_ascii_lowercase())
                    .filter(|part| !part.is_empty())
                    .collect()
            })
            .unwrap_or_default();
        Ok(Self {
            given: None,
            environment,
            except,
        })
    }

    pub(crate) fn for_target(&self, target: &Address) -> Option<&Proxy> {
        if self.given.is_some() {
            return self.given.as_ref();
        }
        let loopback = target.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if loopback || is_local_name(&target.host) || self.except.iter().any(|rule| is_excepted(rule, &target.host)) {
            return None;
        }
        self.environment.as_ref()
    }
}

/// `no_proxy` knows `*`, names (which mean everything below, too), `.names`, addresses and networks.
fn is_excepted(rule: &str, host: &str) -> bool {
    if rule == "*" || rule == host {
        return true;
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        return in_network(rule, ip);
    }
    let rule = rule
        .strip_prefix("*.")
        .or_else(|| rule.strip_prefix('.'))
        .unwrap_or(rule);
    host == rule || host.strip_suffix(rule).is_some_and(|front| front.ends_with('.'))
}

fn in_network(rule: &str, ip: IpAddr) -> bool {
    let Some((network, length)) = rule.split_once('/') else {
        return false;
    };
    let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else {
        return false;
    };
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) if length <= 32 => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            network.to_bits() & mask == ip.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) if length <= 128 => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            network.to_bits() & mask == ip.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_counts_but_not_for_this_machine() {
        let proxies = Proxies::of_environment(&|name| match name {
            "HTTPS_PROXY" => Some("http://p:1".into()),
            "no_proxy" => Some("example.com, .corp,10.0.0.0/8".into()),
            _ => None,
        })
        .unwrap();
        let through = |host: &str| {
            proxies
                .for_target(&Address {
                    host: host.into(),
                    port: 1,
                })
                .is_some()
        };
        assert!(through("connect.other.net") && through("notexample.com") && through("11.0.0.1"));
        for direct in [
            "example.com",
            "a.example.com",
            "x.corp",
            "10.9.9.9",
            "127.0.0.1",
            "::1",
            "connect.adit.localhost",
        ] {
            assert!(!through(direct), "{direct}");
        }
        let given = Proxies {
            given: Some(Proxy::parse("socks5://p").unwrap()),
            ..proxies
        };
        assert!(
            given
                .for_target(&Address {
                    host: "127.0.0.1".into(),
                    port: 1
                })
                .is_some()
        );
    }
}
