//! All sessions of a node as one state machine: messages and the time go in, answers and changes of the
//! directory come out. No sockets, no clock of its own, no tasks.
//!
//! * `login`: who is it, is it somebody we know (resumption), which leg.
//! * `bind`: an endpoint is offered, changed and given up; `name`: which name it gets.
//! * `lost`: connections that end, windows in which an agent may return, what happens when they are over.
//! * `hung`: agents that are alive and take no streams.
//! * `leave`: draining, revocation, stopping from afar.
//!
//! A session exists while one of its connections (legs) lives, and for its resume window after that. An
//! endpoint stays claimed as long as a leg carries it, and for the window after that. The table is locked for
//! logins, binds and losses, never for a visitor's request: those read the directory.

mod bind;
mod hung;
mod leave;
mod login;
mod lost;
mod name;

#[cfg(test)]
pub(super) mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use adit_cluster::{ClaimKey, Claims, Directory, Draining, Leg, Member, OnlineSession, Owner, Pool, SessionFacts};
use adit_names::endpoint_url::EndpointUrl;
use adit_names::id::{Id, Prefix};
use adit_observe::{Activity, AgentSession, EndpointFacts, EndpointReason, EndpointStatus, EndpointTransition};
use adit_protocol::control::ControlMessage;
use adit_snapshot::{Credential, EdgeConfig};

use super::clock::Now;
use super::cookie::{BadKey, Sealer, unix_seconds};
use super::ports::TcpPorts;

pub use leave::{Ended, Leaving};
pub(crate) use login::MAX_METADATA;
pub use login::{Accepted, LegFacts};
pub use lost::Loss;

/// Bind ids that a session remembers after they ended, because an agent may end one twice.
const ENDED_IDS: usize = 256;

/// One connection of a session, as long as it is the current one of its leg number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// The session (`ts_…`).
    pub session: Arc<str>,
    /// The leg.
    pub leg: u32,
    /// Tells this connection from another with the same leg number.
    id: u64,
}

/// The sessions of a node.
#[derive(Debug)]
pub struct Sessions {
    sealer: Sealer,
    directory: Arc<Directory>,
    claims: Arc<dyn Claims>,
    ports: Arc<dyn TcpPorts>,
    live: foldhash::HashMap<Arc<str>, Live>,
    /// Process of an Adit agent (credential, instance) to its session.
    instances: foldhash::HashMap<(String, String), Arc<str>>,
    /// Id for the API to session and bind id.
    endpoints: foldhash::HashMap<String, (Arc<str>, String)>,
    /// When windows end; exactly one entry for each `until` below.
    deadlines: BTreeSet<(Instant, Arc<str>, Option<String>)>,
    next_connection: u64,
    /// The first moment at which a credential of a session may expire.
    expiry: Option<SystemTime>,
    draining: bool,
    activity: Vec<Activity>,
    notices: Vec<(Connection, ControlMessage)>,
}

/// One session.
#[derive(Debug)]
struct Live {
    facts: Arc<SessionFacts>,
    told: Arc<AgentSession>,
    credential: Arc<Credential>,
    /// Seconds since the Unix epoch.
    first_seen: u64,
    instance: Option<String>,
    legs: BTreeMap<u32, LegState>,
    /// By bind id.
    /// Boxed, because a node of the map has room for eleven, and most sessions have one.
    endpoints: BTreeMap<String, Box<Endpoint>>,
    ended: VecDeque<String>,
    /// End of the resume window; only while there is no leg.
    until: Option<Instant>,
    /// Has had no leg yet.
    is_new: bool,
    /// Its endpoints are said to be degraded because a connection of it takes no streams.
    is_hung: bool,
    /// Bytes from the agent and to it over connections that have ended.
    past: (u64, u64),
}

/// A connection of a session.
#[derive(Debug)]
struct LegState {
    connection: u64,
    leg: Leg,
    /// Since when its agent takes no streams.
    hung: Option<Instant>,
}

impl LegState {
    /// `past` and what it has carried, frame headers included.
    fn bytes_after(&self, (received, sent): (u64, u64)) -> (u64, u64) {
        let carried = self.leg.mux.counters();
        (received + carried.received, sent + carried.sent)
    }
}

/// An endpoint of a session.
#[derive(Debug)]
struct Endpoint {
    key: ClaimKey,
    url: EndpointUrl,
    owner: Owner,
    pool: Arc<Pool>,
    member: Arc<Member>,
    told: Arc<EndpointFacts>,
    status: Option<EndpointStatus>,
    /// End of the resume window; only while no leg carries it.
    until: Option<Instant>,
}

