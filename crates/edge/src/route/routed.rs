//! The endpoints that a name, a port or a policy leads to: of agents, of the cloud, or both where they share a URL.

use std::sync::Arc;

use adit_cluster::{MemberKey, Pool, Proto};
use adit_names::endpoint_url::{EndpointUrl, Scheme};
use adit_names::host::CanonicalHost;
use adit_snapshot::{CloudEndpoint, CloudPool};

use crate::govern::terminates_tls;

/// The weight of an agent's endpoint among cloud endpoints that share its URL.
const AGENT_WEIGHT: u64 = 100;

/// Endpoints of one URL; at least one of both is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routed {
    /// Those that agents offer.
    pub(crate) pool: Option<Arc<Pool>>,
    /// Cloud endpoints.
    pub(crate) cloud: Option<CloudPool>,
}

/// Who of them serves.
#[derive(Debug)]
pub(crate) enum Side {
    /// A member of the agents' pool.
    Agents(Arc<Pool>),
    /// This cloud endpoint.
    Cloud(Arc<CloudEndpoint>),
    /// Nobody takes anything new.
    Nobody,
}

impl Routed {
    /// Those that agents offer.
    pub(crate) fn agents(pool: Arc<Pool>) -> Self {
        Self {
            pool: Some(pool),
            cloud: None,
        }
    }

    /// What of both answers: those whose name fits better; all of them if they share a URL; what is on line where the
    /// better one is not. `None` if there is neither.
    pub(crate) fn beside(pool: Option<Arc<Pool>>, cloud: Option<CloudPool>) -> Option<Self> {
        let Some(first) = cloud.as_ref().and_then(|c| c.first()) else {
            return pool.map(Self::agents);
        };
        let pool = pool.filter(|pool| {
            let (of_cloud, of_agents) = (fit(first.url.host()), fit(pool.url().host()));
            of_agents >= of_cloud && (pool.is_online() || *pool.organization() != *first.organization)
        });
        let shares = pool.as_ref().is_none_or(|pool| pool.url().host() == first.url.host());
        Some(Self {
            cloud: cloud.filter(|_| shares),
            pool,
        })
    }

    /// Whose they are.
    pub(crate) fn organization(&self) -> &str {
        let of_cloud = || self.cloud.as_ref().and_then(|c| c.first()).map(|c| &*c.organization);
        self.pool
            .as_deref()
            .map(Pool::organization)
            .or_else(of_cloud)
            .unwrap_or_default()
    }

    /// Their URL.
    pub(crate) fn url(&self) -> &str {
        let of_cloud = || {
            self.cloud
                .as_ref()
                .and_then(|c| c.first())
                .map(|c| c.facts.url.as_str())
        };
        self.pool
            .as_deref()
            .map(Pool::url_text)
            .or_else(of_cloud)
            .unwrap_or_default()
    }

    /// The same, read.
    pub(crate) fn endpoint_url(&self) -> Option<&EndpointUrl> {
        let of_cloud = || self.cloud.as_ref().and_then(|c| c.first()).map(|c| &c.url);
        self.pool.as_deref().map(Pool::url).or_else(of_cloud)
    }

    /// Whether some of them may have a traffic policy.
    pub(crate) fn is_governed(&self) -> bool {
        self.cloud.is_some() || self.pool.as_deref().is_some_and(Pool::has_policies)
    }

    /// Whether visitors' TLS is not ended here.
    pub(crate) fn is_passthrough(&self) -> bool {
        match (&self.pool, &self.cloud) {
            (Some(pool), _) => pool.is_passthrough(),
            (None, Some(cloud)) => cloud
                .iter()
                .any(|c| c.url.scheme() == Scheme::Tls && !terminates_tls(c.policy.as_ref())),
            (None, None) => false,
        }
    }

    /// Whether what comes out of visitors' TLS is bytes and not HTTP.
    pub(crate) fn is_bytes(&self) -> bool {
        match (&self.pool, &self.cloud) {
            (Some(pool), _) => pool.members().first().is_some_and(|m| m.options.proto == Proto::Tls),
            (None, Some(cloud)) => cloud.iter().any(|c| c.url.scheme() == Scheme::Tls),
            (None, None) => false,
        }
    }

    /// Whether a policy of the cloud says how visitors' TLS is ended.
    pub(crate) fn has_tls_rules_of_cloud(&self) -> bool {
        let cloud = self.cloud.as_ref();
        cloud.is_some_and(|cloud| cloud.iter().any(|c| terminates_tls(c.policy.as_ref())))
    }

    /// Chooses by weight between the agents that take new exchanges and cloud endpoints; `random` is any number.
    pub(crate) fn side(&self, random: u64, tried: &[MemberKey]) -> Side {
        let Some(cloud) = &self.cloud else {
            return self.pool.clone().map_or(Side::Nobody, Side::Agents);
        };
        let online = self.pool.as_ref().map_or(0, |pool| pool.online(tried)) as u64;
        let of_agents = online * AGENT_WEIGHT;
        let of_cloud: u64 = cloud.iter().map(|c| u64::from(c.weight)).sum();
        let Some(mut at) = random.checked_rem(of_agents + of_cloud) else {
            return Side::Nobody;
        };
        for endpoint in cloud.iter() {
            match at.checked_sub(u64::from(endpoint.weight)) {
                None => return Side::Cloud(endpoint.clone()),
                Some(rest) => at = rest,
            }
        }
        self.pool.clone().map_or(Side::Nobody, Side::Agents)
    }
}

/// How well a name fits a host that it covers: exactly, or as a wildcard with so many bytes behind the star.
fn fit(name: &CanonicalHost) -> usize {
    name.base_of_wildcard().map_or(usize::MAX, str::len)
}

#[cfg(test)]
mod tests {
    use adit_names::endpoint_url::Binding;
    use adit_names::id::{Id, Prefix};

    use super::*;

    fn cloud(weight: u32) -> Arc<CloudEndpoint> {
        let url = EndpointUrl::from_canonical("https://a.example.com", Binding::Public).unwrap();
        let id = Id::new(Prefix::Endpoint, 1, [0; 16]);
        let mut endpoint = CloudEndpoint::new(id, "ac_1", url, None);
        endpoint.weight = weight;
        Arc::new(endpoint)
    }

    #[test]
    fn cloud_endpoints_are_chosen_by_weight_and_none_of_weight_nought() {
        let routed = |weights: &[u32]| Routed {
            pool: None,
            cloud: Some(Arc::new(weights.iter().map(|w| cloud(*w)).collect())),
        };
        let both = routed(&[0, 1, 3]);
        let chosen = |random| match both.side(random, &[]) {
            Side::Cloud(endpoint) => endpoint.weight,
            other => panic!("{other:?}"),
        };
        assert_eq!([0, 1, 2, 3, 4].map(chosen), [1, 3, 3, 3, 1]);
        assert!(matches!(routed(&[0]).side(7, &[]), Side::Nobody));
    }
}
