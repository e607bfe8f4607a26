//! The configuration of the data plane as one immutable value.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_policy::{Actions, Inspector, NoFirewall};
use ipnet::IpNet;

use crate::AddressFacts;
use crate::access::{Credential, Organization, TokenHash};
use crate::names::ControlName;
use crate::revocations::Revocations;
use crate::told::Told;

/// What the public sees as ports, which need not be what is listened on (a load balancer may stand before).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicPorts {
    /// Port of `https://` and `tls://` endpoints; 443 is left out of URLs.
    pub https: u16,
    /// Port of `http://` endpoints; 80 is left out of URLs.
    pub http: u16,
}

/// The key that seals session and bind cookies (AES-256). Kept outside the database.
#[derive(Clone)]
pub struct SealKey(pub [u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// Most legs (connections) of one session, where nothing else is said (agent protocol 5.3).
pub const MAX_LEGS: u32 = 4;

/// Limits of the listeners and of HTTP (edge 1.6, 1.7).
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections of all listeners together.
    pub connections: usize,
    /// Open connections of one address (IPv4 /32, IPv6 /64).
    pub connections_per_ip: u32,
    /// New connections of one address a second, with bursts of twice as many; 0 = no limit.
    pub accepts_per_ip: u32,
    /// Handshakes of one address at once; 0 = no limit.
    pub handshakes_per_ip: u32,
    /// Handshakes at once; 0 = no limit.
    pub handshakes: usize,
    /// First byte after accept.
    pub first_byte: Duration,
    /// Whole ClientHello after its first byte.
    pub client_hello: Duration,
    /// Whole TLS handshake.
    pub handshake: Duration,
    /// Head of a request after its first byte.
    pub header_time: Duration,
    /// Idle time between requests of a connection.
    pub keep_alive: Duration,
    /// First request after the handshake.
    pub first_request: Duration,
    /// Requests per connection before `Connection: close`.
    pub requests_per_connection: u32,
    /// Longest request target in bytes.
    pub uri_max: usize,
    /// Largest header block in bytes.
    pub header_max: usize,
    /// Most fields in a header block.
    pub header_count: usize,
    /// Slow bodies: bytes per second averaged over 30 s after a grace of 30 s; 0 = off.
    pub body_min_rate: u32,
    /// Bytes held for others on this node.
    pub buffers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_000,
            connections_per_ip: 1_024,
            accepts_per_ip: 200,
            handshakes_per_ip: 64,
            handshakes: 2_000,
            first_byte: Duration::from_secs(10),
            client_hello: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            header_time: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            first_request: Duration::from_secs(10),
            requests_per_connection: 10_000,
            uri_max: 16 * 1024,
            header_max: 64 * 1024,
            header_count: 200,
            body_min_rate: 500,
            buffers: 1 << 30,
        }
    }
}

/// How long visitors wait for an agent that is coming back (edge 2.7).
#[derive(Clone, Copy, Debug)]
pub struct Parking {
    /// Longest wait of an HTTP request; zero = off.
    pub max_wait: Duration,
    /// Longest wait of a TCP or TLS connection.
    pub max_wait_tcp: Duration,
}

impl Default for Parking {
    fn default() -> Self {
        Self {
            max_wait: Duration::from_secs(10),
            max_wait_tcp: Duration::from_secs(5),
        }
    }
}

/// Of which exchanges the outcome says what each rule of their policies did (traffic policy 6.3). What refused, failed
/// or would have refused is always told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyTrace {
    /// Of none beyond that.
    #[default]
    Denied,
    /// Of one in a hundred.
    Sampled,
    /// Of all: each costs many times what it costs otherwise.
    All,
}

/// Everything that the edge was told. Immutable; a change makes a new one.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Base domain, canonical.
    pub base_domain: String,
    /// What the world sees as ports.
    pub public_ports: PublicPorts,
    /// Host shown in the URLs of `tcp://` endpoints.
    pub tcp_public_host: String,
    /// Ports that `tcp://` endpoints get: first and last, or none.
    pub tcp_ports: Option<(u16, u16)>,
    /// Agents without SNI (reached by address) are accepted.
    pub accept_without_sni: bool,
    /// Addresses (`host:port`) at which agents reach this server, in order of preference. Agents that keep several
    /// connections are told them if there are at least two; their hosts are connect names.
    pub connect_addresses: Vec<String>,
    /// Region shown to agents.
    pub region: String,
    /// This node's name.
    pub node: String,
    /// A lost session keeps its names this long.
    pub resume_window: Duration,
    /// The same after an announced drain.
    pub resume_window_drain: Duration,
    /// A bind cookie gives the same random name within this time.
    pub reclaim: Duration,
    /// Random names are the same for the same credential and endpoint name.
    pub stable_random: bool,
    /// Suffixes that are accepted beside the Public Suffix List.
    pub private_suffixes: Vec<String>,
    /// Domains (and all names below) that every organisation of this server may bind beside the base domain.
    pub own_domains: Vec<String>,
    /// Most endpoints of one session.
    pub max_endpoints: usize,
    /// Most legs (connections) of one session; default [`MAX_LEGS`].
    pub max_legs: u32,
    /// Largest window of one agent stream, for peers without a ceiling.
    pub max_stream_window: u32,
    /// Sum of all extra window credit of one session.
    pub session_budget: u32,
    /// HTTP peers whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Peers that speak the PROXY protocol toward us.
    pub proxy_protocol_from: Vec<IpNet>,
    /// Limits of listeners and HTTP.
    pub limits: Limits,
    /// Parking of visitors.
    pub parking: Parking,
    /// What is known of addresses, for policies that ask; nothing if the operator gave no files.
    pub address_facts: Option<Arc<dyn AddressFacts>>,
    /// How much outcomes tell of policies.
    pub policy_trace: PolicyTrace,
    /// The web application firewall of policies, or why there is none.
    pub firewall: Result<Arc<dyn Inspector>, NoFirewall>,
    /// Lists of revoked certificates that this node has fetched: not a setting, and the same in all snapshots.
    pub revocations: Arc<Revocations>,
    /// Seals cookies of sessions and binds.
    pub seal_key: SealKey,
    /// What organisations set.
    pub told: Told,
}

