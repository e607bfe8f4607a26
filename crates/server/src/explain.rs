//! Explanations of policies with what this node has: its endpoints and guardrails, its names, its way out.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adit_api::{Explains, Whose};
use adit_edge::{Node, ask_outside};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_outbound::{Client, Guard, Options, Purpose, SystemResolver};
use adit_policy::case::{Around, Asked, Explanation, Hop, Layer, Live, Outside, Unmet, explain};
use adit_policy::{
    Answer, Authority, EffectFault as Fault, Endpoint as Facts, Fetch, Inspector, Intelligence, IpPolicy, Policy,
    References, Subject, Tables,
};
use adit_snapshot::{CloudEndpoint, EdgeConfig, Place};
use adit_tls::Roots;
use tokio::runtime::{Handle, Runtime};

/// How long everything that an explanation sends may take together.
const TIME: Duration = Duration::from_secs(10);
/// Most endpoints that one request or connection passes, as on the road.
const MAX_HOPS: usize = 8;
/// What stands in the place of a secret whose value is not used.
const HIDDEN: &str = "***";

/// What this node has.
pub(crate) struct OfNode {
    pub(crate) node: Arc<Node>,
    pub(crate) firewall: Option<Arc<dyn Inspector>>,
}

/// The names of one organisation, as they are now.
struct Names {
    config: Arc<EdgeConfig>,
    organization: String,
    may: May,
}

/// What is used of the names. What is not known to those who ask is taken to be there.
#[derive(Clone, Copy, Default)]
struct May {
    /// The values of secrets; else [`HIDDEN`] stands in their place.
    values: bool,
    /// Which secrets there are.
    secrets: bool,
    /// Which certificate authorities there are.
    authorities: bool,
    /// Which IP policies there are.
    ip_policies: bool,
}

impl May {
    fn of(whose: &Whose) -> Self {
        Self {
            values: whose.effects,
            secrets: whose.secrets,
            authorities: whose.authorities,
            ip_policies: whose.names,
        }
    }
}

impl Tables for Names {
    fn secret(&self, vault: &str, name: &str) -> Option<&str> {
        if !self.may.secrets {
            return Some(HIDDEN);
        }
        let value = self.config.told.secret(&self.organization, vault, name)?;
        Some(if self.may.values { value } else { HIDDEN })
    }

    fn ip_policy(&self, id: &str) -> Option<&IpPolicy> {
        let policy = self.config.told.ip_policy(id.parse().ok()?, &self.organization)?;
        Some(&policy.ranges)
    }

    fn authority(&self, id: &str) -> Option<Authority<'_>> {
        self.config.authority(id, &self.organization, SystemTime::now())
    }

    fn intelligence(&self, ip: IpAddr) -> Option<Arc<Intelligence>> {
        self.config.address_facts.as_ref()?.look_up(ip)
    }
}

impl References for Names {
    fn has_secret(&self, vault: &str, name: &str) -> bool {
        self.secret(vault, name).is_some()
    }

    fn has_ip_policy(&self, id: &str) -> bool {
        !self.may.ip_policies || self.ip_policy(id).is_some()
    }

    fn has_authority(&self, id: &str) -> bool {
        !self.may.authorities || self.authority(id).is_some()
    }
}

impl Explains for OfNode {
    fn cloud_at(&self, organization: &str, url: &EndpointUrl) -> Option<String> {
        let config = self.node.config.load();
        let pool = config.told.cloud_at(url, organization)?;
        let ours = pool.iter().find(|endpoint| *endpoint.organization == *organization)?;
        Some(ours.id.to_string())
    }

    fn explain(&self, asked: &Asked, whose: &Whose) -> Result<Explanation, String> {
        let config = self.node.config.load_full();
        let names = || -> Arc<dyn Tables + Send + Sync> {
            let names = Names {
                config: config.clone(),
                organization: whose.organization.clone(),
                may: May::of(whose),
            };
            Arc::new(OfDocument(names))
        };
        let outside = whose.effects.then(|| OnNode::new(&self.node, &whose.organization));
        let live = match &whose.endpoint {
            Some(endpoint) => Some(Chain::of(&self.node, &config, whose, endpoint, asked)?),
            None => None,
        };
        let around = Around {
            live: live.as_ref().map(|live| live as &dyn Live),
            outside: outside.as_ref().map(|outside| outside as &dyn Outside),
            inspector: self.firewall.as_deref(),
            names: (whose.names || whose.effects).then(names),
            until: whose.until,
        };
        let mut explained = explain(asked, &around)?;
        if live.is_some() && !whose.effects {
            explained.notes.push(format!(
                "secrets are taken to be {HIDDEN} where effects are not performed"
            ));
        }
        Ok(explained)
    }
}

/// The names for a document by itself, which is told of those that are not known: none is, of what those who ask may not
/// read.
struct OfDocument(Names);

