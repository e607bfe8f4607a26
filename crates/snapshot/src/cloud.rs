//! Cloud endpoints: names that are answered by a policy, whether an agent is there or not.

use std::sync::Arc;
use std::time::SystemTime;

use adit_names::endpoint_url::{Binding, Class, EndpointUrl, Scheme};
use adit_names::host::CanonicalHost;
use adit_names::id::Id;
use adit_policy::{Endpoint as Facts, Policy};

use crate::shards::Sharded;

/// One cloud endpoint.
#[derive(Clone, Debug)]
pub struct CloudEndpoint {
    /// Identifier (`ep_…`).
    pub id: Id,
    /// Whose it is.
    pub organization: Box<str>,
    /// Where it is found.
    pub url: EndpointUrl,
    /// It shares its URL with others that do as well.
    pub pooled: bool,
    /// Its share of what comes to its URL, 0 to 1000; 0: nothing new.
    pub weight: u32,
    /// When it ends by itself.
    pub until: Option<SystemTime>,
    /// Its traffic policy; none: it cannot be compiled and never could, so nothing passes.
    pub policy: Option<Arc<Policy>>,
    /// What its policy sees of it.
    pub facts: Facts,
}

impl CloudEndpoint {
    /// An endpoint without name and metadata, of the usual weight.
    pub fn new(id: Id, organization: &str, url: EndpointUrl, policy: Option<Arc<Policy>>) -> Self {
        let facts = Facts {
            scheme: url.scheme(),
            host: url.host().to_string(),
            port: url.port(),
            url: url.to_string(),
            id: id.to_string(),
            name: String::new(),
            metadata: String::new(),
            kind: "cloud",
            agent_id: String::new(),
            organization_id: organization.to_owned(),
            organization_name: String::new(),
        };
        Self {
            id,
            organization: organization.into(),
            url,
            pooled: false,
            weight: 100,
            until: None,
            policy,
            facts,
        }
    }
}

/// The cloud endpoints of one URL: one, or several that share it. Never empty.
pub type CloudPool = Arc<Vec<Arc<CloudEndpoint>>>;

/// All of them, by what they are found by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clouds {
    sni: Hosts,
    http: Hosts,
    ports: Sharded<u16, CloudPool>,
    /// Not reachable from the public listeners; by binding, organisation, class, host and port.
    inner: Sharded<Arc<str>, CloudPool>,
}

/// The public names of one class.
#[derive(Clone, Debug, Default)]
struct Hosts {
    exact: Sharded<Arc<str>, CloudPool>,
    /// `*.example.com` under `example.com`.
    wild: Sharded<Arc<str>, CloudPool>,
}

impl Hosts {
    fn part(&mut self, host: &str) -> (&mut Sharded<Arc<str>, CloudPool>, Arc<str>) {
        match host.strip_prefix("*.") {
            Some(base) => (&mut self.wild, base.into()),
            None => (&mut self.exact, host.into()),
        }
    }

    fn get(&self, host: &str) -> Option<&CloudPool> {
        match host.strip_prefix("*.") {
            Some(base) => self.wild.get(base),
            None => self.exact.get(host),
        }
    }

    fn find(&self, host: &str) -> Option<&CloudPool> {
        self.exact.get(host).or_else(|| {
            if self.wild.is_empty() {
                return None;
            }
            parents(host).find_map(|parent| self.wild.get(parent))
        })
    }
}

/// The names above `host`, nearest first.
pub(crate) fn parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(host.split_once('.').map(|(_, rest)| rest), |name| {
        name.split_once('.').map(|(_, rest)| rest)
    })
}

impl Clouds {
    /// Those that a visitor of this name may mean: exactly it, else the wildcard with the longest suffix.
    pub(crate) fn find(&self, class: Class, host: &str) -> Option<&CloudPool> {
        match class {
            Class::Sni => self.sni.find(host),
            Class::Http => self.http.find(host),
            Class::Tcp | Class::Udp => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sni.exact.is_empty()
            && self.sni.wild.is_empty()
            && self.http.exact.is_empty()
            && self.http.wild.is_empty()
            && self.ports.is_empty()
            && self.inner.is_empty()
    }

    /// Those of a public TCP port.
    pub(crate) fn of_port(&self, port: u16) -> Option<&CloudPool> {
        self.ports.get(&port)
    }

    /// TCP ports that some of them have.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> {
        self.ports.iter().map(|(port, _)| *port)
    }

    /// Those of the internal endpoint that this URL of an organisation means: exactly it, else the wildcard with the
    /// longest suffix.
    pub(crate) fn find_internal(&self, url: &EndpointUrl, organization: &str) -> Option<&CloudPool> {
        if self.inner.is_empty() {
            return None;
        }
        self.inner.get(&*inner_key(url, organization)).or_else(|| {
            parents(url.host().as_str()).find_map(|parent| {
                let host = CanonicalHost::for_endpoint(&format!("*.{parent}")).ok()?;
                let wild = EndpointUrl::new(url.scheme(), url.binding(), host, url.port());
                self.inner.get(&*inner_key(&wild, organization))
            })
        })
    }

    /// Those of exactly this URL.
    pub(crate) fn at(&self, url: &EndpointUrl, organization: &str) -> Option<&CloudPool> {
        match (url.binding(), url.scheme()) {
            (Binding::Public, Scheme::Https | Scheme::Tls) => self.sni.get(url.host().as_str()),
            (Binding::Public, Scheme::Http) => self.http.get(url.host().as_str()),
            (Binding::Public, Scheme::Tcp) => self.ports.get(&url.port()),
            _ if self.inner.is_empty() => None,
            _ => self.inner.get(&*inner_key(url, organization)),
        }
    }

    pub(crate) fn insert(&mut self, endpoint: &Arc<CloudEndpoint>) {
        self.change(endpoint, |all| all.push(endpoint.clone()));
    }

    pub(crate) fn remove(&mut self, endpoint: &CloudEndpoint) {
        self.change(endpoint, |_| {});
    }

    /// Changes who shares the URL of `of`, which is taken out first.
    fn change(&mut self, of: &CloudEndpoint, step: impl FnOnce(&mut Vec<Arc<CloudEndpoint>>)) {
        let mut all = self
            .at(&of.url, &of.organization)
            .map(|pool| pool.as_ref().clone())
            .unwrap_or_default();
        all.retain(|e| e.id != of.id);
        step(&mut all);
        let pool = (!all.is_empty()).then(|| Arc::new(all));
        let host = of.url.host().as_str();
        let (part, key) = match (of.url.binding(), of.url.scheme()) {
            (Binding::Public, Scheme::Https | Scheme::Tls) => self.sni.part(host),
            (Binding::Public, Scheme::Http) => self.http.part(host),
            (Binding::Public, Scheme::Tcp) => {
                match pool {
                    Some(pool) => self.ports.insert(of.url.port(), pool),
                    None => self.ports.remove(&of.url.port()),
                };
                return;
            }
            _ => (&mut self.inner, inner_key(&of.url, &of.organization)),
        };
        match pool {
            Some(pool) => part.insert(key, pool),
            None => part.remove(&key),
        };
    }
}

fn inner_key(url: &EndpointUrl, organization: &str) -> Arc<str> {
    let class = url.scheme().class();
    format!(
        "{}/{organization}/{class:?}/{}:{}",
        url.binding(),
        url.host(),
        url.port()
    )
    .into()
}
