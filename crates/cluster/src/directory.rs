//! The directory: name to pool, for every name that is live.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use adit_names::endpoint_url::{Binding, Class, EndpointUrl};

use crate::claim::ClaimKey;
use crate::ending::Ending;
use crate::park::{ParkLimits, Places};
use crate::pool::Pool;
use crate::presence::{OnlineSession, Presence};
use crate::rehearsal::Rehearsals;
use crate::stream::AgentStream;

type Map<K> = papaya::HashMap<K, Arc<Pool>, foldhash::fast::RandomState>;

/// Suffixes with this many labels or more share one counter.
const DEPTHS: usize = 32;

/// All live names. Look-ups take no lock and allocate nothing; a change touches one name.
pub struct Directory {
    sni: Hosts,
    http: Hosts,
    ports: Map<u16>,
    /// Names that no listener of these reaches.
    others: Map<ClaimKey>,
    sessions: Presence,
    places: Arc<Places>,
    ending: Ending,
    rehearsals: Rehearsals,
}

/// The public names of one class.
struct Hosts {
    exact: Map<Box<str>>,
    /// `*.example.com` under `example.com`.
    wild: Map<Box<str>>,
    /// How many wildcards have a suffix of so many labels: a look-up asks only for depths that exist.
    depths: [AtomicU32; DEPTHS],
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("names", &self.len())
            .finish_non_exhaustive()
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self::new(ParkLimits::default())
    }
}

impl Directory {
    /// An empty directory; `limits` bound those who wait for its endpoints.
    pub fn new(limits: ParkLimits) -> Self {
        Self {
            sni: Hosts::new(),
            http: Hosts::new(),
            ports: Map::default(),
            others: Map::default(),
            sessions: Presence::default(),
            places: Arc::new(Places::new(limits)),
            ending: Ending::default(),
            rehearsals: Rehearsals::default(),
        }
    }

    /// What guardrails in dry run would have done.
    pub fn rehearsals(&self) -> &Rehearsals {
        &self.rehearsals
    }

    /// The pool that answers for a public name (edge 2.5): the exact one if online, else the wildcard with the
    /// longest suffix that is online, else the exact one and then a wildcard in its resume window. An exact
    /// name that is off line lets only wildcards of its own organisation answer.
    ///
    /// `host` is canonical (lower case, no trailing dot). [`Class::Tcp`] has no hosts: see
    /// [`find_port`](Self::find_port).
    pub fn find(&self, class: Class, host: &str) -> Option<Arc<Pool>> {
        match class {
            Class::Sni => self.sni.find(host),
            Class::Http => self.http.find(host),
            Class::Tcp | Class::Udp => None,
        }
    }

    /// The pool of a public TCP port.
    pub fn find_port(&self, port: u16) -> Option<Arc<Pool>> {
        self.ports.pin().get(&port).cloned()
    }

    /// The pool of exactly this key.
    pub fn get(&self, key: &ClaimKey) -> Option<Arc<Pool>> {
        match (key.binding, key.class) {
            (Binding::Public, Class::Tcp) => self.find_port(key.port),
            (Binding::Public, Class::Sni) => self.sni.get(&key.host),
            (Binding::Public, Class::Http) => self.http.get(&key.host),
            _ => self.others.pin().get(key).cloned(),
        }
    }

    /// The pool of the internal endpoint that an organisation's policy forwards to (edge 2.8): exactly this URL if
    /// online, else the wildcard with the longest suffix that is, else the exact one in its resume window.
    pub fn find_internal(&self, url: &EndpointUrl, organization: &str) -> Option<Arc<Pool>> {
        let key = ClaimKey::of(url, organization);
        let others = self.others.pin();
        let exact = others.get(&key);
        if let Some(pool) = exact.filter(|p| p.is_online()) {
            return Some(pool.clone());
        }
        let mut rest = &*key.host;
        let mut offline = exact;
        while let Some((_, suffix)) = rest.split_once('.') {
            let wild = ClaimKey {
                host: format!("*.{suffix}").into(),
                ..key.clone()
            };
            match others.get(&wild) {
                Some(pool) if pool.is_online() => return Some(pool.clone()),
                found => offline = offline.or(found),
            }
            rest = suffix;
        }
        offline.cloned()
    }

    /// Writes a name whose claim was won, and returns its pool, which has no members yet. An entry that is
    /// there stays and is returned.
    pub fn open(&self, key: &ClaimKey, url: &EndpointUrl, organization: &str) -> Arc<Pool> {
        if let Some(pool) = self.get(key) {
            return pool;
        }
        let pool = Arc::new(Pool::new(key.clone(), url.clone(), organization, self.places.clone()));
        match (key.binding, key.class) {
            (Binding::Public, Class::Tcp) => {
                self.ports.pin().insert(key.port, pool.clone());
            }
            (Binding::Public, Class::Sni) => self.sni.insert(&key.host, &pool),
            (Binding::Public, Class::Http) => self.http.insert(&key.host, &pool),
            _ => {
                self.others.pin().insert(key.clone(), pool.clone());
            }
        }
        pool
    }

