//! What a policy may look at: borrowed from the caller for one call, copied only where an action changes it.

use std::net::IpAddr;
use std::sync::Arc;

use adit_names::endpoint_url::{EndpointUrl, Scheme};

use crate::authority::Authority;
use crate::ip_set::IpSet;
use crate::state::State;
use crate::value::Value;

/// Everything a step sees. The caller makes one for each call; nothing of it survives in a [`crate::Run`].
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Wall clock, microseconds since the Unix epoch; stands still within a call.
    pub now: i64,
    /// Seed of `rand.*` and `uuid()` for this call.
    pub seed: u64,
    /// The visitor's connection.
    pub connection: &'a Connection,
    /// The plan and, once it is chosen, the member.
    pub endpoint: &'a Endpoint,
    /// The request, in the phases that have one.
    pub request: Option<Request<'a>>,
    /// The response, in the phases that have one.
    pub response: Option<Response<'a>>,
    /// Secrets and IP policies.
    pub tables: &'a dyn Tables,
    /// Counters of the node.
    pub state: &'a State,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("now", &self.now)
            .field("request", &self.request)
            .field("response", &self.response)
            .finish_non_exhaustive()
    }
}

/// What policies refer to by name, in memory.
pub trait Tables: Sync {
    /// A secret in the clear.
    fn secret(&self, vault: &str, name: &str) -> Option<&str>;
    /// The ranges of an IP policy.
    fn ip_policy(&self, id: &str) -> Option<&IpPolicy>;
    /// An authority of visitors' certificates, by its id.
    fn authority(&self, id: &str) -> Option<Authority<'_>> {
        let _ = id;
        None
    }
    /// What databases say of an address; asked at most once for an exchange and side, and only where
    /// [`Connection`] does not say it already.
    fn intelligence(&self, ip: IpAddr) -> Option<Arc<Intelligence>> {
        let _ = ip;
        None
    }
}

/// Tables without entries.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTables;

impl Tables for NoTables {
    fn secret(&self, _: &str, _: &str) -> Option<&str> {
        None
    }
    fn ip_policy(&self, _: &str) -> Option<&IpPolicy> {
        None
    }
}

/// The ranges of an IP policy.
#[derive(Debug, Clone, Default)]
pub struct IpPolicy {
    /// Who may come.
    pub allow: IpSet,
    /// Who may not, whatever else is said.
    pub deny: IpSet,
}

/// Fields of a message, in their order.
pub trait Fields: Sync {
    /// Calls `each` with every field; names in any case.
    fn each(&self, each: &mut dyn FnMut(&str, &[u8]));

    /// The first value of a field, its name compared without case: what most rules ask for, and therefore not by way of
    /// [`Fields::each`].
    fn first_value(&self, name: &str) -> Option<&[u8]>;
}

impl Fields for [(String, Vec<u8>)] {
    fn each(&self, each: &mut dyn FnMut(&str, &[u8])) {
        for (name, value) in self {
            each(name, value);
        }
    }

    fn first_value(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

impl Fields for Vec<(String, Vec<u8>)> {
    fn each(&self, each: &mut dyn FnMut(&str, &[u8])) {
        self.as_slice().each(each);
    }

    fn first_value(&self, name: &str) -> Option<&[u8]> {
        self.as_slice().first_value(name)
    }
}

/// The head of a request as it was received.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its id.
    pub id: &'a str,
    /// Method as sent.
    pub method: &'a str,
    /// `HTTP/1.1`, `HTTP/2.0`.
    pub version: &'a str,
    /// Scheme of the endpoint.
    pub scheme: Scheme,
    /// The Host field, or `:authority`.
    pub authority: &'a str,
    /// Path and query as received.
    pub target: &'a str,
    /// The other fields; `host` is taken from `authority` and need not be among them.
    pub fields: &'a dyn Fields,
    /// Length of the body if it was told.
    pub content_length: Option<u64>,
    /// When the head was complete, microseconds since the Unix epoch.
    pub received_at: i64,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Fields may hold credentials.
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// The head of a response.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    /// Status.
    pub status: u16,
    /// Fields.
    pub fields: &'a dyn Fields,
    /// Length of the body if it was told.
    pub content_length: Option<u64>,
    /// Who made it: `upstream`, `custom-response`, `internal`, `edge`.
    pub origin: &'static str,
    /// When the head was complete, microseconds since the Unix epoch.
    pub received_at: i64,
}

impl std::fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Facts of the visitor's connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Who connects.
    pub client_ip: IpAddr,
    /// From which port.
    pub client_port: u16,
    /// Where it was accepted.
    pub server_ip: IpAddr,
    /// On which port.
    pub server_port: u16,
    /// Region of the node.
    pub server_region: String,
    /// When, microseconds since the Unix epoch.
    pub started_at: i64,
    /// Bytes from the visitor so far.
    pub bytes_in: u64,
    /// Bytes to the visitor so far.
    pub bytes_out: u64,
    /// `tcp`, `quic`, `udp`.
    pub transport: &'static str,
    /// What is known of the visitor's address.
    pub client: Option<Box<Intelligence>>,
    /// What is known of the server's address.
    pub server: Option<Box<Intelligence>>,
    /// TLS, as far as it has come.
    pub tls: Option<Box<Tls>>,
    /// The pod of a visitor that comes through a Kubernetes binding.
    pub pod: Option<Box<Pod>>,
}

