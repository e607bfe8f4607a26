//! What organisations set, as the edge reads it: maps that a change copies in part only.

use std::net::IpAddr;
use std::sync::Arc;

use adit_names::endpoint_url::{Class, EndpointUrl};
use adit_names::host::CanonicalHost;
use adit_names::id::{Id, Prefix};
use zeroize::Zeroizing;

use crate::access::{Credential, Organization, Standing, TokenHash};
use crate::cloud::{CloudEndpoint, CloudPool, Clouds, parents};
use crate::guardrail::Applied;
use crate::ingress::Ingress;
use crate::networks::{IpPolicy, Networks, Restrictions, Restricts, passes};
use crate::pool::PoolSettings;
use crate::reserved::{Reservation, ReservedName, ReservedPort};
use crate::revocations::Listed;
use crate::shards::Sharded;

/// A URL whose endpoints are checked, whose it is, and how.
type Checked = (EndpointUrl, Box<str>, Arc<PoolSettings>);

/// Everything that organisations set. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub(crate) organizations: Sharded<Arc<str>, Arc<Organization>>,
    pub(crate) credentials: Sharded<TokenHash, Arc<Credential>>,
    /// Users and service users, without their prefix (a service user has two).
    pub(crate) principals: Sharded<[u8; 20], Standing>,
    /// By organisation and user.
    pub(crate) members: Sharded<(Id, Id), Standing>,
    pub(crate) policies: Sharded<Id, Arc<IpPolicy>>,
    pub(crate) restrictions: Sharded<Arc<str>, Arc<Restrictions>>,
    pub(crate) names: Sharded<Arc<str>, Arc<ReservedName>>,
    pub(crate) ports: Sharded<u16, Arc<ReservedPort>>,
    pub(crate) ingresses: Sharded<Arc<str>, Arc<Ingress>>,
    /// Exclusive ingresses of each organisation that has some.
    pub(crate) exclusive: Sharded<Arc<str>, u32>,
    pub(crate) clouds: Clouds,
    /// By organisation.
    pub(crate) guardrails: Sharded<Arc<str>, Arc<[Applied]>>,
    /// Those around the endpoints of all organisations.
    pub(crate) installation: Arc<[Applied]>,
    pub(crate) networks_generation: u64,
    /// The generation in which those of an organisation changed last.
    changed: Sharded<Arc<str>, u64>,
    /// The same of what is about all organisations.
    changed_all: u64,
    pub(crate) pools: Sharded<Arc<str>, Arc<PoolSettings>>,
    /// Those of them whose endpoints are checked, by the same keys.
    checked: Sharded<Arc<str>, Arc<Checked>>,
    /// Values of secrets in vaults.
    pub(crate) secrets: Sharded<Arc<str>, Arc<Zeroizing<String>>>,
    /// Authorities of visitors' certificates.
    pub(crate) authorities: Sharded<Id, Arc<Authority>>,
}

/// An authority that issues certificates to visitors.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) organization: Box<str>,
    pub(crate) pem: Box<str>,
    /// Where its list of revoked certificates is; empty: nowhere.
    pub(crate) crl_url: Box<str>,
    /// A list stands in the object.
    pub(crate) has_written: bool,
    /// It; `None` as well if it is one that is not taken any more.
    pub(crate) written: Option<Listed>,
    /// Without a list that is new enough, what is known counts.
    pub(crate) goes_on: bool,
}

/// By what the settings of a URL are found.
pub(crate) fn pool_key(url: &EndpointUrl, organization: &str) -> String {
    format!("{organization} {} {url}", url.binding())
}

/// By what a secret is found: neither id nor names have a zero byte.
pub(crate) fn secret_key(organization: &str, vault: &str, name: &str) -> String {
    format!("{organization}\0{vault}\0{name}")
}

impl Told {
    /// The credential with this hash, revoked or not.
    pub fn credential(&self, hash: &TokenHash) -> Option<&Arc<Credential>> {
        self.credentials.get(hash)
    }

    /// An organisation.
    pub fn organization(&self, id: &str) -> Option<&Arc<Organization>> {
        self.organizations.get(id)
    }

    /// Whether an owner may use what it owns: active itself, and a user also as a member of the organisation. An
    /// owner that is not known may not.
    pub fn is_active(&self, organization: &str, owner: Id) -> bool {
        if !self.principals.get(owner.bytes()).is_some_and(|p| p.active) {
            return false;
        }
        owner.prefix() != Prefix::User || self.membership(organization, owner).is_some_and(|m| m.active)
    }

