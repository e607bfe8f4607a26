//! From the store's objects to what the edge reads.
//!
//! The [`Compiler`] keeps what it needs to undo an object: what it wrote for it, and the rules of each policy. A batch
//! is compiled as one step, in which the order of its objects does not matter; policies and restrictions of which
//! something changed are made anew once at its end.
//!
//! What does not compile is quarantined (edge 12.5). A grant (endpoint, name, ingress) keeps its last good form. A
//! restriction or guardrail that cannot be read lets nobody pass, a credential's rules that cannot be read let it bind nothing, and
//! a credential without a token that could be read counts as revoked.

mod access;
mod endpoint;
mod guardrail;
mod network;
mod place;
mod pool;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use adit_model::{Object, catalogue};
use adit_names::host::CanonicalHost;
use adit_names::id::Id;
use zeroize::Zeroizing;

use crate::access::TokenHash;
use crate::cloud::CloudEndpoint;
use crate::config::EdgeConfig;
use crate::guardrail::Guardrail;
use crate::policy::Policies;
use crate::told::{Authority, Told};

use network::{RestrictionSource, Rule};

/// One object as it is now.
#[derive(Clone)]
pub struct Change {
    /// Its id.
    pub id: Id,
    /// Its kind, as the model calls it.
    pub kind: String,
    /// The object; none: it was deleted.
    pub object: Option<Object>,
    /// The hash of its token, for credentials.
    pub token: Option<TokenHash>,
    /// The value of a secret in a vault.
    pub secret: Option<Zeroizing<String>>,
    /// The token was made elsewhere: the hash is that of the whole of it, not of its secret half.
    pub imported: bool,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("object", &self.object)
            .finish_non_exhaustive()
    }
}

/// A change that could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The object.
    pub id: Id,
    /// Its kind.
    pub kind: String,
    /// What is wrong, without its secrets.
    pub error: String,
}

/// What was written for an object, to take it back.
#[derive(Debug)]
enum Written {
    Organization(Box<str>),
    Credential(TokenHash),
    Principal,
    Member(Id, Id),
    Name(CanonicalHost),
    Port(u16),
    Policy {
        organization: Id,
    },
    Rule {
        policy: Id,
    },
    Restriction,
    Ingress {
        hosts: Vec<Box<str>>,
        exclusive: Option<Box<str>>,
    },
    Cloud(Arc<CloudEndpoint>),
    Secret(Arc<str>),
    Authority,
    Pool(Arc<str>),
    /// Of this organisation.
    Guardrail(Box<str>),
}

/// Compiles objects into an [`EdgeConfig`]. One per node, used by its feed loop alone.
#[derive(Debug)]
pub struct Compiler {
    told: Told,
    written: HashMap<Id, Written, foldhash::fast::RandomState>,
    /// Rules of each policy; those that cannot be read too.
    rules: HashMap<Id, BTreeMap<Id, Option<Rule>>, foldhash::fast::RandomState>,
    restrictions: HashMap<Id, RestrictionSource, foldhash::fast::RandomState>,
    /// Restrictions of each organisation.
    restricted: HashMap<Box<str>, BTreeSet<Id>, foldhash::fast::RandomState>,
    /// Guardrails of each organisation.
    guardrails: HashMap<Box<str>, BTreeMap<Id, Arc<Guardrail>>, foldhash::fast::RandomState>,
    dirty: Dirty,
    policies: Policies,
    /// Rules and endpoints that end by themselves.
    expiring: BTreeSet<(SystemTime, Id)>,
    now: SystemTime,
}

impl Default for Compiler {
    fn default() -> Self {
        Self {
            told: Told::default(),
            written: HashMap::default(),
            rules: HashMap::default(),
            restrictions: HashMap::default(),
            restricted: HashMap::default(),
            guardrails: HashMap::default(),
            dirty: Dirty::default(),
            policies: Policies::default(),
            expiring: BTreeSet::new(),
            now: SystemTime::UNIX_EPOCH,
        }
    }
}