impl Tables for OfDocument {
    fn secret(&self, vault: &str, name: &str) -> Option<&str> {
        self.0.secret(vault, name)
    }

    fn ip_policy(&self, id: &str) -> Option<&IpPolicy> {
        self.0.ip_policy(id).filter(|_| self.0.may.ip_policies)
    }

    fn authority(&self, id: &str) -> Option<Authority<'_>> {
        self.0.authority(id).filter(|_| self.0.may.authorities)
    }

    fn intelligence(&self, ip: IpAddr) -> Option<Arc<Intelligence>> {
        self.0.intelligence(ip)
    }
}

/// The way of a request through endpoints of this node.
struct Chain<'a> {
    node: &'a Node,
    config: &'a Arc<EdgeConfig>,
    whose: &'a Whose,
    first: Arc<Hop>,
}

/// An endpoint and its own policy.
struct Found {
    url: EndpointUrl,
    facts: Facts,
    policy: Option<Arc<Policy>>,
    cloud: bool,
}

impl<'a> Chain<'a> {
    fn of(
        node: &'a Node,
        config: &'a Arc<EdgeConfig>,
        whose: &'a Whose,
        endpoint: &(String, EndpointUrl),
        asked: &Asked,
    ) -> Result<Self, String> {
        let mut found = find(node, config, &whose.organization, endpoint).ok_or("the endpoint is not on this node")?;
        let scheme = asked.url.split_once("://").map_or("", |(scheme, _)| scheme);
        if scheme != found.url.scheme().as_str() {
            return Err(format!(
                "the endpoint is {}, and the URL begins with {scheme}",
                found.url
            ));
        }
        let mut chain = Self {
            node,
            config,
            whose,
            first: Arc::new(Hop {
                facts: found.facts.clone(),
                layers: Vec::new(),
                cloud: found.cloud,
                internal: false,
            }),
        };
        if let Some(text) = &asked.policy {
            found.policy = Some(chain.compile(text, &found)?);
        }
        chain.first = chain.hop(found, &host_of(&asked.url));
        Ok(chain)
    }

    /// A document in the place of an endpoint's own policy.
    fn compile(&self, text: &str, found: &Found) -> Result<Arc<Policy>, String> {
        let names = self.names(&self.whose.organization);
        let kind = if found.cloud { Subject::cloud } else { Subject::agent };
        let subject = Subject {
            internal: found.url.binding() == Binding::Internal,
            actions: self.config.actions(),
            ..kind(found.url.scheme())
        };
        let compiled = adit_policy::compile(text, subject.with_references(&names));
        compiled
            .map(Arc::new)
            .map_err(|faults| faults.first().map_or_else(String::new, ToString::to_string))
    }

    /// The names of an organisation, as far as those who ask may have them: of another's secrets nothing is used.
    fn names(&self, organization: &str) -> Names {
        let is_own = organization == self.whose.organization;
        Names {
            config: self.config.clone(),
            organization: organization.to_owned(),
            may: if is_own { May::of(self.whose) } else { May::default() },
        }
    }

    /// The endpoint with the guardrails around it, the outermost first.
    fn hop(&self, found: Found, host: &str) -> Arc<Hop> {
        let organization = &self.whose.organization;
        let place = Place { url: &found.url, host };
        let mut layers = Vec::new();
        for guardrail in self.config.told.guardrails(organization, &place) {
            layers.push(Layer {
                prefix: guardrail.prefix.to_string(),
                name: guardrail.name.to_string(),
                guardrail: true,
                dry_run: guardrail.dry_run,
                except: guardrail.exempt(&place, now()).map(str::to_owned).collect(),
                selector: guardrail.selector.clone(),
                tables: Some(Arc::new(self.names(&guardrail.organization))),
                foreign: *guardrail.organization != **organization,
                unmet: guardrail.unmet(found.policy.as_deref()).map(|requirement| Unmet {
                    what: requirement.to_string(),
                    in_force: now() >= guardrail.requires_from,
                }),
                ..Layer::own(guardrail.policy.clone())
            });
        }
        if found.policy.is_some() || found.cloud {
            layers.push(Layer {
                tables: Some(Arc::new(self.names(organization))),
                ..Layer::own(found.policy)
            });
        }
        Arc::new(Hop {
            facts: found.facts,
            layers,
            cloud: found.cloud,
            internal: found.url.binding() == Binding::Internal,
        })
    }
}