/// How many things the tables hold; for tests and the admin page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions, those in their resume window too.
    pub sessions: usize,
    /// Connections.
    pub legs: usize,
    /// Endpoints, those in their resume window too.
    pub endpoints: usize,
    /// Windows that run.
    pub deadlines: usize,
    /// Processes of Adit's agent that are known.
    pub instances: usize,
}

/// What the API shows of a session.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Facts.
    pub facts: Arc<SessionFacts>,
    /// Its connections, lowest first.
    pub legs: Vec<Leg>,
    /// Ids of its endpoints for the API.
    pub endpoints: Vec<String>,
}

impl Sessions {
    /// No sessions yet. `config` gives the key of the cookies.
    ///
    /// # Errors
    /// If the key is not usable.
    pub fn new(
        config: &EdgeConfig,
        directory: Arc<Directory>,
        claims: Arc<dyn Claims>,
        ports: Arc<dyn TcpPorts>,
    ) -> Result<Self, BadKey> {
        Ok(Self {
            sealer: Sealer::new(&config.seal_key)?,
            directory,
            claims,
            ports,
            live: foldhash::HashMap::default(),
            instances: foldhash::HashMap::default(),
            endpoints: foldhash::HashMap::default(),
            deadlines: BTreeSet::new(),
            next_connection: 0,
            expiry: None,
            draining: false,
            activity: Vec::new(),
            notices: Vec::new(),
        })
    }

    /// What happened since the last call, to be told to the observer.
    pub fn take_activity(&mut self) -> Vec<Activity> {
        std::mem::take(&mut self.activity)
    }

    /// What is to be said to agents on their control streams since the last call.
    pub fn take_notices(&mut self) -> Vec<(Connection, ControlMessage)> {
        std::mem::take(&mut self.notices)
    }

    /// Sizes of the tables.
    pub fn counts(&self) -> Counts {
        Counts {
            sessions: self.live.len(),
            legs: self.live.values().map(|s| s.legs.len()).sum(),
            endpoints: self.endpoints.len(),
            deadlines: self.deadlines.len(),
            instances: self.instances.len(),
        }
    }

    /// All sessions, in no order.
    pub fn sessions(&self) -> Vec<SessionView> {
        self.live.values().map(Live::view).collect()
    }

    /// One session.
    pub fn session(&self, id: &str) -> Option<SessionView> {
        self.live.get(id).map(Live::view)
    }

