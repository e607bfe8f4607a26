//! Named agent ingresses (edge 5): connect names of organisations.

use adit_names::id::Id;

use crate::agent_version::LowestVersions;

/// A connect name of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// Identifier (`agin_…`).
    pub id: Id,
    /// Whose agents may log in here.
    pub organization: Box<str>,
    /// Credentials and owners that may log in here; none: all of the organisation.
    pub allowed: Box<[Id]>,
    /// The organisation's agents may log in only here and at its other ingresses.
    pub exclusive: bool,
    /// IP policies that the agent's address has to pass; none: every address may.
    pub ip_policies: Box<[Id]>,
    /// Lowest versions of agents that log in here.
    pub lowest_versions: LowestVersions,
}