impl Live for Chain<'_> {
    fn first(&self) -> Arc<Hop> {
        self.first.clone()
    }

    fn open(&self, url: &str, passed: &[Arc<Hop>]) -> Result<Arc<Hop>, Fault> {
        let fault = |code: ErrorCode| Fault {
            code,
            message: code.what().to_owned(),
        };
        let organization = &self.whose.organization;
        let url = EndpointUrl::from_canonical(url, Binding::Internal).map_err(|_| fault(ErrorCode::NGROK_3200))?;
        let pool = self.node.directory.find_internal(&url, organization);
        let agent = pool.and_then(|pool| {
            let member = pool.members().iter().find(|member| member.is_connected()).cloned()?;
            Some(of_agent(&pool, &member, self.config))
        });
        let cloud = || {
            let pool = self.config.told.find_internal_cloud(&url, organization)?;
            pool.first().map(|endpoint| of_cloud(endpoint))
        };
        let found = agent.or_else(cloud).ok_or_else(|| fault(ErrorCode::NGROK_3200))?;
        if passed.len() >= MAX_HOPS || passed.iter().any(|hop| hop.facts.url == found.facts.url) {
            return Err(fault(ErrorCode::NGROK_3603));
        }
        Ok(self.hop(found, url.host().as_str()))
    }
}

fn find(node: &Node, config: &EdgeConfig, organization: &str, (id, url): &(String, EndpointUrl)) -> Option<Found> {
    for pool in node.directory.pools() {
        if pool.organization() != organization {
            continue;
        }
        for member in pool.members().iter().filter(|member| member.is_connected()) {
            // It is known by the id of its tunnel, which is the same behind the prefix.
            let behind = |id: &str| id.split_once('_').map(|(_, rest)| rest.to_owned());
            if behind(&member.endpoint_id) == behind(id) {
                return Some(of_agent(&pool, member, config));
            }
        }
    }
    let id = id.parse().ok()?;
    let mut clouds = config.told.cloud_at(url, organization)?.iter();
    clouds
        .find(|endpoint| endpoint.id == id)
        .map(|endpoint| of_cloud(endpoint))
}

fn of_agent(pool: &adit_cluster::Pool, member: &adit_cluster::Member, config: &EdgeConfig) -> Found {
    // As the road has it: what is asked for first is kept.
    let organization = || config.told.organization(pool.organization()).map_or("", |o| &*o.name);
    Found {
        url: pool.url().clone(),
        facts: member.facts(pool.url(), organization).clone(),
        policy: member.options.policy.as_ref().map(|bound| bound.policy.clone()),
        cloud: false,
    }
}

fn of_cloud(endpoint: &CloudEndpoint) -> Found {
    Found {
        url: endpoint.url.clone(),
        facts: endpoint.facts.clone(),
        policy: endpoint.policy.clone(),
        cloud: true,
    }
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host.to_ascii_lowercase()
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Requests of an explanation, sent by the node's client; on a thread that may wait.
struct OnNode {
    client: Arc<Client>,
    who: u64,
    until: Instant,
}

impl OnNode {
    fn new(node: &Node, organization: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        ("explain", organization).hash(&mut hasher);
        Self {
            client: node.outbound(),
            who: hasher.finish(),
            until: Instant::now() + TIME,
        }
    }
}

impl Outside for OnNode {
    fn fetch(&self, fetch: &Fetch, service: bool) -> Result<Answer, Fault> {
        Handle::current().block_on(send(&self.client, self.who, self.until, fetch, service))
    }
}

/// Sends a request within the time that is left.
async fn send(client: &Client, who: u64, until: Instant, fetch: &Fetch, service: bool) -> Result<Answer, Fault> {
    let left = until.saturating_duration_since(Instant::now());
    if left <= fetch.delay {
        return Err(Fault {
            code: ErrorCode::NGROK_3602,
            message: format!("an explanation sends for {} s at most", TIME.as_secs()),
        });
    }
    tokio::time::sleep(fetch.delay).await;
    let began = Instant::now();
    let purpose = if service { Purpose::Service } else { Purpose::Policy };
    let fetch = Fetch {
        timeout: fetch.timeout.min(until.saturating_duration_since(began)),
        ..fetch.clone()
    };
    let mut answer = ask_outside(client, who, purpose, fetch).await?;
    answer.took = began.elapsed();
    Ok(answer)
}

/// Sends requests of policies from this machine, without a server: under the same guard, which lets nobody reach
/// loopback, private and link-local addresses; public ones may be asked.
pub struct FromHere {
    runtime: Runtime,
    client: Client,
    until: Instant,
}

impl std::fmt::Debug for FromHere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromHere").finish_non_exhaustive()
    }
}

impl FromHere {
    /// A client with nothing open.
    ///
    /// # Errors
    /// In words: there is no event loop, no resolver, or the certificates that the system trusts cannot be read.
    pub fn new() -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let client = {
            let _entered = runtime.enter();
            Client::new(Options {
                guard: Guard {
                    policy_external: true,
                    ..Guard::default()
                },
                resolver: Arc::new(SystemResolver::new()?),
                roots: Roots::Platform,
            })
        };
        Ok(Self {
            runtime,
            client: client.map_err(|error| error.to_string())?,
            until: Instant::now() + TIME,
        })
    }
}

impl Outside for FromHere {
    fn fetch(&self, fetch: &Fetch, service: bool) -> Result<Answer, Fault> {
        self.runtime.block_on(send(&self.client, 0, self.until, fetch, service))
    }
}
