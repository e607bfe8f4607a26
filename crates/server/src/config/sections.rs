//! The sections, each with its keys. Where a key is not set, what the rest of the program has by default stands.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use super::{SettingError, Size, Time};

/// Where the server listens, and what the world sees of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// The TLS port; default `[::]:443`.
    pub https: Option<SocketAddr>,
    /// The plain port; default `[::]:80`.
    pub http: Option<SocketAddr>,
    /// Health and metrics; default `127.0.0.1:4041`.
    pub admin: Option<SocketAddr>,
    /// Port of `https://` and `tls://` URLs, where a load balancer stands before; default that of `https`.
    pub public_https_port: Option<u16>,
    /// Port of `http://` URLs; default that of `http`.
    pub public_http_port: Option<u16>,
}

/// The control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    /// Networks from which the API may be used at all, whatever organisations allow; default all.
    pub allow_cidrs: Vec<Network>,
}

/// Certificates of the server's own names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the chain for the base domain and its wildcard, leaf first; default: a local authority.
    pub cert_file: Option<PathBuf>,
    /// PEM file with its key.
    pub key_file: Option<PathBuf>,
}

/// Load balancers that say in a PROXY header who the visitor is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProxyProtocol {
    /// Networks of peers whose connections begin with such a header, and only theirs.
    pub from: Vec<Network>,
}

/// This node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Node {
    /// Region shown to agents; default `local`.
    pub region: Option<String>,
}

/// This node among others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cluster {
    /// Name of this node in the log and in events; default `node-1`.
    pub node_name: Option<String>,
}

/// Streams to agents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mux {
    /// Largest window of one stream; default 16 MiB.
    pub max_stream_window: Option<Size>,
    /// Sum of all extra window credit of one session; default 32 MiB.
    pub session_budget: Option<Size>,
}

/// Agents' sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// How long a lost session keeps its names; default 30 s.
    pub resume_window: Option<Time>,
}

/// Visitors that wait for an agent that is coming back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parking {
    /// Longest wait of an HTTP request, half of it for a TCP or TLS connection; default 10 s, 0 = off.
    pub max_wait: Option<Time>,
}

/// Names that agents get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Names {
    /// How long an agent gets its random name again; default 24 h.
    pub reclaim: Option<Time>,
}

/// `tcp://` endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tcp {
    /// Host shown in their URLs; default `tcp.<base domain>`.
    pub public_host: Option<String>,
}

/// Domains of organisations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Domains {
    /// Suffixes that are accepted beside the Public Suffix List; default none.
    pub private_suffixes: Vec<String>,
}

/// Endpoints of agents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoints {
    /// Random names are the same for the same credential and endpoint name; default true.
    pub stable_random: Option<bool>,
}

/// What is written to standard output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// A line per request; default off.
    pub access: AccessLogForm,
}

/// How requests are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLogForm {
    /// Not at all.
    #[default]
    Off,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// How the server leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    /// Longest time that open exchanges get after SIGTERM; default 30 s.
    pub grace: Option<Time>,
}

/// What goes out because of a policy or a resource (traffic policy 7.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// Networks, and names with a port, that may be asked although they are not everybody's; default none.
    pub allow: Vec<Place>,
    /// Whether policies may ask other hosts than internal endpoints and those of `allow`; default false.
    pub policy_external: bool,
}

/// A network as `10.1.0.0/16`, one address, or a name with a port as `hooks.example.com:9000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(pub adit_outbound::Allowed);

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// What policies may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// MMDB file that says where addresses are; default none.
    pub city_file: Option<PathBuf>,
    /// MMDB file that says whose networks they are in; default none.
    pub asn_file: Option<PathBuf>,
    /// Categories of addresses; default none.
    pub ip_categories: Vec<IpCategory>,
    /// Of which exchanges the log says what each rule did; default `denied`.
    pub trace: Option<Trace>,
    /// `policy.waf.…`
    pub waf: Waf,
}

/// Of which exchanges the log says what each rule of their policies did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trace {
    /// Only what refused or failed is told.
    Denied,
    /// Of one in a hundred.
    Sampled,
    /// Of all.
    All,
}

/// Rules of the web application firewall.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Waf {
    /// Folder with the rules, `*.conf`; default where Debian puts them.
    pub rules: Option<PathBuf>,
    /// The set's own configuration; default where Debian puts it.
    pub setup: Option<PathBuf>,
}

impl Waf {
    /// Was anything set?
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }
}

/// A category of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpCategory {
    /// Its name, parts separated by dots: `proxy.anonymous.tor`.
    pub name: String,
    /// File with a network or address a line; what follows `#` is a comment.
    pub file: PathBuf,
}

/// Most categories.
const CATEGORIES: usize = 64;
/// Longest name of one, in bytes.
const CATEGORY_NAME: usize = 128;

impl Policy {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        let wrong = |reason: String| Err(SettingError::wrong("policy.ip_categories", &reason));
        let all = &self.ip_categories;
        if all.len() > CATEGORIES {
            return wrong(format!("{} categories are too many: at most {CATEGORIES}", all.len()));
        }
        for category in all {
            let name = &category.name;
            let part = |part: &str| {
                let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
                !part.is_empty() && part.bytes().all(plain)
            };
            if name.len() > CATEGORY_NAME || !name.split('.').all(part) {
                return wrong(format!(
                    "{name:?} is no name of a category: parts of lower-case letters, digits, '-' and '_', separated by dots"
                ));
            }
        }
        Ok(())
    }
}

/// The audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// How long changes and security decisions are kept at least; default 400 days, 0 = for ever.
    pub retention: Option<Time>,
    /// The same of activity; default 90 days.
    pub retention_live: Option<Time>,
}

/// A network as `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub ipnet::IpNet);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let net = text
            .parse()
            .or_else(|_| text.parse::<IpAddr>().map(ipnet::IpNet::from))
            .map_err(|_| {
                let expected = &"a network such as 10.0.0.0/8 or an IP address";
                serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), expected)
            })?;
        Ok(Self(net))
    }
}
