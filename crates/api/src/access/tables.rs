//! The maps behind [`super::Access`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use adit_model::{Object, SecretValue};
use adit_names::id::{Id, Prefix};
use jiff::Timestamp;
use serde_json::Value;

use super::Secrets;
use super::principal::{Person, User, same};
use super::restrict::Restrictions;
use super::rights::Rights;
use super::role::{Custom, Role, RoleRef, permissions};
use crate::authorize::matrix::Circumstances;
use crate::login::session::Lasts;
use crate::people::authtoken::DEFAULT;

/// An organisation.
#[derive(Clone, Debug)]
pub(crate) struct Organization {
    pub(crate) object: Arc<Object>,
    pub(crate) suspended: bool,
    pub(crate) circumstances: Circumstances,
    /// How long its people stay signed in.
    pub(crate) sessions: Lasts,
}

/// An API key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: Id,
    pub(crate) organization: Id,
    pub(crate) owner: Option<Id>,
    /// SHA-256 of its second part.
    pub(crate) hash: [u8; 32],
    /// What it is limited to.
    pub(crate) only: Option<Arc<HashSet<&'static str>>>,
    /// Microseconds since the Unix epoch.
    pub(crate) expires_at: Option<i64>,
    pub(crate) disabled: bool,
    pub(crate) ip_policies: Vec<Id>,
}

/// An authtoken: at the API only good for a better refusal.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    /// The owner's default one.
    default: bool,
    pub(crate) id: Id,
    pub(crate) organization: Id,
    pub(crate) owner: Option<Id>,
    pub(crate) hash: [u8; 32],
}

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    organizations: HashMap<Id, Organization>,
    users: HashMap<Id, User>,
    /// Memberships and service users.
    people: HashMap<Id, Arc<Person>>,
    /// Memberships by organisation and user.
    members: HashMap<(Id, Id), Id>,
    roles: HashMap<Id, Arc<Custom>>,
    /// By the bytes of their ids, which are the first parts of the keys.
    keys: HashMap<[u8; 20], Arc<Key>>,
    credentials: HashMap<[u8; 20], Credential>,
    restrictions: Restrictions,
}

impl Tables {
    /// Takes an object in, in place of what it was. [`Self::ready`] follows after the last one.
    pub(crate) fn put(&mut self, object: &Object, secrets: &Secrets) {
        let id = object.id;
        match object.kind.as_str() {
            "organization" => {
                self.organizations.insert(id, organization(object));
            }
            "user" => {
                self.users.insert(id, User::of(object));
            }
            "member" => self.put_person(id, Person::of_member(object)),
            "service_user" => self.put_person(id, Some(Person::of_service_user(object))),
            "role" => {
                self.roles.insert(id, Arc::new(Custom::of(object)));
            }
            "api_key" => {
                // An update has no new secret.
                let known = self.keys.get(id.bytes()).map(|key| key.hash);
                if let Some(hash) = hash_in(secrets, &id).or(known) {
                    self.keys.insert(*id.bytes(), Arc::new(key(object, hash)));
                }
            }
            "credential" => {
                let known = self.credentials.get(id.bytes()).map(|credential| credential.hash);
                if let Some(hash) = hash_in(secrets, &id).or(known) {
                    let credential = Credential {
                        default: object.flag(DEFAULT),
                        id,
                        organization: object.organization,
                        owner: object.owner,
                        hash,
                    };
                    self.credentials.insert(*id.bytes(), credential);
                }
            }
            _ => self.restrictions.put(object),
        }
    }

    /// Makes ready what many changes share.
    pub(crate) fn ready(&mut self) {
        self.restrictions.ready();
    }

    /// Forgets an object. [`Self::ready`] follows after the last one.
    pub(crate) fn remove(&mut self, id: &Id) {
        self.organizations.remove(id);
        self.users.remove(id);
        self.put_person(*id, None);
        self.roles.remove(id);
        self.restrictions.remove(id);
        match id.prefix() {
            Prefix::ApiKey => drop(self.keys.remove(id.bytes())),
            Prefix::Credential => drop(self.credentials.remove(id.bytes())),
            _ => {}
        }
    }

