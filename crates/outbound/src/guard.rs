//! Who may be asked, and what an operator allows beyond that.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

use crate::address;
use crate::reason::Failure;

/// The ports of the web; others have to be allowed.
const PORTS: [u16; 4] = [80, 443, 8080, 8443];

/// On whose word it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A policy's own calls: `http-request`, `ext-auth`, `mirror`. Outside only with `outbound.policy_external`.
    Policy,
    /// Keys and discovery documents, deliveries, orders: what is outside by its nature.
    Service,
}

/// One entry of `outbound.allow`: a network, or a name with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// All addresses of it, at every port.
    Net(IpNet),
    /// Wherever this name leads.
    Place {
        /// In lower case.
        host: String,
        /// Port.
        port: u16,
    },
}

/// An entry that is neither.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a network as 10.1.0.0/16 nor a name with a port as hooks.example.com:9000")]
pub struct WrongAllowance(pub String);

impl FromStr for Allowed {
    type Err = WrongAllowance;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || WrongAllowance(text.to_owned());
        if let Ok(net) = text.parse() {
            return Ok(Self::Net(net));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Net(address.into()));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = port.parse().ok().filter(|p| *p != 0).ok_or_else(wrong)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
        if host.is_empty() || host.len() > 253 || !host.chars().all(fits) {
            return Err(wrong());
        }
        Ok(Self::Place { host, port })
    }
}

/// Decides about one address after the other.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// `outbound.allow`.
    pub allow: Vec<Allowed>,
    /// `outbound.policy_external`: whether policies may ask outside at all.
    pub policy_external: bool,
    /// Where this server listens.
    pub own: Vec<SocketAddr>,
}

impl Guard {
    /// Whether it is worth asking where `host` is: policies that may not ask outside ask nobody about names either, unless
    /// a name may lead to a network that the operator allows.
    ///
    /// # Errors
    /// [`Failure::External`].
    pub(crate) fn check_name(&self, purpose: Purpose, host: &str, port: u16) -> Result<(), Failure> {
        let is_address = host.parse::<IpAddr>().is_ok();
        let has_networks = self.allow.iter().any(|a| matches!(a, Allowed::Net(_)));
        if purpose == Purpose::Policy
            && !self.policy_external
            && !is_address
            && !has_networks
            && !self.is_named(host, port)
        {
            return Err(Failure::External(host.to_owned()));
        }
        Ok(())
    }

    /// Whether `host`, which leads to `address`, may be asked at `port`.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, purpose: Purpose, host: &str, address: IpAddr, port: u16) -> Result<(), Failure> {
        // An operator who names a port of his own server means it.
        if self.is_named(host, port) {
            return Ok(());
        }
        let address = address.to_canonical();
        if self.own.iter().any(|own| own.port() == port && own.ip() == address) {
            return Err(Failure::Own(host.to_owned()));
        }
        if self.is_allowed(address) {
            return Ok(());
        }
        if let Some(kind) = address::kind(address) {
            let host = host.to_owned();
            return Err(Failure::Refused { host, address, kind });
        }
        if purpose == Purpose::Policy && !self.policy_external {
            return Err(Failure::External(host.to_owned()));
        }
        if !PORTS.contains(&port) {
            return Err(Failure::Port(port));
        }
        Ok(())
    }

    /// The same once there is a connection from `local`: whoever connects to himself sees one address at both ends,
    /// even where he listens on all.
    pub(crate) fn check_connected(&self, host: &str, local: SocketAddr, peer: SocketAddr) -> Result<(), Failure> {
        let own_port = self.own.iter().any(|own| own.port() == peer.port());
        if own_port && local.ip() == peer.ip() && !self.is_named(host, peer.port()) {
            return Err(Failure::Own(host.to_owned()));
        }
        Ok(())
    }

    fn is_named(&self, host: &str, port: u16) -> bool {
        let named = |a: &Allowed| matches!(a, Allowed::Place { host: h, port: p } if *p == port && h == host);
        self.allow.iter().any(named)
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.allow
            .iter()
            .any(|a| matches!(a, Allowed::Net(net) if net.contains(&address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_asked() {
        let guard = Guard {
            allow: vec![
                "10.1.0.0/16".parse().unwrap(),
                "Hooks.example.com:9000".parse().unwrap(),
            ],
            policy_external: false,
            own: vec!["8.8.4.4:443".parse().unwrap()],
        };
        let check =
            |purpose, host: &str, address: &str, port| guard.check(purpose, host, address.parse().unwrap(), port);
        let service = |host: &str, address: &str, port| check(Purpose::Service, host, address, port);
        assert_eq!(service("a", "1.1.1.1", 443), Ok(()));
        assert_eq!(service("a", "1.1.1.1", 22), Err(Failure::Port(22)));
        assert_eq!(service("a", "10.1.2.3", 22), Ok(()));
        assert!(matches!(service("a", "10.2.0.1", 443), Err(Failure::Refused { .. })));
        assert!(matches!(
            service("a", "::ffff:10.2.0.1", 443),
            Err(Failure::Refused { .. })
        ));
        assert_eq!(service("hooks.example.com", "127.0.0.1", 9000), Ok(()));
        assert!(service("hooks.example.com", "127.0.0.1", 9001).is_err());
        assert_eq!(service("a", "8.8.4.4", 443), Err(Failure::Own("a".into())));
        let policy = |host: &str, address: &str| check(Purpose::Policy, host, address, 443);
        assert_eq!(policy("a", "1.1.1.1"), Err(Failure::External("a".into())));
        assert_eq!(policy("a", "10.1.0.1"), Ok(()));
        let open = Guard {
            policy_external: true,
            ..Guard::default()
        };
        let one = "1.1.1.1".parse().unwrap();
        assert_eq!(open.check(Purpose::Policy, "a", one, 443), Ok(()));
    }

    #[test]
    fn allowances() {
        for text in ["", "x", "x:0", "x:99999", "10.0.0.0/33", "a b:1", ":1"] {
            assert!(text.parse::<Allowed>().is_err(), "{text}");
        }
        let place = |host: &str, port| Allowed::Place {
            host: host.into(),
            port,
        };
        assert_eq!("[::1]:80".parse(), Ok(place("::1", 80)));
        assert_eq!("10.0.0.1".parse(), Ok(Allowed::Net("10.0.0.1/32".parse().unwrap())));
    }
}
