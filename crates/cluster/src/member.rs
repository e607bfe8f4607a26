//! Members: one endpoint that one session offers, and the connections by which it is reached.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use adit_names::endpoint_url::{EndpointUrl, Scheme};
use adit_names::id::Prefix;
use adit_policy::{Endpoint as Facts, Modules, Policy};
use adit_protocol::client_family::ClientFamily;
use arc_swap::ArcSwap;

use crate::checks::Checks;
use crate::failure::StreamFailures;
use crate::health::{Health, Status};
use crate::idle::IdleStreams;
use crate::standing::Standing;

/// Tells members apart, for as long as the process lives. A member that comes back with other options gets a
/// new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberKey(u64);

impl MemberKey {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The protocol that an endpoint was bound with (agent protocol 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proto {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS that ends at the edge.
    Https,
    /// Bytes.
    Tcp,
    /// TLS by server name.
    Tls,
}

impl Proto {
    /// The scheme of its URL.
    pub const fn scheme(self) -> Scheme {
        match self {
            Self::Http => Scheme::Http,
            Self::Https => Scheme::Https,
            Self::Tcp => Scheme::Tcp,
            Self::Tls => Scheme::Tls,
        }
    }

    /// As it stands in messages and URLs.
    pub const fn as_str(self) -> &'static str {
        self.scheme().as_str()
    }
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A PEM certificate chain and its PEM key.
pub type IdentityPem = (Vec<u8>, Vec<u8>);

/// What the bind asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct MemberOptions {
    /// Protocol of the endpoint.
    pub proto: Proto,
    /// The agent expects HTTP/2 with prior knowledge on its streams, else HTTP/1.1.
    pub upstream_http2: bool,
    /// Version of the PROXY protocol header in front of the bytes: 0 (none), 1 or 2.
    pub proxy_proto: u8,
    /// Host that the upstream sees instead of the visitor's.
    pub host_header: Option<String>,
    /// The visitor's TLS goes to the agent untouched (`tls` endpoints without termination at the edge).
    pub tls_passthrough: bool,
    /// Certificate and key for termination at the edge; none: the certificate of the name. Never stored.
    pub tls_identity_pem: Option<IdentityPem>,
    /// Authorities of the certificates that visitors must show.
    pub mutual_tls_ca_pem: Option<Vec<u8>>,
    /// Whether it shares its name with other members.
    pub pooled: bool,
    /// Name of the endpoint, at most 128 bytes.
    pub name: String,
    /// Description, at most 255 bytes.
    pub description: String,
    /// The user's own text, at most 4,096 bytes.
    pub metadata: String,
    /// Upstream as the agent calls it, at most 2,048 bytes; shown, never dialled.
    pub forwards_to: String,
    /// What happens to visitors before the agent is asked; none: nothing does.
    pub policy: Option<BoundPolicy>,
}

/// A traffic policy that came with a bind.
#[derive(Clone)]
pub struct BoundPolicy {
    /// As it was written; empty if the agent wrote none. May hold secrets.
    pub text: Arc<str>,
    /// Options from before traffic policies that are part of it.
    pub modules: Arc<Modules>,
    /// What runs.
    pub policy: Arc<Policy>,
}

impl fmt::Debug for BoundPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundPolicy").finish_non_exhaustive()
    }
}

impl PartialEq for BoundPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.modules == other.modules
    }
}

impl Eq for BoundPolicy {}

impl MemberOptions {
    /// Options of a protocol with nothing asked.
    pub fn new(proto: Proto) -> Self {
        Self {
            proto,
            upstream_http2: false,
            proxy_proto: 0,
            host_header: None,
            tls_passthrough: proto == Proto::Tls,
            tls_identity_pem: None,
            mutual_tls_ca_pem: None,
            pooled: false,
            name: String::new(),
            description: String::new(),
            metadata: String::new(),
            forwards_to: String::new(),
            policy: None,
        }
    }
}

impl MemberOptions {
    /// Whether visitors' TLS passes through: a policy may want it ended here.
    pub fn is_passthrough(&self) -> bool {
        self.tls_passthrough && !self.terminates_tls()
    }

    /// Whether its policy says how TLS is ended.
    pub fn terminates_tls(&self) -> bool {
        self.policy.as_ref().is_some_and(|p| p.policy.terminates_tls())
    }
}

impl fmt::Debug for MemberOptions {
    /// Without keys, policies and the user's texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberOptions")
            .field("proto", &self.proto)
            .field("upstream_http2", &self.upstream_http2)
            .field("proxy_proto", &self.proxy_proto)
            .field("host_header", &self.host_header)
            .field("tls_passthrough", &self.tls_passthrough)
            .field("pooled", &self.pooled)
            .finish_non_exhaustive()
    }
}

