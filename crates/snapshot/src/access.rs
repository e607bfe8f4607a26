//! Who may start agents: authtokens as the edge knows them, by hash only, and those they belong to.

use std::fmt;
use std::time::SystemTime;

use adit_names::acl::Acl;
use adit_names::id::Id;

use crate::agent_version::LowestVersions;

/// Length of a token's hash in bytes (SHA-256).
pub const HASH_LEN: usize = 32;

/// The form under which an authtoken is looked up: its SHA-256.
///
/// Tokens carry at least 160 random bits, so a fast hash suffices; a look-up by the hash of what was
/// presented reveals nothing about the stored tokens by its time.
pub type TokenHash = [u8; HASH_LEN];

/// A credential of agents: what an authtoken stands for.
#[derive(Clone)]
pub struct Credential {
    /// Identifier (`cr_…`).
    pub id: String,
    /// The organisation it belongs to (`ac_…`).
    pub organization: String,
    /// Whose it is; nobody in particular if none.
    pub owner: Option<Id>,
    /// SHA-256 of the secret half of a token `FIRST_SECOND`, whose other half is that of the id; of the whole token
    /// if it was imported.
    pub hash: TokenHash,
    /// The token was made elsewhere and may have any form.
    pub imported: bool,
    /// What it may bind.
    pub binds: Binds,
    /// Set when it was revoked or disabled, or when it cannot be read: logins are refused with `ERR_NGROK_300`.
    pub revoked: bool,
    /// From when on it counts as revoked.
    pub expires: Option<SystemTime>,
    /// IP policies that the agent's address has to pass; none: every address may.
    pub ip_policies: Box<[Id]>,
    /// Agent ingresses that it may log in through; none: every one that its organisation may use.
    pub ingresses: Box<[Id]>,
    /// Most sessions of agents that use it at the same time.
    pub max_sessions: Option<u64>,
    /// Most endpoints of all these sessions.
    pub max_endpoints: Option<u64>,
    /// Its endpoints must bring a traffic policy.
    pub policy_required: bool,
}

impl Credential {
    /// A credential without rules, of nobody in particular.
    pub fn new(id: &str, organization: &str, hash: TokenHash) -> Self {
        Self {
            id: id.to_owned(),
            organization: organization.to_owned(),
            owner: None,
            hash,
            imported: false,
            binds: Binds::Acl(Acl::default()),
            revoked: false,
            expires: None,
            ip_policies: Box::default(),
            ingresses: Box::default(),
            max_sessions: None,
            max_endpoints: None,
            policy_required: false,
        }
    }

    /// Whether it may be used at this time, as far as it goes by itself.
    pub fn is_valid(&self, now: SystemTime) -> bool {
        !self.revoked && self.expires.is_none_or(|at| now < at)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("id", &self.id)
            .field("organization", &self.organization)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

/// What a credential may bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binds {
    /// What these rules allow; without rules: everything.
    Acl(Acl),
    /// Nothing: its rules cannot be read.
    Nothing,
}

/// An organisation, as far as the edge has to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Identifier (`ac_…`).
    pub id: Box<str>,
    /// Shown to agents as the account's name.
    pub name: Box<str>,
    /// Its agents may not log in and its endpoints do not answer.
    pub suspended: bool,
    /// What it has set for its agents.
    pub settings: OrganizationSettings,
}

impl Organization {
    /// One that has set nothing.
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            suspended: false,
            settings: OrganizationSettings::default(),
        }
    }
}

/// What an organisation has set for its agents (control plane 3.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationSettings {
    /// Who may only view may not start endpoints either.
    pub viewers_may_not_connect: bool,
    /// Agents log in only through named ingresses.
    pub require_ingress: bool,
    /// Public endpoints have only reserved names and ports.
    pub reserved_names_only: bool,
    /// Endpoints that do not say share their URL.
    pub pooling_default: bool,
    /// Lowest versions of its agents.
    pub lowest_versions: LowestVersions,
    /// Most sessions at the same time.
    pub max_sessions: Option<u64>,
    /// Most endpoints of one session.
    pub max_endpoints_per_session: Option<u64>,
    /// Guardrails that stand around every endpoint, whatever their own scope.
    pub default_guardrails: Box<[Id]>,
}

/// Who belongs to an organisation, or is a service user of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// It is in force.
    pub active: bool,
    /// All that it may is to view.
    pub only_views: bool,
}

impl From<bool> for Standing {
    /// Active or not, with more rights than to view.
    fn from(active: bool) -> Self {
        Self {
            active,
            only_views: false,
        }
    }
}
