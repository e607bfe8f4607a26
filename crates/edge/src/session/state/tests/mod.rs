//! The state machine under a simulated clock.

mod addresses;
mod login;
mod random_events;
mod resume;
mod sharing;
mod status;
mod told;
mod transcripts;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use adit_cluster::{BoundPolicy, ClaimKey, Claims, Class, Directory, LocalClaims, Pool};
use adit_names::acl::Acl;
use adit_names::code::ErrorCode;
use adit_observe::Activity;
use adit_protocol::message::{Auth, Bind, BindResp, Message, PatchTunnelState};
use adit_snapshot::{Binds, Credential, EdgeConfig, SealKey};
use serde_json::{Value, json};

use super::lost::Loss;
use super::{Accepted, Connection, LegFacts, Sessions};
use crate::session::admission::token_hash;
use crate::session::clock::Now;
use crate::session::policy;
use crate::session::ports::{PortError, TcpPorts};
use crate::session::refusal::Refusal;

/// A token of the first organisation.
pub(crate) const TOKEN: &str = "2fWHmaP1sGrGoClCTr3KEvTxDPP_4Q8J9z0aB1cD2eF3gH4iJ5kL6mN7oP8q";
/// A token of the second organisation.
pub(crate) const OTHER_TOKEN: &str = "2fWHmaP1sGrGoClCTr3KEvTxDQQ_4Q8J9z0aB1cD2eF3gH4iJ5kL6mN7oP8r";
/// A token of the first organisation that may bind only some names.
pub(crate) const NARROW_TOKEN: &str = "2fWHmaP1sGrGoClCTr3KEvTxDRR_4Q8J9z0aB1cD2eF3gH4iJ5kL6mN7oP8s";

pub(crate) const BASE: &str = "adit.example.com";

/// Ports that are only remembered; some are in use by others.
#[derive(Debug, Default)]
pub(crate) struct FakePorts {
    pub(crate) open: Mutex<BTreeSet<u16>>,
    pub(crate) in_use: Mutex<BTreeSet<u16>>,
}

impl TcpPorts for FakePorts {
    fn open(&self, port: u16, _pool: &Arc<Pool>) -> Result<(), PortError> {
        if self.in_use.lock().unwrap().contains(&port) {
            return Err(PortError::InUse(port));
        }
        assert!(self.open.lock().unwrap().insert(port), "port {port} is opened twice");
        Ok(())
    }

    fn close(&self, port: u16) {
        assert!(self.open.lock().unwrap().remove(&port), "port {port} was not open");
    }
}

pub(crate) fn credential(id: &str, organization: &str, token: &str, acl: &[&str]) -> Credential {
    Credential {
        imported: true,
        binds: Binds::Acl(Acl::parse(acl).unwrap()),
        ..Credential::new(id, organization, token_hash(token))
    }
}

pub(crate) fn config() -> EdgeConfig {
    let mut config = EdgeConfig::new(BASE, SealKey([7; 32])).with_credentials([
        credential("cr_1", "ac_1", TOKEN, &[]),
        credential("cr_2", "ac_2", OTHER_TOKEN, &[]),
        credential(
            "cr_3",
            "ac_1",
            NARROW_TOKEN,
            &[
                "bind:mine.adit.example.com",
                "bind:*.team.example.org",
                "bind:tcp://*:20000-20001",
            ],
        ),
    ]);
    config.tcp_ports = Some((20_000, 20_009));
    config.own_domains = vec!["example.org".to_owned()];
    config
}