/// What is known of a session: the same for all its endpoints.
#[derive(Debug)]
pub struct SessionFacts {
    /// Identifier (`ts_…`), kept over reconnects.
    pub id: String,
    /// Goes up at each resumption.
    pub epoch: u64,
    /// Its organisation (`ac_…`).
    pub organization: String,
    /// The credential that it logged in with (`cr_…`).
    pub credential: String,
    /// Which client it is, for limits toward it.
    pub family: ClientFamily,
    /// What the client calls itself (`ngrok-go`, an application's name); shown only.
    pub client_type: String,
    /// Version of the client.
    pub agent_version: String,
    /// Products of the client.
    pub user_agent: String,
    /// Operating system.
    pub os: String,
    /// Architecture, in the words of Go.
    pub arch: String,
    /// Host name of its machine, if it told.
    pub hostname: String,
    /// The user's own text.
    pub metadata: String,
    /// Where its lowest connection came from at login.
    pub addr: SocketAddr,
    /// When the session was first seen.
    pub started: SystemTime,
    /// Interval of its own heartbeat.
    pub heartbeat_interval: Duration,
    /// Why it cannot be stopped, restarted, updated from afar; `Some("")`: it can; `None`: too old to know.
    pub remote: RemoteCommands,
    /// Idle streams of all its endpoints.
    pub idle_streams: Arc<AtomicUsize>,
}

/// What an agent says about commands from afar (agent protocol 3.2): `None` = too old, `Some("")` = supported,
/// else why not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteCommands {
    /// Stop.
    pub stop: Option<String>,
    /// Restart.
    pub restart: Option<String>,
    /// Update.
    pub update: Option<String>,
}

/// One connection of a session by which a member is reached.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Number of the leg; the lowest is the session's main connection.
    pub number: u32,
    /// Index of the data worker that drives the connection.
    pub worker: usize,
    /// The connection.
    pub mux: adit_mux::Session,
    /// Why streams on it failed, if the agent says so.
    pub failures: Arc<StreamFailures>,
}

impl Leg {
    /// Smoothed round trip of its heartbeats, if one was measured.
    pub fn rtt(&self) -> Option<Duration> {
        self.mux.rtt()
    }

    /// Streams that are open on it.
    pub fn open_streams(&self) -> usize {
        self.mux.open_streams()
    }
}

/// How far the member's session has gone in leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Draining {
    /// It stays.
    No = 0,
    /// It leaves: used only where nothing else serves the name.
    Avoid = 1,
    /// No more new exchanges.
    Closed = 2,
}

/// How usable a member is for a new exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Usable {
    No,
    /// Exchanges with it have failed.
    Out,
    IfNothingElse,
    Yes,
}

/// One endpoint offered by one session.
#[derive(Debug)]
pub struct Member {
    /// Tells it from all others.
    pub key: MemberKey,
    /// Id within the session, as it stands in proxy headers.
    pub bind_id: String,
    /// Id for the API (`tn_…`).
    pub endpoint_id: String,
    /// What the bind asked for.
    pub options: MemberOptions,
    /// Its session.
    pub session: Arc<SessionFacts>,
    /// By number, lowest first.
    legs: ArcSwap<Vec<Leg>>,
    leg_count: AtomicUsize,
    draining: AtomicU8,
    http1_only: AtomicBool,
    idle: IdleStreams,
    health: Arc<Health>,
    standing: Arc<Standing>,
    checks: Arc<Checks>,
    facts: OnceLock<Box<Facts>>,
}

/// The id that the API gives an endpoint: that of its tunnel with another prefix.
fn as_endpoint(tunnel: &str) -> String {
    let own = tunnel.strip_prefix(Prefix::Tunnel.as_str()).unwrap_or(tunnel);
    if own == tunnel {
        return tunnel.to_owned();
    }
    format!("{}{own}", Prefix::Endpoint.as_str())
}

impl Member {
    /// A member without a connection yet.
    pub fn new(bind_id: String, endpoint_id: String, options: MemberOptions, session: Arc<SessionFacts>) -> Self {
        let idle = IdleStreams::new(session.idle_streams.clone());
        Self {
            key: MemberKey::next(),
            bind_id,
            endpoint_id,
            options,
            session,
            legs: ArcSwap::from_pointee(Vec::new()),
            leg_count: AtomicUsize::new(0),
            draining: AtomicU8::new(Draining::No as u8),
            http1_only: AtomicBool::new(false),
            idle,
            health: Arc::new(Health::new(Instant::now())),
            standing: Arc::new(Standing::new(Instant::now())),
            checks: Arc::default(),
            facts: OnceLock::new(),
        }
    }

    /// The same endpoint with other options: what is known of its upstream stays known.
    #[must_use]
    pub fn in_place_of(mut self, old: &Self) -> Self {
        self.health = old.health.clone();
        self.standing = old.standing.clone();
        self.checks = old.checks.clone();
        self
    }

