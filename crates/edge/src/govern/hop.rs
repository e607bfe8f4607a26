//! One endpoint on the way: its policy, and what the policy sees of it.

use std::sync::Arc;

use adit_cluster::{Member, Pool};
use adit_names::endpoint_url::EndpointUrl;
use adit_policy::{Endpoint as Facts, Policy};
use adit_snapshot::{CloudEndpoint, EdgeConfig};

/// An endpoint whose member was chosen.
#[derive(Clone, Debug)]
pub(crate) enum Hop {
    /// An agent's.
    Agent(Arc<Member>, Arc<Pool>),
    /// A cloud endpoint.
    Cloud(Arc<CloudEndpoint>),
}

impl Hop {
    /// A member of an agents' pool.
    pub(crate) fn agent(member: &Arc<Member>, pool: &Arc<Pool>, config: &EdgeConfig) -> Self {
        // Made with the name that the organisation has now.
        member.facts(pool.url(), || {
            let organization = config.told.organization(pool.organization());
            organization.map_or("", |o| &o.name)
        });
        Self::Agent(member.clone(), pool.clone())
    }

    /// Its own policy.
    pub(crate) fn policy(&self) -> Option<&Arc<Policy>> {
        match self {
            Self::Agent(member, _) => member.options.policy.as_ref().map(|p| &p.policy),
            Self::Cloud(endpoint) => endpoint.policy.as_ref(),
        }
    }

    pub(crate) fn facts(&self) -> &Facts {
        match self {
            Self::Agent(member, pool) => member.facts(pool.url(), || ""),
            Self::Cloud(endpoint) => &endpoint.facts,
        }
    }

    /// Its URL.
    pub(super) fn url(&self) -> &EndpointUrl {
        match self {
            Self::Agent(_, pool) => pool.url(),
            Self::Cloud(endpoint) => &endpoint.url,
        }
    }

    /// Whose it is.
    pub(super) fn organization(&self) -> &str {
        match self {
            Self::Agent(_, pool) => pool.organization(),
            Self::Cloud(endpoint) => &endpoint.organization,
        }
    }

    /// Whether what no rule ends has nowhere to go.
    pub(crate) fn is_cloud(&self) -> bool {
        matches!(self, Self::Cloud(_))
    }

    /// A cloud endpoint whose policy cannot be run.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.is_cloud() && self.policy().is_none()
    }
}