    /// The earliest end of a window.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, ..)| *at)
    }

    /// The session of a connection, if the connection is still the current one of its leg.
    fn current(&mut self, of: &Connection) -> Option<&mut Live> {
        let live = self.live.get_mut(&*of.session)?;
        (live.legs.get(&of.leg)?.connection == of.id).then_some(live)
    }

    /// Says in the directory which connections a session has now.
    fn tell_presence(&self, session: &str) {
        match self.live.get(session).filter(|live| !live.legs.is_empty()) {
            Some(live) => self.directory.session_online(OnlineSession {
                facts: live.facts.clone(),
                legs: live.legs.values().map(|l| l.leg.clone()).collect(),
            }),
            None => self.directory.session_offline(session),
        }
    }

    /// Starts, moves or ends the window of an endpoint.
    fn set_endpoint_window(&mut self, session: &Arc<str>, bind: &str, until: Option<Instant>) {
        let Some(endpoint) = self.live.get_mut(session).and_then(|s| s.endpoints.get_mut(bind)) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut endpoint.until, until) {
            self.deadlines.remove(&(old, session.clone(), Some(bind.to_owned())));
        }
        if let Some(at) = until {
            self.deadlines.insert((at, session.clone(), Some(bind.to_owned())));
        }
    }

    /// Starts, moves or ends the window of a session.
    fn set_session_window(&mut self, session: &Arc<str>, until: Option<Instant>) {
        let Some(live) = self.live.get_mut(session) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut live.until, until) {
            self.deadlines.remove(&(old, session.clone(), None));
        }
        if let Some(at) = until {
            self.deadlines.insert((at, session.clone(), None));
        }
    }

    /// Says the status of an endpoint, if it is another than was said before.
    fn tell_endpoint(&mut self, session: &Arc<str>, bind: &str) {
        let Some(live) = self.live.get_mut(session) else {
            return;
        };
        let listener = live.legs.first_key_value().map(|(number, l)| Connection {
            session: session.clone(),
            leg: *number,
            id: l.connection,
        });
        let Some(endpoint) = live.endpoints.get_mut(bind) else {
            return;
        };
        let now = endpoint.member.status();
        let status = Some(now.status);
        let previous = std::mem::replace(&mut endpoint.status, status);
        if previous == status {
            return;
        }
        if let Some(of) = listener
            && previous.is_some_and(|p| p != EndpointStatus::Offline)
        {
            let message = ControlMessage::BindState {
                id: bind.to_owned(),
                status: now.status.as_str().to_owned(),
                reason: now.reason.as_str().to_owned(),
                detail: now.detail.clone(),
            };
            self.notices.push((of, message));
        }
        let transition = EndpointTransition {
            endpoint: endpoint.told.clone(),
            previous,
            status,
            reason: now.reason,
            detail: now.detail,
            members_online: endpoint.members_online(),
        };
        self.activity.push(Activity::Endpoint(transition));
    }

    /// Ends an endpoint: out of the directory first, then the claim, so that no visitor is led to a name that
    /// somebody else may have by then.
    fn end_endpoint(&mut self, session: &Arc<str>, bind: &str, reason: EndpointReason) {
        self.set_endpoint_window(session, bind, None);
        let Some(endpoint) = self.live.get_mut(session).and_then(|s| s.endpoints.remove(bind)) else {
            return;
        };
        self.withdraw(&endpoint.pool, &endpoint.member);
        self.claims.release(&endpoint.key, &endpoint.owner);
        self.endpoints.remove(&endpoint.member.endpoint_id);
        self.tell_gone(&endpoint, reason);
        if let Some(live) = self.live.get_mut(session) {
            if live.ended.len() == ENDED_IDS {
                live.ended.pop_front();
            }
            live.ended.push_back(bind.to_owned());
        }
    }

    /// Says that an endpoint is no more.
    fn tell_gone(&mut self, endpoint: &Endpoint, reason: EndpointReason) {
        if endpoint.status.is_some() {
            self.activity.push(Activity::Endpoint(EndpointTransition {
                endpoint: endpoint.told.clone(),
                previous: endpoint.status,
                status: None,
                reason,
                detail: String::new(),
                members_online: endpoint.members_online(),
            }));
        }
    }

    /// Takes a member out of its pool, and the pool out of the directory if it was the last.
    fn withdraw(&self, pool: &Arc<Pool>, member: &Member) {
        if pool.remove(member.key) {
            self.directory.close(pool);
            if pool.url().scheme() == adit_names::endpoint_url::Scheme::Tcp
                && pool.url().binding() == adit_names::endpoint_url::Binding::Public
            {
                self.ports.close(pool.url().port());
            }
        }
        member.disconnect();
    }

    /// Draining of members that come now.
    fn draining(&self) -> Draining {
        if self.draining { Draining::Avoid } else { Draining::No }
    }
}

impl Endpoint {
    fn members_online(&self) -> u32 {
        let online = self.pool.members().iter().filter(|m| m.is_connected()).count();
        u32::try_from(online).unwrap_or(u32::MAX)
    }
}

impl Live {
    fn view(&self) -> SessionView {
        SessionView {
            facts: self.facts.clone(),
            legs: self.legs.values().map(|l| l.leg.clone()).collect(),
            endpoints: self.endpoints.values().map(|e| e.member.endpoint_id.clone()).collect(),
        }
    }

    fn leg_count(&self) -> u32 {
        u32::try_from(self.legs.len()).unwrap_or(u32::MAX)
    }

    /// Bytes from the agent and to it so far.
    fn bytes(&self) -> (u64, u64) {
        self.legs.values().fold(self.past, |past, leg| leg.bytes_after(past))
    }

    fn lowest(&self) -> Option<adit_mux::Session> {
        self.legs.values().next().map(|l| l.leg.mux.clone())
    }
}

/// Random bytes of the system.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The generator fails only if the process cannot use its cryptographic library at all; then ids would
    // repeat, so nothing may go on.
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        tracing::error!("no random numbers: the process ends");
        std::process::abort();
    }
    bytes
}

/// A new id.
fn new_id(prefix: Prefix, wall: SystemTime) -> Id {
    Id::new(prefix, unix_seconds(wall), random())
}

/// The end of a resume window that begins now.
fn window_end(config: &EdgeConfig, draining: bool, now: Now) -> Instant {
    now.at
        + if draining {
            config.resume_window_drain
        } else {
            config.resume_window
        }
}