    /// Whether all that an owner may in this organisation is to view.
    pub fn only_views(&self, organization: &str, owner: Id) -> bool {
        let standing = if owner.prefix() == Prefix::User {
            self.membership(organization, owner)
        } else {
            self.principals.get(owner.bytes())
        };
        standing.is_some_and(|s| s.only_views)
    }

    fn membership(&self, organization: &str, user: Id) -> Option<&Standing> {
        self.members.get(&(organization.parse().ok()?, user))
    }

    /// Whether this address passes the union of these policies; the empty union is no restriction.
    pub fn passes_policies(&self, policies: &[Id], ip: IpAddr) -> bool {
        policies.is_empty() || self.passes(policies, ip)
    }

    /// Whether the organisation keeps agents at this address from logging in.
    pub fn restricts_agent(&self, organization: &str, ip: IpAddr) -> Restricts {
        let Some(restrictions) = self.restrictions.get(organization) else {
            return Restricts::No;
        };
        let keeps_out = |networks: &Option<(Id, Networks)>| {
            let (id, networks) = networks.as_ref()?;
            let out = !self.passes_networks(Some(networks), ip);
            out.then(|| self.refusing(&restrictions.several, networks, ip).unwrap_or(*id))
        };
        match keeps_out(&restrictions.agent) {
            Some(id) => Restricts::Yes(id),
            None => keeps_out(&restrictions.agent_watched).map_or(Restricts::No, Restricts::Would),
        }
    }

    /// Of several restrictions that are in force together the one that turns this address away by itself; none: all of them
    /// do, as none allows it.
    fn refusing(&self, several: &[(Id, Networks)], all: &Networks, ip: IpAddr) -> Option<Id> {
        let turns_away = |id: &Id| self.policies.get(id).is_none_or(|p| p.broken || p.deny.contains(ip));
        let found = several.iter().find(|(_, networks)| match (networks, all) {
            (Networks::Nobody, _) => true,
            (Networks::Policies(own), Networks::Policies(_)) => own.iter().any(turns_away),
            (Networks::Policies(_), Networks::Nobody) => false,
        });
        found.map(|(id, _)| *id)
    }

    /// Whether the organisation lets this address visit its endpoints. Costs nothing while nobody restricts anything,
    /// and takes no lock and no memory in any case.
    pub fn visitor_may_come_from(&self, organization: &str, ip: IpAddr) -> bool {
        let restrictions = self.restrictions.get(organization);
        self.passes_networks(restrictions.and_then(|r| r.endpoints.as_ref()), ip)
    }

    /// Whether some organisation restricts addresses of visitors or agents.
    pub fn has_restrictions(&self) -> bool {
        !self.restrictions.is_empty()
    }

    fn passes_networks(&self, networks: Option<&Networks>, ip: IpAddr) -> bool {
        match networks {
            None => true,
            Some(Networks::Policies(policies)) => self.passes(policies, ip),
            Some(Networks::Nobody) => false,
        }
    }

    fn passes(&self, policies: &[Id], ip: IpAddr) -> bool {
        passes(policies.iter().map(|id| self.policies.get(id).map(|p| &**p)), ip)
    }

    /// The reservation of a name, or the nearest one above it. `host` may begin with `*.`.
    pub fn reservation<'a>(&'a self, host: &'a CanonicalHost) -> Option<Reservation<'a>> {
        if self.names.is_empty() {
            return None;
        }
        let wildcard = host.base_of_wildcard();
        let own = wildcard.unwrap_or_else(|| host.as_str());
        std::iter::once(own).chain(parents(own)).find_map(|name| {
            let found = self.names.get(name)?;
            let reserved = if wildcard.is_some() {
                found.wildcard
            } else {
                found.exact
            };
            Some(Reservation {
                organization: &found.organization,
                name,
                exact: name == own && reserved.is_some(),
            })
        })
    }

    /// Whose reserved TCP port this is.
    pub fn port_owner(&self, port: u16) -> Option<&str> {
        self.ports.get(&port).map(|p| &*p.organization)
    }

    /// The named ingress with this connect name.
    pub fn ingress(&self, host: &str) -> Option<&Arc<Ingress>> {
        self.ingresses.get(host)
    }