/// What has to be made anew at the end of a batch.
#[derive(Debug, Default)]
struct Dirty {
    /// Organisations that have another name.
    names: BTreeSet<Box<str>>,
    policies: BTreeSet<Id>,
    restrictions: BTreeSet<Box<str>>,
    /// Organisations of which a guardrail changed, or which of them stand around everything.
    guardrails: BTreeSet<Box<str>>,
}

impl Compiler {
    /// Compiles these changes as one step and lays the result over the operator's settings in `config`.
    pub fn apply(
        &mut self,
        config: &EdgeConfig,
        changes: impl IntoIterator<Item = Change>,
    ) -> (EdgeConfig, Vec<Quarantined>) {
        let mut quarantined = Vec::new();
        for change in changes {
            let (id, kind) = (change.id, change.kind.clone());
            if let Err(error) = self.take(change) {
                quarantined.push(Quarantined { id, kind, error });
            }
        }
        self.renew();
        (config.with_told(self.told.clone()), quarantined)
    }

    /// Says what time it is: what has ended by now is out of force with the next [`apply`](Self::apply). True if there
    /// is something of the kind, so that it is worth to make one.
    pub fn set_now(&mut self, now: SystemTime) -> bool {
        self.now = now;
        let mut any = false;
        while let Some((_, id)) = self.expiring.first().copied().filter(|(at, _)| *at <= now) {
            self.expiring.pop_first();
            match self.written.get(&id) {
                Some(Written::Rule { policy }) => {
                    self.dirty.policies.insert(*policy);
                    any = true;
                }
                Some(Written::Cloud(endpoint)) if endpoint.until.is_some_and(|at| at <= now) => {
                    self.take_back(id);
                    any = true;
                }
                // It was changed or taken back meanwhile.
                _ => {}
            }
        }
        any
    }

    /// Begins anew: what was compiled so far is not true any more. The next [`apply`](Self::apply) has to bring
    /// everything.
    pub fn reset(&mut self) {
        let generation = self.told.networks_generation;
        *self = Self {
            now: self.now,
            ..Self::default()
        };
        // Who passed networks before has to pass them again.
        self.told.networks_generation = generation;
        self.told.networks_changed(None);
    }

    /// Objects that are in force.
    pub fn len(&self) -> usize {
        self.written.len()
    }