/// A server, its clock, and whoever logs in.
pub(crate) struct World {
    pub(crate) sessions: Sessions,
    pub(crate) directory: Arc<Directory>,
    pub(crate) claims: Arc<LocalClaims>,
    pub(crate) ports: Arc<FakePorts>,
    pub(crate) config: EdgeConfig,
    pub(crate) now: Now,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(
            config(),
            Now {
                at: Instant::now(),
                wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            },
        )
    }

    fn with(config: EdgeConfig, now: Now) -> Self {
        let directory = Arc::<Directory>::default();
        let claims = Arc::<LocalClaims>::default();
        let ports = Arc::<FakePorts>::default();
        let sessions = Sessions::new(&config, directory.clone(), claims.clone(), ports.clone()).unwrap();
        Self {
            sessions,
            directory,
            claims,
            ports,
            config,
            now,
        }
    }

    /// The same server after a kill: same key, same clock, nothing else.
    pub(crate) fn restarted(&self) -> Self {
        Self::with(self.config.clone(), self.now)
    }

    pub(crate) fn advance(&mut self, time: Duration) {
        self.now.at += time;
        self.now.wall += time;
        self.sessions.tick(self.now);
    }

    pub(crate) fn login(&mut self, auth: &Auth) -> Result<Accepted, Refusal> {
        let addr = SocketAddr::from(([192, 0, 2, 7], 4_711));
        self.sessions.login(&self.config, auth, leg_from(addr), self.now)
    }

    pub(crate) fn enter(&mut self, token: &str) -> Accepted {
        self.login(&auth(token)).unwrap()
    }

    pub(crate) fn bind(&mut self, of: &Connection, bind: &Bind) -> Result<BindResp, Refusal> {
        let policy = self.policy(policy::of_bind(bind, &self.config)?)?;
        self.sessions.bind(&self.config, of, bind, policy, self.now)
    }

    pub(crate) fn patch(&mut self, of: &Connection, patch: &PatchTunnelState) -> Result<(), Refusal> {
        let policy = match &patch.traffic_policy {
            Some(text) => {
                let brought = self.sessions.with_policy(of, &patch.tunnel_id, text)?;
                Some(self.policy(Some(brought))?)
            }
            None => None,
        };
        self.sessions.patch(&self.config, of, patch, policy, self.now)
    }

    fn policy(&self, given: Option<policy::Brought>) -> Result<Option<BoundPolicy>, Refusal> {
        let Some(brought) = given else { return Ok(None) };
        policy::compile(&Mutex::default(), &self.config, "ac_1", &brought)
    }

    pub(crate) fn lose(&mut self, of: &Connection) {
        self.sessions.leg_lost(&self.config, of, Loss::Closed, self.now);
    }

    /// Whether a name on the TLS port is served now.
    pub(crate) fn is_online(&self, host: &str) -> bool {
        self.directory.find(Class::Sni, host).is_some_and(|p| p.is_online())
    }

    /// The invariants that hold between any two events.
    pub(crate) fn check(&self) {
        let s = &self.sessions;
        let online = s.live.values().filter(|live| !live.legs.is_empty()).count();
        assert_eq!(self.directory.sessions().len(), online);
        let mut keys: std::collections::BTreeMap<ClaimKey, Vec<&super::Endpoint>> = Default::default();
        let mut windows = 0;
        for (id, live) in &s.live {
            windows += usize::from(live.until.is_some());
            assert_eq!(
                live.until.is_some(),
                live.legs.is_empty(),
                "a window runs while there is no leg"
            );
            let online = self.directory.session(id);
            assert_eq!(
                online.map_or(0, |o| o.legs.len()),
                live.legs.len(),
                "the directory has the sessions that are on line, with their legs"
            );
            for (bind, endpoint) in &live.endpoints {
                windows += usize::from(endpoint.until.is_some());
                assert_eq!(endpoint.until.is_some(), !endpoint.member.is_connected());
                assert_eq!(
                    s.endpoints.get(&endpoint.member.endpoint_id),
                    Some(&(id.clone(), bind.clone()))
                );
                let legs = endpoint.member.legs();
                assert!(
                    legs.iter().all(|l| live.legs.contains_key(&l.number)),
                    "only legs of the session"
                );
                keys.entry(endpoint.key.clone()).or_default().push(endpoint);
            }
        }
        assert_eq!(s.deadlines.len(), windows);
        assert_eq!(s.endpoints.len(), keys.values().map(Vec::len).sum::<usize>());
        assert_eq!(self.claims.held(), keys.len());
        assert_eq!(self.directory.len(), keys.len());
        let mut ports = BTreeSet::new();
        for (key, members) in &keys {
            let pool = self.directory.get(key).expect("what is claimed is in the directory");
            assert_eq!(pool.members().len(), members.len());
            assert!(
                members
                    .iter()
                    .all(|e| pool.members().iter().any(|m| m.key == e.member.key))
            );
            assert!(
                members.len() == 1 || members.iter().all(|e| e.member.options.pooled),
                "{key} has one owner unless all agree"
            );
            let organizations: BTreeSet<_> = members.iter().map(|e| &e.member.session.organization).collect();
            assert_eq!(organizations.len(), 1);
            if key.class == Class::Tcp && key.binding == adit_cluster::Binding::Public {
                ports.insert(key.port);
            }
        }
        assert_eq!(*self.ports.open.lock().unwrap(), ports);
    }

    /// Nothing is left of anybody.
    pub(crate) fn check_empty(&self) {
        self.check();
        assert_eq!(self.sessions.counts(), super::Counts::default());
        assert_eq!((self.claims.held(), self.directory.len()), (0, 0));
    }
}