    /// What its policy sees of it as a member of the pool with this URL; `organization` gives the name of the organisation
    /// when it is first asked for.
    pub fn facts<'a>(&self, url: &EndpointUrl, organization: impl FnOnce() -> &'a str) -> &Facts {
        self.facts.get_or_init(|| {
            Box::new(Facts {
                scheme: url.scheme(),
                host: url.host().to_string(),
                port: url.port(),
                url: url.to_string(),
                id: as_endpoint(&self.endpoint_id),
                name: self.options.name.clone(),
                metadata: self.options.metadata.clone(),
                kind: "agent",
                agent_id: self.session.id.clone(),
                organization_id: self.session.organization.clone(),
                organization_name: organization().to_owned(),
            })
        })
    }

    /// Its status: whether it serves, why not, since when.
    pub fn status(&self) -> Status {
        self.health.status()
    }

    /// What it gets of its pool's traffic.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What its exchanges come to.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The connection for a new stream: fewest open streams, then the shortest round trip. No lock and no
    /// question to any connection if there is one only.
    pub fn leg(&self) -> Option<adit_mux::Session> {
        self.choose_leg(|leg| leg.mux.clone())
    }

    /// The same with what else is known of the connection.
    pub fn full_leg(&self) -> Option<Leg> {
        self.choose_leg(Leg::clone)
    }

    fn choose_leg<T>(&self, take: impl FnOnce(&Leg) -> T) -> Option<T> {
        let legs = self.legs.load();
        let chosen = match legs.as_slice() {
            [] => None,
            [only] => Some(only),
            several => several
                .iter()
                .min_by_key(|l| (l.mux.open_streams(), l.mux.rtt().unwrap_or(Duration::MAX))),
        };
        chosen.map(take)
    }

    /// The data worker that its lowest connection lives on, if it has one.
    pub fn worker(&self) -> Option<usize> {
        self.legs.load().first().map(|l| l.worker)
    }

    /// Its connections, lowest number first.
    pub fn legs(&self) -> Arc<Vec<Leg>> {
        self.legs.load_full()
    }

    /// Adds a connection, or replaces the one of the same number.
    pub fn set_leg(&self, leg: &Leg) {
        self.change_legs(|legs| {
            legs.retain(|l| l.number != leg.number);
            legs.push(leg.clone());
            legs.sort_by_key(|l| l.number);
        });
    }

    /// Takes a connection away.
    pub fn remove_leg(&self, number: u32) {
        self.change_legs(|legs| legs.retain(|l| l.number != number));
    }

    /// Takes away the connections that have ended. Their session does so too, a moment later; whoever met the end
    /// first must not choose them once more until then.
    pub fn remove_closed_legs(&self) {
        self.change_legs(|legs| legs.retain(|l| !l.mux.is_closed()));
    }

    /// Takes all connections and idle streams away.
    pub fn disconnect(&self) {
        self.change_legs(Vec::clear);
        self.idle.clear();
    }

    fn change_legs(&self, change: impl Fn(&mut Vec<Leg>)) {
        self.legs.rcu(|old| {
            let mut legs = Vec::clone(old);
            change(&mut legs);
            legs
        });
        self.leg_count.store(self.legs.load().len(), Ordering::Release);
    }

    /// Whether it has a connection.
    pub fn is_connected(&self) -> bool {
        self.leg_count.load(Ordering::Acquire) > 0
    }

    /// How far its session has gone in leaving.
    pub fn draining(&self) -> Draining {
        match self.draining.load(Ordering::Acquire) {
            0 => Draining::No,
            1 => Draining::Avoid,
            _ => Draining::Closed,
        }
    }

    /// Says how far its session has gone in leaving.
    pub fn set_draining(&self, draining: Draining) {
        self.draining.store(draining as u8, Ordering::Release);
    }

    pub(crate) fn usable(&self) -> Usable {
        match (self.is_connected(), self.draining()) {
            (false, _) | (_, Draining::Closed) => Usable::No,
            _ if self.standing.is_out() || self.checks.is_out() => Usable::Out,
            (true, Draining::Avoid) => Usable::IfNothingElse,
            (true, Draining::No) => Usable::Yes,
        }
    }

    /// What checks of it have come to.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    /// Idle HTTP/1 streams to it.
    pub fn idle(&self) -> &IdleStreams {
        &self.idle
    }

    /// Whether it was found to speak HTTP/1 only although the bind asked for HTTP/2 (edge 7.8).
    pub fn is_http1_only(&self) -> bool {
        self.http1_only.load(Ordering::Relaxed)
    }

    /// Remembers that; true the first time.
    pub fn mark_http1_only(&self) -> bool {
        !self.http1_only.swap(true, Ordering::Relaxed)
    }
}