    fn put_person(&mut self, id: Id, person: Option<Person>) {
        if let Some(old) = self.people.remove(&id)
            && old.membership.is_some()
        {
            self.members.remove(&(old.organization, old.principal));
        }
        if let Some(person) = person {
            if person.membership.is_some() {
                self.members.insert((person.organization, person.principal), id);
            }
            self.people.insert(id, Arc::new(person));
        }
    }
}

impl Tables {
    pub(crate) fn organization(&self, id: &Id) -> Option<&Organization> {
        self.organizations.get(id)
    }

    /// The operators' organisation.
    pub(crate) fn operators(&self) -> Option<Id> {
        let mut all = self.organizations.iter();
        all.find(|(_, o)| o.circumstances.operators).map(|(id, _)| *id)
    }

    pub(crate) fn user(&self, id: &Id) -> Option<&User> {
        self.users.get(id)
    }

    pub(crate) fn restrictions(&self) -> &Restrictions {
        &self.restrictions
    }

    /// The key whose first part has these bytes.
    pub(crate) fn key(&self, first: &[u8; 20]) -> Option<&Arc<Key>> {
        self.keys.get(first)
    }

    /// The authtoken whose first part has these bytes.
    pub(crate) fn credential(&self, first: &[u8; 20]) -> Option<&Credential> {
        self.credentials.get(first)
    }

    /// A user as a member of an organisation, or a service user of it.
    pub(crate) fn person(&self, organization: Id, principal: Id) -> Option<&Arc<Person>> {
        if let Some(membership) = self.members.get(&(organization, principal)) {
            return self.people.get(membership);
        }
        let principal = match principal.prefix() {
            Prefix::Bot => principal.with_prefix(Prefix::ServiceUser),
            _ => principal,
        };
        let person = self.people.get(&principal)?;
        (person.organization == organization).then_some(person)
    }

    /// The membership or service user with this id.
    pub(crate) fn person_by_id(&self, id: Id) -> Option<&Arc<Person>> {
        self.people.get(&id)
    }

    /// All memberships of a user.
    pub(crate) fn memberships_of(&self, user: Id) -> impl Iterator<Item = &Arc<Person>> {
        let is_his = move |p: &&Arc<Person>| p.membership.is_some() && p.principal == user;
        self.people.values().filter(is_his)
    }

    /// The member with this e-mail address.
    pub(crate) fn member_by_email(&self, organization: Id, email: &str) -> Option<&Arc<Person>> {
        let has = |p: &&Arc<Person>| {
            self.users
                .get(&p.principal)
                .is_some_and(|u| u.email().eq_ignore_ascii_case(email))
        };
        self.people_of(organization).find(has)
    }

    /// Keys and authtokens of somebody in an organisation.
    pub(crate) fn owned_by(&self, organization: Id, principal: Id) -> Vec<Id> {
        let his = |of: Id, owner: Option<Id>| of == organization && owner.is_some_and(|o| same(o, principal));
        let keys = self
            .keys
            .values()
            .filter(|k| his(k.organization, k.owner))
            .map(|k| k.id);
        let credentials = self
            .credentials
            .values()
            .filter(|c| his(c.organization, c.owner))
            .map(|c| c.id);
        keys.chain(credentials).collect()
    }

    /// The default authtoken of somebody in an organisation.
    pub(crate) fn default_authtoken(&self, organization: Id, principal: Id) -> Option<Id> {
        let his = |c: &&Credential| {
            c.default && c.organization == organization && c.owner.is_some_and(|owner| same(owner, principal))
        };
        self.credentials.values().find(his).map(|c| c.id)
    }

    /// Everybody in an organisation, in no order.
    pub(crate) fn people_of(&self, organization: Id) -> impl Iterator<Item = &Arc<Person>> {
        self.people.values().filter(move |p| p.organization == organization)
    }

    /// Whether somebody may use what he owns: neither he nor his membership was made inactive.
    pub(crate) fn is_active(&self, person: &Person) -> bool {
        let user = self.users.get(&person.principal);
        person.active && (person.membership.is_none() || user.is_some_and(|u| u.active))
    }