    /// Whether nothing is in force.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    fn take(&mut self, change: Change) -> Result<(), String> {
        let Change {
            id,
            kind,
            object,
            token,
            secret,
            imported,
        } = change;
        let Some(object) = object else {
            self.take_back(id);
            return Ok(());
        };
        let newer = object.schema > known_schema(&kind);
        match kind.as_str() {
            "organization" => self.organization(&object),
            "user" | "service_user" => self.principal(&object),
            "member" => return self.member(&object, newer),
            "credential" => return self.credential(&object, token.map(|hash| (hash, imported)), newer),
            "ip_policy" => self.policy(id, object.organization),
            "ip_policy_rule" => return self.rule(&object, newer),
            "ip_restriction" => return self.restriction(&object, newer),
            "guardrail" => return self.guardrail(&object, newer),
            "secret" => {
                self.take_back(id);
                let value = secret.filter(|_| !newer).ok_or("its value is not known")?;
                let key = secret_key(&object);
                self.told.secrets.insert(key.clone(), Arc::new(value));
                self.written.insert(id, Written::Secret(key));
            }
            "certificate_authority" if !newer => self.authority(&object),
            // Grants: what is not understood leaves the last form in force.
            _ if newer => {}
            "reserved_domain" => return self.name(&object),
            "reserved_addr" => return self.port(&object),
            "agent_ingress" => return self.ingress(&object),
            "endpoint" => return self.cloud(&object),
            "endpoint_pool" => return self.pool(&object),
            // Kinds that the edge has nothing to do with.
            _ => return Ok(()),
        }
        if newer {
            return Err(too_new(object.schema));
        }
        Ok(())
    }

    fn authority(&mut self, object: &Object) {
        // It was read when it was written; what an older version took may be refused now, and is no list then.
        let revoked = |object: &Object| {
            let list = Some(object.text("crl_pem")).filter(|list| !list.is_empty())?;
            let list = adit_model::kind::certificate::revoked::read(object.text("ca_pem"), list.as_bytes());
            list.ok().map(Into::into)
        };
        let authority = Authority {
            organization: object.organization.to_string().into(),
            pem: object.text("ca_pem").into(),
            crl_url: object.text("crl_url").into(),
            has_written: !object.text("crl_pem").is_empty(),
            written: revoked(object),
            goes_on: object.text("crl_stale") == "allow",
        };
        self.told.authorities.insert(object.id, Arc::new(authority));
        self.written.insert(object.id, Written::Authority);
    }

    /// Takes back what was written for an object.
    fn take_back(&mut self, id: Id) {
        let Some(written) = self.written.remove(&id) else {
            return;
        };
        match written {
            Written::Organization(organization) => {
                self.told.organizations.remove(&*organization);
            }
            Written::Credential(hash) => {
                self.told.credentials.remove(&hash);
            }
            Written::Principal => {
                self.told.principals.remove(id.bytes());
            }
            Written::Member(organization, user) => {
                self.told.members.remove(&(organization, user));
            }
            Written::Name(host) => self.told.remove_name(&host, id),
            Written::Port(port) => {
                if self.told.ports.get(&port).is_some_and(|p| p.id == id) {
                    self.told.ports.remove(&port);
                }
            }
            Written::Policy { .. } => {
                self.rules.remove(&id);
                self.dirty.policies.insert(id);
            }
            Written::Rule { policy } => self.forget_rule(policy, id),
            Written::Restriction => self.forget_restriction(id),
            Written::Ingress { hosts, exclusive } => self.forget_ingress(&hosts, exclusive.as_deref()),
            Written::Cloud(endpoint) => self.told.clouds.remove(&endpoint),
            Written::Pool(key) => self.told.remove_pool(&key),
            Written::Secret(key) => {
                self.told.secrets.remove(&*key);
            }
            Written::Authority => {
                self.told.authorities.remove(&id);
            }
            Written::Guardrail(organization) => {
                if let Some(all) = self.guardrails.get_mut(&organization) {
                    all.remove(&id);
                    if all.is_empty() {
                        self.guardrails.remove(&organization);
                    }
                }
                self.dirty.guardrails.insert(organization);
            }
        }
    }

    /// Makes anew what depends on several objects of which one changed.
    fn renew(&mut self) {
        let renamed = std::mem::take(&mut self.dirty.names);
        if !renamed.is_empty() {
            self.organizations_renamed(&renamed);
        }
        for policy in std::mem::take(&mut self.dirty.policies) {
            self.renew_policy(policy);
        }
        for organization in std::mem::take(&mut self.dirty.restrictions) {
            self.renew_restrictions(&organization);
        }
        for organization in std::mem::take(&mut self.dirty.guardrails) {
            self.renew_guardrails(&organization);
        }
    }
}

/// By what a secret is found.
fn secret_key(object: &Object) -> Arc<str> {
    let organization = object.organization.to_string();
    crate::told::secret_key(&organization, object.text("vault_name"), object.text("name")).into()
}

fn too_new(schema: u32) -> String {
    format!("it was written by a newer version, whose schema {schema} is not known here")
}

/// Highest schema of this kind whose meaning is known here.
fn known_schema(kind: &str) -> u32 {
    catalogue::by_name(kind).map_or(1, |kind| kind.schema)
}

/// Ids of a list; `Err` if one is none.
fn ids(object: &Object, field: &str) -> Result<Box<[Id]>, String> {
    object
        .texts(field)
        .map(|text| text.parse().map_err(|_| format!("{field}: {text:?} is not an id")))
        .collect()
}
