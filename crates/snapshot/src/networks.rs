//! IP policies and restrictions (edge 6): allowed is what some allow rule has and no deny rule has.

use std::net::IpAddr;

use adit_names::cidr::CidrSet;
use adit_names::id::Id;

/// One IP policy with all its rules.
#[derive(Clone, Debug, Default)]
pub struct IpPolicy {
    /// Addresses of allow rules.
    pub allow: CidrSet,
    /// Addresses of deny rules.
    pub deny: CidrSet,
    /// The same rules one by one: traffic policies say which of them matched.
    pub ranges: adit_policy::IpPolicy,
    /// Whose it is; nobody's while only its rules are known.
    pub organization: Option<Id>,
    /// A rule cannot be read: everything is denied.
    pub broken: bool,
}

impl IpPolicy {
    /// A policy with these ranges.
    pub fn new(ranges: adit_policy::IpPolicy) -> Self {
        Self {
            allow: ranges.allow.ranges().iter().copied().collect(),
            deny: ranges.deny.ranges().iter().copied().collect(),
            ranges,
            organization: None,
            broken: false,
        }
    }
}

/// The policies that an address has to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Networks {
    /// The union of the rules of all of them.
    Policies(Box<[Id]>),
    /// No address: the restriction cannot be read.
    Nobody,
}

/// The restrictions of one organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restrictions {
    /// Addresses of agents, and the restriction that says so.
    pub agent: Option<(Id, Networks)>,
    /// Where more than one is enforced, each of them: the one that refuses is named.
    pub several: Box<[(Id, Networks)]>,
    /// Addresses of agents as above, not enforced: to be recorded only.
    pub agent_watched: Option<(Id, Networks)>,
    /// Addresses of visitors of all endpoints. What is not enforced is not here.
    pub endpoints: Option<Networks>,
}

/// What an organisation's restrictions say of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restricts {
    /// Nothing.
    No,
    /// This one is not enforced, and would keep it out.
    Would(Id),
    /// This one keeps it out.
    Yes(Id),
}

/// Whether `ip` passes the union of these policies; a policy that is not known lets nobody pass.
pub(crate) fn passes<'a>(policies: impl Iterator<Item = Option<&'a IpPolicy>>, ip: IpAddr) -> bool {
    let mut allowed = false;
    for policy in policies {
        match policy {
            Some(policy) if !policy.broken && !policy.deny.contains(ip) => allowed |= policy.allow.contains(ip),
            _ => return false,
        }
    }
    allowed
}