    /// Takes a name out, if this pool has it; those who wait for it are told.
    pub fn close(&self, pool: &Arc<Pool>) {
        let key = pool.key();
        if self.get(key).is_some_and(|p| Arc::ptr_eq(&p, pool)) {
            match (key.binding, key.class) {
                (Binding::Public, Class::Tcp) => {
                    self.ports.pin().remove(&key.port);
                }
                (Binding::Public, Class::Sni) => self.sni.remove(&key.host),
                (Binding::Public, Class::Http) => self.http.remove(&key.host),
                _ => {
                    self.others.pin().remove(key);
                }
            }
        }
        pool.close();
    }

    /// All pools, in no order.
    pub fn pools(&self) -> Vec<Arc<Pool>> {
        let mut all = Vec::with_capacity(self.len());
        for map in [&self.sni.exact, &self.sni.wild, &self.http.exact, &self.http.wild] {
            all.extend(map.pin().values().cloned());
        }
        all.extend(self.ports.pin().values().cloned());
        all.extend(self.others.pin().values().cloned());
        all
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.sni.len() + self.http.len() + self.ports.len() + self.others.len()
    }

    /// Whether nothing is live.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes a session that is on line, or what changed of it.
    pub fn session_online(&self, session: OnlineSession) {
        self.sessions.put(session);
    }

    /// Takes a session out that has no connection any more.
    pub fn session_offline(&self, id: &str) {
        self.sessions.remove(id);
    }

    /// The session with this id, if it is on line.
    pub fn session(&self, id: &str) -> Option<Arc<OnlineSession>> {
        self.sessions.find(id)
    }

    /// All sessions that are on line, in no order.
    pub fn sessions(&self) -> Vec<Arc<OnlineSession>> {
        self.sessions.all()
    }

    /// How many visitors wait on this node.
    pub fn parked(&self) -> usize {
        self.places.taken()
    }

    /// Gives up a stream of an agent in order: finished by us, kept until the agent has finished it as well.
    pub fn end_stream(&self, stream: AgentStream) {
        self.ending.end(stream, Instant::now());
    }

    /// Ends idle agent streams that grew too old. To be called about once a second.
    pub fn sweep_idle(&self, now: Instant) {
        self.ending.sweep(now);
        for pool in self.pools() {
            for member in pool.members().iter() {
                for stream in member.idle().expired(now) {
                    self.ending.end(stream, now);
                }
            }
        }
    }
}

impl Hosts {
    fn new() -> Self {
        Self {
            exact: Map::default(),
            wild: Map::default(),
            depths: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    fn len(&self) -> usize {
        self.exact.len() + self.wild.len()
    }

    fn get(&self, host: &str) -> Option<Arc<Pool>> {
        match host.strip_prefix("*.") {
            Some(suffix) => self.wild.pin().get(suffix).cloned(),
            None => self.exact.pin().get(host).cloned(),
        }
    }

    fn insert(&self, host: &str, pool: &Arc<Pool>) {
        match host.strip_prefix("*.") {
            Some(suffix) => {
                if self.wild.pin().insert(suffix.into(), pool.clone()).is_none() {
                    self.depth(labels(suffix)).fetch_add(1, Ordering::AcqRel);
                }
            }
            None => {
                self.exact.pin().insert(host.into(), pool.clone());
            }
        }
    }

    fn remove(&self, host: &str) {
        match host.strip_prefix("*.") {
            Some(suffix) => {
                if self.wild.pin().remove(suffix).is_some() {
                    self.depth(labels(suffix)).fetch_sub(1, Ordering::AcqRel);
                }
            }
            None => {
                self.exact.pin().remove(host);
            }
        }
    }

    fn depth(&self, labels: usize) -> &AtomicU32 {
        let [first, ..] = &self.depths;
        self.depths.get(labels.min(DEPTHS - 1)).unwrap_or(first)
    }

    fn find(&self, host: &str) -> Option<Arc<Pool>> {
        let exact = self.exact.pin().get(host).cloned();
        if exact.as_ref().is_some_and(|p| p.is_online()) {
            return exact;
        }
        let wild = self.find_wild(host, exact.as_ref().map(|p| p.organization()));
        match (exact, wild) {
            (Some(_), Some(wild)) if wild.is_online() => Some(wild),
            (Some(exact), _) => Some(exact),
            (None, wild) => wild,
        }
    }

    /// The wildcard that answers: the longest suffix that is online, else the longest there is.
    fn find_wild(&self, host: &str, organization: Option<&str>) -> Option<Arc<Pool>> {
        if self.wild.is_empty() {
            return None;
        }
        let wild = self.wild.pin();
        let (mut rest, mut left) = (host, labels(host));
        let mut offline: Option<&Arc<Pool>> = None;
        while let Some((_, suffix)) = rest.split_once('.') {
            (rest, left) = (suffix, left - 1);
            if self.depth(left).load(Ordering::Acquire) == 0 {
                continue;
            }
            let Some(pool) = wild.get(suffix) else {
                continue;
            };
            if organization.is_some_and(|o| o != pool.organization()) {
                continue;
            }
            if pool.is_online() {
                return Some(pool.clone());
            }
            offline = offline.or(Some(pool));
        }
        offline.cloned()
    }
}

fn labels(host: &str) -> usize {
    host.bytes().filter(|b| *b == b'.').count() + 1
}
