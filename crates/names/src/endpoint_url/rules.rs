//! What this installation says about URLs: base domains, public ports, suffixes.

use super::{Scheme, UrlError};
use crate::host::{self, CanonicalHost, HostError};

/// What this installation says about URLs.
#[derive(Debug, Clone)]
pub struct UrlRules {
    /// Base domains; random names and subdomains are made below the first.
    pub base_domains: Vec<CanonicalHost>,
    /// Suffixes that are allowed although the Public Suffix List does not know them
    /// (`domains.private_suffixes`).
    pub private_suffixes: Vec<CanonicalHost>,
    /// Public ports of `https` and `tls`; the first is used when none is asked for. Never empty
    /// in practice; if it is, 443.
    pub https_ports: Vec<u16>,
    /// Public ports of `http`; the first is used when none is asked for. If empty, 80.
    pub http_ports: Vec<u16>,
    /// Host that `tcp://` URLs show (`tcp.public_host`).
    pub tcp_host: CanonicalHost,
    /// Host that `udp://` URLs show.
    pub udp_host: CanonicalHost,
}

impl UrlRules {
    /// Rules of a server whose base domain is `base`, with public ports 443 and 80.
    ///
    /// # Errors
    /// [`HostError`] if `tcp.<base>` is no host name (the base is too long).
    pub fn new(base: CanonicalHost) -> Result<Self, HostError> {
        Ok(Self {
            tcp_host: base.child("tcp")?,
            udp_host: base.child("udp")?,
            base_domains: vec![base],
            private_suffixes: Vec::new(),
            https_ports: vec![443],
            http_ports: vec![80],
        })
    }

    /// Public ports of a scheme; empty for `tcp` and `udp`.
    #[must_use]
    pub fn ports(&self, scheme: Scheme) -> &[u16] {
        match scheme {
            Scheme::Https | Scheme::Tls => &self.https_ports,
            Scheme::Http => &self.http_ports,
            Scheme::Tcp | Scheme::Udp => &[],
        }
    }

    /// May a public endpoint have this host: is it known to the Public Suffix List, or below (or
    /// equal to) a base domain or private suffix?
    #[must_use]
    pub fn reachable(&self, host: &CanonicalHost) -> bool {
        let name = host.base_of_wildcard().unwrap_or_else(|| host.as_str());
        self.base_domains
            .iter()
            .chain(&self.private_suffixes)
            .any(|base| name == base.as_str() || host::is_below(name, base.as_str()))
            || psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known())
    }

    pub(super) fn public_port(&self, scheme: Scheme, asked: Option<u16>) -> Result<u16, UrlError> {
        let ports = self.ports(scheme);
        let standard = scheme.default_port().unwrap_or(0);
        let main = ports.first().copied().unwrap_or(standard);
        match asked {
            None => Ok(main),
            Some(port) if ports.contains(&port) => Ok(port),
            // The scheme's own port means "the usual one", whatever the world sees it as.
            Some(port) if port == standard => Ok(main),
            Some(_) => Err(UrlError::PortForScheme {
                scheme,
                allowed: if ports.is_empty() {
                    main.to_string()
                } else {
                    list(ports)
                },
            }),
        }
    }
}

fn list(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}