    /// Whether agents of this organisation log in only through its own ingresses.
    pub fn is_exclusive(&self, organization: &str) -> bool {
        self.exclusive.get(organization).is_some_and(|n| *n > 0)
    }

    /// Whether there is any cloud endpoint.
    pub fn has_cloud_endpoints(&self) -> bool {
        !self.clouds.is_empty()
    }

    /// The cloud endpoints that a visitor of this public name may mean: exactly it, else the wildcard with the
    /// longest suffix.
    pub fn find_cloud(&self, class: Class, host: &str) -> Option<&CloudPool> {
        self.clouds.find(class, host)
    }

    /// The cloud endpoints of exactly this URL; `organization` is the namespace of what is not public.
    pub fn cloud_at(&self, url: &EndpointUrl, organization: &str) -> Option<&CloudPool> {
        self.clouds.at(url, organization)
    }

    /// The cloud endpoints of the internal URL that an organisation's policy forwards to: exactly it, else the wildcard
    /// with the longest suffix.
    pub fn find_internal_cloud(&self, url: &EndpointUrl, organization: &str) -> Option<&CloudPool> {
        self.clouds.find_internal(url, organization)
    }

    /// The cloud endpoints of a public TCP port.
    pub fn cloud_of_port(&self, port: u16) -> Option<&CloudPool> {
        self.clouds.of_port(port)
    }

    /// The TCP ports that cloud endpoints have.
    pub fn cloud_ports(&self) -> impl Iterator<Item = u16> {
        self.clouds.ports()
    }

    /// An IP policy of this organisation, for its traffic policies; none if there is none or it cannot be read.
    pub fn ip_policy(&self, id: Id, organization: &str) -> Option<&IpPolicy> {
        let is_theirs = |p: &&IpPolicy| p.organization.is_some_and(|o| o.to_string() == organization);
        self.policies
            .get(&id)
            .map(|p| &**p)
            .filter(|p| !p.broken)
            .filter(is_theirs)
    }

    /// The certificate of an organisation's authority as PEM.
    pub fn authority(&self, id: &str, organization: &str) -> Option<&str> {
        let authority = self.authorities.get(&id.parse().ok()?)?;
        (*authority.organization == *organization).then_some(&*authority.pem)
    }

    /// How the traffic of an organisation's URL is spread; none: as it comes. Costs nothing while nobody has set anything.
    pub fn pool(&self, url: &EndpointUrl, organization: &str) -> Option<&Arc<PoolSettings>> {
        if self.pools.is_empty() {
            return None;
        }
        self.pools.get(&*pool_key(url, organization))
    }

    /// Writes how the traffic of a URL is spread.
    pub fn put_pool(&mut self, url: &EndpointUrl, organization: &str, settings: PoolSettings) {
        let key: Arc<str> = pool_key(url, organization).into();
        let settings = Arc::new(settings);
        if settings.health_check.is_some() {
            let checked = (url.clone(), organization.into(), settings.clone());
            self.checked.insert(key.clone(), Arc::new(checked));
        } else {
            self.checked.remove(&key);
        }
        self.pools.insert(key, settings);
    }

    /// Takes away how the traffic of a URL is spread.
    pub(crate) fn remove_pool(&mut self, key: &str) {
        self.pools.remove(key);
        self.checked.remove(key);
    }

    /// The URLs whose endpoints are checked, with their organisations and settings.
    pub fn checked_pools(&self) -> impl Iterator<Item = (&EndpointUrl, &str, &PoolSettings)> {
        let checked = self.checked.iter();
        checked.map(|(_, checked)| (&checked.0, &*checked.1, &*checked.2))
    }

    /// The value of an organisation's secret.
    pub fn secret(&self, organization: &str, vault: &str, name: &str) -> Option<&str> {
        if self.secrets.is_empty() {
            return None;
        }
        let value = self.secrets.get(&*secret_key(organization, vault, name))?;
        Some(value.as_str())
    }

    /// Goes up whenever an IP policy, a restriction or a guardrail changes: who passed before is asked again.
    pub fn networks_generation(&self) -> u64 {
        self.networks_generation
    }

    /// The generation in which something changed last that is about endpoints or agents of this organisation.
    pub fn networks_generation_of(&self, organization: &str) -> u64 {
        let own = self.changed.get(organization).copied().unwrap_or_default();
        own.max(self.changed_all)
    }

