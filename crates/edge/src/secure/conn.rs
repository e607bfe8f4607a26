//! What is known of a visitor's connection for as long as it lives.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use adit_policy::{Connection, Permit as Permits, Policy};
use adit_tls::ServerProfile;
use tokio::net::TcpStream;

use super::certificate::{self, Told};
use crate::accept::{Kind, Permit};
use crate::flows::Spare;
use crate::node::Node;

/// The facts of one visitor connection that its requests share.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) node: Arc<Node>,
    /// The visitor's address on the transport (after a PROXY header).
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) kind: Kind,
    /// Canonical name of the handshake; `None` on the plain port.
    pub(crate) sni: Option<String>,
    pub(crate) tls: Option<TlsFacts>,
    /// The port that the world sees.
    pub(crate) public_port: u16,
    /// Forwarded headers of this peer are believed.
    pub(crate) trusted: bool,
    /// Worker-local counters.
    pub(crate) observe: adit_observe::Worker,
    pub(crate) connected_at: SystemTime,
    /// Policies whose `on_tcp_connect` this connection has passed.
    passed: Mutex<Vec<Passed>>,
    certificates: Certificates,
    /// What policies see of it, made when the first one looks.
    seen: OnceLock<Arc<Connection>>,
    /// For exchanges that are woken when rules change.
    pub(crate) spare_flow: Spare,
    _permit: Permit,
}

/// A policy that a connection has passed while IP policies were of this generation.
#[derive(Debug)]
struct Passed {
    policy: Arc<Policy>,
    generation: u64,
    /// Its places among open connections, for as long as it is one.
    _permits: Vec<Arc<Permits>>,
}

/// Most policies of which a connection remembers that it has passed them; beyond, the first is asked again.
const PASSED_MAX: usize = 16;

/// What the handshake settled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TlsFacts {
    pub(crate) version: &'static str,
    pub(crate) cipher_suite: &'static str,
    pub(crate) resumed: bool,
    /// The protocol that was agreed on; empty: none.
    pub(crate) alpn: &'static str,
}

/// Certificates of a connection; they are read when somebody asks.
#[derive(Debug, Default)]
struct Certificates {
    /// The visitor's, and whether an authority that was asked for has issued it.
    client: Option<(Box<[u8]>, bool)>,
    /// Knows ours.
    profile: Option<ServerProfile>,
    /// Services are told all of the visitor's.
    full_headers: bool,
    client_told: OnceLock<Told>,
    own_told: OnceLock<Option<Told>>,
}

impl Conn {
    /// What policies see of whoever connected; `make` makes it for the first that looks.
    pub(crate) fn seen_by_policies(&self, make: impl FnOnce() -> Arc<Connection>) -> Arc<Connection> {
        self.seen.get_or_init(make).clone()
    }

    pub(crate) fn secured(
        node: Arc<Node>,
        peer: SocketAddr,
        local: SocketAddr,
        kind: Kind,
        permit: Permit,
        sni: Option<String>,
        (tls, profile, full_headers): (&adit_tls::Stream<TcpStream>, ServerProfile, bool),
    ) -> Arc<Self> {
        let certificates = Certificates {
            client: tls.peer_certificate().map(|der| (der.into(), tls.peer_verified())),
            profile: Some(profile),
            full_headers,
            ..Certificates::default()
        };
        let facts = TlsFacts {
            version: tls.version(),
            cipher_suite: tls.cipher_suite(),
            resumed: tls.resumed(),
            alpn: match tls.alpn() {
                Some(b"h2") => "h2",
                Some(b"http/1.1") => "http/1.1",
                Some(b"http/1.0") => "http/1.0",
                _ => "",
            },
        };
        Self::new(node, peer, local, kind, permit, sni, Some(facts), certificates)
    }

    pub(crate) fn plain(node: Arc<Node>, peer: SocketAddr, local: SocketAddr, kind: Kind, permit: Permit) -> Arc<Self> {
        Self::new(node, peer, local, kind, permit, None, None, Certificates::default())
    }

    #[allow(clippy::too_many_arguments, reason = "everything that is known of a connection")]
    fn new(
        node: Arc<Node>,
        peer: SocketAddr,
        local: SocketAddr,
        kind: Kind,
        permit: Permit,
        sni: Option<String>,
        tls: Option<TlsFacts>,
        certificates: Certificates,
    ) -> Arc<Self> {
        let config = node.config.load();
        let public_port = if tls.is_some() {
            config.public_ports.https
        } else {
            config.public_ports.http
        };
        let trusted = config.is_trusted_proxy(peer.ip());
        drop(config);
        let observe = node.observe();
        Arc::new(Self {
            node,
            peer,
            local,
            kind,
            sni,
            tls,
            public_port,
            trusted,
            observe,
            connected_at: permit.accepted_at(),
            passed: Mutex::new(Vec::new()),
            certificates,
            seen: OnceLock::new(),
            spare_flow: Spare::default(),
            _permit: permit,
        })
    }

    /// Whether `on_tcp_connect` of this policy was passed by this connection.
    pub(crate) fn has_passed(&self, policy: &Arc<Policy>, generation: u64) -> bool {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        // What it passed under other networks is asked anew, and counts no longer.
        passed.retain(|p| p.generation == generation || !Arc::ptr_eq(&p.policy, policy));
        passed.iter().any(|p| Arc::ptr_eq(&p.policy, policy))
    }

    /// Remembers it, and the places among open connections that it takes.
    pub(crate) fn passed(&self, policy: Arc<Policy>, generation: u64, permits: Vec<Arc<Permits>>) {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.retain(|p| !Arc::ptr_eq(&p.policy, &policy));
        if passed.len() == PASSED_MAX {
            passed.remove(0);
        }
        passed.push(Passed {
            policy,
            generation,
            _permits: permits,
        });
    }

    /// What is told of the visitor's certificate, if there is one.
    pub(crate) fn client_certificate(&self) -> Option<&Told> {
        let (der, verified) = self.certificates.client.as_ref()?;
        let told = &self.certificates.client_told;
        Some(told.get_or_init(|| certificate::told(der, Some(*verified))))
    }

    /// The same, if an authority that was asked for has issued it.
    pub(crate) fn verified_certificate(&self) -> Option<&Told> {
        self.client_certificate()
            .filter(|_| self.certificates.client.as_ref().is_some_and(|(_, verified)| *verified))
    }

    /// What services are told of the visitor's certificate, if an authority that was asked for has issued it.
    pub(crate) fn certificate_headers(&self) -> impl Iterator<Item = (&'static [u8], &str)> {
        let told = self.verified_certificate();
        let full = told.filter(|_| self.certificates.full_headers);
        let basic = told.map(|told| told.headers.as_slice()).unwrap_or_default();
        let full = full.map(|told| told.full_headers.as_slice()).unwrap_or_default();
        basic.iter().chain(full).map(|(name, value)| (*name, value.as_str()))
    }

    /// What is told of our own certificate; of one that was renewed since the handshake the new one, if nobody asked before.
    pub(crate) fn own_certificate(&self) -> Option<&Told> {
        let profile = self.certificates.profile.as_ref()?;
        let told = || {
            let own = profile.identity(self.sni.as_deref())?;
            Some(certificate::told(own.chain().next()?, None))
        };
        self.certificates.own_told.get_or_init(told).as_ref()
    }

    /// `https` when TLS ended here.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The visitor's address without port.
    pub(crate) fn ip(&self) -> IpAddr {
        self.peer.ip()
    }
}