/// A connection that nobody drives.
pub(crate) fn leg_from(addr: SocketAddr) -> LegFacts {
    let (mux, _incoming, _driver) = adit_mux::session(adit_mux::Config::server(), Instant::now());
    LegFacts {
        round_trip: Duration::from_millis(8),
        addr,
        ingress: format!("connect.{BASE}"),
        worker: 0,
        mux,
        failures: Arc::default(),
    }
}

pub(crate) fn auth_json(token: &str) -> Value {
    json!({
        "Version": ["3", "2"],
        "ClientId": "",
        "Extra": {
            "OS": "linux", "Arch": "x86_64", "AuthToken": token, "Version": "0.19.0", "Hostname": "",
            "UserAgent": "ngrok-rust/0.19.0", "Metadata": "", "Cookie": "",
            "HeartbeatInterval": 10_000_000_000_u64, "HeartbeatTolerance": 15_000_000_000_u64,
            "UpdateUnsupportedError": "no", "StopUnsupportedError": "", "RestartUnsupportedError": null,
            "ClientType": "ngrok-rust"
        }
    })
}

pub(crate) fn auth_of(json: &Value) -> Auth {
    Auth::decode(json.to_string().as_bytes()).unwrap()
}

pub(crate) fn auth(token: &str) -> Auth {
    auth_of(&auth_json(token))
}

/// The login by which the agent of `accepted` comes back.
pub(crate) fn again(token: &str, accepted: &Accepted) -> Auth {
    let mut auth = auth(token);
    auth.client_id = accepted.response.client_id.clone();
    auth.extra.cookie = accepted.response.extra.cookie.clone();
    auth
}

/// The login of a further leg.
pub(crate) fn leg(token: &str, accepted: &Accepted, number: u32) -> Auth {
    let mut auth = again(token, accepted);
    auth.extra.leg_number = Some(number);
    auth
}

pub(crate) fn bind_of(json: &Value) -> Bind {
    Bind::decode(json.to_string().as_bytes()).unwrap()
}

/// A first bind of an `https` endpoint at a domain; empty: any.
pub(crate) fn https(domain: &str) -> Bind {
    bind_of(&json!({
        "Id": "", "Proto": "https", "ForwardsTo": "http://localhost:80", "ForwardsProto": "",
        "Opts": {"Domain": domain, "Hostname": "", "Auth": "", "Subdomain": "", "HostHeaderRewrite": false, "ProxyProto": 0},
        "Extra": {"Token": "", "IPPolicyRef": "", "Metadata": "", "Bindings": [], "PoolingEnabled": false}
    }))
}

pub(crate) fn pooled(mut bind: Bind) -> Bind {
    bind.extra.pooling_enabled = Some(true);
    bind
}

/// A first bind of a `tcp` endpoint; empty: any port.
pub(crate) fn tcp(addr: &str) -> Bind {
    bind_of(&json!({
        "Proto": "tcp", "Opts": {"Addr": addr, "ProxyProto": 0}, "Extra": {"Token": "", "Metadata": ""}
    }))
}

/// The bind by which an agent binds an endpoint again: with what the answer gave it.
pub(crate) fn rebind(first: &Bind, response: &BindResp) -> Bind {
    let mut bind = first.clone();
    bind.id = response.id.clone();
    bind.opts = response.opts.clone();
    bind.extra.token = response.extra.token.clone();
    bind
}

#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(result: Result<T, Refusal>, code: ErrorCode) -> Refusal {
    let refusal = result.expect_err("must be refused");
    assert_eq!(refusal.code(), code, "{refusal}");
    assert!(refusal.to_error().ends_with(&format!("\n\n{code}\n")));
    refusal
}

/// Short names of what happened.
pub(crate) fn events(sessions: &mut Sessions) -> Vec<String> {
    sessions
        .take_activity()
        .iter()
        .map(|a| match a {
            Activity::Endpoint(t) => format!("{} {}", t.status.map_or("gone", |s| s.as_str()), t.reason.as_str()),
            Activity::SessionStarted(_) => "started".to_owned(),
            Activity::SessionUpdated(_, change) => format!("{} {}", change.as_str(), change.legs()),
            Activity::SessionStopped(_, outcome) => {
                format!("stopped {}", outcome.stop_code.as_str())
            }
            Activity::Refused(_) => "refused".to_owned(),
        })
        .collect()
}