    /// Those of an organisation have changed; none: those of all, or of nobody knows whom.
    pub(crate) fn networks_changed(&mut self, organization: Option<&str>) {
        self.networks_generation += 1;
        // What a guardrail of the whole installation refers to is about everybody.
        let is_everybodys = |o: &&str| {
            self.installation
                .iter()
                .any(|applied| *applied.guardrail.organization == **o)
        };
        match organization.filter(|organization| !is_everybodys(organization)) {
            Some(organization) => {
                self.changed.insert(organization.into(), self.networks_generation);
            }
            None => self.changed_all = self.networks_generation,
        }
    }

    /// Credentials that are known.
    pub fn credential_count(&self) -> usize {
        self.credentials.len()
    }

    /// Writes an organisation.
    pub fn put_organization(&mut self, organization: Organization) {
        self.organizations
            .insert((&*organization.id).into(), Arc::new(organization));
    }

    /// Writes a credential.
    pub fn put_credential(&mut self, credential: Credential) {
        self.credentials.insert(credential.hash, Arc::new(credential));
    }

    /// Writes whether a user or service user is active.
    pub fn put_principal(&mut self, id: Id, standing: impl Into<Standing>) {
        self.principals.insert(*id.bytes(), standing.into());
    }

    /// Writes whether a user is an active member of an organisation.
    pub fn put_member(&mut self, organization: Id, user: Id, standing: impl Into<Standing>) {
        self.members.insert((organization, user), standing.into());
    }

    /// Writes an IP policy.
    pub fn put_policy(&mut self, id: Id, policy: IpPolicy) {
        let organization = policy.organization.map(|id| id.to_string());
        self.networks_changed(organization.as_deref());
        self.policies.insert(id, Arc::new(policy));
    }

    /// Takes an IP policy out.
    pub(crate) fn remove_policy(&mut self, id: Id) {
        let organization = self.policies.get(&id).and_then(|policy| policy.organization);
        self.networks_changed(organization.map(|id| id.to_string()).as_deref());
        self.policies.remove(&id);
    }

    /// Writes the restrictions of an organisation; none of both is none at all.
    pub fn put_restrictions(&mut self, organization: &str, restrictions: Restrictions) {
        self.networks_changed(Some(organization));
        if restrictions == Restrictions::default() {
            self.restrictions.remove(organization);
        } else {
            self.restrictions.insert(organization.into(), Arc::new(restrictions));
        }
    }

    /// Writes a reserved name; it may begin with `*.`.
    pub fn put_name(&mut self, host: &CanonicalHost, organization: &str, id: Id) {
        self.change_name(host, organization, Some(id));
    }

    /// Takes a reserved name out, if this reservation has it.
    pub(crate) fn remove_name(&mut self, host: &CanonicalHost, id: Id) {
        let wildcard = host.base_of_wildcard();
        let held = self.names.get(wildcard.unwrap_or_else(|| host.as_str()));
        let is_this = held.is_some_and(|n| (if wildcard.is_some() { n.wildcard } else { n.exact }) == Some(id));
        if is_this {
            let organization = held.map(|n| n.organization.clone()).unwrap_or_default();
            self.change_name(host, &organization, None);
        }
    }

    fn change_name(&mut self, host: &CanonicalHost, organization: &str, id: Option<Id>) {
        let wildcard = host.base_of_wildcard();
        let name = wildcard.unwrap_or_else(|| host.as_str());
        let mut entry = match self.names.get(name) {
            Some(entry) if *entry.organization == *organization => entry.as_ref().clone(),
            _ => ReservedName {
                organization: organization.into(),
                exact: None,
                wildcard: None,
            },
        };
        if wildcard.is_some() {
            entry.wildcard = id;
        } else {
            entry.exact = id;
        }
        if entry.exact.is_none() && entry.wildcard.is_none() {
            self.names.remove(name);
        } else {
            self.names.insert(name.into(), Arc::new(entry));
        }
    }

    /// Writes a reserved TCP port.
    pub fn put_port(&mut self, port: u16, organization: &str, id: Id) {
        let organization = organization.into();
        self.ports.insert(port, Arc::new(ReservedPort { organization, id }));
    }

    /// Writes a named ingress under a connect name.
    pub fn put_ingress(&mut self, host: &str, ingress: &Arc<Ingress>) {
        self.ingresses.insert(host.into(), ingress.clone());
    }

    /// Writes a cloud endpoint.
    pub fn put_cloud(&mut self, endpoint: CloudEndpoint) {
        self.clouds.insert(&Arc::new(endpoint));
    }
}