/// A pod that connects (traffic policy 3.1, `conn.k8s`).
#[derive(Debug, Clone, Default)]
pub struct Pod {
    /// Its uid.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Why it could not be found out (`ERR_NGROK_28000`, `28001`), else empty.
    pub error_code: String,
    /// The same in words.
    pub error_message: String,
    /// Its annotations with the prefix `k8s.ngrok.com/`.
    pub annotations: Vec<(String, String)>,
}

impl Connection {
    /// A connection of which only the addresses are known.
    #[must_use]
    pub fn new(client: std::net::SocketAddr, server: std::net::SocketAddr) -> Self {
        Self {
            client_ip: client.ip(),
            client_port: client.port(),
            server_ip: server.ip(),
            server_port: server.port(),
            server_region: "local".to_owned(),
            started_at: 0,
            bytes_in: 0,
            bytes_out: 0,
            transport: "tcp",
            client: None,
            server: None,
            tls: None,
            pod: None,
        }
    }
}

/// What databases say of an address.
#[derive(Debug, Clone, Default)]
pub struct Intelligence {
    /// Categories, without their parents.
    pub categories: Vec<String>,
    /// Number of the autonomous system.
    pub as_number: i64,
    /// Its organisation.
    pub as_organization: String,
    /// Where it is: fields of `geo.location` by their names (`city`, `country_code`, …).
    pub location: Vec<(String, String)>,
    /// Where it is registered, likewise.
    pub registered: Vec<(String, String)>,
}

/// What is known of TLS.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Server name.
    pub sni: String,
    /// JA4 fingerprint.
    pub ja4: String,
    /// `1.2`, `1.3`; empty before the handshake.
    pub version: String,
    /// IANA name.
    pub cipher_suite: String,
    /// `h2`, `http/1.1`.
    pub alpn: String,
    /// Was a ticket used?
    pub resumed: bool,
    /// Fields of the visitor's certificate under their names in `conn.tls.client`; shared by the requests of a connection.
    pub client: Arc<[(String, Value)]>,
    /// Fields of our certificate under their names in `conn.tls.server`.
    pub server: Arc<[(String, Value)]>,
}

/// Facts of the endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its protocol.
    pub scheme: Scheme,
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its URL.
    pub url: String,
    /// Id of the member; empty before one is chosen.
    pub id: String,
    /// The member's name.
    pub name: String,
    /// The member's metadata.
    pub metadata: String,
    /// `agent`, `cloud`; empty before a member is chosen.
    pub kind: &'static str,
    /// The member's agent.
    pub agent_id: String,
    /// Id of the organisation.
    pub organization_id: String,
    /// Its name.
    pub organization_name: String,
}

impl Endpoint {
    /// What is known of the endpoint of a URL before a member is chosen: what guardrails are shown.
    #[must_use]
    pub fn of_url(url: &EndpointUrl, organization_id: &str, organization_name: &str) -> Self {
        Self {
            scheme: url.scheme(),
            host: url.host().to_string(),
            port: url.port(),
            url: url.to_string(),
            id: String::new(),
            name: String::new(),
            metadata: String::new(),
            kind: "",
            agent_id: String::new(),
            organization_id: organization_id.to_owned(),
            organization_name: organization_name.to_owned(),
        }
    }
}
