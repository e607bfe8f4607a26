//! Where the server is: parsing of connect addresses, and their resolution.
//!
//! Names are resolved anew at every attempt. Names below `.localhost` are loopback by definition (RFC 6761,
//! section 6.3) and are never asked for: most systems answer nothing for them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::error::Error;

const RESOLVE: Duration = Duration::from_secs(5);
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// A host (name or address, lower case, without brackets) and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads `host`, `host:port` or `https://host[:port]` (agent protocol 1.3); the port is 443 if none is given.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::configuration(
                format!("the connect address {text:?} {why}"),
                "give it as host:port, for example connect.tunnels.example.com:443",
            )
        };
        let rest = match text.split_once("://") {
            None => text,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest.strip_suffix('/').unwrap_or(rest),
            Some(_) => return Err(wrong("has a scheme other than https")),
        };
        if rest.contains(['/', '?', '#']) {
            return Err(wrong("has a path"));
        }
        Self::split(rest, Some(443)).map_err(wrong)
    }

    /// Reads a comma-separated list of addresses in order of preference.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, Error> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(Self::parse)
            .collect()
    }

    /// Splits `host[:port]`, `[v6][:port]`; a bare IPv6 address is taken whole.
    pub(crate) fn split(text: &str, default_port: Option<u16>) -> Result<Self, &'static str> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or("has an opening bracket only")?;
                host.parse::<Ipv6Addr>()
                    .map_err(|_| "has something else than an IPv6 address in brackets")?;
                match after.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if after.is_empty() => (host, None),
                    None => return Err("has text after the bracket"),
                }
            }
            None if text.parse::<Ipv6Addr>().is_ok() => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            None => default_port.ok_or("has no port")?,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 && !text.ends_with(['+', ' ']) => port,
                _ => return Err("has no usable port (1 to 65535)"),
            },
        };
        if host.is_empty() {
            return Err("has no host");
        }
        if host.len() > 253 || host.bytes().any(|b| !b.is_ascii_graphic() || b"/@?#\\%\"".contains(&b)) {
            return Err("has characters in its host that no name has");
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// The addresses of the host now, in the order to try them.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>, Error> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let failed = |cause: String| Error::Resolve {
            host: self.host.clone(),
            cause,
        };
        let looked_up = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((self.host.as_str(), self.port))).await;
        let found: Vec<SocketAddr> = match looked_up {
            Err(_) => return Err(failed(format!("no answer in {} s", RESOLVE.as_secs()))),
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Ok(Ok(found)) => found.collect(),
        };
        if found.is_empty() {
            Err(failed("the name has no address".to_owned()))
        } else {
            Ok(found)
        }
    }

    /// The addresses of hosts that need no look-up: literals and names that mean this machine.
    pub(crate) fn known(&self) -> Option<Vec<SocketAddr>> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Some(vec![SocketAddr::new(ip, self.port)]);
        }
        is_local_name(&self.host).then(|| LOOPBACK.map(|ip| SocketAddr::new(ip, self.port)).to_vec())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// `localhost` and every name below it.
pub(crate) fn is_local_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host == "localhost" || host.ends_with(".localhost")
}

/// Loopback, link-local and private ranges: where nobody has a publicly trusted certificate.
pub(crate) fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        Address::parse(text).map_or_else(|error| format!("error: {error}"), |address| address.to_string())
    }

    #[test]
    fn forms_of_a_connect_address() {
        assert_eq!(parsed("connect.example.com"), "connect.example.com:443");
        assert_eq!(parsed("Connect.Example.com:8443"), "connect.example.com:8443");
        assert_eq!(parsed("https://connect.example.com/"), "connect.example.com:443");
        assert_eq!(parsed("https://connect.example.com:99"), "connect.example.com:99");
        assert_eq!(parsed("[::1]:8443"), "[::1]:8443");
        assert_eq!(parsed("::1"), "[::1]:443");
        assert_eq!(parsed("127.0.0.1:1"), "127.0.0.1:1");
        for wrong in [
            "",
            "http://a",
            "a:0",
            "a:70000",
            "a:b",
            "https://a/b",
            "[::1",
            "[a]:1",
            ":443",
            "a b",
            "a:1:2",
        ] {
            assert!(parsed(wrong).starts_with("error"), "{wrong:?} gave {}", parsed(wrong));
        }
        let list = Address::parse_list("a.example, b.example:1,").unwrap();
        assert_eq!(
            list.iter().map(Address::to_string).collect::<Vec<_>>(),
            ["a.example:443", "b.example:1"]
        );
    }

    #[tokio::test]
    async fn localhost_names_are_loopback_without_a_look_up() {
        for name in ["localhost", "connect.adit.localhost", "a.localhost."] {
            let address = Address {
                host: name.to_owned(),
                port: 7,
            };
            let found = address.resolve().await.unwrap();
            assert_eq!(found, ["127.0.0.1:7".parse().unwrap(), "[::1]:7".parse().unwrap()]);
        }
        assert!(!is_local_name("notlocalhost"));
    }
}