impl EdgeConfig {
    /// A configuration with the given base domain and every other value at its default.
    pub fn new(base_domain: &str, seal_key: SealKey) -> Self {
        Self {
            base_domain: base_domain.to_owned(),
            public_ports: PublicPorts { https: 443, http: 80 },
            tcp_public_host: format!("tcp.{base_domain}"),
            tcp_ports: None,
            accept_without_sni: false,
            connect_addresses: Vec::new(),
            region: "local".to_owned(),
            node: "node-1".to_owned(),
            resume_window: Duration::from_secs(30),
            resume_window_drain: Duration::from_secs(300),
            reclaim: Duration::from_secs(24 * 3600),
            stable_random: true,
            private_suffixes: Vec::new(),
            own_domains: Vec::new(),
            max_endpoints: 256,
            max_legs: MAX_LEGS,
            max_stream_window: 16 << 20,
            session_budget: 32 << 20,
            trusted_proxies: Vec::new(),
            proxy_protocol_from: Vec::new(),
            limits: Limits::default(),
            parking: Parking::default(),
            address_facts: None,
            policy_trace: PolicyTrace::default(),
            firewall: Err(NoFirewall::NotBuilt),
            revocations: Arc::default(),
            seal_key,
            told: Told::default(),
        }
    }

    /// The actions that policies may have which are written here. What is stored keeps them: they fail where they are run.
    #[must_use]
    pub fn actions(&self) -> Actions {
        match &self.firewall {
            Ok(_) => Actions::Edge,
            Err(why) => Actions::EdgeWithout(*why),
        }
    }

    /// The same configuration with these credentials and no others; organisations that are not known yet are made up.
    #[must_use]
    pub fn with_credentials(mut self, list: impl IntoIterator<Item = Credential>) -> Self {
        self.told.credentials = Default::default();
        for credential in list {
            if self.told.organization(&credential.organization).is_none() {
                let name = format!("Organisation {}", credential.organization);
                self.told
                    .put_organization(Organization::new(&credential.organization, &name));
            }
            self.told.put_credential(credential);
        }
        self
    }

    /// The same configuration with what organisations have set since.
    #[must_use]
    pub fn with_told(&self, told: Told) -> Self {
        Self { told, ..self.clone() }
    }

    /// The credential with this hash, revoked or not.
    pub fn credential(&self, hash: &TokenHash) -> Option<Arc<Credential>> {
        self.told.credential(hash).cloned()
    }

    /// The control name that a canonical host is, if any.
    pub fn control_name(&self, host: &str) -> Option<ControlName> {
        let is_connect =
            || self.connect_addresses.iter().any(|a| host_of(a) == host) || self.told.ingress(host).is_some();
        ControlName::of(host, &self.base_domain).or_else(|| is_connect().then_some(ControlName::Connect))
    }

    /// The addresses at which an agent may keep connections, the one whose host it came by (`ingress`) first; none if
    /// there is only one.
    pub fn leg_addresses(&self, ingress: &str) -> Option<Vec<&str>> {
        let mut all: Vec<&str> = self.connect_addresses.iter().map(String::as_str).collect();
        if all.len() < 2 {
            return None;
        }
        if let Some(at) = all.iter().position(|a| host_of(a) == ingress) {
            all.swap(0, at);
        }
        Some(all)
    }

    /// Whether `host` is the base domain or lies below it.
    pub fn is_below_base(&self, host: &str) -> bool {
        host.strip_suffix(self.base_domain.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// Whether this peer's `X-Forwarded-*` headers are believed.
    pub fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|n| n.contains(&address))
    }
}

/// The host of `host:port`.
fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_addresses_are_offered_from_two_on_with_the_one_in_use_first() {
        let mut config = EdgeConfig::new("adit.example.com", SealKey([0; 32]));
        assert_eq!(config.leg_addresses(""), None);
        config.connect_addresses = vec!["connect.adit.example.com:443".to_owned()];
        assert_eq!(config.leg_addresses("connect.adit.example.com"), None);
        config.connect_addresses.push("second.example.net:443".to_owned());
        let both = ["connect.adit.example.com:443", "second.example.net:443"];
        assert_eq!(config.leg_addresses("").unwrap(), both);
        assert_eq!(config.leg_addresses("second.example.net").unwrap(), [both[1], both[0]]);
        assert_eq!(config.control_name("second.example.net"), Some(ControlName::Connect));
        assert_eq!(config.control_name("third.example.net"), None);
    }
}
