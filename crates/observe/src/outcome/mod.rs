//! The outcome of an exchange or of a relayed connection: one struct, filled along the road, emitted once at
//! its end. Here is what both kinds share: who came ([`Visitor`]) and where it went ([`Target`]).

pub(crate) mod connection;
pub(crate) mod policy;
pub(crate) mod request;
pub(crate) mod session;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::SystemTime;

use crate::label::Listener;

/// Who came, by which listener and how secured. Fixed for a connection: make it once, copy it per request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visitor<'a> {
    /// Listener of the connection.
    pub listener: Listener,
    /// The visitor's address as the edge believes it (after a PROXY header or a trusted proxy).
    pub client_ip: IpAddr,
    /// Address at the other end of the TCP connection.
    pub l4_ip: IpAddr,
    /// Our end of the TCP connection.
    pub server: Option<SocketAddr>,
    /// When the connection was accepted.
    pub connected_at: SystemTime,
    /// Server name of the ClientHello; empty if none.
    pub sni: &'a str,
    /// Application protocol agreed (RFC 7301); empty if none.
    pub alpn: &'a str,
    /// Version of TLS (`"1.3"`); empty on plain connections and where TLS is passed through.
    pub tls_version: &'a str,
    /// Cipher suite agreed, by its IANA name; empty as above.
    pub cipher_suite: &'a str,
    /// Whether the TLS session was resumed.
    pub resumed: bool,
    /// Common name of the visitor's certificate; empty without one.
    pub client_cert_cn: &'a str,
    /// Its serial number in lower-case hexadecimal digits.
    pub client_cert_serial: &'a str,
}

impl Default for Visitor<'_> {
    /// Address `0.0.0.0`, listener `https`, accepted at the epoch; for filling in.
    fn default() -> Self {
        Self {
            listener: Listener::Https,
            client_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            l4_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            server: None,
            connected_at: SystemTime::UNIX_EPOCH,
            sni: "",
            alpn: "",
            tls_version: "",
            cipher_suite: "",
            resumed: false,
            client_cert_cn: "",
            client_cert_serial: "",
        }
    }
}

/// The endpoint and the agent that served; empty texts are absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Target<'a> {
    /// Organisation of the endpoint (`ac_…`).
    pub organization_id: &'a str,
    /// Endpoint (`ep_…`).
    pub endpoint_id: &'a str,
    /// URL of the endpoint.
    pub endpoint_url: &'a str,
    /// Session of the agent that served (`ts_…`).
    pub session_id: &'a str,
    /// Credential of that session (`cr_…`).
    pub credential_id: &'a str,
    /// Version of the agent (`ngrok-rust/0.19.0`).
    pub agent_version: &'a str,
    /// Address of the upstream as the agent named it.
    pub upstream_url: &'a str,
}
