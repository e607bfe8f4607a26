//! From the store's objects to what the edge reads.
//!
//! The [`Compiler`] keeps what it needs to undo an object: what it wrote for it, and the rules of each policy. A batch
//! is compiled as one step, in which the order of its objects does not matter; policies and restrictions of which
//! something changed are made anew once at its end.
//!
//! What does not compile is quarantined (edge 12.5). A grant (endpoint, name, ingress) keeps its last good form. A
//! restriction that cannot be read lets nobody pass, a credential's rules that cannot be read let it bind nothing, and
//! a credential without a token that could be read counts as revoked.

mod access;
mod endpoint;
mod network;
mod place;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use adit_model::{Object, catalogue};
use adit_names::host::CanonicalHost;
use adit_names::id::Id;

use crate::access::TokenHash;
use crate::cloud::CloudEndpoint;
use crate::config::EdgeConfig;
use crate::told::Told;

use network::{RestrictionSource, Rule};

/// One object as it is now.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its id.
    pub id: Id,
    /// Its kind, as the model calls it.
    pub kind: String,
    /// The object; none: it was deleted.
    pub object: Option<Object>,
    /// The hash of its token, for credentials.
    pub token: Option<TokenHash>,
    /// The token was made elsewhere: the hash is that of the whole of it, not of its secret half.
    pub imported: bool,
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
    Policy,
    Rule {
        policy: Id,
    },
    Restriction,
    Ingress {
        hosts: Vec<Box<str>>,
        exclusive: Option<Box<str>>,
    },
    Cloud(Arc<CloudEndpoint>),
}

/// Compiles objects into an [`EdgeConfig`]. One per node, used by its feed loop alone.
#[derive(Debug, Default)]
pub struct Compiler {
    told: Told,
    written: HashMap<Id, Written, foldhash::fast::RandomState>,
    /// Rules of each policy; those that cannot be read too.
    rules: HashMap<Id, BTreeMap<Id, Option<Rule>>, foldhash::fast::RandomState>,
    restrictions: HashMap<Id, RestrictionSource, foldhash::fast::RandomState>,
    /// Restrictions of each organisation.
    restricted: HashMap<Box<str>, BTreeSet<Id>, foldhash::fast::RandomState>,
    dirty: Dirty,
}

/// What has to be made anew at the end of a batch.
#[derive(Debug, Default)]
struct Dirty {
    policies: BTreeSet<Id>,
    restrictions: BTreeSet<Box<str>>,
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

    /// Begins anew: what was compiled so far is not true any more. The next [`apply`](Self::apply) has to bring
    /// everything.
    pub fn reset(&mut self) {
        *self = Self::default();
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
            "ip_policy" => self.policy(id),
            "ip_policy_rule" => return self.rule(&object, newer),
            "ip_restriction" => return self.restriction(&object, newer),
            // Grants: what is not understood leaves the last form in force.
            _ if newer => {}
            "reserved_domain" => return self.name(&object),
            "reserved_addr" => return self.port(&object),
            "agent_ingress" => return self.ingress(&object),
            "endpoint" => return self.cloud(&object),
            // Kinds that the edge has nothing to do with.
            _ => return Ok(()),
        }
        if newer {
            return Err(too_new(object.schema));
        }
        Ok(())
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
            Written::Policy => {
                self.rules.remove(&id);
                self.dirty.policies.insert(id);
            }
            Written::Rule { policy } => self.forget_rule(policy, id),
            Written::Restriction => self.forget_restriction(id),
            Written::Ingress { hosts, exclusive } => self.forget_ingress(&hosts, exclusive.as_deref()),
            Written::Cloud(endpoint) => self.told.clouds.remove(&endpoint),
        }
    }

    /// Makes anew what depends on several objects of which one changed.
    fn renew(&mut self) {
        for policy in std::mem::take(&mut self.dirty.policies) {
            self.renew_policy(policy);
        }
        for organization in std::mem::take(&mut self.dirty.restrictions) {
            self.renew_restrictions(&organization);
        }
    }
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