    /// E-mail of a user, name of a service user.
    pub(crate) fn subject<'a>(&'a self, person: &'a Person) -> &'a str {
        self.users.get(&person.principal).map_or(&person.name, |u| u.email())
    }

    /// What somebody's roles give him now.
    pub(crate) fn rights(&self, person: &Person) -> Rights {
        let circumstances = self.organizations.get(&person.organization);
        Rights {
            roles: self.roles(person.organization, &person.roles).collect(),
            circumstances: circumstances.map(|o| o.circumstances).unwrap_or_default(),
        }
    }

    /// A mark of all that a user may anywhere: another one when his rights have changed.
    pub(crate) fn mark_of_rights(&self, user: Id) -> String {
        let mut memberships: Vec<_> = self.memberships_of(user).collect();
        memberships.sort_unstable_by_key(|person| person.organization);
        let mut text = String::new();
        for person in memberships {
            let rights = self.rights(person);
            let selectors = rights.roles.iter().filter_map(|role| match role {
                Role::BuiltIn(_) => None,
                Role::Custom(role) => role.selector.as_ref().map(|s| s.text()),
            });
            let selectors: Vec<_> = selectors.collect();
            let names: Vec<_> = rights.role_names().collect();
            let permissions = rights.permissions();
            text.push_str(&format!(
                "{} {} {names:?} {permissions:?} {selectors:?}\n",
                person.organization, person.active
            ));
        }
        crate::fresh::mark_of(&text)
    }

    /// Roles that exist in an organisation.
    pub(crate) fn roles<'a>(&'a self, organization: Id, roles: &'a [RoleRef]) -> impl Iterator<Item = Role> + 'a {
        roles.iter().filter_map(move |role| match role {
            RoleRef::BuiltIn(name) => Some(Role::BuiltIn(name)),
            RoleRef::Custom(id) => {
                let role = self.roles.get(id).filter(|r| r.organization == organization)?;
                Some(Role::Custom(role.clone()))
            }
        })
    }
}

fn organization(object: &Object) -> Organization {
    let setting = |name: &str| {
        object
            .body
            .get("settings")
            .and_then(|s| s.get(name))
            .and_then(Value::as_bool)
    };
    Organization {
        object: Arc::new(object.clone()),
        suspended: object.flag("suspended"),
        circumstances: Circumstances {
            operators: object.flag("operators"),
            strict_ownership: setting("strict_ownership").unwrap_or(false),
            viewers_may_not_connect: setting("viewers_may_connect") == Some(false),
        },
        sessions: lasts(object),
    }
}

/// `settings.sessions`; the server's own times where nothing is set.
fn lasts(object: &Object) -> Lasts {
    let set = object.body.get("settings").and_then(|s| s.get("sessions"));
    let time = |name: &str| {
        let seconds = set.and_then(|s| s.get(name)).and_then(Value::as_u64);
        seconds.map(Duration::from_secs)
    };
    let usual = Lasts::default();
    Lasts {
        idle: time("idle").unwrap_or(usual.idle),
        absolute: time("absolute").unwrap_or(usual.absolute),
    }
}

fn key(object: &Object, hash: [u8; 32]) -> Key {
    let only = permissions(object.texts("permissions"));
    // A list that names only what no longer exists still limits.
    let limited = object.texts("permissions").next().is_some();
    Key {
        id: object.id,
        organization: object.organization,
        owner: object.owner,
        hash,
        only: limited.then(|| Arc::new(only)),
        expires_at: expiry(object),
        disabled: object.flag("disabled"),
        ip_policies: object.texts("ip_policy_ids").filter_map(|id| id.parse().ok()).collect(),
    }
}

/// When it ends. A text that cannot be read is taken as long ago.
pub(super) fn expiry(object: &Object) -> Option<i64> {
    let text = object.text("expires_at");
    let micros = |t: Timestamp| t.as_microsecond();
    (!text.is_empty()).then(|| text.parse().map_or(0, micros))
}

fn hash_in(secrets: &Secrets, id: &Id) -> Option<[u8; 32]> {
    let fields = secrets.get(id)?;
    fields.iter().find_map(|(field, value)| match value {
        SecretValue::Hashed(hash) if field == "token" => Some(*hash),
        _ => None,
    })
}
